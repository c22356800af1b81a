//! The sweep tells uploaders why their uploads have not ended: it writes `progress.json` beside the results of a function.

use deployer_core::format::{self, LedgerObject as _, Unusable};
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::Head;
use deployer_core::ledger_keys;
use deployer_core::upload_progress::UploadProgress;

use crate::Engine;
use crate::port::LedgerError;

/// Writes which uploads are open for longer than half a minute, and why. A failure harms nothing else, and an object of a
/// newer deployer is left alone.
pub(super) async fn tell_progress(engine: &Engine, at: &FunctionRef<'_>, head: &Head) {
    let Some(progress) = UploadProgress::of(&at.clone().or_as_recorded(head), head, engine.now()) else { return };
    let key = ledger_keys::upload_progress(&at.name, &at.function);
    let written: Result<(), LedgerError> = async {
        let found = engine.ports.ledger.get(&key).await?.object;
        let read = found.as_ref().map(|(body, _)| format::read::<UploadProgress>(body));
        if let Some(Err(Unusable::Newer(_) | Unusable::Schema(_) | Unusable::NotUnderstood)) = read {
            return Ok(());
        }
        let seen = found.map(|(_, etag)| etag);
        // If another sweep was first, that one has told the same.
        engine.store().put(&key, &progress, &progress.as_read(), seen).await.map(drop)
    }
    .await;
    written.unwrap_or_else(|error| tracing::warn!(key, "uploaders may not learn why their uploads wait: {error}"));
}
