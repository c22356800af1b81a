//! `deployctl hold` and `release-hold`: nothing new is taken for a function, until it is again.

use super::answer::{Answer, CliError};
use super::{follow, remote, status};
use deployer_core::trigger::Command;

/// What to hold, and why.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    #[command(flatten)]
    args: follow::FunctionArgs,
    /// Why: whoever is refused reads it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    requester: remote::Requester,
    #[command(flatten)]
    remote: remote::Options,
}

/// What to release.
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
    let command = Command::Hold { environment: environment.clone(), function: function.clone(), reason };
    status::status_after(&options.remote, &options.requester, command).await
}

pub(super) async fn release(options: &ReleaseOptions) -> Result<Answer, CliError> {
    let follow::FunctionArgs { environment, function } = &options.args;
    let command = Command::ReleaseHold { environment: environment.clone(), function: function.clone() };
    status::status_after(&options.remote, &options.requester, command).await
}
