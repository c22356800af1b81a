//! `deployctl rollback`: makes the release that was live before live again. It shows the user the release that it
//! leaves, and is refused if another one is live by then.

pub(crate) mod after;
pub(crate) mod preview;

use std::time::Duration;

use deployer_core::group::GroupStatus;
use deployer_core::id::{DeploymentId, Release};
use deployer_core::plan::{PlanReport, PlannedRelease, RefusedPlan};
use deployer_core::record::DeploymentRecord;
use deployer_core::status::{FunctionStatus, PassedRelease};
use jiff::Timestamp;

use crate::answer::{Answer, CliError, Exit, one_line};
use crate::follow::repeated::{self, Repeated};
use crate::follow::{self, Followed as _, Until};
use crate::output::Output;
use crate::remote;
use crate::remote::ledger::StatusSource;
use crate::text::came_with::CameWith;
use crate::text::confirm::{self, print_stderr};
use crate::text::ends;
use crate::text::hints::without_deployer;
use crate::text::records;
use crate::text::warning::warn;
use after::Left;
use deployer_core::trigger::Command;
use preview::{Shown, stopped};

/// The time that the look at a doubtful rollback's plan takes at most.
const PLAN: Duration = Duration::from_secs(30);
/// The same where nothing is asked.
const PLAN_UNASKED: Duration = Duration::from_secs(2);

/// The options of `rollback`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    #[command(flatten)]
    args: follow::FunctionArgs,
    /// The release to go back to, one of the last 50 that were live there [default: the one before].
    #[arg(long, short = 'r', visible_alias = "release", value_name = "NAME")]
    to: Option<Release>,
    /// Do not ask for confirmation, and refuse the rollback unless this release is live.
    #[arg(long, value_name = "NAME", conflicts_with = "yes")]
    leaving: Option<Release>,
    /// Do not ask for confirmation.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    follow: follow::Options,
}

/// The finding of the look at what is live.
#[derive(Debug, Default)]
struct Look {
    /// The status; none if nothing is known of the function.
    status: Option<FunctionStatus>,
    /// The release that the rollback leaves.
    left: Option<Left>,
    /// The groups that wait with the function.
    groups: Vec<GroupStatus>,
    /// The other functions of a group whose rollouts go back with this one.
    together: Option<String>,
    /// The reasons why not all could be read.
    unreadable: Vec<String>,
}

/// The state that the user has seen; the deployer refuses the rollback if it has changed.
#[derive(Debug, Default)]
struct ExpectedState {
    live: Option<String>,
    active: Option<DeploymentId>,
    /// The release that the rollback leaves, as far as it is known.
    left: Option<Left>,
    /// The reason why the state could not be read.
    unread: Option<String>,
}

/// The finding of the look before a rollback.
enum Seen {
    /// The state that the rollback changes.
    Before(ExpectedState),
    /// The state that the user wants.
    Already(Answer),
}

pub(crate) async fn run(options: &Options, output: Output) -> Result<Answer, CliError> {
    let command = |if_live, if_active| {
        let follow::FunctionArgs { environment, function } = options.args.clone();
        Command::Rollback { environment, function, to: options.to.clone(), if_live, if_active }
    };
    let repeated = options.follow.repeated::<DeploymentRecord>(&command(None, None)).await?;
    let expected = match (repeated, &options.leaving) {
        (Repeated::Ended(record), _) => {
            let left = match output == Output::Text && after::has_acted(record.status) {
                true => after::left_by(&options.follow.remote, &record).await,
                false => Ok(None),
            };
            let left = left.unwrap_or_else(|error| {
                warn(&format!("the history does not tell which release it has left: {}", error.message));
                None
            });
            let answer = repeated::ended_as(&options.text(&record), &*record);
            return Ok(options.with_next_steps(answer, &record, left, output).await);
        }
        (Repeated::Open(_), _) => ExpectedState::default(),
        (Repeated::New, Some(release)) => ExpectedState {
            live: Some(release.to_string()),
            left: Some(Left { release: release.clone(), deployment: None, sha256: None }),
            ..ExpectedState::default()
        },
        (Repeated::New, None) => match options.expected_state(output).await? {
            Seen::Before(expected) => expected,
            Seen::Already(answer) => return Ok(answer),
        },
    };
    let ExpectedState { live: if_live, active: if_active, left, unread } = expected;
    let command = command(if_live, if_active);
    let record = match options.follow.follow_command::<DeploymentRecord>(command, Until::WaitingOrEnded).await {
        Ok(record) => record,
        Err(error) if output == Output::Text => return Err(told_once(error, unread.as_deref())),
        Err(error) => return Err(error),
    };
    let answer = Answer::with_text(options.text(&record), &record, record.exit());
    Ok(options.with_next_steps(answer, &record, left, output).await)
}

