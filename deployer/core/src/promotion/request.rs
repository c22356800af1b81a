//! Requests for promotions, and approvals of them, from events or commands.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::spec::PromotionSpec;
use crate::id::{DeploymentId, EnvironmentName, FunctionName, FunctionPattern, Release};
use crate::identity::Identity;
use crate::record::{Cause, CauseKind, Code, Ending};
use crate::text::{Person, PlainText, listed};

/// The age after which a request is refused. EventBridge tries for a day to deliver an event (EventBridge User Guide,
/// "Retry policy"). An older one was kept somewhere, and was meant for that time.
const MAX_REQUEST_AGE: SignedDuration = SignedDuration::from_hours(24);
/// The tolerated difference between clocks.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The functions of a promotion request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Functions {
    /// One function.
    One(FunctionName),
    /// A group: none moves unless all may, and if one fails, the others are rolled back.
    Together(Vec<FunctionName>),
    /// Each function that matches and is ready, independently.
    Each(FunctionPattern),
}

/// A request for a promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotionRequest {
    /// The functions to promote.
    pub functions: Functions,
    /// The environment to promote from.
    pub from: EnvironmentName,
    /// The environment to promote to.
    pub to: EnvironmentName,
    /// The release; none for the one that is live in `from`.
    pub release: Option<Release>,
    /// The person who asked, as they say.
    pub requested_by: Option<Person>,
    /// Their identity, as far as it is known.
    pub identity: Identity,
    /// The time after which the request expires.
    pub not_after: Option<Timestamp>,
    /// The reason for overriding a freeze; only commands can have one.
    pub freeze_override: Option<PlainText>,
    /// The reason for skipping the steps of the rollout; only commands can have one.
    pub skip_rollout: Option<PlainText>,
    /// The identity of the request.
    pub id: String,
    /// The time of the request.
    pub time: Timestamp,
    /// Whether every delivery of the request bears the same time: an event does, a command does not.
    pub keeps_its_time: bool,
    /// Whether EventBridge replays the event from an archive.
    pub is_replay: bool,
}

/// The approval or decline of a waiting promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalResponse {
    /// The environment that the promotion goes to.
    pub environment: EnvironmentName,
    /// The function of the promotion; none for the group that `deployment` names.
    pub function: Option<FunctionName>,
    /// The id of the promotion or the group; none for the promotion that waits there.
    pub deployment: Option<DeploymentId>,
    /// The decision.
    pub decision: ApprovalDecision,
    /// The person who decides, as they say.
    pub by: Person,
    /// The account that sent the event, as EventBridge says.
    pub account: Option<String>,
    /// The identity of the person who decides, as far as it is known.
    pub identity: Identity,
    /// The id of the command, or of the event.
    pub id: String,
}

/// A person's decision on a waiting promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalDecision {
    /// The promotion is approved.
    Approve,
    /// The promotion is declined, and ends.
    Decline {
        /// The reason.
        reason: Option<PlainText>,
    },
}

impl Functions {
    /// Makes the functions of a request from its two fields.
    ///
    /// # Errors
    /// The mistake in the fields.
    pub fn of(function: Option<FunctionPattern>, functions: Option<Vec<FunctionName>>) -> Result<Self, String> {
        match (function, functions) {
            (Some(_), Some(_)) => Err("function and functions exclude each other".into()),
            (None, None) => Err("function is missing (or functions, for several that go together)".into()),
            (Some(pattern), None) => Ok(match FunctionName::parse(pattern.as_str()) {
                Ok(name) => Self::One(name),
                Err(_) => Self::Each(pattern),
            }),
            (None, Some(mut all)) => {
                let number = all.len();
                all.sort();
                all.dedup();
                match (all.len(), number) {
                    (0, _) => Err("functions must name at least one function".into()),
                    (left, number) if left < number => Err("functions names one of them twice".into()),
                    (left, _) if left > MAX_GROUP_SIZE => {
                        Err(format!("functions names {left} functions, and {MAX_GROUP_SIZE} go together at most"))
                    }
                    _ => Ok(Self::Together(all)),
                }
            }
        }
    }
}

/// The most functions in a group: all are worked on at once.
const MAX_GROUP_SIZE: usize = 20;

impl fmt::Display for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(name) => name.fmt(f),
            Self::Together(names) => f.write_str(&listed(names)),
            Self::Each(pattern) => pattern.fmt(f),
        }
    }
}

impl PromotionRequest {
    /// Refuses a request that comes from another time: a replay, one from the future, or one older than a day.
    #[must_use]
    pub fn refusal_by_time(&self, now: Timestamp) -> Option<Ending> {
        let refused = |code, because| Some(Ending::Refused { code, because });
        if self.is_replay {
            let because = "the event was played again from an archive, and such an event never promotes: ask anew";
            return refused(Code::NotPromotable, because.to_owned());
        }
        if self.time.duration_since(now) > CLOCK_TOLERANCE {
            return refused(
                Code::NotPromotable,
                format!("the event is of {:.0}, which is yet to come: ask anew", self.time),
            );
        }
        if now.duration_since(self.time) > MAX_REQUEST_AGE {
            return refused(
                Code::Expired,
                format!("it was asked for at {:.0}, more than a day ago: ask anew", self.time),
            );
        }
        None
    }

    /// Makes the cause of the promotion of each function.
    #[must_use]
    pub fn cause(&self) -> Cause {
        let id = Some(self.id.clone().into());
        let cause = Cause::new(CauseKind::Promotion, self.requested_by.clone(), id);
        Cause { skip_rollout: self.skip_rollout.clone(), ..cause }.by(&self.identity)
    }

    /// Makes the parameters of the promotion of each function.
    #[must_use]
    pub fn promotion_spec(&self) -> PromotionSpec {
        PromotionSpec {
            from: self.from.clone(),
            named: self.release.clone(),
            artifact: None,
            not_after: self.not_after,
            approvals: vec![],
            unseen_since: None,
            freeze_override: self.freeze_override.clone(),
            group: None,
            place_token: None,
        }
    }
}

impl FunctionPattern {
    /// Whether a name matches the pattern: `*` stands for any characters.
    #[must_use]
    pub fn matches(&self, name: &FunctionName) -> bool {
        let mut parts = self.as_str().split('*');
        let (Some(first), Some(last)) = (parts.next(), parts.next_back()) else {
            return self.as_str() == name.as_str();
        };
        let Some(mut rest) = name.as_str().strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else {
            return false;
        };
        for part in parts {
            let Some((_, after)) = rest.split_once(part) else { return false };
            rest = after;
        }
        true
    }
}

/// Whether the invocation works on a new promotion itself, or leaves it to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Dispatch {
    /// The invocation works on it.
    Inline,
    /// The request is stored for another invocation.
    Enqueue,
}
