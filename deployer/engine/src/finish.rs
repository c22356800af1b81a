//! Step "finish": one write of the head ends a deployment; everything else follows from the head's outbox, by us or by
//! whoever comes next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::destination::FunctionRef;
use deployer_core::head::{Active, End, Finish, Head, ManagedKeys, OutboxEntry, ResolvedArtifact, SideEffect};
use deployer_core::id::{DeploymentId, Token};
use deployer_core::names::ENDED_LINE;
use deployer_core::record::{CauseKind, DeploymentRecord, Ending, RecordedArtifact, Status, TargetOutcome};
use futures::future::join_all;

use super::claim::{Claim, ObservedAt};
use super::lock::locked;
use super::store::{Change, Persistence, Versioned};
use super::{Engine, Transient};
use crate::port::{ETag, LedgerError};

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

/// A deployment that has ended, and the claim on the one that waited for it.
pub(super) struct Finished {
    pub record: DeploymentRecord,
    /// The marker of its request.
    pub marker: Token,
    pub next: Option<Arc<Claim>>,
}

/// What has become of an outbox.
pub(super) struct Settled {
    pub seen: Versioned,
    /// Whose record or result could not be written, and why: these stay in the outbox.
    pub left: Vec<(DeploymentId, LedgerError)>,
}

impl Settled {
    /// The head, unless the record or the result of this deployment is not written. What another one's is like is
    /// nothing to whoever asks for this one.
    pub fn of(self, id: DeploymentId) -> Result<Versioned, Transient> {
        match self.left.into_iter().find(|(left, _)| *left == id) {
            Some((_, error)) => Err(error.into()),
            None => Ok(self.seen),
        }
    }
}

/// How long a commit is tried: what the ledger refuses for longer than this needs a person, and others wait for us.
const LONGEST: Duration = Duration::from_secs(60);

impl Engine {
    /// Ends the deployment, and claims the one that waits, if there is time for it.
    pub(super) async fn finish(
        &self,
        at: &FunctionRef<'_>,
        claim: &Claim,
        ending: Ending,
        facts: FinishDetails,
    ) -> Result<Finished, Transient> {
        let FinishDetails { artifact, named, written, kept, provisioned, unseen } = facts;
        // Nobody has written anything before it was known what the deployment is about.
        let begun = claim.resumed() && claim.chosen().is_some();
        let ending = at.although_begun(ending, &claim.all_done(), begun);
        let mut record = at.record_of(claim.active(), Status::InProgress).ended(ending, self.now());
        record.artifact = artifact.or(record.artifact);
        let awaits = |outcome: &TargetOutcome| unseen && claim.active().awaits(&outcome.target()).is_some();
        for outcome in record.targets.iter_mut().filter(|outcome| awaits(outcome)) {
            outcome.reached |= !outcome.has_arrived();
        }
        add_hint(&mut record, claim.chosen());
        locked(&claim.warnings).iter().for_each(|warning| record.add(warning));
        let doors = claim.doors.all();
        let end = End { record, named, written, kept, doors, provisioned, untold_start: claim.is_start_untold() };
        let (me, since) = (self.claimant(), self.now());
        let may_try = || self.left() > self.patience.record_needs && self.passed(since) < LONGEST;
        // The targets are live already: nothing is as urgent as this write, as long as there is time.
        let persistence = Persistence { errors: &|_| may_try(), races: &|_| may_try() };
        let change = async |seen: &mut Versioned| match seen.head.finish(
            claim.token(),
            &end,
            at,
            self.has_time_for_another().then_some(&me),
        ) {
            Finish::Commit { head, next } => Ok(Change::Write(head, (true, next))),
            Finish::Over { next } => Ok(Change::Keep((false, next))),
            Finish::Lost => Err(Transient::TakenOver),
        };
        let (seen, (is_ours, next)) =
            self.store().update_head_with(at, Some(claim.seen()), persistence, change).await?;
        let record = match is_ours {
            true => end.record,
            false => self.store().record(at, end.record.id).await.ok().flatten().unwrap_or(end.record),
        };
        // The head may have made more of it: a deployment that was asked to stop ends as superseded.
        let record = ended_as(&seen, record);
        self.committed(at, claim, record, seen, next).await
    }

