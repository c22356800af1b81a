//! The steps of a group: its functions are checked, take their places, move, and are rolled back if one fails.

use std::time::Duration;

use deployer_core::function_ref::{FunctionRef, gone_function};
use deployer_core::group::{CheckedMember, Group, Member, MemberRead, ending_of_members};
use deployer_core::head::{self, ApprovalEffect, FormerCommand, Head, Request, Reservation, UsedId, Wakeup};
use deployer_core::hold_and_reject::CommandEffect;
use deployer_core::ledger_keys;
use deployer_core::promotion::{Decision, SourceEnvironment, Wait};
use deployer_core::record::{Code, DeploymentRecord, Ending};
use futures::future::{join_all, try_join_all};

use crate::Transient;
use crate::claim::timed;
use crate::commands::change_head::change_head;
use crate::commands::progress::{head_and_record, known_record};
use crate::commands::undo::undo;
use crate::store::{Change, Versioned};

use super::Groups;

/// The time for which reading the code that a group's sources serve is tried.
const UNSEEN_FOR: Duration = Duration::from_secs(86_400);

/// The rollback of a member, and its function.
pub(super) type Rollback<'e> = (FunctionRef<'e>, Request);

/// The rollbacks of a group's members.
#[derive(Default)]
pub(super) struct RollbackState<'e> {
    /// The record of each member's rollback, in the order of the members; none where there is none yet, or none is needed.
    pub records: Vec<Option<DeploymentRecord>>,
    /// The rollbacks that no head knows yet.
    pub to_begin: Vec<Rollback<'e>>,
    /// The error of a member that could not be read, or written.
    pub unread: Option<Transient>,
}

impl<'e> Groups<'e> {
    /// Evaluates each function of a group, before any of them moves.
    pub(super) async fn check(self, group: &Group) -> Result<Vec<CheckedMember>, Transient> {
        try_join_all(group.functions.iter().map(|member| self.check_member(group, member))).await
    }

    pub(crate) async fn check_member(self, group: &Group, member: &Member) -> Result<CheckedMember, Transient> {
        let at = self.function_ref(group, member)?;
        let head = async { Ok::<_, Transient>(self.engine.store().head(&at).await?) };
        // The group asks, not its member: all rules count.
        let (seen, inputs) = futures::try_join!(head, self.engine.reconciler(&at).promotions().inputs(None))?;
        let none = SourceEnvironment::default();
        let promoting = group.promotion_spec(member);
        let promoting = match promoting.artifact {
            Some(_) => promoting,
            None => promoting.resolved_in(inputs.sources.get(&group.from).unwrap_or(&none)),
        };
        let mut resolved = promoting.artifact.clone();
        if let Some(resolved) = &mut resolved {
            resolved.warning = head::warning_of(&seen.head, resolved, &at.name);
        }
        let request = timed(self.engine, &group.request(member, promoting.clone(), self.engine.token()), &seen);
        if let Some(refusal) = at.refusal(request.cause.kind) {
            return Ok((Decision::Deny(refusal), resolved));
        }
        let policy = self.engine.reconciler(&at).promotions().policy(&seen.head, &inputs);
        let decision = match group.is_accepted() {
            true => policy.evaluate(&request, &promoting),
            false => policy.evaluate_new(&request, &promoting),
        };
        // A request that came later waits behind the member's place.
        let holds_place = seen.head.id_of(&request).is_some();
        let refusal = match &decision {
            Decision::Allow => head::promotion_refusal(&seen.head, &request, &decision, &at),
            // Whatever it waits for, it comes too late.
            Decision::Wait(_) => head::outdated(&seen.head, &request),
            Decision::Deny(_) => None,
        };
        let decision = refusal.filter(|_| !holds_place).map_or(decision, Decision::Deny);
        let drifted = match (&decision, &resolved) {
            (Decision::Allow, Some(resolved)) => {
                let promotions = self.engine.reconciler(&at).promotions();
                match promotions.has_drifted(&promoting, resolved, &inputs.sources, request.id).await {
                    // After a day a person has to look.
                    Err(Transient::Unseen(because)) if self.engine.timer().passed(group.started_at) > UNSEEN_FOR => {
                        Some(Ending::Refused { code: Code::NotPromotable, because })
                    }
                    Err(Transient::Unseen(because)) => {
                        let wait = Wait { unseen: Some(because), ..Wait::over(group.started_at) };
                        return Ok((Decision::Wait(wait), Some(resolved.clone())));
                    }
                    drifted => drifted?,
                }
            }
            _ => None,
        };
        Ok((drifted.map_or(decision, Decision::Deny), resolved))
    }

