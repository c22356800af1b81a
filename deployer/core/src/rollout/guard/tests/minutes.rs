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
    weights.iter().map(|(weight, time)| Served { weight: *weight, at: at(time) }).collect()
}

#[test]
fn each_minute_counts_for_the_weight_that_all_of_it_served() {
    let served = served(&[(10, "10:00:30"), (50, "10:10:30"), (100, "10:20:00")]);
    let evidence = Evidence::of(&minutes(), &served, at("10:31:59"));
    // 10:01 to 10:09, 10:11 to 10:19, 10:20 to 10:28; what ended at 10:30 is not complete at 10:31:59.
    assert_eq!(evidence.steps, [compare(0, 9, 9, 90), compare(0, 9, 9, 90)]);
    assert_eq!((evidence.alone, evidence.minutes_alone), (Counts::of(9, 0), 9));
    // 09:01 to 09:59: the minute that began at 09:00 is more than an hour before.
    assert_eq!(evidence.hour_before, Counts::of(590, 59));
}

#[test]
fn minute_is_complete_two_minutes_after_its_end() {
    let served = served(&[(10, "10:00:00")]);
    let invocations = |now: &str| Evidence::of(&minutes(), &served, at(now)).same_minutes().new.invocations();
    assert_eq!((invocations("10:02:59"), invocations("10:03:00")), (0, 1));
}

#[test]
fn rollout_that_has_not_begun_has_no_evidence() {
    assert_eq!(Evidence::of(&minutes(), &[], at("11:00:00")), Evidence::default());
}

#[test]
fn missing_datapoints_are_zero() {
    let minute = Minute::new(at("10:00:00"), None, Some(Counts::of(3, 0)));
    let evidence = Evidence::of(&[minute], &served(&[(10, "10:00:00")]), at("10:10:00"));
    assert_eq!(evidence.steps, [compare(0, 0, 0, 3)]);
}

#[test]
fn function_invoked_around_its_alias_is_counted() {
    let evidence = Evidence::of(&minutes(), &served(&[(10, "10:00:00")]), at("10:12:00"));
    assert_eq!(evidence.same_minutes(), compare(0, 10, 10, 100));
    assert_eq!(evidence.clone().with_function_total(110).around_alias, 0);
    assert_eq!(evidence.clone().with_function_total(922).around_alias, 812);
    assert_eq!(evidence.with_function_total(100).around_alias, 0, "the metrics come apart");
}
