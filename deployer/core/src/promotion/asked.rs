//! What a promotion is asked for with, by an event or by hand.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::spec::PromotionSpec;
use crate::id::{DeploymentId, EnvironmentName, FunctionName, FunctionPattern, Release};
use crate::record::{Code, Ending};
use crate::text::{Person, PlainText};

/// EventBridge tries for a day to deliver an event (EventBridge User Guide, "Retry policy"): one that is older was kept
/// somewhere, and what it asked for was meant for then.
const LONGEST_WAY: SignedDuration = SignedDuration::from_hours(24);
/// How far clocks may differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

/// The functions that a promotion is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Functions {
    /// This one.
    One(FunctionName),
    /// These, together: none moves unless all may, and if one fails the others go back.
    Together(Vec<FunctionName>),
    /// Each that matches and is ready, for itself.
    Each(FunctionPattern),
}

/// A promotion that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotionRequest {
    /// Of what.
    pub functions: Functions,
    /// From there.
    pub from: EnvironmentName,
    /// To there.
    pub to: EnvironmentName,
    /// This release; what is live in `from`, unless told.
    pub release: Option<Release>,
    /// By whom, as they say.
    pub requested_by: Option<Person>,
    /// It is of no use after this.
    pub not_after: Option<Timestamp>,
    /// Why it goes into a frozen environment all the same; only by hand.
    pub freeze_override: Option<PlainText>,
    /// By what the request is known.
    pub id: String,
    /// When it was asked for.
    pub time: Timestamp,
    /// Whether it is played again from an archive.
    pub is_replay: bool,
}

/// Somebody approves a promotion that waits, or declines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalGiven {
    /// Where the promotion goes.
    pub environment: EnvironmentName,
    /// Of which function; none: of the group that `deployment` names.
    pub function: Option<FunctionName>,
    /// Which promotion; none: the one that waits there.
    pub deployment: Option<DeploymentId>,
    /// What they say.
    pub says: ApprovalDecision,
    /// Who, as they say.
    pub by: Person,
    /// The account that the event came from, as EventBridge says.
    pub account: Option<String>,
}

/// What somebody says of a promotion that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalDecision {
    /// It may go on.
    Yes,
    /// It ends.
    No {
        /// Why.
        reason: Option<PlainText>,
    },
}

impl Functions {
    /// Of what a request says about functions.
    ///
    /// # Errors
    /// What is wrong with it.
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
                    (left, _) if left > MOST_TOGETHER => {
                        Err(format!("functions names {left} functions, and {MOST_TOGETHER} go together at most"))
                    }
                    _ => Ok(Self::Together(all)),
                }
            }
        }
    }
}

/// How many functions go together at most: all are worked on at once.
const MOST_TOGETHER: usize = 20;

impl fmt::Display for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(name) => name.fmt(f),
            Self::Together(names) => {
                let names: Vec<&str> = names.iter().map(FunctionName::as_str).collect();
                f.write_str(&names.join(" and "))
            }
            Self::Each(pattern) => pattern.fmt(f),
        }
    }
}

impl PromotionRequest {
    /// Why it is not even looked at, beside what the rules say: it comes from another time.
    #[must_use]
    pub fn is_out_of_time(&self, now: Timestamp) -> Option<Ending> {
        let refused = |code, because| Some(Ending::Refused { code, because });
        if self.is_replay {
            let because = "the event was played again from an archive, and such an event never promotes: ask anew";
            return refused(Code::NotPromotable, because.to_owned());
        }
        if self.time.duration_since(now) > CLOCKS_DIFFER {
            return refused(
                Code::NotPromotable,
                format!("the event is of {}, which is yet to come: ask anew", self.time),
            );
        }
        if now.duration_since(self.time) > LONGEST_WAY {
            return refused(Code::Expired, format!("it was asked for at {}, more than a day ago: ask anew", self.time));
        }
        None
    }

    /// What each of its requests carries.
    #[must_use]
    pub fn promoting(&self) -> PromotionSpec {
        PromotionSpec {
            from: self.from.clone(),
            named: self.release.clone(),
            artifact: None,
            not_after: self.not_after,
            approvals: vec![],
            unseen_since: None,
            freeze_override: self.freeze_override.clone(),
            group: None,
            place: None,
        }
    }
}

impl FunctionPattern {
    /// Whether a name matches: `*` stands for any characters.
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

/// Whether a promotion is worked on by whoever brings it, or put down where it goes, for others to go on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Dispatch {
    /// Worked on.
    Inline,
    /// Put down.
    Enqueue,
}
