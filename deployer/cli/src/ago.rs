//! Formats moments: to the second, and by the time that has passed since or will pass until then.

use jiff::{SignedDuration, Timestamp};

/// Formats the time since then in its largest unit.
pub(super) fn ago(since: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(now.duration_since(since)))
}

/// Formats a moment that has passed: `2026-11-28 17:19:26Z (3 min ago)`.
pub(super) fn since(then: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", moment(then), ago(then, now))
}

/// Formats a moment that is to come: `2026-11-28 17:19:26Z (in 3 min)`.
pub(super) fn until(then: Timestamp, now: Timestamp) -> String {
    format!("{} (in {})", moment(then), span(then.duration_since(now)))
}

/// Formats a moment to the second.
pub(super) fn moment(then: Timestamp) -> String {
    then.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn span(passed: SignedDuration) -> String {
    let seconds = passed.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_to_the_second_and_in_the_largest_unit() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-11-28T17:20:00.9Z");
        for (then, said) in [
            ("2026-11-28T17:19:56.123456789Z", "2026-11-28 17:19:56Z (4 s ago)"),
            ("2026-11-28T17:17:00Z", "2026-11-28 17:17:00Z (3 min ago)"),
            ("2026-11-28T08:00:00Z", "2026-11-28 08:00:00Z (9 h ago)"),
            ("2026-11-20T08:00:00Z", "2026-11-20 08:00:00Z (8 d ago)"),
            ("2026-11-28T17:20:03Z", "2026-11-28 17:20:03Z (0 s ago)"),
        ] {
            assert_eq!(since(at(then), now), said);
        }
        assert_eq!(until(at("2026-11-28T17:25:30.5Z"), now), "2026-11-28 17:25:30Z (in 5 min)");
        assert_eq!(until(at("2026-11-28T17:00:00Z"), now), "2026-11-28 17:00:00Z (in 0 s)");
    }
}