    async fn committed(
        &self,
        at: &FunctionRef<'_>,
        claim: &Claim,
        record: DeploymentRecord,
        seen: Versioned,
        next: Option<Active>,
    ) -> Result<Finished, Transient> {
        report(&record);
        let settled = self.settle_over(at, seen.clone(), Some((record.id, claim.noted()))).await;
        let settled = settled.and_then(|settled| settled.of(record.id));
        let seen = match (settled, &next) {
            (Ok(seen), _) => seen,
            // The next deployment is claimed, and shall not wait for its lease to end. What is left stays in the outbox.
            (Err(error), Some(_)) => {
                tracing::warn!("the record or the result is not written yet: {error}");
                seen
            }
            (Err(error), None) => {
                self.come_back(at).await;
                return Err(error);
            }
        };
        if next.is_none() && seen.head.sleeps(self.now()) {
            // There was no time left for the one that waits.
            self.come_back(at).await;
        }
        let next = next.map(|active| Arc::new(Claim::new(active, seen, ObservedAt::Held, self.now())));
        Ok(Finished { record, marker: claim.request().marker, next })
    }

    /// Carries out what follows from ended deployments; then has the head forget them, and deletes their markers. Somebody may
    /// do the same at the same time. What cannot be done for one of them holds up no other.
    pub(super) async fn settle(&self, at: &FunctionRef<'_>, seen: Versioned) -> Result<Settled, Transient> {
        self.settle_over(at, seen, None).await
    }

    /// The same, where the state of one of the records is known.
    async fn settle_over(
        &self,
        at: &FunctionRef<'_>,
        seen: Versioned,
        noted: Option<(DeploymentId, Option<ETag>)>,
    ) -> Result<Settled, Transient> {
        let mut done: BTreeMap<DeploymentId, BTreeSet<SideEffect>> = BTreeMap::new();
        let change = async |seen: &mut Versioned| {
            let open: Vec<OutboxEntry> = seen.head.outbox().iter().filter_map(|entry| undone(entry, &done)).collect();
            let over = |record: &DeploymentRecord| noted.clone().filter(|(id, _)| *id == record.id)?.1;
            let carried_out = open.iter().map(|entry| self.carry_out(at, entry, over(&entry.record)));
            let mut left = Vec::new();
            for (entry, fared) in open.iter().zip(join_all(carried_out).await) {
                let others = noted.as_ref().is_none_or(|(id, _)| *id != entry.record.id);
                if others && fared.done.contains(&SideEffect::Record) {
                    report(&entry.record);
                }
                left.extend(fared.unwritten.map(|error| (entry.record.id, error)));
                done.entry(entry.record.id).or_default().extend(fared.done);
            }
            let changes: Vec<_> = done.clone().into_iter().collect();
            let closed = seen.head.outbox().iter().filter(|entry| undone(entry, &done).is_none());
            let closed: Vec<Token> = closed.map(|entry| entry.marker).collect();
            Ok::<_, Transient>(match seen.head.without(&changes) {
                None => Change::Keep((left, closed)),
                Some(head) => Change::Write(Box::new(head), (left, closed)),
            })
        };
        let (seen, (left, closed)) = self.store().update_head(at, Some(seen), change).await?;
        self.close(at, &closed).await;
        for (id, error) in &left {
            tracing::error!(deployment = %id, "its record or its result is not written: {error}");
        }
        Ok(Settled { seen, left })
    }

    /// Nothing is open for these any more. A marker that stays is cleared away by the sweep.
    async fn close(&self, at: &FunctionRef<'_>, markers: &[Token]) {
        let keys = markers.iter().map(|marker| Head::marker_key(&at.name, &at.function, *marker));
        join_all(keys.map(async |key| self.store().delete(&key).await)).await;
    }
}

/// The record with which the outbox says that a deployment has ended; this one, where the outbox has it no more.
fn ended_as(seen: &Versioned, record: DeploymentRecord) -> DeploymentRecord {
    let ended = seen.head.outbox().iter().map(|entry| &entry.record).find(|ended| ended.id == record.id);
    ended.cloned().unwrap_or(record)
}

/// What is still to be done of an entry.
fn undone(entry: &OutboxEntry, done: &BTreeMap<DeploymentId, BTreeSet<SideEffect>>) -> Option<OutboxEntry> {
    let todo = match done.get(&entry.record.id) {
        Some(done) => &entry.todo - done,
        None => entry.todo.clone(),
    };
    (!todo.is_empty()).then(|| OutboxEntry { todo, ..entry.clone() })
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

fn report(record: &DeploymentRecord) {
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
