//! The invocations and errors of one version, and of two versions in the same minutes.

use std::fmt;
use std::ops::Add;

use serde::{Deserialize, Serialize};

/// The invocations of a version through an alias, and how many of them failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Unchecked")]
pub struct Counts {
    invocations: u64,
    errors: u64,
}

/// Counts as an object of the ledger has them.
#[derive(Deserialize)]
struct Unchecked {
    invocations: u64,
    errors: u64,
}

impl From<Unchecked> for Counts {
    fn from(Unchecked { invocations, errors }: Unchecked) -> Self {
        Self::of(invocations, errors)
    }
}

/// The most invocations that one sum counts: more than a function has in all its regions and years.
const MOST: u64 = 1_000_000_000_000;

impl Counts {
    /// Makes counts of CloudWatch's two sums. The metrics arrive apart: where more errors than invocations have arrived,
    /// each error counts as an invocation.
    #[must_use]
    pub fn of(invocations: u64, errors: u64) -> Self {
        let errors = errors.min(MOST);
        Self { invocations: invocations.clamp(errors, MOST), errors }
    }

    /// Returns the number of invocations.
    #[must_use]
    pub fn invocations(self) -> u64 {
        self.invocations
    }

    /// Returns the number of invocations that failed.
    #[must_use]
    pub fn errors(self) -> u64 {
        self.errors
    }

    /// Returns the share of the invocations that failed, from 0 to 1; 0 where there are none.
    #[must_use]
    pub fn error_rate(self) -> f64 {
        if self.invocations == 0 { 0.0 } else { self.errors as f64 / self.invocations as f64 }
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            invocations: self.invocations.saturating_add(other.invocations),
            errors: self.errors.saturating_add(other.errors),
        }
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// Writes `12 of 96 (12.5 %)`.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.error_rate() * 100.0;
        write!(f, "{} of {} ", self.errors, self.invocations)?;
        match self.errors {
            0 => f.write_str("(0 %)"),
            _ if percent < 0.1 => f.write_str("(below 0.1 %)"),
            _ => write!(f, "({percent:.1} %)"),
        }
    }
}

/// The new and the old version in the same minutes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The new version.
    pub new: Counts,
    /// The old version.
    pub old: Counts,
}

impl Comparison {
    /// Returns how much more often the new version fails, in percentage points.
    #[must_use]
    pub fn points(self) -> f64 {
        (self.new.error_rate() - self.old.error_rate()) * 100.0
    }

    /// Returns both versions' errors.
    pub(super) fn errors(self) -> u64 {
        self.new.errors.saturating_add(self.old.errors)
    }

    /// Returns both versions' invocations.
    pub(super) fn invocations(self) -> u64 {
        self.new.invocations.saturating_add(self.old.invocations)
    }

    /// Whether another split of the same errors is possible. Without one the comparison tells nothing.
    pub(super) fn can_differ(self) -> bool {
        let (errors, invocations) = (self.errors(), self.invocations());
        self.new.invocations > 0 && self.old.invocations > 0 && errors > 0 && errors < invocations
    }

    /// Returns the errors that the new version has on average where both versions fail alike.
    pub(super) fn expected_errors(self) -> f64 {
        if !self.can_differ() {
            return self.new.errors as f64;
        }
        self.new.invocations as f64 * self.errors() as f64 / self.invocations() as f64
    }

    /// Returns the variance of the new version's errors where both versions fail alike and the errors of both together
    /// are given (hypergeometric distribution).
    pub(super) fn variance(self) -> f64 {
        if !self.can_differ() {
            return 0.0;
        }
        let (all, errors) = (self.invocations() as f64, self.errors() as f64);
        let (new, old) = (self.new.invocations as f64, self.old.invocations as f64);
        (new / all) * (old / all) * errors * ((all - errors) / (all - 1.0))
    }

    /// Returns the third central moment of the same distribution.
    pub(super) fn third_moment(self) -> f64 {
        let (all, errors) = (self.invocations() as f64, self.errors() as f64);
        if !self.can_differ() || all <= 2.0 {
            return 0.0;
        }
        let (new, old) = (self.new.invocations as f64, self.old.invocations as f64);
        self.variance() * ((all - 2.0 * errors) / all) * ((old - new) / (all - 2.0))
    }
}

impl Add for Comparison {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { new: self.new + other.new, old: self.old + other.old }
    }
}

impl std::iter::Sum for Comparison {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}
