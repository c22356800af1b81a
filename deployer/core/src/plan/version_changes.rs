//! The differences between two versions of a function: what callers get when an alias moves from one to the other.

use std::collections::BTreeSet;

use super::configuration::show;
use super::{Change, Shown};
use crate::manifest::Secret;
use crate::observed::{ObservedCode, Settings, Variables};

/// Compares the configuration and the code that two versions carry. Values of variables are masked.
#[must_use]
pub fn version_changes(from: &ObservedCode, to: &ObservedCode) -> Vec<Change> {
    let mut changes = vec![];
    for ((field, before), (_, after)) in from.settings.values().into_iter().zip(to.settings.values()) {
        if field == "variables" {
            changes.extend(variable_changes(&from.settings, &to.settings));
            continue;
        }
        let (before, after) = (show(&before), show(&after));
        if before != after {
            changes.push(Change { field: field.to_owned(), from: before, to: after });
        }
    }
    if from.sha256 != to.sha256 {
        let shown = |code: &ObservedCode| code.sha256.map_or(Shown::Absent, |sha256| Shown::Plain(sha256.to_string()));
        changes.push(Change { field: "code".to_owned(), from: shown(from), to: shown(to) });
    }
    changes
}

/// Compares the variables name by name, if Lambda shows both.
fn variable_changes(from: &Settings, to: &Settings) -> Vec<Change> {
    let (Variables::Known(from), Variables::Known(to)) = (&from.variables, &to.variables) else { return vec![] };
    let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let shown = |value: Option<&Secret>| value.cloned().map_or(Shown::Absent, Shown::Masked);
    let changed = names.into_iter().filter(|name| from.get(*name) != to.get(*name));
    changed
        .map(|name| Change {
            field: format!("environment.variables.{name}"),
            from: shown(from.get(name)),
            to: shown(to.get(name)),
        })
        .collect()
}
