//! The check of the ledger's formats: the objects that an older deployer would leave alone, and those that this one does.

use std::collections::BTreeMap;

use super::{Check, Refused};
use crate::format::{FIRST, KNOWN};

/// The number of objects of one format that are named.
const NAMED: usize = 10;

/// Tells how many objects of the ledger have each format, and names those that not every deployer knows. Objects of a
/// format that this deployer does not know wait for a newer one: the check fails.
#[must_use]
pub fn formats(outcome: &Result<Vec<(String, u64)>, Refused>) -> Check {
    const CHECK: &str = "formats";
    let objects = match outcome {
        Ok(objects) => objects,
        Err(error) => return Check::not_checked(CHECK, format!("the ledger cannot be read: {error}")),
    };
    let mut by_format: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for (key, format) in objects {
        by_format.entry(*format).or_default().push(key);
    }
    let mut lines = vec![format!("this deployer knows formats up to {KNOWN}")];
    for (format, keys) in &mut by_format {
        keys.sort_unstable();
        let of = format!("{} of format {format}", keys.len());
        lines.push(match *format {
            known if known <= u64::from(FIRST) => of,
            known if known <= u64::from(KNOWN) => format!("{of} ({})", named(keys)),
            _ => format!("{of}, which wait until a newer deployer works ({})", named(keys)),
        });
    }
    let text = lines.join("; ");
    let waiting = by_format.keys().any(|format| *format > u64::from(KNOWN));
    if waiting { Check::fail(CHECK, text) } else { Check::ok(CHECK).with_finding(text) }
}

fn named(keys: &[&str]) -> String {
    let names = keys.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match keys.len().saturating_sub(NAMED) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{CheckStatus, Refusal};

    fn of(objects: &[(&str, u64)]) -> (CheckStatus, String) {
        let check = formats(&Ok(objects.iter().map(|(key, format)| ((*key).to_owned(), *format)).collect()));
        (check.status, check.because.map(|because| because.to_string()).unwrap_or_default())
    }

    #[test]
    fn objects_are_counted_by_format_and_named_above_the_first() {
        let known = "this deployer knows formats up to 5";
        assert_eq!(of(&[]), (CheckStatus::Ok, known.to_owned()));
        let objects =
            [("heads/prod/b.json", 2), ("heads/dev/a.json", 1), ("heads/prod/a.json", 2), ("rejects/a.json", 1)];
        let told = format!("{known}; 2 of format 1; 2 of format 2 (heads/prod/a.json, heads/prod/b.json)");
        assert_eq!(of(&objects), (CheckStatus::Ok, told));
    }

    #[test]
    fn object_of_a_newer_format_fails_because_it_waits() {
        let told = "this deployer knows formats up to 5; 1 of format 1; 1 of format 6, which wait until a newer deployer works \
                    (heads/prod/a.json)";
        assert_eq!(of(&[("heads/prod/a.json", 6), ("heads/dev/a.json", 1)]), (CheckStatus::Fail, told.to_owned()));
    }

    #[test]
    fn only_ten_objects_of_a_format_are_named() {
        let keys: Vec<String> = (10..22).map(|number| format!("heads/dev/f{number}.json")).collect();
        let (status, told) = of(&keys.iter().map(|key| (key.as_str(), 2)).collect::<Vec<_>>());
        assert_eq!(status, CheckStatus::Ok);
        assert!(
            told.contains("12 of format 2 (heads/dev/f10.json, ") && told.ends_with("f19.json and 2 more)"),
            "{told}"
        );
    }

    #[test]
    fn formats_of_an_unreadable_ledger_are_not_checked() {
        let denied = Refused { kind: Refusal::Denied, message: "AccessDenied: no".into() };
        let check = formats(&Err(denied));
        assert_eq!(check.status, CheckStatus::NotChecked);
        assert!(check.because.unwrap_or_default().contains("AccessDenied"));
    }
}
