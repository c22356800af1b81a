//! The rollout of a deployment: its targets publish (`ready`), it begins once all have (`begin`), and its owner does
//! what its state asks for (`run`): smoke tests (`smoke`), moves of aliases (`moves`, `move_alias`), and what is set on the function
//! when the release is about to become live (`settings`). A member of a group waits for the others (`group`). Between moves nobody holds the claim, and the sweep sends for
//! a look (`look`).

mod announce;
mod begin;
mod evidence;
mod group;
mod look;
mod move_alias;
mod moves;
mod ready;
mod run;
mod settings;
mod show;
mod smoke;
mod state_now;

pub(super) use ready::{ensure_shiftable, is_watched_first, ready, to_replace};
pub(crate) use show::{Shown, show_rollout};

use deployer_core::artifact::VerifiedArtifact;
use deployer_core::config::Target;
use deployer_core::config::rollout::Rollout;
use deployer_core::record::{Ending, TargetError, TargetErrorCode};

use super::Deployment;
use crate::claim::Claim;
use crate::port::{LedgerError, SessionRequest};
use crate::store::Persistence;
use crate::timer::MAX_READ_RETRIES;

/// The persistence of the writes of a rollout. A claim whose reply is lost would keep everybody else away for a whole
/// lease, while nobody looks at the new version; what was written is recognised when it is read again.
const PERSISTENCE: Persistence<'static> = Persistence { errors: &may_try_again, ..Persistence::DEFAULT };

fn may_try_again(attempt: u32, error: &LedgerError) -> bool {
    tracing::warn!("the ledger could not be read or written for the rollout: {error}");
    attempt < MAX_READ_RETRIES
}

/// The owner of the claim on a deployment whose rollout begins, or goes on.
#[derive(Clone, Copy)]
pub(crate) struct RolloutOwner<'a> {
    pub deployment: &'a Deployment<'a>,
    pub claim: &'a Claim,
}

/// Returns the rollout that brings this artifact: the environment's, made stricter by the manifest, with the
/// smoke tests of the release. Going back and redeploying have none.
pub(super) fn rollout_of(
    deployment: &Deployment<'_>,
    artifact: &VerifiedArtifact,
) -> Result<Option<Rollout>, TargetError> {
    let effective = deployment.at.rollout_for(&deployment.request.cause, &artifact.config);
    let Some(effective) = effective.map_err(|looser| refused(looser.to_string()))? else { return Ok(None) };
    let smoke_tests = effective.smoke_tests(artifact.smoke_tests.clone());
    let smoke_tests = smoke_tests.map_err(|missing| refused(missing.to_string()))?;
    Ok(Some(Rollout { smoke_tests, ..effective.rollout }))
}

/// Refuses a deployment that is to roll out where the deployer can neither look at a rollout nor wait for it: no traffic
/// moves without the rollout that the environment asks for.
pub(super) fn refusal_without_ports(deployment: &Deployment<'_>) -> Option<Ending> {
    let Deployment { engine, at, request, .. } = deployment;
    let rolls_out = request.cause.kind.rolls_out() && at.environment.rollout.is_some();
    let may_begin = engine.ports.begins_rollouts && engine.ports.rollouts.is_some();
    let missing = match (may_begin, &engine.ports.queue) {
        _ if !rolls_out => return None,
        (true, Some(_)) => return None,
        (false, _) => "begins none unless its variable DEPLOYER_PREVIEW is \"rollouts\"",
        (_, None) => "has no queue to wait with",
    };
    let name = &at.name;
    let message = format!("environment {name} asks for a rollout, and this deployer {missing}: nothing was deployed");
    Some(at.all_failed(&refused(message)))
}

fn refused(because: String) -> TargetError {
    TargetError::new(TargetErrorCode::InvalidConfiguration, ready::BEGIN_ROLLOUT, because)
}

/// Makes the request for a session of a rollout in a target.
fn session_with(deployment: &Deployment<'_>, target: &Target, policy: String) -> SessionRequest {
    SessionRequest { policy, ..deployment.session(target) }
}
