//! Runs one target, from entering its account to its result. A target's error stays its own: it never stops or hides
//! another target.

use std::pin::pin;

use deployer_core::config::Target;
use deployer_core::plan::PlanError;
use deployer_core::record::{Code, Status, TargetError, TargetOutcome};
use futures::future::{Either, select};
use tracing::Instrument as _;

use super::Deployment;
use super::claimed_target::ClaimedTarget;
use super::error::{GIVEN_UP, Interrupted, TargetFailed, UNSEEN, Unfinished, given_up, is_late};
use super::function_reader::FunctionReader;
use super::prerequisites::Prerequisites;
use super::restore::Inactive;
use super::results::{TargetDone, TargetResult};
use crate::claim::{Claim, ObservationBasis};
use crate::port::Account;

/// One target of a deployment on its way through the steps.
#[derive(Clone, Copy)]
pub(super) struct TargetRun<'a, 'p> {
    pub deployment: &'a Deployment<'a>,
    pub target: &'a Target,
    pub needs: &'a Prerequisites<'p>,
}

impl TargetRun<'_, '_> {
    /// Deploys to the target. The outcome of an earlier invocation stays: a target that has failed for good is not
    /// tried again.
    pub async fn run(self) -> Result<TargetResult, Interrupted> {
        let Self { target, needs, .. } = self;
        let span = tracing::info_span!("target", account = %target.account, region = %target.region);
        let done = async { Ok::<_, Unfinished>(needs.claim().await?.outcome_of(target).cloned()) };
        match select(pin!(done), Box::pin(self.deploy().instrument(span))).await {
            Either::Left((done, deploying)) => match done? {
                Some(done) => Ok(TargetResult::of(done)),
                None => self.result(deploying.await).await,
            },
            Either::Right((deployed, _)) => self.result(deployed).await,
        }
    }

    /// Does step "enter", and all steps after it.
    async fn deploy(self) -> Result<TargetDone, TargetFailed> {
        let session = self.deployment.session(self.target);
        let account = self.deployment.open_session(&session).await?;
        tracing::info!(role = %session.role, session = %session.name, "account entered");
        let brought = self.bring_to_artifact(&account).await;
        if let Err(TargetFailed::PlanError(_) | TargetFailed::Stopped) = &brought {
            let claim = self.needs.claim().await?;
            self.on(&claim, &account).shut_doors_at_end().await;
        }
        brought
    }

    /// Brings the target to the artifact: to a version of it that exists, or to a new one.
    async fn bring_to_artifact(self, account: &Account) -> Result<TargetDone, TargetFailed> {
        if self.deployment.may_restore() {
            if let Some(done) = self.restore(account, Inactive::PublishAgain).await? {
                return Ok(done);
            }
            // The version never was here, or is gone. The rollback of other targets does not depend on the artifact.
            match self.needs.artifact().await {
                Ok(_) => {}
                Err(Interrupted::Artifact(invalid)) => {
                    let restored = self.restore(account, Inactive::Use).await?;
                    return restored.ok_or_else(|| invalid.in_target().into());
                }
                Err(interrupted) => return Err(interrupted.into()),
            }
        }
        let basis = match self.needs.basis().await {
            Ok(basis) => basis,
            // The head seemed to say that it is another deployment's turn. The claim decides.
            Err(_) => {
                self.needs.claim().await?;
                ObservationBasis::OwnClaim
            }
        };
        // The target is observed beside the claim; only the claim's owner waits for long.
        let reader = FunctionReader {
            timer: self.deployment.retried.noted_by(self.deployment.engine.timer(), self.target),
            at: self.deployment.at,
            account,
        };
        let first = reader.observe_once().await?;
        let claim = self.needs.claim().await?;
        let on = self.on(&claim, account);
        let mut observed = on.observe_from(first).await?;
        let artifact = self.needs.artifact().await?;
        if !claim.confirms_observation(&basis) {
            // Another deployment may have come and gone meanwhile: the observation is no ground for a plan.
            observed = on.observe().await?;
        }
        on.converge(&artifact, observed).await
    }

    /// Goes back to the version that the target has served, if there is one.
    async fn restore(self, account: &Account, inactive: Inactive) -> Result<Option<TargetDone>, TargetFailed> {
        let Some((version, sha256)) = self.deployment.version_to_restore(self.target) else { return Ok(None) };
        let claim = self.needs.claim().await?;
        let restored = self.on(&claim, account).restore_version((version, sha256), inactive).await?;
        if restored.is_none() && inactive == Inactive::PublishAgain {
            tracing::info!(%version, "the version is not there any more: publishing it again");
        }
        Ok(restored)
    }

    fn on<'t>(&'t self, claim: &'t Claim, account: &'t Account) -> ClaimedTarget<'t> {
        ClaimedTarget { deployment: self.deployment, claim, target: self.target, account }
    }

    /// Makes the target's result for the record.
    async fn result(self, deployed: Result<TargetDone, TargetFailed>) -> Result<TargetResult, Interrupted> {
        let Self { deployment, target, needs } = self;
        let claim = needs.claim().await?;
        if let Some(done) = claim.outcome_of(target) {
            return Ok(TargetResult::of(done.clone()));
        }
        let (name, alias) = (deployment.at.function_name.clone(), deployment.at.environment.alias.clone());
        let created = deployment.progress.is_created(target) || claim.active().created.contains(target);
        let outcome = TargetOutcome { created, ..TargetOutcome::untouched(target, name, alias, Status::Failed) };
        let reached = deployment.has_left_moved(&claim, target);
        Ok(match deployed {
            Ok(TargetDone { previous, ready: Some(ready), .. }) => {
                let outcome = TargetOutcome { previous, ..outcome };
                TargetResult { ready: Some(ready), ..TargetResult::of(outcome) }
            }
            Ok(TargetDone { status, version, previous, ready: None }) => {
                TargetResult::of(TargetOutcome { status, version, previous, ..outcome })
            }
            Err(TargetFailed::Waits) => TargetResult { waits: true, ..TargetResult::of(outcome) },
            Err(TargetFailed::Stopped) => {
                let status = claim.stopped().map_or(Status::Failed, |stopped| stopped.status);
                let outcome = TargetOutcome { status, reached, ..outcome };
                TargetResult { stopped: true, ..TargetResult::of(outcome) }
            }
            Err(TargetFailed::PlanError(no_plan)) => {
                let invalid = match &no_plan {
                    PlanError::IncompatiblePackage(_) => Some(Code::InvalidArtifact),
                    PlanError::UnknownFunction(_) => Some(Code::InvalidManifest),
                    PlanError::Target(_) => None,
                };
                let invalid = invalid.map(|code| (code, no_plan.to_string()));
                let error = TargetError::from(no_plan);
                let error = match claim.only_observes() && error.step != GIVEN_UP {
                    true => given_up(&format!("{UNSEEN} ({error})")),
                    false => error,
                };
                let out_of_time = is_late(error.code) && !claim.waits.has_failed(target);
                let outcome = TargetOutcome { error: Some(error), reached, ..outcome };
                TargetResult { invalid, out_of_time, ..TargetResult::of(outcome) }
            }
            Err(TargetFailed::Interrupted(interrupted)) => return Err(interrupted),
        })
    }
}
