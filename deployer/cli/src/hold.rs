//! `deployctl hold` and `release-hold`: a held function takes no new release until its hold is released.

use super::answer::{Answer, CliError};
use super::{follow, remote, status};
use deployer_core::trigger::Command;

/// The options of `hold`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    #[command(flatten)]
    args: follow::FunctionArgs,
    /// The reason; users whose uploads are refused read it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Hold a function to come, which no environment knows yet.
    #[arg(long)]
    new: bool,
    #[command(flatten)]
    requester: remote::Requester,
    #[command(flatten)]
    remote: remote::Options,
}

/// The options of `release-hold`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct ReleaseOptions {
    #[command(flatten)]
    args: follow::FunctionArgs,
    #[command(flatten)]
    requester: remote::Requester,
    #[command(flatten)]
    remote: remote::Options,
}

pub(super) async fn run(options: &Options) -> Result<Answer, CliError> {
    let follow::FunctionArgs { environment, function } = &options.args;
    let reason = options.reason.clone();
    let command =
        Command::Hold { environment: environment.clone(), function: function.clone(), reason, new: options.new };
    status::status_after(&options.remote, &options.requester, command).await
}

pub(super) async fn release(options: &ReleaseOptions) -> Result<Answer, CliError> {
    let follow::FunctionArgs { environment, function } = &options.args;
    let command = Command::ReleaseHold { environment: environment.clone(), function: function.clone() };
    status::status_after(&options.remote, &options.requester, command).await
}
