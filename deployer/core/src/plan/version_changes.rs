//! The differences between two versions of a function: what callers get when an alias moves from one to the other.

use std::collections::BTreeSet;

use super::configuration::show;
use super::{Change, Shown};
use crate::manifest::Secret;
use crate::observed::{ObservedCode, Settings, Variables};

/// Compares the code and the configuration that two versions carry. Values of variables are masked.
#[must_use]
pub fn version_changes(from: &ObservedCode, to: &ObservedCode) -> Vec<Change> {
    let code = (from.sha256 != to.sha256).then(|| {
        let shown = |code: &ObservedCode| code.sha256.map_or(Shown::Absent, |sha256| Shown::Plain(sha256.to_string()));
        Change { field: "code".to_owned(), from: shown(from), to: shown(to) }
    });
    let settings = from.settings.values().into_iter().zip(to.settings.values());
    let fields = settings.filter(|((field, _), _)| *field != "variables").filter_map(|((field, from), (_, to))| {
        let (from, to) = (show(&from), show(&to));
        (from != to).then(|| Change { field: field.to_owned(), from, to })
    });
    code.into_iter().chain(fields).chain(variable_changes(&from.settings, &to.settings)).collect()
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
