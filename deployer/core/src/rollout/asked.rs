//! The words that people give about a rollout, and who they are.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::identity::Principal;
use crate::text::{Person, PlainText};

/// An action that a person asks for in a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RolloutVerb {
    /// It takes no step until it is continued. It is looked at as before.
    Pause,
    /// It goes on after a pause.
    Continue,
    /// It waits no more. Smoke tests still run, and each look is still judged.
    Finish,
    /// It goes back.
    Abort,
}

/// The word of a person about a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskedInRollout {
    /// The time at which it was accepted.
    pub at: Timestamp,
    /// The action.
    pub action: RolloutVerb,
    /// The person who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<Person>,
    /// The principal that AWS has named as the one who asked; none where nothing was proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// The reason why a proof of identity that came with the command proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unproven: Option<PlainText>,
    /// The reason, in the words of the person who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<PlainText>,
}

impl RolloutVerb {
    /// All actions.
    pub(crate) const ALL: [Self; 4] = [Self::Pause, Self::Continue, Self::Finish, Self::Abort];

    /// Returns the word of the command.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Continue => "continue",
            Self::Finish => "finish",
            Self::Abort => "abort",
        }
    }
}

impl AskedInRollout {
    /// Says who has asked for it, and why.
    #[must_use]
    pub fn sentence(&self) -> PlainText {
        let who = self.requested_by.as_deref().unwrap_or("a person");
        let principal = self.principal.as_ref().map_or(String::new(), |principal| format!(" ({principal})"));
        let reason = self.reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
        PlainText::of(format_args!("{who}{principal} has asked to {} it{reason}", self.action.as_str()))
    }
}
