//! AWS's answer to one call: done, or refused with a code.

use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use fixtures::error::{Error, Result};

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
        self.status == 403 || self.code.starts_with("AccessDenied")
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
pub trait Answered<T> {
    /// Returns what AWS answered.
    ///
    /// # Errors
    /// No answer came.
    fn answered(self, doing: &str) -> Result<Result<T, Refusal>>;

    /// Returns the output.
    ///
    /// # Errors
    /// No answer came, or AWS refused the call.
    fn done(self, doing: &str) -> Result<T>
    where
        Self: Sized,
    {
        self.answered(doing)?.map_err(|refusal| Error::failed(doing, refusal))
    }
}

impl<T, E> Answered<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    fn answered(self, doing: &str) -> Result<Result<T, Refusal>> {
        let error = match self {
            Ok(output) => return Ok(Ok(output)),
            Err(error) => error,
        };
        let Some(answer) = error.raw_response().filter(|_| error.as_service_error().is_some()) else {
            return Err(Error::failed(doing, chain(&error)));
        };
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Ok(Err(Refusal { status: answer.status().as_u16(), code: text(error.code()), message: text(error.message()) }))
    }
}

impl<T> Answered<T> for Result<Result<T, Refusal>> {
    fn answered(self, doing: &str) -> Result<Result<T, Refusal>> {
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

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        words.push(cause.to_string());
        next = cause.source();
    }
    words.dedup();
    words.join(": ")
}
