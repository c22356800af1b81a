//! What a verb comes to: words for people, JSON for programs, and an exit code.

use std::fmt::Display;
use std::io::Write;

use deployer_core::record::{DeploymentRecord, Status};
use deployer_core::text::plain;
use serde::Serialize;
use serde_json::{Value, json};

use super::Output;

/// Exit codes; 2 is clap's too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: what was asked for is so.
    Done,
    /// 1: it failed.
    Failed,
    /// 2: it was asked for in a wrong way.
    WrongUse,
    /// 3: a rule says no.
    Refused,
    /// 4: it has not ended in the time that was given.
    TimedOut,
    /// 5: there are differences, and it was asked whether there are.
    Differs,
    /// 130: somebody stopped it (128 and the number of SIGINT, as shells have it).
    Interrupted,
}

impl Exit {
    /// The exit code of several together.
    pub(super) fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().max_by_key(|exit| exit.severity()).unwrap_or(Self::Done)
    }

    /// Of what has failed, more may have to be repaired than of what was never tried.
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

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::from(0),
            Exit::Failed => Self::from(1),
            Exit::WrongUse => Self::from(2),
            Exit::Refused => Self::from(3),
            Exit::TimedOut => Self::from(4),
            Exit::Differs => Self::from(5),
            Exit::Interrupted => Self::from(130),
        }
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

/// What a verb comes to.
#[derive(Debug, Clone)]
pub struct Answer {
    /// For people; with colours, which are taken away where nobody would see them.
    pub text: String,
    /// For programs.
    pub json: Value,
    /// For whoever started us.
    pub exit: Exit,
}

/// Why a verb did not come to its answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    /// The exit code.
    pub exit: Exit,
    /// A stable name for programs: the Lambda's `errorType`, or ours.
    pub error_type: &'static str,
    /// What was being done, to what, and what to do about it.
    pub message: String,
}

impl CliError {
    /// It failed, for a reason outside of us.
    pub fn failed(message: impl Display) -> Self {
        Self { exit: Exit::Failed, error_type: "Failed", message: message.to_string() }
    }

    /// It was asked for in a wrong way.
    pub fn wrong_use(message: impl Display) -> Self {
        Self { exit: Exit::WrongUse, error_type: "WrongUse", message: message.to_string() }
    }

    /// A rule says no.
    pub fn refused(message: impl Display) -> Self {
        Self { exit: Exit::Refused, error_type: "Refused", message: message.to_string() }
    }

    /// It has not ended in time.
    pub fn timed_out(message: impl Display) -> Self {
        Self { exit: Exit::TimedOut, error_type: "TimedOut", message: message.to_string() }
    }

    /// Somebody stopped it.
    pub fn interrupted(message: impl Display) -> Self {
        Self { exit: Exit::Interrupted, error_type: "Interrupted", message: message.to_string() }
    }
}

impl From<CliError> for Answer {
    fn from(error: CliError) -> Self {
        let CliError { exit, error_type, message } = error;
        let json = json!({ "errorType": error_type, "errorMessage": message });
        Self { text: format!("error: {}\n", lines(&message)), json, exit }
    }
}

/// Text of somebody else's, on one line and without anything that a terminal obeys.
pub(super) fn one_line(text: &str) -> String {
    plain(text).into_owned()
}

/// The same of a text that has lines of its own.
pub(super) fn lines(text: &str) -> String {
    text.split('\n').map(one_line).collect::<Vec<_>>().join("\n")
}

impl Answer {
    /// The same value in both forms.
    pub fn of<T: Display + Serialize>(value: &T, exit: Exit) -> Self {
        Self::with_text(value.to_string(), value, exit)
    }

    /// A value for programs, and words of their own for people.
    pub fn with_text<T: Serialize>(text: String, value: &T, exit: Exit) -> Self {
        match serde_json::to_value(value) {
            Ok(json) => Self { text, json, exit },
            Err(error) => CliError::failed(format!("the answer as JSON: {error}")).into(),
        }
    }

    /// Prints it. Errors for people go to standard error.
    pub(super) fn print(&self, output: Output, out: &mut impl Write) -> std::io::Result<()> {
        match output {
            // Everything is said.
            Output::Json if self.json.is_null() => Ok(()),
            Output::Json => writeln!(out, "{:#}", self.json),
            Output::Text if self.json.get("errorType").is_some() => write!(anstream::stderr(), "{}", self.text),
            Output::Text => write!(out, "{}", self.text),
        }
    }
}
