//! Something that stands in the ledger because commands have asked for it: a hold, or a rejected release.
//!
//! The ids of those commands stand beside it, so that a command that comes again is told from one whose effect was since
//! undone. They go with it: whoever undoes it, or puts another in its place, forgets them with the same write.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{Release, RequestHash, Sha256};
use crate::text::{Person, PlainText};

/// How many commands are known by their id: those that stand beside one thing, and those that an object has carried out.
pub const OBEYED: usize = 50;

/// What came of a command that changes an object of the ledger without deploying.
#[derive(Debug, Clone, PartialEq)]
pub enum CommandEffect<T> {
    /// To be written.
    Now(Box<T>),
    /// The same command was carried out before, and what it has asked for is so.
    Earlier,
    /// The id is that of a command whose effect was since undone, or of another command.
    Reused {
        /// The id.
        id: String,
    },
}

impl<T> CommandEffect<T> {
    /// What to tell a command of this id that comes again.
    #[must_use]
    pub fn again(id: &str, still_stands: bool) -> Self {
        if still_stands { Self::Earlier } else { Self::Reused { id: id.to_owned() } }
    }
}

/// What stands, and who asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commanded<T> {
    /// What stands.
    #[serde(flatten)]
    pub what: T,
    /// The commands that have asked for it, the newest first: the words are that one's. Objects of before have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    asked_by: Vec<RequestHash>,
}

impl<T> Commanded<T> {
    /// What a command asks for, in place of what stood before.
    #[must_use]
    pub fn new(what: T, hash: RequestHash, before: Option<&Self>) -> Self {
        let mut asked_by = before.map_or(vec![], |before| before.asked_by.clone());
        asked_by.insert(0, hash);
        asked_by.truncate(OBEYED);
        Self { what, asked_by }
    }

    /// Whether it stands because of this command too, which asks for it in these words.
    #[must_use]
    pub fn is_asked_for(&self, hash: RequestHash, in_these_words: impl Fn(&T) -> bool) -> bool {
        let is_known = self.asked_by.is_empty() || self.asked_by.contains(&hash);
        let has_other_words = self.asked_by.first() == Some(&hash) && !in_these_words(&self.what);
        is_known && !has_other_words
    }
}

/// Nothing new is taken until it is released; rolling back is still possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// Why, in the words of whoever holds.
    pub reason: PlainText,
    /// Who.
    pub requested_by: Option<Person>,
    /// Since when.
    pub since: Timestamp,
}

/// A release of a function that nothing deploys any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reject {
    /// Its label.
    pub release: Release,
    /// Its code, in whatever environment and under whatever label it comes again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sha256: Vec<Sha256>,
    /// Why, in the words of whoever rejected it.
    pub reason: PlainText,
    /// Who.
    pub requested_by: Option<Person>,
    /// Since when.
    pub since: Timestamp,
}
