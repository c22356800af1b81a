//! Locates deployer.json and loads it.

use std::path::PathBuf;

use deployer_core::config::Config;
use deployer_core::id::Region;
use deployer_core::names::CONFIG_VARIABLE;
use deployer_engine::InvalidConfig;

/// The name that stands before an object's version.
const VERSION_ID: &str = "versionId=";

/// The location of deployer.json.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigSource {
    /// An object: `s3://bucket/key`, or `s3://bucket/key?versionId=id` for one version of it.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// The version; none for the newest one.
        version_id: Option<String>,
    },
    /// A file.
    File(PathBuf),
}

impl ConfigSource {
    /// Parses `s3://bucket/key`, `s3://bucket/key?versionId=id` or a file's path.
    ///
    /// # Errors
    /// [`InvalidConfig`]: the address of an object without a bucket or a key, or with anything else behind the key.
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        let Some(rest) = text.strip_prefix("s3://") else { return Ok(Self::File(text.into())) };
        let (place, version_id) = match rest.split_once('?') {
            None => (rest, None),
            Some((place, query)) => (place, Some(query.strip_prefix(VERSION_ID).ok_or_else(|| wrong(text))?)),
        };
        match place.split_once('/') {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                let version_id = version_id.map(|id| version_of(text, id)).transpose()?;
                Ok(Self::S3 { bucket: bucket.into(), key: key.into(), version_id })
            }
            _ => Err(wrong(text)),
        }
    }

    /// Whether what is there never changes: a version of an object.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        matches!(self, Self::S3 { version_id: Some(_), .. })
    }

    /// Parses the text that was read there as the configuration of a deployer in this region.
    ///
    /// # Errors
    /// [`InvalidConfig`], naming the place: the text cannot be read, or is wrong.
    pub async fn load(
        &self,
        region: &Region,
        text: impl Future<Output = Result<String, String>>,
    ) -> Result<Config, InvalidConfig> {
        let text = text.await.map_err(|cause| InvalidConfig(format!("{self} cannot be read: {cause}")))?;
        Config::parse_in(&text, Some(region)).map_err(|error| InvalidConfig(format!("{self}: {error}")))
    }
}

fn version_of(text: &str, id: &str) -> Result<String, InvalidConfig> {
    // "null" is the version of an object that was written without versioning, and the next write replaces it.
    if id == "null" {
        let why = "the object has no version of its own: turn versioning on for its bucket, and write it again";
        return Err(InvalidConfig(format!("{CONFIG_VARIABLE}: {text:?}: {why}")));
    }
    if id.is_empty() || id.contains(['&', '?', '=']) { Err(wrong(text)) } else { Ok(id.to_owned()) }
}

fn wrong(text: &str) -> InvalidConfig {
    InvalidConfig(format!("{CONFIG_VARIABLE}: {text:?} is not s3://bucket/key or s3://bucket/key?{VERSION_ID}id"))
}

impl std::fmt::Display for ConfigSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::S3 { bucket, key, version_id: None } => write!(f, "s3://{bucket}/{key}"),
            Self::S3 { bucket, key, version_id: Some(id) } => write!(f, "s3://{bucket}/{key}?{VERSION_ID}{id}"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}
