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
            "~ memory_size: 512 → 256".to_owned(),
            "- environment.variables.GONE: ***".to_owned(),
            "+ environment.variables.NEW: ***".to_owned(),
            "~ environment.variables.TOKEN: *** → ***".to_owned(),
            format!("- code: {sha256}"),
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

/// A function after a rollback: the alias serves "old" with 128 MB, and `$LATEST` has "left" with 512 MB, another
/// timeout and one more variable.
fn rolled_back() -> Observed {
    let mut observed = serving(b"old");
    let latest = observed.latest.as_mut().unwrap();
    latest.sha256 = Some(Sha256::of(b"left"));
    (latest.settings.memory_size, latest.settings.timeout) = (512, 9);
    latest.settings.variables = variables(&[("KEPT", "old"), ("MODE", "left")]);
    observed
}

fn code_change(from: &[u8], to: &[u8]) -> String {
    format!("~ code: {} → {}", Sha256::of(from), Sha256::of(to))
}

#[test]
fn plan_after_a_rollback_shows_the_changes_from_the_served_version() {
    let mut scene = Scene::new("memory_size = 512\ntimeout = 9\nenvironment.variables.MODE = \"left\"");
    scene.artifact.sha256 = Sha256::of(b"left");
    let plan = scene.plan(&rolled_back());
    assert_eq!(plan.steps.iter().map(Step::name).collect::<Vec<_>>(), ["publish version", "move alias"]);
    assert_eq!(
        lines(&plan.changes),
        [
            "~ memory_size: 128 → 512".to_owned(),
            "~ timeout: 3 → 9".to_owned(),
            "+ environment.variables.MODE: ***".to_owned(),
            code_change(b"old", b"left"),
            "~ alias live: version 6 → the new version".to_owned(),
        ]
    );
}

#[test]
fn plan_shows_unnamed_fields_that_come_from_latest_and_nothing_that_stays() {
    let scene = Scene::new("memory_size = 128\nenvironment.variables.MODE = \"new\"");
    let plan = scene.plan(&rolled_back());
    let Step::UpdateConfiguration(sent) = &plan.steps[0] else { panic!("{plan}") };
    assert_eq!(sent.memory_size, Some(128), "the steps are against $LATEST");
    assert_eq!(
        lines(&plan.changes),
        [
            "~ timeout: 3 → 9".to_owned(),
            "+ environment.variables.MODE: ***".to_owned(),
            code_change(b"old", b"new"),
            "~ alias live: version 6 → the new version".to_owned(),
        ]
    );
    // The code that is served comes again, with another timeout: neither code nor memory changes for callers.
    let mut back = Scene::new("memory_size = 128\ntimeout = 4");
    back.artifact.sha256 = Sha256::of(b"old");
    let plan = back.plan(&rolled_back());
    assert_eq!(
        plan.steps.iter().map(Step::name).collect::<Vec<_>>(),
        ["update configuration", "update code", "move alias"]
    );
    let changes = lines(&plan.changes);
    assert_eq!(changes[..2], ["~ timeout: 3 → 4", "+ environment.variables.MODE: ***"], "{changes:?}");
    assert_eq!(changes.len(), 3, "{changes:?}");
}

#[test]
fn plan_without_an_alias_shows_the_changes_from_latest() {
    let without = Observed { alias: None, serving: None, ..rolled_back() };
    let plan = Scene::new("memory_size = 128").plan(&without);
    assert_eq!(
        lines(&plan.changes),
        [
            "~ memory_size: 512 → 128".to_owned(),
            code_change(b"left", b"new"),
            "+ alias live: the new version".to_owned()
        ]
    );
}
