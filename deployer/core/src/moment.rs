//! Moments in sentences, to the second. A moment that has passed is cut (`{:.0}`); one that somebody waits for is
//! rounded up, because what it ends has not ended before.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

/// Formats a moment that somebody waits for.
pub(crate) fn not_before(then: Timestamp) -> String {
    let up = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
    format!("{:.0}", then.round(up).unwrap_or(then))
}

/// Formats a moment that somebody waits for, and the time until then in its largest unit: `… (in 58 s)`.
pub(crate) fn not_before_in(then: Timestamp, now: Timestamp) -> String {
    let left = then.duration_since(now);
    let seconds = left.as_secs().saturating_add(i64::from(left.subsec_nanos() > 0)).max(0);
    let left = match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds.div_euclid(60)),
        3_600..86_400 => format!("{} h", seconds.div_euclid(3_600)),
        _ => format!("{} d", seconds.div_euclid(86_400)),
    };
    format!("{} (in {left})", not_before(then))
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

    #[test]
    fn awaited_moment_has_the_time_until_then() {
        let now = "2026-11-01T10:00:00.5Z".parse().unwrap();
        for (then, said) in [
            ("2026-11-01T10:00:58.2Z", "2026-11-01T10:00:59Z (in 58 s)"),
            ("2026-11-01T10:30:00.5Z", "2026-11-01T10:30:01Z (in 30 min)"),
            ("2026-11-01T13:00:00.5Z", "2026-11-01T13:00:01Z (in 3 h)"),
            ("2026-11-04T10:00:00.5Z", "2026-11-04T10:00:01Z (in 3 d)"),
            ("2026-11-01T09:00:00Z", "2026-11-01T09:00:00Z (in 0 s)"),
        ] {
            assert_eq!(not_before_in(then.parse().unwrap(), now), said);
        }
    }
}
