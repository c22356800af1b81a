//! `deployctl reject` and `unreject`: nothing deploys a rejected release until the reject ends.

use deployer_core::id::{FunctionName, Release};

use super::answer::{Answer, CliError};
use super::{remote, status};
use deployer_core::trigger::Command;

/// The options of `reject`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    #[command(flatten)]
    release_args: ReleaseArgs,
    /// The reason; users who are refused read it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    requester: remote::Requester,
    #[command(flatten)]
    remote: remote::Options,
}

/// The options of `unreject`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct UnrejectOptions {
    #[command(flatten)]
    release_args: ReleaseArgs,
    #[command(flatten)]
    requester: remote::Requester,
    #[command(flatten)]
    remote: remote::Options,
}

#[derive(Debug, clap::Args)]
#[group(skip)]
struct ReleaseArgs {
    /// The function, by its name in upload keys and in the ledger.
    #[arg(long, short, value_name = "NAME")]
    function: FunctionName,
    /// The bad release.
    #[arg(long, short, value_name = "NAME")]
    release: Release,
}

pub(super) async fn run(options: &Options) -> Result<Answer, CliError> {
    let ReleaseArgs { function, release } = &options.release_args;
    let reason = options.reason.clone();
    let command = Command::Reject { function: function.clone(), release: release.clone(), reason };
    status::status_after(&options.remote, &options.requester, command).await
}

pub(super) async fn undo(options: &UnrejectOptions) -> Result<Answer, CliError> {
    let ReleaseArgs { function, release } = &options.release_args;
    let command = Command::Unreject { function: function.clone(), release: release.clone() };
    status::status_after(&options.remote, &options.requester, command).await
}
