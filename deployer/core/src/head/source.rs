//! The source of a request: it says what shall become live.

use serde::{Deserialize, Serialize};

use super::frozen_place::FrozenPlace;
use super::resolved_artifact::ResolvedArtifact;
use crate::artifact::ArtifactRef;
use crate::id::{DeploymentId, Release};
use crate::promotion::PromotionSpec;
use crate::text::PlainText;

/// The source of a deployment. Its exact artifact is resolved under the claim, for it depends on what came before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// This object version.
    Artifact {
        /// The release.
        release: Release,
        /// The object version.
        artifact: ArtifactRef,
        /// S3's order within the key.
        sequencer: Option<String>,
    },
    /// The newest version of this release's key.
    Newest {
        /// The release.
        release: Release,
    },
    /// The artifact that is live: targets that serve something else are brought back to it.
    Live {
        /// The deployment that had brought what was live when this was asked for: something newer supersedes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<DeploymentId>,
    },
    /// The artifact that another environment has live.
    Promoted(Box<PromotionSpec>),
    /// The artifact that was live before this one, as long as this one is live. Where only some targets serve this one:
    /// the artifact that is live.
    Undo {
        /// The release that goes.
        release: Release,
        /// Its object version; none: any of its label.
        artifact: Option<ArtifactRef>,
        /// The deployment that brought it; none: any. Where another one did, what is live stays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<DeploymentId>,
    },
    /// An artifact that was live before.
    Earlier(Rollback),
    /// A source that only a newer deployer knows.
    #[serde(other, rename = "?")]
    Unknown,
}

impl Source {
    /// The release, where the request names it.
    #[must_use]
    pub fn release(&self) -> Option<&Release> {
        match self {
            Self::Artifact { release, .. } | Self::Newest { release } => Some(release),
            Self::Promoted(promoting) => promoting.release(),
            Self::Earlier(rollback) => rollback.to.as_ref(),
            Self::Live { .. } | Self::Undo { .. } | Self::Unknown => None,
        }
    }
}

/// A rollback by hand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rollback {
    /// The release whose newest artifact it goes back to; none: it goes back to the artifact before what is live.
    #[serde(default)]
    pub to: Option<Release>,
    /// The release or the deployment that the person saw live: the rollback is refused where it is live no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_live: Option<String>,
    /// The deployment that the person saw under way; it may have ended meanwhile as what is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_active: Option<DeploymentId>,
    /// The deployment that was under way when the rollback was accepted, and that it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<DeploymentId>,
    /// The artifact that was live then; none: nothing was, and the rollback only stops the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Box<ResolvedArtifact>>,
    /// The rollout that it meant and has taken back, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_back: Option<PlainText>,
    /// Where that rollout was, and the role by which the deployer enters its targets: the rollback goes by them where its
    /// environment is gone from the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_plan: Option<Box<FrozenPlace>>,
    /// The groups that it could not end in time once it was accepted, and that the sweep ends, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_to_sweep: Option<PlainText>,
}

impl Rollback {
    /// Makes a rollback to a release, or to what was live before.
    #[must_use]
    pub fn to(to: Option<Release>) -> Self {
        Self { to, ..Self::default() }
    }

    /// Drops the conditions on what the person saw: they were verified when the rollback stopped a deployment. If that
    /// deployment changes what is live, it is the rollback's own doing.
    pub(super) fn verified(self) -> Self {
        Self { if_live: None, if_active: None, ..self }
    }

    /// Whether it names no release.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.to.is_none()
    }
}
