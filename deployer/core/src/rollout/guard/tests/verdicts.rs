//! The verdicts of one look, and what their sentences say.

use super::*;

fn look(number: u64, weight: u8, evidence: Evidence) -> Look {
    Look { target: target(number), weight, evidence: Ok(evidence), unread: None }
}

fn steps(steps: &[(u64, u64, u64, u64)]) -> Evidence {
    let steps = steps.iter().map(|(a, b, c, d)| compare(*a, *b, *c, *d)).collect();
    Evidence { steps, ..Evidence::default() }
}

fn judged(looks: &[Look]) -> (Verdict, String) {
    let Judgement { verdict, because, .. } = judge(looks, RELEASES, &Guard::default());
    (verdict, because.to_string())
}

#[test]
fn version_that_fails_more_often_is_bad_with_its_numbers() {
    assert_eq!(
        judged(&[look(222_222_222_222, 10, steps(&[(12, 96, 3, 871)]))]),
        (
            Verdict::Bad,
            "1.4.3 failed 12 of 96 (12.5 %), 1.4.2 3 of 871 (0.3 %), P = 2e-10, at 10 % in 222222222222/eu-west-1"
                .into()
        )
    );
}

#[test]
fn version_that_fails_as_often_is_ok() {
    assert_eq!(
        judged(&[look(1, 10, steps(&[(1, 96, 9, 871)]))]),
        (
            Verdict::Ok,
            "1.4.3 failed 1 of 96 (1.0 %), 1.4.2 9 of 871 (1.0 %), P = 0.65, at 10 % in 000000000001/eu-west-1".into()
        )
    );
}

#[test]
fn each_threshold_alone_keeps_a_version_from_being_bad() {
    let verdict =
        |guard: &Guard, of: (u64, u64, u64, u64)| judge(&[look(1, 10, steps(&[of]))], RELEASES, guard).verdict;
    let guard = Guard::default();
    assert_eq!(verdict(&guard, (4, 60, 0, 5_000)), Verdict::Ok, "4 errors, P = 2e-8");
    assert_eq!(verdict(&guard, (5, 60, 0, 5_000)), Verdict::Bad);
    assert_eq!(verdict(&guard, (5, 100, 5, 800)), Verdict::Ok, "P = 0.004");
    assert_eq!(verdict(&guard, (1_900, 100_000, 9_000, 900_000)), Verdict::Ok, "0.9 points, P = 1e-140");
    assert_eq!(verdict(&guard, (2_100, 100_000, 9_000, 900_000)), Verdict::Bad);
    let stricter: Guard = serde_json::from_value(serde_json::json!({ "errors": 4, "margin": 0.5 })).unwrap();
    assert_eq!(verdict(&stricter, (4, 60, 0, 5_000)), Verdict::Bad);
    assert_eq!(verdict(&stricter, (1_900, 100_000, 9_000, 900_000)), Verdict::Bad);
}

#[test]
fn significance_is_shared_among_the_targets() {
    let doubtful = steps(&[(5, 96, 3, 871)]);
    assert_eq!(judged(&[look(1, 10, doubtful.clone())]).0, Verdict::Bad, "P = 0.0004");
    assert_eq!(judged(&[look(1, 10, doubtful), look(2, 10, steps(&[(2, 96, 20, 871)]))]).0, Verdict::Ok);
}

#[test]
fn targets_that_are_each_too_quiet_are_bad_together() {
    let quiet = |number| look(number, 10, steps(&[(1, 10, 0, 90)]));
    let all: Vec<Look> = (1..=10).map(quiet).collect();
    assert_eq!(
        judged(&all),
        (
            Verdict::Bad,
            "1.4.3 failed 10 of 100 (10.0 %) over 10 targets, 10.0 points more than 1.4.2 in the same minutes of each, \
             z = 9.0, P = 1e-10, at 10 %"
                .into()
        )
    );
    let judgement = judge(&all, RELEASES, &Guard::default());
    assert!(judgement.targets.iter().all(|target| target.verdict == Verdict::Quiet), "target by target none is");
}

/// The pooled sums would show 13 points more of the new version, with P below 1e-20.
#[test]
fn targets_of_different_base_rates_are_not_bad_together() {
    let noisy = look(1, 50, steps(&[(150, 500, 150, 500)]));
    let calm = look(2, 10, steps(&[(1, 100, 9, 900)]));
    assert_eq!(judged(&[noisy, calm]).0, Verdict::Ok);
}

