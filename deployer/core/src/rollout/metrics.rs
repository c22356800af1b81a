//! The metrics of an alias: which ones a look reads, and the minutes that they tell.
//!
//! Lambda reports an invocation through an alias under `FunctionName` and `Resource` (`f:alias`), and while the alias has
//! weights also with `ExecutedVersion` (AWS Lambda Developer Guide, "Using CloudWatch metrics with Lambda"). So a minute
//! with weights is told by version. In a minute without weights all invocations through the alias are those of the one
//! version that it serves.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, Unit};

use super::guard::{COMPLETE_AFTER, Counts, Evidence, HISTORY, Minute};
use super::state::{RolloutTarget, Served};
use crate::id::{AliasName, FunctionName, Version};

/// The namespace of Lambda's metrics.
pub const NAMESPACE: &str = "AWS/Lambda";
/// The time for which CloudWatch keeps the counts of single minutes is 15 days (Amazon CloudWatch User Guide, "Metrics
/// retention"). No look goes back further than this.
const KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// The metrics that one look at a target reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsQuery {
    /// The function.
    pub function: FunctionName,
    /// The alias.
    pub alias: AliasName,
    /// The new version.
    pub new: Version,
    /// The version that the alias served before; none if the rollout made the alias.
    pub old: Option<Version>,
    /// The beginning of the first minute.
    pub from: Timestamp,
    /// The end of the last minute.
    pub until: Timestamp,
}

/// One of Lambda's metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Metric {
    /// The invocations that it counts.
    pub of: MetricOf,
    /// The quantity that it counts of them.
    pub counts: Counted,
}

/// The invocations that a metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricOf {
    /// Those of the new version through the alias.
    New,
    /// Those of the old version through the alias.
    Old,
    /// All through the alias.
    Alias,
    /// All of the function.
    Function,
}

/// The quantity that a metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// The invocations.
    Invocations,
    /// The invocations that failed.
    Errors,
}

/// The sums of each minute, as CloudWatch has them. A minute without a sum had none: Lambda sends only what is not zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AliasMetrics(BTreeMap<Timestamp, BTreeMap<Metric, u64>>);

impl MetricsQuery {
    /// Makes the query of a look at a target; none before its alias was seen to serve the new version.
    #[must_use]
    pub fn of(function: &FunctionName, alias: &AliasName, target: &RolloutTarget, now: Timestamp) -> Option<Self> {
        let began = target.served.first()?.meant_at;
        let earliest = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
        let from = began.saturating_sub(HISTORY).unwrap_or(Timestamp::MIN).max(earliest);
        Some(Self {
            function: function.clone(),
            alias: alias.clone(),
            new: target.new.clone()?,
            old: target.old.clone(),
            from: minute_of(from),
            until: minute_of(now),
        })
    }

    /// Returns the metrics to read.
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        let both = |of| [Counted::Invocations, Counted::Errors].map(|counts| Metric { of, counts });
        let old = self.old.as_ref().map(|_| both(MetricOf::Old));
        let function = Metric { of: MetricOf::Function, counts: Counted::Invocations };
        both(MetricOf::New)
            .into_iter()
            .chain(old.into_iter().flatten())
            .chain(both(MetricOf::Alias))
            .chain([function])
            .collect()
    }

    /// Returns the dimensions of one of the metrics, by their names.
    #[must_use]
    pub fn dimensions(&self, metric: Metric) -> Vec<(&'static str, String)> {
        let version = match metric.of {
            MetricOf::New => Some(&self.new),
            MetricOf::Old => self.old.as_ref(),
            MetricOf::Alias | MetricOf::Function => None,
        };
        let mut dimensions = vec![("FunctionName", self.function.to_string())];
        if metric.of != MetricOf::Function {
            dimensions.push(("Resource", format!("{}:{}", self.function, self.alias)));
        }
        dimensions.extend(version.map(|version| ("ExecutedVersion", version.to_string())));
        dimensions
    }
}

impl Metric {
    /// Returns the metric's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.counts {
            Counted::Invocations => "Invocations",
            Counted::Errors => "Errors",
        }
    }
}

impl AliasMetrics {
    /// Adds the sum of a minute. A sum that is read twice counts once.
    pub fn insert(&mut self, metric: Metric, minute: Timestamp, sum: u64) {
        self.0.entry(minute_of(minute)).or_default().insert(metric, sum);
    }

