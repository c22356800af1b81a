//! The rollout as the owner of the claim has seen it last.

use deployer_core::rollout::RolloutState;

use crate::Transient;
use crate::claim::Claim;

/// Returns the rollout as the head has it, as far as this invocation knows.
pub(super) fn rollout_now(claim: &Claim) -> Result<RolloutState, Transient> {
    let head = claim.seen().head;
    let active = head.active().filter(|active| active.claim == claim.token());
    active.and_then(|active| active.rollout.clone()).ok_or(Transient::TakenOver)
}
