//! One target, from entering its account to its outcome.
//!
//! Step "plan"; `enter` observes before it, and `apply` walks the plan. A target's error stays its own: it never stops or
//! hides another target.

use std::collections::BTreeSet;
use std::sync::Arc;

use deployer_core::artifact::VerifiedArtifact;
use deployer_core::config::Target;
use deployer_core::id::Version;
use deployer_core::observed::{Observed, ObservedAlias, Reason};
use deployer_core::plan::{AWAIT_TRAFFIC, NoPlan, Plan, Step, Wanted, foreign_change, plan as planned};
use deployer_core::record::{Previous, Status, TargetError, TargetErrorCode, TargetOutcome};
use deployer_core::text::PlainText;
use futures::future::{self, Shared};
use tracing::Instrument as _;

use super::apply::{Halt, StepContext};
use super::back::Sleeping;
use super::claim::{ObservedAt, locked};
use super::deploy::{GIVEN_UP, Job, UNSEEN, Unfinished, Unfit, given_up};
use super::doors::Shut;
use super::fared::{Arrived, Fared, Missed, is_late};
use super::lambda_waits::NoLonger;
use super::{Claim, Engine};
use crate::port::Account;

/// How often is looked again after a precondition failed and nothing foreign was found.
pub(super) const MAX_REOBSERVATIONS: u32 = 4;

impl Engine {
    /// Deploys to one target. While the ledger or the artifact say no, this never resolves: whoever waits for it also
    /// watches those.
    pub(super) async fn deploy_to(
        &self,
        job: &Job<'_>,
        target: &Target,
        known: Shared<impl Future<Output = Result<ObservedAt, Unfinished>>>,
        claim: Shared<impl Future<Output = Result<Arc<Claim>, Unfinished>>>,
        artifact: Shared<impl Future<Output = Result<Arc<VerifiedArtifact>, Unfit>>>,
    ) -> Fared {
        let span = tracing::info_span!("target", account = %target.account, region = %target.region);
        let before = claim.clone();
        let work = async {
            let session = self.session(job, target);
            let account = self.enter(&session).await?;
            tracing::info!(role = %session.role, session = %session.name, "account entered");
            let arrives = async {
                if let Some((version, sha256)) = job.goes_back_to(target) {
                    let claim = yes(claim.clone()).await;
                    let to = (version, sha256);
                    if let Some(arrived) =
                        self.go_back(job, target, &claim, &account, to, Sleeping::PublishAgain).await?
                    {
                        return Ok(arrived);
                    }
                    tracing::info!(%version, "the version is not there any more: publishing it again");
                }
                if job.goes_back() {
                    // It never was here, or is not any more. What goes back elsewhere does not depend on it.
                    job.needs_artifact();
                    if let Err(unfit) = artifact.clone().await {
                        if let Some(to) = job.goes_back_to(target) {
                            let claim = yes(claim.clone()).await;
                            if let Some(arrived) =
                                self.go_back(job, target, &claim, &account, to, Sleeping::Use).await?
                            {
                                return Ok(arrived);
                            }
                        }
                        return Err(unfit.in_target().into());
                    }
                }
                let ground = match known.await {
                    Ok(ground) => ground,
                    // It looked like somebody else's turn. What the claim says counts.
                    Err(_) => {
                        yes(claim.clone()).await;
                        ObservedAt::Held
                    }
                };
                let mut observed = self.observe_beside_claim(job, claim.clone(), target, &account).await?;
                let (claim, artifact) = (yes(claim).await, yes(artifact).await);
                if !claim.follows(&ground) {
                    // Another deployment may have come and gone between: what was observed is no ground to plan on.
                    observed = self.observe_or_park(job, &claim, target, &account).await?;
                }
                self.converge(job, target, &claim, &artifact, account.clone(), observed).await
            };
            let arrived = arrives.await;
            if let Err(Missed::NoPlan(_) | Missed::Stopped) = &arrived {
                let claim = yes(before.clone()).await;
                self.leave(job, &claim, target, &account).await;
            }
            arrived
        };
        let alias = job.at.environment.alias.clone();
        let outcome = TargetOutcome::untouched(target, job.at.function_name.clone(), alias, Status::Failed);
        let fares = async {
            match work.instrument(span).await {
                Ok(Arrived { status, version, previous }) => {
                    let outcome = TargetOutcome { status, version, previous, ..outcome };
                    Fared::of(outcome)
                }
                Err(Missed::Waits) => Fared { waits: true, ..Fared::of(outcome) },
                Err(Missed::Stopped) => {
                    let claim = yes(before.clone()).await;
                    let status = claim.halted().map_or(Status::Failed, |halted| halted.status);
                    let reached = job.has_left_moved(&claim, target);
                    Fared { stopped: true, ..Fared::of(TargetOutcome { status, reached, ..outcome }) }
                }
                Err(Missed::NoPlan(no_plan)) => {
                    let unfit = matches!(no_plan, NoPlan::Unfit(_)).then(|| no_plan.to_string());
                    let error = TargetError::from(no_plan);
                    let claim = yes(before.clone()).await;
                    let reached = job.has_left_moved(&claim, target);
                    let error = match claim.only_looks() && error.step != GIVEN_UP {
                        true => given_up(&format!("{UNSEEN} ({error})")),
                        false => error,
                    };
                    let late = is_late(error.code) && !claim.waits.is_given_up(target);
                    let outcome = TargetOutcome { error: Some(error), reached, ..outcome };
                    Fared { unfit, late, ..Fared::of(outcome) }
                }
            }
        };
        // What an earlier invocation was done with stays as it was: what failed for good is not tried again.
        let fared = async {
            match yes(before.clone()).await.done(target) {
                Some(done) => Fared::of(done.clone()),
                None => future::pending().await,
            }
        };
        tokio::select! { biased; fared = fared => fared, fared = fares => fared }
    }

