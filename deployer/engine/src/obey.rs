//! Commands by hand, from what was ordered to the answer.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use deployer_core::artifact::{ArtifactRef, VerifiedArtifact};
use deployer_core::head::{Rollback, Source};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::manifest::{FunctionConfig, Manifest, ManifestFormat};
use deployer_core::names::ERROR_LINE;
use deployer_core::promotion::{ApprovalDecision, ApprovalGiven, Functions, PromotionRequest};
use deployer_core::record::CauseKind;
use futures::FutureExt as _;
use serde::Serialize;
use serde_json::Value;

use crate::InvalidConfig;
use crate::port::SelfDiagnostics;
use crate::{Caller, CommandError, Engine, Failing, History, Planned, Promoted, Transient};
use deployer_core::trigger::{Command, CommandRequest, DescribedPackage};

/// The time that is kept for answering before the deadline.
pub const ANSWER_NEEDS: Duration = Duration::from_secs(2);

/// A sweep's error tells of so many failures; the log has all.
const FAILURES_TOLD: usize = 5;

/// An invocation that did not succeed: the contract's `errorType`, and why.
#[derive(thiserror::Error)]
pub enum FunctionError {
    /// A command by hand is wrong.
    #[error("{0}")]
    InvalidCommand(String),
    /// deployer.json or the environment is wrong. Queued messages stay in the queue.
    #[error("{0}")]
    InvalidConfig(#[from] InvalidConfig),
    /// The ledger cannot be used, and nothing is done without it.
    #[error("{0}")]
    LedgerUnavailable(String),
    /// Anything else has failed.
    #[error("{0}")]
    Internal(String),
}

/// The runtime logs errors in this form: it is for people too.
impl std::fmt::Debug for FunctionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl FunctionError {
    /// The contract's `errorType`.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::InvalidCommand(_) => "InvalidCommand",
            Self::InvalidConfig(_) => "InvalidConfig",
            Self::LedgerUnavailable(_) => "LedgerUnavailable",
            Self::Internal(_) => "Internal",
        }
    }

    /// Logs that the invocation ends in it. An alarm counts these lines; a wrong command is no alarm, for its sender reads the
    /// answer.
    pub fn log(&self) {
        match self {
            Self::InvalidCommand(because) => tracing::warn!("refused: {because}"),
            error => tracing::error!(error_type = error.error_type(), "{ERROR_LINE}: {error}"),
        }
    }

    fn of(what: Failing, message: String) -> Self {
        match what {
            Failing::Ledger => Self::LedgerUnavailable(message),
            Failing::Configuration => InvalidConfig(message).into(),
            Failing::Other => Self::Internal(message),
        }
    }
}

impl From<Transient> for FunctionError {
    fn from(transient: Transient) -> Self {
        Self::of(Failing::of(&transient), transient.to_string())
    }
}

impl From<CommandError> for FunctionError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Invalid(because) => Self::InvalidCommand(because),
            CommandError::Transient(transient) => transient.into(),
        }
    }
}

/// Carries a command out. A command without an id of its own is known by `invocation`; `premises` is for the doctor.
///
/// # Errors
/// [`FunctionError`]: it is wrong, or another try can mend it.
pub async fn obey(
    engine: &Engine,
    premises: &dyn SelfDiagnostics,
    order: CommandRequest,
    invocation: String,
) -> Result<Value, FunctionError> {
    let CommandRequest { command, requested_by, id } = order;
    let caller = Caller { requested_by, id: id.unwrap_or(invocation) };
    let late = engine.ports.clock.sleep(engine.timer().left().saturating_sub(ANSWER_NEEDS));
    tokio::select! {
        biased;
        answer = AssertUnwindSafe(Box::pin(answer(engine, premises, command, caller))).catch_unwind() => {
            answer.unwrap_or_else(|panic| Err(Transient::panicked(panic.as_ref()).into()))
        }
        () = late => Err(Transient::Deadline.into()),
    }
}

