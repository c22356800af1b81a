//! `deployctl redeploy`: every target serves what is live again.

use super::answer::{Answer, Stopped};
use super::follow;
use deployer_core::trigger::Command;

/// What to deploy again.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    #[command(flatten)]
    place: follow::Place,
    #[command(flatten)]
    follow: follow::Options,
}

pub(super) async fn run(options: &Options) -> Result<Answer, Stopped> {
    let follow::Place { environment, function } = &options.place;
    let command = Command::Redeploy { environment: environment.clone(), function: function.clone() };
    options.follow.carried_out(command).await
}
