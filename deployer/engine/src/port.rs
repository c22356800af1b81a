//! The ports: what the engine needs of the world, in our words.
//!
//! `aws/` implements them over the SDK, the world fake of the tests in memory. Nothing here knows AWS's types.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deployer_core::artifact::ArtifactRef;
use deployer_core::config::Target;
use deployer_core::doctor::{Attempt, ProbedAction, QueueLook, Refused};
use deployer_core::event::Event;
use deployer_core::id::{AccountId, AliasName, BucketName, ExternalId, FunctionName, RoleName, Sha256, Version};
use deployer_core::observed::{FunctionMetadata, ObservedAlias, ObservedCode, ProvisionedConcurrency, RevisionId};
use deployer_core::plan::{CodeSettings, Configuration, NewFunction};
use deployer_core::record::{TargetError, TargetErrorCode};
use futures::stream::BoxStream;
use jiff::Timestamp;

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

/// Which state of a function is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Qualifier<'a> {
    /// `$LATEST`.
    Latest,
    /// A published version.
    Version(&'a Version),
    /// What an alias serves.
    Alias(&'a AliasName),
}

/// The code that a write sends.
#[derive(Debug, Clone)]
pub enum Code<'a> {
    /// Lambda copies this version of the object.
    Reference(&'a ArtifactRef),
    /// The zip itself.
    Inline(Bytes),
}

/// A writing call to Lambda with its precondition.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the calls are Lambda's, see `plan::Step`")]
pub enum Write<'a> {
    Create {
        new: &'a NewFunction,
        code: Code<'a>,
    },
    UpdateConfiguration {
        configuration: &'a Configuration,
        revision: &'a RevisionId,
    },
    UpdateCode {
        code: Code<'a>,
        settings: &'a CodeSettings,
        revision: &'a RevisionId,
    },
    Publish {
        sha256: Sha256,
        revision: Option<&'a RevisionId>,
    },
    Tag(&'a BTreeMap<String, String>),
    Untag(&'a [String]),
    ReserveConcurrency(i32),
    FreeConcurrency,
    CreateAlias {
        alias: &'a AliasName,
        version: &'a Version,
    },
    MoveAlias {
        alias: &'a AliasName,
        version: &'a Version,
        revision: &'a RevisionId,
    },
    /// Writes an alias as it was read, with another description: it gets another RevisionId.
    TurnAlias {
        alias: &'a ObservedAlias,
        description: &'a str,
    },
    DeleteVersion(&'a Version),
}

/// What a writing call answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// What was published; no version where Lambda answered for `$LATEST`.
    Published {
        /// Its number.
        version: Option<Version>,
        /// Its code.
        sha256: Option<Sha256>,
        /// It is an earlier one, that has failed: nothing was updated since, so nothing new was published.
        failed_earlier: bool,
    },
    /// An alias, as it is after it was made or moved.
    Alias(ObservedAlias),
    /// Nothing that the engine goes on with.
    Done,
}

/// The published versions of a function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublishedVersions {
    /// Their numbers.
    pub numbers: Vec<Version>,
    /// Whether `$LATEST` or any of them is durable: executions that wait go on in the version that they began in (Lambda Developer
    /// Guide, "Lambda durable functions").
    pub is_durable: bool,
}

/// Lambda of one account and region.
#[async_trait]
pub trait Functions: Send + Sync {
    /// A function, with what belongs to it as a whole; `None`: no such function or qualifier.
    async fn function(
        &self,
        name: &FunctionName,
        qualifier: Qualifier<'_>,
    ) -> Result<Option<(ObservedCode, FunctionMetadata)>, CallError>;
    /// An alias; `None`: no such function or alias.
    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<ObservedAlias>, CallError>;
    /// The provisioned concurrency of an alias; `None`: it has none, or does not exist.
    async fn provisioned(
        &self,
        name: &FunctionName,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, CallError>;
    /// All published versions.
    async fn versions(&self, name: &FunctionName) -> Result<PublishedVersions, CallError>;
    /// The versions that any alias points to, or gives a part of its traffic.
    async fn aliased(&self, name: &FunctionName) -> Result<Vec<Version>, CallError>;
    /// One writing call. Only `engine::apply` makes it.
    async fn write(&self, name: &FunctionName, write: Write<'_>) -> Result<Answer, CallError>;
}

/// A call to Lambda that did not succeed, sorted by what can be done about it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// The sort.
    pub kind: CallErrorKind,
    /// The operation, what it was about, and AWS's own words.
    pub message: String,
}

/// What can be done about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallErrorKind {
    /// 409 while an update is in progress: wait, then send it again.
    Busy,
    /// The execution role cannot be assumed yet: wait a little, then send it again.
    RoleNotReady,
    /// A 409 that nobody knows: wait like for one that is busy, but not for ever.
    RefusedForNow,
    /// A precondition failed, the thing exists already, or the code to publish is another: look again.
    Conflict,
    /// No answer, or none that says what happened: look again.
    Unknown,
    /// Still throttled after all retries.
    Throttled,
    /// The session may not. A policy that was just written may not be known everywhere yet.
    Denied,
    /// A KMS key says no: it is disabled, gone, or its policy does not let the session use it.
    KeyDenied,
    /// The account has not enabled the region.
    RegionNotEnabled,
    /// The session's credentials have expired.
    Expired,
    /// Lambda could not read the code.
    CodeUnreadable,
    /// Lambda could not read the code, for S3 says that the session may not. A policy that was just written may not be known yet.
    CodeDenied,
    /// The code is too large.
    CodeTooLarge,
    /// The function or version is in state Failed.
    Failed,
    /// The account's code storage is full.
    StorageFull,
    /// The account has reached another limit.
    QuotaReached,
    /// Such a function cannot be deployed: its code is a container image, or must be signed.
    Unsupported,
    /// Lambda refuses the request as it is.
    Invalid,
    /// Anything else that will not go away.
    Other,
}

/// What only the doctor looks at. Not among the ports of a deployment, so that none can reach the probe.
#[async_trait]
pub trait SelfDiagnostics: Send + Sync {
    /// The ARN of the role that we run under.
    async fn own_role(&self) -> Result<String, Refused>;
    /// What AWS's clock shows; none where no answer told.
    async fn aws_time(&self) -> Option<Timestamp>;
    /// Whether versioning is on for the bucket.
    async fn is_versioned(&self, bucket: &BucketName) -> Result<bool, Refused>;
    /// How long the queue at a URL is, and the ARN of its dead-letter queue, where it has one.
    async fn queue(&self, url: &str) -> Result<(QueueLook, Option<String>), Refused>;
    /// How long the dead-letter queue with this ARN is, which belongs to the queue at a URL.
    async fn dead_letters(&self, url: &str, arn: &str) -> Result<QueueLook, Refused>;
    /// Enters a target to try rights out; the session's policy must be `doctor::probe_policy`.
    async fn enter(&self, request: &SessionRequest) -> Result<Arc<dyn Probe>, EnterError>;
}

/// A session in a target account that tries rights out: the one place beside `engine::apply` that makes writing calls. None can
/// name a function: all are about `doctor::PROBE`, of which there must be none.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Makes the call. Code is sent with `DryRun`, and DeleteFunction always has a qualifier.
    async fn attempt(&self, action: ProbedAction) -> Result<Attempt, Refused>;
    /// Reads the last byte of an artifact.
    async fn read(&self, artifact: &ArtifactRef) -> Result<(), ReadError>;
}
