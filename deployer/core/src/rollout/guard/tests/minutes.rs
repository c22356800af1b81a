//! Minutes are sorted by the weights that the alias served.

use super::*;
use crate::rollout::Served;
use jiff::{SignedDuration, Timestamp};

fn at(time: &str) -> Timestamp {
    format!("2026-11-30T{time}Z").parse().unwrap()
}

/// Each minute from 09:00 to 11:00: the new version has 1 invocation, the old one 10.
fn minutes() -> Vec<Minute> {
    let begin = |number: i64| at("09:00:00") + SignedDuration::from_mins(number);
    (0..120).map(|number| Minute::new(begin(number), Some(Counts::of(1, 0)), Some(Counts::of(10, 1)))).collect()
}

fn served(weights: &[(u8, &str)]) -> Vec<Served> {
    weights.iter().map(|(weight, time)| Served { weight: *weight, meant_at: at(time), at: at(time) }).collect()
}

#[test]
fn each_minute_counts_for_the_weight_that_all_of_it_served() {
    let served = served(&[(10, "10:00:30"), (50, "10:10:30"), (100, "10:20:00")]);
    let evidence = Evidence::of(&minutes(), &served, None, at("10:31:59"));
    // 10:01 to 10:09, 10:11 to 10:19, 10:20 to 10:28; what ended at 10:30 is not complete at 10:31:59.
    assert_eq!(evidence.steps, [compare(0, 9, 9, 90), compare(0, 9, 9, 90)]);
    assert_eq!((evidence.alone, evidence.minutes_alone), (Counts::of(9, 0), 9));
    // 09:01 to 09:59: the minute that began at 09:00 is more than an hour before.
    assert_eq!(evidence.hour_before, Counts::of(590, 59));
}

#[test]
fn minute_is_complete_two_minutes_after_its_end() {
    let served = served(&[(10, "10:00:00")]);
    let invocations = |now: &str| Evidence::of(&minutes(), &served, None, at(now)).same_minutes().new.invocations();
    assert_eq!((invocations("10:02:59"), invocations("10:03:00")), (0, 1));
}

#[test]
fn rollout_that_has_not_begun_has_no_evidence() {
    assert_eq!(Evidence::of(&minutes(), &[], None, at("11:00:00")), Evidence::default());
}

#[test]
fn missing_datapoints_are_zero() {
    let minute = Minute::new(at("10:00:00"), None, Some(Counts::of(3, 0)));
    let evidence = Evidence::of(&[minute], &served(&[(10, "10:00:00")]), None, at("10:10:00"));
    assert_eq!(evidence.steps, [compare(0, 0, 0, 3)]);
}

/// The owner died after it had moved the alias, and the next one saw it ten minutes later.
#[test]
fn minutes_of_a_move_that_nobody_has_seen_yet_count_for_nothing() {
    let mut served = served(&[(10, "10:00:00"), (50, "10:30:00")]);
    let moving = Evidence::of(&minutes(), &served[..1], Some(at("10:20:00")), at("10:31:00"));
    assert_eq!(moving.steps, [compare(0, 20, 20, 200)]);
    served[1].meant_at = at("10:20:00");
    let seen = Evidence::of(&minutes(), &served, None, at("10:42:00"));
    assert_eq!(seen.steps, [compare(0, 20, 20, 200), compare(0, 10, 10, 100)]);
    served[0].meant_at = at("09:50:00");
    let first = Evidence::of(&minutes(), &served, None, at("10:42:00"));
    assert_eq!(first.hour_before, Counts::of(500, 50), "09:00 to 09:50");
    assert_eq!(first.steps[0], compare(0, 20, 20, 200));
}

#[test]
fn minutes_alone_count_also_without_an_invocation() {
    let served = served(&[(10, "10:00:00"), (100, "10:20:30")]);
    let alone = |now: &str| Evidence::of(&[], &served, None, at(now)).minutes_alone;
    // The first whole minute begins at 10:21, and is complete at 10:24.
    assert_eq!((alone("10:20:40"), alone("10:23:59"), alone("10:24:00"), alone("10:30:00")), (0, 0, 1, 7));
    let moving = Evidence::of(&[], &served, Some(at("10:24:30")), at("10:40:00"));
    assert_eq!(moving.minutes_alone, 3, "10:21 to 10:23");
}
