//! `deployctl history`: the last deployments of a function in an environment.

use std::fmt::Write as _;

use deployer_core::record::DeploymentRecord;

use super::answer::{Answer, CliError, Exit, one_line};
use super::{follow, ledger, records};

/// The options of `history`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    #[command(flatten)]
    args: follow::FunctionArgs,
    /// The number of deployments, 100 at most.
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    #[command(flatten)]
    ledger: ledger::Options,
}

pub(super) async fn run(options: &Options) -> Result<Answer, CliError> {
    let follow::FunctionArgs { environment, function } = &options.args;
    let history = options.ledger.status_source().await?.history(&options.args, options.limit).await?;
    let text = match history.deployments.is_empty() {
        true => format!("nothing was deployed for {function} in {environment} yet\n"),
        false => history.deployments.iter().map(line).collect(),
    };
    Ok(Answer::with_text(text, &history, Exit::Done))
}

/// Writes a line with the time, status, release, cause and user, and the reason if the deployment is not live.
fn line(record: &DeploymentRecord) -> String {
    let DeploymentRecord { id, release, because, cause, started_at, targets, .. } = record;
    let release = release.as_ref().map_or("-", |release| release.as_str());
    let kind = serde_json::to_value(cause.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
    let by = cause.requested_by.as_deref().or_else(|| {
        let artifact = record.artifact.as_ref()?;
        artifact.metadata.get(deployer_core::artifact::UPLOADED_BY).map(|by| by.as_str())
    });
    let by = by.map_or(String::new(), |by| format!(" by {}", one_line(by)));
    let mut versions: Vec<&str> = targets.iter().filter_map(|t| t.version.as_ref()).map(|v| v.as_str()).collect();
    versions.dedup();
    let versions = if versions.is_empty() { String::new() } else { format!(" v{}", versions.join("/v")) };
    let mut text = format!(
        "{}  {}  {release}{versions}  {}{by}  {id}\n",
        started_at.strftime("%Y-%m-%d %H:%M:%SZ"),
        records::status(record.status),
        kind.unwrap_or_default().replace('_', " "),
    );
    if let Some(because) = because {
        let _always = writeln!(text, "    {}", one_line(because));
    }
    text
}
