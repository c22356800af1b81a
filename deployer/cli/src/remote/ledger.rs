//! Reads status and history from the ledger itself, for users who may only read it, or asks the Lambda.
//!
//! Where deployer.json cannot be loaded, the heads in the ledger name the environments and the targets, so that a wrong
//! deployer.json hides nothing. What only the configuration tells is missing then: the order of promotion, and the
//! targets that are new.

use std::sync::Arc;
use std::time::Duration;

use deployer_aws::{Clients, ConfigSource, ConfigTextError, other_owner};
use deployer_core::config::Config;
use deployer_core::diagnostics::did_you_mean;
use deployer_core::id::{AccountId, BucketName, EnvironmentName, FunctionName, Region};
use deployer_core::ledger_keys;
use deployer_core::names::{CONFIG_KEY, HEADS};
use deployer_core::status::StatusReport;
use jiff::Timestamp;

use super::named_by;
use crate::answer::CliError;
use crate::aws::sdk_config::no_region;
use crate::follow;
use crate::remote::{self, Remote};
use crate::text::hints::hint;
use crate::text::warning::warn;
use deployer_core::trigger::Command;
use deployer_engine::port::LedgerError;
use deployer_engine::{CommandError, Engine, History, RetryPolicy};

/// The options that choose the source.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// Read the ledger in this bucket, and the deployer.json in it, instead of asking the Lambda; needs only the policy
    /// look.
    #[arg(long, value_name = "BUCKET", env = "DEPLOYER_LEDGER_BUCKET")]
    ledger: Option<BucketName>,
    /// With --ledger: refuse the bucket unless it belongs to this account.
    #[arg(long, value_name = "ACCOUNT", env = "DEPLOYER_BUCKET_OWNER")]
    bucket_owner: Option<AccountId>,
    #[command(flatten)]
    pub remote: remote::Options,
}

/// The time that one read may take.
const READ_TIMEOUT: Duration = Duration::from_secs(120);

/// The source of status and history.
pub(crate) enum StatusSource {
    /// The ledger itself, and the reason why it is read without deployer.json.
    Ledger(Box<Engine>, Option<String>),
    /// The Lambda.
    Deployer(Remote),
}

impl Options {
    /// Returns the account that the deployer's buckets must belong to, if the user names one.
    pub fn bucket_owner(&self) -> Option<&AccountId> {
        self.bucket_owner.as_ref()
    }

    /// Returns the source, which can be read repeatedly. Whoever asks for one environment needs no right to list others.
    ///
    /// # Errors
    /// [`CliError`]: deployer.json cannot be read.
    pub async fn status_source(&self, environment: Option<&EnvironmentName>) -> Result<StatusSource, CliError> {
        Ok(match self.engine(environment).await? {
            Some((engine, unloaded)) => StatusSource::Ledger(Box::new(engine), unloaded),
            None => StatusSource::Deployer(self.remote.remote().await?),
        })
    }

    /// Makes an engine that reads the ledger with the caller's own credentials, and the reason why it has no
    /// configuration; `None` if the Lambda is to be asked.
    ///
    /// # Errors
    /// [`CliError`]: neither deployer.json nor the ledger can be read.
    async fn engine(
        &self,
        environment: Option<&EnvironmentName>,
    ) -> Result<Option<(Engine, Option<String>)>, CliError> {
        let Some(bucket) = &self.ledger else { return Ok(None) };
        let sdk = self.remote.sdk().await?;
        let region = sdk.region().map(|region| Region::parse(region.as_ref())).transpose();
        let region = region.map_err(CliError::wrong_use)?.ok_or_else(no_region)?;
        let clients = Clients::new(&sdk);
        let owner = self.bucket_owner.as_ref();
        let (config, unloaded) = match load(&clients, bucket, &region, owner).await? {
            Ok(config) => (config, None),
            Err(unloaded) => match of_heads(&clients, bucket, owner, environment).await {
                Ok(Some(config)) => (config, Some(unloaded.message)),
                Ok(None) => return Err(unloaded),
                Err(unlisted) => {
                    let message = format!(
                        "{}\n  without it the heads in the ledger tell what is live, and they could not be listed: {unlisted}",
                        unloaded.message
                    );
                    return Err(CliError { message, ..unloaded });
                }
            },
        };
        let engine = Engine {
            ports: clients.ports(&config, owner),
            config: Arc::new(config),
            outdated: None,
            region: Some(region),
            deadline: deadline(),
            retries: RetryPolicy::default(),
        };
        Ok(Some((engine, unloaded)))
    }
}

/// Loads the newest deployer.json in the ledger bucket. The inner error is that of a file that is missing or wrong: the
/// rest of the ledger may be read all the same.
///
/// # Errors
/// [`CliError`]: the bucket cannot be read.
async fn load(
    clients: &Clients,
    bucket: &BucketName,
    region: &Region,
    owner: Option<&AccountId>,
) -> Result<Result<Config, CliError>, CliError> {
    let source = ConfigSource::S3 { bucket: bucket.to_string(), key: CONFIG_KEY.to_owned(), version_id: None };
    let text = match clients.config_text(&source, owner).await {
        Ok(text) => text,
        Err(error) => {
            let is_away = matches!(&error, ConfigTextError::Call(failure) if failure.code != "NoSuchKey");
            let error = unreadable(bucket, &error, owner);
            return if is_away { Err(error) } else { Ok(Err(error)) };
        }
    };
    Ok(source.load(region, std::future::ready(Ok(text))).await.map_err(CliError::failed))
}

