//! A question to AWS, and the answer.

use async_trait::async_trait;
use fixtures::error::Result;
use serde::Serialize;

use crate::lab::Lab;

/// A question to AWS about one belief of the project.
#[async_trait(?Send)]
pub trait Question {
    /// The question in words.
    fn about(&self) -> About;

    /// Asks AWS. The things that it makes bear the lab's prefix and tag, so that the lab removes them.
    ///
    /// # Errors
    /// AWS gave no answer that says anything about the belief.
    async fn ask(&self, lab: &Lab) -> Result<Answer>;
}

/// A question in words.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// Its name on the command line.
    pub name: &'static str,
    /// The belief, one sentence.
    pub belief: &'static str,
    /// The files of the repository that rely on the belief; none if nothing relies on it yet.
    pub relied_on_in: &'static [&'static str],
    /// The calls that ask for it.
    pub asks: &'static str,
    /// The answer that confirms the belief.
    pub confirmed_by: &'static str,
    /// The answer that refutes it. Every other answer leaves it unclear.
    pub refuted_by: &'static str,
    /// The option without which it is not asked.
    pub needs: Needs,
    /// The local AWS's part in it.
    pub on_local_aws: OnLocalAws,
}

/// The option without which a question is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// It takes seconds and costs next to nothing.
    Nothing,
    /// It takes minutes: `--slow`.
    Minutes,
    /// It needs a customer key of KMS, which costs money: `--with-key`.
    Key,
}

/// The local AWS's word about a belief. It is our reading of AWS and proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLocalAws {
    /// It is built after the belief, so the question comes out as confirmed.
    Confirms,
    /// It differs from the belief, for this reason.
    Refutes(&'static str),
    /// It cannot tell, for this reason.
    CannotTell(&'static str),
}

impl OnLocalAws {
    /// The verdict to which the question comes there.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Confirms => Verdict::Confirmed,
            Self::Refutes(_) => Verdict::Refuted,
            Self::CannotTell(_) => Verdict::Unclear,
        }
    }
}

/// The answer to a question.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// Whether the belief holds.
    pub verdict: Verdict,
    /// The behaviour of AWS.
    pub found: String,
}

/// Whether a belief holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// AWS does as the project believes.
    Confirmed,
    /// AWS does something else.
    Refuted,
    /// AWS's answers decide nothing.
    Unclear,
    /// The question was not put to AWS.
    NotAsked,
}

impl Answer {
    /// The belief holds.
    pub fn confirmed(found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Confirmed, found: found.into() }
    }

    /// The belief does not hold.
    pub fn refuted(found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Refuted, found: found.into() }
    }

    /// The answers decide nothing.
    pub fn unclear(found: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unclear, found: found.into() }
    }

    /// The question was not put to AWS.
    pub fn not_asked(because: impl Into<String>) -> Self {
        Self { verdict: Verdict::NotAsked, found: because.into() }
    }

    /// The belief holds if `holds`.
    pub fn holds_if(holds: bool, found: impl Into<String>) -> Self {
        if holds { Self::confirmed(found) } else { Self::refuted(found) }
    }
}
