//! `deployctl status`: shows what is live where, as a table, or one function in detail.

mod detail;
mod filter;
mod groups;
mod marks;
pub(crate) mod rollout;
pub(crate) mod serving;
mod table;
#[cfg(test)]
mod tests;

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use deployer_core::id::{EnvironmentName, FunctionName, FunctionPattern};
use deployer_core::status::StatusReport;
use jiff::Timestamp;

pub(crate) use detail::one as one_function;
pub(crate) use table::functions_in_order;

use crate::answer::{Answer, CliError, Exit, sentence};
use crate::follow::interrupts::Interrupts;
use crate::remote::ledger::{self, StatusSource};
use crate::text::advice;
use crate::text::colours;
use crate::text::streams::stdout;
use crate::text::terminal;
use crate::text::width::fitted;
use crate::{Output, remote};
use deployer_core::trigger::Command;
use filter::{Filter, State};

/// The options of `status`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// Show only this function, in detail; or, in the table, each whose name matches a pattern such as 'orders-*'.
    #[arg(value_name = "FUNCTION")]
    only: Option<FunctionPattern>,
    /// The same as the argument, in the form of the other verbs.
    #[arg(long, short, value_name = "NAME", conflicts_with = "only")]
    function: Option<FunctionPattern>,
    /// Show only this environment.
    #[arg(long, short, value_name = "NAME")]
    environment: Option<EnvironmentName>,
    /// Show only functions in one of these states, each where it is in it.
    #[arg(long, value_name = "STATES", value_enum, value_delimiter = ',')]
    state: Vec<State>,
    /// Repeat every 5 seconds, or as often as --watch=2 says, until Ctrl-C; a terminal is redrawn in place.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "5",
        value_parser = seconds)]
    watch: Option<u64>,
    #[command(flatten)]
    ledger: ledger::Options,
}

/// Reads the seconds of --watch.
fn seconds(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
    seconds.ok_or_else(|| "a whole number of seconds is from 1 to 86400, such as --watch=2".to_owned())
}

pub(crate) async fn run(options: &Options, output: Output) -> Result<Answer, CliError> {
    options.check()?;
    let mut status_source = options.ledger.status_source(options.environment.as_ref()).await?;
    let Some(seconds) = options.watch else {
        return Ok(answer_of(options, &report(options, &mut status_source).await?));
    };
    let mut interrupts = Interrupts::listen()?;
    loop {
        // An error is shown, and the watch goes on.
        let answer = tokio::select! {
            report = report(options, &mut status_source) => report.map_or_else(Answer::from, |report| answer_of(options, &report)),
            () = interrupts.received() => return Ok(Answer::printed(Exit::Interrupted)),
        };
        if draw(&answer, output, seconds).is_err() {
            return Ok(Answer::printed(Exit::Done));
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
            () = interrupts.received() => return Ok(Answer::printed(Exit::Interrupted)),
        }
    }
}

/// Prints one status: on a terminal in place of the last one, for programs as a line.
fn draw(answer: &Answer, output: Output, seconds: u64) -> std::io::Result<()> {
    let mut out = stdout();
    match output {
        Output::Json => writeln!(out, "{}", answer.json)?,
        Output::Text => {
            // The sequence moves to the upper left and clears the screen.
            let again = if std::io::stdout().is_terminal() { "\x1b[H\x1b[2J" } else { "" };
            let now = Timestamp::now().strftime("%H:%M:%SZ");
            let text = fitted(&advice::complete(&answer.text, terminal::columns()), terminal::columns());
            write!(out, "{again}{text}\n{now}, again every {seconds} s; Ctrl-C ends it\n")?;
        }
    }
    out.flush()
}

impl Options {
    /// Refuses seconds that were meant for --watch, and would be the name of a function.
    fn check(&self) -> Result<(), CliError> {
        let only = self.only.as_ref().map_or("", |only| only.as_str());
        match self.watch.is_some() && !only.is_empty() && only.bytes().all(|byte| byte.is_ascii_digit()) {
            true => Err(CliError::wrong_use(format!(
                "--watch takes its seconds as --watch={only}; for a function called {only}: --watch -f {only}"
            ))),
            false => Ok(()),
        }
    }

    fn names(&self) -> Option<&FunctionPattern> {
        self.only.as_ref().or(self.function.as_ref())
    }

    /// Returns the function that is asked for by its name.
    fn one(&self) -> Option<FunctionName> {
        FunctionName::parse(self.names()?.as_str()).ok()
    }

    fn filter(&self) -> Filter<'_> {
        Filter { names: self.names(), states: &self.state }
    }
}

async fn report(options: &Options, status_source: &mut StatusSource) -> Result<StatusReport, CliError> {
    let mut report = status_source.status(options.environment.as_ref(), options.one().as_ref()).await?;
    let filter = options.filter();
    filter.ensure_any(&report, options.environment.as_ref())?;
    filter.keep(&mut report, Timestamp::now());
    Ok(report)
}

fn answer_of(options: &Options, report: &StatusReport) -> Answer {
    let now = Timestamp::now();
    if options.one().is_some() && (options.state.is_empty() || !report.functions.is_empty()) {
        return in_detail(report);
    }
    let filter = options.filter();
    let text = match report.functions.is_empty() {
        true if !report.unreadable.is_empty() || !report.groups.is_empty() => String::new(),
        true => {
            let nothing = filter.nothing(options.environment.as_ref());
            nothing.unwrap_or_else(|| "nothing was deployed yet\n".to_owned())
        }
        // Where only some states were asked for, a dash would tell that there is nothing.
        false => table::text(report, now, terminal::table_columns(), if options.state.is_empty() { "-" } else { "" }),
    };
    let groups = groups::text(&report.groups, now, terminal::columns());
    // Each group begins with an empty line, which parts it from what is above it.
    let groups = if text.is_empty() { groups.trim_start_matches('\n') } else { &groups };
    Answer::with_text(text + groups + &unreadable(report), report, exit_of(report))
}

/// Returns 1 if the answer lacks something that could not be read.
fn exit_of(report: &StatusReport) -> Exit {
    if report.unreadable.is_empty() { Exit::Done } else { Exit::Failed }
}

/// Writes a line for each object that could not be read.
fn unreadable(report: &StatusReport) -> String {
    let red = colours::BAD;
    report.unreadable.iter().map(|because| format!("{red}unreadable{red:#}: {}\n", sentence(because))).collect()
}

/// Sends a command that deploys nothing, and answers with what is true now, in the words of the verb; they get the
/// options by which another command reaches the same deployer.
pub(crate) async fn answer_after(
    remote: &remote::Options,
    requester: &remote::Requester,
    command: Command,
    words: impl Fn(&StatusReport, &str) -> String,
) -> Result<Answer, CliError> {
    let report: StatusReport = remote.remote().await?.send(&requester.request(command, None)).await?;
    let text = words(&report, &remote.repeated()) + &unreadable(&report);
    // The command is done, whatever the answer lacks.
    Ok(Answer::with_text(fitted(&text, terminal::columns()), &report, Exit::Done))
}

/// Shows each function in detail.
fn in_detail(report: &StatusReport) -> Answer {
    let (now, columns) = (Timestamp::now(), terminal::columns());
    let text = detail::text(report, now, columns) + &groups::text(&report.groups, now, columns) + &unreadable(report);
    Answer::with_text(text, report, exit_of(report))
}
