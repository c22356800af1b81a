//! The deployments that a hold, a reject or a recall has ended while they waited. They are found by their records, so
//! that the same command again names the same ones.

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{Head, list_ended};
use deployer_core::hold_and_reject::{Hold, Reject};
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::promotion::Decision;
use deployer_core::record::{Code, DeploymentRecord, EndedWaiting, Status};
use jiff::Timestamp;

use crate::{Engine, Transient};

/// Lists the deployments that a hold has ended.
pub(super) async fn ended_by_hold(
    engine: &Engine,
    at: &FunctionRef<'_>,
    head: &Head,
    hold: &Hold,
) -> Vec<EndedWaiting> {
    let is_its = |record: &DeploymentRecord| matches!(record.code, Some(Code::Held | Code::SoakCancelled));
    ended_since(engine, at, head, (hold.since, &is_its)).await
}

/// Ends the promotions that wait in an environment and are refused now: a soak of a rejected release ends with the
/// reject, not with the next sweep, which ends those that are left. Lists what the reject has ended there.
pub(super) async fn end_rejected(
    engine: &Engine,
    name: &EnvironmentName,
    function: &FunctionName,
    reject: Option<&Reject>,
) -> Vec<EndedWaiting> {
    let Ok(at) = FunctionRef::find(&engine.config, name, function) else { return vec![] };
    let head = match refuse_waiting(engine, &at).await {
        Ok(head) => head,
        Err(error) => {
            tracing::warn!(environment = %name, "what waits there is left to the sweep: {error}");
            return vec![];
        }
    };
    let Some(reject) = reject else { return vec![] };
    let is_its = |record: &DeploymentRecord| {
        let sha256 = record.artifact.as_ref().and_then(|artifact| artifact.sha256);
        let is_rejected = record.release.as_ref() == Some(&reject.release)
            || sha256.is_some_and(|sha256| reject.sha256.contains(&sha256));
        is_rejected && matches!(record.code, Some(Code::Rejected | Code::SoakCancelled))
    };
    ended_since(engine, &at, &head, (reject.since, &is_its)).await
}

/// Ends what is refused, and returns the head as it is then.
async fn refuse_waiting(engine: &Engine, at: &FunctionRef<'_>) -> Result<Head, Transient> {
    let promotions = engine.reconciler(at).promotions();
    let seen = engine.store().head(at).await?;
    let mut is_current = true;
    for (id, decision) in promotions.movable(&seen.head).await? {
        if let Decision::Deny(_) = decision {
            promotions.resume_waiting(id).await?;
            is_current = false;
        }
    }
    if is_current { Ok(seen.head) } else { Ok(engine.store().head(at).await?.head) }
}

/// Lists the deployments that were accepted by a moment, and refused at that moment or later. A record that cannot be
/// read is left out, and so are those that ended before it: the command itself is carried out.
async fn ended_since(
    engine: &Engine,
    at: &FunctionRef<'_>,
    head: &Head,
    (since, is_its): (Timestamp, &dyn Fn(&DeploymentRecord) -> bool),
) -> Vec<EndedWaiting> {
    let mut ended = vec![];
    for id in list_ended(head) {
        let record = match head.ended_record(*id) {
            Some(record) => Ok(Some(record.clone())),
            None => engine.store().record(at, *id).await,
        };
        let record = match record {
            Ok(Some(record)) => record,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(environment = %at.name, "what was ended there is not all named: {error}");
                break;
            }
        };
        if record.finished_at.is_some_and(|finished| finished < since) {
            break;
        }
        if record.status == Status::Refused && record.started_at <= since && is_its(&record) {
            ended.push(EndedWaiting::of(&record));
        }
    }
    ended
}
