//! A look at the rollout: it needs no claim, and takes one only if something must be moved.

use jiff::Timestamp;

use crate::head::active::Active;
use crate::head::claim::{Claimant, resume};
use crate::head::state::Head;
use crate::head::transition_result::{Next, Transition};
use crate::id::DeploymentId;
use crate::record::Ending;
use crate::rejects::Rejects;
use crate::rollout::{Abort, AbortReason, Progress, RolloutEnd, RolloutState, completed};

/// The effect of a look.
#[derive(Debug, Clone, PartialEq)]
pub enum LookEffect {
    /// Nothing has changed: nothing is written.
    Nothing,
    /// This is to be written. Nobody needs the claim.
    Write(Box<Head>),
    /// This is to be written: it claims the deployment, for something must be moved, or the rollout has succeeded.
    Claim {
        /// The head.
        head: Box<Head>,
        /// The deployment.
        active: Box<Active>,
        /// The end of a rollout that has succeeded: the owner of the claim commits.
        end: Option<RolloutEnd>,
    },
}

/// Applies what a look has found to the state that was looked at. A rollout that has moved on since is looked at anew
/// the next minute.
#[must_use]
pub fn apply_look(
    head: &Head,
    (id, looked_at): (DeploymentId, &RolloutState),
    me: &Claimant,
    change: impl FnOnce(RolloutState) -> Progress,
) -> LookEffect {
    let is_it = |active: &&Active| active.request.id == id && !active.is_leased(me.now) && active.awaits_look();
    let Some(active) = head.active().filter(is_it) else { return LookEffect::Nothing };
    let Some(state) = active.rollout.clone().filter(|state| is_same_view(state, looked_at)) else {
        return LookEffect::Nothing;
    };
    let (changed, end) = match change(state.clone()) {
        Progress::Continues(changed) => (*changed, None),
        Progress::Ended { state, end } => (*state, Some(end)),
    };
    let changed = completed(changed, me.now);
    if changed == state && end.is_none() {
        return LookEffect::Nothing;
    }
    let mut next = head.next();
    let active = Active { rollout: Some(changed), ..active.clone() };
    if active.awaits_look() && end.is_none() {
        next.queue.active = Some(active);
        return LookEffect::Write(Box::new(next));
    }
    match resume(next, &active, me) {
        Transition { head: Some(head), then: Next::Work(active) } => {
            LookEffect::Claim { head, active: Box::new(active), end }
        }
        _ => LookEffect::Nothing,
    }
}

/// Returns the time since which the aliases are known to serve what is live, and nothing else: what went live then, or was
/// taken back, shared the traffic before. None where the deployer has brought nothing yet.
#[must_use]
pub fn alone_since(head: &Head) -> Option<Timestamp> {
    let left = head.live_state.left.iter().map(|left| left.since);
    head.live().map(|live| live.since).into_iter().chain(left).max()
}

/// Takes the rollout back, or stops it, where its release is rejected now. `None`: it is not, or goes back already.
#[must_use]
pub fn reject_rollout(head: &Head, rejects: &Rejects, now: Timestamp) -> Option<Head> {
    let active = head.active()?;
    let (state, artifact) = (active.rollout.clone()?, active.artifact.as_ref()?);
    let Some(Ending::Refused { because, .. }) = rejects.refusal(&artifact.release, artifact.sha256) else {
        return None;
    };
    let abort = Abort { reason: AbortReason::Rejected, by: None, because: because.into() };
    let changed = state.clone().aborted(abort).into_state();
    if changed == state {
        return None;
    }
    let mut next = head.next();
    next.queue.active.as_mut()?.rollout = Some(completed(changed, now));
    Some(next)
}

/// Whether what was read for one state says something about the other: the aliases served the same.
fn is_same_view(one: &RolloutState, other: &RolloutState) -> bool {
    let view = |state: &RolloutState| {
        let served: Vec<_> = state.targets.iter().map(|target| target.served.clone()).collect();
        (state.phase, state.wave, state.step, served)
    };
    view(one) == view(other)
}