    /// Steps "plan" and "apply", with one more look after a precondition failed or an answer was lost.
    async fn converge(
        &self,
        job: &Job<'_>,
        target: &Target,
        claim: &Claim,
        artifact: &VerifiedArtifact,
        account: Account,
        mut observed: Observed,
    ) -> Result<Arrived, Missed> {
        let at = job.at;
        let formerly = claim.seen().head.named_on(&at.function_name, target);
        let meant = claim.seen().head.meant_code();
        let (function, alias) = (&at.function_name, &at.environment.alias);
        let wanted = Wanted { target, function, alias, artifact, formerly: &formerly, meant: &meant };
        let served = served(job, claim, target);
        let mut previous = served_before(job, claim, target);
        if let Some(found) = claim.active().moved_since(target, observed.alias.as_ref()) {
            return Err(foreign(job, AWAIT_TRAFFIC, &found).into());
        }
        // What another invocation began, or what got no answer, may have been written all the same.
        let mut written = claim.resumed();
        let mut acted = false;
        let mut looks = 0;
        // Callers still meet what the alias served for some seconds.
        let mut met: BTreeSet<Version> = BTreeSet::new();
        loop {
            job.observes(claim, target, observed.alias.as_ref(), self.now());
            met.extend(observed.alias.iter().flat_map(ObservedAlias::versions));
            let plan = match planned(&wanted, &observed) {
                // Once something was written the deployment is no longer refused.
                Err(no_plan) if written => return Err(TargetError::from(no_plan).into()),
                planned => planned?,
            };
            locked(&claim.warnings).extend(plan.warnings.iter().cloned());
            if !plan.is_empty() || !claim.has_unsaid_doors() {
                previous.get_or_insert_with(|| plan.previous.clone());
            }
            if may_shut(claim, &plan) {
                if plan.writes_nothing() {
                    job.has_moved(target);
                }
                match self.shut_doors(job, claim, target, &account, observed.alias.as_ref()).await? {
                    Shut::Before => {}
                    Shut::Now => acted = true,
                    Shut::ByAnother => {
                        (written, observed) = (true, self.observe_or_park(job, claim, target, &account).await?);
                        continue;
                    }
                }
            }
            if plan.is_empty() {
                tracing::info!(version = ?plan.serving.as_ref().map(|v| v.as_str()), "already there");
                // Of what an earlier invocation did nothing is known but what the head says: was it something else, or
                // nothing? Then it was this deployment's work.
                let was = claim.served_before(target).unwrap_or(served);
                let moved = was.as_ref().map(|served| &served.version) != plan.serving.as_ref();
                let changed = acted || (written && moved);
                let status = if changed { Status::Succeeded } else { Status::Unchanged };
                return Ok(Arrived { status, version: plan.serving, previous: previous.flatten() });
            }
            if claim.halted().is_some() {
                return Err(Missed::Stopped);
            }
            if claim.only_looks() {
                return Err(given_up("it has not arrived here").into());
            }
            if let Some(because) = makes_anew(&plan, &observed)
                && !claim.waits.makes_anew(target)
            {
                let message = format!("function {function} in {target}: {because}");
                return Err(TargetError::new(because.error_code(), "update code", message).into());
            }
            tracing::info!(steps = %steps(&plan), "planned");
            let acting = self.account_for(job, target, &account, &plan).await?;
            acted |= !plan.writes_nothing();
            let before = previous.as_ref().and_then(Option::as_ref);
            let errand = StepContext { job, claim, target, account: &acting, previous: before };
            match self.apply(errand, Some(&wanted), &plan).await {
                Ok(version) => {
                    if written {
                        self.mend_belongings(StepContext { account: &account, ..errand }, &wanted).await?;
                    }
                    self.prune(job, claim, target, &account, &version, &met).await;
                    let was = claim.served_before(target).unwrap_or(served);
                    let moved = was.as_ref().map(|served| &served.version) != Some(&version);
                    let changed = acted || (written && moved);
                    let status = if changed { Status::Succeeded } else { Status::Unchanged };
                    return Ok(Arrived { status, version: Some(version), previous: previous.flatten() });
                }
                Err(Halt::Waits) => return Err(Missed::Waits),
                Err(Halt::Final(error)) => return Err(error.into()),
                // An earlier try got no answer: that door is shut first.
                Err(Halt::Stopped) if claim.has_open_door(target) => {
                    (written, observed) = (true, self.observe_or_park(job, claim, target, &account).await?);
                }
                Err(Halt::Stopped) => return Err(Missed::Stopped),
                Err(Halt::Failed { error, may_pass }) => {
                    if !may_pass || observed.publishing_failed || !claim.waits.makes_anew(target) {
                        claim.waits.give_up(target);
                        return Err(error.into());
                    }
                    tracing::warn!("sending the code anew: {}", error.message);
                    self.pause(looks, "publish version", &error.message).await?;
                    let mut now = self.observe_or_park(job, claim, target, &account).await?;
                    if let Some(found) = foreign_change(&wanted, &observed, &now) {
                        return Err(foreign(job, "publish version", &found).into());
                    }
                    now.publishing_failed = true;
                    (written, observed) = (true, now);
                }
                Err(Halt::LookAgain { step, error }) => {
                    tracing::warn!(step, "looking again: {}", error.message);
                    if looks > 0 {
                        self.pause(looks, step, &error.message).await?;
                    }
                    let now = match self.observe_or_park(job, claim, target, &account).await {
                        Ok(now) => now,
                        Err(NoLonger::Parks) => return Err(Missed::Waits),
                        Err(NoLonger::Ends(later)) => return Err(neither(&error, &later).into()),
                    };
                    // What serves already has arrived, whatever somebody does to $LATEST after that.
                    let serves = planned(&wanted, &now).is_ok_and(|plan| plan.writes_nothing());
                    if claim.explains(target, observed.alias.as_ref(), now.alias.as_ref()) {
                        (observed.alias, observed.serving) = (now.alias.clone(), now.serving.clone());
                    }
                    if let Some(found) = foreign_change(&wanted, &observed, &now).filter(|_| !serves) {
                        return Err(foreign(job, step, &found).into());
                    }
                    // Nobody foreign: our own echo, or a change that is none of ours (permissions, a settled update).
                    // Who keeps writing there must be found by a person.
                    if looks >= MAX_REOBSERVATIONS && !planned(&wanted, &now)?.writes_nothing() {
                        return Err(error.into());
                    }
                    looks += 1;
                    (written, observed) = (true, now);
                }
            }
        }
    }

