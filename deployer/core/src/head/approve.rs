//! Somebody approves or declines a promotion that waits. The head remembers which one that was, so that the same command
//! again, which may name none, is about no other.

use jiff::Timestamp;

use super::end_request::end_request;
use super::request::{Request, request_hash};
use super::source::Source;
use super::state::Head;
use crate::approval;
use crate::config::Approval;
use crate::function_ref::FunctionRef;
use crate::id::{DeploymentId, RequestHash};
use crate::promotion::ApprovalDecision;
use crate::record::{Approved, Code, Ending};
use crate::text::Person;

/// The effect of approving or declining a promotion.
#[derive(Debug, Clone, PartialEq)]
pub enum ApprovalEffect {
    /// This is to be written.
    Write(Box<Head>),
    /// The same person has approved it before. Where the head does not know the command yet, this is to be written.
    Duplicate(Option<Box<Head>>),
    /// No promotion of this id waits here.
    NotWaiting,
    /// It does not count: the sentence says why.
    Ineligible(String),
}

/// A person's decision, as the head knows it.
#[derive(Debug, Clone, Copy)]
pub struct DecisionId<'a> {
    /// The id of the command or the event.
    pub id: &'a str,
    /// The decision.
    pub decision: &'a ApprovalDecision,
}

impl DecisionId<'_> {
    /// The words by which decisions are hashed. Heads know them by these hashes: the words stay.
    pub(super) const APPROVAL: &'static str = "approval";
    pub(super) const DECLINE: &'static str = "decline";

    fn hash(&self, at: &FunctionRef<'_>) -> RequestHash {
        let word = match self.decision {
            ApprovalDecision::Approve => Self::APPROVAL,
            ApprovalDecision::Decline { .. } => Self::DECLINE,
        };
        request_hash(word, self.id, (&at.name, &at.function))
    }

    /// Finds the promotion that this very decision was about before. The promotion has an approval of an older deployer as
    /// long as it is open or has just ended.
    #[must_use]
    pub fn about(&self, head: &Head, at: &FunctionRef<'_>) -> Option<DeploymentId> {
        head.known.decided(self.hash(at)).or_else(|| {
            let given = approvals(head).find(|(_, approvals)| approvals.iter().any(|one| one.is_by(self.id)));
            given.filter(|_| *self.decision == ApprovalDecision::Approve).map(|(deployment, _)| deployment)
        })
    }
}

impl ApprovalEffect {
    /// Remembers that this decision was about this promotion, in the same write.
    #[must_use]
    pub fn remembering(self, head: &Head, decided: DecisionId<'_>, at: &FunctionRef<'_>, about: DeploymentId) -> Self {
        let hash = decided.hash(at);
        match self {
            Self::Write(mut next) => {
                next.known.remember_decision(hash, about);
                Self::Write(next)
            }
            Self::Duplicate(None) if head.known.decided(hash) != Some(about) => {
                let mut next = head.next();
                next.known.remember_decision(hash, about);
                Self::Duplicate(Some(Box::new(next)))
            }
            other => other,
        }
    }
}

/// Lists the approvals of each promotion that is open or has just ended.
pub(super) fn approvals(head: &Head) -> impl Iterator<Item = (DeploymentId, &[Approved])> {
    let open = head.queue.open().filter_map(|open| Some((open.id, open.promotion_spec()?.approvals.as_slice())));
    let ended = head.outbox().iter().map(|entry| &entry.record);
    open.chain(ended.filter_map(|record| Some((record.id, record.promotion.as_ref()?.approvals.as_slice()))))
}

/// Adds an approval to a promotion that waits, by the rules of the environment.
#[must_use]
pub fn approve(head: &Head, id: DeploymentId, approved: &Approved, rules: Option<&Approval>) -> ApprovalEffect {
    let mut next = head.next();
    let waiting = next.queue.waiting.iter_mut().find(|waiting| waiting.request.id == id);
    let Some(Request { cause, source: Source::Promoted(promoting), .. }) = waiting.map(|w| &mut w.request) else {
        return ApprovalEffect::NotWaiting;
    };
    match approval::check(approved, &promoting.approvals, cause, rules) {
        Ok(true) => {}
        Ok(false) => return ApprovalEffect::Duplicate(None),
        Err(because) => return ApprovalEffect::Ineligible(because),
    }
    promoting.approvals.push(approved.clone());
    ApprovalEffect::Write(Box::new(next))
}

/// Ends a promotion that waits, because somebody declines it. Nobody is named where its group takes it back.
#[must_use]
pub fn decline(
    head: &Head,
    id: DeploymentId,
    (by, because): (Option<&Person>, String),
    at: &FunctionRef<'_>,
    now: Timestamp,
) -> ApprovalEffect {
    let mut next = head.next();
    let Some(index) = next.queue.waiting_index(id) else { return ApprovalEffect::NotWaiting };
    let waiting = next.queue.waiting.remove(index);
    let ending = Ending::Refused { code: Code::NotPromotable, because };
    let mut record = waiting.record(at).ended(ending, now);
    if let Some(promotion) = &mut record.promotion {
        promotion.declined_by = by.cloned();
    }
    end_request(&mut next, &waiting.request, record);
    ApprovalEffect::Write(Box::new(next))
}
