//! A member of a group: until its group is decided it only holds its place; from then on only what is wrong stops it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::gate::{Decision, PromotionPolicy, refused};
use super::source::{SourceEnvironment, is_same};
use super::spec::PromotionSpec;
use super::wait::Wait;
use crate::head::{self, Request};
use crate::id::DeploymentId;
use crate::record::{Code, Ending};

/// How far a group is, as its members ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupState {
    /// Its members hold their places, and none moves.
    Undecided,
    /// All its members go.
    Decided(Timestamp),
    /// It has ended, or goes back.
    Over,
}

/// No group is known: whoever asks is judged by all rules.
pub static NO_GROUPS: BTreeMap<DeploymentId, GroupState> = BTreeMap::new();

impl PromotionPolicy<'_> {
    /// What the group of a member says of it. `None`: it is none, or none that holds a place.
    pub(super) fn judge_member(&self, request: &Request, promoting: &PromotionSpec) -> Option<Decision> {
        let id = promoting.group?;
        Some(match self.groups.get(&id)? {
            GroupState::Undecided => Decision::Wait(Wait { for_group: true, ..Wait::over(request.accepted_at) }),
            GroupState::Over => {
                let because = format!("its group {id} has ended, or goes back");
                Decision::Deny(Ending::Refused { code: Code::NotPromotable, because })
            }
            GroupState::Decided(at) => match self.stops_member(request, promoting, *at) {
                Err(ending) => Decision::Deny(ending),
                Ok(()) if self.here.queue().is_next(request.id) => Decision::Allow,
                Ok(()) => Decision::Wait(Wait { in_line: true, ..Wait::over(request.accepted_at) }),
            },
        })
    }

    /// A hold, a reject, a rollback in the source, and rules that do not take anything from there any more.
    fn stops_member(&self, request: &Request, promoting: &PromotionSpec, decided_at: Timestamp) -> Result<(), Ending> {
        self.promotion_from(&promoting.from)?;
        head::hold_refusal(self.here, request).map_or(Ok(()), Err)?;
        let Some(artifact) = &promoting.artifact else {
            return refused(Code::NotLive, format!("nothing is live in {}", promoting.from));
        };
        self.rejects.refusal(&artifact.release, artifact.sha256).map_or(Ok(()), Err)?;
        let is_it = |source: &&SourceEnvironment| {
            let head = &source.head;
            let was_left = head.left().iter().any(|left| is_same(left, artifact));
            // What was named may have been rolled back long before.
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
