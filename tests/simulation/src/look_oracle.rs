//! Judges by the calls whether what a rollout does next follows from a look that was not bad.
//!
//! Must not know how the deployer decides.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::case::Case;
use super::rollout_oracle::{number, place_of};
use super::rollouts::{PlannedRollout, failing_share};
use super::rule::Rule;
use world::{Call, Op};

/// The errors of a version that always fails from which on no step of it is taken.
const PLAINLY_BAD: i64 = 10;
/// The greatest share at which the old version has traffic enough to be compared with, in percent.
const COMPARABLE: u64 = 50;
/// The invocations of the old version in the hour before from which on a version with all traffic is compared with them.
const KNOWN_BEFORE: f64 = 40.0;
/// The minutes whose counts a look may not have yet: the one under way, and those by which CloudWatch is late.
const UNCOUNTED: i64 = 4;

/// A target that serves a share of its traffic.
struct Serving<'a> {
    place: String,
    weight: u64,
    since: Timestamp,
    one: &'a Value,
}

/// The step that an invocation makes in a rollout, in one write of the head.
pub(super) struct Advance<'a> {
    /// The invocation.
    pub by: usize,
    /// The time of the write.
    pub now: Timestamp,
    /// The rollout before.
    pub was: &'a Value,
    /// The rollout after that; null once the release is live.
    pub is: &'a Value,
}

impl Advance<'_> {
    /// Checks that a greater share, the next wave and the end follow from a look.
    pub fn check(&self, case: &Case<'_>, began: Timestamp, report: &mut impl FnMut(Rule, String)) {
        let serving = serving(self.was);
        let Some(does) = self.does(&serving).filter(|_| self.is["abort"].is_null()) else { return };
        for one in &serving {
            let is_read = |call: &Call| {
                call.op == Op::GetMetricData
                    && call.place == one.place
                    && call.what.starts_with(&format!("{}:", case.function))
                    && call.answer == "ok"
                    && moment(began, call.began) >= one.since
            };
            // Whoever tests a wave has looked before; a step of it may come from another invocation.
            let is_by = |call: &Call| call.invocation == self.by || does == Does::Begin;
            if !case.calls.iter().any(|call| is_by(call) && is_read(call)) {
                let (place, weight) = (&one.place, one.weight);
                report(Rule::LookBeforeStep, format!("{does:?}, and nobody has read how {place} does at {weight} %"));
            }
        }
        let Some(planned) = &case.environment.rollout else { return };
        let is_bad = |one: &&Serving<'_>| match does {
            Does::Step => one.weight <= COMPARABLE && one.is_plainly_bad(case, planned, self.now),
            Does::Wave | Does::End => {
                let alone = one.old_alone(case, began).as_secs() / 60;
                let is_known = alone as f64 * planned.per_minute >= KNOWN_BEFORE;
                one.weight == 100 && is_known && one.is_plainly_bad(case, planned, self.now)
            }
            Does::Begin => false,
        };
        if let Some(bad) = serving.iter().find(is_bad) {
            let (place, weight) = (&bad.place, bad.weight);
            report(Rule::BadReleaseStopped, format!("{does:?}, and all of {weight} % of {place} fails"));
        }
    }

    /// Returns what is done while these targets serve the new version; none if nothing gets more traffic.
    fn does(&self, serving: &[Serving<'_>]) -> Option<Does> {
        if self.is.is_null() {
            return Some(Does::End);
        }
        if self.is["wave"] != self.was["wave"] {
            return Some(Does::Wave);
        }
        let rises = |of: &dyn Fn(&str) -> bool| {
            let targets = self.is["targets"].as_array().into_iter().flatten();
            let mut targets = targets.filter(|one| of(&place_of(one)));
            targets.any(|one| weight(one) > target(self.was, &place_of(one)).map_or(0, weight))
        };
        let serves = |place: &str| serving.iter().any(|one| one.place == place);
        if rises(&serves) {
            return Some(Does::Step);
        }
        rises(&|_| true).then_some(Does::Begin)
    }
}

/// The next step of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    /// A target that serves the new version gets more of it.
    Step,
    /// The next wave begins.
    Wave,
    /// The first share of a wave, or all at once.
    Begin,
    /// The release becomes live.
    End,
}

impl Serving<'_> {
    /// Whether each look since some time has seen it fail, and the old version not.
    fn is_plainly_bad(&self, case: &Case<'_>, planned: &PlannedRollout, now: Timestamp) -> bool {
        let fails = |version: u64| failing_share(case.scenario, planned, (case.function, version));
        let (old, new) = (fails(number(&self.one["old"])), fails(number(&self.one["new"])));
        let counted = now.duration_since(self.since).as_secs() / 60 - UNCOUNTED;
        let errors = counted * (planned.per_minute * self.weight as f64 / 100.0) as i64;
        old.is_none() && new == Some(1.0) && errors >= PLAINLY_BAD
    }

    /// Returns the time for which the alias was left alone before the rollout began, in the hour before.
    fn old_alone(&self, case: &Case<'_>, began: Timestamp) -> SignedDuration {
        let first = self.one["served"][0]["meant_at"].as_str().and_then(|at| at.parse().ok()).unwrap_or(began);
        let moves = |call: &&Call| {
            matches!(call.op, Op::UpdateAlias | Op::CreateAlias)
                && call.place == self.place
                && call.what.contains(case.function)
        };
        let ends = case.calls.iter().filter(moves).map(|call| moment(began, call.ended.unwrap_or(call.began)));
        let since = ends.filter(|end| *end < first).max().unwrap_or(began);
        first.duration_since(since).min(SignedDuration::from_hours(1))
    }
}

/// Returns the targets that were seen to serve the new version and have an old one to compare with.
fn serving(rollout: &Value) -> Vec<Serving<'_>> {
    let targets = rollout["targets"].as_array().into_iter().flatten();
    let serving = targets.filter_map(|one| {
        let since = one["at"].as_str()?.parse().ok()?;
        let serves = number(&one["old"]) != 0 && weight(one) > 0;
        serves.then(|| Serving { place: place_of(one), weight: weight(one), since, one })
    });
    serving.collect()
}

fn target<'a>(rollout: &'a Value, place: &str) -> Option<&'a Value> {
    rollout["targets"].as_array().into_iter().flatten().find(|one| place_of(one) == place)
}

fn weight(one: &Value) -> u64 {
    one["weight"].as_u64().unwrap_or_default()
}

/// Returns the time so long after the world's beginning.
fn moment(began: Timestamp, after: Duration) -> Timestamp {
    began.checked_add(after).unwrap_or(Timestamp::MAX)
}
