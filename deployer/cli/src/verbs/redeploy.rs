//! `deployctl redeploy`: makes every target serve what is live again.

use crate::answer::{Answer, CliError};
use crate::follow;
use deployer_core::trigger::Command;

/// The options of `redeploy`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    #[command(flatten)]
    args: follow::FunctionArgs,
    #[command(flatten)]
    follow: follow::Options,
}

pub(crate) async fn run(options: &Options) -> Result<Answer, CliError> {
    let follow::FunctionArgs { environment, function } = &options.args;
    let command = Command::Redeploy { environment: environment.clone(), function: function.clone() };
    options.follow.run_command(command).await
}
