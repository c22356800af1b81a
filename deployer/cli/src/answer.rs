//! The answer of a verb: text for people, JSON for programs, and an exit code.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;

use deployer_core::record::{DeploymentRecord, Status};
use deployer_core::text::plain;
use serde::Serialize;
use serde_json::{Value, json};

use crate::output::Output;
use crate::text::ago::with_moments;
use crate::text::streams::stderr;
use crate::text::terminal;
use crate::text::width::{COMMANDS, fitted};

/// The exit codes; clap uses 2 too.
///
/// One rule holds for all verbs. Code 2 means that the call is wrong by itself: an option, or a name that
/// `deployer.json` or the ledger's open work does not have (an environment, a hold, a reject, a promotion that waits). So
/// is what the deployer answers as `InvalidCommand`, such as an id that is a deployment's or was another command's. Code 3
/// means that the call makes sense and is refused: by a rule (the approval of a person who may not approve, a reject more
/// than a function may have), by the user who does not confirm it, or because there is no such function, release or
/// deployment. A verb that only shows, and finds nothing to show of a function that is known, exits with 0. Code 130
/// follows every Ctrl-C, also where nothing else ends the verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: the request is fulfilled.
    Done,
    /// 1: the verb failed.
    Failed,
    /// 2: the user called the verb in a wrong way.
    WrongUse,
    /// 3: a rule refuses the request, or the user does not confirm it.
    Refused,
    /// 4: the deployment has not ended within the timeout.
    TimedOut,
    /// 5: the plan has differences, and the user asked for this code.
    Differs,
    /// 130: the user pressed Ctrl-C (128 plus the number of SIGINT, as in shells).
    Interrupted,
}

impl Exit {
    /// Returns the exit code of several answers together: the most severe one.
    pub(super) fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().max_by_key(|exit| exit.severity()).unwrap_or(Self::Done)
    }

    /// Returns the severity. A failure ranks above a refusal, because it may need more repair than a request that was
    /// never tried.
    pub(super) fn severity(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Differs => 1,
            Self::Refused => 2,
            Self::WrongUse => 3,
            Self::TimedOut => 4,
            Self::Failed => 5,
            Self::Interrupted => 6,
        }
    }
}

impl From<Exit> for u8 {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::WrongUse => 2,
            Exit::Refused => 3,
            Exit::TimedOut => 4,
            Exit::Differs => 5,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(u8::from(exit))
    }
}

impl From<&DeploymentRecord> for Exit {
    fn from(record: &DeploymentRecord) -> Self {
        match record.status {
            Status::Succeeded | Status::Unchanged => Self::Done,
            Status::Failed | Status::RolledBack => Self::Failed,
            Status::Refused | Status::Superseded => Self::Refused,
            Status::Pending | Status::InProgress => Self::TimedOut,
        }
    }
}

/// The answer of a verb.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The text for people, with colours; printing removes them if the output is not a terminal.
    pub text: String,
    /// The JSON for programs.
    pub json: Value,
    /// The exit code for the caller.
    pub exit: Exit,
}

/// The reason why a verb has no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    /// The exit code.
    pub exit: Exit,
    /// A stable name for programs: the Lambda's `errorType`, or one of `deployctl`'s own.
    pub error_type: Cow<'static, str>,
    /// The operation, its object, and what to do about it.
    pub message: String,
    /// The last answer that is known all the same: programs get its fields beside those of the error.
    pub known: Option<Box<Value>>,
}

impl CliError {
    pub(super) fn new(exit: Exit, error_type: impl Into<Cow<'static, str>>, message: impl Display) -> Self {
        Self { exit, error_type: error_type.into(), message: message.to_string(), known: None }
    }

    /// Puts several errors together: the most severe one, with the messages of all. None: there is none.
    pub fn together(errors: Vec<Self>) -> Option<Self> {
        let message = errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("\n");
        let worst = errors.into_iter().max_by_key(|error| error.exit.severity())?;
        Some(Self { message, ..worst })
    }

    /// Makes the error of a verb that failed for an outside reason.
    pub fn failed(message: impl Display) -> Self {
        Self::new(Exit::Failed, "Failed", message)
    }

    /// Makes the error of a verb that the user called in a wrong way.
    pub fn wrong_use(message: impl Display) -> Self {
        Self::new(Exit::WrongUse, "WrongUse", message)
    }

    /// Makes the error of a request that a rule refuses.
    pub fn refused(message: impl Display) -> Self {
        Self::new(Exit::Refused, "Refused", message)
    }

    /// Makes the error of a request that the user was asked about and declined: nothing was sent.
    pub fn not_confirmed(message: impl Display) -> Self {
        Self::new(Exit::Refused, "NotConfirmed", format!("not confirmed: {message}"))
    }