/// The sums over both steps would show 14 points more of the new version: its share was greater in the outage.
#[test]
fn outage_behind_both_versions_in_a_later_step_is_not_the_new_ones_fault() {
    let by_step = steps(&[(1, 100, 9, 900), (150, 500, 150, 500)]);
    let sum = Evidence { steps: vec![by_step.steps.iter().copied().sum()], ..Evidence::default() };
    assert_eq!(judged(&[look(1, 50, by_step)]).0, Verdict::Ok);
    assert_eq!(judged(&[look(1, 50, sum)]).0, Verdict::Bad, "that is why each step is compared by itself");
}

#[test]
fn errors_of_several_steps_add_up() {
    let one = (3, 100, 3, 900);
    assert_eq!(judged(&[look(1, 10, steps(&[one]))]).0, Verdict::Ok);
    assert_eq!(judged(&[look(1, 50, steps(&[one, (9, 200, 0, 200)]))]).0, Verdict::Bad);
}

#[test]
fn version_with_few_invocations_is_quiet() {
    assert_eq!(
        judged(&[look(1, 10, steps(&[(0, 12, 1, 110)]))]),
        (Verdict::Quiet, "1.4.3 had 12 of 50 invocations that prove it, at 10 % in 000000000001/eu-west-1".into())
    );
}

#[test]
fn function_invoked_around_its_alias_is_quiet_and_says_so() {
    let evidence = Evidence { around_alias: 812, ..Evidence::default() };
    assert_eq!(
        judged(&[look(1, 10, evidence)]),
        (
            Verdict::Quiet,
            "1.4.3 had no invocation at 10 % in 000000000001/eu-west-1, and the function had 812 that did not go through \
             the alias: callers must use the alias"
                .into()
        )
    );
}

#[test]
fn smoke_tests_are_no_callers_around_the_alias() {
    let tested = |around_alias| Evidence { around_alias, ..Evidence::default() }.without_smoke_tests(2);
    assert_eq!(
        judged(&[look(1, 10, tested(2))]),
        (Verdict::Quiet, "1.4.3 had 0 of 50 invocations that prove it, at 10 % in 000000000001/eu-west-1".into())
    );
    let (_, because) = judged(&[look(1, 10, tested(5))]);
    assert!(because.contains("the function had 3 that did not go through the alias"), "{because}");
}

#[test]
fn version_alone_is_compared_with_the_hour_before_by_five_points() {
    let watched = |errors| Evidence {
        steps: vec![compare(0, 100, 9, 900)],
        alone: Counts::of(1_000, errors),
        minutes_alone: 5,
        hour_before: Counts::of(6_000, 60),
        ..Evidence::default()
    };
    assert_eq!(judged(&[look(1, 100, watched(59))]).0, Verdict::Ok, "4.9 points");
    assert_eq!(
        judged(&[look(1, 100, watched(80))]),
        (
            Verdict::Bad,
            "1.4.3 failed 80 of 1000 (8.0 %), 1.4.2 69 of 6900 (1.0 %) with the hour before, P = 5e-34, at 100 % in \
             000000000001/eu-west-1"
                .into()
        )
    );
}

#[test]
fn what_the_steps_show_late_is_judged_while_watching() {
    let evidence = Evidence {
        steps: vec![compare(12, 300, 3, 871)],
        alone: Counts::of(50, 0),
        minutes_alone: 5,
        hour_before: Counts::of(6_000, 60),
        ..Evidence::default()
    };
    assert_eq!(judged(&[look(1, 100, evidence)]).0, Verdict::Bad, "3.7 points in the same minutes");
}

#[test]
fn quiet_old_version_is_compared_with_its_hour_before() {
    let with = |hour_before| Evidence { hour_before, ..steps(&[(20, 60, 0, 10)]) };
    assert_eq!(judged(&[look(1, 90, with(Counts::of(200, 2)))]).0, Verdict::Bad);
    assert_eq!(judged(&[look(1, 90, with(Counts::of(200, 60)))]).0, Verdict::Ok, "it failed as often before");
}

/// Nobody knows whether the old version failed as well: it is not bad, and it is not proven.
#[test]
fn failing_version_with_nothing_to_compare_is_quiet() {
    let evidence = Evidence { alone: Counts::of(60, 60), minutes_alone: 5, ..Evidence::default() };
    assert_eq!(
        judged(&[look(1, 100, evidence)]),
        (
            Verdict::Quiet,
            "1.4.3 failed 60 of 60 (100.0 %), 1.4.2 0 of 0 (0 %) with the hour before, P = 1, at 100 % in \
             000000000001/eu-west-1: 1.4.2 had too few to compare with"
                .into()
        )
    );
}

