//! The order of uploads, commands and promotions: it decides which of two uploads is the later one, and which request
//! comes too late.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::request::Request;
use crate::record::CauseKind;

/// The place of an upload in the order of the uploads of one function.
///
/// The order is the one of the fields, one after the other, so it is total: of two uploads exactly one is the later,
/// and what is later than a later one is later. Nothing is inferred from a value: EventBridge gives whole seconds, and
/// such an upload stands at the start of its second; `.000` from S3 is a millisecond like any other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// The time that the first event of it gave. The same upload in another event is known by its identity and is never
    /// compared again.
    pub time: Timestamp,
    /// S3's order within the key, where the event gave it.
    pub sequencer: Option<Sequencer>,
    /// The object's key.
    pub key: String,
    /// The object's version id.
    pub version_id: String,
}

/// S3's `sequencer`: hexadecimal text, the shorter of two right-padded with zeros before they are compared (S3 User
/// Guide, "Event message structure"). Without the zeros at its end it can be compared as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Sequencer(String);

impl From<String> for Sequencer {
    fn from(text: String) -> Self {
        Self(text.trim_end_matches('0').to_ascii_uppercase())
    }
}

/// The newest that was accepted. Later requests are compared with it, and nothing else decides whether one comes too
/// late.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "StoredOrder")]
pub(super) struct Newest {
    /// The newest upload that was accepted: one recorded upload, never a mixture of two.
    pub mark: Option<Mark>,
    /// The greatest time of a command or promotion that was admitted. It never falls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<Timestamp>,
}

impl Newest {
    /// Raises the mark or the floor by a request that was admitted. A redeploy and an undo raise neither: a redeploy
    /// brings what is live already, and an undo takes one artifact back and leaves the rest as it comes.
    pub fn raise(&mut self, request: &Request) {
        match request.mark() {
            Some(mark) => self.mark = self.mark.take().max(Some(mark)),
            None if request.is_undo() || request.cause.kind == CauseKind::Redeploy => {}
            None => self.floor = self.floor.max(Some(request.time)),
        }
    }

    /// Describes what was accepted before this upload and is later; none where the upload is the newest.
    pub fn later_than_upload(&self, upload: &Mark) -> Option<String> {
        let is_same = |mark: &Mark| (&mark.key, &mark.version_id) == (&upload.key, &upload.version_id);
        if self.mark.as_ref().is_some_and(is_same) {
            return Some(format!("this version of {} was accepted before", upload.key));
        }
        if let Some(mark) = self.mark.as_ref().filter(|mark| upload <= *mark) {
            return Some(format!("{}, uploaded later, was accepted before it", mark.key));
        }
        let floor = self.floor.filter(|floor| upload.time <= *floor)?;
        Some(format!("a command or promotion that was given later, at {floor:.0}, was accepted before it"))
    }

    /// Describes what was admitted and is later than this time; none where nothing was.
    pub fn later_than(&self, time: Timestamp) -> Option<String> {
        let uploaded = self.mark.as_ref().map(|mark| mark.time);
        let newest = uploaded.max(self.floor).filter(|newest| *newest > time)?;
        Some(format!("what was asked for later, at {newest:.0}, was let in before it"))
    }
}

/// The order as heads store it, those of older deployers too. There a command was a mark without a key, which took the
/// place of an upload's mark, and `newest` was the time of whatever brought something new, an upload too.
#[derive(Deserialize)]
struct StoredOrder {
    #[serde(default)]
    mark: Option<Mark>,
    #[serde(default)]
    floor: Option<Timestamp>,
    #[serde(default)]
    newest: Option<Timestamp>,
}

