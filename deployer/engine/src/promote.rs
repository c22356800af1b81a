//! Promotions: asked for by events, by hand or by a success elsewhere; judged when they come, while they wait, and once more
//! under the claim. No bytes move, and nothing is built: the very object that another environment has live is deployed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use deployer_core::config::{Require, Target};
use deployer_core::destination::FunctionRef;
use deployer_core::event::Event;
use deployer_core::group::Group;
use deployer_core::head::{Head, Next, Request, ResolvedArtifact, Transition, Waiting};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName, Sha256};
use deployer_core::promotion::{
    Decision, Dispatch, GroupState, PromotionPolicy, PromotionSpec, SourceEnvironment, Wait, drift, is_same,
};
use deployer_core::record::{Code, DeploymentRecord, Ending, TargetError, TargetErrorCode};
use deployer_core::rejects::Rejects;
use futures::future::{try_join, try_join_all, try_join3};

use super::claim::{Claim, SubmitOutcome};
use super::rollout::observer::Observer;
use super::store::{Change, Versioned};
use super::{Engine, Transient};
use crate::port::Qualifier;

/// How long it is tried to see what a source serves.
const UNSEEN_FOR: Duration = Duration::from_secs(3600);

/// The environments that a promotion may come from.
pub(super) type Sources = BTreeMap<EnvironmentName, SourceEnvironment>;

/// What a promotion is judged by beside the head that it goes to, as it was read.
pub(super) struct PolicyInputs {
    pub sources: Sources,
    pub rejects: Rejects,
    /// The groups of the members that are judged.
    pub groups: BTreeMap<DeploymentId, GroupState>,
}

/// What a judgement under the claim comes to.
pub(super) enum Judged {
    Passes(ResolvedArtifact),
    Ends(Ending),
    Waits(Wait),
}

