//! The answer to a person's word on a promotion: the promotion, or its group, as things are, and what the word did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::group::Group;
use crate::record::DeploymentRecord;

/// The answer to `approve` and `decline`: a record or a group, with one more field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decided {
    /// The effect of this approval or decline; absent in answers of older deployers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionEffect>,
    /// The promotion that it is about.
    #[serde(flatten)]
    pub about: DecidedAbout,
}

/// The promotion that a person decides about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DecidedAbout {
    /// The promotion of one function.
    Record(Box<DeploymentRecord>),
    /// The promotion of several functions together.
    Group(Box<Group>),
}

/// The effect of an approval or a decline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionEffect {
    /// It counts from now on.
    Recorded,
    /// The same person has given it before, by this command or by another one.
    AlreadyGiven,
    /// It changes nothing: the promotion had ended or gone on without it.
    TooLate,
}

impl Decided {
    /// Makes the answer about the promotion of one function.
    #[must_use]
    pub fn one(record: DeploymentRecord, decision: DecisionEffect) -> Self {
        Self { decision: Some(decision), about: DecidedAbout::Record(Box::new(record)) }
    }

    /// Makes the answer about a group.
    #[must_use]
    pub fn together(group: Group, decision: DecisionEffect) -> Self {
        Self { decision: Some(decision), about: DecidedAbout::Group(Box::new(group)) }
    }

    /// Whether the approval or the decline changed nothing.
    #[must_use]
    pub fn is_too_late(&self) -> bool {
        self.decision == Some(DecisionEffect::TooLate)
    }
}
