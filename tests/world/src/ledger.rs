//! The ledger bucket: objects whose ETag changes with every write, and conditional writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use deployer_engine::port::{ETag, Ledger, LedgerError, Precondition, Reading, Written};
use jiff::Timestamp;

use super::call::{CallContext, Connection, Op};
use super::journal::{Action, JournalEntry};
use super::state::State;

/// The objects of the ledger.
#[derive(Default)]
pub struct Objects {
    objects: BTreeMap<String, (Vec<u8>, u64)>,
    writes: u64,
    /// True if the bucket is unavailable.
    pub unavailable: bool,
}

impl Objects {
    /// Returns an object's bytes.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.objects.get(key).map(|(body, _)| body.as_slice())
    }

    /// Returns the keys with this prefix, in order.
    pub fn keys(&self, prefix: &str) -> impl Iterator<Item = &str> {
        self.objects.keys().map(String::as_str).filter(move |key| key.starts_with(prefix))
    }

    /// Puts an object there unconditionally, as somebody else.
    pub fn put(&mut self, key: &str, body: impl Into<Vec<u8>>) {
        self.writes += 1;
        self.objects.insert(key.to_owned(), (body.into(), self.writes));
    }

    /// Deletes an object, as somebody else.
    pub fn delete(&mut self, key: &str) {
        self.objects.remove(key).unwrap();
    }

    /// Returns every object with its ETag.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &[u8], u64)> {
        self.objects.iter().map(|(key, (body, etag))| (key.as_str(), body.as_slice(), *etag))
    }

    fn reach(&self, doing: &str, key: &str) -> Result<(), LedgerError> {
        if self.unavailable {
            return Err(LedgerError(format!("{doing} s3://acme-deployer-ledger/{key}: ServiceUnavailable: slow down")));
        }
        Ok(())
    }
}

fn etag(write: u64) -> ETag {
    ETag(format!("\"e{write}\""))
}

/// The port of one invocation.
pub(super) struct LedgerPort(pub Arc<Connection>);

#[async_trait]
impl Ledger for LedgerPort {
    async fn get(&self, key: &str) -> Result<Reading, LedgerError> {
        self.0
            .call(Op::ReadLedger, "ledger", key, |state, here| {
                state.ledger.reach("reading", key)?;
                if is_decided_on(key) {
                    note(state, here, key, Action::Read);
                }
                let object = state.ledger.objects.get(key).map(|(body, write)| (body.clone(), etag(*write)));
                // The date is the ledger's own, whatever the deployer's clock shows, and in whole seconds as in HTTP.
                Ok(Reading { object, date: Timestamp::from_second(here.now.as_second()).ok() })
            })
            .await
    }

    async fn put(&self, key: &str, body: Vec<u8>, precondition: Precondition) -> Result<Written, LedgerError> {
        self.0
            .call(Op::WriteLedger, "ledger", key, |state, here| {
                state.ledger.reach("writing", key)?;
                let found = state.ledger.objects.get(key).map(|(_, write)| etag(*write));
                let holds = match &precondition {
                    Precondition::Absent => found.is_none(),
                    Precondition::Unchanged(expected) => found.as_ref() == Some(expected),
                };
                if !holds {
                    return Ok(Written::Lost);
                }
                state.ledger.put(key, body.clone());
                note(state, here, key, Action::Wrote(is_decided_on(key).then(|| body.clone())));
                Ok(Written::Now(etag(state.ledger.writes)))
            })
            .await
    }

    async fn delete(&self, key: &str) -> Result<(), LedgerError> {
        self.0
            .call(Op::DeleteLedger, "ledger", key, |state, here| {
                state.ledger.reach("deleting", key)?;
                state.ledger.objects.remove(key);
                note(state, here, key, Action::Erased);
                Ok(())
            })
            .await
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, LedgerError> {
        self.0
            .call(Op::ListLedger, "ledger", prefix, |state, _| {
                state.ledger.reach("listing", prefix)?;
                Ok(state.ledger.keys(prefix).map(str::to_owned).collect())
            })
            .await
    }
}

/// Whether decisions depend on the object: a head, rejects or a group.
fn is_decided_on(key: &str) -> bool {
    ["heads/", "rejects/", "groups/"].iter().any(|prefix| key.starts_with(prefix))
}

fn note(state: &mut State, here: &CallContext, key: &str, action: Action) {
    let is_trace = ["open/", "sweeps/"].iter().any(|prefix| key.starts_with(prefix));
    if !is_trace && !["/environment.json", "/progress.json"].iter().any(|name| key.ends_with(name)) {
        let (by, place) = (Some(here.invocation), "ledger".to_owned());
        state.journal.push(JournalEntry {
            at: here.now,
            by,
            place,
            object: key.to_owned(),
            action,
            late: here.late,
            call: Some(here.call),
        });
    }
}