    /// Makes the error of a request about a function that no environment knows.
    pub fn unknown_function(message: impl Display) -> Self {
        Self::new(Exit::Refused, "UnknownFunction", message)
    }

    /// Makes the error of a request about a release that no environment knows.
    pub fn unknown_release(message: impl Display) -> Self {
        Self::new(Exit::Refused, "UnknownRelease", message)
    }

    /// Makes the error of a promotion that the rules of the environment never let through.
    pub fn not_promotable(message: impl Display) -> Self {
        Self::new(Exit::Refused, "NotPromotable", message)
    }

    /// Whether the request is wrong or is refused: the same again has the same answer.
    pub(super) fn is_of_the_request(&self) -> bool {
        matches!(self.exit, Exit::WrongUse | Exit::Refused)
    }

    /// Makes the error of a deployment that has not ended within the timeout.
    pub fn timed_out(message: impl Display) -> Self {
        Self::new(Exit::TimedOut, "TimedOut", message)
    }

    /// Makes the error of a verb that the user has interrupted.
    pub fn interrupted(message: impl Display) -> Self {
        Self::new(Exit::Interrupted, "Interrupted", message)
    }
}

impl From<CliError> for Answer {
    fn from(error: CliError) -> Self {
        let CliError { exit, error_type, message, known } = error;
        let mut json = known.map(|known| *known).filter(Value::is_object).unwrap_or_else(|| json!({}));
        json["errorType"] = json!(error_type);
        json["errorMessage"] = json!(message);
        Self { text: format!("error: {}\n", with_moments_in_lines(&lines(&message))), json, exit }
    }
}

/// Returns foreign text on one line, without control sequences.
pub(super) fn one_line(text: &str) -> String {
    plain(text).into_owned()
}

/// Returns a sentence of the deployer as [`one_line`] does, with its times in the form that people read.
pub(super) fn sentence(text: &str) -> String {
    with_moments(&one_line(text))
}

/// Gives the times in sentences the form that people read. Commands to copy stay as they are.
fn with_moments_in_lines(text: &str) -> String {
    let is_command = |line: &str| COMMANDS.iter().any(|command| line.trim_start().starts_with(command));
    let line = |line: &str| if is_command(line) { line.to_owned() } else { with_moments(line) };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Returns ` by ` and the name of somebody, or nothing where nobody is named.
pub(super) fn by_whom(who: Option<&str>) -> String {
    who.map_or(String::new(), |who| format!(" by {}", one_line(who)))
}

/// Returns foreign text of several lines, each without control sequences.
pub(super) fn lines(text: &str) -> String {
    text.split('\n').map(one_line).collect::<Vec<_>>().join("\n")
}

impl Answer {
    /// Makes an answer whose text and JSON show the same value.
    pub fn of<T: Display + Serialize>(value: &T, exit: Exit) -> Self {
        Self::with_text(value.to_string(), value, exit)
    }

    /// Makes an answer from a value for programs and a text for people.
    pub fn with_text<T: Serialize>(text: String, value: &T, exit: Exit) -> Self {
        match serde_json::to_value(value) {
            Ok(json) => Self { text, json, exit },
            Err(error) => CliError::failed(format!("the answer as JSON: {error}")).into(),
        }
    }

    /// Adds the reason why nothing was done, beside the state that the answer shows: a line for people, and for programs the
    /// fields of an error.
    pub(super) fn with_refusal(mut self, because: Option<&str>, output: Output) -> Self {
        let Some(because) = because else { return self };
        self.text = format!("{}{because}\n", self.text);
        // The text of an answer with these fields goes to standard error.
        if let (Output::Json, Some(fields)) = (output, self.json.as_object_mut()) {
            fields.insert("errorType".to_owned(), "Refused".into());
            fields.insert("errorMessage".to_owned(), because.into());
        }
        self
    }

    /// Makes the answer of a verb that has printed everything itself.
    pub(super) fn printed(exit: Exit) -> Self {
        Self { text: String::new(), json: Value::Null, exit }
    }

    /// Prints the answer, and wraps its text for so many columns. Errors for people go to standard error.
    pub(super) fn print(&self, output: Output, columns: Option<usize>, out: &mut impl Write) -> std::io::Result<()> {
        match output {
            // A verb without JSON has printed everything itself.
            Output::Json if self.json.is_null() => Ok(()),
            Output::Json => writeln!(out, "{:#}", self.json),
            Output::Text if self.json.get("errorType").is_some() => {
                write!(stderr(), "{}", fitted(&self.text, terminal::error_columns()))
            }
            Output::Text => write!(out, "{}", fitted(&self.text, columns)),
        }
    }
}
