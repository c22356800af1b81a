//! A look for a person who asks for the status. It changes nothing, whatever it finds: the sweep's looks decide.

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{Head, alone_since};
use deployer_core::rollout::awaits_look;
use deployer_core::rollout::guard::{Judgement, Releases, judge};

use super::super::Deployment;
use super::evidence::{Found, RolloutLook};
use crate::Engine;

/// What a look has found.
pub(crate) struct Shown {
    /// The guard's judgement.
    pub judgement: Judgement,
    /// An alarm that fires, or somebody else's change.
    pub takes_back: Option<String>,
}

/// Looks at the rollout of this head, if one waits for looks and this deployer can look.
pub(crate) async fn show_rollout(engine: &Engine, at: &FunctionRef<'_>, head: &Head) -> Option<Shown> {
    engine.ports.rollouts.as_ref()?;
    let active = head.active()?;
    let (state, artifact) = (active.rollout.as_ref().filter(|state| awaits_look(state))?, active.artifact.clone()?);
    let at = &at.as_claimed(active);
    let deployment = Deployment::new(engine, at, active.request.clone(), artifact);
    let Found { looks, foreign, alarms } = RolloutLook(&deployment).look_around(state, alone_since(head)).await;
    let old = head.live().map_or_else(|| "before".to_owned(), |live| live.release.to_string());
    let releases = Releases { new: deployment.resolved.release.as_str(), old: &old };
    let judgement = judge(&looks, releases, &state.plan.guard);
    let foreign = foreign.into_iter().map(|(target, changed)| format!("{target}: {changed}"));
    Some(Shown { judgement, takes_back: foreign.chain(alarms).next() })
}
