//! `deployctl hold` and `release-hold`: nothing new is taken for a function, until it is again.

use super::answer::{Answer, Stopped};
use super::{follow, remote, status};
use deployer_core::trigger::Command;

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
    status::after(&options.remote, &options.who, command).await
}

pub(super) async fn release(options: &Released) -> Result<Answer, Stopped> {
    let follow::Place { environment, function } = &options.place;
    let command = Command::ReleaseHold { environment: environment.clone(), function: function.clone() };
    status::after(&options.remote, &options.who, command).await
}
