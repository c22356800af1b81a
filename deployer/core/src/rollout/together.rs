//! The members of a group become live together: a rollout that has passed waits for the others of its group. The first
//! that goes back takes the others back.

use jiff::Timestamp;

use super::abort::{Abort, AbortReason};
use super::guard::Verdict;
use super::moves::continues;
use super::passed::Passed;
use super::state::{Phase, Progress, RolloutEnd, RolloutState, awaits_look};
use crate::id::FunctionName;
use crate::text::PlainText;

/// The word of a group about a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupWord {
    /// These functions have not passed yet.
    Wait(Vec<FunctionName>),
    /// All have passed, so it becomes live.
    Release,
    /// Another one did not get there, so it goes back.
    GoBack(PlainText),
}

/// The rollout has passed its last watch. It waits for the others of its group, and is looked at as before. One that
/// somebody has paused or taken back meanwhile has not passed.
#[must_use]
pub fn wait_for_group(mut state: RolloutState, now: Timestamp) -> Progress {
    let is_last = state.phase == Phase::Watching && state.wave + 1 >= state.plan.waves.len();
    if is_last && awaits_look(&state) && state.paused.is_none() {
        state.passed.get_or_insert(Passed { at: now, waits_for: Vec::new() });
    }
    continues(state)
}

/// Judges a look at a rollout whose group says something.
///
/// One that has passed and that its group releases is not paused any more, and no pause holds it up: others of its group
/// may be live already, so that it becomes live with its first look that can be judged. What takes it back still does.
#[must_use]
pub fn looked_in_group(
    mut state: RolloutState,
    word: &GroupWord,
    (verdict, because): (Verdict, PlainText),
    now: Timestamp,
) -> Progress {
    let is_released = is_released(&state, word);
    if is_released {
        state.paused = None;
    }
    match state.looked(verdict, because, now) {
        Progress::Continues(mut state) => {
            if is_released {
                state.paused = None;
            }
            heard(*state, word)
        }
        ended @ Progress::Ended { .. } => ended,
    }
}

/// Whether a rollout has passed and its group releases it.
#[must_use]
pub fn is_released(state: &RolloutState, word: &GroupWord) -> bool {
    state.passed.is_some() && *word == GroupWord::Release
}

/// The group says something. Only a rollout that has passed, and whose last look could be judged, becomes live by that.
#[must_use]
pub fn heard(mut state: RolloutState, word: &GroupWord) -> Progress {
    match word {
        GroupWord::GoBack(because) => state.aborted(Abort::by_deployer(AbortReason::GroupWentBack, because.as_str())),
        GroupWord::Release if state.passed.is_some() && state.unreadable_since.is_none() => {
            state.paused = None;
            let end = RolloutEnd::Succeeded { unproven: state.unproven };
            Progress::Ended { state: Box::new(state), end }
        }
        GroupWord::Wait(functions) => {
            if let Some(passed) = &mut state.passed {
                passed.waits_for.clone_from(functions);
            }
            continues(state)
        }
        GroupWord::Release => continues(state),
    }
}

/// Says for which functions of its group a rollout waits.
#[must_use]
pub fn waits_for_sentence(functions: &[FunctionName]) -> String {
    match functions {
        [] => "waits for its group".to_owned(),
        [one] => format!("waits for {one} of its group"),
        [first, others @ ..] => {
            let (count, noun) = (others.len(), if others.len() == 1 { "other" } else { "others" });
            format!("waits for {first} and {count} {noun} of its group")
        }
    }
}
