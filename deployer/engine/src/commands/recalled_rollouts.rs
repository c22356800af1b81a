//! The rollouts that a recall takes back, as its answer tells of them: those under way, and those that have ended so.

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::Head;
use deployer_core::hold_and_reject::Reject;
use deployer_core::id::{DeploymentId, FunctionName, Release, Sha256};
use deployer_core::record::Code;
use deployer_core::rejects::Rejects;
use deployer_core::rollout::AbortReason;
use futures::future::try_join_all;

use super::progress::record_by_head;
use super::recall::RecalledFrom;
use super::rejected_rollouts::everywhere;
use crate::{Engine, Transient};

/// Lists the rollouts that go back because of this reject, and those that went back since it was given.
pub(super) async fn recalled_rollouts(
    engine: &Engine,
    function: &FunctionName,
    (reject, rejects): (&Reject, &Rejects),
) -> Result<Vec<RecalledFrom>, Transient> {
    let all = everywhere(engine, function).await;
    let found = all.iter().map(|at| recalled_in(engine, at, (reject, rejects)));
    Ok(try_join_all(found).await?.into_iter().flatten().collect())
}

async fn recalled_in(
    engine: &Engine,
    at: &FunctionRef<'_>,
    (reject, rejects): (&Reject, &Rejects),
) -> Result<Option<RecalledFrom>, Transient> {
    // A head that cannot be read was named with its reason.
    let Ok(seen) = engine.store().head(at).await else { return Ok(None) };
    let is_recalled = |release: &Release, sha256: Option<Sha256>| {
        rejects.find(release, sha256).is_some_and(|found| found.release == reject.release)
    };
    let Some((left, id)) = taken_back(&seen.head, reject, is_recalled) else { return Ok(None) };
    let record = record_by_head(engine, at, &seen.head, id).await?;
    let is_taken_back = |code: Option<Code>| code.is_none_or(|code| matches!(code, Code::Rejected | Code::Waiting));
    let record = record.filter(|record| !record.status.is_ended() || is_taken_back(record.code));
    Ok(record.map(|record| RecalledFrom {
        environment: at.name.clone(),
        left: Some(left),
        came_with: None,
        deployment: Some(record),
        because: None,
        taken_back: true,
        live: seen.head.live().map(|live| live.release.clone()),
    }))
}

/// Finds the deployment whose rollout goes back, or went back and brought nothing live, since the reject was given.
fn taken_back(
    head: &Head,
    reject: &Reject,
    is_recalled: impl Fn(&Release, Option<Sha256>) -> bool,
) -> Option<(Release, DeploymentId)> {
    if let Some(active) = head.active()
        && let (Some(artifact), Some(rollout)) = (&active.artifact, &active.rollout)
        && rollout.abort.as_ref().is_some_and(|abort| abort.reason == AbortReason::Rejected)
        && is_recalled(&artifact.release, artifact.sha256)
    {
        return Some((artifact.release.clone(), active.request.id));
    }
    let mut left = head.left().iter().filter(|left| left.since >= reject.since);
    let left = left.find(|left| is_recalled(&left.release, left.sha256))?;
    Some((left.release.clone(), left.deployment))
}
