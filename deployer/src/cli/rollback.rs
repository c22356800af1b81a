//! `deployctl rollback`: what was live before is live again.

use deployer_core::id::Release;

use super::answer::{Answer, Stopped};
use super::follow;
use crate::trigger::Command;

/// What to roll back, and where to.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    #[command(flatten)]
    place: follow::Place,
    /// The release to go back to, of the last 50 that were live there [default: the one before].
    #[arg(long, short = 'r', visible_alias = "release", value_name = "NAME")]
    to: Option<Release>,
    #[command(flatten)]
    follow: follow::Options,
}

pub(super) async fn run(options: &Options) -> Result<Answer, Stopped> {
    let follow::Place { environment, function } = &options.place;
    let (environment, function, to) = (environment.clone(), function.clone(), options.to.clone());
    options.follow.carried_out(Command::Rollback { environment, function, to, if_live: None, if_active: None }).await
}
