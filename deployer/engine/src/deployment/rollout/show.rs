//! A look for a person who asks for the status. It changes nothing, whatever it finds: the sweep's looks decide.

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{Head, alone_since};
use deployer_core::rollout::awaits_look;
use deployer_core::rollout::guard::{Judgement, Releases, judge};

use super::super::Deployment;
use super::evidence::{Found, RolloutLook};
use super::look::release_before;
use crate::Engine;

/// The findings of a look.
pub(crate) struct Shown {
    /// The guard's judgement.
    pub judgement: Judgement,
    /// An alarm that fires, or somebody else's change.
    pub takes_back: Option<String>,
}

/// Looks at the rollout of this head.
///
/// # Errors
/// The reason why none can be looked at: none waits for looks, or this deployer cannot look.
pub(crate) async fn show_rollout(engine: &Engine, at: &FunctionRef<'_>, head: &Head) -> Result<Shown, &'static str> {
    if engine.ports.rollouts.is_none() {
        return Err("this deployer opens no sessions for looks");
    }
    let active = head.active().and_then(|active| Some((active, active.rollout.as_ref()?, active.artifact.clone()?)));
    let (active, state, artifact) = active.ok_or("the rollout has ended meanwhile")?;
    if !awaits_look(state) {
        return Err("the deployer is at work on it, and looks again when that is done");
    }
    let at = &at.as_claimed(active);
    let deployment = Deployment::new(engine, at, active.request.clone(), artifact);
    let Found { looks, foreign, alarms } = RolloutLook(&deployment).look_around(state, alone_since(head)).await;
    let old = release_before(head);
    let releases = Releases { new: deployment.resolved.release.as_str(), old: &old };
    let judgement = judge(&looks, releases, &state.plan.guard);
    let foreign = foreign.into_iter().map(|(target, changed)| format!("{target}: {changed}"));
    Ok(Shown { judgement, takes_back: foreign.chain(alarms).next() })
}
