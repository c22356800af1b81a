//! A rollout that should have gone on by now, or be back.

use jiff::{SignedDuration, Timestamp};

use super::state::{Phase, RolloutState, RolloutTarget, WayBack};
use crate::text::PlainText;

/// The time after the end of a step or of a pause, or after the beginning of the way back, from which on a person must
/// know.
const OVERDUE_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// The time after which a target is given up that could not be moved back in all its tries. Nothing else can be deployed
/// until then, but whatever ends without it leaves the new version its traffic there. So the time is that of a person to
/// come and repair it, as a pause has it by default.
pub const HELD_UP_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The longest time between two tries that belong together. One that is throttled to its end lasts as long as an
/// invocation, and the next one comes with the next sweep. After a longer break nobody knows whether a try in it would
/// have succeeded, so [`HELD_UP_FOR`] begins anew.
pub const TRIES_BREAK: SignedDuration = SignedDuration::from_mins(30);

/// Whether a rollout should have gone on by now: its step, or its pause, ended at this time.
#[must_use]
pub fn is_overdue(due: Option<Timestamp>, now: Timestamp) -> bool {
    due.is_some_and(|due| now.duration_since(due) > OVERDUE_AFTER)
}

/// Returns the time since which a target cannot be moved back, and the targets, each with the reason; none if none is
/// held up.
#[must_use]
pub fn held_up(state: &RolloutState) -> Option<(Timestamp, Vec<PlainText>)> {
    let held_up: Vec<&RolloutTarget> = open_targets(state).collect();
    let since = held_up.iter().filter_map(|one| one.held_up_since).min()?;
    Some((since, held_up.into_iter().filter_map(RolloutTarget::held_up_until).collect()))
}

/// Returns the time at which a rollout began to go back that should be back by now, and the targets that were not
/// seen to be, each with the reason where a try has ended with one.
#[must_use]
pub fn late_way_back(state: &RolloutState, now: Timestamp) -> Option<(Timestamp, Vec<PlainText>)> {
    let since = state.back_since.filter(|since| state.phase == Phase::GoingBack && is_overdue(Some(*since), now))?;
    let why = |one: &RolloutTarget| {
        one.held_up_until().unwrap_or_else(|| PlainText::of(format_args!("{}: not seen to be back yet", one.target)))
    };
    let targets: Vec<PlainText> = open_targets(state).map(why).collect();
    (!targets.is_empty()).then_some((since, targets))
}

/// Iterates over the targets that go back, and are not back.
fn open_targets(state: &RolloutState) -> impl Iterator<Item = &RolloutTarget> {
    state.targets.iter().filter(|one| one.way_back == Some(WayBack::Open))
}

impl RolloutTarget {
    /// Notes that the alias could not be moved back, or gives it up.
    pub(super) fn hold_up(&mut self, because: PlainText, now: Timestamp) {
        let goes_on = self.last_try.is_some_and(|last| now.duration_since(last) <= TRIES_BREAK);
        let since = self.held_up_since.filter(|_| goes_on).unwrap_or(now);
        (self.held_up_since, self.last_try) = (Some(since), Some(now));
        if now.duration_since(since) < HELD_UP_FOR {
            self.held_up = Some(because);
            return;
        }
        let (hours, weight) = (HELD_UP_FOR.as_hours(), self.may_serve());
        let because = PlainText::of(format_args!("{because}; tried again for {hours} hours, and {weight}"));
        (self.way_back, self.held_up) = (Some(WayBack::Stays { because }), None);
    }

    /// Says what the alias gives the new version, as far as that is known.
    fn may_serve(&self) -> String {
        match (self.served.last().map(|served| served.weight), self.unconfirmed) {
            (Some(weight), Some(perhaps)) if weight != perhaps => {
                format!("its alias still gives the new version {weight} %, perhaps {perhaps} %")
            }
            (Some(weight), _) => format!("its alias still gives the new version {weight} %"),
            (None, Some(perhaps)) => format!("its alias may give the new version {perhaps} %"),
            (None, None) => "its alias may give the new version traffic".to_owned(),
        }
    }

    /// Says why the alias could not be moved back yet, until when that is tried, and what it serves until then.
    #[must_use]
    pub fn held_up_until(&self) -> Option<PlainText> {
        let because = self.held_up.as_ref()?;
        let until = self.held_up_since.and_then(|since| since.checked_add(HELD_UP_FOR).ok());
        let until = until.map_or(String::new(), |until| format!(" until {until:.0}"));
        Some(PlainText::of(format_args!("{because} (tried again{until}; by what was seen last, {})", self.may_serve())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rollout_is_overdue_five_minutes_after_its_step_has_ended() {
        let due = Timestamp::UNIX_EPOCH;
        let after = |minutes: i64| due.saturating_add(SignedDuration::from_mins(minutes)).unwrap_or(due);
        assert!(!is_overdue(Some(due), after(5)));
        assert!(is_overdue(Some(due), after(6)));
        assert!(!is_overdue(None, after(600)), "an alias is on its way");
    }
}
