//! Reads the settings from the environment before any client exists, and keeps deployer.json: for a minute, or for ever
//! where `DEPLOYER_CONFIG` names a version of it.

use std::sync::Arc;
use std::time::Duration;

use deployer_aws::ConfigSource;
use deployer_core::config::Config;
use deployer_core::id::{AccountId, Region};
use deployer_core::names::{CONFIG_VARIABLE, PREVIEW_VARIABLE, ROLLOUTS_PREVIEW};
use deployer_engine::InvalidConfig;
use jiff::Timestamp;
use tokio::sync::Mutex;

/// The time for which deployer.json is not read again, unless it is one version of an object.
pub const CONFIG_AGE: Duration = Duration::from_secs(60);

/// The environment variable that names the account of the bucket that deployer.json is in.
const OWNER_VARIABLE: &str = "DEPLOYER_BUCKET_OWNER";

/// The settings of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `DEPLOYER_CONFIG`.
    pub config: ConfigSource,
    /// `DEPLOYER_BUCKET_OWNER`: the account of the bucket that deployer.json is in; without it the deployer's own.
    pub bucket_owner: Option<AccountId>,
    /// `AWS_REGION`: the region of the deployer and of the artifact bucket, because S3 notifies only queues of its own
    /// region.
    pub region: Region,
    /// `AWS_LAMBDA_FUNCTION_VERSION`: the version of the deployer's function that runs.
    pub function_version: Option<String>,
    /// `DEPLOYER_PREVIEW`: whether the deployer carries rollouts out, which are not finished.
    pub begins_rollouts: bool,
}

impl Settings {
    /// Reads the settings through a function that returns one variable.
    ///
    /// # Errors
    /// [`InvalidConfig`] naming the variable.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidConfig> {
        let wanted = |name: &str, what: &str| {
            let value = variable(name).filter(|value| !value.is_empty());
            value.ok_or_else(|| InvalidConfig(format!("{name} is not set: it must be {what}")))
        };
        let places = "s3://bucket/key, s3://bucket/key?versionId=id or a file's path, where deployer.json is";
        let config = wanted(CONFIG_VARIABLE, places)?;
        let owner = variable(OWNER_VARIABLE).filter(|value| !value.is_empty()).map(AccountId::parse).transpose();
        let region = wanted("AWS_REGION", "the region of the deployer and its artifact bucket")?;
        let begins_rollouts = match variable(PREVIEW_VARIABLE).as_deref() {
            None | Some("") => false,
            Some(ROLLOUTS_PREVIEW) => true,
            Some(other) => {
                return Err(InvalidConfig(format!(
                    "{PREVIEW_VARIABLE}: {other:?} is not known: {ROLLOUTS_PREVIEW} is"
                )));
            }
        };
        Ok(Self {
            begins_rollouts,
            config: ConfigSource::parse(&config)?,
            bucket_owner: owner.map_err(|error| InvalidConfig(format!("{OWNER_VARIABLE}: {error}")))?,
            region: Region::parse(region).map_err(|error| InvalidConfig(format!("AWS_REGION: {error}")))?,
            function_version: variable("AWS_LAMBDA_FUNCTION_VERSION").filter(|version| !version.is_empty()),
        })
    }

    /// Says which version of the function this is, and where it has its configuration from.
    #[must_use]
    pub fn installed(&self) -> String {
        let Self { config, function_version, .. } = self;
        let version = function_version.as_ref().map_or_else(String::new, |version| format!("version {version}, "));
        format!("{version}configured by {config}")
    }
}

/// deployer.json, for one invocation.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Arc<Config>,
    /// The error of the current deployer.json, if `config` is the last good one.
    pub outdated: Option<InvalidConfig>,
}

/// The last good deployer.json. A newer one that cannot be loaded does not replace it.
#[derive(Default)]
pub struct ConfigCache {
    /// The configuration and the time when it was read; no time where the last read failed.
    kept: Mutex<Option<(Arc<Config>, Option<Timestamp>)>>,
}

