//! The artifact in a deployment's record.

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
    /// The zip's size in bytes; null until it was read.
    pub size: Option<u64>,
    /// The zip's SHA-256 in base64, as Lambda's `CodeSha256`; null until it was read to the end.
    pub sha256: Option<Sha256>,
    /// The object's user metadata: `commit`, `commit-time`, `build-url` and `uploaded-by`, as far as they were set.
    pub metadata: BTreeMap<String, PlainText>,
}

impl RecordedArtifact {
    /// Returns the object version.
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
