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
