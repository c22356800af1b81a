//! Thousands of seeded schedules of the whole deployer, and mutants that prove that a broken rule would be found.
//!
//! A schedule that fails is printed with the command that plays it again. `cargo simulate` plays any number of
//! schedules.
#![allow(clippy::panic, clippy::print_stdout)]

use std::collections::BTreeSet;

use simulation::{Focus, Mutant, Rule, ScheduleResult, command, play, play_as, play_with_neutral_ports};

/// The number of schedules that the test plays; `cargo verify` plays more.
const SCHEDULES: u64 = 100;
/// The number of schedules with rollouts: each takes some hours of the world's time.
const ROLLOUTS: u64 = 30;
/// The number of schedules with rollouts of groups.
const ROLLOUT_GROUPS: u64 = 12;
/// The number of schedules within which a mutant must be found.
const MAX_SCHEDULES: u64 = 10_000;

#[test]
fn no_schedule_breaks_a_rule() {
    breaks_no_rule((0..SCHEDULES).map(|seed| play(seed, None)));
}

#[test]
fn no_rollout_breaks_a_rule() {
    breaks_no_rule((0..ROLLOUTS).map(|seed| play_as(seed, None, Focus::Rollouts)));
}

#[test]
fn no_rollout_of_a_group_breaks_a_rule() {
    breaks_no_rule((0..ROLLOUT_GROUPS).map(|seed| play_as(seed, None, Focus::RolloutGroups)));
}

