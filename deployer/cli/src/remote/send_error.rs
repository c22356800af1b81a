//! Requests that have no answer: what happened to them, and the errors of the deployer's function, its own by their names
//! and those of Lambda.

use std::borrow::Cow;

use serde_json::Value;

use crate::answer::{CliError, Exit};

/// The outcome of a request that has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendOutcome {
    /// AWS or the deployer refused it.
    Refused,
    /// It was not sent, because no connection was made.
    NotSent,
    /// AWS throttled it.
    Throttled,
    /// It was sent, and no answer came.
    Lost,
    /// The deployer began and reported an error that another try can mend.
    Broken,
}

/// The error of a request without an answer.
#[derive(Debug, Clone)]
pub(crate) struct SendError {
    pub outcome: SendOutcome,
    pub error: CliError,
}

/// Reads the error that the deployer ends an invocation in.
pub(crate) fn read(value: &Value) -> SendError {
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (error_type, message) = (text("errorType"), text("errorMessage"));
    let known = |exit, outcome| (exit, Cow::from(error_type.clone()), outcome, message.clone());
    let (exit, error_type, outcome, message) = match error_type.as_str() {
        "InvalidCommand" => known(Exit::WrongUse, SendOutcome::Refused),
        "UnknownFunction" | "UnknownRelease" | "NotPromotable" | "Refused" => {
            known(Exit::Refused, SendOutcome::Refused)
        }
        "InvalidConfig" => known(Exit::Failed, SendOutcome::Refused),
        // The deployer is well, and STS may answer the next time.
        "IdentityUnavailable" | "LedgerUnavailable" => known(Exit::Failed, SendOutcome::Broken),
        newer if is_of_a_deployer(newer) => {
            let message =
                format!("{message}\n  this deployctl does not know the deployer's error {newer}: update deployctl");
            (Exit::Failed, Cow::from(error_type.clone()), SendOutcome::Refused, message)
        }
        _ => (Exit::Failed, "Internal".into(), SendOutcome::Broken, message.clone()),
    };
    SendError { outcome, error: CliError::new(exit, error_type, message) }
}

/// Whether an error that this program does not know has a name as the deployer gives them. Lambda's own names have a dot
/// (`Runtime.ExitError`), or there is none.
fn is_of_a_deployer(error_type: &str) -> bool {
    error_type != "Internal" && !error_type.is_empty() && error_type.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
