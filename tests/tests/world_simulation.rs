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

#[test]
fn a_head_that_is_replaced_whatever_is_there_is_noticed() {
    assert!(!found(Planted::HeadsReplacedBlindly).is_empty());
}

#[test]
fn a_head_that_is_created_whatever_is_there_is_noticed() {
    assert!(!found(Planted::HeadsCreatedBlindly).is_empty());
}

#[test]
fn a_record_that_is_created_whatever_is_there_is_noticed() {
    assert!(!found(Planted::RecordsCreatedBlindly).is_empty());
}

#[test]
fn a_lost_race_after_which_nothing_is_decided_again_is_noticed() {
    assert!(!found(Planted::SameHeadAgain).is_empty());
}

#[test]
fn leases_that_nobody_keeps_are_noticed() {
    assert!(!found(Planted::LeasesIgnored).is_empty());
}

#[test]
fn leases_that_never_end_are_noticed() {
    assert!(found(Planted::LeasesForEver).contains(&Rule::Ends));
}

#[test]
fn tokens_that_repeat_are_noticed() {
    assert!(!found(Planted::TokensRepeat).is_empty());
}

#[test]
fn an_order_by_arrival_is_noticed() {
    assert!(!found(Planted::OrderByArrival).is_empty());
}

#[test]
fn a_head_without_its_mark_is_noticed() {
    assert!(!found(Planted::MarkForgotten).is_empty());
}

#[test]
fn a_head_without_its_requests_is_noticed() {
    assert!(!found(Planted::RequestsForgotten).is_empty());
}

#[test]
fn an_outbox_that_is_emptied_too_early_is_noticed() {
    assert!(!found(Planted::OutboxEmptied).is_empty());
}

#[test]
fn a_pending_upload_that_is_dropped_is_noticed() {
    assert!(!found(Planted::PendingDropped).is_empty());
}

#[test]
fn markers_that_are_not_put_down_are_noticed() {
    assert!(found(Planted::MarkersForgotten).contains(&Rule::Ends));
}

#[test]
fn results_that_are_not_written_are_noticed() {
    assert!(found(Planted::ResultsForgotten).contains(&Rule::OneRecord));
}

#[test]
fn a_clock_that_stands_still_is_noticed() {
    assert!(found(Planted::ClockStandsStill).contains(&Rule::OneAtATime));
}

#[test]
fn a_version_that_serves_before_it_is_active_is_noticed() {
    assert!(found(Planted::ActiveAtOnce).contains(&Rule::ActiveOnly));
}

#[test]
fn a_write_on_whatever_revision_is_the_newest_is_noticed() {
    assert!(!found(Planted::NewestRevision).is_empty());
}

#[test]
fn a_write_that_is_sent_again_unseen_is_noticed() {
    assert!(!found(Planted::SentAgainUnseen).is_empty());
}

#[test]
fn a_sweep_that_does_nothing_is_noticed() {
    assert!(!found(Planted::SweepDoesNothing).is_empty());
}

#[test]
fn every_planted_bug_has_a_name_and_says_what_it_breaks() {
    for planted in Planted::ALL {
        assert_eq!(planted.name().parse(), Ok(*planted));
        assert!(planted.description().ends_with('.'), "{planted}");
    }
}
