//! The objects of the ledger: how heads and records are read and written, and what to say of a broken one.
//!
//! Must not know: when, or what follows from it.

use std::time::Duration;

use deployer_core::as_read::AsRead;
use deployer_core::destination::FunctionRef;
use deployer_core::format::{self, LedgerObject, Unusable};
use deployer_core::head::{Head, Request};
use deployer_core::id::FunctionName;
use deployer_core::record::{DeploymentRecord, SCHEMA, Status};
use deployer_core::rejects::Rejects;
use jiff::Timestamp;

use super::Engine;
use crate::port::{ETag, LedgerError, Precondition, Reading, Written};

/// A head and the state it was read in; no state where the function has none yet.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub head: Head,
    pub etag: Option<ETag>,
    /// The second that the ledger's clock showed when it was read; none where that is not known.
    pub date: Option<Timestamp>,
}

impl Engine {
    pub(super) async fn read_head(&self, at: &FunctionRef<'_>) -> Result<Seen, LedgerError> {
        let key = Head::key(&at.name, &at.function);
        let Reading { object, date } = self.ports.ledger.get(&key).await?;
        let Some((body, etag)) = object else { return Ok(Seen { head: Head::default(), etag: None, date }) };
        let head = self.recovered(at, decode(&key, &body)?).await?;
        Ok(Seen { head, etag: Some(etag), date })
    }

    /// A head of before may not tell what was last rolled out: a record does.
    async fn recovered(&self, at: &FunctionRef<'_>, head: Head) -> Result<Head, LedgerError> {
        let Some(id) = head.missing_live() else { return Ok(head) };
        let told = head.outbox().iter().map(|entry| &entry.record).find(|record| record.id == id).cloned();
        let record = match told {
            Some(record) => Some(record),
            None => {
                self.read_record(&DeploymentRecord::key(&at.name, &at.function, id)).await?.map(|(record, _)| record)
            }
        };
        Ok(head.with_recovered_live(record.as_ref()))
    }

    /// Writes a head over the one that was seen. `None`: somebody else was first.
    pub(super) async fn write_head(
        &self,
        at: &FunctionRef<'_>,
        over: Option<ETag>,
        head: Head,
    ) -> Result<Option<Seen>, LedgerError> {
        let key = Head::key(&at.name, &at.function);
        let precondition = over.map_or(Precondition::Absent, Precondition::Unchanged);
        let written = self.ports.ledger.put(&key, encode(&key, &head, &head.as_read())?, precondition).await?;
        Ok(match written {
            Written::Now(etag) => Some(Seen { head, etag: Some(etag), date: None }),
            Written::Lost => None,
        })
    }

    /// The rejected releases of a function, and the state that they were read in.
    pub(super) async fn read_rejects(&self, function: &FunctionName) -> Result<(Rejects, Option<ETag>), LedgerError> {
        let key = Rejects::key(function);
        let Some((body, etag)) = self.ports.ledger.get(&key).await?.object else {
            return Ok((Rejects::default(), None));
        };
        Ok((decode(&key, &body)?, Some(etag)))
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
        Ok(self.ports.ledger.put(&key, encode(&key, rejects, &rejects.as_read())?, precondition).await?
            != Written::Lost)
    }

    /// Any other object of the ledger, and the state that it was read in.
    pub(super) async fn read_object<T: LedgerObject>(&self, key: &str) -> Result<Option<(T, ETag)>, LedgerError> {
        let Some((body, etag)) = self.ports.ledger.get(key).await?.object else { return Ok(None) };
        Ok(Some((decode(key, &body)?, etag)))
    }

    /// Writes any other object over the state that was seen, and tells whether nobody was faster.
    pub(super) async fn write_object<T: LedgerObject>(
        &self,
        key: &str,
        object: &T,
        over: Option<ETag>,
    ) -> Result<bool, LedgerError> {
        let precondition = over.map_or(Precondition::Absent, Precondition::Unchanged);
        Ok(self.ports.ledger.put(key, encode(key, object, &object.as_read())?, precondition).await? != Written::Lost)
    }

