//! A promotion, as records tell it: its source, its approvals and its waits.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{DeploymentId, EnvironmentName};
use crate::promotion::Wait;
use crate::text::{Person, PlainText};

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

/// What an account is called whose people are not named.
#[must_use]
pub fn account_name(account: &str) -> String {
    format!("account {account}")
}
