//! The rollout of the active deployment: each transition of it is one write of the head.
//!
//! `begin` starts it once all targets have published, `advance` and `leave` are its owner's, `look` and `command` need
//! no claim, `meet` says what a request that comes in does to it, and `ending` ends its deployment.

mod advance;
mod announce;
mod begin;
mod command;
mod ending;
mod gone;
mod leave;
mod look;
mod meet;
mod sentence;
mod state;

pub use advance::{advance_rollout, note_former_settings};
pub use announce::with_pause_announced;
pub use begin::{BegunRollout, begin_rollout};
pub(super) use command::rollout_hash;
pub use command::{RolloutCommand, RolloutRefusal, command_rollout};
pub use ending::rollout_ending;
pub(in crate::head) use gone::has_turn_where_gone;
pub use gone::{goes_on_where_gone, is_let_in_where_gone, place_where_gone};
pub use leave::{RolloutLeave, leave_rollout};
pub use look::{LookEffect, alone_since, apply_look, reject_rollout};
pub(super) use meet::meet_rollout;
pub use sentence::rollout_sentence;
