//! A rollout that should have gone on by now.

use jiff::{SignedDuration, Timestamp};

use super::state::{RolloutState, RolloutTarget, WayBack};
use crate::text::PlainText;

/// The time after the end of a step, or of a pause, from which on nobody seems to look at the rollout.
const OVERDUE_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// The time after which a target is given up that could not be moved back in all its tries. Nothing else can be deployed
/// until then, but whatever ends without it leaves the new version its traffic there. So the time is that of a person to
/// come and repair it, as a pause has it by default.
pub const HELD_UP_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Whether a rollout should have gone on by now: its step, or its pause, ended at this time.
#[must_use]
pub fn is_overdue(due: Option<Timestamp>, now: Timestamp) -> bool {
    due.is_some_and(|due| now.duration_since(due) > OVERDUE_AFTER)
}

/// Returns the time since which a target cannot be moved back, and the targets, each with the reason; none if none is
/// held up.
#[must_use]
pub fn held_up(state: &RolloutState) -> Option<(Timestamp, Vec<PlainText>)> {
    let held_up: Vec<&RolloutTarget> = state.targets.iter().filter(|one| one.way_back == Some(WayBack::Open)).collect();
    let since = held_up.iter().filter_map(|one| one.held_up_since).min()?;
    Some((since, held_up.into_iter().filter_map(RolloutTarget::held_up_until).collect()))
}

impl RolloutTarget {
    /// Notes that the alias could not be moved back, or gives it up.
    pub(super) fn hold_up(&mut self, because: PlainText, now: Timestamp) {
        let since = *self.held_up_since.get_or_insert(now);
        if now.duration_since(since) < HELD_UP_FOR {
            self.held_up = Some(because);
            return;
        }
        let weight = match self.served.last() {
            Some(served) => format!("its alias still gives the new version {} %", served.weight),
            None => "its alias may give the new version traffic".to_owned(),
        };
        let hours = HELD_UP_FOR.as_hours();
        let because = PlainText::of(format_args!("{because}; tried again for {hours} hours, and {weight}"));
        (self.way_back, self.held_up) = (Some(WayBack::Stays { because }), None);
    }

    /// Says why the alias could not be moved back yet, and until when that is tried.
    #[must_use]
    pub fn held_up_until(&self) -> Option<PlainText> {
        let because = self.held_up.as_ref()?;
        let until = self.held_up_since.and_then(|since| since.checked_add(HELD_UP_FOR).ok());
        let until = until.map_or(String::new(), |until| format!(", until {until:.0}"));
        Some(PlainText::of(format_args!("{because} (tried again each minute{until})")))
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
