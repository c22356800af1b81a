//! The ledger's objects: reads and writes them, and says how to mend a broken one. `compare_and_swap` changes them.
//!
//! Must not know when an object is changed, or what follows from that.

use deployer_core::as_read::AsRead;
use deployer_core::format::{self, LedgerObject, Unusable};
use deployer_core::function_ref::FunctionRef;
use deployer_core::group::Group;
use deployer_core::head::{self, Head, Request};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::ledger_keys;
use deployer_core::record::{DeploymentRecord, SCHEMA, Status};
use deployer_core::rejects::Rejects;
use jiff::Timestamp;
use std::time::Duration;

use super::{CommandError, Engine, Ports, RetryPolicy, Transient};
use crate::port::{ETag, LedgerError, Precondition, Reading, Written};

/// The number of the ledger's objects that a command reads at once.
pub(super) const READ_AT_ONCE: usize = 16;

/// A head, and the state in which it was read; no state if the function has no head yet.
#[derive(Debug, Clone)]
pub(super) struct Versioned {
    pub head: Head,
    pub etag: Option<ETag>,
    /// The second that the ledger's clock showed at the reading, if that is known.
    pub date: Option<Timestamp>,
}

/// The ledger bucket as typed objects. Every change of one goes through [`Store::update`] or [`Store::update_head`].
#[derive(Clone, Copy)]
pub(super) struct Store<'e> {
    ports: &'e Ports,
    retries: &'e RetryPolicy,
}

/// The decision about an object that was read, with the update's result.
pub(super) enum Change<T, R> {
    /// Writes the object in this form. The result counts once it is written.
    Write(T, R),
    /// Keeps the object as it is.
    Keep(R),
}

/// The persistence of an update after lost races and errors of the ledger.
#[derive(Clone, Copy)]
pub(super) struct Persistence<'p> {
    /// Whether a read or a write that failed for the nth time, with this error, is tried again.
    pub errors: &'p (dyn Fn(u32, &LedgerError) -> bool + Sync),
    /// Whether an update that has lost the nth race is decided on again.
    pub races: &'p (dyn Fn(u32) -> bool + Sync),
}

impl Persistence<'_> {
    /// Ends the update at the first error, and at the twelfth lost race.
    pub const DEFAULT: Self = Self { errors: &|_, _| false, races: &|attempt| attempt + 1 < MAX_CAS_ATTEMPTS };
}

impl Engine {
    pub(super) fn store(&self) -> Store<'_> {
        Store { ports: &self.ports, retries: &self.retries }
    }
}

impl<'e> Store<'e> {
    /// Reads a function's head; the empty one if the function has none yet.
    pub async fn head(self, at: &FunctionRef<'_>) -> Result<Versioned, LedgerError> {
        let key = ledger_keys::head(&at.name, &at.function);
        let Reading { object, date } = self.ports.ledger.get(&key).await?;
        let Some((body, etag)) = object else { return Ok(Versioned { head: Head::default(), etag: None, date }) };
        let head = self.recovered(at, decode(&key, &body)?).await?;
        Ok(Versioned { head, etag: Some(etag), date })
    }

    /// Completes a head that an older deployer wrote without the live artifact, from the record of its deployment.
    async fn recovered(self, at: &FunctionRef<'_>, head: Head) -> Result<Head, LedgerError> {
        let Some(id) = head::missing_live(&head) else { return Ok(head) };
        let record = match head.ended_record(id) {
            Some(record) => Some(record.clone()),
            None => self.record(at, id).await?,
        };
        Ok(head::with_recovered_live(&head, record.as_ref()))
    }

    /// Writes a head over the one that was seen. `None`: another writer was first.
    pub async fn write_head(
        self,
        at: &FunctionRef<'_>,
        expected: Option<ETag>,
        head: Head,
    ) -> Result<Option<Versioned>, LedgerError> {
        let etag = self.put(&ledger_keys::head(&at.name, &at.function), &head, &head.as_read(), expected).await?;
        Ok(etag.map(|etag| Versioned { head, etag: Some(etag), date: None }))
    }

    /// Waits for a random time before an object is read and decided on again.
    pub async fn pause(self, attempt: u32) {
        let most = (self.retries.first_pause.saturating_mul(1_u32 << attempt.min(4))).as_millis().max(1);
        let wait = u64::try_from(self.ports.rng.draw() % most).unwrap_or_default();
        self.ports.clock.sleep(Duration::from_millis(wait)).await;
    }

    /// Reads the rejected releases of a function.
    pub async fn rejects(self, function: &FunctionName) -> Result<Rejects, LedgerError> {
        Ok(self.object(&ledger_keys::rejects(function)).await?.map(|(rejects, _)| rejects).unwrap_or_default())
    }

    /// Reads any object but a head, and its state.
    pub async fn object<T: LedgerObject>(self, key: &str) -> Result<Option<(T, ETag)>, LedgerError> {
        let Some((body, etag)) = self.ports.ledger.get(key).await?.object else { return Ok(None) };
        Ok(Some((decode(key, &body)?, etag)))
    }

    /// Reads a group, open or ended. Its end is written before it is open no more.
    pub async fn group(self, environment: &EnvironmentName, id: DeploymentId) -> Result<Option<Group>, LedgerError> {
        if let Some((open, _)) = self.object(&ledger_keys::open_group(environment, id)).await? {
            return Ok(Some(open));
        }
        Ok(self.object(&ledger_keys::ended_group(environment, id)).await?.map(|(ended, _)| ended))
    }

