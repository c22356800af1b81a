//! The options that select the region and the profile, under the names of the AWS CLI.

use aws_config::SdkConfig;

use super::answer::CliError;
use super::remote::shell_word;
use super::sdk_config;

/// The region and the profile.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(super) struct AwsOptions {
    /// The AWS region of the deployer [default: as the AWS CLI finds it].
    #[arg(long, value_name = "REGION", global = true)]
    region: Option<String>,
    /// The profile of the AWS configuration files to use.
    #[arg(long, value_name = "NAME", global = true)]
    profile: Option<String>,
}

impl AwsOptions {
    /// Returns the options that were given, each with a space before it.
    pub fn repeated(&self) -> String {
        let given = [("--region", &self.region), ("--profile", &self.profile)];
        let given =
            given.into_iter().filter_map(|(name, value)| Some(format!(" {name} {}", shell_word(value.as_ref()?))));
        given.collect()
    }

    /// Loads the AWS configuration for these options.
    ///
    /// # Errors
    /// Wrong use, naming the profile or the setting.
    pub async fn sdk(&self) -> Result<SdkConfig, CliError> {
        sdk_config::load(self.profile.as_deref(), self.region.as_deref()).await
    }
}
