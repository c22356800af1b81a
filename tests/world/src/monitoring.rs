//! CloudWatch in one account and region, and what versions answer to smoke tests.
//!
//! A test says how often a function is called and which share of each version's invocations fails; the counts of each
//! minute follow from the weights that the alias has meanwhile. It can also put counts into the table itself. Counts are
//! expected values and not drawn: the same world has the same counts.

use std::collections::BTreeMap;

use deployer_core::rollout::{AlarmChange, AlarmState, Counted, Metric, MetricOf, MetricsQuery, SmokeAnswer};
use jiff::{SignedDuration, Timestamp};

use super::alias::Alias;
use super::function::Function;

/// Metrics, alarms and smoke answers.
#[derive(Default)]
pub struct Monitoring {
    /// The age from which on CloudWatch shows a minute's counts.
    pub metrics_come_after: SignedDuration,
    /// The invocations for smoke tests, in their order.
    pub smoke_invocations: Vec<SmokeInvocation>,
    callers: BTreeMap<String, Callers>,
    failing: BTreeMap<(String, u64), f64>,
    counted: BTreeMap<Series, BTreeMap<Timestamp, f64>>,
    counted_until: Option<Timestamp>,
    alarms: BTreeMap<String, Alarm>,
    answers: BTreeMap<(String, u64), Vec<SmokeAnswer>>,
}

/// The invocations of a function, per minute.
#[derive(Default)]
struct Callers {
    through: BTreeMap<String, f64>,
    around: f64,
}

/// A function, one of its aliases, and a version behind that: the dimensions of a metric.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    counts: Counted,
    function: String,
    alias: Option<String>,
    version: Option<u64>,
}

/// An alarm and its history.
struct Alarm {
    state: AlarmState,
    changes: Vec<AlarmChange>,
}

/// An invocation for a smoke test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmokeInvocation {
    /// The number of the deployer's invocation that made it.
    pub by: usize,
    /// The function.
    pub function: String,
    /// The version.
    pub version: u64,
    /// The event.
    pub event: String,
    /// The client context.
    pub context: String,
}

impl Monitoring {
    /// Calls a function through an alias so many times a minute, from now on.
    pub fn called(&mut self, function: &str, alias: &str, per_minute: f64) {
        self.callers.entry(function.to_owned()).or_default().through.insert(alias.to_owned(), per_minute);
    }

    /// Calls a function around its aliases so many times a minute, from now on.
    pub fn called_around(&mut self, function: &str, per_minute: f64) {
        self.callers.entry(function.to_owned()).or_default().around = per_minute;
    }

    /// Lets this share of a version's invocations fail, from now on.
    pub fn fails(&mut self, function: &str, version: u64, share: f64) {
        self.failing.insert((function.to_owned(), version), share);
    }

    /// Adds the invocations and errors of a version through an alias in one minute.
    pub fn count(&mut self, (function, alias, version): (&str, &str, u64), minute: Timestamp, counts: (u64, u64)) {
        self.add(function, Some((alias, version)), minute, (counts.0 as f64, counts.1 as f64));
    }

    /// Puts an alarm into this state.
    pub fn alarm(&mut self, name: &str, state: AlarmState, at: Timestamp) {
        let alarm = self.alarms.entry(name.to_owned()).or_insert(Alarm { state, changes: Vec::new() });
        if alarm.state != state {
            alarm.state = state;
            alarm.changes.push(AlarmChange { at, to: state });
        }
    }

    /// Deletes an alarm.
    pub fn delete_alarm(&mut self, name: &str) {
        self.alarms.remove(name);
    }

    /// Lets a version answer smoke tests like this, one after the other; the last answer repeats. A version that nothing
    /// is said about answers `null`.
    pub fn answers(&mut self, function: &str, version: u64, answers: impl IntoIterator<Item = SmokeAnswer>) {
        self.answers.insert((function.to_owned(), version), answers.into_iter().collect());
    }

    /// Counts the invocations up to now, by the weights that the aliases have had since the last time.
    pub(super) fn flow(&mut self, functions: &BTreeMap<String, Function>, now: Timestamp) {
        let Some(mut from) = self.counted_until.replace(now).filter(|from| *from < now) else { return };
        if self.callers.is_empty() {
            return;
        }
        while from < now {
            let until = next_minute(from).min(now);
            let minutes = until.duration_since(from).as_secs_f64() / 60.0;
            for (name, function) in functions {
                self.flow_to(name, function, (from, minutes));
            }
            from = until;
        }
    }

