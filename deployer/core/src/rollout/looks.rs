//! Transitions by looks and by people.

use jiff::{SignedDuration, Timestamp};

use super::abort::{Abort, AbortReason};
use super::clock::{is_last_watch, lasts, moved_at, step_ends};
use super::guard::Verdict;
use super::moves::continues;
use super::state::{Pause, PauseReason, Phase, Progress, RolloutState};
use crate::config::rollout::WhenQuiet;
use crate::text::{Person, PlainText};

/// The time after which a rollout that nobody can judge pauses.
pub const UNREADABLE_FOR: SignedDuration = SignedDuration::from_mins(15);

/// A command does not fit the phase of the rollout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rollout cannot {action}: it is {found}")]
pub struct DoesNotFit {
    /// The action that was asked for.
    pub action: &'static str,
    /// The activity of the rollout.
    pub found: &'static str,
}

impl RolloutState {
    /// Judges a look. A bad verdict takes the rollout back, also while it is paused; nothing else counts then.
    #[must_use]
    pub fn looked(mut self, verdict: Verdict, because: impl Into<PlainText>, now: Timestamp) -> Progress {
        let because = because.into();
        match verdict {
            Verdict::Bad if can_go_back(&self) => self.go_back(Abort::by_deployer(AbortReason::Unhealthy, because)),
            _ if !is_serving(&self) => continues(self),
            Verdict::Bad | Verdict::Unreadable => {
                let since = *self.unreadable_since.get_or_insert(now);
                if self.paused.is_none() && now.duration_since(since) >= UNREADABLE_FOR {
                    pause(&mut self, PauseReason::Unreadable, because, now);
                }
                continues(self)
            }
            Verdict::Quiet | Verdict::Ok => {
                self.unreadable_since = None;
                let waits = self.paused.is_some() || self.passed.is_some();
                if waits || self.due.is_none_or(|due| now < due) {
                    return continues(self);
                }
                if verdict == Verdict::Quiet { step_ended_quietly(self, because, now) } else { step_passed(self, now) }
            }
        }
    }

    /// An alarm takes the rollout back, also while it is paused.
    #[must_use]
    pub fn alarm_fired(self, because: impl Into<PlainText>) -> Progress {
        if can_go_back(&self) {
            self.go_back(Abort::by_deployer(AbortReason::AlarmFired, because))
        } else {
            continues(self)
        }
    }

    /// A pause that has lasted too long takes the rollout back.
    #[must_use]
    pub fn expired(self, now: Timestamp) -> Progress {
        let ends = self.paused.as_ref().and_then(|pause| self.pause_ends(pause));
        match ends.filter(|ends| now >= *ends) {
            Some(ends) => {
                let because = format!("nobody continued it until {ends:.0}");
                self.go_back(Abort::by_deployer(AbortReason::Expired, because))
            }
            None => continues(self),
        }
    }

    /// A person pauses the rollout. It is looked at as before.
    ///
    /// # Errors
    /// [`DoesNotFit`] before its traffic and after it went back.
    pub fn pause_asked(mut self, by: Person, because: PlainText, now: Timestamp) -> Result<Progress, DoesNotFit> {
        require_serving(&self, "pause")?;
        self.settings_late = None;
        match &mut self.paused {
            // The last word about a pause is the one to show. Its time counts from the first on.
            Some(pause) if pause.reason == PauseReason::Asked => (pause.by, pause.because) = (Some(by), because),
            Some(_) => {}
            None => {
                self.paused =
                    Some(Pause { since: now, reason: PauseReason::Asked, by: Some(by), because, announced: false });
            }
        }
        Ok(continues(self))
    }

    /// A person continues a paused rollout where it was: the step has the time left that it had when the pause began. No
    /// step is taken before the next look; a step that had ended is over with any look that finds nothing bad.
    ///
    /// # Errors
    /// [`DoesNotFit`] if it is not paused.
    pub fn continue_asked(mut self, now: Timestamp) -> Result<Progress, DoesNotFit> {
        require_serving(&self, "continue")?;
        let Some(pause) = self.paused.take() else {
            return Err(DoesNotFit { action: "continue", found: "not paused" });
        };
        self.unreadable_since = None;
        match pause.reason {
            PauseReason::StepEnd | PauseReason::Quiet => self.accepted = true,
            PauseReason::Asked | PauseReason::Unreadable | PauseReason::NotConfigured => {
                let stopped_at = moved_at(&self).map(|moved| moved.max(pause.since));
                let later = stopped_at.and_then(|at| self.due?.checked_add(now.duration_since(at)).ok());
                self.due = later.or(self.due);
            }
        }
        self.due = self.due.map(|due| due.max(now));
        Ok(continues(self))
    }

