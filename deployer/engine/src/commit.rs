//! Step "finish": the commit, which is one write of the head, ends a deployment. It puts the side effects into the
//! head's outbox, and this invocation or the next one carries them out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::event::Event;
use deployer_core::head::{self, Active, DeploymentEnd, Finish, ResolvedArtifact};
use deployer_core::id::Token;
use deployer_core::managed_keys::ManagedKeys;
use deployer_core::names::ENDED_LINE;
use deployer_core::record::{CauseKind, DeploymentRecord, Ending, RecordedArtifact, Status, TargetOutcome};

use super::Transient;
use super::claim::{Claim, ObservationBasis, claimant};
use super::function_handles::Reconciler;
use super::mutex::locked;
use super::reconcile::ReconcileFrom;
use super::store::{Change, Persistence, Versioned};
use crate::events::publish;
use crate::port::LedgerError;

/// The details of a deployment's end.
#[derive(Default)]
pub(super) struct FinishDetails {
    /// None: the request has ended before its artifact was resolved.
    pub artifact: Option<RecordedArtifact>,
    pub managed_keys: Option<ManagedKeys>,
    /// The targets that were written to, or may have been.
    pub written: BTreeSet<Target>,
    /// The targets that went back to a version as it was.
    pub alias_only: BTreeSet<Target>,
    /// The targets whose aliases were seen to have provisioned concurrency, or to have none.
    pub provisioned: BTreeMap<Target, bool>,
    /// Nobody has observed a target before the end: aliases that earlier owners moved are as they left them.
    pub unobserved: bool,
}

/// A deployment that has ended.
pub(super) struct Finished {
    pub record: DeploymentRecord,
    /// The marker of its request.
    pub marker: Token,
    /// The claim on the deployment that waited for this one, or the head as it is now.
    pub next: ReconcileFrom,
}

/// The longest time for a commit: an error that lasts longer needs a person, and other deployments wait for this
/// invocation.
const LONGEST_COMMIT: Duration = Duration::from_secs(60);

impl Reconciler<'_> {
    /// Records that a deployment is in progress, and publishes its start. The record is written again at the end, so
    /// this one may be missing.
    pub(crate) async fn record_start(self, claim: &Claim) {
        let is_resumed = claim.active().hops > 0;
        if is_resumed && !claim.is_start_event_pending() {
            // The event was sent when the deployment began, and its record says what it waits for.
            return;
        }
        let record = self.at.record_of(claim.active(), Status::InProgress);
        claim.set_start_event_sent(false);
        let publish_start = async {
            if publish(self.engine, Event::of(&record)).await.is_ok() {
                claim.set_start_event_sent(true);
            }
        };
        if is_resumed {
            return publish_start.await;
        }
        let ((), written) = futures::join!(publish_start, self.engine.store().write_record(&record, None));
        match written {
            Ok(etag) => claim.set_record_etag(etag),
            Err(error) => tracing::warn!("not recorded as in progress: {error}"),
        }
    }

    /// Ends the deployment, and claims the one that waits, if there is time for it.
    pub(crate) async fn commit(
        self,
        claim: &Claim,
        ending: Ending,
        details: FinishDetails,
    ) -> Result<Finished, Transient> {
        let finished = commit_unless_overruled(self, claim, ending, details).await?;
        // Only the owner of a rollout can be overruled.
        finished.ok_or(Transient::TakenOver)
    }

    pub(crate) async fn after_commit(
        self,
        claim: &Claim,
        record: DeploymentRecord,
        seen: Versioned,
        next: Option<Active>,
    ) -> Result<Finished, Transient> {
        log_outcome(&record);
        let flushed = self.outbox().flush_with(seen.clone(), Some((record.id, claim.record_etag()))).await;
        let flushed = flushed.and_then(|report| report.head_with_record_of(record.id));
        let seen = match (flushed, &next) {
            (Ok(seen), _) => seen,
            // The next deployment is claimed, and must not wait for its lease to end. The rest stays in the outbox.
            (Err(error), Some(_)) => {
                tracing::warn!("the record or the result is not written yet: {error}");
                seen
            }
            (Err(error), None) => {
                self.schedule_wakeup().await;
                return Err(error);
            }
        };
        let next = match next {
            Some(active) => {
                ReconcileFrom::Claim(Arc::new(Claim::new(active, seen, ObservationBasis::OwnClaim, self.engine.now())))
            }
            None => ReconcileFrom::Head(Box::new(seen)),
        };
        Ok(Finished { record, marker: claim.request().marker, next })
    }
}

