//! Thousands of seeded schedules of the whole deployer, and mutants that prove that a broken rule would be found.
//!
//! A schedule that fails is printed with the command that plays it again. `cargo simulate` plays any number of
//! schedules.
#![allow(clippy::panic, clippy::print_stdout)]

use std::collections::BTreeSet;

use simulation::{Mutant, Rule, command, play, play_with_neutral_ports};

/// The number of schedules that the test plays: one core needs some seconds for them.
const SCHEDULES: u64 = 2_500;
/// The number of schedules within which a mutant must be found.
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
        let [first, second] = [(); 2].map(|()| simulation::replay(seed, None));
        assert_eq!(first.log, second.log, "seed {seed}");
    }
}

/// Plays schedules through the faulty ports without a mutant.
#[test]
fn what_bugs_are_planted_with_breaks_nothing_by_itself() {
    for seed in 0..400 {
        let played = play_with_neutral_ports(seed);
        assert!(played.violations.is_empty(), "seed {seed}: {:?}", played.violations);
    }
}

/// Plays schedules until the mutant breaks this rule.
fn is_noticed(mutant: Mutant, rule: Rule) {
    for seed in 0..ENOUGH {
        let played = play(seed, Some(mutant));
        if let Some(violation) = played.violations.iter().find(|violation| violation.rule == rule) {
            return println!("{mutant}: {} schedules, {violation}", seed + 1);
        }
    }
    panic!("{mutant} did not break {rule:?} in {ENOUGH} schedules");
}

/// Makes a test for each mutant, with the rule that it must break.
macro_rules! bugs {
    ($($name:ident: $mutant:ident => $rule:ident;)*) => {
        $(#[test]
        fn $name() {
            is_noticed(Mutant::$mutant, Rule::$rule);
        })*

        #[test]
        fn every_planted_bug_has_a_test() {
            let tested: BTreeSet<Mutant> = [$(Mutant::$mutant),*].into();
            assert_eq!(tested, Mutant::ALL.iter().copied().collect());
        }
    };
}

