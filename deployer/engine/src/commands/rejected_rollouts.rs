//! The rollouts of a release that is rejected now: they are taken back with the reject, not with the next look.

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{self, Active};
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::rejects::Rejects;
use deployer_core::status::RejectedRollout;
use futures::future::join_all;

use crate::gone_environment::all_gone;
use crate::reconcile::ReconcileFrom;
use crate::store::{Change, Versioned};
use crate::{Engine, Transient};

/// A rollout that is to go back, as its head says by now. Nothing has moved yet.
pub(super) struct Aborted<'e> {
    at: FunctionRef<'e>,
    seen: Versioned,
    named: RejectedRollout,
}

/// The rollouts of rejected releases, everywhere.
#[derive(Default)]
pub(super) struct AbortedRollouts<'e> {
    /// Those that are to go back.
    pub aborted: Vec<Aborted<'e>>,
    /// The environments in which nobody could look, with the reason: the next look takes back what rolls out there.
    pub unseen: Vec<(EnvironmentName, String)>,
}

/// Takes the rollouts of rejected releases of a function back, in every environment. Lists those, and says where that could
/// not be done. A way back that does not end in this invocation is gone on with by a tick or the sweep.
pub(super) async fn take_rejected_back(
    engine: &Engine,
    function: &FunctionName,
) -> (Vec<RejectedRollout>, Vec<String>) {
    let AbortedRollouts { aborted, unseen } = abort_rejected(engine, function).await;
    let named = aborted.iter().map(|one| one.named.clone()).collect();
    go_back(engine, aborted).await;
    (named, unseen.into_iter().map(|(environment, because)| format!("{environment}: {because}")).collect())
}

/// Writes down that the rollouts of rejected releases go back, and moves nothing.
pub(super) async fn abort_rejected<'e>(engine: &'e Engine, function: &FunctionName) -> AbortedRollouts<'e> {
    // An environment whose `rollout` was taken away may have one under way.
    if engine.ports.rollouts.is_none() {
        return AbortedRollouts::default();
    }
    let all = everywhere(engine, function).await;
    let mut found = AbortedRollouts::default();
    let rejects = match engine.store().rejects(function).await {
        Ok(rejects) => rejects,
        Err(error) => {
            let error = Transient::from(error);
            found.unseen.extend(all.into_iter().map(|at| unseen(&at, &error)));
            return found;
        }
    };
    for one in join_all(all.into_iter().map(|at| abort_in(engine, at, &rejects))).await {
        match one {
            Ok(aborted) => found.aborted.extend(aborted),
            Err(because) => found.unseen.push(because),
        }
    }
    found
}

fn unseen(at: &FunctionRef<'_>, error: &Transient) -> (EnvironmentName, String) {
    tracing::warn!(environment = %at.name, function = %at.function, "what rolls out is left to the next look: {error}");
    (
        at.name.clone(),
        format!("a rollout of it, if there is one, could not be taken back now, and the next look does: {error}"),
    )
}

/// Lists a function in every environment, also in those that deployer.json does not have any more and in which a rollout
/// goes on.
pub(super) async fn everywhere<'e>(engine: &'e Engine, function: &FunctionName) -> Vec<FunctionRef<'e>> {
    let gone = all_gone(engine, None, Some(function)).await;
    for because in &gone.unreadable {
        tracing::warn!(%function, "what rolls out where no environment is any more is left to the next look: {because}");
    }
    let names = engine.config.environments.keys();
    let configured = names.filter_map(|name| FunctionRef::find(&engine.config, name, function).ok());
    configured.chain(gone.functions.into_iter().map(|gone| gone.at)).collect()
}

async fn abort_in<'e>(
    engine: &'e Engine,
    at: FunctionRef<'e>,
    rejects: &Rejects,
) -> Result<Option<Aborted<'e>>, (EnvironmentName, String)> {
    let abort = async |seen: &mut Versioned| {
        Ok::<_, Transient>(match head::reject_rollout(&seen.head, rejects, engine.now()) {
            Some(head) => {
                let named = head.active().and_then(|active| named(&at, active));
                Change::Write(Box::new(head), named)
            }
            None => Change::Keep(None),
        })
    };
    match engine.store().update_head(&at, None, abort).await {
        Ok((seen, named)) => {
            let Some(named) = named else { return Ok(None) };
            tracing::warn!(environment = %at.name, function = %at.function, "the rollout of a rejected release goes back");
            Ok(Some(Aborted { at, seen, named }))
        }
        Err(transient) => Err(unseen(&at, &transient)),
    }
}

/// Goes on with the rollouts that are to go back.
pub(super) async fn go_back(engine: &Engine, aborted: Vec<Aborted<'_>>) {
    let resumed = aborted.into_iter().map(|Aborted { at, seen, .. }| async move {
        let resume = engine.reconciler(&at).resume_function(ReconcileFrom::Head(Box::new(seen))).await.map(drop);
        if let Err(transient) = resume {
            tracing::warn!(environment = %at.name, function = %at.function, "the rollout is taken back later: {transient}");
        }
    });
    Box::pin(join_all(resumed)).await;
}

fn named(at: &FunctionRef<'_>, active: &Active) -> Option<RejectedRollout> {
    let release = active.artifact.as_ref()?.release.clone();
    Some(RejectedRollout { environment: at.name.clone(), deployment: active.request.id, release })
}
