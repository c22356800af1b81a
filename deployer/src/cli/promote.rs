//! `deployctl promote`: what one environment has live becomes live in another.

use deployer_core::id::{EnvironmentName, FunctionPattern, Release};

use super::answer::{Answer, Stopped};
use super::follow;
use crate::trigger::Command;

/// What to promote, from where to where.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// The function, as keys and the ledger call it.
    #[arg(long, short, value_name = "NAME")]
    function: FunctionPattern,
    /// The environment that has it live.
    #[arg(long, value_name = "NAME")]
    from: EnvironmentName,
    /// The environment that shall have it.
    #[arg(long, value_name = "NAME")]
    to: EnvironmentName,
    /// This release, of those that were live there [default: what is].
    #[arg(long, short, value_name = "NAME")]
    release: Option<Release>,
    #[command(flatten)]
    follow: follow::Options,
}

pub(super) async fn run(options: &Options) -> Result<Answer, Stopped> {
    let Options { function, from, to, release, follow } = options;
    let (function, from, to, release) = (function.clone(), from.clone(), to.clone(), release.clone());
    follow
        .carried_out(Command::Promote {
            function: Some(function),
            functions: None,
            from,
            to,
            release,
            not_after: None,
            override_freeze: None,
        })
        .await
}
