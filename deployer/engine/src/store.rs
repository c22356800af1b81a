//! The ledger's objects: reading and writing them, the one compare-and-swap loop, and the advice for a broken one.
//!
//! Must not know when an object is changed, or what follows from that.

use deployer_core::as_read::AsRead;
use deployer_core::format::{self, LedgerObject, Unusable};
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{self, Head, Request};
use deployer_core::id::{DeploymentId, FunctionName};
use deployer_core::record::{DeploymentRecord, SCHEMA, Status};
use deployer_core::rejects::Rejects;
use jiff::Timestamp;
use std::time::Duration;

use super::{CommandError, Engine, Ports, RetryPolicy, Transient};
use crate::port::{ETag, LedgerError, Precondition, Reading, Written};

/// A head and the state it was read in; no state where the function has none yet.
#[derive(Debug, Clone)]
pub(super) struct Versioned {
    pub head: Head,
    pub etag: Option<ETag>,
    /// The second that the ledger's clock showed when it was read; none where that is not known.
    pub date: Option<Timestamp>,
}

/// The ledger bucket as typed objects. Every change of one goes through [`Store::update`] or [`Store::update_head`].
#[derive(Clone, Copy)]
pub(super) struct Store<'e> {
    ports: &'e Ports,
    retries: &'e RetryPolicy,
}

/// What becomes of an object that was read.
pub(super) enum Change<T, R> {
    /// It is written in this form; that comes of it once it is.
    Write(T, R),
    /// It stays as it is, and that comes of it.
    Keep(R),
}

/// How an update goes on where another writer was first, or the ledger fails.
#[derive(Clone, Copy)]
pub(super) struct Persistence<'p> {
    /// Whether a read or a write that failed for the nth time, with this error, is tried again.
    pub errors: &'p (dyn Fn(u32, &LedgerError) -> bool + Sync),
    /// Whether an update that has lost the nth race is decided on again.
    pub races: &'p (dyn Fn(u32) -> bool + Sync),
}

impl Default for Persistence<'_> {
    /// Errors end the update, and so does the twelfth lost race.
    fn default() -> Self {
        Self { errors: &|_, _| false, races: &|attempt| attempt + 1 < MAX_CAS_ATTEMPTS }
    }
}

impl Engine {
    pub(super) fn store(&self) -> Store<'_> {
        Store { ports: &self.ports, retries: &self.patience }
    }
}

impl<'e> Store<'e> {
    /// A function's head; the empty one where the function has none yet.
    pub async fn head(self, at: &FunctionRef<'_>) -> Result<Versioned, LedgerError> {
        let key = Head::key(&at.name, &at.function);
        let Reading { object, date } = self.ports.ledger.get(&key).await?;
        let Some((body, etag)) = object else { return Ok(Versioned { head: Head::default(), etag: None, date }) };
        let head = self.recovered(at, decode(&key, &body)?).await?;
        Ok(Versioned { head, etag: Some(etag), date })
    }

    /// A head of before may not tell what was last rolled out: a record does.
    async fn recovered(self, at: &FunctionRef<'_>, head: Head) -> Result<Head, LedgerError> {
        let Some(id) = head::missing_live(&head) else { return Ok(head) };
        let told = head.outbox().iter().map(|entry| &entry.record).find(|record| record.id == id).cloned();
        let record = match told {
            Some(record) => Some(record),
            None => self.record(at, id).await?,
        };
        Ok(head::with_recovered_live(&head, record.as_ref()))
    }

    /// Writes a head over the one that was seen. `None`: another writer was first.
    pub async fn write_head(
        self,
        at: &FunctionRef<'_>,
        over: Option<ETag>,
        head: Head,
    ) -> Result<Option<Versioned>, LedgerError> {
        let etag = self.put(&Head::key(&at.name, &at.function), &head, &head.as_read(), over).await?;
        Ok(etag.map(|etag| Versioned { head, etag: Some(etag), date: None }))
    }

    /// Waits a random while before an object is read and decided on again.
    pub async fn pause(self, attempt: u32) {
        let most = (self.retries.first_wait.saturating_mul(1_u32 << attempt.min(4))).as_millis().max(1);
        let wait = u64::try_from(self.ports.chance.draw() % most).unwrap_or_default();
        self.ports.clock.sleep(Duration::from_millis(wait)).await;
    }

