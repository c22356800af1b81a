//! Reads status and history from the ledger itself, for users who may only read it, or asks the Lambda.

use std::sync::Arc;
use std::time::Duration;

use deployer_aws::{Clients, ConfigSource, ConfigTextError, other_owner};
use deployer_core::id::{AccountId, BucketName, EnvironmentName, FunctionName, Region};
use deployer_core::names::CONFIG_KEY;
use deployer_core::status::StatusReport;
use jiff::Timestamp;

use super::answer::CliError;
use super::follow;
use super::hints::hint;
use super::remote::{self, Remote};
use super::sdk_config::no_region;
use deployer_core::trigger::Command;
use deployer_engine::{CommandError, Engine, History, RetryPolicy};

/// The options that choose the source.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
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
pub(super) enum StatusSource {
    /// The ledger itself.
    Ledger(Box<Engine>),
    /// The Lambda.
    Deployer(Remote),
}

impl Options {
    /// Returns the account that the deployer's buckets must belong to, if the user names one.
    pub fn bucket_owner(&self) -> Option<&AccountId> {
        self.bucket_owner.as_ref()
    }

    /// Returns the source, which can be read repeatedly.
    ///
    /// # Errors
    /// [`CliError`]: deployer.json cannot be read.
    pub async fn status_source(&self) -> Result<StatusSource, CliError> {
        Ok(match self.engine().await? {
            Some(engine) => StatusSource::Ledger(Box::new(engine)),
            None => StatusSource::Deployer(self.remote.remote().await?),
        })
    }

    /// Makes an engine that reads the ledger with the caller's own credentials; `None` if the Lambda is to be asked.
    ///
    /// # Errors
    /// [`CliError`]: deployer.json cannot be read.
    async fn engine(&self) -> Result<Option<Engine>, CliError> {
        let Some(bucket) = &self.ledger else { return Ok(None) };
        let sdk = self.remote.sdk().await?;
        let region = sdk.region().map(|region| Region::parse(region.as_ref())).transpose();
        let region = region.map_err(CliError::wrong_use)?.ok_or_else(no_region)?;
        let (clients, source) = (
            Clients::new(&sdk),
            ConfigSource::S3 { bucket: bucket.to_string(), key: CONFIG_KEY.to_owned(), version_id: None },
        );
        let owner = self.bucket_owner.as_ref();
        let text = clients.config_text(&source, owner).await.map_err(|error| unreadable(&source, &error, owner))?;
        let config = source.load(&region, std::future::ready(Ok(text))).await.map_err(CliError::failed)?;
        Ok(Some(Engine {
            ports: clients.ports(&config, owner),
            config: Arc::new(config),
            outdated: None,
            region: Some(region),
            deadline: deadline(),
            retries: RetryPolicy::default(),
        }))
    }
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
            Self::Ledger(engine) => {
                engine.deadline = deadline();
                Ok(engine.status(environment, function).await?)
            }
            Self::Deployer(remote) => {
                let (environment, function) = (environment.cloned(), function.cloned());
                remote.send(&remote::request(Command::Status { environment, function })).await
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
            Self::Ledger(engine) => {
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

/// Makes the error of a deployer.json that cannot be read.
fn unreadable(source: &ConfigSource, error: &ConfigTextError, owner: Option<&AccountId>) -> CliError {
    let message = format!("{source} cannot be read: {error}");
    let ConfigTextError::Call(failure) = error else { return CliError::failed(message) };
    let own = match (failure.code.as_str(), failure.status) {
        ("NoSuchKey" | "NoSuchBucket", _) => "--ledger names the ledger bucket: is it the deployer's?".to_owned(),
        ("PermanentRedirect" | "AuthorizationHeaderMalformed", _) | (_, 301) => {
            "the bucket is in another region: --region says in which".to_owned()
        }
        (_, 403) => format!("it takes the policy \"look\"; --profile says as whom{}", other_owner(owner)),
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
            CommandError::Transient(transient) => Self::failed(transient),
        }
    }
}