    /// Lets each member take its place. When all hold theirs, they are evaluated once more, and the group is decided.
    pub(super) async fn place_and_decide(self, group: &Group) -> Result<Group, Transient> {
        if let Some(waiting_or_ended) = self.take_places(group).await? {
            return Ok(waiting_or_ended);
        }
        let checked = group.with_final_checks(&self.check(group).await?, self.engine.now());
        if checked.decided_at.is_none() {
            return Ok(checked);
        }
        // The evaluation took seconds, in which a hold can have taken a member's place away.
        Ok(self.take_places(group).await?.unwrap_or(checked))
    }

    /// Lets each member take its place, one after the other in the order of their functions, so that two groups never
    /// wait for each other. If not all hold theirs, returns the group as it waits or has ended.
    async fn take_places(self, group: &Group) -> Result<Option<Group>, Transient> {
        for member in &group.functions {
            match self.take_place(group, member).await? {
                Reservation::Write(_) | Reservation::HasPlace => {}
                Reservation::Behind(other) => return Ok(Some(group.waits_for(member, other))),
                Reservation::SameId(other) => {
                    let used = UsedId::Command {
                        id: group.cause.event_id.as_deref().unwrap_or_default().to_owned(),
                        was: FormerCommand::of("a promotion", other),
                    };
                    return Ok(Some(group.displaced(member, Some(&used.to_string()), None, self.engine.now())));
                }
                Reservation::Ended => {
                    let at = self.function_ref(group, member)?;
                    let record = known_record(self.engine, &at, &self.request_of(group, member)).await?;
                    let because = record.as_ref().and_then(|record| record.because.as_deref());
                    let code = record.as_ref().and_then(|record| record.code);
                    return Ok(Some(group.displaced(member, because, code, self.engine.now())));
                }
            }
        }
        Ok(None)
    }

    pub(super) fn request_of(self, group: &Group, member: &Member) -> Request {
        let request = group.request(member, group.promotion_spec(member), self.engine.token());
        Request { accepted_at: self.engine.now(), ..request }
    }

    pub(super) async fn take_place(self, group: &Group, member: &Member) -> Result<Reservation, Transient> {
        let at = self.function_ref(group, member)?;
        let request = self.request_of(group, member);
        let mut marked = false;
        let change = async |seen: &mut Versioned| {
            let placing = head::reserve_place(&seen.head, &request, self.engine.now());
            let Reservation::Write(head) = &placing else { return Ok(Change::Keep(placing)) };
            if !marked {
                self.engine.store().mark_open(&at, &request).await?;
                marked = true;
            }
            Ok::<_, Transient>(Change::Write(head.clone(), placing))
        };
        let (seen, placing) = self.engine.store().update_head(&at, None, change).await?;
        if marked && !seen.head.needs(request.marker) {
            self.engine.store().unmark(&at, &request).await;
        }
        Ok(placing)
    }

    /// Releases the places of a group that is not decided.
    pub(super) async fn release_places(self, group: &Group) -> Result<(), Transient> {
        let Some(token) = group.place_token else { return Ok(()) };
        for member in &group.functions {
            let key = ledger_keys::head(&group.environment, &member.function);
            // The head is found by its key, because deployer.json may not have the environment any more.
            let change = async |head: Option<&Head>| {
                let without = head.and_then(|head| head::release_place(head, member.deployment, token));
                Ok::<_, Transient>(match without {
                    Some((without, marker)) => Change::Write(without, Some(marker)),
                    None => Change::Keep(None),
                })
            };
            if let Some(marker) = self.engine.store().update(&key, change).await? {
                self.engine.store().delete(&ledger_keys::marker(&group.environment, &member.function, marker)).await;
                if let Ok(at) = self.function_ref(group, member) {
                    // The request that has waited behind the place goes on.
                    self.engine.reconciler(&at).schedule_wakeup().await;
                }
            }
        }
        Ok(())
    }

    /// Sends a tick to each member of a group that is decided; without a queue it works on the members itself.
    pub(super) async fn dispatch_members(self, group: &Group) {
        let sent = group.functions.iter().map(|member| async move {
            let at = function_or_gone(self, group, member);
            match self.engine.ports.queue.is_some() {
                true => {
                    let wakeup = Wakeup { id: member.deployment, claim: None };
                    self.engine.reconciler(&at).send_tick(wakeup, self.engine.now()).await
                }
                false => {
                    Box::pin(self.engine.reconciler(&at).promotions().resume_waiting(member.deployment)).await.map(drop)
                }
            }
        });
        for outcome in join_all(sent).await {
            if let Err(transient) = outcome {
                tracing::warn!(group = %group.id, "a member is left to the sweep: {transient}");
            }
        }
    }

