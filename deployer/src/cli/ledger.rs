//! The ledger itself, for people who may only look: what the Lambda would tell, read without it.

use std::time::Duration;

use deployer_core::id::{BucketName, Region};
use deployer_core::names::CONFIG_KEY;
use jiff::Timestamp;

use super::answer::Stopped;
use super::remote;
use crate::engine::{CommandError, Engine};
use crate::lambda::Deployer;
use crate::settings::{ConfigSource, Settings};

/// Whom to ask.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// Read the ledger in this bucket, and the deployer.json in it, instead of asking the Lambda: takes only the policy look.
    #[arg(long, value_name = "BUCKET", env = "DEPLOYER_LEDGER_BUCKET")]
    ledger: Option<BucketName>,
    #[command(flatten)]
    pub remote: remote::Options,
}

/// How long reading may take.
const LONGEST: Duration = Duration::from_secs(120);

impl Options {
    /// An engine that reads the ledger with the caller's own credentials; none where the Lambda shall be asked.
    ///
    /// # Errors
    /// [`Stopped`]: deployer.json cannot be read.
    pub async fn engine(&self) -> Result<Option<Engine>, Stopped> {
        let Some(bucket) = &self.ledger else { return Ok(None) };
        let sdk = self.remote.sdk().await;
        let region = sdk.region().map(|region| Region::parse(region.as_ref())).transpose();
        let region = region.map_err(Stopped::wrong_use)?.ok_or_else(|| {
            Stopped::wrong_use("no region is known: say --region, AWS_REGION or a --profile that has one")
        })?;
        let config = ConfigSource::S3 { bucket: bucket.to_string(), key: CONFIG_KEY.to_owned() };
        let deadline = Timestamp::now().checked_add(LONGEST).unwrap_or(Timestamp::MAX);
        let engine = Deployer::over(&sdk, Ok(Settings { config, region })).engine(deadline).await;
        engine.map(Some).map_err(|error| {
            Stopped::failed(format!("{error}\n  it takes the policy \"look\", and the region of the bucket (--region)"))
        })
    }
}

impl From<CommandError> for Stopped {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Invalid(because) => Self::wrong_use(because),
            CommandError::Transient(transient) => Self::failed(transient),
        }
    }
}
