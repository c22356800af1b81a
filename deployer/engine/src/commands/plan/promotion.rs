//! The plan of a promotion: the rules that it would meet now, and the changes that it would make.

use deployer_core::function_ref::FunctionRef;
use deployer_core::group::{Group, Member};
use deployer_core::head::{LiveArtifact, Request, ResolvedArtifact, warning_of};
use deployer_core::id::{DeploymentId, EnvironmentName, Release};
use deployer_core::plan::{PlanReport, PlannedRelease};
use deployer_core::promotion::{Decision, GroupState, PromotionSpec, SourceEnvironment, Wait, is_same};
use deployer_core::record::{Cause, CauseKind, Ending, Exception};
use deployer_core::text::Person;

use super::group_ends::{end_after_its_wait, groups_that_end};
use super::{Planning, refused};
use crate::group::Groups;
use crate::promotions::policy::{PolicyInputs, Sources};
use crate::{CommandError, Engine, Transient};

/// A group, and the member of it that is planned.
type Membership = (Group, Member);

impl Planning<'_> {
    /// Plans a promotion that nobody has asked for yet.
    pub(super) async fn promote(
        self,
        from: EnvironmentName,
        release: Option<Release>,
        requested_by: Option<Person>,
    ) -> Result<PlanReport, CommandError> {
        self.engine.ensure_environment(&from)?;
        let inputs = self.engine.reconciler(self.at).promotions().inputs(None).await?;
        let spec = PromotionSpec {
            from,
            named: release,
            artifact: None,
            not_after: None,
            approvals: vec![],
            unseen_since: None,
            freeze_override: None,
            group: None,
            place_token: None,
        };
        let cause = Cause::new(CauseKind::Promotion, requested_by, Some(self.id.to_string().into()));
        let (place, now) = ((&self.at.name, &self.at.function), self.engine.now());
        let spec = resolved_in(spec, &inputs.sources);
        let request = Request::promotion(place, spec, cause, now, (now, self.engine.token()));
        let mut report = self.promotion(&request, &inputs, None).await?;
        if report.refused.is_none() {
            report.warnings.extend(groups_that_end(self).await);
        }
        Ok(report)
    }

    /// Plans a promotion that waits, in the head or as a member of a group.
    pub(super) async fn waiting(self, id: DeploymentId) -> Result<PlanReport, CommandError> {
        let waiting = self.head.waiting().iter().find(|waiting| waiting.request.id == id);
        let waiting = waiting.map(|waiting| waiting.request.clone());
        let membership = match &waiting {
            Some(request) if request.group().is_none() => None,
            _ => membership_of(self.engine, self.at, id).await?,
        };
        let request = match (waiting, &membership) {
            (Some(request), _) => request,
            (None, Some(membership)) => self.member_request(membership).await?,
            (None, None) => {
                return Err(CommandError::Invalid(format!(
                    "no promotion {id} of {} waits in {}: status tells which do",
                    self.at.function, self.at.name
                )));
            }
        };
        let inputs = self.engine.reconciler(self.at).promotions().inputs(request.group()).await?;
        let undecided = membership.filter(|(group, _)| group.state() == GroupState::Undecided);
        self.promotion(&request, &inputs, undecided.as_ref()).await
    }

    /// Makes the request of a group's member that holds no place yet.
    async fn member_request(self, (group, member): &Membership) -> Result<Request, Transient> {
        let mut spec = group.promotion_spec(member);
        if spec.artifact.is_none() {
            spec = resolved_in(spec, &self.engine.reconciler(self.at).promotions().sources().await?);
        }
        Ok(group.request(member, spec, self.engine.token()))
    }

    /// Plans a promotion by the rules, from what its sources serve. A member of an undecided group comes with that.
    async fn promotion(
        self,
        request: &Request,
        inputs: &PolicyInputs,
        undecided: Option<&Membership>,
    ) -> Result<PlanReport, CommandError> {
        let Some(spec) = request.promotion_spec() else { return Ok(self.report(None)) };
        let none = SourceEnvironment::default();
        let source = inputs.sources.get(&spec.from).unwrap_or(&none);
        let artifact = spec.artifact.as_ref();
        let entries = || source.head.history().iter().chain(source.head.left());
        let entry = artifact.and_then(|artifact| entries().find(|live| is_same(live, artifact)));
        let brings = entry.map(PlannedRelease::of).or_else(|| artifact.map(PlannedRelease::resolved));
        let between = artifact.map(|artifact| between(source, self.head.live(), artifact)).unwrap_or_default();
        let report = PlanReport {
            promote_from: Some(spec.from.clone()),
            brings,
            between: between.into_iter().map(PlannedRelease::of).collect(),
            ..self.report(spec.release().cloned())
        };
        let report = self.with_metadata(report).await;
        let (wait, refusal) = self.decision(request, spec, inputs, undecided).await?;
        let (by, freeze) = (request.cause.requested_by.as_ref(), spec.freeze_override.as_ref());
        let (rollout_skipped, freeze_overridden) = (request.cause.rollout_skipped(), Exception::of(freeze, by));
        let mut report = PlanReport { wait, rollout_skipped, freeze_overridden, ..report };
        let warning = artifact.and_then(|artifact| warning_of(self.head, artifact, &self.at.name));
        report.warnings.extend(warning.map(|warning| warning.to_string()));
        report.warnings.extend(artifact.and_then(|artifact| step_back(&spec.from, source, self.head.live(), artifact)));
        let is_let_on = undecided.is_some() && refusal.is_none();
        report.warnings.extend(is_let_on.then(|| end_after_its_wait(self, request)).flatten());
        let Some(artifact) = artifact else { return Ok(report.with_targets(vec![], refusal.map(refused))) };
        let (artifact, report) = match self.verified(&artifact.artifact, report).await? {
            Ok(verified) => verified,
            Err(report) => return Ok(*report),
        };
        Ok(self.deployed(report, &artifact, refusal.map(refused)).await)
    }

    /// Evaluates the rules, as the promotion itself does, and compares the artifact with the code that its sources
    /// serve.
    async fn decision(
        self,
        request: &Request,
        spec: &PromotionSpec,
        inputs: &PolicyInputs,
        undecided: Option<&Membership>,
    ) -> Result<(Option<Wait>, Option<Ending>), Transient> {
        let promotions = self.engine.reconciler(self.at).promotions();
        let decision = match undecided {
            Some(membership) => self.member_decision(membership).await?,
            None => promotions.evaluate(self.head, request, inputs),
        };
        let wait = match decision {
            Decision::Deny(ending) => return Ok((None, Some(ending))),
            Decision::Wait(wait) => Some(wait),
            Decision::Allow => None,
        };
        let frozen = wait
            .as_ref()
            .and_then(|wait| promotions.policy(self.head, inputs).refusal_while_soaking(request, spec, wait));
        let Some(artifact) = spec.artifact.as_ref().filter(|_| frozen.is_none()) else { return Ok((wait, frozen)) };
        match promotions.has_drifted(spec, artifact, &inputs.sources, self.id).await {
            Ok(refusal) => Ok((wait, refusal)),
            Err(Transient::Unseen(because) | Transient::SourceRollsOut(because)) => {
                let wait = wait.unwrap_or_else(|| Wait::over(self.engine.now()));
                Ok((Some(Wait { unseen: Some(because), ..wait }), None))
            }
            Err(transient) => Err(transient),
        }
    }

    /// Evaluates a member as its group does before it is decided. A member that may pass waits for the others.
    async fn member_decision(self, (group, member): &Membership) -> Result<Decision, Transient> {
        let (decision, _) = Groups::of(self.engine).check_member(group, member).await?;
        let for_group = |wait: Wait| Decision::Wait(Wait { for_group: true, ..wait });
        Ok(match decision {
            Decision::Deny(ending) => Decision::Deny(ending),
            Decision::Wait(wait) => for_group(wait),
            Decision::Allow => for_group(Wait::over(self.engine.now())),
        })
    }
}

