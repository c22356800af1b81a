//! The head: the one ledger object of a function in an environment that says what is live, what is being worked on and
//! what waits. Its transitions are pure; the shell writes what they give by compare-and-swap, and decides again from
//! the start when somebody else was first.
//!
//! Every transition raises `revision`, so no two heads have the same bytes (equal bytes have equal ETags).

mod accept;
mod active;
mod choose;
mod door;
mod doors;
mod finish;
mod history;
mod hold;
mod lambda_wait;
mod lambda_waits;
mod live;
mod live_target;
mod member;
mod next_action;
mod order;
mod outbox;
mod overwritten;
mod parked;
mod promote;
mod recover;
mod request;
mod resolved;
mod rollback;
mod source;
mod state;
#[cfg(test)]
mod tests;
mod tick;
mod transition;
mod waiting;

pub use active::{Active, ClaimedFor};
pub use door::{Door, Opening, ServedBefore};
pub use doors::{SHUT_DOOR, turned, untouched};
pub use finish::{End, Finish, GivenUp, Left};
pub use hold::held_by;
pub use lambda_wait::{LambdaTask, LambdaWait};
pub use lambda_waits::{LambdaWaits, Since};
pub use live::{Completed, Live};
pub use live_target::LiveTarget;
pub use member::Placing;
pub use next_action::{LeftOut, NextAction, Wakeup};
pub use order::{Mark, Sequencer};
pub use outbox::{Failure, OutboxEntry, SideEffect};
pub use parked::HOPS;
pub use promote::Consent;
pub use request::Request;
pub use resolved::ResolvedArtifact;
pub use source::{Rollback, Source};
pub use state::{ATTEMPTS, ENDED, EXTENSIONS, HISTORY, Head, OUTBOX, REQUESTS, WAITING};
pub use tick::Tick;
pub use transition::{Claimant, Next, Rules, Transition};
pub use waiting::{Place, Waiting};