impl ConfigCache {
    /// Returns the configuration. It is read again when it is older than a minute or the last read failed; a version of
    /// an object never changes, so it is read once.
    ///
    /// # Errors
    /// [`InvalidConfig`], naming the place and the field: deployer.json cannot be loaded and never was.
    pub async fn get(
        &self,
        Settings { config: source, region, .. }: &Settings,
        now: Timestamp,
        read: impl Future<Output = Result<String, String>>,
    ) -> Result<Loaded, InvalidConfig> {
        let mut kept = self.kept.lock().await;
        if let Some((config, Some(at))) = kept.as_ref()
            && (source.is_fixed() || Duration::try_from(now.duration_since(*at)).is_ok_and(|age| age <= CONFIG_AGE))
        {
            return Ok(Loaded { config: config.clone(), outdated: None });
        }
        match source.load(region, read).await {
            Ok(config) => {
                let config = Arc::new(config);
                *kept = Some((config.clone(), Some(now)));
                Ok(Loaded { config, outdated: None })
            }
            Err(error) => {
                let (config, read_at) = kept.as_mut().ok_or_else(|| error.clone())?;
                *read_at = None;
                Ok(Loaded { config: config.clone(), outdated: Some(error) })
            }
        }
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
    fn configuration_source_is_object_or_file() {
        let source = |text| read(text, "eu-west-1").unwrap().config;
        assert_eq!(source("s3://b/c/d.json"), object("c/d.json", None));
        assert_eq!(source("s3://b/d.json?versionId=3HL4kqtJ.l_c-"), object("d.json", Some("3HL4kqtJ.l_c-")));
        assert_eq!(source("conf/deployer.json"), ConfigSource::File("conf/deployer.json".into()));
        for text in ["s3://b/c/d.json", "s3://b/d.json?versionId=3HL4kqtJ", "conf/deployer.json"] {
            assert_eq!(source(text).to_string(), text);
        }
    }

    fn object(key: &str, version_id: Option<&str>) -> ConfigSource {
        ConfigSource::S3 { bucket: "b".into(), key: key.into(), version_id: version_id.map(str::to_owned) }
    }

    #[test]
    fn wrong_configuration_source_is_refused_with_the_forms() {
        for wrong in [
            "s3://b",
            "s3://b/",
            "s3:///d.json",
            "s3://b?versionId=1",
            "s3://b/?versionId=1",
            "s3://b/d.json?versionId=",
            "s3://b/d.json?versionid=1",
            "s3://b/d.json?version=1",
            "s3://b/d.json?",
            "s3://b/d.json?versionId=1&versionId=2",
        ] {
            let forms = "is not s3://bucket/key or s3://bucket/key?versionId=id";
            assert_eq!(read(wrong, "eu-west-1").unwrap_err(), format!("DEPLOYER_CONFIG: {wrong:?} {forms}"));
        }
        let error = read("s3://b/d.json?versionId=null", "eu-west-1").unwrap_err();
        assert!(error.contains("turn versioning on for its bucket"), "{error}");
    }

    #[test]
    fn installation_is_told_by_version_and_configuration() {
        let installed = |version: Option<&str>| {
            let config = ConfigSource::parse("s3://b/d.json?versionId=3HL4kqtJ").unwrap();
            let region = Region::parse("eu-west-1").unwrap();
            Settings {
                config,
                bucket_owner: None,
                begins_rollouts: false,
                region,
                function_version: version.map(str::to_owned),
            }
            .installed()
        };
        assert_eq!(installed(Some("7")), "version 7, configured by s3://b/d.json?versionId=3HL4kqtJ");
        assert_eq!(installed(None), "configured by s3://b/d.json?versionId=3HL4kqtJ");
    }

    #[test]
    fn missing_variable_is_named() {
        assert_eq!(
            read("", "eu-west-1").unwrap_err(),
            "DEPLOYER_CONFIG is not set: it must be s3://bucket/key, s3://bucket/key?versionId=id or a file's path, where \
             deployer.json is"
        );
        assert_eq!(
            read("d.json", "nowhere").unwrap_err(),
            "AWS_REGION: \"nowhere\" is not a region: a region's code such as eu-west-1"
        );
    }

    #[test]
    fn bucket_owner_is_an_account_or_absent() {
        let read = |owner: &str| {
            Settings::read(|name| match name {
                "DEPLOYER_CONFIG" => Some("d.json".to_owned()),
                "AWS_REGION" => Some("eu-west-1".to_owned()),
                "DEPLOYER_BUCKET_OWNER" => Some(owner.to_owned()),
                _ => None,
            })
            .map(|settings| settings.bucket_owner.map(|owner| owner.to_string()))
            .map_err(|error| error.to_string())
        };
        assert_eq!(read("111111111111"), Ok(Some("111111111111".to_owned())));
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("12").unwrap_err(), "DEPLOYER_BUCKET_OWNER: \"12\" is not an account id: 12 digits");
    }