fn resolved_in(spec: PromotionSpec, sources: &Sources) -> PromotionSpec {
    let none = SourceEnvironment::default();
    let from = sources.get(&spec.from).unwrap_or(&none).clone();
    spec.resolved_in(&from)
}

/// Finds the places of the promoted artifact and of the live one in the source's history, the newest first; none if the
/// source never had one of them.
fn places(
    source: &SourceEnvironment,
    live: Option<&LiveArtifact>,
    artifact: &ResolvedArtifact,
) -> Option<(usize, usize)> {
    let (history, live) = (source.head.history(), live?);
    let promoted = history.iter().position(|entry| is_same(entry, artifact))?;
    let live = history.iter().position(|entry| entry.is_same_as(&live.artifact, live.sha256))?;
    Some((promoted, live))
}

/// Warns of a promotion that brings what was live in the source before the release that is live here; none where it does
/// not.
fn step_back(
    from: &EnvironmentName,
    source: &SourceEnvironment,
    live: Option<&LiveArtifact>,
    artifact: &ResolvedArtifact,
) -> Option<String> {
    let (promoted, live_at) = places(source, live, artifact)?;
    let (release, live) = (&artifact.release, &live?.release);
    (promoted > live_at).then(|| {
        format!("release {release} was live in {from} before release {live}, which is live here: this is a step back")
    })
}

/// Lists the artifacts that were live in the source between the one that is live here and the promoted one, newest
/// first. It is empty if the source never had the live one.
fn between<'a>(
    source: &'a SourceEnvironment,
    live: Option<&LiveArtifact>,
    artifact: &ResolvedArtifact,
) -> Vec<&'a LiveArtifact> {
    let Some((promoted, live)) = places(source, live, artifact) else { return vec![] };
    let (newer, older) = (promoted.min(live), promoted.max(live));
    source.head.history().iter().take(older).skip(newer + 1).collect()
}

/// Finds the open group that has this promotion of this function.
async fn membership_of(
    engine: &Engine,
    at: &FunctionRef<'_>,
    id: DeploymentId,
) -> Result<Option<Membership>, Transient> {
    let found = Groups::of(engine).open().with_member(&at.name, id).await?;
    Ok(found.filter(|(_, member)| member.function == at.function))
}
