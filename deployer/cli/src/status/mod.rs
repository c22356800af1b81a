//! `deployctl status`: shows what is live where, as a table, or one function in detail.

mod detail;
mod groups;
mod marks;
mod table;

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anstyle::AnsiColor;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::status::StatusReport;
use jiff::Timestamp;

pub(super) use detail::one as one_function;

use super::answer::{Answer, CliError, Exit, one_line};
use super::interrupts::Interrupts;
use super::ledger::{self, StatusSource};
use super::{Output, remote};
use deployer_core::trigger::Command;

/// The options of `status`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// Show only this function, in detail.
    #[arg(value_name = "FUNCTION")]
    only: Option<FunctionName>,
    /// The same as the argument, in the form of the other verbs.
    #[arg(long, short, value_name = "NAME", conflicts_with = "only")]
    function: Option<FunctionName>,
    /// Show only this environment.
    #[arg(long, short, value_name = "NAME")]
    environment: Option<EnvironmentName>,
    /// Repeat every so many seconds, until Ctrl-C; a terminal is redrawn in place.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "5",
        value_parser = clap::value_parser!(u64).range(1..))]
    watch: Option<u64>,
    #[command(flatten)]
    ledger: ledger::Options,
}

pub(super) async fn run(options: &Options, output: Output) -> Result<Answer, CliError> {
    let mut status_source = options.ledger.status_source().await?;
    let Some(seconds) = options.watch else {
        return Ok(answer_of(options, &report(options, &mut status_source).await?));
    };
    let mut interrupts = Interrupts::listen()?;
    loop {
        // An error is shown, and the watch goes on.
        let answer = tokio::select! {
            report = report(options, &mut status_source) => report.map_or_else(Answer::from, |report| answer_of(options, &report)),
            () = interrupts.received() => return Ok(empty_answer()),
        };
        if draw(&answer, output, seconds).is_err() {
            return Ok(empty_answer());
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
            () = interrupts.received() => return Ok(empty_answer()),
        }
    }
}

/// Prints one status: on a terminal in place of the last one, for programs as a line.
fn draw(answer: &Answer, output: Output, seconds: u64) -> std::io::Result<()> {
    let mut out = anstream::stdout();
    match output {
        Output::Json => writeln!(out, "{}", answer.json)?,
        Output::Text => {
            // The sequence moves to the upper left and clears the screen.
            let again = if std::io::stdout().is_terminal() { "\x1b[H\x1b[2J" } else { "" };
            let now = Timestamp::now().strftime("%H:%M:%SZ");
            write!(out, "{again}{}\n{now}, again every {seconds} s; Ctrl-C ends it\n", answer.text)?;
        }
    }
    out.flush()
}

async fn report(options: &Options, status_source: &mut StatusSource) -> Result<StatusReport, CliError> {
    let function = options.only.as_ref().or(options.function.as_ref());
    status_source.status(options.environment.as_ref(), function).await
}

fn answer_of(options: &Options, report: &StatusReport) -> Answer {
    if options.only.is_some() || options.function.is_some() {
        return in_detail(report);
    }
    let now = Timestamp::now();
    let text = table::text(report, now) + &groups::text(&report.groups, now) + &unreadable(report);
    Answer::with_text(text, report, exit_of(report))
}

/// Returns 1 if the answer lacks something that could not be read.
fn exit_of(report: &StatusReport) -> Exit {
    if report.unreadable.is_empty() { Exit::Done } else { Exit::Failed }
}

/// Writes a line for each object that could not be read.
fn unreadable(report: &StatusReport) -> String {
    let red = AnsiColor::Red.on_default();
    report.unreadable.iter().map(|because| format!("{red}unreadable{red:#}: {}\n", one_line(because))).collect()
}

/// Sends a command that deploys nothing, and answers with the status of the function that it changed.
pub(super) async fn status_after(
    remote: &remote::Options,
    requester: &remote::Requester,
    command: Command,
) -> Result<Answer, CliError> {
    let report: StatusReport = remote.remote().await?.send(&requester.request(command, None)).await?;
    // The command is done, whatever the answer lacks.
    Ok(Answer { exit: Exit::Done, ..in_detail(&report) })
}

/// Shows each function in detail.
fn in_detail(report: &StatusReport) -> Answer {
    let now = Timestamp::now();
    let text = detail::text(report, now) + &groups::text(&report.groups, now) + &unreadable(report);
    Answer::with_text(text, report, exit_of(report))
}

fn empty_answer() -> Answer {
    Answer { text: String::new(), json: serde_json::Value::Null, exit: Exit::Done }
}
