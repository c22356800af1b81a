//! The ports of a rollout: looks at a target's traffic and alarms, and smoke tests of a version.
//!
//! Looks write nothing, and a smoke test can invoke one version alone: each has a session of its own, with a policy that
//! allows no more.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deployer_core::id::{AliasName, FunctionName, Version};
use deployer_core::observed::ObservedAlias;
use deployer_core::rollout::{AlarmChange, AlarmStates, AliasMetrics, MetricsQuery, SmokeAnswer};
use jiff::Timestamp;

use super::{EnterError, SessionRequest};

/// Opens the sessions of rollouts in target accounts.
#[async_trait]
pub trait RolloutSessions: Send + Sync {
    /// Opens a session whose policy is `session_policy::look_policy`. Looks at the same function may share it while it
    /// lasts.
    async fn open_look_session(&self, request: &SessionRequest) -> Result<Arc<dyn TrafficWatch>, EnterError>;
    /// Opens a session whose policy is `session_policy::smoke_policy`.
    async fn open_smoke_session(&self, request: &SessionRequest) -> Result<Arc<dyn SmokeTester>, EnterError>;
}

/// The news of one account and region about a rollout. No call writes.
#[async_trait]
pub trait TrafficWatch: Send + Sync {
    /// Reads an alias; `None`: there is no such function or alias.
    async fn alias(&self, name: &FunctionName, alias: &AliasName) -> Result<Option<ObservedAlias>, RolloutCallError>;
    /// Whether a version exists.
    async fn has_version(&self, name: &FunctionName, version: &Version) -> Result<bool, RolloutCallError>;
    /// Reads the metrics of an alias, each minute apart. An answer that is not whole is an error.
    async fn metrics(&self, query: &MetricsQuery) -> Result<AliasMetrics, RolloutCallError>;
    /// Reads the states of alarms by their names, metric alarms and composite ones.
    async fn alarms(&self, names: &[String]) -> Result<AlarmStates, RolloutCallError>;
    /// Reads the states that an alarm went to since this time.
    async fn alarm_changes(&self, name: &str, since: Timestamp) -> Result<Vec<AlarmChange>, RolloutCallError>;
}

/// Invokes a version for a smoke test.
#[async_trait]
pub trait SmokeTester: Send + Sync {
    /// Invokes the version once and waits for its answer. Nothing is sent twice. An error means that the version was not
    /// invoked, or that nobody knows; a version that fails or is late has answered.
    async fn invoke(&self, call: &SmokeCall<'_>) -> Result<SmokeAnswer, RolloutCallError>;
}

/// One invocation for a smoke test.
#[derive(Debug, Clone)]
pub struct SmokeCall<'a> {
    /// The function.
    pub function: &'a FunctionName,
    /// The version.
    pub version: &'a Version,
    /// The event, as JSON.
    pub event: &'a str,
    /// The client context, as JSON: `rollout::client_context`.
    pub context: &'a str,
    /// The time in which the version must answer.
    pub timeout: Duration,
}

/// A call of a rollout that has no answer to use.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct RolloutCallError {
    /// Its kind.
    pub kind: RolloutCallErrorKind,
    /// The operation, its subject, and AWS's own words.
    pub message: String,
}

/// The kinds of failed calls of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RolloutCallErrorKind {
    /// The account is asked too often, or has no concurrency left. Nothing was done.
    Throttled,
    /// The session may not make the call.
    Denied,
    /// The function, version or alarm does not exist.
    NotFound,
    /// AWS refuses the call as it is, and will refuse it again.
    Invalid,
    /// No answer came, or none that can be used: another try can help.
    Unavailable,
}