    /// Writes any object but a head if there is none, and returns whether there was none.
    pub async fn create<T: LedgerObject>(self, key: &str, object: &T) -> Result<bool, LedgerError> {
        Ok(self.put(key, object, &object.as_read(), None).await?.is_some())
    }

    pub async fn put<T: LedgerObject>(
        self,
        key: &str,
        object: &T,
        as_read: &AsRead,
        expected: Option<ETag>,
    ) -> Result<Option<ETag>, LedgerError> {
        let precondition = expected.map_or(Precondition::Absent, Precondition::Unchanged);
        Ok(match self.ports.ledger.put(key, encode(key, object, as_read)?, precondition).await? {
            Written::Now(etag) => Some(etag),
            Written::Lost => None,
        })
    }

    /// Lists the keys with this prefix, in their order.
    pub async fn keys(self, prefix: &str) -> Result<Vec<String>, LedgerError> {
        self.ports.ledger.keys(prefix).await
    }

    /// Reads the record of a deployment.
    pub async fn record(self, at: &FunctionRef<'_>, id: DeploymentId) -> Result<Option<DeploymentRecord>, LedgerError> {
        self.record_at(&ledger_keys::record(&at.name, &at.function, id)).await
    }

    /// Reads the record, or the result, under this key.
    pub async fn record_at(self, key: &str) -> Result<Option<DeploymentRecord>, LedgerError> {
        Ok(self.object(key).await?.map(|(record, _)| record))
    }

    /// Writes a record, over the one in this state if there is one, and returns its new state. An ended record is never
    /// changed: then there is no new state.
    pub async fn write_record(
        self,
        record: &DeploymentRecord,
        expected: Option<ETag>,
    ) -> Result<Option<ETag>, LedgerError> {
        self.write_record_as(record, &AsRead::default(), expected).await
    }

    /// Writes a record that was read as a part of another object. The first write is made without reading, so this is
    /// not the loop of [`Store::update`].
    pub async fn write_record_as(
        self,
        record: &DeploymentRecord,
        as_read: &AsRead,
        mut expected: Option<ETag>,
    ) -> Result<Option<ETag>, LedgerError> {
        let key = ledger_keys::record(&record.environment, &record.function, record.id);
        for _ in 0..MAX_CAS_ATTEMPTS {
            if let Some(etag) = self.put(&key, record, as_read, expected).await? {
                return Ok(Some(etag));
            }
            expected = match self.object::<DeploymentRecord>(&key).await? {
                Some((stored, _)) if stored.status.is_ended() => return Ok(None),
                // Another invocation was faster, and works on the deployment by now.
                Some((stored, etag)) if stored.status == Status::InProgress && record.status == Status::Pending => {
                    return Ok(Some(etag));
                }
                Some((stored, etag)) if stored == *record => return Ok(Some(etag)),
                Some((_, etag)) => Some(etag),
                None => None,
            };
        }
        Err(LedgerError(format!("{key} kept changing while it was written")))
    }

    /// Writes the ended record as the result that CI waits for. A result that is there already stays.
    pub async fn write_result(self, record: &DeploymentRecord, as_read: &AsRead) -> Result<(), LedgerError> {
        let Some(key) = record.result_key() else { return Ok(()) };
        self.put(&key, record, as_read, None).await.map(drop)
    }

    /// Writes the marker by which the sweep finds a request that is about to be opened.
    pub async fn mark_open(self, at: &FunctionRef<'_>, request: &Request) -> Result<(), LedgerError> {
        let key = ledger_keys::marker(&at.name, &at.function, request.marker);
        // Nobody else has drawn this key: an object that is there already is our own.
        self.ports.ledger.put(&key, request.id.to_string().into_bytes(), Precondition::Absent).await.map(drop)
    }

    /// Deletes the marker of a request that opened nothing.
    pub async fn unmark(self, at: &FunctionRef<'_>, request: &Request) {
        self.delete(&ledger_keys::marker(&at.name, &at.function, request.marker)).await;
    }

    /// Deletes a marker, a request below `asked/` or an open group that has served. If one stays, the sweep deletes it.
    pub async fn delete(self, key: &str) {
        if let Err(error) = self.ports.ledger.delete(key).await {
            tracing::warn!(key, "not deleted, so the sweep will do it: {error}");
        }
    }
}

/// Other writers kept changing an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contended;

impl From<Contended> for Transient {
    fn from(Contended: Contended) -> Self {
        Self::Contended
    }
}

impl From<Contended> for CommandError {
    fn from(contended: Contended) -> Self {
        Self::Transient(contended.into())
    }
}

impl From<LedgerError> for CommandError {
    fn from(error: LedgerError) -> Self {
        Self::Transient(error.into())
    }
}

/// The number of lost races after which an update gives up.
const MAX_CAS_ATTEMPTS: u32 = 12;

/// Writes a ledger object as JSON.
fn encode<T: LedgerObject>(key: &str, object: &T, as_read: &AsRead) -> Result<Vec<u8>, LedgerError> {
    format::write(object, as_read).map_err(|error| LedgerError(format!("{key} as JSON: {error}")))
}

/// Reads a ledger object. One that cannot be used stops its function, with advice. An object of a newer deployer is not
/// broken: the advice is not to restore anything.
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