/// Ends the deployment as [`Reconciler::commit`] does. `None`: somebody has asked its rollout to go back or to pause
/// since this end was made, and the claim has seen the head that says so.
pub(crate) async fn commit_unless_overruled(
    reconciler: Reconciler<'_>,
    claim: &Claim,
    ending: Ending,
    details: FinishDetails,
) -> Result<Option<Finished>, Transient> {
    let FinishDetails { artifact, managed_keys, written, alias_only, provisioned, unobserved } = details;
    // Nobody has written anything before the artifact was resolved.
    let begun = claim.resumed() && claim.resolved_artifact().is_some();
    let ending = reconciler.at.keep_done_targets(ending, &claim.done_outcomes(), begun);
    let mut record = reconciler.at.record_of(claim.active(), Status::InProgress).ended(ending, reconciler.engine.now());
    record.artifact = artifact.or(record.artifact);
    let awaits = |outcome: &TargetOutcome| unobserved && claim.active().awaits(&outcome.target()).is_some();
    for outcome in record.targets.iter_mut().filter(|outcome| awaits(outcome)) {
        outcome.reached |= !outcome.serves();
    }
    add_hint(&mut record, claim.resolved_artifact());
    locked(&claim.warnings).iter().for_each(|warning| record.add(warning));
    let doors = claim.doors.all();
    let end = DeploymentEnd {
        record,
        managed: managed_keys,
        written,
        kept: alias_only,
        doors,
        provisioned,
        start_unpublished: claim.is_start_event_pending(),
    };
    let (me, since) = (claimant(reconciler.engine), reconciler.engine.now());
    let may_try = || {
        reconciler.engine.timer().left() > reconciler.engine.retries.record_needs
            && reconciler.engine.timer().passed(since) < LONGEST_COMMIT
    };
    // The targets are live already: nothing is as urgent as this write, as long as there is time.
    let may_try_after = |error: &LedgerError| {
        let may_try = may_try();
        if may_try {
            tracing::warn!("the deployment is not committed yet: {error}");
        }
        may_try
    };
    let persistence = Persistence { errors: &|_, error| may_try_after(error), races: &|_| may_try() };
    let change = async |seen: &mut Versioned| match head::finish(
        &seen.head,
        claim.token(),
        &end,
        reconciler.at,
        reconciler.engine.timer().has_time_for_another().then_some(&me),
    ) {
        Finish::Commit { head, next } => Ok(Change::Write(head, Some((true, next)))),
        Finish::Over { next } => Ok(Change::Keep(Some((false, next)))),
        Finish::Overruled => Ok(Change::Keep(None)),
        Finish::Lost => Err(Transient::TakenOver),
    };
    let (seen, ended) =
        reconciler.engine.store().update_head_with(reconciler.at, Some(claim.seen()), persistence, change).await?;
    let Some((is_ours, next)) = ended else {
        claim.set_seen(seen);
        return Ok(None);
    };
    let record = match is_ours {
        true => end.record,
        false => {
            reconciler.engine.store().record(reconciler.at, end.record.id).await.ok().flatten().unwrap_or(end.record)
        }
    };
    // The head may have changed the ending: a deployment that was asked to stop ends as superseded.
    let record = record_in_outbox(&seen, record);
    reconciler.after_commit(claim, record, seen, next).await.map(Some)
}

/// Returns the record as the outbox has it, or the given one if the outbox has it no more.
fn record_in_outbox(seen: &Versioned, record: DeploymentRecord) -> DeploymentRecord {
    seen.head.ended_record(record.id).cloned().unwrap_or(record)
}

/// Adds to the record why it was this artifact, if that is not plain, and how to complete a rollback that did not reach
/// every target.
fn add_hint(record: &mut DeploymentRecord, resolved: Option<&ResolvedArtifact>) {
    let reached = record.targets.iter().any(TargetOutcome::may_serve);
    let is_half = record.cause.kind == CauseKind::Rollback && record.status == Status::Failed && reached;
    let hint = match (resolved.and_then(|resolved| resolved.because.clone()), is_half) {
        (because, true) => {
            because.into_iter().chain([HALF_ROLLED_BACK.into()]).map(String::from).collect::<Vec<_>>().join("; ")
        }
        (Some(because), false) => because.into(),
        (None, false) => return,
    };
    record.add(&hint);
}

const HALF_ROLLED_BACK: &str = "another rollback, or a redeploy, completes this one";

pub(super) fn log_outcome(record: &DeploymentRecord) {
    for target in &record.targets {
        if let Some(error) = &target.error {
            tracing::error!(
                account = %target.account, region = %target.region, step = error.step, code = ?error.code,
                "{}", error.message);
        }
    }
    let milliseconds = record.finished_at.map_or(0, |at| at.duration_since(record.started_at).as_millis());
    let seconds = std::time::Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0)).as_secs_f64();
    // An Option's Debug form would be logged as `Some(Held)`.
    let code = record.code.map(tracing::field::debug);
    let because = record.because.as_deref().unwrap_or_default();
    match record.status {
        Status::Succeeded | Status::Unchanged => {
            tracing::info!(deployment = %record.id, status = %record.status, seconds, "{ENDED_LINE}");
        }
        _ => tracing::warn!(
            deployment = %record.id, status = %record.status, code, seconds, "{ENDED_LINE}: {because}"),
    }
}
