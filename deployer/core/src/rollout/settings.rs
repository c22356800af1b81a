//! Transitions by what functions as a whole have: the settings of the release, and on the way back their own again.

use jiff::Timestamp;

use super::function_settings::{FunctionSettings, LateSettings};
use super::looks::UNREADABLE_FOR;
use super::moves::{change, continues};
use super::state::{Phase, Progress, RolloutState};
use crate::config::Target;
use crate::text::PlainText;

/// Says which settings are late, why, and until when they are tried.
#[must_use]
pub fn late_sentence(LateSettings { since, because }: &LateSettings) -> String {
    let until = since.checked_add(UNREADABLE_FOR).map_or(String::new(), |until| format!(", until {until:.0}"));
    format!("tags or reserved concurrency are not set yet: {because} (tried again each minute{until})")
}

/// Whether functions may get what the release sets on them: nobody has asked the rollout to wait or to go back.
#[must_use]
pub fn may_set_functions(state: &RolloutState) -> bool {
    state.phase == Phase::Watching && state.abort.is_none() && state.paused.is_none()
}

/// A function could not be read, or did not take what the release sets on it, and may take it later. The next look tries
/// again; [`UNREADABLE_FOR`] after the first try the release is taken back.
#[must_use]
pub fn settings_late(
    mut state: RolloutState,
    target: &Target,
    because: impl Into<PlainText>,
    now: Timestamp,
) -> Progress {
    if !may_set_functions(&state) {
        return continues(state);
    }
    let (because, since) = (because.into(), state.settings_late.as_ref().map_or(now, |late| late.since));
    if now.duration_since(since) >= UNREADABLE_FOR {
        let minutes = UNREADABLE_FOR.as_mins();
        return state.move_failed(target, format!("{because}; tried again for {minutes} minutes"), now);
    }
    state.settings_late = Some(LateSettings { since, because });
    continues(state)
}

/// Functions have again what they had before the release. Nothing is to be set back there any more.
#[must_use]
pub fn set_back_in(mut state: RolloutState, targets: &[Target]) -> RolloutState {
    for target in targets {
        change(&mut state, target, |one| one.former_settings = None);
    }
    state
}

/// Notes what the release sets on the function in a target.
#[must_use]
pub fn with_settings(mut state: RolloutState, target: &Target, settings: FunctionSettings) -> RolloutState {
    change(&mut state, target, |one| one.settings = settings);
    state
}

/// Notes what the function has in a target in place of what the release sets there, just before that is written. Where the
/// rollout pauses or goes back by now, nothing is written, so nothing is noted.
#[must_use]
pub fn with_former_settings(mut state: RolloutState, target: &Target, former: FunctionSettings) -> RolloutState {
    if may_set_functions(&state) {
        change(&mut state, target, |one| one.former_settings = Some(former));
    }
    state
}
