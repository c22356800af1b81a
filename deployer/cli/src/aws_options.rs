//! Which AWS is meant: what the AWS CLI has too, under the same names.

use aws_config::SdkConfig;

/// Where AWS is, and as whom.
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
    /// The AWS configuration that was asked for.
    pub async fn sdk(&self) -> SdkConfig {
        deployer_aws::load_for(self.profile.as_deref(), self.region.as_deref()).await
    }
}