    /// Tags and reserved concurrency have no precondition, so an earlier write of them may have taken effect after ours: they
    /// are read again, and written anew where they differ.
    async fn mend_belongings(&self, errand: StepContext<'_>, wanted: &Wanted<'_>) -> Result<(), Missed> {
        let StepContext { job, claim, target, account, .. } = errand;
        let now = self.observe_or_park(job, claim, target, account).await?;
        job.observes(claim, target, now.alias.as_ref(), self.now());
        let Ok(plan) = planned(wanted, &now) else { return Ok(()) };
        if plan.is_empty() || !plan.steps.iter().all(Step::is_about_belongings) {
            return Ok(());
        }
        let acting = self.account_for(job, target, account, &plan).await?;
        match self.apply(StepContext { account: &acting, ..errand }, Some(wanted), &plan).await {
            Ok(_) => Ok(()),
            Err(Halt::Stopped) => Err(Missed::Stopped),
            Err(Halt::Waits) => Err(Missed::Waits),
            Err(Halt::Final(error) | Halt::Failed { error, .. } | Halt::LookAgain { error, .. }) => Err(error.into()),
        }
    }
}

/// The value of a future that says yes. Of one that says no, nothing: whoever watches it ends the deployment.
pub(super) async fn yes<T: Clone, E: Clone>(decision: Shared<impl Future<Output = Result<T, E>>>) -> T {
    match decision.await {
        Ok(value) => value,
        Err(_) => future::pending().await,
    }
}

