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

use deployer_core::config::Target;
use deployer_core::config::rollout::Rollout;
use deployer_core::record::CauseKind;

use super::Deployment;
use crate::port::SessionRequest;

impl Deployment<'_> {
    /// Returns the rollout of the environment, if this deployment rolls out. Going back and redeploying never do.
    pub(super) fn rollout(&self) -> Option<&Rollout> {
        use CauseKind::{AutomaticPromotion, Deploy, Promotion, Upload};
        let rolls_out = matches!(self.request.cause.kind, Upload | Deploy | Promotion | AutomaticPromotion);
        self.at.environment.rollout.as_ref().filter(|_| rolls_out)
    }

    /// Makes the request for a session of the rollout in a target.
    fn rollout_session(&self, target: &Target, policy: String) -> SessionRequest {
        SessionRequest { policy, ..self.session(target) }
    }
}