/// It waits for no minute that cannot come, and is bad where the few that there are tell so.
#[test]
fn version_that_can_never_be_compared_is_ok() {
    let evidence = Evidence { alone: Counts::of(60, 60), minutes_alone: 5, old_is_over: true, ..Evidence::default() };
    assert_eq!(judged(&[look(1, 100, evidence.clone())]).0, Verdict::Ok);
    let compared = Evidence { hour_before: Counts::of(19, 0), ..evidence };
    assert_eq!(judged(&[look(1, 100, compared)]).0, Verdict::Bad);
}

#[test]
fn unreadable_target_is_neither_ok_nor_hides_a_bad_one() {
    let unreadable = Look { target: target(7), weight: 10, evidence: Err("AccessDenied".into()), unread: None };
    let fine = look(1, 10, steps(&[(0, 96, 3, 871)]));
    assert_eq!(
        judged(&[fine.clone(), unreadable.clone()]),
        (Verdict::Unreadable, "the metrics of 000000000007/eu-west-1 cannot be read: AccessDenied".into())
    );
    assert_eq!(judged(&[fine, unreadable, look(2, 10, steps(&[(12, 96, 3, 871)]))]).0, Verdict::Bad);
}

#[test]
fn worst_target_gives_the_reason_and_the_number_of_others() {
    let quiet = |number| look(number, 10, steps(&[(0, 12, 0, 110)]));
    let (verdict, because) = judged(&[look(1, 10, steps(&[(0, 96, 3, 871)])), quiet(2), quiet(3)]);
    assert_eq!(verdict, Verdict::Quiet);
    assert_eq!(
        because,
        "1.4.3 had 12 of 50 invocations that prove it, at 10 % in 000000000002/eu-west-1; 1 more of 3 targets likewise"
    );
}

/// Smoke tests and alarms decide: a rollout that waited for invocations to compare would wait for ever.
#[test]
fn new_aliases_alone_are_ok() {
    assert_eq!(judged(&[]), (Verdict::Ok, "no target has an old version to compare with".into()));
}

#[test]
fn counts_are_judged_although_the_alarms_cannot_be_read() {
    let unread = |of: (u64, u64, u64, u64)| Look { unread: Some("Throttling".into()), ..look(1, 10, steps(&[of])) };
    assert_eq!(judged(&[unread((12, 96, 3, 871))]).0, Verdict::Bad);
    assert_eq!(
        judged(&[unread((0, 96, 3, 871))]),
        (Verdict::Unreadable, "000000000001/eu-west-1 cannot be looked at: Throttling".into())
    );
}

#[test]
fn burst_in_the_first_minutes_alone_is_quiet_until_more_of_them_tell() {
    let watched = |minutes_alone| Evidence {
        steps: vec![compare(0, 100, 9, 900)],
        alone: Counts::of(200, 40),
        minutes_alone,
        hour_before: Counts::of(6_000, 60),
        ..Evidence::default()
    };
    assert_eq!(
        judged(&[look(1, 100, watched(MINUTES_ALONE - 1))]),
        (
            Verdict::Quiet,
            "1.4.3 failed 40 of 200 (20.0 %), 1.4.2 69 of 6900 (1.0 %) with the hour before, P = 4e-35, at 100 % in \
             000000000001/eu-west-1: more minutes must tell whether it is a burst"
                .into()
        )
    );
    assert_eq!(judged(&[look(1, 100, watched(MINUTES_ALONE))]).0, Verdict::Bad);
}

#[test]
fn version_that_hardly_answers_is_bad_in_its_first_minute_alone() {
    let alone = |errors| Evidence {
        alone: Counts::of(100, errors),
        minutes_alone: 1,
        hour_before: Counts::of(6_000, 60),
        ..Evidence::default()
    };
    assert_eq!(judged(&[look(1, 100, alone(100))]).0, Verdict::Bad);
    assert_eq!(judged(&[look(1, 100, alone(52))]).0, Verdict::Bad);
    assert_eq!(judged(&[look(1, 100, alone(50))]).0, Verdict::Quiet);
    assert_eq!(judged(&[look(1, 100, alone(2))]).0, Verdict::Ok);
}

#[test]
fn outage_in_a_step_is_not_held_against_the_version_alone() {
    let evidence = Evidence {
        steps: vec![compare(1, 100, 9, 900), compare(150, 500, 150, 500)],
        alone: Counts::of(1_000, 12),
        minutes_alone: 10,
        hour_before: Counts::of(6_000, 60),
        ..Evidence::default()
    };
    assert_eq!(judged(&[look(1, 100, evidence)]).0, Verdict::Ok);
}
