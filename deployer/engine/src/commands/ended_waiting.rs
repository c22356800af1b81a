//! The deployments that wait, and that a reject or a recall ends. A command names those that this very call of it has
//! ended: the same command again finds nothing to end, and names nothing.

use deployer_core::function_ref::FunctionRef;
use deployer_core::group::Member;
use deployer_core::hold_and_reject::Reject;
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::promotion::Decision;
use deployer_core::record::{Code, DeploymentRecord, EndedWaiting};
use deployer_core::rejects::Rejects;
use futures::future::join_all;

use crate::function_handles::Promotions;
use crate::group::Groups;
use crate::{Engine, Transient};

/// Ends the promotions that wait in any environment and are refused now: those of a rejected release end with the
/// reject, not with the next sweep, which ends those that are left. Lists those of the release.
pub(super) async fn end_rejected(
    engine: &Engine,
    function: &FunctionName,
    (reject, rejects): (&Reject, &Rejects),
) -> Vec<EndedWaiting> {
    let names = engine.config.environments.keys();
    let ended = names.map(|name| async move {
        let mut ended = end_rejected_in(engine, name, function, reject).await;
        ended.extend(end_groups_in(engine, name, function, (reject, rejects)).await);
        ended
    });
    join_all(ended).await.concat()
}

/// Ends the groups that are not decided and would bring the rejected release.
async fn end_groups_in(
    engine: &Engine,
    name: &EnvironmentName,
    function: &FunctionName,
    (reject, rejects): (&Reject, &Rejects),
) -> Vec<EndedWaiting> {
    let refusal = |member: &Member| {
        let sha256 = member.resolved.as_ref().and_then(|resolved| resolved.sha256);
        let release = member.release.as_ref()?;
        rejects.find(release, sha256).filter(|found| found.release == reject.release)?;
        rejects.refusal(release, sha256)
    };
    let ended = Groups::of(engine).open().end_refused(name, function, refusal).await;
    ended.into_iter().map(|(_, named)| named).collect()
}

async fn end_rejected_in(
    engine: &Engine,
    name: &EnvironmentName,
    function: &FunctionName,
    reject: &Reject,
) -> Vec<EndedWaiting> {
    let Ok(at) = FunctionRef::find(&engine.config, name, function) else { return vec![] };
    let promotions = engine.reconciler(&at).promotions();
    let refused = refused(engine, &at, promotions).await.unwrap_or_else(|error| {
        tracing::warn!(environment = %name, "what waits there is left to the sweep: {error}");
        vec![]
    });
    let mut ended = vec![];
    for id in refused {
        match promotions.resume_waiting(id).await {
            Ok(records) => {
                let its = records.iter().filter(|record| record.id == id && is_ended_by(record, reject));
                ended.extend(its.map(EndedWaiting::of));
            }
            Err(error) => tracing::warn!(environment = %name, deployment = %id, "left to the sweep: {error}"),
        }
    }
    ended
}

/// Lists the promotions that wait, and are refused now.
async fn refused(
    engine: &Engine,
    at: &FunctionRef<'_>,
    promotions: Promotions<'_>,
) -> Result<Vec<DeploymentId>, Transient> {
    let seen = engine.store().head(at).await?;
    let movable = promotions.movable(&seen.head).await?.into_iter();
    Ok(movable.filter(|(_, decision)| matches!(decision, Decision::Deny(_))).map(|(id, _)| id).collect())
}

/// Whether a promotion has ended because its release is rejected.
fn is_ended_by(record: &DeploymentRecord, reject: &Reject) -> bool {
    let sha256 = record.artifact.as_ref().and_then(|artifact| artifact.sha256);
    let is_rejected = record.release.as_ref() == Some(&reject.release)
        || sha256.is_some_and(|sha256| reject.sha256.contains(&sha256));
    is_rejected && matches!(record.code, Some(Code::Rejected | Code::SoakCancelled))
}
