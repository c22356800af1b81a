//! Step "commit": one write of the head ends a deployment. Everything else follows from the head's outbox, by us or by whoever comes
//! next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::event::Event;
use deployer_core::head::{self, Active, End, Finish, ResolvedArtifact};
use deployer_core::id::Token;
use deployer_core::managed_keys::ManagedKeys;
use deployer_core::names::ENDED_LINE;
use deployer_core::record::{CauseKind, DeploymentRecord, Ending, RecordedArtifact, Status, TargetOutcome};

use super::Transient;
use super::claim::{Claim, ObservedAt, claimant};
use super::handle::Reconciler;
use super::lock::locked;
use super::reconcile::Start;
use super::store::{Change, Persistence, Versioned};
use crate::announce::Announcer;
use crate::port::LedgerError;

/// What is known at the end, beside how it ended.
#[derive(Default)]
pub(super) struct FinishDetails {
    /// None: the request never got as far as naming one.
    pub artifact: Option<RecordedArtifact>,
    pub named: Option<ManagedKeys>,
    /// The targets that were written to, or may have been.
    pub written: BTreeSet<Target>,
    /// Those that went back to a version as it was.
    pub kept: BTreeSet<Target>,
    /// Those whose aliases were seen to have provisioned concurrency, or to have none.
    pub provisioned: BTreeMap<Target, bool>,
    /// Nobody has looked at a target before it ended: aliases that earlier owners moved are as they left them.
    pub unseen: bool,
}

/// A deployment that has ended.
pub(super) struct Finished {
    pub record: DeploymentRecord,
    /// The marker of its request.
    pub marker: Token,
    /// The claim on the deployment that waited for it, or the head as it is by now.
    pub goes_on: Start,
}

/// How long a commit is tried: what the ledger refuses for longer than this needs a person, and others wait for us.
const LONGEST: Duration = Duration::from_secs(60);

impl Reconciler<'_> {
    /// Writes down that a deployment is in progress, and tells of it. The record is written again at the end: this one may be
    /// missing.
    pub(crate) async fn record_start(self, claim: &Claim) {
        let is_resumed = claim.active().hops > 0;
        if is_resumed && !claim.is_start_untold() {
            // It was told when it began, and its record says what it waits for.
            return;
        }
        let record = self.at.record_of(claim.active(), Status::InProgress);
        claim.tells_of_its_start(false);
        let told = async {
            if Announcer::of(self.engine).publish(Event::of(&record)).await.is_ok() {
                claim.tells_of_its_start(true);
            }
        };
        if is_resumed {
            return told.await;
        }
        let ((), written) = futures::join!(told, self.engine.store().write_record(&record, None));
        match written {
            Ok(etag) => claim.is_noted(etag),
            Err(error) => tracing::warn!("not recorded as in progress: {error}"),
        }
    }

    /// Ends the deployment, and claims the one that waits, if there is time for it.
    pub(crate) async fn commit(
        self,
        claim: &Claim,
        ending: Ending,
        facts: FinishDetails,
    ) -> Result<Finished, Transient> {
        let FinishDetails { artifact, named, written, kept, provisioned, unseen } = facts;
        // Nobody has written anything before it was known what the deployment is about.
        let begun = claim.resumed() && claim.chosen().is_some();
        let ending = self.at.although_begun(ending, &claim.all_done(), begun);
        let mut record = self.at.record_of(claim.active(), Status::InProgress).ended(ending, self.engine.now());
        record.artifact = artifact.or(record.artifact);
        let awaits = |outcome: &TargetOutcome| unseen && claim.active().awaits(&outcome.target()).is_some();
        for outcome in record.targets.iter_mut().filter(|outcome| awaits(outcome)) {
            outcome.reached |= !outcome.has_arrived();
        }
        add_hint(&mut record, claim.chosen());
        locked(&claim.warnings).iter().for_each(|warning| record.add(warning));
        let doors = claim.doors.all();
        let end = End { record, named, written, kept, doors, provisioned, untold_start: claim.is_start_untold() };
        let (me, since) = (claimant(self.engine), self.engine.now());
        let may_try = || {
            self.engine.timer().left() > self.engine.patience.record_needs
                && self.engine.timer().passed(since) < LONGEST
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
            self.at,
            self.engine.timer().has_time_for_another().then_some(&me),
        ) {
            Finish::Commit { head, next } => Ok(Change::Write(head, (true, next))),
            Finish::Over { next } => Ok(Change::Keep((false, next))),
            Finish::Lost => Err(Transient::TakenOver),
        };
        let (seen, (is_ours, next)) =
            self.engine.store().update_head_with(self.at, Some(claim.seen()), persistence, change).await?;
        let record = match is_ours {
            true => end.record,
            false => self.engine.store().record(self.at, end.record.id).await.ok().flatten().unwrap_or(end.record),
        };
        // The head may have made more of it: a deployment that was asked to stop ends as superseded.
        let record = ended_as(&seen, record);
        self.committed(claim, record, seen, next).await
    }

    pub(crate) async fn committed(
        self,
        claim: &Claim,
        record: DeploymentRecord,
        seen: Versioned,
        next: Option<Active>,
    ) -> Result<Finished, Transient> {
        log_outcome(&record);
        let settled = self.outbox().flush_over(seen.clone(), Some((record.id, claim.noted()))).await;
        let settled = settled.and_then(|settled| settled.of(record.id));
        let seen = match (settled, &next) {
            (Ok(seen), _) => seen,
            // The next deployment is claimed, and shall not wait for its lease to end. What is left stays in the outbox.
            (Err(error), Some(_)) => {
                tracing::warn!("the record or the result is not written yet: {error}");
                seen
            }
            (Err(error), None) => {
                self.schedule_wakeup().await;
                return Err(error);
            }
        };
        let goes_on = match next {
            Some(active) => Start::Claimed(Arc::new(Claim::new(active, seen, ObservedAt::Held, self.engine.now()))),
            None => Start::Seen(Box::new(seen)),
        };
        Ok(Finished { record, marker: claim.request().marker, goes_on })
    }
}

/// The record with which the outbox says that a deployment has ended; this one, where the outbox has it no more.
fn ended_as(seen: &Versioned, record: DeploymentRecord) -> DeploymentRecord {
    let ended = seen.head.outbox().iter().map(|entry| &entry.record).find(|ended| ended.id == record.id);
    ended.cloned().unwrap_or(record)
}

/// Says why it was this artifact, where that is not plain; and of a rollback that did not get everywhere, what completes it.
fn add_hint(record: &mut DeploymentRecord, chosen: Option<&ResolvedArtifact>) {
    let reached = record.targets.iter().any(TargetOutcome::has_reached);
    let is_half = record.cause.kind == CauseKind::Rollback && record.status == Status::Failed && reached;
    let hint = match (chosen.and_then(|chosen| chosen.because.clone()), is_half) {
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
    let seconds =
        record.finished_at.map_or(0.0, |at| (at - record.started_at).total(jiff::Unit::Second).unwrap_or(0.0));
    let because = record.because.as_deref().unwrap_or_default();
    match record.status {
        Status::Succeeded | Status::Unchanged => {
            tracing::info!(deployment = %record.id, status = %record.status, seconds, "{ENDED_LINE}");
        }
        _ => tracing::warn!(
            deployment = %record.id, status = %record.status, code = ?record.code, seconds, "{ENDED_LINE}: {because}"),
    }
}
