//! Classifies Lambda's errors into the kinds that the engine knows.
//!
//! Some of Lambda's errors differ by their text only (Lambda API Reference, "Common errors";
//! Lambda Developer Guide, "Troubleshoot deployment issues").

use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::advice::call_advice;
use super::failure::{Failure, is_region_not_enabled};
use deployer_engine::port::{CallError, CallErrorKind};

/// Returns the kind of a Lambda error. The texts may hold the function's name, which may be any word; so the function
/// looks only for phrases with a space, a colon or a bracket, which no name has.
pub(super) fn classify(failure: &Failure) -> CallErrorKind {
    use CallErrorKind as Kind;
    if failure.is_unanswered() {
        return Kind::Unknown;
    }
    let contains = |phrase: &str| failure.text.contains(phrase);
    match failure.code.as_str() {
        "TooManyRequestsException" | "ThrottlingException" | "Throttling" => Kind::Throttled,
        "PreconditionFailedException" => Kind::Conflict,
        _ if failure.text.contains(S3_SAYS) => classify_s3_error(&failure.text),
        "ResourceConflictException" => classify_conflict(&failure.text),
        "ExpiredTokenException" | "ExpiredToken" => Kind::Expired,
        _ if is_region_not_enabled(failure) => Kind::RegionNotEnabled,
        "AccessDeniedException" | "AccessDenied" => Kind::Denied,
        "CodeStorageExceededException" => Kind::StorageFull,
        "ServiceQuotaExceededException" => Kind::QuotaReached,
        code if code.ends_with("LimitExceededException") => Kind::QuotaReached,
        "CodeVerificationFailedException" | "InvalidCodeSignatureException" => Kind::Unsupported,
        "RequestEntityTooLargeException" | "RequestTooLargeException" => Kind::CodeTooLarge,
        "InvalidParameterValueException" | "ValidationException" => {
            classify_invalid_parameter(&contains, &failure.text)
        }
        _ if failure.status == 413 => Kind::CodeTooLarge,
        _ if failure.status == 429 => Kind::Throttled,
        _ if failure.status == 403 => Kind::Denied,
        _ if failure.status == 400 => Kind::Invalid,
        _ => Kind::Other,
    }
}

/// Lambda quotes S3's error code after this phrase.
const S3_SAYS: &str = "S3 Error Code: ";

/// Classifies an error of S3's that kept Lambda from reading the code.
fn classify_s3_error(text: &str) -> CallErrorKind {
    let code = text.split_once(S3_SAYS).map_or("", |(_, after)| after);
    let code = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').next().unwrap_or_default();
    match code.trim_end_matches('.') {
        "SlowDown" => CallErrorKind::Throttled,
        "InternalError" | "ServiceUnavailable" | "RequestTimeout" => CallErrorKind::Busy,
        "AccessDenied" => CallErrorKind::CodeDenied,
        _ => CallErrorKind::CodeUnreadable,
    }
}

/// Classifies a 409. The control plane quotes the state that it names, Invoke does not.
fn classify_conflict(text: &str) -> CallErrorKind {
    let state = text.split_once("in the following state: ").map_or("", |(_, after)| after).trim_start_matches('\'');
    if text.contains("is in progress") || state.starts_with("Pending") {
        CallErrorKind::Busy
    } else if state.starts_with("Failed") {
        CallErrorKind::Failed
    } else if ["already exist: ", "already exists: ", "already exist.", "already exists."]
        .iter()
        .any(|there| text.contains(there))
    {
        CallErrorKind::Conflict
    } else {
        CallErrorKind::RefusedForNow
    }
}

/// Classifies an invalid parameter: under one code Lambda reports both passing and lasting errors.
fn classify_invalid_parameter(contains: &impl Fn(&str) -> bool, text: &str) -> CallErrorKind {
    const NOT_YET: [&str; 2] = ["cannot be assumed by Lambda", "The provided execution role does not have permissions"];
    if contains("throttled by EC2") {
        CallErrorKind::Throttled
    } else if let Some((_, of_kms)) = text.split_once("KMS key is invalid for CreateGrant") {
        // A new role is no valid principal for some seconds. An error of the key itself lasts.
        let lasts = ["AccessDeniedException", "DisabledException", "NotFoundException"];
        if lasts.iter().any(|exception| of_kms.contains(exception)) {
            CallErrorKind::KeyDenied
        } else {
            CallErrorKind::RoleNotReady
        }
    } else if NOT_YET.iter().any(|text| contains(text)) {
        CallErrorKind::RoleNotReady
    } else if contains("CodeSHA256 (") || contains("CodeSha256 (") {
        // The code in $LATEST is not the code that we sent: somebody else has updated it.
        CallErrorKind::Conflict
    } else if contains("while GetObject") {
        CallErrorKind::CodeUnreadable
    } else if contains("must be smaller than") || contains("exceeds the maximum") {
        CallErrorKind::CodeTooLarge
    } else if contains("UnreservedConcurrentExecution below") {
        CallErrorKind::QuotaReached
    } else if contains("packageType Image") || contains("PackageType Image") {
        CallErrorKind::Unsupported
    } else {
        CallErrorKind::Invalid
    }
}

