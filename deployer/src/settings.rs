//! The process's environment as settings, all at once, before any client exists; and deployer.json, kept for a minute.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use deployer_core::config::Config;
use deployer_core::id::Region;
use deployer_core::names::CONFIG_VARIABLE;
use jiff::Timestamp;
use tokio::sync::Mutex;

/// How long deployer.json is not read again.
pub const CONFIG_AGE: Duration = Duration::from_secs(60);

/// Where deployer.json is.
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

/// What the environment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `DEPLOYER_CONFIG`.
    pub config: ConfigSource,
    /// `AWS_REGION`: the deployer's region, which is the artifact bucket's, for S3 notifies only queues of its own.
    pub region: Region,
}

/// The deployer cannot work as it is set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidConfig(pub String);

impl Settings {
    /// Reads the settings from variables, by a function that finds one.
    ///
    /// # Errors
    /// [`InvalidConfig`] naming the variable.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidConfig> {
        let wanted = |name: &str, what: &str| {
            let value = variable(name).filter(|value| !value.is_empty());
            value.ok_or_else(|| InvalidConfig(format!("{name} is not set: it must be {what}")))
        };
        let config = wanted(CONFIG_VARIABLE, "s3://bucket/key or a file's path, where deployer.json is")?;
        let region = wanted("AWS_REGION", "the region of the deployer and its artifact bucket")?;
        Ok(Self {
            config: ConfigSource::parse(&config)?,
            region: Region::parse(region).map_err(|error| InvalidConfig(format!("AWS_REGION: {error}")))?,
        })
    }
}

impl ConfigSource {
    fn parse(text: &str) -> Result<Self, InvalidConfig> {
        let Some(rest) = text.strip_prefix("s3://") else { return Ok(Self::File(text.into())) };
        match rest.split_once('/') {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                Ok(Self::S3 { bucket: bucket.into(), key: key.into() })
            }
            _ => Err(InvalidConfig(format!("{CONFIG_VARIABLE}: {text:?} is not s3://bucket/key"))),
        }
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

/// deployer.json as it was last read.
#[derive(Default)]
pub struct ConfigCache {
    kept: Mutex<Option<(Arc<Config>, Timestamp)>>,
}

impl ConfigCache {
    /// The configuration, read anew when it is older than a minute or the last reading failed.
    ///
    /// # Errors
    /// [`InvalidConfig`], naming the place and the field.
    pub async fn get(
        &self,
        source: &ConfigSource,
        now: Timestamp,
        read: impl Future<Output = Result<String, String>>,
    ) -> Result<Arc<Config>, InvalidConfig> {
        let mut kept = self.kept.lock().await;
        if let Some((config, at)) = kept.as_ref()
            && Duration::try_from(now.duration_since(*at)).is_ok_and(|age| age <= CONFIG_AGE)
        {
            return Ok(config.clone());
        }
        *kept = None;
        let text = read.await.map_err(|cause| InvalidConfig(format!("{source} cannot be read: {cause}")))?;
        let config = Config::parse(&text).map_err(|error| InvalidConfig(format!("{source}: {error}")))?;
        let config = Arc::new(config);
        *kept = Some((config.clone(), now));
        Ok(config)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(config: &str, region: &str) -> Result<Settings, String> {
        Settings::read(|name| match name {
            "DEPLOYER_CONFIG" => Some(config.to_owned()),
            "AWS_REGION" => Some(region.to_owned()),
            _ => None,
        })
        .map_err(|error| error.to_string())
    }

    #[test]
    fn the_configuration_is_an_object_or_a_file() {
        let source = |text| read(text, "eu-west-1").unwrap().config;
        assert_eq!(source("s3://b/c/d.json"), ConfigSource::S3 { bucket: "b".into(), key: "c/d.json".into() });
        assert_eq!(source("conf/deployer.json"), ConfigSource::File("conf/deployer.json".into()));
        assert_eq!(read("s3://b", "eu-west-1").unwrap_err(), "DEPLOYER_CONFIG: \"s3://b\" is not s3://bucket/key");
    }

    #[test]
    fn a_missing_variable_is_named() {
        assert_eq!(
            read("", "eu-west-1").unwrap_err(),
            "DEPLOYER_CONFIG is not set: it must be s3://bucket/key or a file's path, where deployer.json is"
        );
        assert_eq!(
            read("d.json", "nowhere").unwrap_err(),
            "AWS_REGION: \"nowhere\" is not a region: a region's code such as eu-west-1"
        );
    }

    #[tokio::test]
    async fn the_configuration_is_read_again_after_a_minute_or_a_failure() {
        let text = r#"{"artifact_bucket": "artifacts", "ledger_bucket": "ledger", "environments": {}}"#;
        let (cache, source) = (ConfigCache::default(), ConfigSource::File("d.json".into()));
        let start = Timestamp::from_second(1_000).unwrap();
        let later = |seconds: i64| start + jiff::SignedDuration::from_secs(seconds);
        let answers = |answer: Result<&str, &str>| std::future::ready(answer.map(str::to_owned).map_err(str::to_owned));

        assert_eq!(
            cache.get(&source, start, answers(Err("denied"))).await.unwrap_err().to_string(),
            "d.json cannot be read: denied"
        );
        cache.get(&source, start, answers(Ok(text))).await.unwrap();
        cache.get(&source, later(60), answers(Err("not asked"))).await.unwrap();
        assert!(cache.get(&source, later(61), answers(Err("asked"))).await.is_err());
        assert!(cache.get(&source, later(61), answers(Ok(text))).await.is_ok());
    }
}
