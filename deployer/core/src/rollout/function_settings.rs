//! The settings that a release brings to a function as a whole: they have no versions, so the old version has them too.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observed::FunctionMetadata;
use crate::plan::{Plan, Step};
use crate::text::PlainText;

/// The settings of a function as a whole. Those of a release are set when it is about to become live. The way back sets what
/// was live its own again, where something was set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FunctionSettings {
    /// The tags to set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The keys of the tags to take away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untag: Vec<String>,
    /// The change of the reserved concurrency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<ReservedConcurrency>,
}

/// A change of the reserved concurrency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservedConcurrency {
    /// So much is reserved.
    Reserve(i32),
    /// None is reserved.
    Free,
}

/// Settings that a target does not take for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateSettings {
    /// The time of the first try that failed.
    pub since: Timestamp,
    /// The target in which the last try failed, and the reason.
    pub because: PlainText,
}

impl ReservedConcurrency {
    fn of(read: &FunctionMetadata) -> Self {
        read.reserved_concurrency.map_or(Self::Free, Self::Reserve)
    }
}

impl FunctionSettings {
    /// Whether nothing is to be set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns what sets a function back that is as it was read now. `noted` is what an earlier reading has found: it counts
    /// where the function has what the release sets, because that may be the release's own write. Tags that Lambda does
    /// not show stay as they were noted.
    #[must_use]
    pub fn former(&self, read: &FunctionMetadata, noted: Option<&Self>) -> Self {
        let mut former = Self::default();
        for key in self.keys() {
            let known = noted.and_then(|noted| noted.tag(key));
            let was = match &read.tags {
                Some(has) if self.tag(key) == Some(has.get(key)) => known.or(Some(has.get(key))),
                Some(has) => Some(has.get(key)),
                None => known,
            };
            if let Some(was) = was {
                former.set_tag(key, was);
            }
        }
        let has = ReservedConcurrency::of(read);
        let known = noted.and_then(|noted| noted.concurrency);
        former.concurrency = self.concurrency.map(|set| if set == has { known.unwrap_or(has) } else { has });
        former
    }

    /// Returns what of `former` is to be written to a function that is as it was read now, and whether that is all: where
    /// Lambda does not show the tags, nobody knows which ones the release has set. What neither the release has set nor
    /// the function had before is somebody else's change, and stays. What reads as set back is written nevertheless: the
    /// reading may be older than the release's write.
    #[must_use]
    pub fn set_back(&self, former: &Self, read: &FunctionMetadata) -> (Self, bool) {
        let (mut back, mut is_all) = (Self::default(), true);
        for key in self.keys() {
            let (set, was) = (self.tag(key), former.tag(key));
            match (&read.tags, was) {
                (_, Some(_)) if set == was => {}
                (Some(has), Some(was)) if set == Some(has.get(key)) || was == has.get(key) => back.set_tag(key, was),
                (Some(has), _) => is_all &= was.is_some() || set != Some(has.get(key)),
                (None, _) => is_all = false,
            }
        }
        let has = ReservedConcurrency::of(read);
        back.concurrency = match (self.concurrency, former.concurrency) {
            (Some(set), Some(was)) if set != was && [set, was].contains(&has) => Some(was),
            _ => None,
        };
        (back, is_all)
    }

    /// Returns the keys of the tags that are set or taken away.
    fn keys(&self) -> impl Iterator<Item = &String> {
        self.tags.keys().chain(&self.untag)
    }

    /// Returns the value that a tag gets, or none where it is taken away; none at all where it stays as it is.
    fn tag(&self, key: &str) -> Option<Option<&String>> {
        match self.tags.get(key) {
            Some(value) => Some(Some(value)),
            None => self.untag.iter().any(|untagged| untagged == key).then_some(None),
        }
    }

    fn set_tag(&mut self, key: &str, value: Option<&String>) {
        match value {
            Some(value) => drop(self.tags.insert(key.to_owned(), value.clone())),
            None => self.untag.push(key.to_owned()),
        }
    }

