//! Two versions of the deployer on one ledger: the older one forgets nothing that the newer one has said, and leaves alone
//! what it does not know.
//!
//! Must not know: how objects are read and written.

use std::collections::BTreeMap;

use serde_json::Value;

use super::versions::Versions;
use super::violation::{Rule, Violation};
use world::journal::{JournalEntry, Action};
use world::newer;

pub(super) fn judge(versions: &Versions, journal: &[JournalEntry], found: &mut Vec<Violation>) {
    let mut objects: BTreeMap<&str, Value> = BTreeMap::new();
    for deed in journal {
        if deed.what == Action::Erased {
            objects.remove(deed.about.as_str());
        }
        let (Action::Wrote(Some(body)), Some(by)) = (&deed.what, deed.by) else { continue };
        let Ok(after) = serde_json::from_slice::<Value>(body) else { continue };
        let Some(before) = objects.insert(&deed.about, after) else { continue };
        let after = &objects[deed.about.as_str()];
        let mut say = |rule, text: String| found.push(Violation { rule, found: format!("{}: {text}", deed.about) });
        for thing in newer::lost(&before, after) {
            say(Rule::NothingForgotten, format!("invocation {by} has lost what a newer deployer had said of {thing}"));
        }
        if newer::is_newer(&before) && !versions.is_newer(by) {
            say(Rule::NewerLeftAlone, format!("invocation {by} has written over what it does not know"));
        }
    }
}
