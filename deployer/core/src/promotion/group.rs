//! The rules for a member of a group. Until the group is decided, the member only holds its place. Then only a hold, a
//! reject, a rollback or a changed configuration stops it.

use jiff::Timestamp;

use super::policy::{Decision, PromotionPolicy, refused};
use super::source::{SourceEnvironment, is_same};
use super::spec::PromotionSpec;
use super::wait::Wait;
use crate::head::{self, Request};
use crate::record::{Code, Ending};

/// The state of a group, for its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupState {
    /// The members hold their places, and none is deployed.
    Undecided,
    /// The members are deployed, since this time.
    Decided(Timestamp),
    /// The group has ended, or is rolled back.
    Over,
}

impl PromotionPolicy<'_> {
    /// Evaluates a member of a group. None if the promotion is no member, or its group holds no places.
    pub(super) fn evaluate_member(&self, request: &Request, promoting: &PromotionSpec) -> Option<Decision> {
        let id = promoting.group?;
        Some(match self.groups.get(&id)? {
            GroupState::Undecided => Decision::Wait(Wait { for_group: true, ..Wait::over(request.accepted_at) }),
            GroupState::Over => {
                let because = format!("its group {id} has ended, or goes back");
                Decision::Deny(Ending::Refused { code: Code::NotPromotable, because })
            }
            GroupState::Decided(at) => match self.check_member(request, promoting, *at) {
                Err(ending) => Decision::Deny(ending),
                Ok(()) if self.here.queue().is_next(request.id) => Decision::Allow,
                Ok(()) => Decision::Wait(Wait { in_line: true, ..Wait::over(request.accepted_at) }),
            },
        })
    }

    /// Returns the refusal of a member of a decided group: a hold, a reject, a rollback in the source, or a
    /// configuration that no longer promotes from there.
    fn check_member(&self, request: &Request, promoting: &PromotionSpec, decided_at: Timestamp) -> Result<(), Ending> {
        self.promotion_from(&promoting.from)?;
        head::hold_refusal(self.here, request).map_or(Ok(()), Err)?;
        let Some(artifact) = &promoting.artifact else {
            return refused(Code::NotLive, format!("nothing is live in {}", promoting.from));
        };
        self.rejects.refusal(&artifact.release, artifact.sha256).map_or(Ok(()), Err)?;
        let is_it = |source: &&SourceEnvironment| {
            let head = &source.head;
            let was_left = head.left().iter().any(|left| is_same(left, artifact));
            // A release that was named may have been rolled back long before; only a rollback since the decision
            // counts.
            let since = head.live().is_none_or(|live| live.since >= decided_at);
            was_left && (promoting.named.is_none() || since)
        };
        match self.sources.get(&promoting.from).filter(is_it) {
            Some(_) => {
                refused(Code::NotLive, format!("release {} was rolled back in {}", artifact.release, promoting.from))
            }
            None => Ok(()),
        }
    }
}
