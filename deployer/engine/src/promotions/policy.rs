//! The rules of promotions, evaluated on the ledger and on what the sources serve.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use deployer_core::config::{Require, Target};
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{Head, Request, ResolvedArtifact, alone_since};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName, Sha256};
use deployer_core::ledger_keys;
use deployer_core::promotion::{
    Decision, GroupState, PromotionPolicy, PromotionSpec, SourceEnvironment, Wait, drift, is_same,
};
use deployer_core::record::{Code, Ending, TargetError, TargetErrorCode};
use deployer_core::rejects::Rejects;
use deployer_core::rollout::{Phase, planned_end};
use futures::future::{try_join, try_join_all, try_join3};

use crate::Transient;
use crate::claim::Claim;
use crate::deployment::function_reader::FunctionReader;
use crate::function_handles::Promotions;
use crate::group::Groups;
use crate::port::Qualifier;
use crate::resolve_artifact::open_reading_session;

/// The time for which reading the code that a source serves is tried.
const UNSEEN_FOR: Duration = Duration::from_secs(3600);

/// The environments that a promotion may come from.
pub(crate) type Sources = BTreeMap<EnvironmentName, SourceEnvironment>;

/// The inputs of the rules beside the head of the destination.
pub(crate) struct PolicyInputs {
    pub sources: Sources,
    pub rejects: Rejects,
    /// The groups of the members that are evaluated.
    pub groups: BTreeMap<DeploymentId, GroupState>,
}

/// The decision under the claim.
pub(crate) enum ClaimedDecision {
    Allow(ResolvedArtifact),
    Deny(Ending),
    Wait(Wait),
}

impl<'e> Promotions<'e> {
    pub(crate) fn evaluate(self, here: &Head, request: &Request, inputs: &PolicyInputs) -> Decision {
        let Some(promoting) = request.promotion_spec() else { return Decision::Allow };
        self.policy(here, inputs).evaluate(request, promoting)
    }

    /// Evaluates a promotion that is asked for now.
    pub(crate) fn evaluate_new(self, here: &Head, request: &Request, inputs: &PolicyInputs) -> Decision {
        let Some(promoting) = request.promotion_spec() else { return Decision::Allow };
        self.policy(here, inputs).evaluate_new(request, promoting)
    }

    pub(crate) fn policy<'a>(self, here: &'a Head, inputs: &'a PolicyInputs) -> PromotionPolicy<'a>
    where
        'e: 'a,
    {
        let PolicyInputs { sources, rejects, groups } = inputs;
        PromotionPolicy { to: self.at, here, sources, rejects, groups, now: self.engine.now() }
    }

    /// Reads the inputs of the rules: the heads of the sources, the rejects, and the states of these groups.
    pub(crate) async fn inputs(
        self,
        groups: impl IntoIterator<Item = DeploymentId>,
    ) -> Result<PolicyInputs, Transient> {
        let groups: BTreeSet<DeploymentId> = groups.into_iter().collect();
        let groups = groups.into_iter().map(|id| async move {
            let open = Groups::of(self.engine).read(&ledger_keys::open_group(&self.at.name, id)).await?;
            // A group that is not open any more has ended.
            Ok::<_, Transient>((id, open.map_or(GroupState::Over, |group| group.state())))
        });
        let rejects = async { Ok::<_, Transient>(self.engine.store().rejects(&self.at.function).await?) };
        let (sources, rejects, groups) = try_join3(self.sources(), rejects, try_join_all(groups)).await?;
        Ok(PolicyInputs { sources, rejects, groups: groups.into_iter().collect() })
    }

    /// Reads the heads of all environments that artifacts come from.
    pub(crate) async fn sources(self) -> Result<Sources, Transient> {
        let names = self.at.environment.promotion.iter().flat_map(|promotion| promotion.from.iter());
        let reads = names.map(|name| async move {
            let source = FunctionRef::find(&self.engine.config, name, &self.at.function);
            Ok::<_, Transient>(match source {
                Ok(source) => {
                    let (head, targets) =
                        (self.engine.store().head(&source).await?.head, source.environment.targets.clone());
                    Some((name.clone(), SourceEnvironment { head, targets }))
                }
                Err(_) => None,
            })
        });
        Ok(try_join_all(reads).await?.into_iter().flatten().collect())
    }

    /// Decides under the claim, before any account is entered, and compares the artifact with the code that the sources
    /// serve.
    pub(crate) async fn evaluate_under_claim(
        self,
        claim: &Claim,
        promoting: &PromotionSpec,
    ) -> Result<ClaimedDecision, Transient> {
        let (request, here) = (claim.request(), claim.seen().head);
        let inputs = self.inputs(promoting.group).await?;
        match self.evaluate(&here, request, &inputs) {
            Decision::Deny(ending) => return Ok(ClaimedDecision::Deny(ending)),
            Decision::Wait(wait) => return Ok(ClaimedDecision::Wait(wait)),
            Decision::Allow => {}
        }
        let Some(resolved) = promoting.artifact.clone() else {
            let because = format!("nothing is live in {}", promoting.from);
            return Ok(ClaimedDecision::Deny(Ending::Refused { code: Code::NotLive, because }));
        };
        match self.has_drifted(promoting, &resolved, &inputs.sources, request.id).await {
            Ok(Some(ending)) => Ok(ClaimedDecision::Deny(ending)),
            Ok(None) => Ok(ClaimedDecision::Allow(resolved)),
            // It waits as long as the rollout of its source lasts, and makes way for others meanwhile.
            Err(Transient::SourceRollsOut(because)) => {
                Ok(ClaimedDecision::Wait(Wait { unseen: Some(because), ..Wait::over(self.engine.now()) }))
            }
            Err(Transient::Unseen(because)) => {
                // A rollout of the source that has ended since is no reason to give up.
                let source = inputs.sources.get(&promoting.from).and_then(|source| alone_since(&source.head));
                let since = promoting.unseen_since.unwrap_or(self.engine.now());
                let since = source.map_or(since, |source| since.max(source));
                if self.engine.timer().passed(since) <= UNSEEN_FOR {
                    return Ok(ClaimedDecision::Wait(Wait { unseen: Some(because), ..Wait::over(self.engine.now()) }));
                }
                let because = format!("what its source serves cannot be seen since {since:.0}: {because}");
                Ok(ClaimedDecision::Deny(Ending::Refused { code: Code::NotPromotable, because }))
            }
            Err(transient) => Err(transient),
        }
    }

