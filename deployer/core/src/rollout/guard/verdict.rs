//! The verdict of a look, with the numbers that explain it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counts::Comparison;
use super::mantel_haenszel::Stratified;
use crate::config::Target;
use crate::text::PlainText;

/// The verdict about a new version. Of several targets the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It had enough invocations, and does not fail more often than the old version.
    Ok,
    /// It had too few invocations, or nothing to be compared with. It is not proven.
    Quiet,
    /// The counts could not be read. No step is taken.
    Unreadable,
    /// It fails more often than the old version.
    Bad,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Quiet => "quiet",
            Self::Unreadable => "unreadable",
            Self::Bad => "bad",
        })
    }
}

/// The old version's minutes that the new version is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// The same minutes.
    SameMinutes,
    /// The same minutes, and the hour before the rollout began.
    HourBefore,
}

/// The comparison that a verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// The counts of both versions.
    pub counts: Comparison,
    /// The old version's minutes.
    pub control: Control,
    /// The difference by which the new version fails more often, in percentage points.
    pub points: f64,
    /// The probability of at least as many errors of the new version where both fail alike.
    pub p_value: f64,
}

/// The verdict about one target.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetVerdict {
    /// The target.
    pub target: Target,
    /// The verdict.
    pub verdict: Verdict,
    /// The comparison that it rests on; none where the counts could not be read.
    pub finding: Option<Finding>,
    /// The reason, in a sentence with the numbers.
    pub because: PlainText,
}

/// The verdict about all targets whose rollout has begun.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The reason, in a sentence with the numbers.
    pub because: PlainText,
    /// The verdict of each target, in the order of the looks.
    pub targets: Vec<TargetVerdict>,
    /// The test over all targets; none of one target, or where nothing can be compared.
    pub together: Option<Stratified>,
}
