//! The artifact that a request means, once that is resolved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::live_artifact::LiveArtifact;
use crate::artifact::ArtifactRef;
use crate::config::Target;
use crate::id::{FunctionName, Release, Sha256, Version};
use crate::record::RecordedArtifact;
use crate::text::PlainText;

/// The artifact that a deployment is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedArtifact {
    /// The release.
    pub release: Release,
    /// The object version.
    pub artifact: ArtifactRef,
    /// The sha256 of its code, where that was live before.
    #[serde(default)]
    pub sha256: Option<Sha256>,
    /// Its size in bytes, where it was read before.
    #[serde(default)]
    pub size: Option<u64>,
    /// The versions that have served it, by target: a rollback goes back to these as long as Lambda has them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, Version>,
    /// The function whose versions these are; heads of older deployers do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_name: Option<FunctionName>,
    /// The reason for which it is this artifact, where that is not obvious: the record says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<PlainText>,
    /// The warnings for whoever promotes it; none where there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<PlainText>,
}

impl ResolvedArtifact {
    /// Makes an artifact of which nothing more is known yet.
    #[must_use]
    pub fn of(release: Release, artifact: ArtifactRef) -> Self {
        let versions = BTreeMap::new();
        Self {
            release,
            artifact,
            sha256: None,
            size: None,
            versions,
            function_name: None,
            because: None,
            warning: None,
        }
    }

    /// Returns the artifact as a record shows it.
    #[must_use]
    pub fn recorded(&self) -> RecordedArtifact {
        RecordedArtifact { size: self.size, sha256: self.sha256, ..(&self.artifact).into() }
    }

    /// Makes the artifact of a rollback: the targets get it by the versions that have served it.
    pub(super) fn for_restore(live: &LiveArtifact) -> Self {
        let LiveArtifact { release, artifact, sha256, size, versions, mut former, function_name, .. } = live.clone();
        former.extend(versions);
        Self { release, artifact, sha256, size, versions: former, function_name, because: None, warning: None }
    }

    /// Finds the version of this function that has served it in a target.
    #[must_use]
    pub fn version_of(&self, function_name: &FunctionName, target: &Target) -> Option<&Version> {
        let is_its = self.function_name.as_ref().is_none_or(|name| name == function_name);
        self.versions.get(&target.to_string()).filter(|_| is_its)
    }
}

impl From<&LiveArtifact> for ResolvedArtifact {
    /// Brings what is live once more by a new version, with the configuration that its manifest names.
    fn from(live: &LiveArtifact) -> Self {
        Self { versions: BTreeMap::new(), function_name: None, ..Self::for_restore(live) }
    }
}
