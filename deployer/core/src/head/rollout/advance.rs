//! The owner of the claim has done something for the rollout.

use jiff::Timestamp;

use crate::config::Target;
use crate::head::state::Head;
use crate::id::Token;
use crate::rollout::{FunctionSettings, Progress, RolloutState, completed, with_former_settings};

/// Writes down what the owner of the claim has done, on the state as the head has it by now: somebody may have aborted
/// the rollout meanwhile. Where nothing is left to be done but to look, the same write gives the claim back.
///
/// Whatever moves on ends the count of owners that died or ran out of time; that a look could be judged, or not, does not.
/// `None`: the claim is not ours any more.
#[must_use]
pub fn advance_rollout(
    head: &Head,
    claim: Token,
    now: Timestamp,
    change: impl FnOnce(RolloutState) -> Progress,
) -> Option<Head> {
    let state = head.queue.claimed(claim)?.rollout.clone()?;
    let mut next = head.next();
    let active = next.queue.active.as_mut()?;
    let changed = completed(change(state.clone()).into_state(), now);
    if changed != (RolloutState { unreadable_since: changed.unreadable_since, ..state }) {
        (active.attempts, active.extensions, active.hops) = (1, 0, 0);
    }
    active.rollout = Some(changed);
    if active.awaits_look() {
        active.free(now);
    }
    Some(next)
}

/// Writes down what functions have in place of what the release is about to set on them. The owner keeps the claim: nobody
/// else may set anything meanwhile. `None`: the claim is not ours any more.
#[must_use]
pub fn note_former_settings(head: &Head, claim: Token, former: &[(Target, FunctionSettings)]) -> Option<Head> {
    let state = head.queue.claimed(claim)?.rollout.clone()?;
    let note =
        |state, (target, former): &(Target, FunctionSettings)| with_former_settings(state, target, former.clone());
    let mut next = head.next();
    next.queue.active.as_mut()?.rollout = Some(former.iter().fold(state, note));
    Some(next)
}
