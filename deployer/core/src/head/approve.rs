//! Somebody approves or declines a promotion that waits.

use jiff::Timestamp;

use super::end_request::end_request;
use super::request::Request;
use super::source::Source;
use super::state::Head;
use crate::approval;
use crate::config::Approval;
use crate::function_ref::FunctionRef;
use crate::id::DeploymentId;
use crate::record::{Approved, Code, Ending};

/// The effect of approving or declining a promotion.
#[derive(Debug, Clone, PartialEq)]
pub enum ApprovalEffect {
    /// This is to be written.
    Write(Box<Head>),
    /// The same person has approved it before.
    Duplicate,
    /// No promotion of this id waits here.
    NotWaiting,
    /// It does not count: the sentence says why.
    Ineligible(String),
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
        Ok(false) => return ApprovalEffect::Duplicate,
        Err(because) => return ApprovalEffect::Ineligible(because),
    }
    promoting.approvals.push(approved.clone());
    ApprovalEffect::Write(Box::new(next))
}

/// Ends a promotion that waits, because somebody declines it.
#[must_use]
pub fn decline(head: &Head, id: DeploymentId, because: String, at: &FunctionRef<'_>, now: Timestamp) -> ApprovalEffect {
    let mut next = head.next();
    let Some(index) = next.queue.waiting_index(id) else { return ApprovalEffect::NotWaiting };
    let waiting = next.queue.waiting.remove(index);
    let ending = Ending::Refused { code: Code::NotPromotable, because };
    end_request(&mut next, &waiting.request, waiting.record(at).ended(ending, now));
    ApprovalEffect::Write(Box::new(next))
}
