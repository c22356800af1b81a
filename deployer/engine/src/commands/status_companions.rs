//! Adds to the status the functions that came together with a release. The record of the deployment that brought it names
//! its group, and the group names its functions.

use deployer_core::function_ref::FunctionRef;
use deployer_core::group::Group;
use deployer_core::head::LiveArtifact;
use deployer_core::id::DeploymentId;
use deployer_core::status::{CameWith, Companion, FunctionStatus};
use futures::future::{OptionFuture, join, join_all, try_join_all};

use crate::Engine;
use crate::port::LedgerError;

/// Adds what came with the live release, and with the one that the last rollback has left. `brought_by` has the deployment
/// that brought the live one, for each function. Adds the reasons why some cannot be told.
pub(super) async fn add_companions(
    engine: &Engine,
    (functions, brought_by): (&mut [FunctionStatus], &[Option<DeploymentId>]),
    unreadable: &mut Vec<String>,
) {
    let reasons = join_all(functions.iter_mut().zip(brought_by).map(|(status, live)| async {
        let Ok(at) = FunctionRef::find(&engine.config, &status.environment, &status.function) else { return vec![] };
        let left = status.left.as_ref().map(|left| left.deployment);
        let of = |id: Option<DeploymentId>| OptionFuture::from(id.map(|id| came_with(engine, &at, id)));
        let (with_live, with_left) = join(of(*live), of(left)).await;
        let mut reasons = vec![];
        let mut told = |found: Option<Result<Option<CameWith>, LedgerError>>| {
            found.and_then(|found| {
                found.unwrap_or_else(|error| {
                    reasons.push(format!("what came with releases of {} in {}: {error}", at.function, at.name));
                    None
                })
            })
        };
        if let Some(live) = &mut status.live {
            live.came_with = told(with_live);
        }
        if let Some(left) = &mut status.left {
            left.came_with = told(with_left);
        }
        reasons
    }))
    .await;
    unreadable.extend(reasons.into_iter().flatten());
}

/// Finds the other functions of the group that a deployment was a member of. None: it was none's, or no other function is
/// live as the group has brought it.
pub(super) async fn came_with(
    engine: &Engine,
    at: &FunctionRef<'_>,
    id: DeploymentId,
) -> Result<Option<CameWith>, LedgerError> {
    let record = engine.store().record(at, id).await?;
    let Some(id) = record.and_then(|record| record.promotion?.group) else { return Ok(None) };
    let Some(group) = engine.store().group(&at.name, id).await? else {
        return Err(LedgerError(format!("group {id} is not in the ledger any more")));
    };
    let functions: Vec<Companion> = live_members(engine, at, &group).await?;
    Ok((!functions.is_empty()).then_some(CameWith { group: id, functions }))
}

/// Lists the other members that are live by the deployments that the group has given them.
async fn live_members(engine: &Engine, at: &FunctionRef<'_>, group: &Group) -> Result<Vec<Companion>, LedgerError> {
    let others = group.functions.iter().filter(|member| member.function != at.function);
    let looks = others.map(|member| async move {
        let Ok(other) = FunctionRef::find(&engine.config, &at.name, &member.function) else { return Ok(None) };
        let head = engine.store().head(&other).await?.head;
        let is_its =
            |live: &&LiveArtifact| live.deployment == member.deployment || live.named_by() == member.deployment;
        let live = head.live().filter(is_its);
        Ok::<_, LedgerError>(
            live.map(|live| Companion { function: member.function.clone(), release: live.release.clone() }),
        )
    });
    Ok(try_join_all(looks).await?.into_iter().flatten().collect())
}