async fn answer(
    engine: &Engine,
    premises: &dyn SelfDiagnostics,
    command: Command,
    caller: Caller,
) -> Result<Value, FunctionError> {
    let deploy = async |environment, function, kind, subject, caller| {
        engine.deploy_by_command(&environment, &function, (kind, subject), caller).await
    };
    match command {
        Command::Sweep {} => sweep(engine, &caller).await,
        Command::Deploy { environment, function, release } => {
            let subject = Source::Newest { release };
            json(&deploy(environment, function, CauseKind::Deploy, subject, caller).await?)
        }
        Command::Redeploy { environment, function } => {
            json(&deploy(environment, function, CauseKind::Redeploy, Source::Live { of: None }, caller).await?)
        }
        Command::Rollback { environment, function, to, if_live, if_active } => {
            let rollback = Rollback { if_live, if_active, ..Rollback::to(to) };
            json(&deploy(environment, function, CauseKind::Rollback, Source::Earlier(rollback), caller).await?)
        }
        Command::Promote { function, functions, from, to, release, not_after, override_freeze } => {
            engine.knows(&from)?;
            let functions = Functions::of(function, functions).map_err(FunctionError::InvalidCommand)?;
            let asked = PromotionRequest {
                functions,
                from,
                to,
                release,
                requested_by: caller.requested_by,
                not_after,
                freeze_override: override_freeze.map(Into::into),
                id: caller.id,
                time: engine.ports.clock.now(),
                is_replay: false,
            };
            promoted(engine.promote(&asked).await?)
        }
        Command::Approve { environment, function, deployment } => {
            let consent = consent(environment, function, deployment, ApprovalDecision::Yes, caller)?;
            promoted(engine.hear(&consent).await?)
        }
        Command::Decline { environment, function, deployment, reason } => {
            let consent = consent(
                environment,
                function,
                deployment,
                ApprovalDecision::No { reason: reason.map(Into::into) },
                caller,
            )?;
            promoted(engine.hear(&consent).await?)
        }
        Command::Recall { function, release, reason } => {
            json(&engine.recall(&function, &release, reason.map(Into::into), caller).await?)
        }
        Command::Plan { environment, function, release, package } => {
            let what = match package {
                Some(package) => Planned::Package(Box::new(described(engine, &environment, package)?)),
                None => Planned::Release(release),
            };
            json(&engine.plan(&environment, &function, what).await?)
        }
        Command::Status { environment, function } => {
            json(&engine.status(environment.as_ref(), function.as_ref()).await?)
        }
        Command::History { environment, function, limit } => {
            let limit = usize::try_from(limit.unwrap_or(20)).unwrap_or(usize::MAX);
            json(&engine.history(&environment, &function, limit).await?)
        }
        Command::Hold { environment, function, reason } => {
            json(&engine.hold(&environment, &function, reason.into(), caller).await?)
        }
        Command::ReleaseHold { environment, function } => {
            json(&engine.release_hold(&environment, &function, caller).await?)
        }
        Command::Reject { function, release, reason } => {
            json(&engine.reject(&function, &release, reason.into(), caller).await?)
        }
        Command::Unreject { function, release } => json(&engine.unreject(&function, &release, caller).await?),
        Command::Doctor { environment } => {
            let report = engine.examine(premises, environment.as_ref()).await;
            let report = report.ok_or_else(|| {
                let known = engine.config.environments.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let asked = environment.map(|name| name.to_string()).unwrap_or_default();
                FunctionError::InvalidCommand(format!("deployer.json has no environment {asked} (it has {known})"))
            })?;
            tracing::info!(well = report.is_well(), "examined");
            json(&report)
        }
    }
}

/// Somebody approves a promotion or declines it: nobody does so without a name.
fn consent(
    environment: EnvironmentName,
    function: Option<FunctionName>,
    deployment: Option<DeploymentId>,
    says: ApprovalDecision,
    caller: Caller,
) -> Result<ApprovalGiven, FunctionError> {
    let by = caller.requested_by.ok_or_else(|| {
        FunctionError::InvalidCommand("requested_by is missing: somebody must be named who says so".into())
    })?;
    Ok(ApprovalGiven { environment, function, deployment, says, by, account: None })
}

fn promoted(promoted: Promoted) -> Result<Value, FunctionError> {
    match promoted {
        Promoted::One(record) => json(&record),
        Promoted::Each(deployments) => json(&History { deployments }),
        Promoted::Together(group) => json(&group.told()),
    }
}

fn json<T: Serialize>(answer: &T) -> Result<Value, FunctionError> {
    serde_json::to_value(answer).map_err(|error| FunctionError::Internal(error.to_string()))
}

async fn sweep(engine: &Engine, caller: &Caller) -> Result<Value, FunctionError> {
    let swept = engine.sweep().await?;
    tracing::info!(requested_by = caller.requested_by.as_deref(), id = caller.id, ?swept, "swept");
    // The schedule reads no answer: what needs a person must be an error, so that an alarm tells of it.
    if swept.failed > 0 {
        let told = swept.failures.iter().take(FAILURES_TOLD).map(|failure| failure.because.as_str());
        let because = format!(
            "{} of {} functions with work open could not be swept ({}): the log says which and why",
            swept.failed,
            swept.looked_at,
            told.collect::<Vec<_>>().join("; ")
        );
        return Err(FunctionError::of(swept.what_failed(), because));
    }
    json(&swept)
}

/// Describes a zip that was not uploaded as if it had been: its object is never read.
fn described(
    engine: &Engine,
    environment: &EnvironmentName,
    package: DescribedPackage,
) -> Result<VerifiedArtifact, FunctionError> {
    let config = match &package.manifest {
        None => FunctionConfig::default(),
        Some(manifest) => {
            let format = ManifestFormat::of(&manifest.file).ok_or_else(|| {
                FunctionError::InvalidCommand("package.manifest.file must be function.toml or function.json".into())
            })?;
            let parsed = Manifest::parse(format, manifest.text.as_bytes());
            let invalid = |error| FunctionError::InvalidCommand(format!("{}: {error}", manifest.file));
            parsed.map_err(invalid)?.for_environment(environment)
        }
    };
    let (bucket, key) = (engine.config.artifact_bucket.clone(), "not uploaded".to_owned());
    Ok(VerifiedArtifact {
        reference: ArtifactRef { bucket, key, version_id: "none".to_owned() },
        region: engine.region.clone(),
        sha256: package.sha256,
        size: package.size,
        metadata: BTreeMap::new(),
        has_manifest: package.manifest.is_some(),
        config,
        startup: package.startup,
    })
}
