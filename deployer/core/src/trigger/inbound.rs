//! One thing that an event tells.

use super::tick::Tick;
use crate::artifact::Upload;
use crate::event::RecordlessEvent;
use crate::promotion::{ApprovalGiven, PromotionRequest};

/// One thing that an event tells.
#[derive(Debug, Clone, PartialEq)]
pub enum InboundEvent {
    /// A zip may have been uploaded.
    Upload(Upload),
    /// Somebody asks for a promotion.
    Promotion(Box<PromotionRequest>),
    /// Somebody approves a promotion that waits, or declines it.
    Consent(Box<ApprovalGiven>),
    /// We wake ourselves.
    Tick(Tick),
    /// Nothing for us.
    Ignored {
        /// Why, in one sentence.
        because: String,
    },
    /// One of our own messages in a form that this deployer does not know: a newer one has sent it, and takes it.
    NotUnderstood {
        /// What is not understood.
        because: String,
    },
    /// It should be for us, but it is broken. Trying again cannot help.
    Malformed {
        /// What is wrong.
        because: String,
        /// What can be read of it, where somebody asks for a promotion and waits for an answer.
        asked: Option<Box<RecordlessEvent>>,
    },
}

impl InboundEvent {
    pub(super) fn ignored(because: impl Into<String>) -> Vec<Self> {
        vec![Self::Ignored { because: because.into() }]
    }

    pub(super) fn malformed(because: impl Into<String>) -> Vec<Self> {
        vec![Self::Malformed { because: because.into(), asked: None }]
    }
}
