//! `deployctl promote`: brings what one environment has live to another.

pub(crate) mod nothing_ready;
pub(crate) mod several;
pub(crate) mod text;

use std::str::FromStr;
use std::time::{Duration, Instant};

use deployer_core::config::Span;
use deployer_core::id::{EnvironmentName, FunctionName, FunctionPattern, Release};
use deployer_core::promotion::Functions;
use deployer_core::record::{DeploymentRecord, Status};
use deployer_core::status::StatusReport;
use jiff::Timestamp;

use crate::answer::{Answer, CliError};
use crate::follow::another;
use crate::follow::interrupts::Interrupts;
use crate::follow::repeated::{self, Repeated};
use crate::follow::{self, Followed as _, Until};
use crate::output::Output;
use crate::remote;
use crate::text::waiting;
use deployer_core::trigger::Command;

/// The time that the look at what waits already takes at most.
const LOOK: Duration = Duration::from_secs(30);

/// The options of `promote`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// The function, by its name in upload keys and in the ledger. A pattern with * promotes each function that matches and is ready.
    /// Several functions go together: all or none.
    #[arg(long, short, value_name = "NAME", required = true, value_delimiter = ',')]
    function: Vec<FunctionPattern>,
    /// The environment that has the release live.
    #[arg(long, value_name = "NAME")]
    from: EnvironmentName,
    /// The environment to promote to.
    #[arg(long, value_name = "NAME")]
    to: EnvironmentName,
    /// The release to promote, one that was live there [default: the live one].
    #[arg(long, short, value_name = "NAME")]
    release: Option<Release>,
    /// End the promotion if it is not live by then: a time such as 2026-12-01T09:00:00Z, or a span from now such as 2h.
    #[arg(long, value_name = "TIME", value_parser = NotAfter::from_str)]
    not_after: Option<NotAfter>,
    /// Promote during a freeze, for this reason. It is recorded and sent to the event bus.
    #[arg(long, value_name = "REASON")]
    override_freeze: Option<String>,
    /// Skip the steps of the environment's rollout, for this reason. Smoke tests and the watch stay. It is recorded and
    /// sent to the event bus.
    #[arg(long, value_name = "REASON")]
    skip_rollout: Option<String>,
    /// Wait until the promotion ends, even while it waits for approvals or the end of a freeze.
    #[arg(long, conflicts_with = "no_wait")]
    wait: bool,
    #[command(flatten)]
    follow: follow::Options,
}

/// The time at which a promotion ends if it is not live by then.
#[derive(Debug, Clone, Copy)]
enum NotAfter {
    At(Timestamp),
    In(Span),
}

impl FromStr for NotAfter {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let at = || text.parse().map(Self::At);
        Span::parse(text).map(Self::In).or_else(|_| at()).map_err(|_| {
            format!("{text:?} is neither a time, such as 2026-12-01T09:00:00Z, nor so long from now, such as 2h")
        })
    }
}

impl NotAfter {
    fn time(self) -> Result<Timestamp, CliError> {
        match self {
            Self::At(time) => Ok(time),
            Self::In(span) => Timestamp::now().checked_add(span.as_duration()).map_err(CliError::wrong_use),
        }
    }
}

pub(crate) async fn run(options: &Options, output: Output) -> Result<Answer, CliError> {
    let functions = functions(&options.function)?;
    if let (Functions::Each(pattern), Some(_)) = (&functions, &options.release) {
        return Err(CliError::wrong_use(format!(
            "--release belongs to one function, and {pattern} may match several: name the function"
        )));
    }
    let (function, together) = match &functions {
        Functions::Together(names) => (None, Some(names.clone())),
        Functions::One(_) | Functions::Each(_) => (options.function.first().cloned(), None),
    };
    let command = Command::Promote {
        function,
        functions: together,
        from: options.from.clone(),
        to: options.to.clone(),
        release: options.release.clone(),
        not_after: options.not_after.map(NotAfter::time).transpose()?,
        override_freeze: options.override_freeze.clone(),
        skip_rollout: options.skip_rollout.clone(),
    };
    let until = if options.wait { Until::Ended } else { Until::WaitingOrEnded };
    let asked = Asked { follow: &options.follow, command, until, output };
    match functions {
        Functions::One(_) => one(asked).await,
        Functions::Together(_) => several::together(asked).await,
        Functions::Each(pattern) => several::each(asked, &pattern, (&options.from, &options.to)).await,
    }
}

/// A promotion that the user asks for.
pub(crate) struct Asked<'a> {
    pub follow: &'a follow::Options,
    pub command: Command,
    /// With --wait its end.
    pub until: Until,
    pub output: Output,
}

/// Promotes one function.
async fn one(Asked { follow, command, until, output }: Asked<'_>) -> Result<Answer, CliError> {
    let began = Instant::now();
    let (record, is_repeated) = match follow.repeated::<DeploymentRecord>(&command).await? {
        Repeated::Ended(record) => (*record, true),
        Repeated::New | Repeated::Open(_) => (follow.follow_command(command, until).await?, false),
    };
    if until == Until::Ended
        && let Some(other) = follow.follow_in_place_of(&record, began).await?
    {
        return Ok(Answer::with_text(waiting::requested(&other), &other, other.exit()));
    }
    let mut answer = match is_repeated {
        true => repeated::ended(&record),
        false => Answer::with_text(waiting::requested(&record), &record, record.exit()),
    };
    if output == Output::Text && record.status == Status::Superseded {
        let place = (&record.environment, Some(&record.function));
        let look = |report: &StatusReport| waiting::instead(&record, report);
        let ended = another::own_end(&record.name());
        answer.text.push_str(&instead(&follow.remote, place, ended, look).await?);
    }
    Ok(answer)
}

/// Looks how the promotion or the group goes on that waits in the place of the one which has ended. A look that fails says
/// nothing.
///
/// # Errors
/// The user interrupts the look.
pub(crate) async fn instead(
    remote: &remote::Options,
    (environment, function): (&EnvironmentName, Option<&FunctionName>),
    ended: String,
    words: impl Fn(&StatusReport) -> String,
) -> Result<String, CliError> {
    let mut interrupts = Interrupts::listen()?;
    let status = remote::request(Command::status(Some(environment.clone()), function.cloned()));
    let look = async { remote.remote().await?.send::<StatusReport>(&status).await };
    tokio::select! {
        seen = tokio::time::timeout(LOOK, look) => Ok(match seen {
            Ok(Ok(report)) => words(&report),
            Ok(Err(_)) | Err(_) => String::new(),
        }),
        () = interrupts.received() => Err(CliError::interrupted(format!("interrupted; {ended}"))),
    }
}

/// Reads the functions: one, each that matches a pattern, or several together.
fn functions(given: &[FunctionPattern]) -> Result<Functions, CliError> {
    if let [one] = given {
        return Functions::of(Some(one.clone()), None).map_err(CliError::wrong_use);
    }
    let names = given.iter().map(|name| FunctionName::parse(name.as_str()).map_err(|_| name));
    let names = names.collect::<Result<Vec<_>, _>>().map_err(|pattern| {
        CliError::wrong_use(format!(
            "{pattern} stands for each that is ready, one by one; functions that go together are named: give the pattern \
             alone, or names only"
        ))
    })?;
    Functions::of(None, Some(names))
        .map_err(|error| CliError::wrong_use(error.replace("functions names", "--function names")))
}
