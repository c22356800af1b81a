//! A decoded command is dispatched to its function, and the answer is made JSON.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use deployer_core::artifact::{ArtifactRef, VerifiedArtifact};
use deployer_core::decision::{Decided, DecidedAbout};
use deployer_core::head::{Rollback, Source};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::identity::Identity;
use deployer_core::manifest::{FunctionConfig, Manifest, ManifestFormat};
use deployer_core::promotion::{ApprovalDecision, ApprovalResponse, Functions, PromotionRequest};
use deployer_core::record::{Cause, CauseKind};
use deployer_core::trigger::{Command, CommandRequest, DescribedPackage};
use futures::FutureExt as _;
use serde::Serialize;
use serde_json::Value;

use super::caller::Caller;
use super::error::FunctionError;
use super::known::ExpectedFunction;
use super::only_if_known::what_became_of;
use super::plan::Planned;
use super::promotion::PromotionOutcome;
use super::rollout::command_rollout;
use super::status_groups::status_of_group;
use crate::port::SelfDiagnostics;
use crate::timer::ANSWER_NEEDS;
use crate::{CommandError, Engine, Transient};

/// The number of failures in a sweep's error; the log has all.
const FAILURES_IN_ERROR: usize = 5;

/// Carries a command out. A command without an id takes that of the invocation; only the doctor uses `diagnostics`.
///
/// # Errors
/// [`FunctionError`]: the command is wrong, or another try can help.
pub async fn run_command(
    engine: &Engine,
    diagnostics: &dyn SelfDiagnostics,
    request: CommandRequest,
    invocation: String,
) -> Result<Value, FunctionError> {
    let CommandRequest { command, requested_by, id, only_if_known, identity } = request;
    let caller = Caller { requested_by, identity: Identity::of(identity), id: id.unwrap_or(invocation) };
    let late = engine.ports.clock.sleep(engine.timer().left().saturating_sub(ANSWER_NEEDS));
    let work = async {
        match only_if_known {
            true => what_became_of(engine, command, &caller).await,
            false => dispatch(engine, diagnostics, command, caller).await,
        }
    };
    tokio::select! {
        biased;
        done = AssertUnwindSafe(Box::pin(work)).catch_unwind() => {
            done.unwrap_or_else(|panic| Err(Transient::panicked(panic.as_ref()).into()))
        }
        () = late => Err(Transient::Deadline.into()),
    }
}

async fn dispatch(
    engine: &Engine,
    diagnostics: &dyn SelfDiagnostics,
    command: Command,
    caller: Caller,
) -> Result<Value, FunctionError> {
    let deploy = async |environment, function, kind: CauseKind, source, caller: Caller| {
        let cause = caller.cause(kind);
        engine.deploy_by_command(&environment, &function, (cause, source), caller).await
    };
    match command {
        Command::Sweep {} => sweep(engine, &caller).await,
        Command::Deploy { environment, function, release, skip_rollout } => {
            let cause = Cause { skip_rollout: skip_rollout.map(Into::into), ..caller.cause(CauseKind::Deploy) };
            let source = Source::Newest { release };
            json(&engine.deploy_by_command(&environment, &function, (cause, source), caller).await?)
        }
        Command::Redeploy { environment, function } => {
            json(&deploy(environment, function, CauseKind::Redeploy, Source::Live { of: None }, caller).await?)
        }
        Command::Rollback { environment, function, to, if_live, if_active } => {
            let rollback = Rollback { if_live, if_active, ..Rollback::to(to) };
            json(&deploy(environment, function, CauseKind::Rollback, Source::Earlier(rollback), caller).await?)
        }
        promote @ Command::Promote { .. } => {
            promotion_answer(engine.promote(&promotion_request(engine, promote, caller)?).await?)
        }
        Command::Approve { environment, function, deployment } => {
            let response = approval_response(environment, function, deployment, ApprovalDecision::Approve, caller)?;
            decided_answer(engine.record_approval_response(&response).await?)
        }
        Command::Decline { environment, function, deployment, reason } => {
            let decision = ApprovalDecision::Decline { reason: reason.map(Into::into) };
            let response = approval_response(environment, function, deployment, decision, caller)?;
            decided_answer(engine.record_approval_response(&response).await?)
        }
        Command::Recall { function, release, reason } => {
            json(&engine.recall(&function, &release, reason.map(Into::into), caller).await?)
        }
        Command::Plan { environment, function, release, package, rollback, to, promote_from, deployment } => {
            let planned = match (package, promote_from, deployment, release) {
                (Some(package), ..) => Planned::Package(Box::new(described(engine, &environment, package)?)),
                (_, Some(from), _, release) => Planned::Promotion { from, release, requested_by: caller.requested_by },
                (.., Some(waiting), _) => Planned::Waiting(waiting),
                (.., Some(release)) => Planned::Release(release),
                _ if rollback => Planned::Rollback(to),
                _ => Planned::Live,
            };
            json(&engine.plan(&environment, &function, planned).await?)
        }
        Command::Status { environment, function, look, group: Some(id) } => match (environment, function, look) {
            (Some(environment), None, false) => json(&status_of_group(engine, &environment, id).await?),
            _ => {
                let because = "a group is shown alone: name its environment, no function and no look";
                Err(CommandError::Invalid(because.into()).into())
            }
        },
        Command::Status { environment, function, look: false, .. } => {
            json(&engine.status(environment.as_ref(), function.as_ref()).await?)
        }
        Command::Status { environment, function, look: true, .. } => {
            json(&engine.status_with_look(environment.as_ref(), function.as_ref()).await?)
        }
        Command::History { environment, function, limit } => {
            let limit = usize::try_from(limit.unwrap_or(20)).unwrap_or(usize::MAX);
            json(&engine.history(&environment, &function, limit).await?)
        }
        Command::Hold { environment, function, reason, new } => {
            let expected = if new { ExpectedFunction::MaybeNew } else { ExpectedFunction::Known };
            json(&engine.hold(&environment, &function, expected, reason.into(), caller).await?)
        }
        Command::ReleaseHold { environment, function } => {
            json(&engine.release_hold(&environment, &function, caller).await?)
        }
        Command::Rollout { environment, function, deployment, action, reason } => {
            let word = (deployment, action, reason.map(Into::into));
            json(&command_rollout(engine, (&environment, &function), word, caller).await?)
        }
        Command::Reject { function, release, reason } => {
            json(&engine.reject(&function, &release, reason.into(), caller).await?)
        }
        Command::Unreject { function, release } => json(&engine.unreject(&function, &release, caller).await?),
        Command::Doctor { environment } => {
            let report = engine.examine(diagnostics, environment.as_ref()).await;
            let report = report.ok_or_else(|| {
                let unknown = environment.map(|name| engine.config.unknown_environment(&name));
                FunctionError::InvalidCommand(unknown.unwrap_or_default())
            })?;
            tracing::info!(well = report.is_well(), "examined");
            json(&report)
        }
    }
}

