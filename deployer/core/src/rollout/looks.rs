//! Transitions by looks and by people.

use jiff::{SignedDuration, Timestamp};

use super::guard::Verdict;
use super::state::{Abort, AbortReason, Pause, PauseReason, Phase, Progress, RolloutState};
use crate::config::rollout::WhenQuiet;
use crate::text::{Person, PlainText};

/// The time after which a rollout that nobody can judge pauses.
pub const UNREADABLE_FOR: SignedDuration = SignedDuration::from_mins(15);

/// A command does not fit the phase of the rollout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the rollout cannot {action}: it is {found}")]
pub struct DoesNotFit {
    /// What was asked for.
    pub action: &'static str,
    /// What the rollout does.
    pub found: &'static str,
}

impl RolloutState {
    /// Judges a look. A bad verdict takes the rollout back, also while it is paused; nothing else counts then.
    #[must_use]
    pub fn looked(mut self, verdict: Verdict, because: impl Into<PlainText>, now: Timestamp) -> Progress {
        let because = because.into();
        match verdict {
            Verdict::Bad if self.can_go_back() => self.go_back(AbortReason::Unhealthy, because),
            _ if !self.is_serving() => self.continues(),
            Verdict::Bad | Verdict::Unreadable => {
                let since = *self.unreadable_since.get_or_insert(now);
                if self.paused.is_none() && now.duration_since(since) >= UNREADABLE_FOR {
                    self.pause(PauseReason::Unreadable, because, now);
                }
                self.continues()
            }
            Verdict::Quiet | Verdict::Ok => {
                self.unreadable_since = None;
                let is_due = self.due.is_some_and(|due| now >= due || self.finish);
                if self.paused.is_some() || !is_due {
                    return self.continues();
                }
                if verdict == Verdict::Quiet { self.step_ended_quietly(because, now) } else { self.step_passed(now) }
            }
        }
    }

    /// An alarm takes the rollout back, also while it is paused.
    #[must_use]
    pub fn alarm_fired(self, because: impl Into<PlainText>) -> Progress {
        if self.can_go_back() { self.go_back(AbortReason::AlarmFired, because) } else { self.continues() }
    }

    /// A pause that has lasted too long takes the rollout back.
    #[must_use]
    pub fn expired(self, now: Timestamp) -> Progress {
        let ends = self.paused.as_ref().and_then(|pause| self.pause_ends(pause));
        match ends.filter(|ends| now >= *ends) {
            Some(ends) => self.go_back(AbortReason::Expired, format!("nobody continued it until {ends:.0}")),
            None => self.continues(),
        }
    }

    /// A person pauses the rollout. It is looked at as before.
    ///
    /// # Errors
    /// [`DoesNotFit`] before its traffic and after it went back.
    pub fn pause_asked(mut self, by: Person, because: PlainText, now: Timestamp) -> Result<Progress, DoesNotFit> {
        self.require_serving("pause")?;
        if self.paused.is_none() {
            self.paused = Some(Pause { since: now, reason: PauseReason::Asked, by: Some(by), because });
        }
        Ok(self.continues())
    }

    /// A person continues a paused rollout: after a step that had ended with the next one, otherwise where it was.
    ///
    /// # Errors
    /// [`DoesNotFit`] if it is not paused.
    pub fn continue_asked(mut self) -> Result<Progress, DoesNotFit> {
        self.require_serving("continue")?;
        let Some(pause) = self.paused.take() else {
            return Err(DoesNotFit { action: "continue", found: "not paused" });
        };
        self.unreadable_since = None;
        match pause.reason {
            PauseReason::StepEnd => Ok(self.advance()),
            PauseReason::Quiet => {
                self.unproven = true;
                Ok(self.advance())
            }
            PauseReason::Asked | PauseReason::Unreadable => Ok(self.continues()),
        }
    }

    /// A person asks to wait no more. Smoke tests still run, and each look is still judged.
    ///
    /// # Errors
    /// [`DoesNotFit`] once it goes back.
    pub fn finish_asked(mut self) -> Result<Progress, DoesNotFit> {
        if self.phase == Phase::GoingBack {
            return Err(self.does_not_fit("finish"));
        }
        (self.finish, self.paused) = (true, None);
        Ok(self.continues())
    }

    /// Stops the rollout: a person, a rollback, a reject or something newer. It wins over everything until the commit.
    #[must_use]
    pub fn aborted(self, abort: Abort) -> Progress {
        if self.phase == Phase::GoingBack { self.continues() } else { self.go_back_by(abort) }
    }

    fn step_passed(mut self, now: Timestamp) -> Progress {
        if self.phase == Phase::Shifting && self.plan.pauses_after(self.step) && !self.finish {
            self.pause(PauseReason::StepEnd, "the step has a pause after it".into(), now);
            return self.continues();
        }
        self.advance()
    }

    fn step_ended_quietly(mut self, because: PlainText, now: Timestamp) -> Progress {
        if !self.lengthened && !self.finish {
            let longer = self.due.and_then(|due| due.checked_add(self.plan.lasts(self.step)).ok());
            (self.lengthened, self.due) = (true, longer.or(self.due));
            return self.continues();
        }
        match self.plan.when_quiet {
            WhenQuiet::Fail => self.go_back(AbortReason::Unhealthy, because),
            WhenQuiet::Pause if !self.finish => {
                self.pause(PauseReason::Quiet, because, now);
                self.continues()
            }
            WhenQuiet::Pause | WhenQuiet::Proceed => {
                self.unproven = true;
                self.step_passed(now)
            }
        }
    }

    fn pause(&mut self, reason: PauseReason, because: PlainText, now: Timestamp) {
        self.paused = Some(Pause { since: now, reason, by: None, because });
    }

    /// Whether something has traffic that can be taken back, also while a later wave is tested.
    fn can_go_back(&self) -> bool {
        self.phase != Phase::GoingBack && self.has_traffic()
    }

    /// Whether the wave's new versions get traffic.
    fn is_serving(&self) -> bool {
        matches!(self.phase, Phase::Shifting | Phase::Watching)
    }

    fn require_serving(&self, action: &'static str) -> Result<(), DoesNotFit> {
        if self.is_serving() { Ok(()) } else { Err(self.does_not_fit(action)) }
    }

    fn does_not_fit(&self, action: &'static str) -> DoesNotFit {
        let found = match self.phase {
            Phase::Publishing => "publishing",
            Phase::Smoke => "running smoke tests",
            Phase::Shifting => "shifting traffic",
            Phase::Watching => "watching",
            Phase::GoingBack => "going back",
        };
        DoesNotFit { action, found }
    }
}
