//! Promotions of several functions together: the group's object in the ledger is driven on by whoever comes by, each step by
//! compare-and-swap, each deployment known by an identity that the group gives it.

use std::time::Duration;

use deployer_core::commanded::CommandEffect;
use deployer_core::event::{Announcement, Event, RecordlessEvent};
use deployer_core::function_ref::FunctionRef;
use deployer_core::group::{Checked, Group, Member, Phase};
use deployer_core::head::{Consent, GivenUp, Head, Placing, Request, Wakeup};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::promotion::{Decision, PromotionRequest, SourceEnvironment, Wait};
use deployer_core::record::{Code, DeploymentRecord, Ending, Status};
use futures::future::{join_all, try_join_all};

use super::announce::Untold;
use super::claim::SubmitOutcome;
use super::commands::CommandError;
use super::handle::FunctionCommands;
use super::store::{Change, Versioned};
use super::swept::{Failing, Swept};
use super::{Engine, Transient};

/// How long it is tried to see what the sources of a group serve.
const UNSEEN_FOR: Duration = Duration::from_secs(86_400);

/// The most steps that a group takes at once.
const MAX_STEPS: u32 = 12;

/// One step of a group.
enum Step {
    /// Nothing changes now.
    Rests(Group),
    /// It has come to its end.
    Ends(Group),
    /// It is open no more.
    Gone,
    /// It is another now.
    Goes { from: Box<Group>, to: Box<Group> },
}

impl Engine {
    pub(crate) fn groups(&self) -> Groups<'_> {
        Groups { engine: self }
    }
}

/// Promotions of several functions together.
#[derive(Clone, Copy)]
pub(crate) struct Groups<'e> {
    engine: &'e Engine,
}

impl<'e> Groups<'e> {
    /// Takes a group in, and drives it as far as it goes now.
    pub(super) async fn promote(
        self,
        asked: &PromotionRequest,
        functions: &[FunctionName],
    ) -> Result<Group, CommandError> {
        let group = Group::of(asked, functions, self.engine.now());
        if let Some(ended) = self.read(&Group::ended_key(&group.environment, group.id)).await? {
            return is_the_same(asked, &group, ended);
        }
        if let Some(ending) = asked.is_out_of_time(self.engine.now()) {
            let (Ending::Refused { because, .. } | Ending::Superseded { because }) = ending else {
                return Err(CommandError::Invalid("it is out of time".into()));
            };
            return Err(CommandError::Invalid(because));
        }
        if self.engine.store().create(&Group::open_key(&group.environment, group.id), &group).await?
            && let Some(ended) = self.read(&Group::ended_key(&group.environment, group.id)).await?
        {
            // It ended between the two looks.
            self.engine.store().delete(&Group::open_key(&group.environment, group.id)).await;
            return is_the_same(asked, &group, ended);
        }
        is_the_same(asked, &group, self.drive(&group.environment, group.id).await?)
    }

