//! The rollout of a deployment: its targets publish (`ready`), it begins once all have (`begin`), and its owner does
//! what its state asks for (`run`): smoke tests (`smoke`) and moves of aliases (`move_alias`). Between moves nobody holds
//! the claim, and the sweep sends for a look (`look`).

mod begin;
mod evidence;
mod look;
mod move_alias;
mod ready;
mod run;
mod smoke;

pub(super) use ready::{ensure_shiftable, ready};

use deployer_core::config::Target;
use deployer_core::config::rollout::Rollout;
use deployer_core::record::CauseKind;

use super::Deployment;
use crate::claim::Claim;
use crate::port::SessionRequest;

/// The owner of the claim on a deployment whose rollout begins, or goes on.
#[derive(Clone, Copy)]
pub(crate) struct RolloutOwner<'a> {
    pub deployment: &'a Deployment<'a>,
    pub claim: &'a Claim,
}

/// Returns the rollout of the environment, if this deployment rolls out. Going back and redeploying never do.
pub(super) fn rollout_of<'d>(deployment: &'d Deployment<'_>) -> Option<&'d Rollout> {
    use CauseKind::{AutomaticPromotion, Deploy, Promotion, Upload};
    let rolls_out = matches!(deployment.request.cause.kind, Upload | Deploy | Promotion | AutomaticPromotion);
    deployment.at.environment.rollout.as_ref().filter(|_| rolls_out)
}

/// Makes the request for a session of a rollout in a target.
fn session_with(deployment: &Deployment<'_>, target: &Target, policy: String) -> SessionRequest {
    SessionRequest { policy, ..deployment.session(target) }
}
