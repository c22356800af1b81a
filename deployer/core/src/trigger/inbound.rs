//! A decoded event.

use super::tick::Tick;
use crate::artifact::Upload;
use crate::event::RecordlessEvent;
use crate::promotion::{ApprovalResponse, PromotionRequest};

/// A decoded event.
#[derive(Debug, Clone, PartialEq)]
pub enum InboundEvent {
    /// An object was created that may be an artifact.
    Upload(Upload),
    /// A promotion is requested.
    Promotion(Box<PromotionRequest>),
    /// A waiting promotion is approved or declined.
    ApprovalResponse(Box<ApprovalResponse>),
    /// The deployer wakes itself.
    Tick(Tick),
    /// The event does not concern the deployer.
    Ignored {
        /// The reason in one sentence.
        because: String,
    },
    /// A message of a newer deployer in a format that this one does not know. The newer one must take it.
    NotUnderstood {
        /// The part that is not understood.
        because: String,
    },
    /// The event concerns the deployer but is invalid. Trying again cannot help.
    Malformed {
        /// The mistake.
        because: String,
        /// The readable part of a promotion request or an approval, whose sender waits for an answer.
        readable_request: Option<Box<RecordlessEvent>>,
    },
}

impl InboundEvent {
    pub(super) fn ignored(because: impl Into<String>) -> Vec<Self> {
        vec![Self::Ignored { because: because.into() }]
    }

    pub(super) fn malformed(because: impl Into<String>) -> Vec<Self> {
        vec![Self::Malformed { because: because.into(), readable_request: None }]
    }
}
