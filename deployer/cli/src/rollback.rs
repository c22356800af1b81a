//! `deployctl rollback`: makes the release that was live before live again. It shows the user the release that it
//! leaves, and is refused if another one is live by then.

use std::fmt::Write as _;

use deployer_core::id::{DeploymentId, Release};
use deployer_core::status::FunctionStatus;
use jiff::Timestamp;

use super::ago::ago;
use super::answer::{Answer, CliError, Exit, one_line};
use super::confirm::{self, print_stderr};
use super::follow;
use super::ledger::StatusSource;
use super::output::Output;
use deployer_core::trigger::Command;

/// The options of `rollback`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    #[command(flatten)]
    args: follow::FunctionArgs,
    /// The release to go back to, one of the last 50 that were live there [default: the one before].
    #[arg(long, short = 'r', visible_alias = "release", value_name = "NAME")]
    to: Option<Release>,
    /// Do not ask for confirmation; the rollback is refused if any other release is live.
    #[arg(long, value_name = "NAME", conflicts_with = "yes")]
    leaving: Option<Release>,
    /// Do not ask for confirmation.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    follow: follow::Options,
}

/// The state that the user has seen; the deployer refuses the rollback if it has changed.
#[derive(Debug, Default)]
struct ExpectedState {
    live: Option<String>,
    active: Option<DeploymentId>,
}

pub(super) async fn run(options: &Options, output: Output) -> Result<Answer, CliError> {
    let ExpectedState { live: if_live, active: if_active } = match &options.leaving {
        Some(release) => ExpectedState { live: Some(release.to_string()), active: None },
        None => options.expected_state(output).await?,
    };
    let follow::FunctionArgs { environment, function } = &options.args;
    let (environment, function, to) = (environment.clone(), function.clone(), options.to.clone());
    options.follow.run_command(Command::Rollback { environment, function, to, if_live, if_active }).await
}

impl Options {
    /// Shows what the rollback leaves, and asks for confirmation unless --yes is given.
    async fn expected_state(&self, output: Output) -> Result<ExpectedState, CliError> {
        if !(self.yes || confirm::is_possible()) {
            return Err(CliError::wrong_use(
                "nobody is at a terminal who could confirm it: say --leaving RELEASE, and it is refused if anything else is \
                 live, or --yes",
            ));
        }
        let status = match self.status().await {
            Ok(status) => status,
            // The function is misspelt, say.
            Err(wrong) if matches!(wrong.exit, Exit::WrongUse | Exit::Refused) => return Err(wrong),
            Err(unread) if self.yes => {
                print_stderr(&format!("rolling back unseen, for what is live cannot be read: {unread}\n"))?;
                return Ok(ExpectedState::default());
            }
            Err(unread) => {
                return Err(CliError {
                    message: format!(
                        "what is live cannot be read, and nothing was rolled back: {}\n  --leaving RELEASE or --yes rolls \
                         back without a look",
                        unread.message
                    ),
                    ..unread
                });
            }
        };
        if !self.yes || output == Output::Text {
            print_stderr(&self.preview(status.as_ref(), Timestamp::now()))?;
        }
        if !self.yes && !confirm::is_given("Roll back?", "nothing was rolled back")? {
            return Err(CliError::interrupted("not confirmed: nothing was rolled back"));
        }
        Ok(status.map(|status| ExpectedState::of(&status)).unwrap_or_default())
    }

    /// Returns the status, or `None` if nothing is known of the function.
    async fn status(&self) -> Result<Option<FunctionStatus>, CliError> {
        let follow::FunctionArgs { environment, function } = &self.args;
        let mut status_source = StatusSource::Deployer(self.follow.remote.remote().await?);
        let report = status_source.status(Some(environment), Some(function)).await?;
        Ok(report.functions.into_iter().next())
    }

    fn preview(&self, status: Option<&FunctionStatus>, now: Timestamp) -> String {
        let follow::FunctionArgs { environment, function } = &self.args;
        let mut text = format!("{function} in {environment}\n");
        let live = status.and_then(|status| Some((status, status.live.as_ref()?)));
        let _always = match live {
            None => writeln!(text, "  live       nothing"),
            Some((status, live)) => {
                let by = live.by.as_deref().map_or(String::new(), |by| format!(" by {}", one_line(by)));
                let since = live.since.strftime("%Y-%m-%d %H:%M:%SZ");
                let (release, ago, extent) = (&live.release, ago(live.since, now), status.extent());
                writeln!(text, "  live       {release}, since {since} ({ago}){by}, on {extent}")
            }
        };
        let under_way = status.and_then(|status| status.active.or(status.pending));
        if let Some(id) = under_way {
            let _always = writeln!(text, "  under way  deployment {id}, which is stopped");
        }
        let earlier = status.and_then(|status| status.rollback_to.as_ref()).map_or("nothing", Release::as_str);
        let _always = match (&self.to, under_way, live) {
            (Some(release), ..) => writeln!(text, "  back to    {release}"),
            (None, Some(_), Some((_, live))) => writeln!(
                text,
                "  back to    {}, which is live; if that is what is under way, to {earlier}",
                live.release
            ),
            (None, Some(_), None) => writeln!(text, "  back to    nothing: it is only stopped"),
            (None, None, _) => writeln!(text, "  back to    {earlier}"),
        };
        text
    }
}

impl ExpectedState {
    fn of(status: &FunctionStatus) -> Self {
        let live = status.live.as_ref().map(|live| live.deployment.to_string());
        Self { live, active: status.active.or(status.pending) }
    }
}
