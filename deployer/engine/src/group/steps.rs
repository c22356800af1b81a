//! The steps of a group: its functions are checked, take their places, move, and are rolled back where one fails.

use std::time::Duration;

use deployer_core::commanded::CommandEffect;
use deployer_core::group::{Checked, Group, Member};
use deployer_core::head::{self, ApprovalEffect, GivenUp, Head, Placing, Request, Wakeup};
use deployer_core::promotion::{Decision, SourceEnvironment, Wait};
use deployer_core::record::{Code, DeploymentRecord, Ending};
use futures::future::{join_all, try_join_all};

use crate::Transient;
use crate::claim::{SubmitOutcome, timed};
use crate::error::CommandError;
use crate::handle::FunctionCommands;
use crate::store::{Change, Versioned};

use super::Groups;

/// How long it is tried to see what the sources of a group serve.
const UNSEEN_FOR: Duration = Duration::from_secs(86_400);

impl Groups<'_> {
    /// Judges each function of a group, before any of them moves.
    pub(super) async fn check(self, group: &Group) -> Result<Vec<Checked>, Transient> {
        try_join_all(group.functions.iter().map(|member| self.check_member(group, member))).await
    }

    pub(super) async fn check_member(self, group: &Group, member: &Member) -> Result<Checked, Transient> {
        let at = self.place_of(group, member)?;
        let head = async { Ok::<_, Transient>(self.engine.store().head(&at).await?) };
        // Its group is asked: all rules count.
        let (seen, inputs) = futures::try_join!(head, self.engine.on(&at).promotions().inputs(None))?;
        let none = SourceEnvironment::default();
        let promoting = group.promoting(member);
        let promoting = match promoting.artifact {
            Some(_) => promoting,
            None => promoting.looked_up_in(inputs.sources.get(&group.from).unwrap_or(&none)),
        };
        let chosen = promoting.artifact.clone();
        let request = timed(self.engine, &group.request(member, promoting.clone(), self.engine.token()), &seen);
        if let Some(refusal) = at.refusal(request.cause.kind) {
            return Ok((Decision::Deny(refusal), chosen));
        }
        let verdict = self.engine.on(&at).promotions().policy(&seen.head, &inputs).judge(&request, &promoting);
        // What came after it waits behind it.
        let holds_place = seen.head.id_of(&request).is_some();
        let verdict =
            match (head::promotion_refusal(&seen.head, &request, &verdict, &at).filter(|_| !holds_place), verdict) {
                (Some(ending), Decision::Allow) => Decision::Deny(ending),
                (_, verdict) => verdict,
            };
        let drifted = match (&verdict, &chosen) {
            (Decision::Allow, Some(chosen)) => {
                match self
                    .engine
                    .on(&at)
                    .promotions()
                    .has_drifted(&promoting, chosen, &inputs.sources, request.id)
                    .await
                {
                    // For a day: then somebody has to look.
                    Err(Transient::Unseen(because)) if self.engine.timer().passed(group.started_at) > UNSEEN_FOR => {
                        Some(Ending::Refused { code: Code::NotPromotable, because })
                    }
                    Err(Transient::Unseen(because)) => {
                        let wait = Wait { unseen: Some(because), ..Wait::over(group.started_at) };
                        return Ok((Decision::Wait(wait), Some(chosen.clone())));
                    }
                    drifted => drifted?,
                }
            }
            _ => None,
        };
        Ok((drifted.map_or(verdict, Decision::Deny), chosen))
    }

    /// Each member takes its place, one after the other in the order of their functions: so two groups never wait for each
    /// other. When all hold theirs they are judged once more, and the group is decided.
    pub(super) async fn place_and_decide(self, group: &Group) -> Result<Group, Transient> {
        for member in &group.functions {
            match self.take_place(group, member).await? {
                Placing::Now(_) | Placing::Held => {}
                Placing::Behind(other) => return Ok(group.waits_for(member, other)),
                Placing::Ended => {
                    let at = self.place_of(group, member)?;
                    let record = self.engine.on(&at).commands().known(&self.request_of(group, member)).await?;
                    let because = record.as_ref().and_then(|record| record.because.as_deref());
                    let code = record.as_ref().and_then(|record| record.code);
                    return Ok(group.displaced(member, because, code, self.engine.now()));
                }
            }
        }
        Ok(group.decided(&self.check(group).await?, self.engine.now()))
    }

    pub(super) fn request_of(self, group: &Group, member: &Member) -> Request {
        let request = group.request(member, group.promoting(member), self.engine.token());
        Request { accepted_at: self.engine.now(), ..request }
    }

    pub(super) async fn take_place(self, group: &Group, member: &Member) -> Result<Placing, Transient> {
        let at = self.place_of(group, member)?;
        let request = self.request_of(group, member);
        let mut marked = false;
        let change = async |seen: &mut Versioned| {
            let placing = head::reserve_place(&seen.head, &request, self.engine.now());
            let Placing::Now(head) = &placing else { return Ok(Change::Keep(placing)) };
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

    /// Gives back the places of a group that is not decided, or whose environment deployer.json does not have any more.
    pub(super) async fn give_places_back(self, group: &Group) -> Result<(), Transient> {
        let Some(token) = group.places else { return Ok(()) };
        for member in &group.functions {
            let key = Head::key(&group.environment, &member.function);
            // By its key: deployer.json may not have the environment any more.
            let change = async |head: Option<&Head>| {
                let without = head.and_then(|head| head::release_place(head, member.deployment, token));
                Ok::<_, Transient>(match without {
                    Some((without, marker)) => Change::Write(without, Some(marker)),
                    None => Change::Keep(None),
                })
            };
            if let Some(marker) = self.engine.store().update(&key, change).await? {
                self.engine.store().delete(&Head::marker_key(&group.environment, &member.function, marker)).await;
                if let Ok(at) = self.place_of(group, member) {
                    // The request that has waited behind it.
                    self.engine.on(&at).schedule_wakeup().await;
                }
            }
        }
        Ok(())
    }

    /// The group is decided: somebody shall go on with each member, or where there is no queue we do.
    pub(super) async fn send_members(self, group: &Group) {
        let sent = group.functions.iter().map(|member| async move {
            let at = self.place_of(group, member)?;
            match self.engine.ports.queue.is_some() {
                true => {
                    self.engine
                        .on(&at)
                        .send_tick(Wakeup { id: member.deployment, claim: None }, self.engine.now())
                        .await
                }
                false => Box::pin(self.engine.on(&at).promotions().resume(member.deployment)).await.map(drop),
            }
        });
        for outcome in join_all(sent).await {
            if let Err(transient) = outcome {
                tracing::warn!(group = %group.id, "a member is left to the sweep: {transient}");
            }
        }
    }

    /// How far each deployment of a group is.
    pub(super) async fn move_all(self, group: &Group) -> Result<Vec<Option<DeploymentRecord>>, Transient> {
        let moves = group.functions.iter().map(|member| async move {
            let at = self.place_of(group, member)?;
            let known = self.engine.on(&at).commands().known(&self.request_of(group, member)).await?;
            if known.is_none() {
                // Its head was lost, or written back to what it was before.
                self.take_place(group, member).await?;
            }
            Ok(known)
        });
        // One that cannot be asked for now holds up no other.
        join_all(moves).await.into_iter().collect()
    }

    /// How far the way back of each is that had moved.
    pub(super) async fn roll_back_members(self, group: &Group) -> Result<Vec<Option<DeploymentRecord>>, Transient> {
        let ways = group.functions.iter().map(|member| async move {
            let at = self.place_of(group, member)?;
            let back = group.request_back(member, (self.engine.now(), self.engine.token()));
            let Some(request) = back.filter(|_| member.has_moved()) else { return Ok(None) };
            match self.engine.on(&at).commands().known(&request).await? {
                Some(known) => Ok(Some(known)),
                None => Box::pin(self.engine.on(&at).commands().undo(&request)).await,
            }
        });
        join_all(ways).await.into_iter().collect()
    }

    /// One of them has not got there: those that still wait need not go any more.
    pub(super) async fn withdraw(self, group: &Group) -> Result<(), Transient> {
        for member in group.to_withdraw(self.engine.now()) {
            let at = self.place_of(group, member)?;
            let because = match group.is_late(self.engine.now()) {
                true => "it had not arrived six hours after its group was decided".to_owned(),
                false => "another function of its group did not get there".to_owned(),
            };
            let withdrawn =
                |head: &Head| match head::decline(head, member.deployment, because.clone(), &at, self.engine.now()) {
                    ApprovalEffect::Now(head) => Some(CommandEffect::Now(head)),
                    _ => None,
                };
            self.engine.on(&at).commands().change_head(withdrawn).await.map_err(|error| match error {
                CommandError::Transient(transient) => transient,
                CommandError::Invalid(because) => Transient::Unseen(because),
            })?;
        }
        Ok(())
    }
}

impl FunctionCommands<'_> {
    /// Has an artifact taken back: by a tick, for whoever asks has other work to do; or by us, where there is no queue.
    pub(crate) async fn undo(self, request: &Request) -> Result<Option<DeploymentRecord>, Transient> {
        if self.engine.ports.queue.is_none() {
            return self.reconciler().submit(request).await;
        }
        self.engine.store().mark_open(self.at, request).await?;
        match self.reconciler().accept_unrefused(request).await? {
            SubmitOutcome::Claimed(claim) => {
                self.reconciler().release(&claim, GivenUp::Untouched).await;
                self.reconciler()
                    .send_tick(Wakeup { id: claim.request().id, claim: Some(claim.token()) }, self.engine.now())
                    .await?;
                Ok(self.progress(request).await)
            }
            standing => self.reconciler().answer(request, standing).await,
        }
    }
}
