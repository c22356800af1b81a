//! The head resolves the artifact of a request that does not name one itself: what is live, or what was.

use super::active::Active;
use super::live_artifact::LiveArtifact;
use super::request::Request;
use super::resolved_artifact::ResolvedArtifact;
use super::rollback::artifact_to_roll_back_to;
use super::source::{Rollback, Source};
use super::state::Head;
use crate::artifact::ArtifactRef;
use crate::config::Target;
use crate::function_ref::FunctionRef;
use crate::id::{DeploymentId, Release, Token};
use crate::record::{Code, Ending};
use crate::rejects::Rejects;

/// Resolves the artifact that a request is about, where the head knows it.
///
/// # Errors
/// The ending: there is nothing to go back to, nothing is live, it was rejected, or something newer came.
pub fn resolve_artifact(
    head: &Head,
    source: &Source,
    targets: &[Target],
    rejects: &Rejects,
) -> Result<ResolvedArtifact, Ending> {
    match source {
        Source::Artifact { release, artifact, .. } => Ok(ResolvedArtifact::of(release.clone(), artifact.clone())),
        Source::Newest { release } => Err(refused(Code::ArtifactGone, format!("release {release} was not looked for"))),
        Source::Promoted(promoting) => {
            let nothing = || refused(Code::NotLive, format!("nothing is live in {}", promoting.from));
            let artifact = promoting.artifact.clone().ok_or_else(nothing)?;
            rejects.refusal(&artifact.release, artifact.sha256).map_or(Ok(artifact), Err)
        }
        Source::Live { of } => live_artifact(head, *of, targets, rejects),
        Source::Undo { release, artifact, of } => {
            artifact_after_undo(head, (release, artifact.as_ref(), *of), targets, rejects)
        }
        Source::Earlier(rollback) => artifact_to_roll_back_to(head, rollback, targets, rejects),
        Source::Unknown => Err(refused(Code::NotLive, "this deployer does not know what is asked for".to_owned())),
    }
}

/// Resolves the artifact of a redeploy: what is live, if the deployment `of` has brought it.
fn live_artifact(
    head: &Head,
    of: Option<DeploymentId>,
    targets: &[Target],
    rejects: &Rejects,
) -> Result<ResolvedArtifact, Ending> {
    let live = head.live().ok_or_else(|| nothing_live("bring a release here first"))?;
    if of.is_some_and(|of| of != live.deployment) {
        let because = format!(
            "release {} was rolled out after it was asked for: deployment {} has brought it",
            live.release, live.deployment
        );
        return Err(Ending::Superseded { because, in_favour_of: None });
    }
    check_redeployable(live, targets)?;
    rejects.refusal(&live.release, live.sha256).map_or_else(|| Ok(ResolvedArtifact::from(live)), Err)
}

/// Resolves the artifact that targets are brought to when one is taken back: what was live before it, or what is live
/// if that is another one which some targets do not serve.
fn artifact_after_undo(
    head: &Head,
    (release, artifact, of): (&Release, Option<&ArtifactRef>, Option<DeploymentId>),
    targets: &[Target],
    rejects: &Rejects,
) -> Result<ResolvedArtifact, Ending> {
    let is_it = |live: &LiveArtifact| artifact.map_or(live.release == *release, |artifact| live.artifact == *artifact);
    let is_live = head.live().is_some_and(is_it);
    let is_somewhere = head.targets().iter().any(|target| target.release.as_ref() == Some(release));
    let is_of = |live: &LiveArtifact| of.is_none_or(|of| live.deployment == of);
    let is_anothers = is_live && !head.live().is_some_and(is_of);
    if let Some(live) = head.live().filter(|_| is_anothers || (!is_live && is_somewhere)) {
        let rejected = rejects.refusal(&live.release, live.sha256);
        return rejected.map_or_else(|| Ok(ResolvedArtifact::for_restore(live)), Err);
    }
    if !is_live {
        let was_live = head.history().iter().chain(head.left()).any(|live| is_it(live) && live.was_live());
        let how = if was_live { "is not live here any more" } else { "was not live here" };
        return Err(refused(Code::NotLive, format!("release {release} {how}")));
    }
    artifact_to_roll_back_to(head, &Rollback::default(), targets, rejects)
}

/// Refuses the redeploy of an artifact that was never complete and that no present target serves: it may never have
/// worked.
fn check_redeployable(live: &LiveArtifact, targets: &[Target]) -> Result<(), Ending> {
    let is_served = live.targets_without(targets).len() < targets.len();
    if live.complete || is_served {
        return Ok(());
    }
    let because = format!(
        "release {} was never on every target, and no present target serves it: roll back to what was live before, or \
         deploy a release",
        live.release
    );
    Err(refused(Code::NotLive, because))
}

/// Returns the refusal of a redeploy that can lead nowhere, whatever the targets serve: nothing gives way to it.
pub(super) fn refuse_impossible(head: &Head, request: &Request, at: &FunctionRef<'_>) -> Option<Ending> {
    let is_open = || head.active().is_some() || head.pending().is_some();
    match (&request.source, head.live()) {
        (Source::Live { .. }, None) if !is_open() => Some(nothing_live(&first_release_advice(at))),
        (Source::Live { .. }, Some(live)) if !is_open() => check_redeployable(live, &at.environment.targets).err(),
        _ => None,
    }
}

/// Writes down the artifact that the active deployment is about. `None`: the claim is not ours any more, or the
/// artifact is known already.
#[must_use]
pub fn with_resolved_artifact(head: &Head, claim: Token, artifact: &ResolvedArtifact) -> Option<Head> {
    let active = head.queue.claimed(claim).filter(|active| active.artifact.is_none())?;
    let active = Active { artifact: Some(artifact.clone()), ..active.clone() };
    let mut next = head.next();
    next.queue.active = Some(active);
    Some(next)
}

fn nothing_live(advice: &str) -> Ending {
    refused(Code::NotLive, format!("nothing is live here that could be deployed again: {advice}"))
}

/// Says how a first release comes to an environment.
fn first_release_advice(at: &FunctionRef<'_>) -> String {
    match &at.environment.promotion {
        Some(promotion) if !at.environment.accept_uploads => format!("promote a release from {} first", promotion.from),
        _ => "upload a release first".to_owned(),
    }
}

fn refused(code: Code, because: String) -> Ending {
    Ending::Refused { code, because }
}
