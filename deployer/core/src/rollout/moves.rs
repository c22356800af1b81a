//! Transitions by what the deployer has done: published, tested, moved, moved back.

use jiff::Timestamp;

use super::abort::{Abort, AbortReason};
use super::clock::{moved_at, step_ends};
use super::end::end_of_way_back;
use super::foreign_alias::ForeignAlias;
use super::state::{Phase, Progress, RolloutEnd, RolloutState, RolloutTarget, Served, Shift, WayBack};
use crate::config::Target;
use crate::id::Version;
use crate::text::PlainText;

impl RolloutState {
    /// A target has its new version. Once all targets have theirs, the first wave is tested.
    #[must_use]
    pub fn published(mut self, target: &Target, version: &Version) -> Progress {
        if self.phase == Phase::Publishing {
            change(&mut self, target, |one| one.new = Some(version.clone()));
            if self.targets.iter().all(|one| one.new.is_some()) {
                self.phase = Phase::Smoke;
            }
        }
        continues(self)
    }

    /// A target could not publish. No traffic has moved anywhere.
    #[must_use]
    pub fn publish_failed(self, because: impl Into<PlainText>) -> Progress {
        match self.phase {
            Phase::Publishing => self.go_back(Abort::by_deployer(AbortReason::PublishFailed, because)),
            _ => continues(self),
        }
    }

    /// A target's new version has passed its smoke tests. Once all of the wave have, its first step begins. A wave whose
    /// targets all move at once has none.
    #[must_use]
    pub fn smoke_passed(mut self, target: &Target, now: Timestamp) -> Progress {
        if self.phase == Phase::Smoke {
            change(&mut self, target, |one| one.smoked = true);
            if self.in_wave().iter().all(|one| one.smoked) {
                enter_first_step(&mut self, now);
            }
        }
        continues(self)
    }

    /// A target's new version has failed a smoke test.
    #[must_use]
    pub fn smoke_failed(self, because: impl Into<PlainText>) -> Progress {
        match self.phase {
            Phase::Smoke => self.go_back(Abort::by_deployer(AbortReason::SmokeTestFailed, because)),
            _ => continues(self),
        }
    }

    /// A target's alias was seen to serve the weight that is meant. Once all of the wave do, the step's time runs: from
    /// the last of these times on, whatever crashed before.
    #[must_use]
    pub fn moved(mut self, target: &Target, weight: u8, at: Timestamp) -> Progress {
        if self.phase == Phase::GoingBack {
            note_late_arrival(&mut self, target, weight, at);
        }
        let is_shifting = matches!(self.phase, Phase::Shifting | Phase::Watching);
        if !is_shifting || self.due.is_some() {
            return continues(self);
        }
        change(&mut self, target, |one| {
            if one.weight == weight && one.at.is_none() {
                one.at = Some(at);
                one.served.push(Served { weight, meant_at: one.meant_at.unwrap_or(at), at });
            }
        });
        self.due = moved_at(&self).map(|moved| step_ends(&self, moved));
        if self.due.is_some() {
            self.open_since = None;
        }
        continues(self)
    }

    /// A target's alias was changed by somebody else. It is left as it was found, and the others go back. One that was put
    /// back to the old version goes back with the others: it is there already, and only a write tells that it stays there.
    #[must_use]
    pub fn changed_by_others(mut self, target: &Target, changed: &ForeignAlias) -> Progress {
        let because = PlainText::of(format_args!("{target}: {changed}"));
        let goes_back = self.phase == Phase::GoingBack;
        let mut is_back = false;
        change(&mut self, target, |one| {
            is_back = !goes_back && changed.alone.is_some() && changed.alone == one.old;
            let stays = if goes_back { one.way_back == Some(WayBack::Open) } else { !is_back };
            if stays {
                one.way_back = Some(WayBack::Stays { because: because.clone() });
                one.changed = Some(changed.clone());
            }
        });
        let because = match is_back {
            true => format!("somebody else has put the alias back: {because}").into(),
            false => because,
        };
        match goes_back {
            true => ended_if_back(self),
            false => self.go_back(Abort::by_deployer(AbortReason::ForeignChange, because)),
        }
    }

    /// A target's alias could not be moved. All go back, and where it goes back already it is tried again: the new version
    /// still has traffic there. After [`HELD_UP_FOR`] it is given up.
    #[must_use]
    pub fn move_failed(mut self, target: &Target, because: impl Into<PlainText>, now: Timestamp) -> Progress {
        match self.phase {
            Phase::Shifting | Phase::Watching => self.go_back(Abort::by_deployer(AbortReason::MoveFailed, because)),
            Phase::GoingBack => {
                let because = because.into();
                change(&mut self, target, |one| {
                    if one.way_back == Some(WayBack::Open) {
                        one.hold_up(because, now);
                    }
                });
                ended_if_back(self)
            }
            Phase::Publishing | Phase::Smoke => continues(self),
        }
    }

    /// A target's alias was seen to serve the old version again.
    #[must_use]
    pub fn returned(mut self, target: &Target, at: Timestamp) -> Progress {
        if self.phase == Phase::GoingBack {
            change(&mut self, target, |one| {
                if one.way_back == Some(WayBack::Open) {
                    (one.way_back, one.at) = (Some(WayBack::Done(at)), Some(at));
                    (one.held_up, one.held_up_since, one.last_try) = (None, None, None);
                }
            });
        }
        ended_if_back(self)
    }