/// Makes the request of a command that promotes.
pub(super) fn promotion_request(
    engine: &Engine,
    command: Command,
    caller: Caller,
) -> Result<PromotionRequest, FunctionError> {
    let Command::Promote { function, functions, from, to, release, not_after, override_freeze, skip_rollout } = command
    else {
        return Err(FunctionError::InvalidCommand("the command promotes nothing".into()));
    };
    engine.ensure_environment(&from)?;
    engine.ensure_environment(&to)?;
    Ok(PromotionRequest {
        functions: Functions::of(function, functions).map_err(FunctionError::InvalidCommand)?,
        from,
        to,
        release,
        requested_by: caller.requested_by,
        identity: caller.identity,
        not_after,
        freeze_override: override_freeze.map(Into::into),
        skip_rollout: skip_rollout.map(Into::into),
        id: caller.id,
        time: engine.ports.clock.now(),
        keeps_its_time: false,
        is_replay: false,
    })
}

/// Makes the response of a command that approves or declines a promotion. It must name a person.
fn approval_response(
    environment: EnvironmentName,
    function: Option<FunctionName>,
    deployment: Option<DeploymentId>,
    decision: ApprovalDecision,
    caller: Caller,
) -> Result<ApprovalResponse, FunctionError> {
    let by = caller.requested_by.ok_or_else(|| {
        FunctionError::InvalidCommand("requested_by is missing: somebody must be named who says so".into())
    })?;
    let Caller { identity, id, .. } = caller;
    Ok(ApprovalResponse { environment, function, deployment, decision, by, account: None, identity, id })
}

pub(super) fn promotion_answer(outcome: PromotionOutcome) -> Result<Value, FunctionError> {
    match outcome {
        PromotionOutcome::One(record) => json(&record),
        PromotionOutcome::Each(each) => json(&each),
        PromotionOutcome::Together(group) => json(&group.public_view()),
    }
}

pub(super) fn decided_answer(decided: Decided) -> Result<Value, FunctionError> {
    let about = match decided.about {
        DecidedAbout::Group(group) => DecidedAbout::Group(Box::new(group.public_view())),
        record @ DecidedAbout::Record(_) => record,
    };
    json(&Decided { about, ..decided })
}

pub(super) fn json<T: Serialize>(answer: &T) -> Result<Value, FunctionError> {
    serde_json::to_value(answer).map_err(|error| FunctionError::Internal(error.to_string()))
}

async fn sweep(engine: &Engine, caller: &Caller) -> Result<Value, FunctionError> {
    let swept = engine.sweep().await?;
    tracing::info!(requested_by = caller.requested_by.as_deref(), id = caller.id, ?swept, "swept");
    // The schedule reads no answer: a failure that needs a person must be an error, so that an alarm reports it.
    if swept.failed > 0 {
        let reasons = swept.failures.iter().take(FAILURES_IN_ERROR).map(|failure| failure.because.as_str());
        let because = format!(
            "{} of {} functions with work open could not be swept ({}): the log says which and why",
            swept.failed,
            swept.looked_at,
            reasons.collect::<Vec<_>>().join("; ")
        );
        return Err(FunctionError::of(swept.failure_kind(), because));
    }
    json(&swept)
}

/// Describes a zip that was not uploaded as if it had been; nobody reads its object.
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
        smoke_tests: vec![],
        startup: package.startup,
    })
}
