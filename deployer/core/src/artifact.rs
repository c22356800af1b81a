//! The artifact that CI uploads: the grammar of its object key, the object version, and the facts that verification
//! proves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::rollout::SmokeTest;
use crate::id::{
    BucketName, DeploymentId, EnvironmentName, FunctionName, InvalidName, Region, Release, RequestHash, Sha256,
};
use crate::managed_keys::ManagedKeys;
use crate::manifest::FunctionConfig;
use crate::names::ARTIFACT_SUFFIX;
use crate::package::{Startup, image};
use crate::text::PlainText;

/// The names of the object's user metadata that the record keeps.
pub const KEPT_METADATA: [&str; 4] = ["commit", "commit-time", "build-url", UPLOADED_BY];
/// The name of the user metadata that says who uploaded the object.
pub const UPLOADED_BY: &str = "uploaded-by";

/// The parts of an artifact's object key, `<environment>/<function>/<release>.zip`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactKey {
    /// The key's first part.
    pub environment: EnvironmentName,
    /// The key's second part.
    pub function: FunctionName,
    /// The key's last part without `.zip`.
    pub release: Release,
}

/// A key that is not `<environment>/<function>/<release>.zip`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key has another number of parts, or does not end in `.zip`.
    #[error("its key is not <environment>/<function>/<release>.zip")]
    Form,
    /// The file refers to a container image.
    #[error(
        "its key is not <environment>/<function>/<release>.zip, and it refers to a container image: {}",
        image::INSTEAD
    )]
    ImageReference,
    /// The environment, the function or the release breaks the rule of its name.
    #[error("its key is not <environment>/<function>/<release>.zip: {0}")]
    Part(#[from] InvalidName),
}

impl ArtifactKey {
    /// Reads a plain (already decoded) object key.
    ///
    /// # Errors
    /// [`KeyError`] saying which part breaks which rule.
    pub fn parse(key: &str) -> Result<Self, KeyError> {
        let mut parts = key.split('/');
        let (Some(environment), Some(function), Some(file), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(KeyError::Form);
        };
        let Some(release) = file.strip_suffix(ARTIFACT_SUFFIX) else {
            return Err(if image::is_named_as_reference(file) { KeyError::ImageReference } else { KeyError::Form });
        };
        Ok(Self {
            environment: EnvironmentName::parse(environment)?,
            function: FunctionName::parse(function)?,
            release: Release::parse(release)?,
        })
    }

    /// Returns the environment and the function of a key, whatever its file is called. None if the key has another form
    /// or an empty file name.
    #[must_use]
    pub fn folder(key: &str) -> Option<(EnvironmentName, FunctionName)> {
        let mut parts = key.split('/');
        let (environment, function, file, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
            return None;
        };
        let folder = (EnvironmentName::parse(environment).ok()?, FunctionName::parse(function).ok()?);
        (!file.is_empty()).then_some(folder)
    }

    /// Returns the object key.
    #[must_use]
    pub fn object_key(&self) -> String {
        format!("{}/{}/{}{ARTIFACT_SUFFIX}", self.environment, self.function, self.release)
    }
}

/// One version of one zip object. Immutable.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ArtifactRef {
    /// The artifact bucket.
    pub bucket: BucketName,
    /// The object's key.
    pub key: String,
    /// The S3 version id. It is never absent: without it the key alone does not say which bytes are meant.
    pub version_id: String,
}

/// An upload as S3 or EventBridge announces it, decoded but not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The bucket's name as the event gave it.
    pub bucket: String,
    /// The plain key.
    pub key: String,
    /// The object's version id, absent where the bucket has no versioning.
    pub version_id: Option<String>,
    /// The order of events within one key (S3 User Guide, "Event message structure").
    pub sequencer: Option<String>,
    /// The time of the upload, as the event says.
    pub time: Timestamp,
    /// The request id or event id, for the record.
    pub event_id: Option<String>,
}

/// An upload of a valid key in the artifact bucket: it can be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedUpload {
    /// The parts of the key.
    pub key: ArtifactKey,
    /// The object version.
    pub artifact: ArtifactRef,
    /// The event's time.
    pub time: Timestamp,
    /// The order of events within one key.
    pub sequencer: Option<String>,
    /// The request id or event id, for the record.
    pub event_id: Option<String>,
}