    /// Returns the minutes of both versions, by the weights that the alias was seen to serve.
    ///
    /// Before the rollout the alias may have served others than the old version: those that were taken back, and what
    /// was live before. So a minute that tells the old version apart counts by it alone, and another one only since the
    /// alias is known to serve nothing else, if that is known.
    #[must_use]
    pub fn minutes(&self, served: &[Served], alone_since: Option<Timestamp>) -> Vec<Minute> {
        let minute = |begin: Timestamp| {
            let at = served.iter().rposition(|served| served.at <= begin).map(|at| served[at].weight);
            let alias = self.counts(begin, MetricOf::Alias);
            match at {
                None => {
                    let old = self.counts(begin, MetricOf::Old);
                    let is_alone = alone_since.is_none_or(|since| since <= begin);
                    let all = if is_alone { Some(alias) } else { None };
                    Minute::new(begin, None, if old.invocations() > 0 { Some(old) } else { all })
                }
                Some(100) => Minute::new(begin, Some(alias), None),
                Some(_) => {
                    let [new, old] = [MetricOf::New, MetricOf::Old].map(|of| self.counts(begin, of));
                    Minute::new(begin, Some(new), Some(old))
                }
            }
        };
        self.0.keys().copied().map(minute).collect()
    }

    /// Returns what the minutes tell about a target.
    #[must_use]
    pub fn evidence(&self, target: &RolloutTarget, alone_since: Option<Timestamp>, now: Timestamp) -> Evidence {
        let minutes = self.minutes(&target.served, alone_since);
        let evidence = Evidence::of(&minutes, &target.served, target.moving_since(), now);
        let Some(first) = target.served.first() else { return evidence };
        let is_complete = |begin: Timestamp| {
            let end = begin.saturating_add(MINUTE).unwrap_or(begin);
            begin >= first.at && now.duration_since(end) >= COMPLETE_AFTER
        };
        let sum = |of| -> u64 {
            let minutes = self.0.keys().copied().filter(|begin| is_complete(*begin));
            minutes.map(|begin| self.counts(begin, of).invocations()).fold(0, u64::saturating_add)
        };
        Evidence { around_alias: sum(MetricOf::Function).saturating_sub(sum(MetricOf::Alias)), ..evidence }
    }

    fn counts(&self, minute: Timestamp, of: MetricOf) -> Counts {
        let sum = |counts| self.0.get(&minute).and_then(|sums| sums.get(&Metric { of, counts })).copied();
        Counts::of(sum(Counted::Invocations).unwrap_or_default(), sum(Counted::Errors).unwrap_or_default())
    }
}

