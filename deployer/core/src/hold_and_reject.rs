//! State in the ledger that commands set and clear: a hold, or a rejected release.
//!
//! The ids of the commands that asked for the state are kept beside it. So a repeated command is told from one whose
//! effect was undone since. Whoever clears or replaces the state drops these ids in the same write.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{Release, RequestHash, Sha256};
use crate::identity::Principal;
use crate::text::{Person, PlainText};

/// The number of command ids that are remembered, both beside one hold or reject and per ledger object.
pub const REMEMBERED_COMMANDS: usize = 50;

/// The effect of a command that changes a ledger object and deploys nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum CommandEffect<T> {
    /// The changed object, which the caller writes.
    Write(Box<T>),
    /// The same command was carried out before, and its effect still stands.
    Duplicate,
    /// The id belongs to a command whose effect was undone since, or to another command.
    Reused {
        /// The id.
        id: String,
    },
}

impl<T> CommandEffect<T> {
    /// Returns the effect of a command that is repeated under this id.
    #[must_use]
    pub fn again(id: &str, still_stands: bool) -> Self {
        if still_stands { Self::Duplicate } else { Self::Reused { id: id.to_owned() } }
    }
}

/// A hold or a reject, with the commands that asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commanded<T> {
    /// The hold or the reject.
    #[serde(flatten)]
    pub what: T,
    /// The hashes of the commands that asked for it, newest first. The reason is that of the newest. Empty in objects
    /// that older deployers wrote.
    #[serde(default, rename = "asked_by", skip_serializing_if = "Vec::is_empty")]
    command_hashes: Vec<RequestHash>,
}

impl<T> Commanded<T> {
    /// Makes the state that a command asks for; the commands of the state it replaces are kept.
    #[must_use]
    pub fn new(what: T, hash: RequestHash, before: Option<&Self>) -> Self {
        let mut command_hashes = before.map_or(vec![], |before| before.command_hashes.clone());
        command_hashes.insert(0, hash);
        command_hashes.truncate(REMEMBERED_COMMANDS);
        Self { what, command_hashes }
    }

    /// Whether this command asked for it, and with the same words if it was the last to ask. An object without ids
    /// counts as asked for by any command.
    #[must_use]
    pub fn is_asked_for(&self, hash: RequestHash, in_these_words: impl Fn(&T) -> bool) -> bool {
        let is_known = self.command_hashes.is_empty() || self.command_hashes.contains(&hash);
        let has_other_words = self.command_hashes.first() == Some(&hash) && !in_these_words(&self.what);
        is_known && !has_other_words
    }
}

/// A hold: the environment takes no uploads, deploys, redeploys and promotions for the function until it is released.
/// Rollbacks still work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// The reason, in the words of the person who set the hold.
    pub reason: PlainText,
    /// The person who asked for it.
    pub requested_by: Option<Person>,
    /// The principal that AWS has named as the one who asked; none where nothing was proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// The reason why a proof of identity that came with the command proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unproven: Option<PlainText>,
    /// The time at which it was set.
    pub since: Timestamp,
}

/// A rejected release: nothing deploys it any more, in any environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reject {
    /// The release's label.
    pub release: Release,
    /// The hashes of its code. The same code is refused in every environment and under every label.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sha256: Vec<Sha256>,
    /// The reason, in the words of the person who rejected it.
    pub reason: PlainText,
    /// The person who asked for it.
    pub requested_by: Option<Person>,
    /// The principal that AWS has named as the one who asked; none where nothing was proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// The reason why a proof of identity that came with the command proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unproven: Option<PlainText>,
    /// The time at which it was set.
    pub since: Timestamp,
}
