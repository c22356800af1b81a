//! The rollouts of a release that is rejected now: they are taken back with the reject, not with the next look.

use deployer_core::function_ref::FunctionRef;
use deployer_core::head;
use deployer_core::id::FunctionName;
use deployer_core::rejects::Rejects;
use futures::future::join_all;

use crate::gone_environment::all_gone;
use crate::reconcile::ReconcileFrom;
use crate::store::{Change, Versioned};
use crate::{Engine, Transient};

/// Takes the rollouts of rejected releases of a function back, in every environment. A way back that
/// does not end in this invocation is gone on with by a tick or the sweep; so is one that this call cannot begin.
pub(super) async fn take_rejected_back(engine: &Engine, function: &FunctionName) {
    // An environment whose `rollout` was taken away may have one under way.
    if engine.ports.rollouts.is_none() {
        return;
    }
    let rejects = match engine.store().rejects(function).await {
        Ok(rejects) => rejects,
        Err(error) => {
            tracing::warn!(%function, "what rolls out is left to the next look: {error}");
            return;
        }
    };
    let gone = all_gone(engine, None, Some(function)).await;
    for because in &gone.unreadable {
        tracing::warn!(%function, "what rolls out where no environment is any more is left to the next look: {because}");
    }
    let names = engine.config.environments.keys();
    let configured = names.filter_map(|name| FunctionRef::find(&engine.config, name, function).ok());
    let all: Vec<FunctionRef<'_>> = configured.chain(gone.functions.into_iter().map(|gone| gone.at)).collect();
    join_all(all.iter().map(|at| take_back_in(engine, at, &rejects))).await;
}

async fn take_back_in(engine: &Engine, at: &FunctionRef<'_>, rejects: &Rejects) {
    let (name, function) = (&at.name, &at.function);
    let taken_back = async {
        let take_back = async |seen: &mut Versioned| {
            Ok::<_, Transient>(match head::reject_rollout(&seen.head, rejects, engine.now()) {
                Some(head) => Change::Write(Box::new(head), true),
                None => Change::Keep(false),
            })
        };
        let (seen, is_changed) = engine.store().update_head(at, None, take_back).await?;
        if is_changed {
            tracing::warn!(environment = %name, %function, "the rollout of a rejected release goes back");
            engine.reconciler(at).resume_function(ReconcileFrom::Head(Box::new(seen))).await?;
        }
        Ok::<_, Transient>(())
    };
    if let Err(transient) = Box::pin(taken_back).await {
        tracing::warn!(environment = %name, %function, "the rollout is taken back later: {transient}");
    }
}
