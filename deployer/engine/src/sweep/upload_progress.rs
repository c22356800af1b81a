//! Why uploads have not ended, for those who wait for them: the sweep writes `progress.json` beside the results of a
//! function.

use std::time::Duration;

use deployer_core::format::{self, LedgerObject as _, Unusable};
use deployer_core::upload_progress::UploadProgress;
use futures::stream::{self, StreamExt as _};

use super::SWEPT_AT_ONCE;
use crate::Engine;
use crate::port::LedgerError;

/// The time within which all of them are written. The next sweep writes what is left.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

/// Writes each of these objects under its key. A sweep does this last, and a failure harms nothing else.
pub(super) async fn write_upload_progress(engine: &Engine, progress: Vec<(String, UploadProgress)>) {
    if progress.is_empty() {
        return;
    }
    let writes = stream::iter(progress).for_each_concurrent(SWEPT_AT_ONCE, |(key, progress)| async move {
        if let Err(error) = write(engine, &key, &progress).await {
            tracing::warn!(key, "uploaders may not learn why their uploads wait: {error}");
        }
    });
    tokio::select! {
        biased;
        () = writes => {}
        () = engine.ports.clock.sleep(WRITTEN_WITHIN) => {
            tracing::warn!("uploaders may not learn why their uploads wait: the ledger is slow");
        }
    }
}

/// Writes one object. One of a newer deployer is left alone.
async fn write(engine: &Engine, key: &str, progress: &UploadProgress) -> Result<(), LedgerError> {
    let found = engine.ports.ledger.get(key).await?.object;
    let read = found.as_ref().map(|(body, _)| format::read::<UploadProgress>(body));
    if let Some(Err(Unusable::Newer(_) | Unusable::Schema(_) | Unusable::NotUnderstood)) = read {
        return Ok(());
    }
    let seen = found.map(|(_, etag)| etag);
    // If another sweep was first, that one has written the same.
    engine.store().put(key, progress, &progress.as_read(), seen).await.map(drop)
}
