//! `deployctl hold` and `release-hold`: nothing new is taken for a function, until it is again.

use deployer_core::status::StatusReport;

use super::answer::{Answer, Stopped};
use super::{follow, remote, status};
use crate::trigger::Command;

/// What to hold, and why.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    #[command(flatten)]
    place: follow::Place,
    /// Why: whoever is refused reads it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    who: remote::Who,
    #[command(flatten)]
    remote: remote::Options,
}

/// What to release.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Released {
    #[command(flatten)]
    place: follow::Place,
    #[command(flatten)]
    who: remote::Who,
    #[command(flatten)]
    remote: remote::Options,
}

pub(super) async fn run(options: &Options) -> Result<Answer, Stopped> {
    let follow::Place { environment, function } = &options.place;
    let reason = options.reason.clone();
    let command = Command::Hold { environment: environment.clone(), function: function.clone(), reason };
    status_after(&options.remote, &options.who, command).await
}

pub(super) async fn release(options: &Released) -> Result<Answer, Stopped> {
    let follow::Place { environment, function } = &options.place;
    let command = Command::ReleaseHold { environment: environment.clone(), function: function.clone() };
    status_after(&options.remote, &options.who, command).await
}

/// The answer to a command that deploys nothing is the status of what it touched.
pub(super) async fn status_after(
    remote: &remote::Options,
    who: &remote::Who,
    command: Command,
) -> Result<Answer, Stopped> {
    let report: StatusReport = remote.remote().await.ask(&who.order(command, None)).await?;
    Ok(status::in_detail(&report))
}