/// The reason for which an upload is ignored: it is not deployed and gets no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IgnoredUpload {
    /// The event comes from another bucket.
    #[error("the event is about bucket {found}, not the artifact bucket {expected}")]
    OtherBucket {
        /// The configured artifact bucket.
        expected: BucketName,
        /// The event's bucket.
        found: String,
    },
    /// The key is not an artifact's.
    #[error("{key:?} is not an artifact: {error}")]
    Key {
        /// The key as the event has it, cut to 300 characters.
        key: String,
        /// The rule that the key breaks.
        error: KeyError,
    },
    /// The event has no version id: versioning is off.
    #[error("{key:?} came without a version id: turn versioning on for bucket {bucket}, then upload it again")]
    NoVersion {
        /// The artifact bucket.
        bucket: BucketName,
        /// The key.
        key: String,
    },
}

impl Upload {
    /// Checks an announced upload and finds its key's parts and object version (step "locate").
    ///
    /// # Errors
    /// [`IgnoredUpload`] if the upload is ignored.
    pub fn locate(self, artifact_bucket: &BucketName) -> Result<LocatedUpload, IgnoredUpload> {
        if self.bucket != artifact_bucket.as_str() {
            return Err(IgnoredUpload::OtherBucket { expected: artifact_bucket.clone(), found: self.bucket });
        }
        let key = match ArtifactKey::parse(&self.key) {
            Ok(key) => key,
            Err(error) => return Err(IgnoredUpload::Key { key: self.key.chars().take(300).collect(), error }),
        };
        // S3 sends no version id where versioning is off, and "null" for objects from before it was turned on.
        let Some(version_id) = self.version_id.filter(|id| !id.is_empty() && id != "null") else {
            return Err(IgnoredUpload::NoVersion { bucket: artifact_bucket.clone(), key: self.key });
        };
        Ok(LocatedUpload {
            key,
            artifact: ArtifactRef { bucket: artifact_bucket.clone(), key: self.key, version_id },
            time: self.time,
            sequencer: self.sequencer,
            event_id: self.event_id,
        })
    }
}

impl LocatedUpload {
    /// Returns the identity of the upload, which is the same through S3 and EventBridge: bucket, key, version id and
    /// environment.
    #[must_use]
    pub fn identity(&self) -> RequestHash {
        let a = &self.artifact;
        RequestHash::of(&["upload", a.bucket.as_str(), &a.key, &a.version_id, self.key.environment.as_str()])
    }

    /// Returns the id of this upload's deployment.
    #[must_use]
    pub fn deployment_id(&self) -> DeploymentId {
        DeploymentId::of(self.time, self.identity())
    }
}

/// An artifact that was read to its last byte and obeys every rule of the contract's "What a zip must be".
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedArtifact {
    /// The object version.
    pub reference: ArtifactRef,
    /// The bucket's region. Targets in it get the code by reference, all others inline. None: the artifact is in no
    /// bucket, and every target gets it inline.
    pub region: Option<Region>,
    /// The zip's hash, comparable with Lambda's `CodeSha256`.
    pub sha256: Sha256,
    /// The zip's size in bytes.
    pub size: u64,
    /// The object's user metadata that the record keeps ([`KEPT_METADATA`]).
    pub metadata: BTreeMap<String, PlainText>,
    /// The manifest for the environment; empty where the zip has none.
    pub config: FunctionConfig,
    /// Whether the zip has a manifest. Without one the configuration is left alone.
    pub has_manifest: bool,
    /// The smoke tests that it brings, if it is to roll out.
    pub smoke_tests: Vec<SmokeTest>,
    /// The facts about the zip's contents that decide whether Lambda can start it.
    pub startup: Startup,
}

