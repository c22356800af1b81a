//! The objects of the ledger: how heads and records are read and written, and what to say of a broken one.
//!
//! Must not know: when, or what follows from it.

use std::time::Duration;

use deployer_core::destination::Destination;
use deployer_core::head::{Head, Request};
use deployer_core::id::FunctionName;
use deployer_core::record::{DeploymentRecord, SCHEMA, Status};
use deployer_core::rejects::Rejects;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Engine;
use crate::port::{ETag, LedgerError, Precondition, Written};

/// A head and the state it was read in; no state where the function has none yet.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub head: Head,
    pub etag: Option<ETag>,
}

impl Engine {
    pub(super) async fn read_head(&self, at: &Destination<'_>) -> Result<Seen, LedgerError> {
        let key = Head::key(&at.name, &at.function);
        let Some((body, etag)) = self.ports.ledger.get(&key).await? else {
            return Ok(Seen { head: Head::default(), etag: None });
        };
        let head: Head = decode(&key, &body)?;
        head.check_schema().map_err(|found| foreign_schema(&key, found))?;
        Ok(Seen { head, etag: Some(etag) })
    }

    /// Writes a head over the one that was seen. `None`: somebody else was first.
    pub(super) async fn write_head(
        &self,
        at: &Destination<'_>,
        over: Option<ETag>,
        head: Head,
    ) -> Result<Option<Seen>, LedgerError> {
        let key = Head::key(&at.name, &at.function);
        let precondition = over.map_or(Precondition::Absent, Precondition::Unchanged);
        let written = self.ports.ledger.put(&key, encode(&key, &head)?, precondition).await?;
        Ok(match written {
            Written::Now(etag) => Some(Seen { head, etag: Some(etag) }),
            Written::Lost => None,
        })
    }

    /// The rejected releases of a function, and the state that they were read in.
    pub(super) async fn read_rejects(&self, function: &FunctionName) -> Result<(Rejects, Option<ETag>), LedgerError> {
        let key = Rejects::key(function);
        let Some((body, etag)) = self.ports.ledger.get(&key).await? else { return Ok((Rejects::default(), None)) };
        let rejects: Rejects = decode(&key, &body)?;
        rejects.check_schema().map_err(|found| foreign_schema(&key, found))?;
        Ok((rejects, Some(etag)))
    }

    /// Writes the rejected releases over those that were seen, and tells whether nobody was faster.
    pub(super) async fn write_rejects(
        &self,
        function: &FunctionName,
        over: Option<ETag>,
        rejects: &Rejects,
    ) -> Result<bool, LedgerError> {
        let key = Rejects::key(function);
        let precondition = over.map_or(Precondition::Absent, Precondition::Unchanged);
        Ok(self.ports.ledger.put(&key, encode(&key, rejects)?, precondition).await? != Written::Lost)
    }

    /// Any other object of the ledger, and the state that it was read in.
    pub(super) async fn read_object<T: DeserializeOwned>(&self, key: &str) -> Result<Option<(T, ETag)>, LedgerError> {
        let Some((body, etag)) = self.ports.ledger.get(key).await? else { return Ok(None) };
        Ok(Some((decode(key, &body)?, etag)))
    }

    /// Writes any other object over the state that was seen, and tells whether nobody was faster.
    pub(super) async fn write_object<T: Serialize>(
        &self,
        key: &str,
        object: &T,
        over: Option<ETag>,
    ) -> Result<bool, LedgerError> {
        let precondition = over.map_or(Precondition::Absent, Precondition::Unchanged);
        Ok(self.ports.ledger.put(key, encode(key, object)?, precondition).await? != Written::Lost)
    }

    /// Waits a random while before the head is read and decided on again.
    pub(super) async fn after_a_lost_race(&self, attempt: u32) {
        let most = (self.patience.first_wait.saturating_mul(1_u32 << attempt.min(4))).as_millis().max(1);
        let wait = u64::try_from(self.ports.chance.draw() % most).unwrap_or_default();
        self.ports.clock.sleep(Duration::from_millis(wait)).await;
    }

