//! Checks two versions of the deployer on one ledger: the older one keeps the fields of the newer one, and leaves
//! objects of a newer format alone.
//!
//! Must not know how objects are read and written.

use std::collections::BTreeMap;

use serde_json::Value;

use super::rule::{Rule, Violation};
use super::versions::Versions;
use world::journal::{Action, JournalEntry};
use world::newer;

pub(super) fn check(versions: &Versions, journal: &[JournalEntry], found: &mut Vec<Violation>) {
    let mut objects: BTreeMap<&str, Value> = BTreeMap::new();
    for entry in journal {
        if entry.action == Action::Erased {
            objects.remove(entry.object.as_str());
        }
        let (Action::Wrote(Some(body)), Some(by)) = (&entry.action, entry.by) else { continue };
        let Ok(after) = serde_json::from_slice::<Value>(body) else { continue };
        let Some(before) = objects.insert(&entry.object, after) else { continue };
        let after = &objects[entry.object.as_str()];
        let mut report =
            |rule, text: String| found.push(Violation { rule, found: format!("{}: {text}", entry.object) });
        for thing in newer::lost(&before, after) {
            report(
                Rule::NewerFieldsKept,
                format!("invocation {by} has lost what a newer deployer had said of {thing}"),
            );
        }
        if newer::is_newer(&before) && !versions.is_newer(by) {
            report(Rule::NewerLeftAlone, format!("invocation {by} has written over what it does not know"));
        }
    }
}
