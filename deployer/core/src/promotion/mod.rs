//! Promotions: what another environment has live is brought here, the very same object, when the rules say so.
//!
//! Whether one may pass is decided by [`PromotionPolicy::judge`], from heads that were read and a time that was told. It decides when
//! the request comes, whenever the sweep looks at what waits, and once more under the claim: that last time is the moment at
//! which the rules hold.

mod asked;
mod gate;
mod group;
mod source;
#[cfg(test)]
mod tests;
mod wait;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use asked::{ApprovalDecision, ApprovalGiven, Dispatch, Functions, PromotionRequest};
pub use gate::{Decision, PromotionPolicy, drift};
pub use group::{GroupState, NO_GROUPS};
pub use source::SourceEnvironment;
pub use wait::Wait;

use crate::head::{Live, ResolvedArtifact};
use crate::id::{DeploymentId, EnvironmentName, Release, Token};
use crate::text::{Person, PlainText};

/// What a promotion asks for: enough to go on with it when the message is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionSpec {
    /// The environment that the artifact comes from.
    pub from: EnvironmentName,
    /// The release, where it was named. One that was named need not be live any more.
    pub named: Option<Release>,
    /// The artifact that is meant, from the moment on at which the request was taken in; none: `from` had none such.
    pub artifact: Option<ResolvedArtifact>,
    /// It is of no use after this.
    pub not_after: Option<Timestamp>,
    /// Who has approved it so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approved>,
    /// Since when what its source serves could not be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen_since: Option<Timestamp>,
    /// Why it goes into a frozen environment all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze_override: Option<PlainText>,
    /// The group of functions that it goes together with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<DeploymentId>,
    /// The token of the places that its group's members hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Token>,
}

/// Somebody's consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approved {
    /// Who, as they say.
    pub by: Person,
    /// The account that the event came from, as EventBridge says; none where it was a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// When it came.
    pub at: Timestamp,
}

impl Approved {
    /// Whether they have said so before. An account whose people were not named counts for none beside those who were.
    #[must_use]
    pub fn is_among(&self, given: &[Self]) -> bool {
        let is_nameless =
            |one: &Self| one.account.as_ref().is_some_and(|account| one.by == account_name(account).as_str());
        let same_account = |one: &Self| self.account.is_some() && one.account == self.account;
        given.iter().any(|one| one.by == self.by || (same_account(one) && (is_nameless(self) || is_nameless(one))))
    }

    /// Whether it counts: nobody approves what they have asked for.
    ///
    /// # Errors
    /// Why it does not.
    pub fn counts_for(&self, requested_by: Option<&str>) -> Result<(), String> {
        match requested_by == Some(self.by.as_str()) {
            true => Err(format!("{} has asked for this promotion, and somebody else must approve it", self.by)),
            false => Ok(()),
        }
    }
}

/// What a record tells of a promotion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedPromotion {
    /// The environment that the artifact came from.
    pub from: EnvironmentName,
    /// Who has approved it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approved>,
    /// How many must approve it before it goes on, where it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals_wanted: Option<u32>,
    /// Until when it soaks, where it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak_until: Option<Timestamp>,
    /// Until when its environment is frozen, as far as that can be seen, where it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_until: Option<Timestamp>,
    /// Why it went into a frozen environment all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze_override: Option<PlainText>,
    /// The group that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<DeploymentId>,
}

impl RecordedPromotion {
    /// The same of one that waits: for what.
    #[must_use]
    pub fn waiting(self, wait: &Wait) -> Self {
        let wanted = Some(wait.approvals_wanted).filter(|wanted| *wanted > 0);
        Self { approvals_wanted: wanted, soak_until: wait.soak_until, frozen_until: wait.frozen_until, ..self }
    }

    /// Whether it waits for people or for the calendar, and not just for its turn.
    #[must_use]
    pub fn waits_for_long(&self) -> bool {
        self.approvals_wanted.is_some() || self.soak_until.is_some() || self.frozen_until.is_some()
    }
}

impl PromotionSpec {
    /// Finds out which artifact is meant: what `from` has live, or of the named release the newest that was complete there.
    #[must_use]
    pub fn looked_up_in(self, from: &SourceEnvironment) -> Self {
        let live = match &self.named {
            None => from.head.live(),
            Some(release) => {
                let all = from.head.history().iter().chain(from.head.left());
                let named = all.filter(|live| live.release == *release);
                named.max_by_key(|live| (from.is_complete(live), live.since))
            }
        };
        Self { artifact: live.map(ResolvedArtifact::from), ..self }
    }

    /// The release, as far as it is known.
    #[must_use]
    pub fn release(&self) -> Option<&Release> {
        self.artifact.as_ref().map(|chosen| &chosen.release).or(self.named.as_ref())
    }

    /// As the record tells of it.
    #[must_use]
    pub fn recorded(&self) -> RecordedPromotion {
        RecordedPromotion {
            from: self.from.clone(),
            approvals: self.approvals.clone(),
            approvals_wanted: None,
            soak_until: None,
            frozen_until: None,
            freeze_override: self.freeze_override.clone(),
            group: self.group,
        }
    }
}

/// What an account is called whose people are not named.
#[must_use]
pub fn account_name(account: &str) -> String {
    format!("account {account}")
}

/// Whether what was live is this artifact: the same object, or the same code.
#[must_use]
pub fn is_same(live: &Live, artifact: &ResolvedArtifact) -> bool {
    live.artifact == artifact.artifact || (live.sha256.is_some() && live.sha256 == artifact.sha256)
}
