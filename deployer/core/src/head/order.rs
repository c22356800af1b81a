//! Which of two uploads is the later one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A point in the order of the uploads of one function: what is not beyond it comes too late.
///
/// The time is the one that the first door told; the same upload seen through another door is known by its identity and
/// never compared again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The event's time.
    pub time: Timestamp,
    /// The object's key.
    pub key: String,
    /// S3's order within the key, where the event told it.
    pub sequencer: Option<String>,
    /// The object's version id: the last tie-break.
    pub version_id: String,
}

impl Mark {
    /// Whether this is beyond `other`.
    ///
    /// Within a key S3's `sequencer` decides (S3 User Guide, "Event message structure": compare as text after
    /// right-padding the shorter with zeros). Between keys, or without sequencers, the later time; then the greater key,
    /// then the greater version id, so that of two uploads one always is the later. EventBridge tells whole seconds, S3
    /// milliseconds: a whole second is only as late as the second.
    ///
    /// The same object version is never beyond itself, whatever time another door tells of it.
    #[must_use]
    pub fn is_beyond(&self, other: &Self) -> bool {
        if (&self.key, &self.version_id) == (&other.key, &other.version_id) {
            return false;
        }
        if self.key == other.key
            && let (Some(mine), Some(theirs)) = (&self.sequencer, &other.sequencer)
        {
            let length = mine.len().max(theirs.len());
            let padded = |text: &str| format!("{:0<length$}", text.to_ascii_uppercase());
            let (mine, theirs) = (padded(mine), padded(theirs));
            if mine != theirs {
                return mine > theirs;
            }
        }
        let is_whole = |time: Timestamp| time.subsec_nanosecond() == 0;
        let second = |time: Timestamp| Timestamp::from_second(time.as_second()).unwrap_or(time);
        let (mine, theirs) = match is_whole(self.time) || is_whole(other.time) {
            true => (second(self.time), second(other.time)),
            false => (self.time, other.time),
        };
        (mine, &self.key, &self.version_id) > (theirs, &other.key, &other.version_id)
    }

    /// This as the mark after `former`. Where the sequencer has decided against the clocks, the later of the two times
    /// stays: what was older than the former mark must not come back as newer than this one.
    #[must_use]
    pub fn after(self, former: Option<&Self>) -> Self {
        let time = former.map_or(self.time, |former| former.time.max(self.time));
        Self { time, ..self }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mark(second: i64, key: &str, sequencer: Option<&str>, version_id: &str) -> Mark {
        let time = Timestamp::from_second(second).unwrap();
        Mark { time, key: key.into(), sequencer: sequencer.map(Into::into), version_id: version_id.into() }
    }

    #[test]
    fn within_a_key_the_sequencer_decides_whatever_the_clocks_say() {
        let later = mark(10, "a", Some("0055AED6DCD90281E6"), "v1");
        let earlier = mark(99, "a", Some("0055AED6DCD90281E5"), "v2");
        assert!(later.is_beyond(&earlier) && !earlier.is_beyond(&later));
    }

    #[test]
    fn the_shorter_sequencer_is_padded_on_the_right() {
        let long = mark(10, "a", Some("00551"), "v1");
        let short = mark(10, "a", Some("0056"), "v2");
        assert!(short.is_beyond(&long) && !long.is_beyond(&short));
        let (earlier, later) = (mark(9, "a", Some("00560"), "v3"), mark(11, "a", Some("00560"), "v3"));
        assert!(later.is_beyond(&short) && !earlier.is_beyond(&short), "equal after padding: the time decides");
    }

    #[test]
    fn between_keys_the_time_decides_and_then_key_and_version() {
        assert!(mark(11, "a", Some("01"), "v").is_beyond(&mark(10, "b", Some("99"), "v")));
        assert!(mark(10, "b", None, "v").is_beyond(&mark(10, "a", Some("99"), "v")));
        assert!(mark(10, "a", None, "v2").is_beyond(&mark(10, "a", Some("99"), "v1")));
    }

    #[test]
    fn the_time_of_the_mark_never_goes_back() {
        let former = mark(10, "a", Some("05"), "v1");
        let mark_now = mark(8, "a", Some("06"), "v2").after(Some(&former));
        assert_eq!(mark_now, mark(10, "a", Some("06"), "v2"));
        assert!(!mark(9, "b", None, "v").is_beyond(&mark_now), "it was older than the former mark");
        assert_eq!(mark(11, "b", None, "v").after(Some(&former)), mark(11, "b", None, "v"));
        assert_eq!(former.clone().after(None), former);
    }

    #[test]
    fn a_whole_second_is_not_earlier_than_a_part_of_it() {
        let at = |millis: i64, key: &str| Mark {
            time: Timestamp::from_millisecond(millis).unwrap(),
            ..mark(0, key, None, "v")
        };
        let (s3, eventbridge) = (at(50_700, "1.0.0"), at(50_000, "1.1.0"));
        assert!(eventbridge.is_beyond(&s3) && !s3.is_beyond(&eventbridge));
        assert!(at(50_900, "1.0.0").is_beyond(&at(50_700, "1.1.0")), "milliseconds count where both have them");
    }

    #[test]
    fn nothing_is_beyond_itself() {
        let one = mark(10, "a", Some("01"), "v");
        assert!(!one.is_beyond(&one.clone()));
        assert!(!mark(12, "a", None, "v").is_beyond(&one), "another door tells another time")
    }

    proptest! {
        #[test]
        fn of_two_different_uploads_exactly_one_is_the_later(
            t in 0_i64..3, u in 0_i64..3, k in "[ab]", l in "[ab]", r in proptest::option::of("[0-9A-F]{1,3}"),
            s in proptest::option::of("[0-9A-F]{1,3}"),
        ) {
            let (one, two) = (mark(t, &k, r.as_deref(), "v1"), mark(u, &l, s.as_deref(), "v2"));
            prop_assert_ne!(one.is_beyond(&two), two.is_beyond(&one));
        }
    }
}
