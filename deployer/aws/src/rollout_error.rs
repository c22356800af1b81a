//! Classifies the errors of a rollout's calls to CloudWatch and Lambda.

use deployer_engine::port::{RolloutCallError, RolloutCallErrorKind};

use super::advice::denial_advice;
use super::failure::{Failure, is_region_not_enabled};

/// Converts a failed call. `what` names the operation and its subject.
pub(super) fn rollout_error(what: &str, failure: &Failure) -> RolloutCallError {
    let kind = kind(failure);
    let advice = if kind == RolloutCallErrorKind::Denied { denial_advice(&failure.text) } else { None };
    let advice = advice.map(|advice| format!(" ({advice})")).unwrap_or_default();
    RolloutCallError { kind, message: format!("{what}: {}{advice}", failure.message) }
}

/// CloudWatch API Reference and Lambda API Reference, "Common errors" and "Invoke".
fn kind(failure: &Failure) -> RolloutCallErrorKind {
    use RolloutCallErrorKind as Kind;
    let code = failure.code.as_str();
    if failure.is_unanswered() {
        return Kind::Unavailable;
    }
    match (code, failure.status) {
        (_, 429) => Kind::Throttled,
        _ if code.starts_with("Throttl") || code.starts_with("TooManyRequests") => Kind::Throttled,
        // The session ends soon, and the next look opens another one.
        ("ExpiredToken" | "ExpiredTokenException", _) => Kind::Unavailable,
        (_, 403) => Kind::Denied,
        _ if code.starts_with("AccessDenied") || is_region_not_enabled(failure) => Kind::Denied,
        (_, 404) => Kind::NotFound,
        _ if code.starts_with("ResourceNotFound") => Kind::NotFound,
        // The version is not Active yet, or Lambda changes it.
        (_, 409) => Kind::Unavailable,
        _ => Kind::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_is_classified_by_code_and_status() {
        use RolloutCallErrorKind as Kind;
        for (status, code, expected) in [
            (400, "Throttling", Kind::Throttled),
            (400, "ThrottlingException", Kind::Throttled),
            (429, "", Kind::Throttled),
            (403, "ExpiredToken", Kind::Unavailable),
            (403, "AccessDenied", Kind::Denied),
            (400, "AccessDeniedException", Kind::Denied),
            (403, "InvalidClientTokenId", Kind::Denied),
            (404, "ResourceNotFound", Kind::NotFound),
            (400, "ResourceNotFoundException", Kind::NotFound),
            (500, "InternalServiceFault", Kind::Unavailable),
            (503, "", Kind::Unavailable),
            (400, "InvalidParameterValue", Kind::Invalid),
        ] {
            assert_eq!(kind(&Failure::saying(status, code, "no")), expected, "{status} {code}");
        }
    }
}