bugs! {
    a_head_that_is_replaced_whatever_is_there_is_noticed: HeadsReplacedBlindly => OneAtATime;
    a_head_that_is_created_whatever_is_there_is_noticed: HeadsCreatedBlindly => OneRecord;
    a_record_that_is_created_whatever_is_there_is_noticed: RecordsCreatedBlindly => OneRecord;
    a_lost_race_after_which_nothing_is_decided_again_is_noticed: SameHeadAgain => OneAtATime;
    leases_that_nobody_keeps_are_noticed: LeasesIgnored => OneAtATime;
    leases_that_never_end_are_noticed: LeasesForEver => Ends;
    tokens_that_repeat_are_noticed: TokensRepeat => OneAtATime;
    an_order_by_arrival_is_noticed: OrderByArrival => Order;
    a_head_without_its_mark_is_noticed: MarkForgotten => Order;
    a_head_without_its_requests_is_noticed: RequestsForgotten => OneRecord;
    an_outbox_that_is_emptied_too_early_is_noticed: OutboxEmptied => OneRecord;
    a_pending_upload_that_is_dropped_is_noticed: PendingDropped => OneRecord;
    markers_that_are_not_put_down_are_noticed: MarkersForgotten => Ends;
    results_that_are_not_written_are_noticed: ResultsForgotten => OneRecord;
    a_clock_that_stands_still_is_noticed: ClockStandsStill => OneAtATime;
    a_version_that_serves_before_it_is_active_is_noticed: ActiveAtOnce => ActiveOnly;
    a_write_on_whatever_revision_is_the_newest_is_noticed: NewestRevision => Foreign;
    a_write_that_is_sent_again_unseen_is_noticed: SentAgainUnseen => PublishedOnce;
    a_sweep_that_does_nothing_is_noticed: SweepDoesNothing => Ends;
    messages_that_are_acked_unseen_are_noticed: UploadsDropped => NoneIsLost;
    uploads_that_are_taken_for_none_of_ours_are_noticed: UploadsIgnored => NoneIsLost;
    sequencers_that_count_for_nothing_are_noticed: SequencersIgnored => Order;
    markers_that_are_put_down_too_late_are_noticed: MarkersAfterHeads => Ends;
    commands_whose_ids_change_are_noticed: IdsRedrawn => ActsOnce;
    commands_that_are_dropped_are_noticed: CommandsDropped => NoneIsLost;
    a_hold_that_is_carried_out_twice_is_noticed: ObeyedForgotten => ActsOnce;
    a_command_that_waits_and_is_not_kept_is_noticed: CommandsNotKept => CommandsEnd;
    a_command_that_leaves_no_mark_is_noticed: CommandsUnmarked => NotUndone;
    rejects_that_are_not_looked_at_are_noticed: RejectsIgnored => Rejected;
    rejects_that_are_read_once_are_noticed: RejectsReadOnce => Rejected;
    a_deployment_that_does_not_stop_is_noticed: StopsUnheard => Stops;
    holds_that_are_not_seen_are_noticed: HoldsIgnored => Held;
    a_rollback_that_goes_elsewhere_is_noticed: HistoryTurned => WalksBack;
    what_was_left_and_is_forgotten_is_noticed: LeftForgotten => HistoryIsTrue;
    a_rollback_that_finds_out_anew_where_to_go_is_noticed: ChosenForgotten => WalksBack;
    an_alias_that_moves_without_a_second_look_at_the_head_is_noticed: NoSecondReading => OneAtATime;
    a_replay_that_does_not_say_so_is_noticed: ReplaysUnmarked => Replays;
    requests_for_promotions_whose_ids_change_are_noticed: EventsRenamed => AskedOnce;
    a_source_that_is_seen_as_it_was_is_noticed: SourcesAsTheyWere => PromotionsEnd;
    rejects_that_are_hidden_from_who_judges_are_noticed: RejectsHidden => Rejected;
    approvals_that_nobody_gave_are_noticed: ApprovalsInvented => Admitted;
    a_freeze_that_nobody_overrode_is_noticed: OverridesInvented => Admitted;
    a_clock_that_runs_ahead_where_promotions_are_judged_is_noticed: ClockRunsAhead => Admitted;
    a_rollback_that_is_not_seen_where_promotions_are_judged_is_noticed: RolledBackUnseen => Admitted;
    promotions_that_wait_and_are_dropped_are_noticed: WaitingDropped => PromotionsEnd;
    a_success_that_calls_for_nothing_is_noticed: PromotionsUncalled => NotForgotten;
    events_that_are_swallowed_are_noticed: EventsSwallowed => Told;
    live_that_stays_with_what_was_complete_is_noticed: LiveFrozen => WhatIsLive;
    rollback_that_forgets_which_deployment_it_met_is_noticed: UndoesForgotten => MeansWhatIsUnderWay;
    redeploy_that_displaces_what_waits_is_noticed: RedeploysDisplace => RedeployGivesWay;
    rollback_that_brings_back_what_is_live_is_noticed: LiveBroughtBack => LeavesLive;
    rollback_whose_precondition_is_ignored_is_noticed: PreconditionsIgnored => AsSeen;
    rollbacks_that_do_not_join_are_noticed: RollbacksApart => RollbacksJoin;
    newer_field_that_is_dropped_is_noticed: FieldsDropped => NothingForgotten;
    newer_format_that_is_acted_on_is_noticed: NewerActedOn => NewerLeftAlone;
    group_that_is_decided_twice_is_noticed: GroupDecidedTwice => DecidedOnce;
    members_that_decide_for_themselves_are_noticed: MembersDecide => DecidedOnce;
    traffic_that_nobody_watches_is_noticed: TrafficUnwatched => TrafficMoved;
    door_that_is_left_open_is_noticed: DoorsLeftOpen => ClosedDoors;
}

#[test]
fn every_planted_bug_has_a_name_and_says_what_it_breaks() {
    for mutant in Mutant::ALL {
        assert_eq!(mutant.name().parse(), Ok(*mutant));
        assert!(mutant.description().ends_with('.'), "{mutant}");
    }
}
