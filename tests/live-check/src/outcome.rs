//! AWS's answer to one call: done, or refused with a code.

use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use fixtures::error::{Doing as _, Error, Result};

/// An answer of AWS that is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The error's code; empty where the answer has none (HEAD).
    pub code: String,
    /// AWS's words.
    pub message: String,
}

impl Refusal {
    /// Whether a right is missing.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.status == 403
            || self.code.contains("AccessDenied")
            // EventBridge's codes for an event's source and detail type (API Reference, `PutEventsResultEntry`).
            || self.code.starts_with("NotAuthorizedFor")
            // Lambda quotes S3 under a code that says nothing of rights.
            || self.message.contains("S3 Error Code: AccessDenied")
    }

    /// Whether this is the code.
    #[must_use]
    pub fn is(&self, status: u16, code: &str) -> bool {
        self.status == status && self.code == code
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, code, message } = self;
        match (code.is_empty(), message.is_empty()) {
            (true, true) => write!(f, "{status}"),
            (true, false) => write!(f, "{status}: {message}"),
            (false, true) => write!(f, "{status} {code}"),
            (false, false) => write!(f, "{status} {code}: {message}"),
        }
    }
}

/// Tells an answer from no answer.
pub trait Answered<T>: Sized {
    /// Returns any answer of AWS, also one that passes.
    ///
    /// # Errors
    /// No answer came.
    fn any_answer(self, doing: &str) -> Result<Result<T, Refusal>>;

    /// Returns AWS's answer.
    ///
    /// # Errors
    /// No answer came, or only one that passes ([`Refusal::is_passing`]): the belief is not decided by it.
    fn answered(self, doing: &str) -> Result<Result<T, Refusal>> {
        match self.any_answer(doing)? {
            Err(refusal) if refusal.is_passing() => Err(Error::failed(doing, still(&refusal))),
            answer => Ok(answer),
        }
    }

    /// Returns AWS's answer, where a conflict that lasts is an answer to the question.
    ///
    /// # Errors
    /// No answer came, or only one that passes and is no conflict.
    fn answered_or_conflict(self, doing: &str) -> Result<Result<T, Refusal>> {
        match self.any_answer(doing)? {
            Err(refusal) if refusal.is_passing() && !refusal.is_conflict() => {
                Err(Error::failed(doing, still(&refusal)))
            }
            answer => Ok(answer),
        }
    }

    /// Returns AWS's answer to a call that the user's own rights must allow.
    ///
    /// # Errors
    /// As [`Answered::answered`], or a right is missing.
    fn answered_to_user(self, doing: &str) -> Result<Result<T, Refusal>> {
        match self.answered(doing)? {
            Err(refusal) if refusal.is_denied() => Err(Error::failed(doing, refusal)),
            answer => Ok(answer),
        }
    }

    /// Returns the output.
    ///
    /// # Errors
    /// No answer came, or AWS refused the call.
    fn done(self, doing: &str) -> Result<T> {
        self.any_answer(doing)?.map_err(|refusal| Error::failed(doing, refusal))
    }
}

fn still(refusal: &Refusal) -> String {
    format!("AWS still answers {refusal}, which passes and decides nothing")
}

impl<T, E> Answered<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    fn any_answer(self, doing: &str) -> Result<Result<T, Refusal>> {
        let error = match self {
            Ok(output) => return Ok(Ok(output)),
            Err(error) => error,
        };
        let Some(answer) = error.raw_response().filter(|_| error.as_service_error().is_some()) else {
            return Err(error).doing(doing);
        };
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(Err(Refusal { status: answer.status().as_u16(), code: text(error.code()), message: text(error.message()) }))
    }
}

impl<T> Answered<T> for Result<Result<T, Refusal>> {
    fn any_answer(self, doing: &str) -> Result<Result<T, Refusal>> {
        self.map_err(|error| Error::failed(doing, error))
    }
}

/// Says how a call ended, for an answer in words.
pub fn ended<T>(outcome: &Result<T, Refusal>) -> String {
    match outcome {
        Ok(_) => "succeeds".into(),
        Err(refusal) => format!("answers {refusal}"),
    }
}

/// Says whether AWS let a call through: nothing if it refused the call for another reason than a missing right.
pub fn was_allowed<T>(outcome: &Result<T, Refusal>) -> Option<bool> {
    match outcome {
        Ok(_) => Some(true),
        Err(refusal) => refusal.is_denied().then_some(false),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn denial_of_s3_that_lambda_quotes_is_a_denial() {
        let message = "Error occurred while GetObject. S3 Error Code: AccessDenied. S3 Error Message: Access Denied";
        let code = "InvalidParameterValueException".to_owned();
        assert!(Refusal { status: 400, code, message: message.into() }.is_denied());
    }

    fn answer(status: u16, code: &str) -> Result<Result<(), Refusal>> {
        Ok(Err(Refusal { status, code: code.into(), message: String::new() }))
    }

    #[test]
    fn passing_answer_decides_nothing() {
        for (status, code) in [(429, "TooManyRequestsException"), (503, ""), (409, "ResourceConflictException")] {
            let error = answer(status, code).answered("asking").unwrap_err().to_string();
            assert!(error.starts_with(&format!("asking: AWS still answers {status}")), "{error}");
        }
        assert!(answer(404, "NoSuchKey").answered("asking").is_ok());
    }

    #[test]
    fn conflict_is_an_answer_only_where_the_question_asks_for_it() {
        assert!(answer(409, "ResourceConflictException").answered_or_conflict("asking").is_ok());
        assert!(answer(503, "").answered_or_conflict("asking").is_err());
    }

    #[test]
    fn denial_of_the_user_decides_nothing() {
        assert!(answer(403, "AccessDenied").answered_to_user("asking").is_err());
        assert!(answer(412, "PreconditionFailed").answered_to_user("asking").is_ok());
    }

    #[test]
    fn only_success_and_denial_tell_of_rights() {
        let was_allowed = |status, code| was_allowed(&answer(status, code).unwrap());
        assert_eq!(was_allowed(403, "AccessDenied"), Some(false));
        assert_eq!(was_allowed(502, "KMSAccessDeniedException"), Some(false));
        assert_eq!(was_allowed(400, "InvalidParameterValueException"), None);
    }
}