impl From<StoredOrder> for Newest {
    fn from(StoredOrder { mark, floor, newest }: StoredOrder) -> Self {
        let (mark, of_a_command) = match mark {
            Some(mark) if mark.key.is_empty() => (None, Some(mark.time)),
            mark => (mark, None),
        };
        let newest = newest.filter(|newest| mark.as_ref().is_none_or(|mark| mark.time != *newest));
        Self { mark, floor: floor.max(of_a_command).max(newest) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mark(millis: i64, key: &str, sequencer: Option<&str>, version_id: &str) -> Mark {
        let sequencer = sequencer.map(|text| Sequencer::from(text.to_owned()));
        Mark { time: at(millis), sequencer, key: key.into(), version_id: version_id.into() }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn time_decides_before_sequencer_and_key() {
        assert!(mark(11, "a", Some("01"), "v1") > mark(10, "b", Some("99"), "v2"));
        assert!(mark(11, "a", Some("01"), "v1") > mark(10, "a", Some("99"), "v2"));
        assert!(mark(50_001, "a", None, "v1") > mark(50_000, "b", None, "v2"), "a whole second is its own start");
    }

    #[test]
    fn at_one_time_sequencer_decides_then_key_and_version() {
        assert!(mark(10, "a", Some("02"), "v1") > mark(10, "b", Some("01"), "v2"));
        assert!(mark(10, "a", Some("01"), "v1") > mark(10, "b", None, "v2"), "none is less than any");
        assert!(mark(10, "b", Some("01"), "v1") > mark(10, "a", Some("010"), "v2"));
        assert!(mark(10, "a", None, "v2") > mark(10, "a", None, "v1"));
    }

    #[test]
    fn shorter_sequencer_is_padded_on_the_right() {
        let of = |text: &str| Sequencer::from(text.to_owned());
        assert!(of("0056") > of("00551") && of("0056") < of("00561"));
        assert!(of("0056") == of("005600") && of("00aB") == of("00Ab0"));
    }

    #[test]
    fn upload_is_newer_only_beyond_the_mark_and_the_floor() {
        let mark_now = mark(20, "a", Some("05"), "v1");
        let newest = Newest { mark: Some(mark_now.clone()), floor: Some(at(30)) };
        let because = |upload: &Mark| newest.later_than_upload(upload).unwrap_or_default();
        assert!(because(&mark(19, "b", Some("09"), "v2")).starts_with("a, uploaded later"));
        assert!(because(&mark(30, "b", Some("09"), "v2")).starts_with("a command or promotion that was given later"));
        assert_eq!(because(&mark(31, "b", None, "v2")), "");
        assert_ne!(
            because(&Mark { time: at(40), ..mark_now }),
            "",
            "another door tells another time of the same version"
        );
    }

    #[test]
    fn command_marks_and_newest_of_old_heads_become_the_floor() {
        let read = |text: &str| serde_json::from_str::<Newest>(text).unwrap();
        let (one, two, three) = ("1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z", "1970-01-01T00:00:03Z");
        let of = |time: &str, key: &str| {
            format!(r#"{{"time": "{time}", "key": "{key}", "sequencer": null, "version_id": "{key}"}}"#)
        };
        let a_commands =
            read(&format!(r#"{{"mark": {}, "newest": "{one}", "keys": [{}]}}"#, of(two, ""), of(one, "a")));
        assert_eq!(a_commands, Newest { mark: None, floor: Some(at(2_000)) });
        let an_uploads = read(&format!(r#"{{"mark": {}, "newest": "{three}"}}"#, of(three, "a")));
        assert_eq!(an_uploads, Newest { mark: Some(mark(3_000, "a", None, "a")), floor: None });
        let a_deploys = read(&format!(r#"{{"mark": {}, "newest": "{two}"}}"#, of(three, "a")));
        assert_eq!(a_deploys, Newest { mark: Some(mark(3_000, "a", None, "a")), floor: Some(at(2_000)) });
        assert_eq!(read(r#"{"mark": null}"#), Newest::default());
        let written = serde_json::to_string(&a_deploys).unwrap();
        assert_eq!(read(&written), a_deploys, "what was read is written as what it means");
    }

    fn marks() -> impl Strategy<Value = Mark> {
        let sequencer = proptest::option::of("[0-2a-b]{0,3}");
        (0_i64..3, sequencer, "[ab]", "v[12]")
            .prop_map(|(half, sequencer, key, version)| mark(half * 500, &key, sequencer.as_deref(), &version))
    }

    proptest! {
        #[test]
        fn order_of_three_uploads_is_total(one in marks(), two in marks(), three in marks()) {
            prop_assert_eq!([one < two, one == two, one > two].iter().filter(|is| **is).count(), 1);
            prop_assert_eq!(one < two, two > one);
            prop_assert!(!(one <= two && two <= three) || one <= three);
            prop_assert!(!(one < two && two < three) || one < three);
        }

        #[test]
        fn last_of_three_uploads_is_the_same_in_any_order(
            all in [marks(), marks(), marks()], order in Just([0, 1, 2]).prop_shuffle(),
        ) {
            let is_one = |one: &Mark, other: &Mark| (&one.key, &one.version_id) == (&other.key, &other.version_id);
            prop_assume!(!is_one(&all[0], &all[1]) && !is_one(&all[1], &all[2]) && !is_one(&all[0], &all[2]));
            let mut newest = Newest::default();
            for upload in order.map(|number| &all[number]) {
                if newest.later_than_upload(upload).is_none() {
                    newest.mark = Some(upload.clone());
                }
            }
            prop_assert_eq!(newest.mark.as_ref(), all.iter().max());
        }
    }
}