    /// A person asks to wait no more. Smoke tests still run, each look is still judged, and all traffic is still watched
    /// for the shortest time before the rollout ends.
    ///
    /// # Errors
    /// [`DoesNotFit`] once it goes back.
    pub fn finish_asked(mut self, now: Timestamp) -> Result<Progress, DoesNotFit> {
        if self.phase == Phase::GoingBack {
            return Err(does_not_fit(&self, "finish"));
        }
        (self.finish, self.paused) = (true, None);
        let sooner = moved_at(&self).map(|moved| step_ends(&self, moved));
        self.due = self.due.map(|due| sooner.map_or(due, |sooner| due.min(sooner)).max(now));
        Ok(continues(self))
    }

    /// Stops the rollout: a person, a rollback, a reject or something newer. It wins over everything until the commit.
    #[must_use]
    pub fn aborted(self, abort: Abort) -> Progress {
        if self.phase == Phase::GoingBack { continues(self) } else { self.go_back(abort) }
    }
}

fn step_passed(mut state: RolloutState, now: Timestamp) -> Progress {
    let goes_on = state.finish || state.accepted;
    if state.phase == Phase::Shifting && state.plan.pauses_after(state.step) && !goes_on {
        pause(&mut state, PauseReason::StepEnd, "the step has a pause after it".into(), now);
        return continues(state);
    }
    state.advance(now)
}

/// Too few invocations tell about a step that has ended. A person who has continued or finished the rollout has decided
/// what `when_quiet` decides otherwise; only the last watch of a rollout that is finished is lengthened nevertheless.
fn step_ended_quietly(mut state: RolloutState, because: PlainText, now: Timestamp) -> Progress {
    if state.finish && !is_last_watch(&state) {
        state.unproven = true;
        return state.advance(now);
    }
    if !state.lengthened && !state.accepted {
        let longer = state.due.and_then(|due| due.checked_add(lasts(&state)).ok());
        (state.lengthened, state.due, state.settings_late) = (true, longer.or(state.due), None);
        return continues(state);
    }
    match state.plan.when_quiet {
        _ if state.finish || state.accepted => {
            state.unproven = true;
            state.advance(now)
        }
        WhenQuiet::Fail => state.go_back(Abort::by_deployer(AbortReason::Unhealthy, because)),
        WhenQuiet::Pause => {
            pause(&mut state, PauseReason::Quiet, because, now);
            continues(state)
        }
        WhenQuiet::Proceed => {
            state.unproven = true;
            step_passed(state, now)
        }
    }
}

pub(super) fn pause(state: &mut RolloutState, reason: PauseReason, because: PlainText, now: Timestamp) {
    state.settings_late = None;
    state.paused = Some(Pause { since: now, reason, by: None, because, announced: false });
}

/// Whether something has traffic that can be taken back, also while a later wave is tested.
fn can_go_back(state: &RolloutState) -> bool {
    state.phase != Phase::GoingBack && state.has_traffic()
}

/// Whether the wave's new versions get traffic.
pub(super) fn is_serving(state: &RolloutState) -> bool {
    matches!(state.phase, Phase::Shifting | Phase::Watching)
}

fn require_serving(state: &RolloutState, action: &'static str) -> Result<(), DoesNotFit> {
    if is_serving(state) { Ok(()) } else { Err(does_not_fit(state, action)) }
}

fn does_not_fit(state: &RolloutState, action: &'static str) -> DoesNotFit {
    let found = match state.phase {
        Phase::Publishing => "publishing",
        Phase::Smoke => "running smoke tests",
        Phase::Shifting => "shifting traffic",
        Phase::Watching => "watching",
        Phase::GoingBack => "going back",
    };
    DoesNotFit { action, found }
}
