//! The ports: the engine's access to the world, in our words.
//!
//! `aws/` implements them over the SDK, the tests' world fake in memory. Nothing here knows AWS's types.

mod diagnostics;
mod identities;
mod lambda;
mod rollout;

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
pub use self::identities::{Identities, StsAnswer, StsUnanswered};
pub use self::lambda::{Answer, CallError, CallErrorKind, Code, Functions, PublishedVersions, Qualifier, Write};
pub use self::rollout::{
    RolloutCallError, RolloutCallErrorKind, RolloutSessions, SmokeCall, SmokeTester, TrafficWatch,
};

/// The longest time of one call of an adapter with all its tries: no write is sent unless this much time is left.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(45);

/// The wall clock, and waiting.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Reads the wall clock. It is never a timer's time: a frozen process thaws with old timers.
    fn now(&self) -> Timestamp;
    /// Waits for this long.
    async fn sleep(&self, duration: Duration);
}

/// The source of random numbers. Two draws are never the same, in whatever processes.
pub trait Rng: Send + Sync {
    /// Draws a number.
    fn draw(&self) -> u128;
}

/// A message could not be sent or put off.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct QueueError(pub String);

/// The queues by which the deployer is woken. Messages are hints: nothing is lost with one.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends a message to the deployer itself. It comes after this delay at the earliest; 15 minutes at most (SQS API
    /// Reference, SendMessage).
    async fn send(&self, body: String, delay: Duration) -> Result<(), QueueError>;
    /// Keeps a message that was received from a queue (its ARN, if the event names it) away for this long.
    async fn extend_visibility(&self, from: Option<&str>, receipt: &str, delay: Duration) -> Result<(), QueueError>;
    /// Reads the length of each of the queues, by its name.
    async fn lengths(&self) -> Vec<(String, Result<QueueLook, QueueError>)>;
}

/// An event could not be sent.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct EventsError(pub String);

/// The bus for the deployer's events. Events only inform: nothing is lost with one.
#[async_trait]
pub trait Events: Send + Sync {
    /// Sends an event.
    async fn send(&self, event: &Event) -> Result<(), EventsError>;
}

/// The reason why an artifact could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// The object, or this version of it, does not exist (any more).
    #[error("{0}")]
    Gone(String),
    /// The policy of the bucket, the key or the deployer denies it. A new policy may not be known everywhere yet.
    #[error("{0}")]
    Denied(String),
    /// The object cannot be read as it is, and no policy helps.
    #[error("{0}")]
    Unreadable(String),
    /// Another try can help.
    #[error("{0}")]
    Transient(String),
}

/// The end of an object.
#[derive(Debug, Clone)]
pub struct Tail {
    /// The whole object's size in bytes.
    pub size: u64,
    /// Its last bytes; all of them if it is smaller than the window.
    pub bytes: Bytes,
    /// Its user metadata.
    pub metadata: BTreeMap<String, String>,
}

/// A body, in pieces.
pub type Chunks = BoxStream<'static, Result<Bytes, ReadError>>;

/// The artifact bucket, read only.
#[async_trait]
pub trait ArtifactStore: Send + Sync {
    /// Finds the newest version of an object; `None`: there is no such object.
    async fn newest(&self, bucket: &BucketName, key: &str) -> Result<Option<ArtifactRef>, ReadError>;
    /// Reads the last `window` bytes of this version of the object.
    async fn tail(&self, artifact: &ArtifactRef, window: u64) -> Result<Tail, ReadError>;
    /// Reads these bytes of it (the end is exclusive).
    async fn range(&self, artifact: &ArtifactRef, range: Range<u64>) -> Result<Chunks, ReadError>;
}

/// The state of a ledger object when it was read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(pub String);

/// The condition of a write to a ledger object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// `If-None-Match: *`.
    Absent,
    /// `If-Match`.
    Unchanged(ETag),
}

/// The outcome of a conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is written.
    Now(ETag),
    /// Another writer was first: read again, decide again.
    Lost,
}

/// The answer to reading a ledger object.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The object and its state; none if there is no such object.
    pub object: Option<(Vec<u8>, ETag)>,
    /// The second that the server's clock showed (RFC 9110, "Date"); none if the answer does not say it.
    pub date: Option<Timestamp>,
}

/// The ledger cannot be read or written. Always transient: nothing is done without it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct LedgerError(pub String);

/// The ledger bucket: objects, written by compare-and-swap only.
///
/// Only markers, and objects that have served, are deleted.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Reads the object and its state.
    async fn get(&self, key: &str) -> Result<Reading, LedgerError>;
    /// Lists the keys with this prefix, in their order.
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

/// Opens sessions in target accounts.
#[async_trait]
pub trait SessionProvider: Send + Sync {
    /// Assumes the deploy role, once, and verifies the account.
    async fn open_session(&self, request: &SessionRequest) -> Result<Account, EnterError>;
}

/// The reason why a session could not be opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EnterError {
    /// STS denies it. A new trust policy may need some seconds to be known everywhere.
    #[error("{0}")]
    Denied(String),
    /// No answer came, or none that says anything.
    #[error("{0}")]
    Unanswered(String),
    /// The target ends with this error.
    #[error(transparent)]
    Target(#[from] TargetError),
}

/// An entered account: the permission to act there as a value. Only an answer from the right account makes one.
#[derive(Clone)]
pub struct Account {
    functions: Arc<dyn Functions>,
}

impl Account {
    /// Makes an account of a session that belongs to the target's account.
    ///
    /// # Errors
    /// `WrongAccount`, naming both.
    pub fn verify_account(
        target: &Target,
        found: &AccountId,
        functions: Arc<dyn Functions>,
    ) -> Result<Self, TargetError> {
        ensure_account(target, found).map(|()| Self { functions })
    }

    /// Returns the same account with its functions wrapped.
    #[must_use]
    pub fn with_decorator(self, wrap: impl FnOnce(Arc<dyn Functions>) -> Arc<dyn Functions>) -> Self {
        Self { functions: wrap(self.functions) }
    }

    /// Returns the functions of the account, in the target's region.
    #[must_use]
    pub fn functions(&self) -> &dyn Functions {
        self.functions.as_ref()
    }
}

/// Ensures that a session is in the target's account.
///
/// # Errors
/// `WrongAccount`, naming both.
pub fn ensure_account(target: &Target, found: &AccountId) -> Result<(), TargetError> {
    if *found == target.account {
        return Ok(());
    }
    Err(TargetError::new(
        TargetErrorCode::WrongAccount,
        "enter",
        format!("expected a session in account {}, found one in account {found}: nothing was done", target.account),
    ))
}
