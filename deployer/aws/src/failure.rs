//! A failed call of any AWS service: its code, its status and its text.

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use deployer_core::text::PlainText;

use super::obstacle::{Obstacle, causes};

/// The parts of a failed call.
#[derive(Debug)]
pub(super) struct Failure {
    /// The service's error code; empty where no answer came.
    pub code: String,
    /// The HTTP status; 0 where no answer came.
    pub status: u16,
    /// The code, the text and the causes, without the request.
    pub message: PlainText,
    /// The service's own text; empty where no answer came.
    pub text: String,
    /// The obstacle, if no policy helps.
    pub obstacle: Option<Obstacle>,
}

impl Failure {
    /// Takes the parts of an SDK error.
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let Some(service) = error.as_service_error() else {
            // A status line may have come before the connection broke, so the outcome is unknown then too.
            let (obstacle, message) = match Obstacle::without_answer(error) {
                Some((obstacle, message)) => (Some(obstacle), message),
                None => (None, causes(error)),
            };
            return Self { code: String::new(), status: 0, message: message.into(), text: String::new(), obstacle };
        };
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let code = service.code().unwrap_or_default().to_owned();
        let text = without_variables(service.message().unwrap_or("no message"));
        let message = if code.is_empty() { format!("HTTP {status}: {text}") } else { format!("{code}: {text}") };
        let obstacle = Obstacle::answered(&code, &text);
        Self { code, status, message: message.into(), text, obstacle }
    }

    /// A service's answer with these parts.
    #[cfg(test)]
    pub fn saying(status: u16, code: &str, text: &str) -> Self {
        let message = PlainText::of(format_args!("{code}: {text}"));
        Self { code: code.into(), status, message, text: text.into(), obstacle: Obstacle::answered(code, text) }
    }

    /// Whether the outcome is unknown: no answer came, the server failed, or a success cannot be read.
    pub fn is_unanswered(&self) -> bool {
        matches!(self.status, 0 | 200..300 | 500..)
    }
}

/// A failed call, for whoever has to tell a person.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct CallFailure {
    /// AWS's message, or the causes of a call without an answer.
    pub message: String,
    /// The service's error code; empty where no answer came.
    pub code: String,
    /// The HTTP status; 0 where no answer came.
    pub status: u16,
    /// The obstacle, if no policy helps.
    pub obstacle: Option<Obstacle>,
}

impl CallFailure {
    /// Takes the parts of an SDK error.
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        Failure::of(error).into()
    }
}

impl From<Failure> for CallFailure {
    fn from(Failure { code, status, message, obstacle, .. }: Failure) -> Self {
        Self { message: message.into(), code, status, obstacle }
    }
}

/// Cuts the text before the variables, which Lambda quotes when they are too large.
fn without_variables(text: &str) -> String {
    match text.split_once("String measured") {
        Some((before, _)) => format!("{before}(the variables are not shown)"),
        None => text.to_owned(),
    }
}

/// Whether the account has not enabled the region, so that no policy can help.
pub(super) fn is_region_not_enabled(failure: &Failure) -> bool {
    // A service rejects a session that STS has just opened only where the account has not enabled the region.
    matches!(failure.code.as_str(), "RegionDisabledException" | "UnrecognizedClientException" | "InvalidClientTokenId")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_quoted_by_lambda_are_cut() {
        let text = "Lambda was unable to configure your environment variables because the environment variables you \
                    have provided exceeded the 4KB limit. String measured: {\"TOKEN\":\"s3cr3t\"}";
        assert!(without_variables(text).ends_with("exceeded the 4KB limit. (the variables are not shown)"));
    }
}
