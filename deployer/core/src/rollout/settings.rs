//! Transitions by what functions as a whole have: the settings of the release, and on the way back their own again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::function_settings::FunctionSettings;
use super::looks::UNREADABLE_FOR;
use super::moves::{change, continues};
use super::state::{Phase, Progress, RolloutState};
use crate::config::Target;
use crate::text::PlainText;

/// Settings that a target does not take for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateSettings {
    /// The time of the first try that failed.
    pub since: Timestamp,
    /// The target in which the last try failed, and the reason.
    pub because: PlainText,
}

impl LateSettings {
    /// Says what is late, why, and until when it is tried.
    #[must_use]
    pub fn sentence(&self) -> String {
        let until = self.since.checked_add(UNREADABLE_FOR).map_or(String::new(), |until| format!(", until {until:.0}"));
        format!("tags or reserved concurrency are not set yet: {} (tried again each minute{until})", self.because)
    }
}

impl RolloutState {
    /// Whether functions may get what the release sets on them: nobody has asked it to wait or to go back.
    #[must_use]
    pub fn may_set_functions(&self) -> bool {
        self.phase == Phase::Watching && self.abort.is_none() && self.paused.is_none()
    }

    /// A function could not be read, or did not take what the release sets on it, and may take it later. The next look
    /// tries again; [`UNREADABLE_FOR`] after the first try the release is taken back.
    #[must_use]
    pub fn settings_late(mut self, target: &Target, because: impl Into<PlainText>, now: Timestamp) -> Progress {
        if !self.may_set_functions() {
            return continues(self);
        }
        let (because, since) = (because.into(), self.settings_late.as_ref().map_or(now, |late| late.since));
        if now.duration_since(since) >= UNREADABLE_FOR {
            let minutes = UNREADABLE_FOR.as_mins();
            return self.move_failed(target, format!("{because}; tried again for {minutes} minutes"), now);
        }
        self.settings_late = Some(LateSettings { since, because });
        continues(self)
    }

    /// A function has again what it had before the release. Nothing is to be set back there any more.
    #[must_use]
    pub fn set_back(mut self, target: &Target) -> Progress {
        change(&mut self, target, |one| one.former_settings = None);
        continues(self)
    }
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
    if state.may_set_functions() {
        change(&mut state, target, |one| one.former_settings = Some(former));
    }
    state
}
