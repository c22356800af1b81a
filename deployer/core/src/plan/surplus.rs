//! The published versions that a function no longer needs.

use std::collections::BTreeSet;

use crate::id::Version;

/// The most versions that a deployment deletes, so that a function that was never pruned does not delay it. A session's
/// policy names at most this many.
pub const PRUNED_AT_ONCE: usize = 12;

/// Returns the published versions beyond the newest `keep`, oldest first. A version that is `needed`, by an alias or
/// for a rollback, is never among them.
#[must_use]
pub fn surplus(published: &[Version], keep: u32, needed: &BTreeSet<Version>) -> Vec<Version> {
    let mut newest_first = published.to_vec();
    newest_first.sort_by_key(|version| std::cmp::Reverse(version.number()));
    let beyond = newest_first.into_iter().skip(usize::try_from(keep).unwrap_or(usize::MAX));
    let mut surplus: Vec<Version> = beyond.filter(|version| !needed.contains(version)).collect();
    surplus.reverse();
    surplus
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn versions(numbers: impl IntoIterator<Item = u64>) -> Vec<Version> {
        numbers.into_iter().map(|number| Version::parse(number.to_string()).unwrap()).collect()
    }

    #[test]
    fn newest_versions_are_kept_by_number() {
        assert_eq!(surplus(&versions([9, 10, 11, 2]), 2, &BTreeSet::new()), versions([2, 9]));
    }

    #[test]
    fn needed_versions_stay_in_addition_to_the_newest() {
        let needed = versions([1, 5]).into_iter().collect();
        assert_eq!(surplus(&versions(1..=6), 2, &needed), versions([2, 3, 4]));
    }

    #[test]
    fn few_versions_are_all_kept() {
        assert!(surplus(&versions(1..=10), 10, &BTreeSet::new()).is_empty());
    }

    #[test]
    fn all_surplus_versions_are_listed_oldest_first() {
        assert_eq!(surplus(&versions(1..=500), 10, &BTreeSet::new()), versions(1..=490));
    }
}
