//! Circles of imports: files that reach each other by their ties.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules::{ModulePath, Modules};

/// Returns each circle of more than two files in readable lines: the files, and below them their ties.
#[must_use]
pub fn circles(modules: &Modules) -> Vec<String> {
    let ties: BTreeMap<&ModulePath, _> = modules.all.keys().map(|path| (path, modules.ties(path))).collect();
    let reach: BTreeMap<&ModulePath, BTreeSet<&ModulePath>> =
        ties.keys().map(|from| (*from, reached(from, &ties))).collect();
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for from in ties.keys() {
        let circle: BTreeSet<&ModulePath> =
            reach[from].iter().copied().filter(|to| reach.get(to).is_some_and(|back| back.contains(from))).collect();
        if circle.len() > 2 && told.insert(circle.clone()) {
            found.push(line(modules, &ties, &circle));
        }
    }
    found
}

type Ties<'a> = BTreeMap<&'a ModulePath, BTreeMap<ModulePath, BTreeSet<String>>>;

fn reached<'a>(from: &ModulePath, ties: &'a Ties<'_>) -> BTreeSet<&'a ModulePath> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&ModulePath> = ties.get(from).map(|ties| ties.keys().collect()).unwrap_or_default();
    while let Some(next) = open.pop() {
        if seen.insert(next) {
            open.extend(ties.get(next).into_iter().flat_map(BTreeMap::keys));
        }
    }
    seen
}

fn line(modules: &Modules, ties: &Ties<'_>, circle: &BTreeSet<&ModulePath>) -> String {
    let file =
        |path: &ModulePath| modules.all.get(path).map_or(String::new(), |module| module.file.display().to_string());
    let files: Vec<String> = circle.iter().map(|path| file(path)).collect();
    let mut text = format!("{} files import each other: {}", files.len(), files.join(", "));
    for from in circle {
        for (to, names) in ties.get(from).into_iter().flatten().filter(|(to, _)| circle.contains(to)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            text.push_str(&format!("\n    {} takes from {}: {}", file(from), file(to), names.join(", ")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_files_in_a_ring_are_a_circle_with_their_ties() {
        let modules = Modules::from_texts(&[
            ("", "mod a; mod b; mod c;"),
            ("a", "use crate::b::B; struct A;"),
            ("b", "use crate::c::C; struct B;"),
            ("c", "use crate::a::A; struct C;"),
        ]);
        let found = circles(&modules);
        let expected =
            "3 files import each other: a, b, c\n    a takes from b: B\n    b takes from c: C\n    c takes from a: A";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn two_files_may_import_each_other() {
        let modules = Modules::from_texts(&[
            ("", "mod a; mod b; mod c;"),
            ("a", "use crate::b::B; struct A;"),
            ("b", "use crate::a::A; use crate::c::C; struct B;"),
            ("c", "struct C;"),
        ]);
        assert!(circles(&modules).is_empty());
    }

    #[test]
    fn parent_and_two_children_that_use_each_other_are_a_circle() {
        let modules = Modules::from_texts(&[
            ("", "mod p;"),
            ("p", "mod a; mod b; pub use a::A; use b::B; struct P(A, B);"),
            ("p/a", "use super::P; struct A;"),
            ("p/b", "use super::P; struct B;"),
        ]);
        assert_eq!(circles(&modules).len(), 1);
    }
}
