//! All targets have published their new version: the rollout begins.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use deployer_core::artifact::VerifiedArtifact;
use deployer_core::config::Target;
use deployer_core::config::rollout::Rollout;
use deployer_core::function_ref::gone_of;
use deployer_core::head::{self, BegunRollout, Brings, ServedBefore};
use deployer_core::record::{Ending, Status, TargetError, TargetErrorCode, TargetOutcome};
use deployer_core::rollout::{
    RolloutPlan, RolloutState, Shift, heard, watched_from_the_beginning, with_disarmed, with_replaced, with_settings,
    with_target_that_serves,
};
use futures::future;

use super::super::Deployment;
use super::super::error::Unfinished;
use super::super::results::{Ready, TargetResult, TargetResults};
use super::evidence::RolloutLook;
use super::group::group_word;
use super::ready::BEGIN_ROLLOUT;
use super::{RolloutOwner, rollout_of};
use crate::Transient;
use crate::commit::FinishDetails;
use crate::mutex::locked;
use crate::store::{Change, Versioned};

impl RolloutOwner<'_> {
    /// Begins the rollout, if every target has its version, and does what it asks for first. A target that has failed
    /// fails the deployment before any traffic has moved; so does another function of its group that did not get there.
    pub(in crate::deployment) async fn begin(
        &self,
        results: TargetResults,
        artifact: &VerifiedArtifact,
    ) -> Result<(Ending, FinishDetails), Unfinished> {
        let (Ok(Some(rollout)), true) = (rollout_of(self.deployment, artifact), results.are_published()) else {
            return Ok(self.nothing_moved(results, artifact));
        };
        let checked = match ensure_configured(*self, &results) {
            Ok(()) => self.check_alarms(&rollout, &results).await,
            Err(gone) => Err(gone),
        };
        let disarmed = match checked {
            Ok(disarmed) => disarmed,
            Err(failed) => {
                let results = results.0.into_iter().map(|result| with_error(result, &failed)).collect();
                return Ok(self.nothing_moved(TargetResults(results), artifact));
            }
        };
        let begun = self.begun(&rollout, results, artifact, disarmed);
        let Deployment { engine, at, request, .. } = self.deployment;
        let begun = match group_word(engine, at, request).await {
            Some(word) => BegunRollout { state: heard(begun.state, &word).into_state(), ..begun },
            None => begun,
        };
        let begin = async |seen: &mut Versioned| {
            let has_begun = seen.head.active().is_some_and(|active| active.rollout.is_some());
            match head::begin_rollout(&seen.head, self.claim.token(), &begun, self.deployment.engine.now()) {
                Some(head) => Ok(Change::Write(Box::new(head), ())),
                // Our own write whose reply was lost.
                None if has_begun && seen.head.queue().is_held_by(self.claim.token()) => Ok(Change::Keep(())),
                None => Err(Transient::TakenOver),
            }
        };
        let (seen, ()) =
            self.deployment.engine.store().update_head(self.deployment.at, Some(self.claim.seen()), begin).await?;
        self.claim.set_seen(seen);
        tracing::info!(waves = begun.state.plan.waves.len(), "every target has its version: the rollout begins");
        self.roll_out().await
    }

    /// Ends a deployment that has published in some targets, and whose rollout does not begin.
    fn nothing_moved(&self, results: TargetResults, artifact: &VerifiedArtifact) -> (Ending, FinishDetails) {
        locked(&self.claim.warnings).insert("no traffic has moved anywhere".to_owned());
        (results.ending(self.claim.stopped()), self.deployment.details(Some(artifact)))
    }

    /// Collects what the head is to know of the rollout.
    fn begun(
        &self,
        rollout: &Rollout,
        results: TargetResults,
        artifact: &VerifiedArtifact,
        mut disarmed: BTreeMap<Target, BTreeSet<String>>,
    ) -> BegunRollout {
        let is_ready = |result: &TargetResult| result.ready.is_some();
        let (ready, done): (Vec<TargetResult>, Vec<TargetResult>) = results.0.into_iter().partition(is_ready);
        let ready: Vec<(Target, Option<_>, Box<Ready>)> = ready
            .into_iter()
            .filter_map(|TargetResult { outcome, ready, .. }| Some((outcome.target(), outcome.previous, ready?)))
            .collect();
        let targets: Vec<Target> = ready.iter().map(|(target, ..)| target.clone()).collect();
        let timeout = ready.iter().map(|(.., ready)| ready.timeout).max();
        let in_manifest = || artifact.config.timeout.map(|seconds| Duration::from_secs(seconds.into()));
        let timeout = timeout.or_else(in_manifest).unwrap_or(Duration::ZERO);
        let plan = RolloutPlan::of(rollout, &targets, timeout);
        let state = RolloutState::begin(plan, |target| {
            let found = ready.iter().find(|(other, ..)| other == target);
            let old = found.and_then(|(_, previous, _)| previous.as_ref()).map(|previous| previous.version.clone());
            (found.map_or(Shift::AtOnce, |(.., ready)| ready.shift), old)
        });
        let state = ready.iter().fold(state, |state, (target, _, ready)| {
            let state = with_disarmed(state, target, disarmed.remove(target).unwrap_or_default());
            let state = with_settings(state, target, ready.settings.clone());
            let state = match &ready.replaces {
                Some(version) => with_replaced(state, target, version.clone()),
                None => state,
            };
            state.published(target, &ready.version).into_state()
        });
        let previous = |(target, previous, _): (Target, Option<_>, Box<Ready>)| ServedBefore { target, previous };
        let done: Vec<TargetOutcome> = done.into_iter().map(|result| result.outcome).collect();
        let state = watched_from_the_beginning(self.with_targets_that_serve(state, &done));
        let state = disarmed.into_iter().fold(state, |state, (target, alarms)| with_disarmed(state, &target, alarms));
        BegunRollout {
            state,
            brings: Brings { artifact: artifact.into(), managed: artifact.managed_keys() },
            done,
            previous: ready.into_iter().map(previous).collect(),
            written: self.deployment.progress.written(),
            created: self.deployment.progress.created(),
            role: self.deployment.at.environment.deploy_role(),
            start_unpublished: self.claim.is_start_event_pending(),
        }
    }

    /// Adds the targets that serve the release already: they are watched, and go back with the others to the version of
    /// what is live.
    fn with_targets_that_serve(&self, state: RolloutState, done: &[TargetOutcome]) -> RolloutState {
        let (head, now) = (self.claim.seen().head, self.deployment.engine.now());
        let serving = done.iter().filter_map(|outcome| Some((outcome.target(), outcome.version.clone()?)));
        serving.fold(state, |state, (target, new)| {
            let old = head.live().and_then(|live| live.versions.get(&target.to_string()).cloned());
            with_target_that_serves(state, target, (old.filter(|old| *old != new), new), now)
        })
    }

    /// Looks at the alarms before any traffic moves: each must exist, and one that fires is disarmed, or refuses the
    /// rollout.
    async fn check_alarms(
        &self,
        rollout: &Rollout,
        results: &TargetResults,
    ) -> Result<BTreeMap<Target, BTreeSet<String>>, Vec<(Target, TargetError)>> {
        if rollout.alarms.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names: Vec<String> = rollout
            .alarms
            .iter()
            .map(|alarm| alarm.fill_in(&self.deployment.at.name, &self.deployment.at.function))
            .collect();
        let targets = results.0.iter().map(|result| result.outcome.target());
        let looks = targets.map(|target| async {
            let firing = RolloutLook(self.deployment).firing_alarms(&target, &names, rollout.already_alarming).await;
            (target, firing)
        });
        let (mut disarmed, mut failed) = (BTreeMap::new(), Vec::new());
        for (target, firing) in future::join_all(looks).await {
            match firing {
                Ok(firing) => drop(disarmed.insert(target, firing)),
                Err(error) => failed.push((target, error)),
            }
        }
        if failed.is_empty() { Ok(disarmed) } else { Err(failed) }
    }
}

/// Gives a target the error that keeps its rollout from beginning.
fn with_error(result: TargetResult, failed: &[(Target, TargetError)]) -> TargetResult {
    let target = result.outcome.target();
    let error = failed.iter().find(|(other, _)| *other == target).map(|(_, error)| error.clone());
    let outcome = TargetOutcome { status: Status::Failed, error, ..result.outcome };
    TargetResult { outcome, ..result }
}

/// Refuses a rollout whose environment, or some of whose targets, deployer.json does not have any more.
fn ensure_configured(owner: RolloutOwner<'_>, results: &TargetResults) -> Result<(), Vec<(Target, TargetError)>> {
    let Some(gone) = gone_of(owner.deployment.at, &owner.claim.active_now()) else { return Ok(()) };
    let error = TargetError::new(TargetErrorCode::InvalidConfiguration, BEGIN_ROLLOUT, gone.to_string());
    let targets = results.0.iter().map(|result| result.outcome.target());
    Err(targets.filter(|target| gone.has(target)).map(|target| (target, error.clone())).collect())
}
