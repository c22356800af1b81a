//! Thousands of seeded schedules of the whole deployer, and planted bugs that prove that a broken rule would be seen.
//!
//! A schedule that fails is printed with the command that plays it again. `cargo simulate` plays as many as one likes.
#![allow(clippy::panic, clippy::print_stdout)]

use acceptance::simulation::{Planted, Rule, command, play};

/// How many schedules are played here: what one core does in some seconds.
const SCHEDULES: u64 = 3_000;
/// Within so many schedules a planted bug must show.
const ENOUGH: u64 = 10_000;

#[test]
fn no_schedule_breaks_a_rule() {
    let mut failed = Vec::new();
    for seed in 0..SCHEDULES {
        let played = play(seed, None);
        failed.extend(played.violations.into_iter().map(|violation| format!("{violation}\n  {}", command(seed, None))));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_same_seed_plays_the_same_schedule() {
    for seed in 0..40 {
        let [first, second] = [(); 2].map(|()| acceptance::simulation::replay(seed, None));
        assert_eq!(first.log, second.log, "seed {seed}");
    }
}

/// Plays schedules until the bug shows, and gives the rules that it breaks there.
fn found(planted: Planted) -> Vec<Rule> {
    for seed in 0..ENOUGH {
        let played = play(seed, Some(planted));
        if !played.violations.is_empty() {
            println!("{planted}: {} schedules, {}", seed + 1, played.violations[0]);
            return played.violations.into_iter().map(|violation| violation.rule).collect();
        }
    }
    panic!("{planted} was not found in {ENOUGH} schedules");
}