    /// Returns what the steps of a plan set. A function that the plan creates serves nobody yet: there it is set at
    /// once.
    fn of(plan: &Plan) -> Self {
        let mut settings = Self::default();
        if plan.steps.iter().any(|step| matches!(step, Step::Create(_))) {
            return settings;
        }
        for step in &plan.steps {
            match step {
                Step::Tag(tags) => settings.tags.clone_from(tags),
                Step::Untag(keys) => settings.untag.clone_from(keys),
                Step::ReserveConcurrency(number) => {
                    settings.concurrency = Some(ReservedConcurrency::Reserve(*number));
                }
                Step::FreeConcurrency => settings.concurrency = Some(ReservedConcurrency::Free),
                _ => {}
            }
        }
        settings
    }
}

impl Plan {
    /// Divides a plan that publishes a version for a rollout: the steps up to the version, and what is set on the
    /// function when the release is about to become live. The rollout moves the alias.
    #[must_use]
    pub fn up_to_the_version(&self) -> Option<(Self, FunctionSettings)> {
        let settings = FunctionSettings::of(self);
        let is_later = |step: &Step| match step {
            Step::CreateAlias | Step::MoveAlias { .. } | Step::AwaitTraffic { .. } => true,
            step => step.is_function_metadata() && !settings.is_empty(),
        };
        let steps = self.steps.iter().filter(|step| !is_later(step)).cloned().collect();
        self.steps.iter().any(Step::publishes).then(|| (Self { steps, ..self.clone() }, settings))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn tags(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn read(of: &[(&str, &str)], reserved: Option<i32>) -> FunctionMetadata {
        FunctionMetadata { tags: Some(tags(of)), reserved_concurrency: reserved }
    }

    /// Sets the tag `team` to `new`, takes `old` away, and reserves 7.
    fn release() -> FunctionSettings {
        let concurrency = Some(ReservedConcurrency::Reserve(7));
        FunctionSettings { tags: tags(&[("team", "new")]), untag: vec!["old".to_owned()], concurrency }
    }

    #[test]
    fn function_that_has_what_the_release_sets_goes_back_to_what_was_noted() {
        let noted = release().former(&read(&[("team", "a"), ("old", "x")], None), None);
        assert_eq!(
            (&noted.tags, noted.concurrency),
            (&tags(&[("team", "a"), ("old", "x")]), Some(ReservedConcurrency::Free))
        );
        let written = read(&[("team", "new")], Some(7));
        assert_eq!(release().former(&written, Some(&noted)), noted);
        assert_eq!(release().set_back(&noted, &written), (noted.clone(), true));
        let late = read(&[("team", "a"), ("old", "x")], None);
        assert_eq!(release().set_back(&noted, &late), (noted, true), "the reading may be older than the write");
    }

    #[test]
    fn change_of_somebody_else_is_noted_anew_and_stays_on_the_way_back() {
        let noted = release().former(&read(&[("team", "a")], Some(3)), None);
        let changed = read(&[("team", "theirs")], Some(50));
        let anew = release().former(&changed, Some(&noted));
        assert_eq!(
            (anew.tags, anew.concurrency),
            (tags(&[("team", "theirs")]), Some(ReservedConcurrency::Reserve(50)))
        );
        let (back, is_all) = release().set_back(&noted, &changed);
        assert_eq!((back.tags, back.concurrency, is_all), (tags(&[]), None, true));
    }

    #[test]
    fn tags_that_nobody_may_see_are_not_set_back_and_that_is_said() {
        let unseen = FunctionMetadata { tags: None, reserved_concurrency: Some(7) };
        let noted = release().former(&FunctionMetadata { reserved_concurrency: None, ..unseen.clone() }, None);
        let (back, is_all) = release().set_back(&noted, &unseen);
        assert_eq!((back.concurrency, back.tags, is_all), (Some(ReservedConcurrency::Free), tags(&[]), false));
        assert!(!release().set_back(&noted, &read(&[("team", "new")], Some(7))).1, "what it had is not known");
        assert!(release().set_back(&noted, &read(&[("team", "a"), ("old", "x")], Some(7))).1, "nothing was set");
    }
}
