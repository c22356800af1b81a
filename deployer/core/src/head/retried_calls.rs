//! The calls to AWS that the owner of a claim tries again for a while: people see by them why a deployment does not get
//! on. Nothing is decided by them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Target;
use crate::id::Token;
use crate::text::PlainText;

/// The most calls that the head keeps. More of them are counted by nobody.
const KEPT: usize = 4;
/// The most characters of AWS's words that the head keeps of each.
const WORDS: usize = 300;

/// A call that is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetriedCall {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The step that makes the call.
    pub step: String,
    /// The time of the first try.
    pub since: Timestamp,
    /// AWS's words about the last try that the owner has told.
    pub because: PlainText,
}

impl RetriedCall {
    /// Makes a call whose words fit into the head.
    #[must_use]
    pub fn new(target: &Target, step: &str, since: Timestamp, because: &str) -> Self {
        let because = match because.char_indices().nth(WORDS) {
            Some((end, _)) => format!("{}…", because.get(..end).unwrap_or_default()),
            None => because.to_owned(),
        };
        Self { target: target.clone(), step: step.to_owned(), since, because: because.into() }
    }
}

impl fmt::Display for RetriedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in {} ({} since {:.0}: {})", self.target, self.step, self.since, self.because)
    }
}

/// The calls that one owner tries again. They count as long as the claim is that owner's: an older deployer takes a
/// deployment over without taking them away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetriedCalls {
    claim: Token,
    calls: Vec<RetriedCall>,
}

impl RetriedCalls {
    /// Makes those of an owner; none if it tries nothing again.
    pub(super) fn of(claim: Token, calls: &[RetriedCall]) -> Option<Self> {
        let calls = calls.get(..KEPT).unwrap_or(calls);
        (!calls.is_empty()).then(|| Self { claim, calls: calls.to_vec() })
    }

    /// Returns the calls, if they are of this owner.
    pub(super) fn by(&self, claim: Token) -> &[RetriedCall] {
        if self.claim == claim { &self.calls } else { &[] }
    }
}
