//! A wave of a rollout: how many targets have begun with it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostics;
use crate::id::InvalidName;

/// The targets that have begun with a wave: a number (`1`), or a share of all (`10%`), which is rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = Wave::PATTERN))]
pub enum Wave {
    /// A number of targets, at least 1. More than there are means all.
    Targets(u16),
    /// A share of the targets in percent, 1 to 100.
    Percent(u8),
}

impl Wave {
    /// The form of a wave as a regular expression.
    pub const PATTERN: &'static str = r"^([1-9][0-9]{0,3}|([1-9]|[1-9][0-9]|100)%)$";

    /// The wave of all targets.
    pub const ALL: Self = Self::Percent(100);

    /// Parses a number or a share.
    ///
    /// # Errors
    /// [`InvalidName`] with the rule and what was found.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let number = |digits: &str| -> Option<u16> {
            let is_number = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
            digits.parse().ok().filter(|number| is_number && (1..10_000).contains(number))
        };
        let wave = match text.strip_suffix('%') {
            Some(share) => number(share).filter(|share| *share <= 100).map(|share| Self::Percent(share as u8)),
            None => number(text).map(Self::Targets),
        };
        wave.ok_or_else(|| InvalidName {
            what: "a wave",
            rule: "a number of targets such as 1, or a share of them such as 10%, up to 100%",
            found: diagnostics::truncated(text),
        })
    }

    /// Returns the number of targets that have begun, out of this many.
    #[must_use]
    pub fn of(self, targets: usize) -> usize {
        match self {
            Self::Targets(number) => usize::from(number).min(targets),
            Self::Percent(share) => targets.saturating_mul(usize::from(share)).div_ceil(100),
        }
    }
}

impl fmt::Display for Wave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Targets(number) => number.fmt(f),
            Self::Percent(share) => write!(f, "{share}%"),
        }
    }
}

impl TryFrom<String> for Wave {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::parse(&text)
    }
}

impl From<Wave> for String {
    fn from(wave: Wave) -> String {
        wave.to_string()
    }
}