/// Shortens an error whose reason was printed before.
fn told_once(error: CliError, printed: Option<&str>) -> CliError {
    match printed.and_then(|printed| error.message.strip_prefix(printed)) {
        Some(rest) => CliError { message: format!("the rollback met the same error{rest}"), ..error },
        None => error,
    }
}

impl Options {
    /// Writes how the rollback has ended.
    fn text(&self, record: &DeploymentRecord) -> String {
        let follow::FunctionArgs { environment, function } = &self.args;
        let to = self.to.as_ref().map_or(String::new(), |to| format!(" --to {to}"));
        records::text_of_rollback(record, &format!("deployctl rollback -e {environment} -f {function}{to}"))
    }

    /// Adds what is live after the rollback, and what comes next.
    async fn with_next_steps(
        &self,
        mut answer: Answer,
        record: &DeploymentRecord,
        left: Option<Left>,
        output: Output,
    ) -> Answer {
        if output == Output::Text && after::has_acted(record.status) {
            answer.text.push_str(&after::text(&self.follow.remote, record, left).await);
        }
        answer
    }

    /// Shows what the rollback leaves, and asks for confirmation unless --yes is given.
    async fn expected_state(&self, output: Output) -> Result<Seen, CliError> {
        let status = self.status().await;
        let Look { status, left, groups, together, unreadable } = match status {
            // A misspelt name comes before anything else.
            Err(wrong) if matches!(wrong.exit, Exit::WrongUse | Exit::Refused) => return Err(wrong),
            _ if !(self.yes || confirm::is_possible()) => {
                return Err(CliError::wrong_use(
                    "nobody is at a terminal who could confirm it: say --leaving RELEASE, and it is refused if anything \
                     else is live, or --yes",
                ));
            }
            Ok(look) => look,
            Err(unread) if self.yes => {
                print_stderr(&format!("rolling back unseen, for what is live cannot be read: {unread}\n"))?;
                return Ok(Seen::Before(ExpectedState { unread: Some(unread.message), ..ExpectedState::default() }));
            }
            Err(unread) => {
                let hint = without_deployer(&self.args.function, Some(&self.args.environment));
                return Err(CliError {
                    message: format!(
                        "what is live cannot be read, and nothing was rolled back: {}\n  {hint}",
                        unread.message
                    ),
                    ..unread
                });
            }
        };
        // Programs that say --yes read the record of the refusal.
        let is_checked = !self.yes || output == Output::Text;
        let (passes, warnings) = match is_checked && self.may_be_refused(status.as_ref()) {
            true => self.refuse_as_planned().await?,
            false => (vec![], vec![]),
        };
        if let Some(live) = status.as_ref().filter(|_| !self.yes && output == Output::Text)
            && groups.is_empty()
            && unreadable.is_empty()
            && self.is_there_already(live)
        {
            return Ok(Seen::Already(self.already(live)));
        }
        if !self.yes || output == Output::Text {
            let leaves_live = |status: &&FunctionStatus| self.to.is_some() || stopped(status).is_none();
            let came_with = status.as_ref().filter(leaves_live).and_then(CameWith::of_live);
            let shown = Shown { passes, warnings, came_with, groups, together, unreadable };
            print_stderr(&self.preview(status.as_ref(), &shown, Timestamp::now()))?;
        }
        if !self.yes && !confirm::is_given("Roll back?", "nothing was rolled back")? {
            return Err(CliError::not_confirmed("nothing was rolled back"));
        }
        Ok(Seen::Before(ExpectedState { left, ..status.map(|status| self.expected(&status)).unwrap_or_default() }))
    }

    /// Returns what the person has seen. A rollback that goes back from what is live has nothing to do with what is under way.
    fn expected(&self, status: &FunctionStatus) -> ExpectedState {
        let live = status.live.as_ref().map(|live| live.deployment.to_string());
        let is_meant = self.to.is_some() || stopped(status).is_some();
        ExpectedState {
            live,
            active: status.active.or(status.pending).filter(|_| is_meant),
            ..ExpectedState::default()
        }
    }

