//! Finds what runs have made, by prefix and tag, and removes it.
//!
//! A run ends with this, and `--clean` does it for runs that were killed. Nothing without the tag is touched, whatever
//! its name. An archive and an alias of a key take no tags, and are known by the bus and the key that they belong to.

mod events;
mod find;
mod keys;
mod remove;

use std::fmt;

use serde::Serialize;

/// Something that a run has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// What it is.
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
    /// A key of KMS with its alias: KMS deletes it after seven days.
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
    /// The services that could not be asked, in words.
    pub errors: Vec<String>,
}

pub use find::find;
pub use remove::{Removed, remove_all};
