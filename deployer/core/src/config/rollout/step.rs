//! A step of a rollout.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::Span;

/// A share of the traffic that the new version gets for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The share of the traffic, in percent.
    #[schemars(range(min = 1, max = 99))]
    pub weight: u8,
    /// The time for which it lasts, at least 3m: CloudWatch's counts of the last minutes are not there yet.
    #[serde(rename = "for")]
    pub lasts: Span,
    /// The action after the step. Default: the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Then>,
}

/// The action after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// The rollout pauses until a person continues it.
    Pause,
}

impl Step {
    /// The step of a rollout that names none.
    pub(super) const DEFAULT: Self = Self { weight: 10, lasts: Span::TEN_MINUTES, then: None };
}
