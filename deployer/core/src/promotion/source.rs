//! The environments that promotions come from, as they were read.

use crate::config::Target;
use crate::head::{Head, Live, ResolvedArtifact};

use super::is_same;

/// An environment that a promotion may come from.
#[derive(Debug, Clone, Default)]
pub struct SourceEnvironment {
    /// Its head.
    pub head: Head,
    /// The targets that it has now.
    pub targets: Vec<Target>,
}

impl SourceEnvironment {
    /// Whether the artifact was brought to every target that it had then and still has.
    #[must_use]
    pub fn is_complete(&self, live: &Live) -> bool {
        live.is_complete_in(&self.targets)
    }

    /// On how many of its targets an artifact is that is live there, or was, but never on all.
    #[must_use]
    pub fn only_on(&self, artifact: &ResolvedArtifact) -> Option<String> {
        let all = self.head.history().iter().chain(self.head.left());
        let mut same = all.filter(|live| is_same(live, artifact)).peekable();
        let first = same.peek().copied()?;
        (!same.any(|live| self.is_complete(live))).then(|| first.extent(&self.targets))
    }
}
