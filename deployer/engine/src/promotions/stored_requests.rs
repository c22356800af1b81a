//! Promotions that stand under `asked/` and in no head yet.
//!
//! The end of a deployment may call for promotions in other environments. The outbox writes each as an object before it
//! drops its entry, so a commit touches no other head. A tick there, which is only a hint, or the sweep moves the
//! object into that head.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use deployer_core::function_ref::FunctionRef;
use deployer_core::id::EnvironmentName;
use deployer_core::ledger_keys;
use deployer_core::names::ASKED;
use deployer_core::promotion::Dispatch;
use deployer_core::stored_request::StoredRequest;

use crate::function_handles::Promotions;
use crate::group::Groups;
use crate::sweep::report::{FailureKind, Swept};
use crate::{Engine, Transient};

/// The time for which a request to an environment that deployer.json does not have is kept: a person may put the
/// environment back.
const KEPT_FOR_MISSING: Duration = Duration::from_secs(86_400);

/// Submits all promotions that were asked for. A failure of one function never stops the others.
pub(crate) async fn sweep_stored_requests(engine: &Engine) -> Result<Swept, Transient> {
    // A sweep that did all the work itself could not end in time, so it sends messages.
    let dispatch = if engine.ports.queue.is_some() { Dispatch::Enqueue } else { Dispatch::Inline };
    submit_all(engine, dispatch, &mut BTreeSet::new()).await
}

/// Submits the promotions that ended deployments have asked for, and reconciles all groups, if there is no queue. An
/// invocation calls it at its end, after its commits, because no message can wake another one.
pub(crate) async fn submit_without_queue(engine: &Engine) {
    if engine.ports.queue.is_some() {
        return;
    }
    let mut tried = BTreeSet::new();
    loop {
        let before = tried.len();
        if let Err(transient) = submit_all(engine, Dispatch::Inline, &mut tried).await {
            return tracing::warn!("what was asked for is left to the sweep: {transient}");
        }
        if tried.len() == before {
            break;
        }
    }
    if let Err(transient) = Groups::of(engine).reconcile_all().await {
        tracing::warn!("the groups are left to the sweep: {transient}");
    }
}

async fn submit_all(engine: &Engine, dispatch: Dispatch, tried: &mut BTreeSet<String>) -> Result<Swept, Transient> {
    let mut swept = Swept::default();
    let mut asked: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for key in engine.store().keys(ASKED).await? {
        match ledger_keys::parse_asked(&key) {
            Some(function) => asked.entry(function).or_default().push(key),
            None => tracing::warn!(key, "nothing that this deployer has asked for: delete it"),
        }
    }
    for ((name, function), mut keys) in asked {
        if !engine.timer().has_time_for_another() {
            break;
        }
        keys.retain(|key| tried.insert(key.clone()));
        swept = swept.and(match FunctionRef::find(&engine.config, &name, &function) {
            Ok(at) => submit_in_order(engine.reconciler(&at).promotions(), keys, dispatch).await,
            Err(_) => drop_old(engine, &keys, &name).await,
        });
    }
    Ok(swept)
}

/// Submits what was asked for one function, the earliest first. After a failure the later ones wait: judged before it, a
/// release that comes back would be dropped as live already, and the one between would stay.
async fn submit_in_order(promotions: Promotions<'_>, keys: Vec<String>, dispatch: Dispatch) -> Swept {
    let mut swept = Swept::default();
    let place = keys.first().cloned().unwrap_or_default();
    let sorted = match promotions.in_order_of_time(keys).await {
        Ok(sorted) => sorted,
        Err(error) => return not_submitted(&place, &error),
    };
    for key in sorted {
        if !promotions.engine.timer().has_time_for_another() {
            break;
        }
        match Box::pin(promotions.submit_stored(&key, dispatch)).await {
            Ok(_) => swept = swept.and(Swept::one()),
            Err(error) => return swept.and(not_submitted(&key, &error)),
        }
    }
    swept
}

fn not_submitted(key: &str, error: &Transient) -> Swept {
    tracing::error!(key, "not put into its head: {error}");
    Swept::one().with_failure(key, FailureKind::of(error), &error.to_string())
}

/// Drops the requests to an environment that deployer.json has not had for a day.
async fn drop_old(engine: &Engine, keys: &[String], name: &EnvironmentName) -> Swept {
    let mut swept = Swept::default();
    for key in keys {
        let dropped = drop_if_old(engine, key, name).await;
        swept = swept.and(dropped.map_or_else(|error| not_submitted(key, &error), |()| Swept::one()));
    }
    swept
}

async fn drop_if_old(engine: &Engine, key: &str, name: &EnvironmentName) -> Result<(), Transient> {
    let Some((stored, _)) = engine.store().object::<StoredRequest>(key).await? else { return Ok(()) };
    if engine.timer().passed(stored.request.accepted_at) > KEPT_FOR_MISSING {
        tracing::warn!(key, "a promotion to {name} is dropped: deployer.json has not had it for a day");
        engine.store().delete(key).await;
    }
    Ok(())
}
