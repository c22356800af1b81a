//! Taking one artifact back: the rollback that a recall, or a group of which a function failed, submits.

use deployer_core::artifact::ArtifactRef;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{ClaimRelease, Request, Wakeup};
use deployer_core::id::Release;
use deployer_core::record::{CauseKind, DeploymentRecord};

use super::caller::Caller;
use super::progress::progress;
use crate::claim::SubmitOutcome;
use crate::{Engine, Transient};

/// Makes the request that takes a release, or one artifact of it, back from a function.
pub(super) fn undo_request(
    engine: &Engine,
    at: &FunctionRef<'_>,
    (release, artifact): (&Release, Option<&ArtifactRef>),
    caller: &Caller,
) -> Request {
    let cause = caller.cause(CauseKind::Rollback);
    let undone = (release.clone(), artifact.cloned(), None);
    Request::undo((&at.name, &at.function), undone, cause, engine.now(), (engine.now(), engine.token()))
}

/// Submits the request, and does not work on it.
///
/// # Errors
/// [`Transient`]: the ledger is away, or the head kept changing.
pub(super) async fn submit_undo(
    engine: &Engine,
    at: &FunctionRef<'_>,
    request: &Request,
) -> Result<SubmitOutcome, Transient> {
    engine.store().mark_open(at, request).await?;
    engine.reconciler(at).accept_unrefused(request).await
}

/// Submits the request and has it worked on: with a queue by a tick, because the caller has other work to do; without
/// one at once.
///
/// # Errors
/// [`Transient`]: another try can help.
pub(crate) async fn undo(
    engine: &Engine,
    at: &FunctionRef<'_>,
    request: &Request,
) -> Result<Option<DeploymentRecord>, Transient> {
    let reconciler = engine.reconciler(at);
    if engine.ports.queue.is_none() {
        return reconciler.submit(request).await;
    }
    match submit_undo(engine, at, request).await? {
        SubmitOutcome::Claimed(claim) => {
            reconciler.release_claim(&claim, ClaimRelease::Untried).await;
            let wakeup = Wakeup { id: claim.request().id, claim: Some(claim.token()) };
            reconciler.send_tick(wakeup, engine.now()).await?;
            Ok(progress(engine, at, request).await)
        }
        outcome => reconciler.handle_outcome(request, outcome).await,
    }
}
