//! `deployctl history`: the last deployments of a function in an environment.

pub(crate) mod text;

use std::cmp::Reverse;

use deployer_core::record::DeploymentRecord;
use jiff::Timestamp;

use crate::answer::{Answer, CliError, Exit};
use crate::follow;
use crate::remote::ledger;
use crate::text::terminal;

/// The options of `history`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    #[command(flatten)]
    args: follow::FunctionArgs,
    /// The number of deployments, 100 at most.
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    #[command(flatten)]
    ledger: ledger::Options,
}

pub(crate) async fn run(options: &Options) -> Result<Answer, CliError> {
    let follow::FunctionArgs { environment, function } = &options.args;
    let mut history = options
        .ledger
        .status_source(Some(&options.args.environment))
        .await?
        .history(&options.args, options.limit)
        .await?;
    // The deployer lists them by their requests. One that had waited started later than others that were asked for after it.
    history.deployments.sort_by_key(|record| Reverse(record.started_at));
    let deployments: &[DeploymentRecord] = &history.deployments;
    let text = match deployments.is_empty() {
        true => format!("nothing was deployed for {function} in {environment} yet\n"),
        false => text::text(deployments, Timestamp::now(), terminal::columns()),
    };
    Ok(Answer::with_text(text, &history, Exit::Done))
}