impl Engine {
    /// Takes a promotion in that somebody asks for. `refusal`: why it is not even judged.
    pub(super) async fn take_in_promotion(
        &self,
        (at, taking): (&FunctionRef<'_>, Dispatch),
        request: &Request,
        inputs: &PolicyInputs,
        refusal: Option<Ending>,
    ) -> Result<SubmitOutcome, Transient> {
        if !self.has_time_to_begin() {
            return Err(Transient::NoTime);
        }
        if let Some(record) = self.store().record(at, request.id).await?.filter(|record| record.status.is_ended()) {
            // However long ago that was: an archive that is played again brings nothing back.
            return Ok(SubmitOutcome::Finished { record: Box::new(record), marker: None });
        }
        self.store().mark_open(at, request).await?;
        let refusal = refusal.or_else(|| at.refusal(request.cause.kind));
        let me = self.claimant();
        let accept = |seen: &Versioned| {
            let request = self.timed(request, seen);
            let judged = || self.judge(at, &seen.head, &request, inputs);
            let verdict = refusal.clone().map_or_else(judged, Decision::Deny);
            seen.head.accept_promotion((&request, taking), &verdict, at, &self.now_as(&me))
        };
        let standing = self.decide(at, None, Some(request.marker), accept).await?;
        // What was put down and waits for nothing is gone on with from there.
        if let (SubmitOutcome::Deferred { waiting, again: false }, Dispatch::Enqueue) = (&standing, taking)
            && waiting.wait.is_over()
        {
            self.send_for(at, waiting.request.id).await;
        }
        Ok(standing)
    }

    /// Judges a promotion anew that waits, and goes on with it as the rules say by now.
    pub(super) async fn go_on_waiting(
        &self,
        at: &FunctionRef<'_>,
        id: DeploymentId,
    ) -> Result<SubmitOutcome, Transient> {
        let first = self.store().head(at).await?;
        let waiting = first.head.waiting().iter().find(|waiting| waiting.request.id == id);
        let inputs = self.policy_inputs(at, waiting.and_then(|waiting| waiting.request.group())).await?;
        let me = self.claimant();
        let go_on = |seen: &Versioned| {
            let head = &seen.head;
            let waiting = head.waiting().iter().find(|waiting| waiting.request.id == id);
            let verdict = waiting.map(|waiting| self.judge(at, head, &waiting.request, &inputs));
            head.go_on_waiting(id, &verdict.unwrap_or(Decision::Allow), at, &self.now_as(&me))
        };
        self.decide(at, Some(first), None, go_on).await
    }

    /// Which of those that wait here have something to go on for: they pass, they end, or wait for something else by now.
    pub(super) async fn moving(
        &self,
        at: &FunctionRef<'_>,
        head: &Head,
    ) -> Result<Vec<(DeploymentId, Decision)>, Transient> {
        if head.waiting().is_empty() {
            return Ok(vec![]);
        }
        let groups = head.waiting().iter().filter_map(|waiting| waiting.request.group());
        let inputs = self.policy_inputs(at, groups).await?;
        let judged = head.waiting().iter().map(|waiting| (waiting, self.judge(at, head, &waiting.request, &inputs)));
        let moving = judged.filter(|(waiting, verdict)| *verdict != Decision::Wait(waiting.wait.clone()));
        Ok(moving.map(|(waiting, verdict)| (waiting.request.id, verdict)).collect())
    }

    fn judge(&self, at: &FunctionRef<'_>, here: &Head, request: &Request, inputs: &PolicyInputs) -> Decision {
        let Some(promoting) = request.promoting() else { return Decision::Allow };
        self.gate(at, here, inputs).judge(request, promoting)
    }

    pub(super) fn gate<'a>(
        &self,
        to: &'a FunctionRef<'a>,
        here: &'a Head,
        inputs: &'a PolicyInputs,
    ) -> PromotionPolicy<'a> {
        let PolicyInputs { sources, rejects, groups } = inputs;
        PromotionPolicy { to, here, sources, rejects, groups, now: self.now() }
    }

    /// Reads what promotions to a function are judged by: the sources' heads, the rejects, and how far these groups are.
    pub(super) async fn policy_inputs(
        &self,
        at: &FunctionRef<'_>,
        groups: impl IntoIterator<Item = DeploymentId>,
    ) -> Result<PolicyInputs, Transient> {
        let groups: BTreeSet<DeploymentId> = groups.into_iter().collect();
        let groups = groups.into_iter().map(|id| async move {
            let open = self.read_group(&Group::open_key(&at.name, id)).await?;
            // One that is not open any more has ended.
            Ok::<_, Transient>((id, open.map_or(GroupState::Over, |group| group.state())))
        });
        let rejects = async { Ok::<_, Transient>(self.store().rejects(&at.function).await?) };
        let (sources, rejects, groups) = try_join3(self.sources(at), rejects, try_join_all(groups)).await?;
        Ok(PolicyInputs { sources, rejects, groups: groups.into_iter().collect() })
    }

    /// The heads of all environments that artifacts come from.
    async fn sources(&self, at: &FunctionRef<'_>) -> Result<Sources, Transient> {
        let names = at.environment.promotion.iter().flat_map(|promotion| promotion.from.iter());
        let reads = names.map(|name| async move {
            let source = FunctionRef::find(&self.config, name, &at.function);
            Ok::<_, Transient>(match source {
                Ok(source) => {
                    let (head, targets) = (self.store().head(&source).await?.head, source.environment.targets.clone());
                    Some((name.clone(), SourceEnvironment { head, targets }))
                }
                Err(_) => None,
            })
        });
        Ok(try_join_all(reads).await?.into_iter().flatten().collect())
    }

    /// The moment of the rules: under the claim, before anything is entered. What the sources serve is looked at too.
    pub(super) async fn judge_under_claim(
        &self,
        at: &FunctionRef<'_>,
        claim: &Claim,
        promoting: &PromotionSpec,
    ) -> Result<Judged, Transient> {
        let (request, here) = (claim.request(), claim.seen().head);
        let inputs = self.policy_inputs(at, promoting.group).await?;
        match self.judge(at, &here, request, &inputs) {
            Decision::Deny(ending) => return Ok(Judged::Ends(ending)),
            Decision::Wait(wait) => return Ok(Judged::Waits(wait)),
            Decision::Allow => {}
        }
        let Some(chosen) = promoting.artifact.clone() else {
            let because = format!("nothing is live in {}", promoting.from);
            return Ok(Judged::Ends(Ending::Refused { code: Code::NotLive, because }));
        };
        match self.has_drifted(at, promoting, &chosen, &inputs.sources, request.id).await {
            Ok(Some(ending)) => Ok(Judged::Ends(ending)),
            Ok(None) => Ok(Judged::Passes(chosen)),
            // It makes way for others meanwhile.
            Err(Transient::Unseen(because)) => {
                let since = promoting.unseen_since.unwrap_or(self.now());
                if self.passed(since) <= UNSEEN_FOR {
                    return Ok(Judged::Waits(Wait { unseen: Some(because), ..Wait::over(self.now()) }));
                }
                let because = format!("what its source serves cannot be seen since {since}: {because}");
                Ok(Judged::Ends(Ending::Refused { code: Code::NotPromotable, because }))
            }
            Err(transient) => Err(transient),
        }
    }

    /// Why the artifact is not what the sources serve any more, where they should.
    pub(super) async fn has_drifted(
        &self,
        at: &FunctionRef<'_>,
        promoting: &PromotionSpec,
        chosen: &ResolvedArtifact,
        sources: &Sources,
        id: DeploymentId,
    ) -> Result<Option<Ending>, Transient> {
        let require = at.environment.promotion.as_ref().map(|promotion| promotion.require);
        for (name, source) in sources {
            let is_asked = require != Some(Require::Any) || *name == promoting.from;
            let live = source.head.live().filter(|live| is_asked && is_same(live, chosen));
            let Some(live) = live else { continue };
            match self.serve_code(name, &at.function, id).await {
                Ok(serves) => {
                    let was_there =
                        |(target, _): &(Target, Option<Sha256>)| live.versions.contains_key(&target.to_string());
                    let (known, added): (Vec<_>, Vec<_>) = serves.into_iter().partition(was_there);
                    let moved = drift(name, chosen, &known).and_then(|()| drift(name, chosen, &added)).is_err();
                    if moved && self.is_under_way(name, &at.function, &source.head).await? {
                        return Err(Transient::Unseen(format!("a deployment is under way in {name}")));
                    }
                    if let Err(ending) = drift(name, chosen, &known) {
                        return Ok(Some(ending));
                    }
                    // It is complete where it was deployed to: somebody brings it to the others, or has forgotten that.
                    if let Some((target, _)) = added.iter().find(|(_, found)| *found != chosen.sha256) {
                        let release = &chosen.release;
                        return Err(Transient::Unseen(format!(
                            "{target} was added to {name} and does not serve release {release} yet: redeploy it there"
                        )));
                    }
                }
                Err(error) if is_passing(&error) => {
                    return Err(Transient::Unseen(format!("what {name} serves cannot be seen: {error}")));
                }
                Err(error) => {
                    let because = format!("what {name} serves cannot be compared with its release: {error}");
                    return Ok(Some(Ending::Refused { code: Code::NotPromotable, because }));
                }
            }
        }
        Ok(None)
    }

    /// Whether it is the deployer itself that has moved a source's aliases, or may be moving them, since its head was read.
    async fn is_under_way(
        &self,
        name: &EnvironmentName,
        function: &FunctionName,
        before: &Head,
    ) -> Result<bool, Transient> {
        let Ok(source) = FunctionRef::find(&self.config, name, function) else { return Ok(false) };
        let head = self.store().head(&source).await?.head;
        Ok(head.active().is_some() || head.live() != before.live())
    }

    /// The code that the alias of each target of an environment serves.
    async fn serve_code(
        &self,
        name: &EnvironmentName,
        function: &FunctionName,
        id: DeploymentId,
    ) -> Result<Vec<(Target, Option<Sha256>)>, TargetError> {
        let Ok(source) = FunctionRef::find(&self.config, name, function) else { return Ok(vec![]) };
        let looks = source.environment.targets.iter().map(|target| {
            let source = &source;
            async move {
                let account = self.enter_to_look(source, target, id).await?;
                let (functions, name, alias) = (account.functions(), &source.function_name, &source.environment.alias);
                let (alias, code) = try_join(
                    Observer { timer: self.timer(), at: source, account: &account }.alias(),
                    self.timer().read("observe", || functions.function(name, Qualifier::Alias(alias))),
                )
                .await?;
                // One that shares its traffic serves no one release.
                let whole = alias.is_some_and(|alias| alias.serves_alone().is_some());
                Ok::<_, TargetError>((target.clone(), code.filter(|_| whole).and_then(|(code, _)| code.sha256)))
            }
        });
        try_join_all(looks).await
    }

    /// Puts a promotion back that has to wait all the same.
    pub(super) async fn put_back(
        &self,
        at: &FunctionRef<'_>,
        claim: &Claim,
        wait: &Wait,
    ) -> Result<DeploymentRecord, Transient> {
        let change = async |seen: &mut Versioned| {
            Ok::<_, Transient>(match seen.head.put_back(claim.token(), wait, at, self.now()) {
                Some(Transition { head: Some(head), then }) => Change::Write(head, Some(then)),
                _ => Change::Keep(None),
            })
        };
        let (seen, then) = self.store().update_head(at, Some(claim.seen()), change).await?;
        let id = claim.request().id;
        match then {
            None => {
                let rests = seen.head.waiting().iter().find(|waiting| waiting.request.id == id);
                rests.map(|waiting| waiting.record(at)).ok_or(Transient::TakenOver)
            }
            Some(Next::Rests(waiting)) => {
                self.tell_waiting(at, seen, &waiting).await;
                Ok(waiting.record(at))
            }
            Some(_) => {
                let ended =
                    seen.head.outbox().iter().map(|entry| &entry.record).find(|record| record.id == id).cloned();
                self.settle(at, seen).await?;
                ended.ok_or(Transient::TakenOver)
            }
        }
    }

    /// Writes down that a promotion waits, and tells of it, once. Best effort: the sweep does it otherwise.
    pub(super) async fn tell_waiting(&self, at: &FunctionRef<'_>, seen: Versioned, waiting: &Waiting) {
        let record = waiting.record(at);
        match self.store().write_record(&record, None).await {
            Ok(Some(_)) => {}
            // It has ended by now.
            Ok(None) => return,
            Err(error) => return tracing::warn!("not recorded as waiting: {error}"),
        }
        if waiting.told || self.announce(Event::of(&record)).await.is_err() {
            return;
        }
        let change = async |seen: &mut Versioned| {
            Ok::<_, Transient>(match seen.head.with_told(&[record.id]) {
                Some(head) => Change::Write(Box::new(head), ()),
                None => Change::Keep(()),
            })
        };
        if let Err(error) = self.store().update_head(at, Some(seen), change).await {
            tracing::warn!("told that it waits, and not written down: {error}");
        }
    }

    /// Somebody shall go on with a promotion that waits for nothing any more: by a tick, or where there is no queue by us. What
    /// does not succeed is the sweep's.
    async fn send_for(&self, at: &FunctionRef<'_>, id: DeploymentId) {
        let sent = match self.ports.queue.is_some() {
            true => self.tick_at(at, id, None, self.now()).await,
            false if self.has_time_for_another() => Box::pin(self.wake_waiting(at, id)).await.map(drop),
            false => Ok(()),
        };
        if let Err(transient) = sent {
            tracing::warn!(to = %at.name, "the promotion is left to the sweep: {transient}");
        }
    }

    /// Goes on with a promotion that waits, and works on it if it passes.
    pub(super) async fn wake_waiting(
        &self,
        at: &FunctionRef<'_>,
        id: DeploymentId,
    ) -> Result<Vec<DeploymentRecord>, Transient> {
        match self.go_on_waiting(at, id).await? {
            SubmitOutcome::Claimed(claim) => {
                let records = self.go_on(at, Some(claim)).await;
                if records.is_err() {
                    self.come_back(at).await;
                }
                records
            }
            SubmitOutcome::Finished { record, .. } => Ok(vec![*record]),
            SubmitOutcome::Deferred { waiting, .. } => Ok(vec![waiting.record(at)]),
            SubmitOutcome::Queued { record, .. } => Ok(vec![*record]),
            SubmitOutcome::Nothing => Ok(vec![]),
        }
    }
}

/// Whether another try may see more.
fn is_passing(error: &TargetError) -> bool {
    matches!(error.code, TargetErrorCode::TimedOut | TargetErrorCode::Throttled | TargetErrorCode::Internal)
}
