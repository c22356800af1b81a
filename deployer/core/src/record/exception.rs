//! Exceptions from what an environment asks for, as people have asked for them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cause::Cause;
use crate::text::{Person, PlainText};

/// An exception that a person has asked for: to skip a rollout, or to override a freeze.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exception {
    /// The person who has asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Person>,
    /// The reason, in their words.
    pub because: PlainText,
}

/// Writes it after a word such as `skipped`.
impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(by) = &self.by {
            write!(f, "by {by}: ")?;
        } else {
            f.write_str("because: ")?;
        }
        f.write_str(&self.because)
    }
}

impl Exception {
    /// Makes the exception with this reason; none without one.
    #[must_use]
    pub fn of(because: Option<&PlainText>, by: Option<&Person>) -> Option<Self> {
        Some(Self { by: by.cloned(), because: because?.clone() })
    }
}

impl Cause {
    /// Returns that the rollout is skipped; none if it is not.
    #[must_use]
    pub fn rollout_skipped(&self) -> Option<Exception> {
        Exception::of(self.skip_rollout.as_ref(), self.requested_by.as_ref())
    }
}