    /// A record as the ledger has it.
    pub(super) async fn read_record(&self, key: &str) -> Result<Option<(DeploymentRecord, ETag)>, LedgerError> {
        let Some((body, etag)) = self.ports.ledger.get(key).await? else { return Ok(None) };
        let record: DeploymentRecord = decode(key, &body)?;
        if record.schema == SCHEMA { Ok(Some((record, etag))) } else { Err(foreign_schema(key, record.schema)) }
    }

    /// Writes a record, over the one in this state if there is one. An ended record is never changed: then there is no
    /// new state.
    pub(super) async fn write_record(
        &self,
        record: &DeploymentRecord,
        over: Option<ETag>,
    ) -> Result<Option<ETag>, LedgerError> {
        let key = DeploymentRecord::key(&record.environment, &record.function, record.id);
        let body = encode(&key, record)?;
        let mut precondition = over.map_or(Precondition::Absent, Precondition::Unchanged);
        for _ in 0..RACES {
            if let Written::Now(etag) = self.ports.ledger.put(&key, body.clone(), precondition).await? {
                return Ok(Some(etag));
            }
            precondition = match self.read_record(&key).await? {
                Some((stored, _)) if stored.status.is_ended() => return Ok(None),
                // Somebody was faster than us, and works on it by now.
                Some((stored, etag)) if stored.status == Status::InProgress && record.status == Status::Pending => {
                    return Ok(Some(etag));
                }
                Some((stored, etag)) if stored == *record => return Ok(Some(etag)),
                Some((_, etag)) => Precondition::Unchanged(etag),
                None => Precondition::Absent,
            };
        }
        Err(LedgerError(format!("{key} kept changing while it was written")))
    }

    /// The ended record once more, where CI waits for it. Writing it twice is writing it once.
    pub(super) async fn write_result(&self, record: &DeploymentRecord) -> Result<(), LedgerError> {
        let Some(key) = record.result_key() else { return Ok(()) };
        self.ports.ledger.put(&key, encode(&key, record)?, Precondition::Absent).await.map(drop)
    }

    /// Lets the sweep find what is about to be opened.
    pub(super) async fn mark_open(&self, at: &Destination<'_>, request: &Request) -> Result<(), LedgerError> {
        let key = Head::marker_key(&at.name, &at.function, request.marker);
        // Nobody else has drawn this key: what is there already is our own.
        self.ports.ledger.put(&key, request.id.to_string().into_bytes(), Precondition::Absent).await.map(drop)
    }
}

/// How often a write that lost a race is decided on again.
pub(super) const RACES: u32 = 12;

/// A ledger object as JSON.
fn encode<T: Serialize>(key: &str, object: &T) -> Result<Vec<u8>, LedgerError> {
    serde_json::to_vec_pretty(object).map_err(|error| LedgerError(format!("{key} as JSON: {error}")))
}

/// A ledger object that is not JSON of our schema stops its function, and says so. The schema is looked at first, for
/// another one may have any shape.
fn decode<T: DeserializeOwned>(key: &str, body: &[u8]) -> Result<T, LedgerError> {
    let broken = |error: serde_json::Error| {
        LedgerError(format!(
            "{key} in the ledger bucket cannot be read ({error}): restore its former S3 version (aws s3api \
             list-object-versions, get-object with its version id, then put-object with --if-match)"
        ))
    };
    let value: serde_json::Value = serde_json::from_slice(body).map_err(broken)?;
    match value.get("schema").map(|schema| schema.as_u64()) {
        Some(Some(found)) if found != u64::from(SCHEMA) => {
            Err(foreign_schema(key, u32::try_from(found).unwrap_or(u32::MAX)))
        }
        _ => serde_json::from_value(value).map_err(broken),
    }
}

fn foreign_schema(key: &str, found: u32) -> LedgerError {
    LedgerError(format!(
        "{key} in the ledger bucket has schema {found}, this deployer knows {SCHEMA}: run the deployer that wrote it, or \
         a newer one"
    ))
}
