//! The findings of one look at CloudWatch.

use super::counts::{Comparison, Counts};
use crate::config::Target;
use crate::text::PlainText;

/// The names by which a sentence speaks of the two versions: releases, or what stands for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Releases<'a> {
    /// The new version's.
    pub new: &'a str,
    /// The old version's.
    pub old: &'a str,
}

/// One look at a target whose rollout has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The target.
    pub target: Target,
    /// The share of the traffic that the new version gets there, in percent.
    pub weight: u8,
    /// The counts, or the reason why they could not be read.
    pub evidence: Result<Evidence, PlainText>,
    /// The other part of the target that could not be read: its alias, or its alarms. Bad counts are bad nevertheless.
    pub unread: Option<PlainText>,
}

/// The counts of a target since its rollout began, in full minutes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The minutes in which the alias sent traffic to both versions: one comparison for each weight.
    pub steps: Vec<Comparison>,
    /// The new version in the minutes in which the alias sent it all traffic.
    pub alone: Counts,
    /// The number of these minutes, also of those without an invocation.
    pub minutes_alone: u32,
    /// The old version in the hour before the rollout began.
    pub hour_before: Counts,
    /// Whether the old version gets no traffic any more that could be compared: what it has now is all.
    pub old_is_over: bool,
    /// The invocations of the function since then that did not go through the alias.
    pub around_alias: u64,
}

impl Evidence {
    /// Returns it without the invocations by which the deployer itself has tested the new version: they go to its number.
    #[must_use]
    pub fn without_smoke_tests(self, tests: usize) -> Self {
        let around_alias = self.around_alias.saturating_sub(u64::try_from(tests).unwrap_or(u64::MAX));
        Self { around_alias, ..self }
    }

    /// Returns both versions in the same minutes.
    pub(super) fn same_minutes(&self) -> Comparison {
        self.steps.iter().copied().sum()
    }

    /// Returns all that the new version did.
    pub(super) fn all_new(&self) -> Counts {
        self.same_minutes().new + self.alone
    }
}
