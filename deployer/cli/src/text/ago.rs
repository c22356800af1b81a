//! Formats moments: to the second, and by the time that has passed since or will pass until then. Times within the
//! deployer's sentences get the same form.

use jiff::{SignedDuration, Timestamp};

/// Formats the time since then in its largest unit.
pub(crate) fn ago(since: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(now.duration_since(since)))
}

/// Formats a moment that has passed: `2026-11-28 17:19:26Z (3 min ago)`.
pub(crate) fn since(then: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", moment(then), ago(then, now))
}

/// Formats a moment that is to come: `2026-11-28 17:19:26Z (in 3 min)`.
pub(crate) fn until(then: Timestamp, now: Timestamp) -> String {
    format!("{} (in {})", moment(then), span(then.duration_since(now)))
}

/// Formats a moment to the second.
pub(crate) fn moment(then: Timestamp) -> String {
    then.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Returns a sentence with its times in the form of [`moment`]: `2026-11-28T17:19:26Z` becomes `2026-11-28 17:19:26Z`.
/// Spaces and punctuation stay as they are.
pub(crate) fn with_moments(sentence: &str) -> String {
    const AROUND: [char; 7] = ['(', ')', ',', '.', ';', ':', '\''];
    let word = |word: &str| {
        let bare = word.trim_matches(AROUND);
        // Whoever writes a number or a name here writes no letter T between two others.
        let is_time =
            bare.len() >= "2026-11-28T17:19:26Z".len() && bare.ends_with('Z') && bare.get(10..11) == Some("T");
        match bare.parse::<Timestamp>().ok().filter(|_| is_time) {
            Some(time) => word.replace(bare, &moment(time)),
            None => word.to_owned(),
        }
    };
    sentence.split(' ').map(word).collect::<Vec<_>>().join(" ")
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
    fn times_in_sentences_have_the_form_of_moments() {
        for (sentence, said) in [
            (
                "held by ada since 2026-11-25T20:15:47.699860116Z: stock-taking",
                "held by ada since 2026-11-25 20:15:47Z: stock-taking",
            ),
            ("waits until  2026-11-30T10:16:04Z, for 1", "waits until  2026-11-30 10:16:04Z, for 1"),
            ("(since 2026-11-30T10:16:04Z)", "(since 2026-11-30 10:16:04Z)"),
            ("since 2026-11-30T10:16:04Z.", "since 2026-11-30 10:16:04Z."),
            ("release 2026-11-30T101604Z, 1.2.3", "release 2026-11-30T101604Z, 1.2.3"),
            ("at 2026-11-30T10:16:04+01:00", "at 2026-11-30T10:16:04+01:00"),
            ("\"2026-11-30T10:16:04Z\" is quoted", "\"2026-11-30T10:16:04Z\" is quoted"),
            ("--since 2026-13-30T10:16:04Z äöüäöüäöüäöüäZ", "--since 2026-13-30T10:16:04Z äöüäöüäöüäöüäZ"),
        ] {
            assert_eq!(with_moments(sentence), said);
        }
    }

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