    /// A target's alias cannot go back: its old version is gone, somebody else has changed it, or the target is in the
    /// configuration no more.
    #[must_use]
    pub fn cannot_return(mut self, target: &Target, because: impl Into<PlainText>) -> Progress {
        let because = because.into();
        if self.phase == Phase::GoingBack {
            change(&mut self, target, |one| {
                if one.way_back == Some(WayBack::Open) {
                    one.way_back = Some(WayBack::Stays { because });
                }
            });
        }
        ended_if_back(self)
    }

    /// Enters a step of the wave: an intent, which is confirmed by [`RolloutState::moved`].
    pub(super) fn enter_step(&mut self, step: usize, now: Timestamp) {
        let weight = self.plan.weight(step);
        self.phase = if step < self.plan.steps.len() { Phase::Shifting } else { Phase::Watching };
        (self.step, self.due, self.lengthened, self.unreadable_since) = (step, None, false, None);
        (self.accepted, self.open_since) = (false, Some(now));
        for one in self.in_wave_mut() {
            let meant = if one.shift == Shift::AtOnce { 100 } else { weight };
            if one.weight != meant {
                (one.weight, one.meant_at, one.at) = (meant, Some(now), None);
            }
        }
    }

    /// Enters what follows the step: the next one, the tests of the next wave, or the end.
    pub(super) fn advance(mut self, now: Timestamp) -> Progress {
        if self.phase == Phase::Shifting {
            self.enter_step(self.step + 1, now);
            return continues(self);
        }
        if self.wave + 1 >= self.plan.waves.len() {
            let end = RolloutEnd::Succeeded { unproven: self.unproven };
            return Progress::Ended { state: Box::new(self), end };
        }
        (self.wave, self.step, self.phase, self.due, self.lengthened) = (self.wave + 1, 0, Phase::Smoke, None, false);
        (self.accepted, self.open_since) = (false, Some(now));
        continues(self)
    }

    /// Goes back: each target that may serve the new version is to serve the old one.
    pub(super) fn go_back(mut self, abort: Abort) -> Progress {
        (self.phase, self.abort, self.paused, self.due) = (Phase::GoingBack, Some(abort), None, None);
        (self.settings_late, self.passed, self.open_since) = (None, None, None);
        let in_waves = self.plan.waves.iter().map(Vec::len).sum();
        for (number, one) in self.targets.iter_mut().enumerate() {
            if one.weight == 0 || one.way_back.is_some() {
                continue;
            }
            one.unconfirmed = one.at.is_none().then_some(one.weight);
            if one.old.is_some() {
                (one.weight, one.at, one.way_back) = (0, None, Some(WayBack::Open));
            } else {
                let because = match (number < in_waves, &one.replaces) {
                    (true, None) => "created, nothing to go back to",
                    (true, Some(_)) => "nothing was live before, so there is nothing to go back to",
                    (false, _) => {
                        "it served the version before the rollout began, and what it served before is not known"
                    }
                };
                one.way_back = Some(WayBack::Stays { because: because.into() });
            }
        }
        ended_if_back(self)
    }
}

/// Notes that an alias served the weight of a move over which the release was taken back: it goes back from there.
fn note_late_arrival(state: &mut RolloutState, target: &Target, weight: u8, at: Timestamp) {
    change(state, target, |one| {
        if one.way_back == Some(WayBack::Open) && one.unconfirmed == Some(weight) {
            one.unconfirmed = None;
            one.served.push(Served { weight, meant_at: at, at });
        }
    });
}

/// Some targets' new versions have failed a smoke test, each for this reason.
#[must_use]
pub fn smoke_failed_in(mut state: RolloutState, failures: &[(Target, String)]) -> Progress {
    let Some((first, because)) = failures.first() else { return continues(state) };
    for (target, because) in failures {
        change(&mut state, target, |one| one.smoke_failure = Some(because.as_str().into()));
    }
    state.smoke_failed(format!("the smoke test in {first} failed: {because}"))
}

/// Completes a state that was just changed, before it is written: passes the tests of a wave whose release has none, and
/// notes when the way back began.
#[must_use]
pub fn completed(mut state: RolloutState, now: Timestamp) -> RolloutState {
    if state.phase == Phase::Smoke && state.plan.smoke_tests.is_empty() {
        state.in_wave_mut().iter_mut().for_each(|one| one.smoked = true);
        enter_first_step(&mut state, now);
    }
    if state.phase == Phase::GoingBack {
        state.back_since.get_or_insert(now);
    }
    state
}

/// Enters the first step of the wave. A wave whose targets all move at once has none.
fn enter_first_step(state: &mut RolloutState, now: Timestamp) {
    let at_once = state.in_wave().iter().all(|one| one.shift == Shift::AtOnce);
    state.enter_step(if at_once { state.plan.steps.len() } else { 0 }, now);
}

/// Ends a rollout whose targets are all back, or stay.
fn ended_if_back(state: RolloutState) -> Progress {
    match end_of_way_back(&state) {
        Some(end) => Progress::Ended { state: Box::new(state), end },
        None => continues(state),
    }
}

/// Changes one of the targets.
pub(super) fn change(state: &mut RolloutState, target: &Target, change: impl FnOnce(&mut RolloutTarget)) {
    if let Some(one) = state.targets.iter_mut().find(|one| one.target == *target) {
        change(one);
    }
}

/// Makes the progress of a rollout that continues.
pub(super) fn continues(state: RolloutState) -> Progress {
    Progress::Continues(Box::new(state))
}