impl VerifiedArtifact {
    /// Returns the names of the variables and tags that the manifest sets; none if the zip has no manifest.
    #[must_use]
    pub fn managed_keys(&self) -> Option<ManagedKeys> {
        self.has_manifest.then(|| self.config.managed_keys())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn upload(key: &str) -> Upload {
        Upload {
            bucket: "acme-artifacts".into(),
            key: key.into(),
            version_id: Some("v1".into()),
            sequencer: Some("0A".into()),
            time: "2026-11-01T10:00:00.750Z".parse().unwrap(),
            event_id: None,
        }
    }

    fn bucket() -> BucketName {
        BucketName::parse("acme-artifacts").unwrap()
    }

    #[test]
    fn valid_key_names_environment_function_and_release() {
        let key = ArtifactKey::parse("dev/orders-api/1.4.2+b7.zip").unwrap();
        assert_eq!(
            (key.environment.as_str(), key.function.as_str(), key.release.as_str()),
            ("dev", "orders-api", "1.4.2+b7")
        );
        assert_eq!(key.object_key(), "dev/orders-api/1.4.2+b7.zip");
    }

    #[test]
    fn key_of_another_form_is_ignored_with_its_broken_rule() {
        for (key, because) in [
            ("readme.md", "\"readme.md\" is not an artifact: its key is not <environment>/<function>/<release>.zip"),
            (
                "dev/orders/1.zip/",
                "\"dev/orders/1.zip/\" is not an artifact: its key is not <environment>/<function>/<release>.zip",
            ),
            (
                "dev/orders/imagedefinitions.json",
                "\"dev/orders/imagedefinitions.json\" is not an artifact: its key is not <environment>/<function>/<release>.zip, \
                 and it refers to a container image: the deployer deploys zips, not container images: zip the function's code \
                 and upload that, or deploy the image with aws lambda update-function-code --image-uri",
            ),
            (
                "Dev/orders/1.zip",
                "\"Dev/orders/1.zip\" is not an artifact: its key is not <environment>/<function>/<release>.zip: \
                 \"Dev\" is not an environment: a lower-case letter, then at most 31 of a-z, 0-9 and -",
            ),
            (
                "dev/orders api/1.zip",
                "\"dev/orders api/1.zip\" is not an artifact: its key is not <environment>/<function>/<release>.zip: \
                 \"orders api\" is not a function name: 1 to 64 of letters, digits, - and _",
            ),
            (
                "dev/orders/.zip",
                "\"dev/orders/.zip\" is not an artifact: its key is not <environment>/<function>/<release>.zip: \
                 \"\" is not a release: a letter or digit, then at most 127 of letters, digits and . _ + -",
            ),
        ] {
            assert_eq!(upload(key).locate(&bucket()).unwrap_err().to_string(), because);
        }
    }

    #[test]
    fn event_of_another_bucket_or_without_a_version_is_ignored() {
        let other = Upload { bucket: "other".into(), ..upload("dev/f/1.zip") }.locate(&bucket()).unwrap_err();
        assert_eq!(other.to_string(), "the event is about bucket other, not the artifact bucket acme-artifacts");
        for version_id in [None, Some(String::new()), Some("null".to_owned())] {
            let unversioned = Upload { version_id, ..upload("dev/f/1.zip") }.locate(&bucket()).unwrap_err();
            assert_eq!(
                unversioned.to_string(),
                "\"dev/f/1.zip\" came without a version id: turn versioning on for bucket acme-artifacts, \
                 then upload it again"
            );
        }
    }

    #[test]
    fn upload_has_the_same_identity_from_s3_and_eventbridge() {
        let s3 = upload("dev/f/1.zip").locate(&bucket()).unwrap();
        let eventbridge = Upload { event_id: Some("e".into()), sequencer: None, ..upload("dev/f/1.zip") };
        assert_eq!(s3.identity(), eventbridge.locate(&bucket()).unwrap().identity());
        let newer = Upload { version_id: Some("v2".into()), ..upload("dev/f/1.zip") }.locate(&bucket()).unwrap();
        assert_ne!(s3.identity(), newer.identity());
    }

    proptest! {
        #[test]
        fn every_key_round_trips_or_is_refused(key in "[a-zA-Z0-9./_+ -]{0,60}") {
            if let Ok(parsed) = ArtifactKey::parse(&key) {
                prop_assert_eq!(parsed.object_key(), key);
            }
        }
    }
}
