//! Locates deployer.json and loads it.

use std::path::PathBuf;

use deployer_core::config::Config;
use deployer_core::id::Region;
use deployer_core::names::CONFIG_VARIABLE;
use deployer_engine::InvalidConfig;

/// The location of deployer.json.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigSource {
    /// An object: `s3://bucket/key`.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// A file.
    File(PathBuf),
}

impl ConfigSource {
    /// Parses `s3://bucket/key` or a file's path.
    ///
    /// # Errors
    /// [`InvalidConfig`]: the address of an object without a bucket or a key.
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        let Some(rest) = text.strip_prefix("s3://") else { return Ok(Self::File(text.into())) };
        match rest.split_once('/') {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                Ok(Self::S3 { bucket: bucket.into(), key: key.into() })
            }
            _ => Err(InvalidConfig(format!("{CONFIG_VARIABLE}: {text:?} is not s3://bucket/key"))),
        }
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

impl std::fmt::Display for ConfigSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}
