//! Sorts CloudWatch's minutes into what they can tell.

use jiff::{SignedDuration, Timestamp};

use super::counts::{Comparison, Counts};
use super::look::Evidence;
use crate::rollout::Served;

/// The age from which on a minute's counts are complete.
pub const COMPLETE_AFTER: SignedDuration = SignedDuration::from_mins(2);
/// The time before a rollout in which the old version is its history.
pub const HISTORY: SignedDuration = SignedDuration::from_hours(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// The counts of one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minute {
    /// Its beginning.
    pub begin: Timestamp,
    /// The new and the old version through the alias.
    pub counts: Comparison,
}

impl Evidence {
    /// Sorts the minutes by the weights that the alias was seen to serve. A minute in which the weight changed, or may
    /// have changed since `moving_since`, is left out: nobody knows which of its invocations went where. So are minutes
    /// that are not complete yet.
    #[must_use]
    pub fn of(minutes: &[Minute], served: &[Served], moving_since: Option<Timestamp>, now: Timestamp) -> Self {
        let mut evidence = Self::default();
        let Some(first) = served.first() else { return evidence };
        let mut steps = vec![Comparison::default(); served.len()];
        for Minute { begin, counts } in minutes {
            let end = begin.saturating_add(MINUTE).unwrap_or(*begin);
            if now.duration_since(end) < COMPLETE_AFTER {
                continue;
            }
            if end <= first.meant_at {
                if first.meant_at.duration_since(*begin) <= HISTORY {
                    evidence.hour_before = evidence.hour_before + counts.old;
                }
                continue;
            }
            let Some(at) = served.iter().rposition(|served| served.at <= *begin) else { continue };
            let next_move = served.get(at + 1).map(|next| next.meant_at).or(moving_since);
            if next_move.is_some_and(|next| next < end) {
                continue;
            }
            if served[at].weight == 100 {
                evidence.alone = evidence.alone + counts.new;
            } else {
                steps[at] = steps[at] + *counts;
            }
        }
        evidence.minutes_alone = minutes_alone(served, moving_since, now);
        evidence.steps = steps.into_iter().filter(|step| *step != Comparison::default()).collect();
        evidence
    }
}

/// Counts the complete minutes in which the alias sent the new version all traffic, also those without an invocation.
fn minutes_alone(served: &[Served], moving_since: Option<Timestamp>, now: Timestamp) -> u32 {
    let until = now.saturating_sub(COMPLETE_AFTER).unwrap_or(Timestamp::MIN);
    let alone = served.iter().enumerate().filter(|(_, served)| served.weight == 100).map(|(at, alone)| {
        let next_move = served.get(at + 1).map(|next| next.meant_at).or(moving_since);
        let end = next_move.map_or(until, |next| next.min(until));
        let minute = i64::try_from(MINUTE.as_millis()).unwrap_or(i64::MAX);
        // The minute in which the traffic came is no whole one: the first is the next.
        let first = -(-alone.at.as_millisecond()).div_euclid(minute);
        u32::try_from(end.as_millisecond().div_euclid(minute) - first).unwrap_or_default()
    });
    alone.fold(0, u32::saturating_add)
}

impl Minute {
    /// Makes a minute of CloudWatch's sums. A version without a datapoint has none of them.
    #[must_use]
    pub fn new(begin: Timestamp, new: Option<Counts>, old: Option<Counts>) -> Self {
        Self { begin, counts: Comparison { new: new.unwrap_or_default(), old: old.unwrap_or_default() } }
    }
}