    /// Waits a random while before the head is read and decided on again.
    pub(super) async fn after_a_lost_race(&self, attempt: u32) {
        let most = (self.patience.first_wait.saturating_mul(1_u32 << attempt.min(4))).as_millis().max(1);
        let wait = u64::try_from(self.ports.chance.draw() % most).unwrap_or_default();
        self.ports.clock.sleep(Duration::from_millis(wait)).await;
    }

    /// A record as the ledger has it.
    pub(super) async fn read_record(&self, key: &str) -> Result<Option<(DeploymentRecord, ETag)>, LedgerError> {
        let Some((body, etag)) = self.ports.ledger.get(key).await?.object else { return Ok(None) };
        Ok(Some((decode(key, &body)?, etag)))
    }

    /// Writes a record, over the one in this state if there is one. An ended record is never changed: then there is no
    /// new state.
    pub(super) async fn write_record(
        &self,
        record: &DeploymentRecord,
        over: Option<ETag>,
    ) -> Result<Option<ETag>, LedgerError> {
        self.write_record_as(record, &AsRead::default(), over).await
    }

    /// The same, of a record that was read as a part of another object.
    pub(super) async fn write_record_as(
        &self,
        record: &DeploymentRecord,
        as_read: &AsRead,
        over: Option<ETag>,
    ) -> Result<Option<ETag>, LedgerError> {
        let key = DeploymentRecord::key(&record.environment, &record.function, record.id);
        let body = encode(&key, record, as_read)?;
        let mut precondition = over.map_or(Precondition::Absent, Precondition::Unchanged);
        for _ in 0..MAX_CAS_ATTEMPTS {
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
    pub(super) async fn write_result(&self, record: &DeploymentRecord, as_read: &AsRead) -> Result<(), LedgerError> {
        let Some(key) = record.result_key() else { return Ok(()) };
        self.ports.ledger.put(&key, encode(&key, record, as_read)?, Precondition::Absent).await.map(drop)
    }

    /// Lets the sweep find what is about to be opened.
    pub(super) async fn mark_open(&self, at: &FunctionRef<'_>, request: &Request) -> Result<(), LedgerError> {
        let key = Head::marker_key(&at.name, &at.function, request.marker);
        // Nobody else has drawn this key: what is there already is our own.
        self.ports.ledger.put(&key, request.id.to_string().into_bytes(), Precondition::Absent).await.map(drop)
    }
}

/// How often a write that lost a race is decided on again.
pub(super) const MAX_CAS_ATTEMPTS: u32 = 12;

/// A ledger object as JSON.
fn encode<T: LedgerObject>(key: &str, object: &T, as_read: &AsRead) -> Result<Vec<u8>, LedgerError> {
    format::write(object, as_read).map_err(|error| LedgerError(format!("{key} as JSON: {error}")))
}

/// A ledger object that cannot be used stops its function, and says why. What a newer deployer has written is not broken:
/// nobody is told to restore anything.
fn decode<T: LedgerObject>(key: &str, body: &[u8]) -> Result<T, LedgerError> {
    format::read(body).map_err(|unusable| {
        let mend = match unusable {
            Unusable::Broken(error) => format!(
                "cannot be read ({error}): restore its former S3 version (aws s3api list-object-versions, get-object with \
                 its version id, then put-object with --if-match)"
            ),
            Unusable::Schema(found) => {
                format!("has schema {found}, this deployer knows {SCHEMA}: run the deployer that wrote it, or a newer one")
            }
            Unusable::Newer(_) | Unusable::NotUnderstood => format!(
                "is a newer deployer's ({unusable}): this one leaves it alone; run the one that wrote it, or a newer one"
            ),
        };
        LedgerError(format!("{key} in the ledger bucket {mend}"))
    })
}