    #[test]
    fn rollouts_begin_only_where_the_preview_says_so() {
        let read = |preview: Option<&str>| {
            Settings::read(|name| match name {
                "DEPLOYER_CONFIG" => Some("deployer.json".to_owned()),
                "AWS_REGION" => Some("eu-west-1".to_owned()),
                "DEPLOYER_PREVIEW" => preview.map(str::to_owned),
                _ => None,
            })
            .map(|settings| settings.begins_rollouts)
            .map_err(|error| error.to_string())
        };
        assert_eq!((read(None), read(Some("")), read(Some("rollouts"))), (Ok(false), Ok(false), Ok(true)));
        assert_eq!(read(Some("yes")).unwrap_err(), "DEPLOYER_PREVIEW: \"yes\" is not known: rollouts is");
    }

    const FIRST: &str = r#"{"artifact_bucket": "artifacts", "ledger_bucket": "ledger", "environments": {}}"#;
    const SECOND: &str = r#"{"artifact_bucket": "others", "ledger_bucket": "ledger", "environments": {}}"#;

    /// Gets the configuration from the cache at this second, with this answer from the file; returns the artifact
    /// bucket and the warning.
    async fn load_at(
        cache: &ConfigCache,
        seconds: i64,
        answer: Result<&str, &str>,
    ) -> Result<(String, Option<String>), String> {
        load_from("d.json", cache, seconds, answer).await
    }

    async fn load_from(
        source: &str,
        cache: &ConfigCache,
        seconds: i64,
        answer: Result<&str, &str>,
    ) -> Result<(String, Option<String>), String> {
        let settings = Settings {
            config: ConfigSource::parse(source).unwrap(),
            region: Region::parse("eu-west-1").unwrap(),
            function_version: None,
            bucket_owner: None,
            begins_rollouts: false,
        };
        let now = Timestamp::from_second(1_000 + seconds).unwrap();
        let read = std::future::ready(answer.map(str::to_owned).map_err(str::to_owned));
        let loaded = cache.get(&settings, now, read).await.map_err(|error| error.to_string())?;
        Ok((loaded.config.artifact_bucket.to_string(), loaded.outdated.map(|error| error.to_string())))
    }

    #[tokio::test]
    async fn configuration_is_read_again_after_a_minute_or_failure() {
        let cache = ConfigCache::default();
        let good = |bucket: &str| Ok((bucket.to_owned(), None));
        assert_eq!(load_at(&cache, 0, Err("denied")).await, Err("d.json cannot be read: denied".to_owned()));
        assert_eq!(load_at(&cache, 0, Ok(FIRST)).await, good("artifacts"));
        assert_eq!(load_at(&cache, 60, Err("not asked")).await, good("artifacts"));
        assert_eq!(load_at(&cache, 61, Ok(SECOND)).await, good("others"));
    }

    #[tokio::test]
    async fn version_of_an_object_is_read_once() {
        let (cache, version) = (ConfigCache::default(), "s3://b/d.json?versionId=1");
        let good = Ok(("artifacts".to_owned(), None));
        let denied = load_from(version, &cache, 0, Err("denied")).await;
        assert_eq!(denied, Err("s3://b/d.json?versionId=1 cannot be read: denied".to_owned()));
        assert_eq!(load_from(version, &cache, 0, Ok(FIRST)).await, good);
        assert_eq!(load_from(version, &cache, 1_000_000, Ok(SECOND)).await, good);
    }

    #[tokio::test]
    async fn configuration_for_another_partition_is_not_loaded() {
        let far = r#"{"artifact_bucket": "artifacts", "ledger_bucket": "ledger", "environments":
            {"dev": {"targets": [{"account": "111111111111", "region": "cn-north-1"}]}}}"#;
        let error = load_at(&ConfigCache::default(), 0, Ok(far)).await.unwrap_err();
        assert!(
            error.contains("cn-north-1 is in the partition aws-cn, and eu-west-1 of the deployer in aws"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn last_good_configuration_stays_until_another_is_loaded() {
        let cache = ConfigCache::default();
        let kept = |why: &str| Ok(("artifacts".to_owned(), Some(why.to_owned())));
        assert!(load_at(&cache, 0, Ok(FIRST)).await.is_ok());
        assert_eq!(load_at(&cache, 61, Err("denied")).await, kept("d.json cannot be read: denied"));
        let broken = load_at(&cache, 62, Ok("{}")).await;
        assert!(matches!(&broken, Ok((_, Some(why))) if why.starts_with("d.json: ")), "{broken:?}");
        assert_eq!(load_at(&cache, 63, Ok(SECOND)).await, Ok(("others".to_owned(), None)), "read again at once");
    }
}
