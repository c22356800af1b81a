//! A rollout that should have gone on by now.

use jiff::{SignedDuration, Timestamp};

/// The time after the end of a step, or of a pause, from which on nobody seems to look at the rollout.
const OVERDUE_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// Whether a rollout should have gone on by now: its step, or its pause, ended at this time.
#[must_use]
pub fn is_overdue(due: Option<Timestamp>, now: Timestamp) -> bool {
    due.is_some_and(|due| now.duration_since(due) > OVERDUE_AFTER)
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