    /// Compares the artifact with the code that its sources serve. Returns the refusal if a source that should serve it
    /// does not.
    pub(crate) async fn has_drifted(
        self,
        promoting: &PromotionSpec,
        resolved: &ResolvedArtifact,
        sources: &Sources,
        id: DeploymentId,
    ) -> Result<Option<Ending>, Transient> {
        let require = self.at.environment.promotion.as_ref().map(|promotion| promotion.require);
        for (name, source) in sources {
            let is_asked = require != Some(Require::Any) || *name == promoting.from;
            let live = source.head.live().filter(|live| is_asked && is_same(live, resolved));
            let Some(live) = live else { continue };
            match self.served_code(name, &self.at.function, id).await {
                Ok(served) => {
                    let was_there =
                        |(target, _): &(Target, Option<Sha256>)| live.versions.contains_key(&target.to_string());
                    let (known, added): (Vec<_>, Vec<_>) = served.into_iter().partition(was_there);
                    let moved = drift(name, resolved, &known).and_then(|()| drift(name, resolved, &added)).is_err();
                    if moved {
                        self.ensure_settled(name, &source.head).await?;
                    }
                    if let Err(ending) = drift(name, resolved, &known) {
                        return Ok(Some(ending));
                    }
                    // The source serves the release on the targets that it was deployed to. A person has to redeploy it
                    // to the added ones.
                    if let Some((target, _)) = added.iter().find(|(_, found)| *found != resolved.sha256) {
                        let release = &resolved.release;
                        return Err(Transient::Unseen(format!(
                            "{target} was added to {name} and does not serve release {release} yet: redeploy it there"
                        )));
                    }
                }
                Err(error) if may_pass_later(&error) => {
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

    /// Reads the code that the alias of each target of an environment serves.
    pub(crate) async fn served_code(
        self,
        name: &EnvironmentName,
        function: &FunctionName,
        id: DeploymentId,
    ) -> Result<Vec<(Target, Option<Sha256>)>, TargetError> {
        let Ok(source) = FunctionRef::find(&self.engine.config, name, function) else { return Ok(vec![]) };
        let reads = source.environment.targets.iter().map(|target| {
            let source = &source;
            async move {
                let account = open_reading_session(self.engine, source, target, id).await?;
                let (functions, name, alias) = (account.functions(), &source.function_name, &source.environment.alias);
                let (alias, code) = try_join(
                    FunctionReader { timer: self.engine.timer(), at: source, account: &account }.alias(),
                    self.engine.timer().read("observe", || functions.function(name, Qualifier::Alias(alias))),
                )
                .await?;
                // An alias that shares its traffic between versions serves no one release.
                let serves_alone = alias.is_some_and(|alias| alias.sole_version().is_some());
                Ok::<_, TargetError>((target.clone(), code.filter(|_| serves_alone).and_then(|(code, _)| code.sha256)))
            }
        });
        try_join_all(reads).await
    }

    /// Refuses to compare a source whose aliases the deployer itself has moved since the head was read, or may be moving.
    async fn ensure_settled(self, name: &EnvironmentName, before: &Head) -> Result<(), Transient> {
        let Ok(source) = FunctionRef::find(&self.engine.config, name, &self.at.function) else { return Ok(()) };
        let head = self.engine.store().head(&source).await?.head;
        if let Some(sentence) = rolls_out(name, &head) {
            return Err(Transient::SourceRollsOut(sentence));
        }
        match head.active().is_some() || head.live() != before.live() {
            true => Err(Transient::Unseen(format!("a deployment is under way in {name}"))),
            false => Ok(()),
        }
    }
}

/// Says what an environment rolls out and until when; none if nothing rolls out there.
fn rolls_out(name: &EnvironmentName, head: &Head) -> Option<String> {
    let active = head.active()?;
    let state = active.rollout.as_ref()?;
    let release = active.artifact.as_ref().map_or("a release", |artifact| artifact.release.as_str());
    let until = match planned_end(state) {
        Some(end) => format!(" until {end:.0}"),
        None if state.paused.is_some() => ", which is paused".to_owned(),
        None if state.phase == Phase::GoingBack => ", which goes back".to_owned(),
        None => String::new(),
    };
    Some(format!("{name} rolls out {release}{until}"))
}

/// Whether another try may read more.
fn may_pass_later(error: &TargetError) -> bool {
    matches!(error.code, TargetErrorCode::TimedOut | TargetErrorCode::Throttled | TargetErrorCode::Internal)
}
