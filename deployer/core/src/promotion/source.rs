//! The environments that promotions come from.

use super::spec::PromotionSpec;
use crate::config::Target;
use crate::head::{Head, LiveArtifact, ResolvedArtifact};

/// An environment that a promotion may come from.
#[derive(Debug, Clone, Default)]
pub struct SourceEnvironment {
    /// Its head.
    pub head: Head,
    /// The targets that it has now.
    pub targets: Vec<Target>,
}

impl SourceEnvironment {
    /// Whether the artifact reached every target that the environment had then and still has.
    #[must_use]
    pub fn is_complete(&self, live: &LiveArtifact) -> bool {
        live.is_complete_in(&self.targets)
    }

    /// Returns the number of targets as text (`1 of 3 targets`) for an artifact that is or was live there, but never on
    /// all targets.
    #[must_use]
    pub fn partial_extent(&self, artifact: &ResolvedArtifact) -> Option<String> {
        let all = self.head.history().iter().chain(self.head.left());
        let mut same = all.filter(|live| is_same(live, artifact)).peekable();
        let first = same.peek().copied()?;
        (!same.any(|live| self.is_complete(live))).then(|| first.extent(&self.targets))
    }
}

/// Whether a live entry is this artifact: the same object, or the same code.
#[must_use]
pub fn is_same(live: &LiveArtifact, artifact: &ResolvedArtifact) -> bool {
    live.artifact == artifact.artifact || (live.sha256.is_some() && live.sha256 == artifact.sha256)
}

impl PromotionSpec {
    /// Finds the artifact: the live one of `from`, or the newest of the named release that was complete there.
    #[must_use]
    pub fn resolved_in(self, from: &SourceEnvironment) -> Self {
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
}
