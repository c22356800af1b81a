//! A failed call of any AWS service: its code, its status and its text.

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use deployer_core::text::PlainText;

/// A failed call of any service, taken apart.
#[derive(Debug)]
pub(super) struct Failure {
    /// The service's error code; empty where no answer came.
    pub code: String,
    /// The HTTP status; 0 where no answer came.
    pub status: u16,
    /// Everything there is to say, without the request.
    pub message: PlainText,
    /// The service's own text; empty where no answer came.
    pub text: String,
}

impl Failure {
    /// Takes an SDK error apart.
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let Some(service) = error.as_service_error() else {
            // Also where a status line came and the rest broke off: what happened is not known.
            return Self { code: String::new(), status: 0, message: causes(error).into(), text: String::new() };
        };
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let code = service.code().unwrap_or_default().to_owned();
        let text = without_variables(service.message().unwrap_or("no message"));
        let message = if code.is_empty() { format!("HTTP {status}: {text}") } else { format!("{code}: {text}") };
        Self { code, status, message: message.into(), text }
    }

    /// An answer of a service's, as if it had come.
    #[cfg(test)]
    pub fn saying(status: u16, code: &str, text: &str) -> Self {
        Self { code: code.into(), status, message: PlainText::of(format_args!("{code}: {text}")), text: text.into() }
    }

    /// Whether no answer came, none of the service's own, or one that says it is done and cannot be read.
    pub fn is_unanswered(&self) -> bool {
        matches!(self.status, 0 | 200..300 | 500..)
    }
}

/// Lambda quotes all variables when they are too large.
fn without_variables(text: &str) -> String {
    match text.split_once("String measured") {
        Some((before, _)) => format!("{before}(the variables are not shown)"),
        None => text.to_owned(),
    }
}

/// An error and its causes, as each displays itself. Their debug form is not for logs: it holds raw answers, and
/// GetFunction answers with variables in clear.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Whether the words say that the account has not enabled the region, so that no policy can help.
pub(super) fn is_region_not_enabled(failure: &Failure) -> bool {
    // A session that STS has just opened is unknown to a service only where the account has not enabled the region.
    matches!(failure.code.as_str(), "RegionDisabledException" | "UnrecognizedClientException" | "InvalidClientTokenId")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_lambda_quotes_are_not_passed_on() {
        let text = "Lambda was unable to configure your environment variables because the environment variables you \
                    have provided exceeded the 4KB limit. String measured: {\"TOKEN\":\"s3cr3t\"}";
        assert!(without_variables(text).ends_with("exceeded the 4KB limit. (the variables are not shown)"));
    }
}
