//! Moments in sentences, to the second. A moment that has passed is cut (`{:.0}`); one that somebody waits for is
//! rounded up, because what it ends has not ended before.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

/// Formats a moment that somebody waits for.
pub(crate) fn not_before(then: Timestamp) -> String {
    let up = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
    format!("{:.0}", then.round(up).unwrap_or(then))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn awaited_moment_is_the_first_second_at_which_it_has_come() {
        for (then, said) in [
            ("2026-11-01T10:00:00Z", "2026-11-01T10:00:00Z"),
            ("2026-11-01T10:00:00.000000001Z", "2026-11-01T10:00:01Z"),
            ("2026-12-31T23:59:59.47Z", "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(not_before(then.parse().unwrap()), said);
        }
        assert_eq!(not_before(Timestamp::MAX), format!("{:.0}", Timestamp::MAX));
    }
}
