//! The head: the one ledger object of a function in an environment. It says what is live, which deployment is worked on
//! and what waits.
//!
//! [`Head`] (`state.rs`) holds the data in parts: [`LiveState`] (what is live and was), [`Queue`] (what is open), the
//! requests that are known, and the deployments that have ended. Its methods only read. A transition is a function
//! that takes a head and returns the head to be written; its file is named after it, or after its subject
//! (`promote.rs`, `parked.rs`). The engine writes the new head by compare-and-swap, and decides again from the start
//! when somebody else was first.
//!
//! Every transition raises `revision`, so no two heads have the same bytes (equal bytes have equal ETags).

mod accept;
mod acquire;
mod active;
mod approve;
mod claim;
mod displace;
mod door;
mod drift;
mod end_request;
mod ended_deployments;
mod ended_groups;
mod enqueue;
mod finish;
mod frozen_place;
mod history;
mod hold;
mod known_by;
mod known_requests;
mod lambda_wait;
mod left_by;
mod live_artifact;
mod live_state;
mod member;
mod newest;
mod newly_ended;
mod next_action;
mod open_doors;
mod outbox;
mod parked;
mod plan_rollback;
mod promote;
mod queue;
mod read_older_head;
mod release_claim;
mod request;
mod resolve_artifact;
mod resolved_artifact;
mod retried_calls;
mod rollback;
mod rolled_back;
mod rollout;
mod source;
mod state;
#[cfg(test)]
mod tests;
mod transition_result;
mod used_id;
mod wait_tracker;
mod waiting;

pub use accept::{Rules, accept, answer_known};
pub use acquire::acquire;
pub use active::{Active, Brings};
pub use approve::{ApprovalEffect, DecisionId, approve, decline};
pub use claim::Claimant;
pub use door::{Door, Opening, ServedBefore};
pub use ended_deployments::{ENDED, OUTBOX};
pub use ended_groups::{EndedGroup, with_ended_groups};
pub use finish::{DeploymentEnd, Finish, finish, with_side_effects_done};
pub use frozen_place::{ClaimedFor, FrozenPlace};
pub use hold::{held_by, hold, hold_refusal, release_hold};
pub use known_by::KnownBy;
pub use known_requests::REQUESTS;
pub use lambda_wait::{LambdaTask, LambdaWait};
pub use left_by::LeftBy;
pub use live_artifact::{Completed, LiveArtifact, Renamed};
pub use live_state::{HISTORY, LiveState, LiveTarget};
pub use member::{Reservation, end_undecided_member, release_place, reserve_place};
pub use newest::{Mark, Sequencer};
pub use newly_ended::newly_ended;
pub use next_action::{NextAction, SkippedWork, Wakeup};
pub use open_doors::{SHUT_DOOR, list_open_doors, with_doors, with_shut_token, without_shut_token};
pub use outbox::{Failure, OutboxEntry, SideEffect};
pub use parked::{HOPS, with_awaited, with_retried_calls, with_tick_sent};
pub use plan_rollback::{PlannedRollback, plan_rollback};
pub use promote::{WAITING, accept_promotion, apply_decision, outdated, promotion_refusal, put_back, with_notified};
pub use queue::Queue;
pub(crate) use read_older_head::read_as;
pub use read_older_head::{missing_live, with_recovered_live};
pub use release_claim::{ClaimRelease, Handover, release_claim};
pub use request::Request;
pub(crate) use request::{PROMOTION, request_hash};
pub use resolve_artifact::{resolve_artifact, with_resolved_artifact};
pub use resolved_artifact::ResolvedArtifact;
pub use retried_calls::{RetriedCall, RetriedCalls};
pub use rolled_back::{only_by_name, taken_back, warning_of, went_back};
pub use rollout::{
    BegunRollout, LookEffect, RolloutCommand, RolloutLeave, RolloutRefusal, advance_rollout, alone_since, apply_look,
    begin_rollout, command_rollout, goes_on_where_gone, is_let_in_where_gone, leave_rollout, met_rollout,
    note_former_settings, place_where_gone, reject_rollout, rollout_ending, rollout_sentence, with_pause_announced,
};
pub use source::{Rollback, Source};
pub use state::{ATTEMPTS, EXTENSIONS, Head};
pub use transition_result::{Next, Transition};
pub use used_id::{CommandKind, FormerCommand, UsedId, used_id};
pub use wait_tracker::{WaitStart, WaitTracker};
pub use waiting::{Place, Waiting};
