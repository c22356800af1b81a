//! The traces that a sweep leaves: its time, and the notices by which uploaders learn about the environments.
//!
//! Both are compared first, so that most sweeps write nothing. A notice that is a quarter of an hour old is written anew,
//! so that an uploader can tell whether a sweep still stands behind it.

use std::collections::BTreeMap;

use deployer_core::doctor::SWEEP_NOTE_INTERVAL;
use deployer_core::environment_notice::EnvironmentNotice;
use deployer_core::format::{self, LedgerObject as _, Unusable};
use deployer_core::id::EnvironmentName;
use deployer_core::ledger_keys;
use futures::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Engine;
use crate::port::{LedgerError, Precondition};
use crate::timer::between;

/// The last sweep, as the ledger has it.
#[derive(Serialize)]
struct LastSweep {
    schema: u32,
    /// Its time.
    at: Timestamp,
    /// The notices that are written, without their times. Those of removed environments stay, so that they are renewed.
    notices: BTreeMap<EnvironmentName, EnvironmentNotice>,
}

/// The parts of the note, each of which is read on its own: a deployer of another version may have written it.
#[derive(Deserialize)]
struct NoteParts {
    #[serde(default)]
    at: Value,
    #[serde(default)]
    notices: Value,
}

/// Reads the time of the last sweep, whatever else the note says.
pub(crate) fn time_of_note(note: &[u8]) -> Option<Timestamp> {
    let NoteParts { at, .. } = serde_json::from_slice(note).ok()?;
    Timestamp::deserialize(at).ok()
}

/// Reads the notices that are written. One that this deployer does not understand is left out, and then read itself.
fn notices_of_note(note: &[u8]) -> BTreeMap<EnvironmentName, EnvironmentNotice> {
    let notices = serde_json::from_slice(note).map(|NoteParts { notices, .. }| notices).unwrap_or_default();
    let notices = notices.as_object().into_iter().flatten();
    let understood = notices.filter_map(|(name, notice)| {
        Some((EnvironmentName::parse(name).ok()?, EnvironmentNotice::deserialize(notice).ok()?))
    });
    understood.collect()
}

/// Writes the sweep's time into the ledger, if the last one there is some minutes old, and the environments' notices
/// then, or as soon as deployer.json has changed. A failure harms nothing else.
pub(super) async fn leave_note(engine: &Engine) {
    let noted: Result<(), LedgerError> = async {
        let key = ledger_keys::last_sweep();
        let found = engine.ports.ledger.get(&key).await?.object;
        let last = found.as_ref().and_then(|(body, _)| time_of_note(body));
        let before = found.as_ref().map(|(body, _)| notices_of_note(body)).unwrap_or_default();
        let mut wanted = EnvironmentNotice::all(&engine.config);
        for name in before.keys() {
            wanted.entry(name.clone()).or_insert_with(|| EnvironmentNotice::of_removed(name));
        }
        let is_fresh = |last: Timestamp| between(last, engine.now()) < SWEEP_NOTE_INTERVAL && last <= engine.now();
        if last.is_some_and(is_fresh) && before == wanted {
            return Ok(());
        }
        let notices = write_notices(engine, before, wanted).await;
        let precondition = found.map_or(Precondition::Absent, |(_, etag)| Precondition::Unchanged(etag));
        let body = serde_json::json!(LastSweep { schema: 1, at: engine.now(), notices }).to_string().into_bytes();
        engine.ports.ledger.put(&key, body, precondition).await.map(drop)
    }
    .await;
    noted.unwrap_or_else(|error| tracing::warn!("the sweep could not leave its time: {error}"));
}

/// Writes the notices that differ from the wanted ones or are no longer recent. Returns the notices that are written; the
/// next sweep tries the others again.
async fn write_notices(
    engine: &Engine,
    before: BTreeMap<EnvironmentName, EnvironmentNotice>,
    wanted: BTreeMap<EnvironmentName, EnvironmentNotice>,
) -> BTreeMap<EnvironmentName, EnvironmentNotice> {
    let written = wanted.into_iter().map(|(name, notice)| {
        // Only the note still knows a removed environment, so it keeps what was written of it before.
        let before = before.get(&name).filter(|_| notice.removed).cloned();
        async move {
            let written = if write_notice(engine, &notice).await { Some(notice) } else { before };
            written.map(|notice| (name, notice))
        }
    });
    join_all(written.collect::<Vec<_>>()).await.into_iter().flatten().collect()
}

/// Writes a notice unless it is there already and recent, and returns whether it is there. A damaged one is written
/// anew; one of a newer deployer is left alone.
async fn write_notice(engine: &Engine, notice: &EnvironmentNotice) -> bool {
    let key = ledger_keys::environment_notice(&notice.environment);
    let written = async {
        let found = engine.ports.ledger.get(&key).await?.object;
        match found.as_ref().map(|(body, _)| format::read::<EnvironmentNotice>(body)) {
            Some(Ok(found)) if found.says_the_same(notice) && found.is_recent(engine.now()) => return Ok(true),
            Some(Err(Unusable::Newer(_) | Unusable::Schema(_) | Unusable::NotUnderstood)) => return Ok(true),
            _ => {}
        }
        let seen = found.map(|(_, etag)| etag);
        let written = notice.written_at(engine.now());
        Ok::<_, LedgerError>(engine.store().put(&key, &written, &written.as_read(), seen).await?.is_some())
    };
    written.await.unwrap_or_else(|error| {
        tracing::warn!(key, "uploaders may not learn about the environment: {error}");
        false
    })
}