    fn flow_to(&mut self, name: &str, function: &Function, (from, minutes): (Timestamp, f64)) {
        let Some(callers) = self.callers.get(name) else { return };
        let (through, around) = (callers.through.clone(), callers.around);
        for (alias, per_minute) in through {
            let Some(pointer) = function.aliases.get(&alias) else { continue };
            for (version, share) in shares(pointer) {
                let invocations = per_minute * minutes * share;
                let failing = self.failing.get(&(name.to_owned(), version)).copied().unwrap_or_default();
                self.add(name, Some((&alias, version)), from, (invocations, invocations * failing));
            }
        }
        if around > 0.0 {
            self.add(name, None, from, (around * minutes, 0.0));
        }
    }

    fn add(&mut self, function: &str, through: Option<(&str, u64)>, at: Timestamp, (invocations, errors): (f64, f64)) {
        for (counts, sum) in [(Counted::Invocations, invocations), (Counted::Errors, errors)] {
            let mut series = Series { counts, function: function.to_owned(), alias: None, version: None };
            *self.counted.entry(series.clone()).or_default().entry(minute_of(at)).or_default() += sum;
            let Some((alias, version)) = through else { continue };
            series.alias = Some(alias.to_owned());
            *self.counted.entry(series.clone()).or_default().entry(minute_of(at)).or_default() += sum;
            series.version = Some(version);
            *self.counted.entry(series).or_default().entry(minute_of(at)).or_default() += sum;
        }
    }

    /// Returns the sums of a metric, each minute apart. The fractions of earlier minutes count in the next whole number.
    pub(super) fn sums(&self, query: &MetricsQuery, metric: Metric, now: Timestamp) -> Vec<(Timestamp, u64)> {
        let number = |version: &deployer_core::id::Version| version.as_str().parse().ok();
        let series = Series {
            counts: metric.counts,
            function: query.function.to_string(),
            alias: (metric.of != MetricOf::Function).then(|| query.alias.to_string()),
            version: match metric.of {
                MetricOf::New => number(&query.new),
                MetricOf::Old => query.old.as_ref().and_then(number),
                MetricOf::Alias | MetricOf::Function => None,
            },
        };
        let mut whole = 0.0_f64;
        let mut sums = Vec::new();
        for (minute, sum) in self.counted.get(&series).into_iter().flatten() {
            let before = whole.round();
            whole += sum;
            let count = (whole.round() - before) as u64;
            let is_shown = now.duration_since(next_minute(*minute)) >= self.metrics_come_after;
            if count > 0 && is_shown && (query.from..query.until).contains(minute) {
                sums.push((*minute, count));
            }
        }
        sums
    }

    pub(super) fn state_of(&self, alarm: &str) -> Option<AlarmState> {
        self.alarms.get(alarm).map(|alarm| alarm.state)
    }

    pub(super) fn changes_of(&self, alarm: &str, since: Timestamp) -> Vec<AlarmChange> {
        let changes = self.alarms.get(alarm).into_iter().flat_map(|alarm| &alarm.changes);
        changes.filter(|change| change.at >= since).rev().cloned().collect()
    }

    pub(super) fn answer(&mut self, invocation: SmokeInvocation) -> SmokeAnswer {
        let of = (invocation.function.clone(), invocation.version);
        self.smoke_invocations.push(invocation);
        match self.answers.get_mut(&of) {
            Some(answers) if answers.len() > 1 => answers.remove(0),
            Some(answers) => answers.first().cloned().unwrap_or(SmokeAnswer::TimedOut),
            None => SmokeAnswer::Payload(b"null".to_vec()),
        }
    }
}

/// Returns the versions that an alias serves with their shares.
fn shares(alias: &Alias) -> Vec<(u64, f64)> {
    let others: f64 = alias.weights.values().sum();
    let weights = alias.weights.iter().map(|(version, share)| (*version, *share));
    weights.chain([(alias.version, 1.0 - others)]).filter(|(_, share)| *share > 0.0).collect()
}

fn minute_of(time: Timestamp) -> Timestamp {
    let second = time.as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap()
}

fn next_minute(time: Timestamp) -> Timestamp {
    minute_of(time) + SignedDuration::from_mins(1)
}
