//! The differences between two versions of a function.

use super::*;
use crate::manifest::Secret;
use crate::plan::version_changes;

fn version(variables: Variables, memory: u32) -> ObservedCode {
    let mut of = super::code(None, b"one");
    (of.settings.variables, of.settings.memory_size) = (variables, memory);
    of
}

fn variables(all: &[(&str, &str)]) -> Variables {
    let all = all.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value)));
    Variables::Known(all.collect())
}

fn lines(changes: &[Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

#[test]
fn version_changes_name_each_field_and_mask_variables() {
    let from = version(variables(&[("TOKEN", "one"), ("GONE", "x"), ("SAME", "s")]), 512);
    let to = version(variables(&[("TOKEN", "two"), ("NEW", "y"), ("SAME", "s")]), 256);
    let to = ObservedCode { sha256: None, ..to };
    let sha256 = from.sha256.unwrap();
    assert_eq!(
        lines(&version_changes(&from, &to)),
        [
            format!("- code: {sha256}"),
            "~ memory_size: 512 → 256".to_owned(),
            "- environment.variables.GONE: ***".to_owned(),
            "+ environment.variables.NEW: ***".to_owned(),
            "~ environment.variables.TOKEN: *** → ***".to_owned(),
        ]
    );
    assert_eq!(version_changes(&to, &to), [], "the same version has no changes");
}

#[test]
fn unreadable_variables_are_left_out_of_version_changes() {
    let unreadable = Variables::Unreadable { because: "KMSAccessDenied".to_owned() };
    let changes = version_changes(&version(unreadable, 512), &version(variables(&[("A", "b")]), 256));
    assert_eq!(lines(&changes), ["~ memory_size: 512 → 256"]);
}
