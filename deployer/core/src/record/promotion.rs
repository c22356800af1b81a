//! The promotion in a deployment's record: its source, its approvals and its waits.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{DeploymentId, EnvironmentName};
use crate::identity::Principal;
use crate::promotion::Wait;
use crate::text::{Person, PlainText};

/// An approval of a promotion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approved {
    /// The person who approved, as they say.
    pub by: Person,
    /// The account that sent the event, as EventBridge says; none for a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The time of the approval.
    pub at: Timestamp,
    /// The principal that AWS has named as the one who approved; none where nothing was proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// The reason why a proof of identity that came with the approval proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unproven: Option<PlainText>,
    /// The id of the event or the command, by which one that comes again is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<PlainText>,
}

impl Approved {
    /// Whether the event or the command with this id has given it.
    #[must_use]
    pub fn is_by(&self, event_id: &str) -> bool {
        self.event_id.as_deref() == Some(event_id)
    }

    /// Whether the same person has approved before. An approval without a person's name, known only by its account,
    /// does not count in addition to named ones of that account.
    #[must_use]
    pub fn repeats_one_of(&self, given: &[Self]) -> bool {
        let is_nameless =
            |one: &Self| one.account.as_ref().is_some_and(|account| one.by == account_name(account).as_str());
        let same_account = |one: &Self| self.account.is_some() && one.account == self.account;
        given.iter().any(|one| one.by == self.by || (same_account(one) && (is_nameless(self) || is_nameless(one))))
    }

    /// Checks that the approval counts: nobody approves their own request.
    ///
    /// # Errors
    /// The reason why it does not count.
    pub fn check_eligible(&self, requested_by: Option<&str>) -> Result<(), String> {
        match requested_by == Some(self.by.as_str()) {
            true => Err(format!("{} has asked for this promotion, and somebody else must approve it", self.by)),
            false => Ok(()),
        }
    }
}

/// The promotion in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedPromotion {
    /// The environment that the artifact came from.
    pub from: EnvironmentName,
    /// The approvals that it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approved>,
    /// The number of approvals that it still needs, if it waits for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals_wanted: Option<u32>,
    /// The end of its soak, if it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak_until: Option<Timestamp>,
    /// The end of the environment's freeze as far as it is known, if it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_until: Option<Timestamp>,
    /// The beginning of that freeze, if it is still to come, and the rollout would reach into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze_begins: Option<Timestamp>,
    /// The reason for overriding a freeze.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze_override: Option<PlainText>,
    /// The person who has declined it, as they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined_by: Option<Person>,
    /// The warnings for whoever asks for it and approves it, such as that the release was rolled back there; absent where
    /// there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<PlainText>,
    /// The id of the group that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<DeploymentId>,
}

impl RecordedPromotion {
    /// Adds the conditions that a waiting promotion waits for.
    #[must_use]
    pub fn waiting(self, wait: &Wait) -> Self {
        let wanted = Some(wait.approvals_wanted).filter(|wanted| *wanted > 0);
        let Wait { soak_until, frozen_until, freeze_begins, .. } = *wait;
        Self { approvals_wanted: wanted, soak_until, frozen_until, freeze_begins, ..self }
    }

    /// Whether it waits for approvals, a soak or a freeze, and not just for its turn.
    #[must_use]
    pub fn waits_for_long(&self) -> bool {
        self.approvals_wanted.is_some() || self.soak_until.is_some() || self.frozen_until.is_some()
    }
}

/// Names an account that acts without naming a person.
#[must_use]
pub fn account_name(account: &str) -> String {
    format!("account {account}")
}
