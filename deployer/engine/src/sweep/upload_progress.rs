//! Why uploads have not ended, for those who wait for them: the sweep writes `progress.json` beside the results of a
//! function.

use std::time::Duration;

use deployer_core::format::{self, LedgerObject as _, Unusable};
use deployer_core::function_ref::FunctionRef;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::ledger_keys;
use deployer_core::upload_progress::UploadProgress;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::SWEPT_AT_ONCE;
use crate::Engine;
use crate::port::{ETag, LedgerError};

/// The time within which the objects of before are read.
const READ_WITHIN: Duration = Duration::from_secs(3);
/// The time within which the new ones are written.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

/// The object of a function as the last sweep has left it.
struct Found<'e> {
    at: FunctionRef<'e>,
    key: String,
    etag: Option<ETag>,
    /// The time at which it was written; none where there is none that can be read.
    written_at: Option<Timestamp>,
}

/// Writes the objects of these functions, whose uploads were open when the sweep looked at them, the oldest first. Each sweep
/// begins to read at another function, so that those which one does not reach in time are reached by the next ones. A sweep
/// does this last, and a failure harms nothing else.
pub(super) async fn write_upload_progress(engine: &Engine, mut functions: Vec<(EnvironmentName, FunctionName)>) {
    if functions.is_empty() {
        return;
    }
    let all = functions.len();
    functions.sort_unstable();
    functions.rotate_left(UploadProgress::first_of(all, engine.now()));
    let reads = stream::iter(&functions).map(|(name, function)| read(engine, name, function));
    let reads = reads.buffer_unordered(SWEPT_AT_ONCE).take_until(engine.ports.clock.sleep(READ_WITHIN));
    let reads: Vec<Option<Found<'_>>> = reads.collect().await;
    let are_all_read = reads.len() == all;
    let mut found: Vec<Found<'_>> = reads.into_iter().flatten().collect();
    found.sort_by_key(|found| found.written_at);
    let writes = stream::iter(found).for_each_concurrent(SWEPT_AT_ONCE, |found| async move {
        if let Err(error) = write(engine, &found).await {
            tracing::warn!(key = found.key, "uploaders may not learn why their uploads wait: {error}");
        }
    });
    let are_all_written = tokio::select! {
        biased;
        () = writes => true,
        () = engine.ports.clock.sleep(WRITTEN_WITHIN) => false,
    };
    if !are_all_read || !are_all_written {
        tracing::warn!("uploaders may not learn why their uploads wait: the ledger is slow");
    }
}

/// Reads the object of a function. None: a newer deployer's is left alone, and so is one that cannot be read.
async fn read<'e>(engine: &'e Engine, name: &EnvironmentName, function: &FunctionName) -> Option<Found<'e>> {
    let at = FunctionRef::find(&engine.config, name, function).ok()?;
    let key = ledger_keys::upload_progress(name, function);
    let object = match engine.ports.ledger.get(&key).await {
        Ok(read) => read.object,
        Err(error) => {
            tracing::warn!(key, "uploaders may not learn why their uploads wait: {error}");
            return None;
        }
    };
    let written_at = match object.as_ref().map(|(body, _)| format::read::<UploadProgress>(body)) {
        Some(Err(Unusable::Newer(_) | Unusable::Schema(_) | Unusable::NotUnderstood)) => return None,
        Some(Ok(last)) => Some(last.at),
        Some(Err(_)) | None => None,
    };
    Some(Found { at, key, etag: object.map(|(_, etag)| etag), written_at })
}

/// Writes the object of a function whose uploads are still open now. Another sweep may have written a later one.
async fn write(engine: &Engine, found: &Found<'_>) -> Result<(), LedgerError> {
    let head = engine.store().head(&found.at).await?.head;
    let at = found.at.clone().or_as_recorded(&head);
    let Some(progress) = UploadProgress::of(&at, &head, engine.now()) else { return Ok(()) };
    if found.written_at.is_some_and(|written_at| written_at >= progress.at) {
        return Ok(());
    }
    // If another sweep has written the object since it was read, that one has told of the same seconds.
    engine.store().put(&found.key, &progress, &progress.as_read(), found.etag.clone()).await.map(drop)
}