/// Whether what an earlier write may still do is to be ruled out here: nothing else writes the alias.
pub(super) fn may_shut(claim: &Claim, plan: &Plan) -> bool {
    (plan.writes_nothing() || claim.halted().is_some()) && !claim.only_looks()
}

/// What the alias served before this deployment first wrote to it, as far as that was written down. Owners of before did
/// not: then it is what the ledger knew.
pub(super) fn served_before(job: &Job<'_>, claim: &Claim, target: &Target) -> Option<Option<Previous>> {
    claim.served_before(target).or_else(|| served(job, claim, target).filter(|_| claim.has_unsaid_doors()).map(Some))
}

/// What the head says was live there before this deployment.
pub(super) fn served(job: &Job<'_>, claim: &Claim, target: &Target) -> Option<Previous> {
    let seen = claim.seen();
    let live = seen.head.target_of(job.at, target)?;
    Some(Previous { version: live.version.clone()?, sha256: live.sha256, weights: Default::default() })
}

fn steps(plan: &Plan) -> String {
    plan.steps.iter().map(Step::name).collect::<Vec<_>>().join(", ")
}

/// Why a plan sends code to a function in which Lambda has failed to update it.
fn makes_anew<'a>(plan: &Plan, observed: &'a Observed) -> Option<&'a Reason> {
    let sends = plan.steps.iter().any(|step| matches!(step, Step::UpdateCode(_)));
    observed.latest.as_ref().filter(|_| sends)?.last_update_failed.as_ref()
}

/// A write may have been done, and looking again has failed.
fn neither(error: &TargetError, later: &TargetError) -> TargetError {
    let message =
        PlainText::of(format_args!("{}; it may have been done, but looking again failed: {later}", error.message));
    // Where only the time was up, another invocation looks again.
    let code = if is_late(later.code) { later.code } else { error.code };
    TargetError { message, code, ..error.clone() }
}

pub(super) fn foreign(job: &Job<'_>, step: &str, found: &str) -> TargetError {
    TargetError::new(
        TargetErrorCode::ForeignChange,
        step,
        format!(
            "somebody else changed function {} meanwhile: {found}; nothing was overwritten: find out who writes to it, \
             then try again",
            job.at.function_name
        ),
    )
}
