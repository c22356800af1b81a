//! The port to Lambda in one account and region.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use deployer_core::artifact::ArtifactRef;
use deployer_core::id::{AliasName, FunctionName, Sha256, Version};
use deployer_core::observed::{FunctionMetadata, ObservedAlias, ObservedCode, ProvisionedConcurrency, RevisionId};
use deployer_core::plan::{CodeSettings, Configuration, NewFunction};

/// The state of a function that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Qualifier<'a> {
    /// `$LATEST`.
    Latest,
    /// A published version.
    Version(&'a Version),
    /// The version that an alias serves.
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
    /// Shares the traffic of an alias between its version and a further one, which gets this percentage.
    ShiftAlias {
        alias: &'a AliasName,
        version: &'a Version,
        to: (&'a Version, u8),
        revision: &'a RevisionId,
    },
    /// Writes an alias as it was read, with another description: it gets another RevisionId.
    RewriteAlias {
        alias: &'a ObservedAlias,
        description: &'a str,
    },
    DeleteVersion(&'a Version),
}

/// The answer to a writing call.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The published version; no version if Lambda answered for `$LATEST`.
    Published {
        /// Its number.
        version: Option<Version>,
        /// Its code.
        sha256: Option<Sha256>,
        /// It is an earlier version that has failed: nothing was updated since, so nothing new was published.
        failed_earlier: bool,
    },
    /// The alias, after it was made or moved.
    Alias(ObservedAlias),
    /// Nothing that the engine uses.
    Done,
}

/// The published versions of a function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublishedVersions {
    /// Their numbers.
    pub numbers: Vec<Version>,
    /// Whether `$LATEST` or any of them is durable: executions that wait go on in the version that they began in
    /// (Lambda Developer Guide, "Lambda durable functions").
    pub is_durable: bool,
}

/// Lambda of one account and region.
#[async_trait]
pub trait Functions: Send + Sync {
    /// Reads a function and its metadata; `None`: there is no such function or qualifier.
    async fn function(
        &self,
        name: &FunctionName,
        qualifier: Qualifier<'_>,
    ) -> Result<Option<(ObservedCode, FunctionMetadata)>, CallError>;
    /// Reads an alias; `None`: there is no such function or alias.
    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<ObservedAlias>, CallError>;
    /// Reads the provisioned concurrency of an alias; `None`: it has none, or does not exist.
    async fn provisioned(
        &self,
        name: &FunctionName,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, CallError>;
    /// Reads all published versions.
    async fn versions(&self, name: &FunctionName) -> Result<PublishedVersions, CallError>;
    /// Reads the versions that any alias points to, or gives a part of its traffic.
    async fn aliased(&self, name: &FunctionName) -> Result<Vec<Version>, CallError>;
    /// Makes one writing call. Only `deployment::lambda_writer` calls it.
    async fn write(&self, name: &FunctionName, write: Write<'_>) -> Result<Answer, CallError>;
}

/// A call to Lambda that did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// Its kind, by the way it can be mended.
    pub kind: CallErrorKind,
    /// The operation, its subject, and AWS's own words.
    pub message: String,
}

/// The kinds of failed calls, by the way they can be mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallErrorKind {
    /// 409 while an update is in progress: wait, then send it again.
    Busy,
    /// The execution role cannot be assumed yet: wait a little, then send it again.
    RoleNotReady,
    /// An unknown 409: wait as for a busy function, but not for ever.
    RefusedForNow,
    /// A precondition failed, the thing exists already, or the code to publish is another: observe again.
    Conflict,
    /// No answer, or none that says what happened: observe again.
    Unknown,
    /// Still throttled after all retries.
    Throttled,
    /// The session may not make the call. A new policy may not be known everywhere yet.
    Denied,
    /// A KMS key denies the call: it is disabled, gone, or its policy does not let the session use it.
    KeyDenied,
    /// The account has not enabled the region.
    RegionNotEnabled,
    /// The session's credentials have expired.
    Expired,
    /// Lambda could not read the code.
    CodeUnreadable,
    /// Lambda could not read the code, because S3 says that the session may not. A new policy may not be known yet.
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