    /// Reads how far the members are, in their order, and returns the error of one that could not be read: it holds up no
    /// other, and stays as it was.
    pub(super) async fn read_members(self, group: &Group) -> (Vec<Option<MemberRead>>, Option<Transient>) {
        let reads = group.functions.iter().map(|member| async move {
            let at = function_or_gone(self, group, member);
            let (head, known) = head_and_record(self.engine, &at, &self.request_of(group, member)).await?;
            if known.is_none() && !at.is_gone() {
                // The head was lost, or written back to an earlier state.
                self.take_place(group, member).await?;
            }
            Ok::<_, Transient>(MemberRead::of(&head, member.deployment, known))
        });
        let mut unread = None;
        let keep = |read: Result<MemberRead, Transient>| read.map_err(|error| unread = Some(error)).ok();
        let members = join_all(reads).await.into_iter().map(keep).collect();
        (members, unread)
    }

    /// Reads the records of the rollbacks of the members that had moved, and collects the rollbacks that no head knows. A member
    /// that cannot be read holds up no other.
    pub(super) async fn rollbacks(self, group: &Group) -> RollbackState<'e> {
        let reads = group.functions.iter().map(|member| async move {
            let at = self.function_ref(group, member)?;
            let request = group.rollback_request(member, (self.engine.now(), self.engine.token()));
            let Some(request) = request.filter(|_| member.has_moved()) else { return Ok((None, None)) };
            Ok(match known_record(self.engine, &at, &request).await? {
                Some(known) => (Some(known), None),
                None => (None, Some((at, request))),
            })
        });
        let mut state = RollbackState::default();
        for read in join_all(reads).await {
            let (record, unknown) = read.unwrap_or_else(|error| {
                state.unread = Some(error);
                (None, None)
            });
            state.records.push(record);
            state.to_begin.extend(unknown);
        }
        state
    }

    /// Begins rollbacks. A failed one holds up no other.
    pub(super) async fn begin_rollbacks(self, rollbacks: &[Rollback<'e>]) -> Result<(), Transient> {
        let begun = rollbacks.iter().map(|(at, request)| Box::pin(undo(self.engine, at, request)));
        join_all(begun).await.into_iter().try_for_each(|begun| begun.map(drop))
    }

    /// Withdraws the members that still wait, once another member has failed.
    pub(super) async fn withdraw(self, group: &Group) -> Result<(), Transient> {
        let mut failed = None;
        for member in group.to_withdraw(self.engine.now()) {
            let at = self.function_ref(group, member)?;
            let because = match group.is_late(self.engine.now()) {
                true => "it had not arrived six hours after its group was decided".to_owned(),
                false => "another function of its group did not get there".to_owned(),
            };
            let withdrawn = async |head: &Head| {
                Ok(match head::decline(head, member.deployment, (None, because.clone()), &at, self.engine.now()) {
                    ApprovalEffect::Write(head) => Some(CommandEffect::Write(head)),
                    _ => None,
                })
            };
            // A member that cannot be written now holds up no other.
            failed = change_head(self.engine, &at, None, withdrawn)
                .await
                .map_err(|error| error.into_refusal().map_or_else(|transient| transient, Transient::Unseen))
                .err()
                .or(failed);
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Finds a member's function in deployer.json, or as the ledger knows it where deployer.json does not have the environment
/// any more.
fn function_or_gone<'e>(groups: Groups<'e>, group: &Group, member: &Member) -> FunctionRef<'e> {
    let found = groups.function_ref(group, member);
    found.unwrap_or_else(|_| gone_function(&group.environment, &member.function, None))
}

/// Records in the history of each member that its group has ended undecided. A member whose head cannot be written holds
/// up neither the others nor the group.
///
/// # Errors
/// The invocation has no time left: the next sweep goes on.
pub(super) async fn record_undecided(groups: Groups<'_>, group: &Group) -> Result<(), Transient> {
    let Some(ending) = ending_of_members(group) else { return Ok(()) };
    let engine = groups.engine;
    let now = group.finished_at.unwrap_or_else(|| engine.now());
    let records = group.functions.iter().map(|member| {
        let ending = ending.clone();
        async move {
            let at = groups.function_ref(group, member)?;
            let request = group.request(member, group.promotion_spec(member), engine.token());
            engine.store().mark_open(&at, &request).await?;
            let end = |seen: &Versioned| head::end_undecided_member(&seen.head, &request, ending.clone(), &at, now);
            let outcome = engine.reconciler(&at).transition(None, Some(request.marker), end).await?;
            engine.reconciler(&at).handle_outcome(&request, outcome).await.map(drop)
        }
    });
    for (member, written) in group.functions.iter().zip(join_all(records).await) {
        match written {
            Err(late @ (Transient::Deadline | Transient::NoTime)) => return Err(late),
            Err(error) => tracing::warn!(
                group = %group.id, function = %member.function, "history will not tell how the group has ended: {error}"
            ),
            Ok(()) => {}
        }
    }
    Ok(())
}
