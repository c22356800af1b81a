//! The state of the active deployment's rollout, as the head keeps it.

use jiff::Timestamp;

use crate::head::active::Active;
use crate::rollout::awaits_look;

impl Active {
    /// Whether it is a rollout that nobody needs to work on: it waits for the next look.
    pub(in crate::head) fn awaits_look(&self) -> bool {
        self.rollout.as_ref().is_some_and(awaits_look)
    }

    /// Whether its rollout must wait for the others of its group before it becomes live.
    #[must_use]
    pub fn must_wait_for_group(&self) -> bool {
        self.request.group().is_some() && self.rollout.as_ref().is_some_and(|state| state.passed.is_none())
    }

    /// Gives the claim of a rollout back: the owner has done what there was to do.
    pub(super) fn free(&mut self, now: Timestamp) {
        (self.lease_until, self.attempts, self.extensions) = (now, 0, 0);
        (self.hops, self.next_look_at) = (0, None);
    }
}
