//! The thresholds of the guard.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostics::Diagnostic;

/// The thresholds from which on a new version fails more often than the old one. All must be met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "GuardFile")]
pub struct Guard {
    /// The invocations without which a new version is not proven.
    pub invocations: u64,
    /// The least number of errors.
    pub errors: u64,
    /// The least difference of the error rates.
    pub margin: Points,
    /// The greatest probability of so many errors by chance, over all targets of the rollout.
    pub significance: Significance,
}

/// The form of [`Guard`].
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Guard")]
struct GuardFile {
    /// The invocations that prove a new version. With fewer it is quiet, and `when_quiet` says what happens.
    #[schemars(range(min = 1), extend("default" = 50))]
    invocations: Option<u64>,
    /// The least number of errors for which a rollout is taken back.
    #[schemars(range(min = 1), extend("default" = 5))]
    errors: Option<u64>,
    /// The least difference between the error rates of the new and the old version for which a rollout is taken back, in
    /// percentage points.
    #[schemars(extend("default" = 1.0))]
    margin: Option<Points>,
    /// The greatest probability that as many errors of the new version are chance, for which a rollout is taken back. It
    /// is shared among the targets of the rollout. Each look, once a minute, tests anew; so choose it far below the share
    /// of good releases that may be stopped.
    #[schemars(extend("default" = 0.0005))]
    significance: Option<Significance>,
}

impl From<GuardFile> for Guard {
    fn from(file: GuardFile) -> Self {
        Self {
            invocations: file.invocations.unwrap_or(50),
            errors: file.errors.unwrap_or(5),
            margin: file.margin.unwrap_or(Points(1.0)),
            significance: file.significance.unwrap_or(Significance(0.0005)),
        }
    }
}

impl Default for Guard {
    fn default() -> Self {
        GuardFile::default().into()
    }
}

impl Guard {
    pub(super) fn diagnostics(&self) -> Vec<Diagnostic> {
        let at_least_one = |(field, number): (&'static str, u64)| {
            (number == 0).then(|| Diagnostic::new(field, "must be at least 1: a version without any tells nothing"))
        };
        [("invocations", self.invocations), ("errors", self.errors)].into_iter().filter_map(at_least_one).collect()
    }
}

/// A number of another range than asked for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{found} is out of range: {rule}")]
pub struct NumberOutOfRange {
    found: f64,
    rule: &'static str,
}

/// Defines numbers with a range.
macro_rules! numbers {
    ($( $(#[$about:meta])* $name:ident($fits:expr, $rule:literal); )+) => { $(
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
        $(#[$about])*
        #[serde(try_from = "f64")]
        pub struct $name(f64);

        impl $name {
            /// Parses a number.
            ///
            /// # Errors
            /// [`NumberOutOfRange`] with the range.
            pub fn parse(number: f64) -> Result<Self, NumberOutOfRange> {
                let fits: fn(f64) -> bool = $fits;
                if fits(number) { Ok(Self(number)) } else { Err(NumberOutOfRange { found: number, rule: $rule }) }
            }

            /// Returns the number.
            #[must_use]
            pub fn as_f64(self) -> f64 {
                self.0
            }
        }

        /// None is NaN.
        impl Eq for $name {}

        impl TryFrom<f64> for $name {
            type Error = NumberOutOfRange;
            fn try_from(number: f64) -> Result<Self, NumberOutOfRange> {
                Self::parse(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+ };
}

numbers! {
    /// A difference in percentage points: 0 to 100.
    #[schemars(extend("minimum" = 0, "maximum" = 100))]
    Points(|number| (0.0..=100.0).contains(&number), "0 to 100 percentage points");

    /// A probability of chance: above 0, and at most 0.05.
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 0.05))]
    Significance(|number| number > 0.0 && number <= 0.05, "above 0 and at most 0.05");
}