/// Returns the beginning of the minute.
fn minute_of(time: Timestamp) -> Timestamp {
    let begin = time.round(jiff::TimestampRound::new().smallest(Unit::Minute).mode(jiff::RoundMode::Floor));
    begin.unwrap_or(time)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::state::Shift;
    use super::*;
    use crate::config::Target;
    use crate::id::{AccountId, Region};

    fn at(time: &str) -> Timestamp {
        format!("2026-11-30T{time}Z").parse().unwrap()
    }

    fn version(number: &str) -> Version {
        Version::parse(number).unwrap()
    }

    fn target(old: Option<&str>, weights: &[(u8, &str)]) -> RolloutTarget {
        let served = weights.iter().map(|(weight, time)| Served { weight: *weight, meant_at: at(time), at: at(time) });
        let account = AccountId::parse("111111111111").unwrap();
        RolloutTarget {
            target: Target { account, region: Region::parse("eu-west-1").unwrap() },
            shift: Shift::InSteps,
            old: old.map(version),
            replaces: None,
            new: Some(version("8")),
            weight: 10,
            meant_at: None,
            at: None,
            served: served.collect(),
            smoked: true,
            smoke_failure: None,
            way_back: None,
            held_up: None,
            held_up_since: None,
            last_try: None,
            unconfirmed: None,
            changed: None,
            settings: crate::rollout::FunctionSettings::default(),
            former_settings: None,
            disarmed: [].into(),
        }
    }

    fn query(target: &RolloutTarget, now: &str) -> Option<MetricsQuery> {
        let (function, alias) = (FunctionName::parse("orders").unwrap(), AliasName::parse("live").unwrap());
        MetricsQuery::of(&function, &alias, target, at(now))
    }

    /// Adds the invocations and errors of a minute.
    fn add(metrics: &mut AliasMetrics, of: MetricOf, minute: &str, (invocations, errors): (u64, u64)) {
        for (counts, sum) in [(Counted::Invocations, invocations), (Counted::Errors, errors)] {
            metrics.insert(Metric { of, counts }, at(minute), sum);
        }
    }

    #[test]
    fn look_reads_the_hour_before_up_to_this_minute() {
        let query = query(&target(Some("7"), &[(10, "10:00:30"), (50, "10:10:00")]), "10:12:59").unwrap();
        assert_eq!((query.from, query.until), (at("09:00:00"), at("10:12:00")));
    }

    #[test]
    fn target_that_has_not_begun_has_nothing_to_look_at() {
        assert_eq!(query(&target(Some("7"), &[]), "10:12:59"), None);
    }

    #[test]
    fn look_at_a_long_pause_asks_for_minutes_that_are_kept() {
        let mut paused = target(Some("7"), &[(10, "10:00:00")]);
        paused.served[0].meant_at = "2026-10-01T00:00:00Z".parse().unwrap();
        assert_eq!(query(&paused, "10:00:00").unwrap().from, "2026-11-16T10:00:00Z".parse().unwrap());
    }

    #[test]
    fn dimensions_name_function_alias_and_version() {
        let query = query(&target(Some("7"), &[(10, "10:00:00")]), "10:05:00").unwrap();
        let named = |metric: Metric| {
            let dimensions = query.dimensions(metric).into_iter().map(|(name, value)| format!(" {name}={value}"));
            format!("{}{}", metric.name(), dimensions.collect::<String>())
        };
        assert_eq!(
            query.metrics().into_iter().map(named).collect::<Vec<_>>(),
            [
                "Invocations FunctionName=orders Resource=orders:live ExecutedVersion=8",
                "Errors FunctionName=orders Resource=orders:live ExecutedVersion=8",
                "Invocations FunctionName=orders Resource=orders:live ExecutedVersion=7",
                "Errors FunctionName=orders Resource=orders:live ExecutedVersion=7",
                "Invocations FunctionName=orders Resource=orders:live",
                "Errors FunctionName=orders Resource=orders:live",
                "Invocations FunctionName=orders",
            ]
        );
    }

    #[test]
    fn new_alias_has_no_metrics_of_an_old_version() {
        let query = query(&target(None, &[(100, "10:00:00")]), "10:05:00").unwrap();
        assert!(query.metrics().iter().all(|metric| metric.of != MetricOf::Old), "{:?}", query.metrics());
    }

    #[test]
    fn minutes_without_weights_are_told_by_the_alias_alone() {
        let target = target(Some("7"), &[(10, "10:00:00"), (100, "10:10:00")]);
        let mut metrics = AliasMetrics::default();
        add(&mut metrics, MetricOf::Alias, "09:30:00", (100, 1));
        add(&mut metrics, MetricOf::Alias, "10:05:00", (100, 12));
        add(&mut metrics, MetricOf::New, "10:05:00", (10, 10));
        add(&mut metrics, MetricOf::Old, "10:05:00", (90, 2));
        add(&mut metrics, MetricOf::Alias, "10:15:00", (100, 3));
        let evidence = metrics.evidence(&target, None, at("10:20:00"));
        assert_eq!(evidence.hour_before, Counts::of(100, 1));
        assert_eq!(
            (evidence.steps.len(), evidence.steps[0].new, evidence.steps[0].old),
            (1, Counts::of(10, 10), Counts::of(90, 2))
        );
        assert_eq!(
            (evidence.alone, evidence.minutes_alone),
            (Counts::of(100, 3), 8),
            "also minutes without an invocation"
        );
    }

    #[test]
    fn invocations_around_the_alias_are_counted_since_the_beginning() {
        let target = target(Some("7"), &[(10, "10:00:00")]);
        let mut metrics = AliasMetrics::default();
        add(&mut metrics, MetricOf::Function, "09:59:00", (500, 0));
        add(&mut metrics, MetricOf::Function, "10:01:00", (812, 0));
        add(&mut metrics, MetricOf::Alias, "10:02:00", (12, 0));
        add(&mut metrics, MetricOf::Function, "10:02:00", (10, 0));
        add(&mut metrics, MetricOf::Function, "10:09:00", (500, 0));
        assert_eq!(
            metrics.evidence(&target, None, at("10:11:00")).around_alias,
            810,
            "the minute of 10:09 is not complete"
        );
    }

    #[test]
    fn hour_before_leaves_out_what_was_not_the_old_version_alone() {
        let target = target(Some("7"), &[(100, "10:00:00")]);
        let mut metrics = AliasMetrics::default();
        // A release that was taken back at 9:30, first with a part of the traffic, then with all of it.
        add(&mut metrics, MetricOf::Alias, "09:10:00", (100, 40));
        add(&mut metrics, MetricOf::Old, "09:10:00", (50, 1));
        add(&mut metrics, MetricOf::Alias, "09:20:00", (100, 80));
        add(&mut metrics, MetricOf::Alias, "09:40:00", (100, 2));
        let hour_before = |since| metrics.evidence(&target, since, at("10:20:00")).hour_before;
        assert_eq!(hour_before(Some(at("09:30:00"))), Counts::of(150, 3));
        assert_eq!(hour_before(None), Counts::of(250, 83), "a deployer that has brought nothing knows no better");
    }

    #[test]
    fn sum_that_is_read_twice_counts_once() {
        let metric = Metric { of: MetricOf::Alias, counts: Counted::Invocations };
        let mut metrics = AliasMetrics::default();
        metrics.insert(metric, at("10:00:00"), 5);
        metrics.insert(metric, at("10:00:00"), 5);
        assert_eq!(metrics.counts(at("10:00:00"), MetricOf::Alias), Counts::of(5, 0));
    }
}
