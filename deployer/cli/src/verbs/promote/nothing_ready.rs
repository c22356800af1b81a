//! The functions that a promotion by a pattern leaves out: each has a reason of its own.

use std::fmt::Write as _;

use deployer_core::id::{EnvironmentName, FunctionPattern};
use deployer_core::text::counted;
use deployer_engine::NotReady;

use crate::answer::sentence;

/// The number of functions whose reason is told.
const MOST_TOLD: usize = 20;

/// Writes why nothing is promoted, as the deployer says it. An older deployer names no reasons.
pub(crate) fn text(
    pattern: &FunctionPattern,
    (from, to): (&EnvironmentName, &EnvironmentName),
    not_ready: &[NotReady],
) -> String {
    format!("nothing is ready: of {pattern}, {from} has nothing that {to} has not and may take now\n")
        + &reasons(not_ready)
}

/// Writes the functions that are left out beside those that are promoted.
pub(crate) fn beside_others(not_ready: &[NotReady]) -> String {
    if not_ready.is_empty() { String::new() } else { format!("not ready:\n{}", reasons(not_ready)) }
}

fn reasons(not_ready: &[NotReady]) -> String {
    let mut text = String::new();
    let told = not_ready.iter().take(MOST_TOLD);
    let width = told.clone().map(|one| one.function.as_str().len()).max().unwrap_or(0);
    for NotReady { function, because } in told {
        let _always = writeln!(text, "  {:width$}   {}", function.as_str(), sentence(because));
    }
    if let Some(more) = not_ready.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
        let _always = writeln!(text, "  and {} more", counted(more, "function"));
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn first_twenty_functions_say_why_they_are_not_ready() {
        let not_ready = |number: usize| {
            let (function, because) = (format!("orders-{number}").parse().unwrap(), "prod has 7 already".into());
            NotReady { function, because }
        };
        let all: Vec<NotReady> = (1..=21).map(not_ready).collect();
        let told = |not_ready: &[NotReady]| {
            text(&"*".parse().unwrap(), (&"dev".parse().unwrap(), &"prod".parse().unwrap()), not_ready)
        };
        let heading = "nothing is ready: of *, dev has nothing that prod has not and may take now\n";
        assert_eq!(told(&[]), heading);
        let one = format!("{heading}  orders-1   prod has 7 already\n");
        assert_eq!(told(&all[..1]), one);
        let all = told(&all);
        assert!(all.contains("  orders-1    prod has 7 already\n"), "{all}");
        assert!(all.ends_with("  orders-20   prod has 7 already\n  and 1 function more\n"), "{all}");
    }
}
