//! Finds the things that runs have made, by prefix and tag, and removes them.
//!
//! A run ends with this, and `--clean` does it for runs that were killed. Nothing without the tag is touched, with two
//! exceptions. An archive takes no tags, and is known by its bus. A bucket gets its tag only after it is made, and is
//! known until then by the form of its name, the account and its emptiness. A key has no name, and is known by its tag
//! alone.

mod buckets;
mod events;
mod find;
mod keys;
mod remove;

use std::fmt;

use fixtures::error::Error;
use serde::Serialize;

use crate::outcome::{Answered, Refusal};

/// Something that a run has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// Its kind.
    pub kind: Kind,
    /// Its name; of a queue the URL, of a key the id.
    pub name: String,
}

/// The kinds of things that a run makes, in the order of their removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A rule of EventBridge on the default bus, with its targets.
    Rule,
    /// An archive of EventBridge.
    Archive,
    /// A bus of EventBridge, with its rules.
    Bus,
    /// A queue of SQS.
    Queue,
    /// A function, with its versions and aliases.
    Function,
    /// A bucket, with all versions of its objects.
    Bucket,
    /// A role, with its policies.
    Role,
    /// A key of KMS: KMS deletes it after seven days.
    Key,
}

impl Kind {
    /// Everything that any run makes.
    pub const ALL: [Self; 8] =
        [Self::Rule, Self::Archive, Self::Bus, Self::Queue, Self::Function, Self::Bucket, Self::Role, Self::Key];
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Rule => "rule",
            Kind::Archive => "archive",
            Kind::Bus => "event bus",
            Kind::Queue => "queue",
            Kind::Function => "function",
            Kind::Bucket => "bucket",
            Kind::Role => "role",
            Kind::Key => "key",
        };
        write!(f, "{kind} {}", self.name)
    }
}

/// The things that were found under a prefix.
#[derive(Debug, Default)]
pub struct Found {
    /// The things that bear the tag, in the order of their removal.
    pub leftovers: Vec<Leftover>,
    /// The things that bear the name and not the tag, in words: they are left as they are.
    pub untagged: Vec<String>,
    /// The kinds that could not be looked for.
    pub errors: Vec<CleanupError>,
}

/// A call of the clean-up that failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CleanupError {
    /// A right is missing: the same call fails again.
    #[error("{0}")]
    Denied(Error),
    /// Anything else, which may pass.
    #[error("{0}")]
    Failed(Error),
}

impl CleanupError {
    /// Tells a missing right from another refusal.
    fn refused(doing: &str, refusal: &Refusal) -> Self {
        if refusal.is_denied() {
            Self::Denied(Error::failed(doing, format!("this right is missing: {refusal}")))
        } else {
            Self::Failed(Error::failed(doing, refusal))
        }
    }

    /// Whether a right is missing.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Denied(_))
    }

    /// Names the thing that the error leaves in the account.
    fn leaving(self, leftover: &Leftover) -> Self {
        let left = |error| Error::failed(format!("{leftover} is left"), error);
        match self {
            Self::Denied(error) => Self::Denied(left(error)),
            Self::Failed(error) => Self::Failed(left(error)),
        }
    }
}

impl From<Error> for CleanupError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A result of the clean-up.
type Result<T, E = CleanupError> = std::result::Result<T, E>;

/// Tells a missing right from other failures.
trait Cleared<T> {
    /// Returns the output.
    ///
    /// # Errors
    /// No answer came, or AWS refused the call.
    fn cleared(self, doing: &str) -> Result<T>;
}

impl<T, A: Answered<T>> Cleared<T> for A {
    fn cleared(self, doing: &str) -> Result<T> {
        self.any_answer(doing)?.map_err(|refusal| CleanupError::refused(doing, &refusal))
    }
}

pub use find::find;
pub use remove::{Removed, remove_all};
