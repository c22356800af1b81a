//! What AWS says when it says no: the code, the status, the words; and what Lambda's errors mean to us.
//!
//! Some of Lambda's errors differ by their text only (Lambda API Reference, "Common errors";
//! Lambda Developer Guide, "Troubleshoot deployment issues").

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::port::{CallError, CallErrorKind};

/// A failed call of any service, taken apart.
#[derive(Debug)]
pub(super) struct Failure {
    /// The service's error code; empty where no answer came.
    pub code: String,
    /// The HTTP status; 0 where no answer came.
    pub status: u16,
    /// Everything there is to say, without the request.
    pub message: String,
    /// The service's own text; empty where no answer came.
    text: String,
}

impl Failure {
    /// Takes an SDK error apart.
    pub fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let Some(service) = error.as_service_error() else {
            // Also where a status line came and the rest broke off: what happened is not known.
            return Self { code: String::new(), status: 0, message: causes(error), text: String::new() };
        };
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let code = service.code().unwrap_or_default().to_owned();
        let text = discreet(service.message().unwrap_or("no message"));
        let message = if code.is_empty() { format!("HTTP {status}: {text}") } else { format!("{code}: {text}") };
        Self { code, status, message, text }
    }

    /// An answer of a service's, as if it had come.
    #[cfg(test)]
    pub fn saying(status: u16, code: &str, text: &str) -> Self {
        Self { code: code.into(), status, message: format!("{code}: {text}"), text: text.into() }
    }

    /// Whether no answer, or none of the service's own, came.
    pub fn is_unanswered(&self) -> bool {
        self.status == 0 || self.status >= 500
    }
}