/// Makes the configuration of which the heads tell; none if there are none. Where only the heads of this environment may be
/// listed, it alone is known.
///
/// # Errors
/// [`LedgerError`]: the heads cannot be listed.
async fn of_heads(
    clients: &Clients,
    bucket: &BucketName,
    owner: Option<&AccountId>,
    environment: Option<&EnvironmentName>,
) -> Result<Option<Config>, LedgerError> {
    let ledger = clients.ports(&Config::of_ledger(bucket, []), owner).ledger;
    let keys = match (ledger.keys(HEADS).await, environment) {
        (Err(_), Some(environment)) => ledger.keys(&ledger_keys::heads_in(environment)).await?,
        (listed, _) => listed?,
    };
    let config = Config::of_ledger(bucket, keys.iter().filter_map(|key| Some(ledger_keys::parse_head(key)?.0)));
    Ok((!config.environments.is_empty()).then_some(config))
}

impl StatusSource {
    /// Returns the status of these functions and environments.
    ///
    /// # Errors
    /// [`CliError`]: the status cannot be read.
    pub async fn status(
        &mut self,
        environment: Option<&EnvironmentName>,
        function: Option<&FunctionName>,
    ) -> Result<StatusReport, CliError> {
        match self {
            Self::Ledger(engine, unloaded) => {
                engine.deadline = deadline();
                ensure_recorded(engine, unloaded.as_deref(), environment)?;
                let mut report = engine.status(environment, function).await?;
                report.unreadable.extend(unloaded.as_deref().map(without_config));
                Ok(report)
            }
            Self::Deployer(remote) => {
                let (environment, function) = (environment.cloned(), function.cloned());
                remote.send(&remote::request(Command::status(environment, function))).await
            }
        }
    }

    /// Returns the last deployments of a function.
    ///
    /// # Errors
    /// [`CliError`]: the deployments cannot be read.
    pub async fn history(&self, args: &follow::FunctionArgs, limit: u32) -> Result<History, CliError> {
        let follow::FunctionArgs { environment, function } = args;
        match self {
            Self::Ledger(engine, unloaded) => {
                ensure_recorded(engine, unloaded.as_deref(), Some(environment))?;
                unloaded.iter().for_each(|unloaded| warn(&without_config(unloaded)));
                Ok(engine.history(environment, function, usize::try_from(limit).unwrap_or(usize::MAX)).await?)
            }
            Self::Deployer(remote) => {
                let (environment, function) = (environment.clone(), function.clone());
                let command = Command::History { environment, function, limit: Some(limit) };
                remote.send(&remote::request(command)).await
            }
        }
    }
}

/// Says what an answer lacks that is read without deployer.json.
fn without_config(unloaded: &str) -> String {
    format!(
        "{unloaded}; deployer.json was not loaded, so environments and targets are those that the ledger knows, in no order \
         of promotion"
    )
}

/// Refuses an environment of which the ledger knows nothing, where deployer.json is not known.
fn ensure_recorded(
    engine: &Engine,
    unloaded: Option<&str>,
    environment: Option<&EnvironmentName>,
) -> Result<(), CliError> {
    let known = &engine.config.environments;
    match (unloaded, environment) {
        (Some(unloaded), Some(name)) if !known.contains_key(name) => {
            let hint = did_you_mean(name.as_str(), known.keys().map(EnvironmentName::as_str));
            let known = known.keys().map(EnvironmentName::as_str).collect::<Vec<_>>().join(", ");
            Err(CliError::wrong_use(format!(
                "the ledger knows nothing of an environment {name} (it knows {known}{hint}), and deployer.json was not loaded: \
                 {unloaded}"
            )))
        }
        _ => Ok(()),
    }
}

/// Makes the error of a deployer.json that cannot be read.
fn unreadable(bucket: &BucketName, error: &ConfigTextError, owner: Option<&AccountId>) -> CliError {
    let message = format!("s3://{bucket}/{CONFIG_KEY} cannot be read: {error}");
    let ConfigTextError::Call(failure) = error else { return CliError::failed(message) };
    let own = match (failure.code.as_str(), failure.status) {
        ("NoSuchKey", _) => format!("is it the deployer's ledger bucket? {}", named_by::ledger(bucket)),
        ("NoSuchBucket", _) => named_by::ledger(bucket),
        ("PermanentRedirect" | "AuthorizationHeaderMalformed", _) | (_, 301) => {
            "the bucket is in another region: --region says in which".to_owned()
        }
        (_, 403) => format!(
            "it takes the policy \"look\"; --profile says as whom{}\n  or it is not the deployer's ledger bucket: {}",
            other_owner(owner),
            named_by::ledger(bucket)
        ),
        _ => "try again".to_owned(),
    };
    CliError::failed(format!("{message}\n  {}", hint(failure.obstacle.as_ref(), own)))
}

fn deadline() -> Timestamp {
    Timestamp::now().checked_add(READ_TIMEOUT).unwrap_or(Timestamp::MAX)
}

impl From<CommandError> for CliError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Invalid(because) => Self::wrong_use(because),
            CommandError::UnknownFunction(because) => Self::unknown_function(because),
            CommandError::UnknownRelease(because) => Self::unknown_release(because),
            CommandError::NotPromotable(because) => Self::not_promotable(because),
            CommandError::Refused(because) => Self::refused(because),
            CommandError::Transient(transient) => Self::failed(transient),
        }
    }
}
