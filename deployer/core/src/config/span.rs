//! Durations as the configuration has them.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostics;
use crate::id::InvalidName;

/// A duration, written as a whole number with a unit: `90s`, `30m`, `2h`, `1d`, `0s`. At most 365 days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = Span::PATTERN))]
pub struct Span(Duration);

/// The units with their lengths in seconds, longest first.
pub(crate) const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
/// The longest duration, in seconds.
pub(crate) const LONGEST_SPAN: u64 = 365 * 86_400;

impl Span {
    /// The form of a duration as a regular expression. The limit of 365 days is not in it.
    pub const PATTERN: &'static str = r"^[0-9]{1,9}[smhd]$";

    /// The default of `traffic_within`, equal to [`names::TRAFFIC_WITHIN`](crate::names::TRAFFIC_WITHIN).
    pub const TRAFFIC_WITHIN: Self = Self(Duration::from_secs(15 * 60));

    /// The defaults of a rollout's steps and of its watch.
    pub(super) const TEN_MINUTES: Self = Self(Duration::from_secs(10 * 60));

    /// The default of the time that a rollout may pause.
    pub(super) const ONE_DAY: Self = Self(Duration::from_secs(86_400));

    /// Parses a number with a unit.
    ///
    /// # Errors
    /// [`InvalidName`] with the rule and what was found.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let seconds = || {
            let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let (_, length) = UNITS.iter().find(|(name, _)| unit.starts_with(*name))?;
            let digits = (1..=9).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
            let seconds = digits.then(|| number.parse::<u64>().ok())??.checked_mul(*length)?;
            (seconds <= LONGEST_SPAN).then_some(seconds)
        };
        seconds().map(|seconds| Self(Duration::from_secs(seconds))).ok_or_else(|| InvalidName {
            what: "a duration",
            rule: "a whole number and s, m, h or d, such as 30m, and at most 365d",
            found: diagnostics::truncated(text),
        })
    }

    /// Makes one of whole seconds. It may be longer than the configuration can say.
    #[must_use]
    pub fn of_seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Returns both one after the other. The sum may be longer than the configuration can say.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns it as a [`Duration`].
    #[must_use]
    pub fn as_duration(self) -> Duration {
        self.0
    }

    /// Returns a multiple of it. It may be longer than the configuration can say.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let whole = UNITS.iter().find(|(_, length)| seconds > 0 && seconds.is_multiple_of(*length));
        let (unit, length) = whole.unwrap_or(&('s', 1));
        write!(f, "{}{unit}", seconds / length)
    }
}

impl TryFrom<String> for Span {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(&text)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}