/// Lambda quotes all variables when they are too large.
fn discreet(text: &str) -> String {
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

/// What can be done about an error of Lambda's. The texts may hold the function's name, which may be any word: so only
/// phrases with a space, a colon or a bracket are looked for, which no name has.
pub(super) fn kind(failure: &Failure) -> CallErrorKind {
    use CallErrorKind as Kind;
    if failure.is_unanswered() {
        return Kind::Unknown;
    }
    let says = |phrase: &str| failure.text.contains(phrase);
    match failure.code.as_str() {
        "TooManyRequestsException" | "ThrottlingException" | "Throttling" => Kind::Throttled,
        "PreconditionFailedException" => Kind::Conflict,
        _ if says("S3 Error Code") => Kind::CodeUnreadable,
        "ResourceConflictException" if says("is in progress") || says("state: Pending") => Kind::Busy,
        "ResourceConflictException" if says("state: Failed") => Kind::Failed,
        "ResourceConflictException" => Kind::Conflict,
        "ExpiredTokenException" | "ExpiredToken" => Kind::Expired,
        "AccessDeniedException" | "AccessDenied" | "UnrecognizedClientException" => Kind::Denied,
        "RequestEntityTooLargeException" | "RequestTooLargeException" => Kind::CodeTooLarge,
        "InvalidParameterValueException" | "ValidationException" => invalid(&says),
        _ if failure.status == 413 => Kind::CodeTooLarge,
        _ if failure.status == 429 => Kind::Throttled,
        _ if failure.status == 403 => Kind::Denied,
        _ if failure.status == 400 => Kind::Invalid,
        _ => Kind::Other,
    }
}

/// Under one code Lambda says what passes by itself and what never will.
fn invalid(says: &impl Fn(&str) -> bool) -> CallErrorKind {
    const NOT_YET: [&str; 4] = [
        "cannot be assumed by Lambda",
        "The provided execution role does not have permissions",
        "throttled by EC2",
        "KMS key is invalid for CreateGrant",
    ];
    if NOT_YET.iter().any(|text| says(text)) {
        CallErrorKind::RoleNotReady
    } else if says("CodeSHA256 (") || says("CodeSha256 (") {
        // What is to be published is not what we sent: somebody else was faster.
        CallErrorKind::Conflict
    } else if says("while GetObject") {
        CallErrorKind::CodeUnreadable
    } else if says("must be smaller than") || says("exceeds the maximum") {
        CallErrorKind::CodeTooLarge
    } else {
        CallErrorKind::Invalid
    }
}

/// A failed call to Lambda in the engine's words.
pub(super) fn call_error<E>(operation: &str, function: &str, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let failure = Failure::of(error);
    let kind = kind(&failure);
    CallError { kind, message: format!("{operation} of {function}: {}{}", failure.message, advice(kind, &failure)) }
}

fn advice(kind: CallErrorKind, failure: &Failure) -> &'static str {
    match kind {
        _ if failure.code == "CodeStorageExceededException" => {
            " (the account's code storage in this region is full: delete versions that nothing uses)"
        }
        CallErrorKind::RoleNotReady if failure.text.contains("assumed by Lambda") => {
            " (does the execution role exist, and does its trust policy name lambda.amazonaws.com?)"
        }
        CallErrorKind::Denied => {
            " (the deploy role's policy or a boundary does not allow it: see the target module's permissions)"
        }
        CallErrorKind::CodeUnreadable => {
            " (if the object still exists: the artifact bucket's policy and its key's policy must let the deploy role \
             read it)"
        }
        _ => "",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn kind_of(status: u16, code: &str, text: &str) -> CallErrorKind {
        kind(&Failure::saying(status, code, text))
    }

    #[test]
    fn errors_under_one_code_are_told_apart_by_their_text() {
        let code = "InvalidParameterValueException";
        for (text, expected) in [
            ("The role defined for the function cannot be assumed by Lambda.", CallErrorKind::RoleNotReady),
            ("Lambda was throttled by EC2 while …", CallErrorKind::RoleNotReady),
            ("CodeSHA256 (a) is different from current CodeSHA256 in $LATEST (b).", CallErrorKind::Conflict),
            ("Error occurred while GetObject. S3 Error Code: NoSuchKey.", CallErrorKind::CodeUnreadable),
            ("Unzipped size must be smaller than 262144000 bytes", CallErrorKind::CodeTooLarge),
            ("Timeout must be at most 900", CallErrorKind::Invalid),
        ] {
            assert_eq!(kind_of(400, code, text), expected, "{text}");
        }
    }

    #[test]
    fn a_denial_by_s3_is_about_the_code_under_either_of_its_codes() {
        let text = "Your access has been denied by S3, please make sure your request credentials have permission to \
                    GetObject for acme-artifacts/dev/f/1.zip. S3 Error Code: AccessDenied.";
        for code in ["AccessDeniedException", "InvalidParameterValueException"] {
            assert_eq!(kind_of(403, code, text), CallErrorKind::CodeUnreadable, "{code}");
        }
        assert_eq!(kind_of(403, "AccessDeniedException", "User: … is not authorized"), CallErrorKind::Denied);
    }

    #[test]
    fn a_function_may_be_named_after_a_state() {
        let code = "ResourceConflictException";
        let text = "Alias already exists: arn:aws:lambda:eu-west-1:111111111111:function:ProcessFailedOrders:live";
        assert_eq!(kind_of(409, code, text), CallErrorKind::Conflict);
        for name in ["e", "in", "progress", "Pending", "CodeSHA256", "GetObject"] {
            let text = format!("Function already exist: {name}");
            assert_eq!(kind_of(409, code, &text), CallErrorKind::Conflict, "{name}");
            let text = format!("Function {name}: the timeout must be at most 900");
            assert_eq!(kind_of(400, "InvalidParameterValueException", &text), CallErrorKind::Invalid, "{name}");
        }
        let failed = "The function is currently in the following state: Failed";
        assert_eq!(kind_of(409, code, failed), CallErrorKind::Failed);
    }

    #[test]
    fn variables_that_lambda_quotes_are_not_passed_on() {
        let text = "Lambda was unable to configure your environment variables because the environment variables you \
                    have provided exceeded the 4KB limit. String measured: {\"TOKEN\":\"s3cr3t\"}";
        assert!(discreet(text).ends_with("exceeded the 4KB limit. (the variables are not shown)"));
    }

    #[test]
    fn a_conflict_is_waited_out_only_while_an_update_is_in_progress() {
        let code = "ResourceConflictException";
        let busy = "The operation cannot be performed at this time. An update is in progress for resource: …";
        assert_eq!(kind_of(409, code, busy), CallErrorKind::Busy);
        let pending = "The function is currently in the following state: Pending";
        assert_eq!(kind_of(409, code, pending), CallErrorKind::Busy);
        assert_eq!(kind_of(409, code, "Function already exist: f"), CallErrorKind::Conflict);
        assert_eq!(kind_of(412, "PreconditionFailedException", "…"), CallErrorKind::Conflict);
    }

    #[test]
    fn no_answer_and_a_server_error_say_nothing_about_what_happened() {
        assert_eq!(kind_of(0, "", ""), CallErrorKind::Unknown);
        assert_eq!(kind_of(502, "ServiceException", ""), CallErrorKind::Unknown);
        assert_eq!(kind_of(429, "TooManyRequestsException", ""), CallErrorKind::Throttled);
    }
}