    /// Drives every group that is open. What goes wrong with one never stops the others.
    pub(super) async fn drive_all(self) -> Result<Swept, Transient> {
        let prefix = Group::open();
        let mut swept = Swept::default();
        for key in self.engine.store().keys(&prefix).await? {
            let parsed = key.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".json")?.split_once('/'));
            let place = parsed.and_then(|(environment, id)| {
                Some((EnvironmentName::parse(environment).ok()?, DeploymentId::parse(id).ok()?))
            });
            let Some((environment, id)) = place else {
                tracing::warn!(key, "no group of this deployer's: delete it");
                continue;
            };
            let mut one = Swept::one();
            if let Err(error) = self.drive(&environment, id).await {
                tracing::error!(group = %id, "not driven on: {error}");
                one = one.failing(&format!("group {id}"), Failing::of(&error), &error.to_string());
            }
            swept = swept.and(one);
        }
        Ok(swept)
    }

    /// Drives a group as far as it goes now.
    pub(super) async fn drive(self, environment: &EnvironmentName, id: DeploymentId) -> Result<Group, Transient> {
        let (open, ended) = (Group::open_key(environment, id), Group::ended_key(environment, id));
        for _ in 0..MAX_STEPS {
            let step = async |group: Option<&Group>| {
                let Some(group) = group else { return Ok(Change::Keep(Step::Gone)) };
                if group.phase == Phase::Ended {
                    return Ok(Change::Keep(Step::Ends(group.clone())));
                }
                let next = self.next(group).await?;
                Ok::<_, Transient>(match next.differs_from(group) {
                    true => {
                        Change::Write(next.clone(), Step::Goes { from: Box::new(group.clone()), to: Box::new(next) })
                    }
                    false => Change::Keep(Step::Rests(group.clone())),
                })
            };
            match self.engine.store().update(&open, step).await? {
                Step::Rests(group) => return Ok(group),
                Step::Ends(group) => return self.end_group(&group).await,
                Step::Gone => {
                    return self.read(&ended).await?.ok_or(Transient::TakenOver);
                }
                Step::Goes { from, to } => self.after_step(&from, &to).await,
            }
        }
        Err(Transient::Contended)
    }

    /// The group after its next step, which is taken here.
    async fn next(self, group: &Group) -> Result<Group, Transient> {
        Ok(match group.phase {
            _ if !self.engine.config.environments.contains_key(&group.environment) => {
                group.abandoned(self.engine.now())
            }
            Phase::Checking if group.places.is_some() => {
                self.give_places_back(group).await?;
                group.without_places()
            }
            Phase::Checking => group.judged(&self.check(group).await?, self.engine.token(), self.engine.now()),
            Phase::Placing => self.place_and_decide(group).await?,
            Phase::Moving => {
                let next = group.moved(&self.move_all(group).await?, self.engine.now());
                self.withdraw(&next).await?;
                next
            }
            Phase::GoingBack => group.gone_back(&self.roll_back_members(group).await?, self.engine.now()),
            Phase::Ended => group.clone(),
        })
    }

    /// Tells of a step that is written, and sends the members of a group that is decided.
    async fn after_step(self, from: &Group, to: &Group) {
        let begins_to_wait = to.phase == Phase::Checking && from.because.is_none() && to.because.is_some();
        if begins_to_wait {
            drop(self.tell_of_group(Announcement::PromotionWaiting, to).await);
        } else if to.phase == Phase::Moving && from.phase == Phase::Placing {
            self.send_members(to).await;
        }
    }

    /// Judges each function of a group, before any of them moves.
    async fn check(self, group: &Group) -> Result<Vec<Checked>, Transient> {
        try_join_all(group.functions.iter().map(|member| self.check_member(group, member))).await
    }

    async fn check_member(self, group: &Group, member: &Member) -> Result<Checked, Transient> {
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
        let request = self.engine.timed(&group.request(member, promoting.clone(), self.engine.token()), &seen);
        if let Some(refusal) = at.refusal(request.cause.kind) {
            return Ok((Decision::Deny(refusal), chosen));
        }
        let verdict = self.engine.on(&at).promotions().policy(&seen.head, &inputs).judge(&request, &promoting);
        // What came after it waits behind it.
        let holds_place = seen.head.id_of(&request).is_some();
        let verdict = match (seen.head.not_taken(&request, &verdict, &at).filter(|_| !holds_place), verdict) {
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
                    Err(Transient::Unseen(because)) if self.engine.passed(group.started_at) > UNSEEN_FOR => {
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
    async fn place_and_decide(self, group: &Group) -> Result<Group, Transient> {
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

    fn request_of(self, group: &Group, member: &Member) -> Request {
        let request = group.request(member, group.promoting(member), self.engine.token());
        Request { accepted_at: self.engine.now(), ..request }
    }

    async fn take_place(self, group: &Group, member: &Member) -> Result<Placing, Transient> {
        let at = self.place_of(group, member)?;
        let request = self.request_of(group, member);
        let mut marked = false;
        let change = async |seen: &mut Versioned| {
            let placing = seen.head.with_place(&request, self.engine.now());
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
    async fn give_places_back(self, group: &Group) -> Result<(), Transient> {
        let Some(token) = group.places else { return Ok(()) };
        for member in &group.functions {
            let key = Head::key(&group.environment, &member.function);
            // By its key: deployer.json may not have the environment any more.
            let change = async |head: Option<&Head>| {
                let without = head.and_then(|head| head.without_place(member.deployment, token));
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
    async fn send_members(self, group: &Group) {
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
    async fn move_all(self, group: &Group) -> Result<Vec<Option<DeploymentRecord>>, Transient> {
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
    async fn roll_back_members(self, group: &Group) -> Result<Vec<Option<DeploymentRecord>>, Transient> {
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
    async fn withdraw(self, group: &Group) -> Result<(), Transient> {
        for member in group.to_withdraw(self.engine.now()) {
            let at = self.place_of(group, member)?;
            let because = match group.is_late(self.engine.now()) {
                true => "it had not arrived six hours after its group was decided".to_owned(),
                false => "another function of its group did not get there".to_owned(),
            };
            let withdrawn =
                |head: &Head| match head.declined(member.deployment, because.clone(), &at, self.engine.now()) {
                    Consent::Now(head) => Some(CommandEffect::Now(head)),
                    _ => None,
                };
            self.engine.on(&at).commands().change_head(withdrawn).await.map_err(|error| match error {
                CommandError::Transient(transient) => transient,
                CommandError::Invalid(because) => Transient::Unseen(because),
            })?;
        }
        Ok(())
    }

    /// Where one of its functions goes.
    fn place_of(self, group: &Group, member: &Member) -> Result<FunctionRef<'e>, Transient> {
        self.engine.at(&group.environment, &member.function).map_err(|error| Transient::Unseen(error.to_string()))
    }

    async fn end_group(self, group: &Group) -> Result<Group, Transient> {
        let is_abandoned = !self.engine.config.environments.contains_key(&group.environment);
        if group.decided_at.is_none() || is_abandoned {
            self.give_places_back(group).await?;
        }
        let key = Group::ended_key(&group.environment, group.id);
        self.engine.store().create(&key, group).await?;
        let is_refused = is_abandoned || matches!(group.status, Status::Refused | Status::Superseded);
        if is_refused && self.tell_of_group(Announcement::PromotionRefused, group).await.is_err() {
            // It stays open for the sweep, until that is told.
            return Ok(group.clone());
        }
        self.engine.store().delete(&Group::open_key(&group.environment, group.id)).await;
        tracing::info!(group = %group.id, status = %group.status, because = group.because.as_deref(), "group ended");
        Ok(group.clone())
    }

    /// Tells of a group, which has no record like those of deployments.
    async fn tell_of_group(self, announces: Announcement, group: &Group) -> Result<(), Untold> {
        let about = RecordlessEvent {
            group: Some(group.id),
            approvals_wanted: group.approvals_wanted,
            functions: Some(group.functions.iter().map(|member| member.function.clone()).collect()),
            from: Some(group.from.clone()),
            to: Some(group.environment.clone()),
            requested_by: group.cause.requested_by.clone(),
            ..RecordlessEvent::default()
        };
        let because = group.because.clone().unwrap_or_default();
        self.engine.announcer().publish(Some(Event::without_record(announces, &because, about))).await
    }

    pub(super) async fn read(self, key: &str) -> Result<Option<Group>, Transient> {
        Ok(self.engine.store().object(key).await?.map(|(group, _)| group))
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

/// An id names one request: the group that was found under it must be of what is asked for now.
fn is_the_same(asked: &PromotionRequest, wanted: &Group, found: Group) -> Result<Group, CommandError> {
    let functions = |group: &Group| group.functions.iter().map(|member| member.function.clone()).collect::<Vec<_>>();
    match (functions(&found), &found.from) == (functions(wanted), &wanted.from) {
        true => Ok(found),
        false => Err(CommandError::Invalid(format!(
            "id {:?} was another group's before ({}): give each request an id of its own",
            asked.id, found.id
        ))),
    }
}
