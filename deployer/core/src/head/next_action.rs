//! The action that a function needs next, as its head says.

use jiff::Timestamp;

use super::state::Head;
use crate::id::{DeploymentId, Token};
use crate::rollout::{RolloutAction, RolloutState};

/// One action by which a function comes to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextAction {
    /// The side effects of ended deployments are not all done.
    FlushOutbox,
    /// Promotions wait: their rules are to be evaluated, and their waiting may not have been announced yet.
    Evaluate,
    /// The owner of a deployment has died, or has given it up: another one resumes it.
    Resume(Wakeup),
    /// It is a request's turn.
    Deploy(Wakeup),
    /// A rollout waits, and nobody works on it: it is looked at each minute. Without a due time only a bad verdict or a
    /// person ends the wait.
    Look {
        /// The deployment.
        on: Wakeup,
        /// The end of the step or of the pause.
        due: Option<Timestamp>,
    },
    /// Nothing is to be done before that time: an owner works on the deployment, or a tick is on its way to it.
    Wait {
        /// The deployment.
        on: Wakeup,
        /// The end of the lease, or the time at which the tick is overdue.
        until: Timestamp,
    },
    /// Nothing is to be done.
    Nothing,
}

/// A deployment to go on with, and its claim: a tick bears both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wakeup {
    /// The deployment.
    pub id: DeploymentId,
    /// Its claim; none where it waits its turn.
    pub claim: Option<Token>,
}

/// The parts of a function's work that the caller of [`Head::next_action`] leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SkippedWork {
    /// The caller has flushed the outbox already; what it could not do stays there.
    pub outbox: bool,
    /// The caller has evaluated the promotions that wait already.
    pub waiting: bool,
    /// The caller resumes a parked deployment before its pause is over, because its tick has come.
    pub pause: bool,
}

impl SkippedWork {
    /// Leaves out all but deployments. Whoever handles a tick, or has just ended a deployment, asks so.
    #[must_use]
    pub fn all_but_deployments() -> Self {
        Self { outbox: true, waiting: true, pause: true }
    }
}

impl Head {
    /// Returns the action that the function needs next.
    #[must_use]
    pub fn next_action(&self, now: Timestamp, skipped: SkippedWork) -> NextAction {
        if !skipped.outbox && !self.outbox().is_empty() {
            return NextAction::FlushOutbox;
        }
        if !skipped.waiting && !self.waiting().is_empty() {
            return NextAction::Evaluate;
        }
        let Some(active) = self.active() else {
            let next = self.queue.next_in_line().and_then(|index| self.queue.pending.get(index));
            return next.map_or(NextAction::Nothing, |next| NextAction::Deploy(Wakeup { id: next.id, claim: None }));
        };
        let on = Wakeup { id: active.request.id, claim: Some(active.claim) };
        let pause = active.tick_overdue_at().filter(|_| !skipped.pause);
        let until = active.lease_until.max(pause.unwrap_or(active.lease_until));
        match active.rollout.as_ref().map(RolloutState::next_action) {
            _ if now < until => NextAction::Wait { on, until },
            Some(RolloutAction::Look { due }) => NextAction::Look { on, due },
            _ => NextAction::Resume(on),
        }
    }
}