    /// The rejected releases of a function.
    pub async fn rejects(self, function: &FunctionName) -> Result<Rejects, LedgerError> {
        Ok(self.object(&Rejects::key(function)).await?.map(|(rejects, _)| rejects).unwrap_or_default())
    }

    /// Any object but a head, and the state that it was read in.
    pub async fn object<T: LedgerObject>(self, key: &str) -> Result<Option<(T, ETag)>, LedgerError> {
        let Some((body, etag)) = self.ports.ledger.get(key).await?.object else { return Ok(None) };
        Ok(Some((decode(key, &body)?, etag)))
    }

    /// Writes any object but a head where there is none. Whether there was none.
    pub async fn create<T: LedgerObject>(self, key: &str, object: &T) -> Result<bool, LedgerError> {
        Ok(self.put(key, object, &object.as_read(), None).await?.is_some())
    }

    pub async fn put<T: LedgerObject>(
        self,
        key: &str,
        object: &T,
        as_read: &AsRead,
        over: Option<ETag>,
    ) -> Result<Option<ETag>, LedgerError> {
        let precondition = over.map_or(Precondition::Absent, Precondition::Unchanged);
        Ok(match self.ports.ledger.put(key, encode(key, object, as_read)?, precondition).await? {
            Written::Now(etag) => Some(etag),
            Written::Lost => None,
        })
    }

    /// The keys that begin so, in their order.
    pub async fn keys(self, prefix: &str) -> Result<Vec<String>, LedgerError> {
        self.ports.ledger.keys(prefix).await
    }

    /// The record of a deployment.
    pub async fn record(self, at: &FunctionRef<'_>, id: DeploymentId) -> Result<Option<DeploymentRecord>, LedgerError> {
        self.record_at(&DeploymentRecord::key(&at.name, &at.function, id)).await
    }

    /// The record, or the result, under this key.
    pub async fn record_at(self, key: &str) -> Result<Option<DeploymentRecord>, LedgerError> {
        Ok(self.object(key).await?.map(|(record, _)| record))
    }

    /// Writes a record, over the one in this state if there is one. An ended record is never changed: then there is no
    /// new state.
    pub async fn write_record(
        self,
        record: &DeploymentRecord,
        over: Option<ETag>,
    ) -> Result<Option<ETag>, LedgerError> {
        self.write_record_as(record, &AsRead::default(), over).await
    }

    /// The same, of a record that was read as a part of another object.
    pub async fn write_record_as(
        self,
        record: &DeploymentRecord,
        as_read: &AsRead,
        mut over: Option<ETag>,
    ) -> Result<Option<ETag>, LedgerError> {
        let key = DeploymentRecord::key(&record.environment, &record.function, record.id);
        for _ in 0..MAX_CAS_ATTEMPTS {
            if let Some(etag) = self.put(&key, record, as_read, over).await? {
                return Ok(Some(etag));
            }
            over = match self.object::<DeploymentRecord>(&key).await? {
                Some((stored, _)) if stored.status.is_ended() => return Ok(None),
                // Another invocation was faster, and works on it by now.
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

    /// The ended record once more, where CI waits for it. Writing it twice is writing it once.
    pub async fn write_result(self, record: &DeploymentRecord, as_read: &AsRead) -> Result<(), LedgerError> {
        let Some(key) = record.result_key() else { return Ok(()) };
        self.put(&key, record, as_read, None).await.map(drop)
    }

    /// Lets the sweep find what is about to be opened.
    pub async fn mark_open(self, at: &FunctionRef<'_>, request: &Request) -> Result<(), LedgerError> {
        let key = Head::marker_key(&at.name, &at.function, request.marker);
        // Nobody else has drawn this key: an object that is there already is our own.
        self.ports.ledger.put(&key, request.id.to_string().into_bytes(), Precondition::Absent).await.map(drop)
    }

    /// Deletes the marker of a request that opened nothing.
    pub async fn unmark(self, at: &FunctionRef<'_>, request: &Request) {
        self.delete(&Head::marker_key(&at.name, &at.function, request.marker)).await;
    }

    /// Deletes a marker, or an object that has served. One that stays is cleared away by the sweep.
    pub async fn delete(self, key: &str) {
        if let Err(error) = self.ports.ledger.delete(key).await {
            tracing::warn!("a marker stays until the sweep clears it away: {error}");
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

/// How often a write that lost a race is decided on again.
const MAX_CAS_ATTEMPTS: u32 = 12;

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