fn breaks_no_rule(all: impl Iterator<Item = ScheduleResult>) {
    let says = |played: ScheduleResult| {
        let again = command(&played, None);
        played.violations.into_iter().map(move |violation| format!("{violation}\n  {again}"))
    };
    let failed: Vec<String> = all.flat_map(says).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn same_seed_plays_the_same_schedule() {
    for seed in 0..12 {
        let [first, second] = [(); 2].map(|()| simulation::replay(seed, None, None));
        assert_eq!(first.log, second.log, "seed {seed}");
    }
}

/// Plays schedules through the faulty ports without a mutant.
#[test]
fn faulty_ports_without_a_mutant_break_no_rule() {
    for seed in 0..60 {
        let played = play_with_neutral_ports(seed);
        assert!(played.violations.is_empty(), "seed {seed}: {:?}", played.violations);
    }
}

/// Plays schedules, from this seed on, until the mutant breaks this rule.
fn is_found(mutant: Mutant, rule: Rule, from: u64) {
    for seed in (from..MAX_SCHEDULES).chain(0..from) {
        let played = play(seed, Some(mutant));
        if let Some(violation) = played.violations.iter().find(|violation| violation.rule == rule) {
            return println!("{mutant}: seed {seed}, {violation}");
        }
    }
    panic!("{mutant} did not break {rule:?} in {MAX_SCHEDULES} schedules");
}

/// Makes a test for each mutant, with the rule that it must break. Where few schedules show it, `from` is a seed that did:
/// the search begins there, and only takes longer once the deployer or the simulator has changed.
macro_rules! mutants {
    ($($name:ident: $mutant:ident => $rule:ident $(from $seed:literal)?;)*) => {
        $(#[test]
        fn $name() {
            is_found(Mutant::$mutant, Rule::$rule, 0 $(+ $seed)?);
        })*

        #[test]
        fn every_mutant_has_a_test() {
            let tested: BTreeSet<Mutant> = [$(Mutant::$mutant),*].into();
            assert_eq!(tested, Mutant::ALL.iter().copied().collect());
        }
    };
}

mutants! {
    blind_replacement_of_a_head_is_found: HeadsReplacedBlindly => OneAtATime;
    blind_creation_of_a_head_is_found: HeadsCreatedBlindly => OneRecord from 6;
    blind_creation_of_a_record_is_found: RecordsCreatedBlindly => OneRecord from 12;
    same_head_after_a_lost_race_is_found: SameHeadAgain => OneAtATime;
    ignored_lease_is_found: LeasesIgnored => OneAtATime;
    lease_without_end_is_found: LeasesForEver => EverythingEnds;
    repeated_token_is_found: TokensRepeat => OneAtATime from 253;
    order_by_arrival_is_found: OrderByArrival => UploadOrder;
    head_without_its_mark_is_found: MarkForgotten => UploadOrder;
    head_without_its_requests_is_found: RequestsForgotten => OneRecord from 7;
    outbox_emptied_too_early_is_found: OutboxEmptied => OneRecord from 4;
    dropped_pending_upload_is_found: PendingDropped => OneRecord;
    missing_marker_is_found: MarkersForgotten => EverythingEnds from 9;
    missing_result_is_found: ResultsForgotten => OneRecord;
    stopped_clock_is_found: ClockStandsStill => OneAtATime from 31;
    alias_on_an_inactive_version_is_found: ActiveAtOnce => ActiveOnly;
    write_on_the_newest_revision_is_found: NewestRevision => ForeignChangesKept from 203;
    write_repeated_without_looking_is_found: SentAgainUnseen => PublishedOnce from 10;
    idle_sweep_is_found: SweepDoesNothing => EverythingEnds from 9;
    upload_acked_unhandled_is_found: UploadsDropped => NoUploadLost;
    ignored_upload_is_found: UploadsIgnored => NoUploadLost;
    ignored_sequencer_is_found: SequencersIgnored => UploadOrder from 31;
    marker_written_too_late_is_found: MarkersAfterHeads => EverythingEnds from 336;
    changing_command_id_is_found: IdsRedrawn => ActsOnce;
    dropped_command_is_found: CommandsDropped => NoUploadLost;
    hold_carried_out_twice_is_found: ObeyedForgotten => ActsOnce from 129;
    dropped_pending_command_is_found: CommandsNotKept => CommandsEnd;
    command_without_a_floor_is_found: CommandsUnmarked => CommandsNotUndone from 9;
    ignored_reject_is_found: RejectsIgnored => RejectObeyed from 9;
    reject_read_only_once_is_found: RejectsReadOnce => RejectObeyed;
    ignored_stop_is_found: StopsUnheard => StopObeyed;
    ignored_hold_is_found: HoldsIgnored => HoldObeyed from 6;
    reordered_history_is_found: HistoryTurned => RollbackDestination from 48;
    forgotten_left_entry_is_found: LeftForgotten => HistoryMatches;
    resumed_command_that_resolves_again_is_found: ResolvedForgotten => RollbackDestination from 18;
    alias_move_without_an_ownership_check_is_found: NoSecondReading => OneAtATime;
    unmarked_replay_is_found: ReplaysUnmarked => ReplaysPromoteNothing from 10;
    changing_promotion_event_id_is_found: EventsRenamed => OneRecordPerRequest;
    outdated_source_is_found: SourcesAsTheyWere => PromotionsEnd;
    reject_hidden_from_the_evaluation_is_found: RejectsHidden => RejectObeyed from 359;
    invented_approval_is_found: ApprovalsInvented => PromotionRules;
    invented_freeze_override_is_found: OverridesInvented => PromotionRules from 13;
    clock_ahead_at_the_evaluation_is_found: ClockRunsAhead => PromotionRules from 5;
    rollback_hidden_from_the_evaluation_is_found: RolledBackUnseen => PromotionRules from 81;
    dropped_waiting_promotion_is_found: WaitingDropped => PromotionsEnd;
    known_request_ignored_as_unknown_is_found: KnownRequestsIgnored => OneRecordPerRequest from 13;
    success_without_a_promotion_is_found: PromotionsUncalled => PromotionsArrive from 274;
    swallowed_event_is_found: EventsSwallowed => EventsSent;
    partial_release_that_is_not_live_is_found: LiveFrozen => LiveIsLastReached from 13;
    rollback_that_forgets_its_deployment_is_found: UndoesForgotten => RollbackKeepsBase from 51;
    redeploy_that_displaces_is_found: RedeploysDisplace => RedeployGivesWay;
    rollback_to_the_live_release_is_found: LiveBroughtBack => RollbackLeavesLive from 31;
    ignored_precondition_is_found: PreconditionsIgnored => PreconditionsHold;
    rollback_that_does_not_join_is_found: RollbacksApart => RollbacksJoin;
    dropped_newer_field_is_found: FieldsDropped => NewerFieldsKept;
    write_to_a_newer_format_is_found: NewerActedOn => NewerLeftAlone;
    group_decided_twice_is_found: GroupDecidedTwice => DecidedOnce from 8;
    member_that_decides_is_found: MembersDecide => DecidedOnce from 40;
    member_that_is_live_alone_is_found: MembersLiveAlone => LiveTogether from 5;
    unwatched_traffic_is_found: TrafficUnwatched => TrafficMoved;
    unnoticed_gone_environment_is_found: GoneUnnoticed => NoStepWhereGone;
    assumed_way_back_is_found: WayBackAssumed => EndServesWhatItSays;
    step_from_its_intent_is_found: StepsFromIntent => ShareHeld from 102;
    finish_that_hears_no_abort_is_found: FinishDeaf => AbortObeyed from 55;
    step_taken_twice_is_found: StepTakenTwice => StepsInOrder;
    step_cut_short_is_found: StepsCutShort => ShareHeld;
    step_without_a_look_is_found: LooksSkipped => LookBeforeStep from 5;
    metrics_that_count_as_none_are_found: MissingCountsAsNone => LookBeforeStep from 165;
    watch_without_a_look_is_found: WatchesSkipped => LookBeforeStep;
    release_whose_errors_are_unseen_is_found: ErrorsUnseen => BadReleaseStopped from 102;
    smoke_test_that_is_sent_twice_is_found: SmokeSentTwice => SmokeTestedOnce from 122;
    open_door_is_found: DoorsLeftOpen => DoorsShut from 317;
}

#[test]
fn every_mutant_has_a_name_and_a_description() {
    for mutant in Mutant::ALL {
        assert_eq!(mutant.name().parse(), Ok(*mutant));
        assert!(mutant.description().ends_with('.'), "{mutant}");
    }
}
