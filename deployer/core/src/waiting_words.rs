//! The words for what a promotion waits for.

use jiff::Timestamp;

use crate::moment::not_before;

/// Describes the conditions that a time or a person meets, each in words such as `for an approval`.
#[must_use]
pub(crate) fn conditions(
    soak_until: Option<Timestamp>,
    approvals: Option<String>,
    (freeze_begins, frozen_until): (Option<Timestamp>, Option<Timestamp>),
) -> Vec<String> {
    let soak = soak_until.map(|until| format!("until {} for its soak", not_before(until)));
    let freeze = frozen_until.map(|until| match freeze_begins {
        None => format!("until {} for the freeze to end", not_before(until)),
        Some(begins) => format!(
            "until {} for the freeze from {begins:.0} on to end, which its rollout would reach into",
            not_before(until)
        ),
    });
    soak.into_iter().chain(approvals).chain(freeze).collect()
}

/// Describes a number of approvals that are missing, and names one and several in these words. `None`: there are none.
#[must_use]
pub(crate) fn approvals(number: u32, (one, several): (&str, &str)) -> Option<String> {
    match number {
        0 => None,
        1 => Some(format!("for {one}")),
        more => Some(format!("for {more} {several}")),
    }
}

/// Joins conditions. Without any it waits for its turn.
#[must_use]
pub(crate) fn all_of(conditions: &[String]) -> String {
    if conditions.is_empty() { "for its turn".to_owned() } else { conditions.join(", and ") }
}
