//! The ports: what the engine needs of the world, in our words.
//!
//! `aws/` implements them over the SDK, the world fake of the tests in memory. Nothing here knows AWS's types.

mod diagnostics;
mod lambda;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deployer_core::artifact::ArtifactRef;
use deployer_core::config::Target;
use deployer_core::doctor::QueueLook;
use deployer_core::event::Event;
use deployer_core::id::{AccountId, BucketName, ExternalId, RoleName};
use deployer_core::record::{TargetError, TargetErrorCode};
use futures::stream::BoxStream;
use jiff::Timestamp;

pub use self::diagnostics::{Probe, SelfDiagnostics};
pub use self::lambda::{Answer, CallError, CallErrorKind, Code, Functions, PublishedVersions, Qualifier, Write};

/// The longest that one call of an adapter takes with all its tries: no write is sent unless this much time is left.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(45);

/// The wall clock, and waiting.
#[async_trait]
pub trait Clock: Send + Sync {
    /// What the wall clock shows. Never a timer's idea of it: a frozen process thaws with old timers.
    fn now(&self) -> Timestamp;
    /// Waits.
    async fn sleep(&self, duration: Duration);
}

/// Where chance comes from. Two draws, in whatever processes, are never the same.
pub trait Rng: Send + Sync {
    /// Draws.
    fn draw(&self) -> u128;
}

/// A message could not be sent, or put off.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct QueueError(pub String);

/// The queues by which the deployer is woken. Messages are hints: nothing is lost with one.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends a message to the deployer itself, which comes after this delay at the earliest; 15 minutes at most (SQS API Reference, SendMessage).
    async fn send(&self, body: String, delay: Duration) -> Result<(), QueueError>;
    /// Lets a message that was received from a queue (its ARN, where the event tells it) stay away for so long before it comes
    /// again.
    async fn extend_visibility(&self, from: Option<&str>, receipt: &str, delay: Duration) -> Result<(), QueueError>;
    /// How long each of the queues is, by its name.
    async fn lengths(&self) -> Vec<(String, Result<QueueLook, QueueError>)>;
}

/// An event could not be sent.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct EventsError(pub String);

/// The bus that the deployer's events go to. They only tell: nothing is lost with one.
#[async_trait]
pub trait Events: Send + Sync {
    /// Sends an event.
    async fn send(&self, event: &Event) -> Result<(), EventsError>;
}

/// Why an artifact could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// The object or this version of it does not exist (any more).
    #[error("{0}")]
    Gone(String),
    /// The bucket's, the key's or our own policy says no. One that was just written may not be known everywhere yet.
    #[error("{0}")]
    Denied(String),
    /// It cannot be read as it is, and no policy helps.
    #[error("{0}")]
    Unreadable(String),
    /// Worth another try.
    #[error("{0}")]
    Transient(String),
}

/// The end of an object.
#[derive(Debug, Clone)]
pub struct Tail {
    /// The whole object's size in bytes.
    pub size: u64,
    /// Its last bytes; all of them where it is smaller than what was asked for.
    pub bytes: Bytes,
    /// Its user metadata.
    pub metadata: BTreeMap<String, String>,
}

/// A body, piece by piece.
pub type Chunks = BoxStream<'static, Result<Bytes, ReadError>>;

/// The artifact bucket, read only.
#[async_trait]
pub trait ArtifactStore: Send + Sync {
    /// The newest version of an object; `None`: there is no such object.
    async fn newest(&self, bucket: &BucketName, key: &str) -> Result<Option<ArtifactRef>, ReadError>;
    /// The last `window` bytes of this version of the object.
    async fn tail(&self, artifact: &ArtifactRef, window: u64) -> Result<Tail, ReadError>;
    /// These bytes of it (the end is exclusive).
    async fn range(&self, artifact: &ArtifactRef, range: Range<u64>) -> Result<Chunks, ReadError>;
}

/// The state of a ledger object when it was read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(pub String);

/// What must be so for a ledger object to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// `If-None-Match: *`.
    Absent,
    /// `If-Match`.
    Unchanged(ETag),
}

/// What came of a conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is written.
    Now(ETag),
    /// Somebody else was first: read again, decide again.
    Lost,
}

/// What reading a ledger object has answered.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The object, with the state it is in; none where there is no such object.
    pub object: Option<(Vec<u8>, ETag)>,
    /// The second that the server's clock showed (RFC 9110, "Date"); none where the answer does not tell.
    pub date: Option<Timestamp>,
}

/// The ledger cannot be read or written. Always transient: nothing is done without it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct LedgerError(pub String);

/// The ledger bucket: objects, written by compare-and-swap only.
///
/// Only markers are ever deleted, and each by a key that only its own writer has drawn.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// The object, with the state it is in.
    async fn get(&self, key: &str) -> Result<Reading, LedgerError>;
    /// The keys that begin so, in their order.
    async fn keys(&self, prefix: &str) -> Result<Vec<String>, LedgerError>;
    /// Writes the object if the precondition holds.
    async fn put(&self, key: &str, body: Vec<u8>, precondition: Precondition) -> Result<Written, LedgerError>;
    /// Deletes the object. It need not be there.
    async fn delete(&self, key: &str) -> Result<(), LedgerError>;
}

/// A session to be opened in a target account.
#[derive(Debug, Clone)]
pub struct SessionRequest {
    /// The target.
    pub target: Target,
    /// The deploy role there.
    pub role: RoleName,
    /// The environment's external id.
    pub external_id: Option<ExternalId>,
    /// RoleSessionName and SourceIdentity.
    pub name: String,
    /// The inline session policy.
    pub policy: String,
}

/// The door to target accounts.
#[async_trait]
pub trait SessionProvider: Send + Sync {
    /// Assumes the deploy role, once. The account is asserted here.
    async fn enter(&self, request: &SessionRequest) -> Result<Account, EnterError>;
}

/// Why a session could not be opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EnterError {
    /// STS says no. A fresh trust policy may need some seconds to be seen everywhere.
    #[error("{0}")]
    Denied(String),
    /// No answer came, or none that says anything.
    #[error("{0}")]
    Unanswered(String),
    /// Terminal, in the record's words.
    #[error(transparent)]
    Target(#[from] TargetError),
}

/// An entered account: the permission to act there as a value. Only an answer from the right account makes one.
#[derive(Clone)]
pub struct Account {
    functions: Arc<dyn Functions>,
}

impl Account {
    /// Asserts that a session belongs to the target's account.
    ///
    /// # Errors
    /// `WrongAccount`, naming both.
    pub fn assert(target: &Target, found: &AccountId, functions: Arc<dyn Functions>) -> Result<Self, TargetError> {
        right_account(target, found).map(|()| Self { functions })
    }

    /// The same account, with an eye on its functions.
    #[must_use]
    pub fn with_decorator(self, eye: impl FnOnce(Arc<dyn Functions>) -> Arc<dyn Functions>) -> Self {
        Self { functions: eye(self.functions) }
    }

    /// The functions of the account, in the target's region.
    #[must_use]
    pub fn functions(&self) -> &dyn Functions {
        self.functions.as_ref()
    }
}

/// Whether a session is in the target's account.
///
/// # Errors
/// `WrongAccount`, naming both.
pub fn right_account(target: &Target, found: &AccountId) -> Result<(), TargetError> {
    if *found == target.account {
        return Ok(());
    }
    Err(TargetError::new(
        TargetErrorCode::WrongAccount,
        "enter",
        format!("expected a session in account {}, found one in account {found}: nothing was done", target.account),
    ))
}
