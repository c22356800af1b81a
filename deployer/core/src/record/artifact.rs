//! The artifact of a deployment, as records tell it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::artifact::{ArtifactRef, VerifiedArtifact};
use crate::id::{BucketName, Sha256};
use crate::text::PlainText;

/// The artifact of a deployment, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedArtifact {
    /// The artifact bucket.
    pub bucket: BucketName,
    /// The object's key.
    pub key: String,
    /// The object's S3 version id.
    pub version_id: String,
    /// Bytes; null until read.
    pub size: Option<u64>,
    /// The zip's hash; null until read to the end.
    pub sha256: Option<Sha256>,
    /// `commit`, `commit-time`, `build-url`, `uploaded-by` of the object's user metadata.
    pub metadata: BTreeMap<String, PlainText>,
}

impl RecordedArtifact {
    /// The object version.
    #[must_use]
    pub fn reference(&self) -> ArtifactRef {
        ArtifactRef { bucket: self.bucket.clone(), key: self.key.clone(), version_id: self.version_id.clone() }
    }
}

impl From<&ArtifactRef> for RecordedArtifact {
    fn from(artifact: &ArtifactRef) -> Self {
        Self {
            bucket: artifact.bucket.clone(),
            key: artifact.key.clone(),
            version_id: artifact.version_id.clone(),
            size: None,
            sha256: None,
            metadata: BTreeMap::new(),
        }
    }
}

impl From<&VerifiedArtifact> for RecordedArtifact {
    fn from(verified: &VerifiedArtifact) -> Self {
        Self {
            size: Some(verified.size),
            sha256: Some(verified.sha256),
            metadata: verified.metadata.clone(),
            ..Self::from(&verified.reference)
        }
    }
}
