//! A rollback ends the groups that wait and that its function is a member of, and so does a promotion of the function alone
//! that is let in before them: once it was accepted, and before it goes on. Only then is it true that it has ended them.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use deployer_core::function_ref::FunctionRef;
use deployer_core::group::{self, Group};
use deployer_core::head::{self, EndedGroup, Request};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::record::{DeploymentRecord, EndedWaiting};
use futures::future::{Either, select};
use jiff::Timestamp;

use super::Groups;
use super::open::OpenGroups;
use crate::Transient;
use crate::claim::{SubmitOutcome, claim_as_in};
use crate::store::{Change, Versioned};

/// The time for which a rollback waits for the groups that it may end, and its plan for those that it would end.
const WAITS_AT_MOST: Duration = Duration::from_secs(1);

/// Ends the groups for a rollback or a promotion that was just let in, and names them in its request. Those that cannot be
/// ended within a second are left to the sweep, and a rollback says so: an incident does not wait for them.
pub(crate) async fn end_for_newer(
    groups: Groups<'_>,
    (at, request): (&FunctionRef<'_>, &Request),
    mut outcome: SubmitOutcome,
) -> SubmitOutcome {
    let seen = match &outcome {
        SubmitOutcome::Claimed(claim) => Some(claim.seen()),
        SubmitOutcome::Queued { is_duplicate: false, record, .. } if record.id == request.id => None,
        _ => return outcome,
    };
    if request.group().is_some() {
        return outcome;
    }
    // A rollback that has joined another one ends nothing.
    if seen.as_ref().is_some_and(|seen| !seen.head.queue().is_claimed_or_next(request.id)) {
        return outcome;
    }
    let (ended, unended) = groups.open().end_before(at, request).await;
    let left = request.rollback().and_then(|_| group::left_to_sweep(&at.function, unended.as_deref()));
    if ended.is_empty() && left.is_none() {
        return outcome;
    }
    let change = async |seen: &mut Versioned| {
        Ok::<_, Transient>(match head::with_ended_groups(&seen.head, request.id, (&ended, left.as_deref())) {
            Some(head) => Change::Write(Box::new(head), ()),
            None => Change::Keep(()),
        })
    };
    match groups.engine.store().update_head(at, seen, change).await {
        Ok((seen, ())) => outcome = named(outcome, request, seen, groups.engine.now()),
        Err(error) => {
            tracing::warn!(deployment = %request.id, "it does not name the groups that it has ended: {error}");
        }
    }
    if let (SubmitOutcome::Queued { record, .. }, Some(left)) = (&mut outcome, &left) {
        record.add(left);
    }
    outcome
}

/// Returns the outcome of a request that names by now what it has ended.
fn named(outcome: SubmitOutcome, request: &Request, seen: Versioned, now: Timestamp) -> SubmitOutcome {
    match outcome {
        SubmitOutcome::Claimed(claim) => SubmitOutcome::Claimed(Arc::new(claim_as_in(&claim, seen, now))),
        SubmitOutcome::Queued { mut record, behind, is_duplicate } => {
            if let Some(next) = seen.head.all_pending().iter().find(|next| next.id == request.id) {
                record.ended_waiting.clone_from(&next.ended_waiting);
            }
            SubmitOutcome::Queued { record, behind, is_duplicate }
        }
        other => other,
    }
}

/// Does what is left to be done for the groups that a request has ended: their members' records, and their events.
pub(crate) async fn finish_ended(groups: Groups<'_>, newer: &DeploymentRecord) {
    for group in newer.ended_waiting.iter().filter(|named| !named.functions.is_empty()) {
        if let Err(error) = groups.reconcile(&newer.environment, group.deployment).await {
            tracing::warn!(group = %group.deployment, "its end is left to the sweep: {error}");
        }
    }
}

impl OpenGroups<'_> {
    /// Lists the groups that wait, and that a rollback of this function ends which is asked for now.
    pub(crate) async fn waiting_before_rollback(
        self,
        environment: &EnvironmentName,
        function: &FunctionName,
    ) -> Vec<EndedWaiting> {
        let (groups, engine) = (self.0, self.0.engine);
        let read = pin!(groups.open().in_environment(environment));
        let read = match select(read, engine.ports.clock.sleep(WAITS_AT_MOST)).await {
            Either::Left((read, _)) => read,
            Either::Right(_) => Err(Transient::Deadline),
        };
        let open = read.unwrap_or_else(|error| {
            tracing::warn!(%environment, "the groups that wait there are left out: {error}");
            vec![]
        });
        let ends = open.iter().filter(|group| group::waits_before_rollback(group, function, engine.now()));
        ends.map(|group| group::as_ended_waiting(group, function)).collect()
    }

    /// Writes the ends of the groups that wait, and that this request ends. Returns those that it has ended, and the ids of
    /// those that it could not end in time; none where they could not be read.
    async fn end_before(self, at: &FunctionRef<'_>, newer: &Request) -> (Vec<EndedGroup>, Option<Vec<DeploymentId>>) {
        let engine = self.0.engine;
        let (mut ended, mut unended) = (vec![], None);
        let work = async {
            let open = self.in_environment(&at.name).await?;
            let waits = |group: &&Group| group::gives_way_to(group, &at.function, newer);
            let ids: Vec<DeploymentId> = open.iter().filter(waits).map(|group| group.id).collect();
            let left: &mut BTreeSet<DeploymentId> = unended.insert(ids.iter().copied().collect());
            for id in ids {
                let end = |open: &Group| group::ended_by_newer(open, &at.function, newer, engine.now());
                // The consequences of the end wait until a rollback is done.
                let before = match newer.rollback() {
                    Some(_) => self.write_end(&at.name, id, end).await.map(|written| Some(written?.0)),
                    None => self.end_undecided(&at.name, id, end).await,
                };
                match before {
                    Ok(before) => {
                        left.remove(&id);
                        ended.extend(before.and_then(|before| group::as_ended_group(&before, &at.function)));
                    }
                    Err(error) => tracing::warn!(group = %id, "left to the sweep: {error}"),
                }
            }
            Ok::<_, Transient>(())
        };
        let in_time = {
            let work = pin!(work);
            match select(work, engine.ports.clock.sleep(WAITS_AT_MOST)).await {
                Either::Left((done, _)) => done,
                Either::Right(_) => Err(Transient::Deadline),
            }
        };
        if let Err(error) = in_time {
            tracing::warn!(environment = %at.name, "groups that wait there are left to the sweep: {error}");
        }
        (ended, unended.map(|left| left.into_iter().collect()))
    }
}