    /// Whether the named release is live on every target, and a rollback to it would stop and end nothing.
    fn is_there_already(&self, status: &FunctionStatus) -> bool {
        let is_live = status.live.as_ref().is_some_and(|live| live.complete && Some(&live.release) == self.to.as_ref());
        let is_quiet = status.active.or(status.pending).is_none() && status.open.is_empty();
        is_live && is_quiet && status.waiting.is_empty() && status.doors.is_empty() && !status.rejected
    }

    /// Says that there is nothing to do, as the deployer does by a record that is unchanged.
    fn already(&self, status: &FunctionStatus) -> Answer {
        let follow::FunctionArgs { environment, function } = &self.args;
        let release = self.to.as_ref().map_or("it", Release::as_str);
        let (extent, options) = (status.extent(), self.follow.remote.repeated());
        let text = format!(
            "{release} of {function} is live in {environment} already, on {extent}: nothing was rolled back\n\
             To revert what somebody has changed by hand:\n  deployctl redeploy -e {environment} -f {function}{options}\n"
        );
        Answer { text, json: serde_json::Value::Null, exit: Exit::Done }
    }

    /// Whether the deployer may refuse the rollback, as far as the status tells: it has nothing to go back to.
    fn may_be_refused(&self, status: Option<&FunctionStatus>) -> bool {
        let known = status.and_then(|status| status.rollback_to.as_ref());
        match &self.to {
            Some(release) => known != Some(release),
            None => known.is_none() && status.is_none_or(|status| status.active.or(status.pending).is_none()),
        }
    }

    /// Refuses what the deployer would refuse, before anything is asked, and returns the releases that the rollback passes, and
    /// the warnings of its plan. Where the deployer cannot plan, it decides later.
    async fn refuse_as_planned(&self) -> Result<(Vec<PassedRelease>, Vec<String>), CliError> {
        let follow::FunctionArgs { environment, function } = &self.args;
        let command = Command::Plan {
            environment: environment.clone(),
            function: function.clone(),
            release: None,
            package: None,
            rollback: true,
            to: self.to.clone(),
            promote_from: None,
            deployment: None,
        };
        let plan = async { self.follow.remote.remote().await?.send::<PlanReport>(&remote::request(command)).await };
        // With --yes nobody waits to read it: the deployer refuses what it must.
        match tokio::time::timeout(if self.yes { PLAN_UNASKED } else { PLAN }, plan).await {
            Ok(Ok(PlanReport { refused: Some(refused), .. })) => Err(refused_as(&refused)),
            Ok(Ok(report)) => {
                let passed = |one: PlannedRelease| PassedRelease { release: one.release, because: one.passed_over };
                Ok((report.between.into_iter().map(passed).collect(), report.warnings))
            }
            Ok(Err(wrong)) if matches!(wrong.exit, Exit::WrongUse | Exit::Refused) => Err(wrong),
            Ok(Err(_)) | Err(_) => Ok((vec![], vec![])),
        }
    }

    /// Looks at what is live, and at what waits.
    async fn status(&self) -> Result<Look, CliError> {
        let follow::FunctionArgs { environment, function } = &self.args;
        let mut status_source = StatusSource::Deployer(self.follow.remote.remote().await?);
        let report = status_source.status(Some(environment), Some(function)).await?;
        let groups: Vec<GroupStatus> = ends::undecided(&report, function).cloned().collect();
        let rolls_out =
            report.functions.first().and_then(|status| status.rollout.as_ref()).map(|rollout| rollout.deployment);
        let together = rolls_out.and_then(|deployment| ends::taken_back_with(&report, deployment));
        let unreadable = report.unreadable;
        let Some(status) = report.functions.into_iter().next() else {
            return Ok(Look { groups, unreadable, ..Look::default() });
        };
        let left = match stopped(&status).filter(|_| self.to.is_none()) {
            Some(id) => {
                // Only the record says which release is under way.
                let records = status_source.history(&self.args, 20).await.map(|history| history.deployments);
                let record = records.unwrap_or_default().into_iter().find(|record| record.id == id);
                record.and_then(Left::of)
            }
            None => status.live.as_ref().map(Left::live),
        };
        Ok(Look { status: Some(status), left, groups, together, unreadable })
    }

    fn preview(&self, status: Option<&FunctionStatus>, shown: &Shown, now: Timestamp) -> String {
        preview::text((&self.args, self.to.as_ref()), status, shown, now)
    }
}

/// Makes the error of a rollback that the deployer would refuse.
fn refused_as(RefusedPlan { code, because }: &RefusedPlan) -> CliError {
    CliError::refused(format!("{code:?}: {}\n  nothing was rolled back", one_line(because)))
}

#[cfg(test)]
mod tests;