/// Converts a failed call to Lambda to the engine's error.
pub(super) fn call_error<E>(operation: &str, function: &str, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let failure = Failure::of(error);
    let kind = classify(&failure);
    let advice = call_advice(kind, &failure).map(|advice| format!(" ({advice})")).unwrap_or_default();
    CallError { kind, message: format!("{operation} of {function}: {}{advice}", failure.message) }
}

/// The error for an answer that lacks a required field: the outcome is unknown.
pub(super) fn unreadable_answer(operation: &str, function: &str, lacks: &str) -> CallError {
    let message = format!("{operation} of {function}: the answer cannot be read, it has no {lacks}");
    CallError { kind: CallErrorKind::Unknown, message }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn kind_of(status: u16, code: &str, text: &str) -> CallErrorKind {
        classify(&Failure::saying(status, code, text))
    }

    #[test]
    fn errors_with_one_code_are_classified_by_text() {
        let code = "InvalidParameterValueException";
        for (text, expected) in [
            ("The role defined for the function cannot be assumed by Lambda.", CallErrorKind::RoleNotReady),
            ("Lambda was throttled by EC2 while …", CallErrorKind::Throttled),
            ("CodeSHA256 (a) is different from current CodeSHA256 in $LATEST (b).", CallErrorKind::Conflict),
            ("Error occurred while GetObject. S3 Error Code: NoSuchKey.", CallErrorKind::CodeUnreadable),
            ("Unzipped size must be smaller than 262144000 bytes", CallErrorKind::CodeTooLarge),
            ("Timeout must be at most 900", CallErrorKind::Invalid),
        ] {
            assert_eq!(kind_of(400, code, text), expected, "{text}");
        }
    }

    #[test]
    fn denial_by_s3_under_either_code_is_code_denied() {
        let text = "Your access has been denied by S3, please make sure your request credentials have permission to \
                    GetObject for acme-artifacts/dev/f/1.zip. S3 Error Code: AccessDenied.";
        for code in ["AccessDeniedException", "InvalidParameterValueException"] {
            assert_eq!(kind_of(403, code, text), CallErrorKind::CodeDenied, "{code}");
        }
        assert_eq!(kind_of(403, "AccessDeniedException", "User: … is not authorized"), CallErrorKind::Denied);
    }

    #[test]
    fn function_named_after_a_state_does_not_confuse_classification() {
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
    fn conflict_is_busy_only_while_an_update_is_in_progress() {
        let code = "ResourceConflictException";
        let busy = "The operation cannot be performed at this time. An update is in progress for resource: …";
        assert_eq!(kind_of(409, code, busy), CallErrorKind::Busy);
        let pending = "The function is currently in the following state: Pending";
        assert_eq!(kind_of(409, code, pending), CallErrorKind::Busy);
        assert_eq!(kind_of(409, code, "Function already exist: f"), CallErrorKind::Conflict);
        assert_eq!(kind_of(412, "PreconditionFailedException", "…"), CallErrorKind::Conflict);
    }

    #[test]
    fn status_409_with_quoted_state_equals_one_without_quotes() {
        let code = "ResourceConflictException";
        let now = "The operation cannot be performed at this time. The function is currently in the following state: ";
        for (state, expected) in [
            ("'Pending'. StateReasonCode: 'Creating'", CallErrorKind::Busy),
            ("Pending", CallErrorKind::Busy),
            ("'Failed'. StateReasonCode: 'InvalidRuntime'", CallErrorKind::Failed),
            ("Failed", CallErrorKind::Failed),
        ] {
            assert_eq!(kind_of(409, code, &format!("{now}{state}")), expected, "{state}");
        }
    }

    #[test]
    fn passing_errors_are_throttled_or_busy() {
        let code = "InvalidParameterValueException";
        let s3 = |code: &str| format!("Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: no");
        assert_eq!(kind_of(400, code, "Lambda was throttled by EC2"), CallErrorKind::Throttled);
        assert_eq!(kind_of(400, code, &s3("SlowDown")), CallErrorKind::Throttled);
        assert_eq!(kind_of(400, code, &s3("InternalError")), CallErrorKind::Busy);
        assert_eq!(kind_of(400, code, &s3("ServiceUnavailable")), CallErrorKind::Busy);
    }

    #[test]
    fn kms_denial_is_key_denied_and_unknown_role_is_role_not_ready() {
        let code = "InvalidParameterValueException";
        let grant = |exception: &str| {
            format!(
                "Lambda was unable to configure access to your environment variables because the KMS key is invalid for \
                 CreateGrant. Please check your KMS key settings. KMS Exception: {exception} KMS Message: no"
            )
        };
        for exception in ["AccessDeniedException", "DisabledException", "NotFoundException"] {
            assert_eq!(kind_of(400, code, &grant(exception)), CallErrorKind::KeyDenied, "{exception}");
        }
        assert_eq!(kind_of(400, code, &grant("InvalidArnException")), CallErrorKind::RoleNotReady);
    }

    #[test]
    fn unknown_409_is_refused_for_now() {
        let text = "The provisioned concurrency of the alias is being changed";
        assert_eq!(kind_of(409, "ResourceConflictException", text), CallErrorKind::RefusedForNow);
    }

    #[test]
    fn limits_and_unsupported_functions_have_their_own_kinds() {
        let classify_invalid_parameter = "InvalidParameterValueException";
        for (code, text, expected) in [
            ("CodeStorageExceededException", "Code storage limit exceeded.", CallErrorKind::StorageFull),
            (
                classify_invalid_parameter,
                "… decreases account's UnreservedConcurrentExecution below its minimum",
                CallErrorKind::QuotaReached,
            ),
            ("FunctionVersionsPerCapacityProviderLimitExceededException", "", CallErrorKind::QuotaReached),
            ("CodeVerificationFailedException", "The code signature failed", CallErrorKind::Unsupported),
            (
                classify_invalid_parameter,
                "Please provide ImageUri when updating a function with packageType Image.",
                CallErrorKind::Unsupported,
            ),
        ] {
            assert_eq!(kind_of(400, code, text), expected, "{code} {text}");
        }
    }

    #[test]
    fn hint_is_given_only_where_awss_message_supports_it() {
        let advice_on = |code: &str, text: &str| {
            let failure = Failure::saying(403, code, text);
            call_advice(classify(&failure), &failure).unwrap_or_default()
        };
        let denied = |text| advice_on("AccessDeniedException", text);
        assert_eq!(denied("no"), "");
        assert!(denied("because no identity-based policy allows the action").contains("deploy role's policy"));
        assert!(denied("because no resource-based policy allows the action").contains("policy of the resource"));
        assert!(denied("because no permissions boundary allows the action").contains("boundary"));
        assert!(denied("with an explicit deny in a service control policy").contains("organization"));
        let token = advice_on("UnrecognizedClientException", "The security token included in the request is invalid.");
        assert!(token.contains("region is not enabled"), "{token}");
        let s3 = |code: &str| {
            let text = format!("Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: no");
            advice_on("InvalidParameterValueException", text.leak())
        };
        assert!(s3("InvalidObjectState").contains("archived"));
        assert!(s3("NoSuchKey").contains("upload it again"));
        assert!(s3("AccessDenied").contains("artifact bucket's policy"));
        assert_eq!(s3("InvalidBucketState"), "");
    }

    #[test]
    fn unreadable_2xx_has_unknown_outcome() {
        assert_eq!(kind_of(200, "", "no message"), CallErrorKind::Unknown);
        assert!(Failure::saying(201, "", "no message").is_unanswered());
    }

    #[test]
    fn missing_answer_and_server_error_have_unknown_outcome() {
        assert_eq!(kind_of(0, "", ""), CallErrorKind::Unknown);
        assert_eq!(kind_of(502, "ServiceException", ""), CallErrorKind::Unknown);
        assert_eq!(kind_of(429, "TooManyRequestsException", ""), CallErrorKind::Throttled);
    }
}
