//! Invokes a version for a smoke test. One attempt: what the code does is done once.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use aws_smithy_types::base64;
use deployer_core::rollout::SmokeAnswer;
use deployer_engine::port::{RolloutCallError, RolloutCallErrorKind, SmokeCall, SmokeTester};

use super::failure::Failure;
use super::rollout_error::rollout_error;

/// The time beyond the version's own in which the answer must have travelled.
const TRAVEL: Duration = Duration::from_secs(3);

/// Invokes versions with the credentials of one session.
pub(super) struct LambdaSmokeTester {
    client: Client,
}

impl LambdaSmokeTester {
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

#[async_trait]
impl SmokeTester for LambdaSmokeTester {
    /// Lambda API Reference, Invoke: the status does not reflect errors of the function, which has `X-Amz-Function-Error`.
    /// A throttled invocation has not run.
    async fn invoke(&self, call: &SmokeCall<'_>) -> Result<SmokeAnswer, RolloutCallError> {
        let time = call.timeout.saturating_add(TRAVEL);
        let once = aws_sdk_lambda::config::Config::builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(time).operation_timeout(time).build());
        let answer = self
            .client
            .invoke()
            .function_name(call.function.as_str())
            .qualifier(call.version.to_string())
            .invocation_type(InvocationType::RequestResponse)
            .client_context(base64::encode(call.context))
            .payload(Blob::new(call.event))
            .customize()
            .config_override(once)
            .send()
            .await;
        let what = format!("Invoke of {}:{}", call.function, call.version);
        let output = match answer {
            Ok(output) => output,
            Err(SdkError::TimeoutError(_)) => return Ok(SmokeAnswer::TimedOut),
            Err(error) => return Err(rollout_error(&what, &Failure::of(&error))),
        };
        if let Some(version) = output.executed_version().filter(|version| *version != call.version.as_str()) {
            let message = format!("{what}: version {version} has answered");
            return Err(RolloutCallError { kind: RolloutCallErrorKind::Unavailable, message });
        }
        let has_failed = output.function_error().is_some();
        let payload = output.payload.map(Blob::into_inner).unwrap_or_default();
        Ok(if has_failed { SmokeAnswer::function_error(&payload) } else { SmokeAnswer::Payload(payload) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use deployer_core::id::{FunctionName, Version};

    use super::super::stub_http::{Answer, RecordingConnector, silent_config, stub_config};
    use super::*;

    async fn invoke(sdk: &aws_config::SdkConfig) -> Result<SmokeAnswer, RolloutCallError> {
        let (function, version) = (FunctionName::parse("orders").unwrap(), Version::parse("7").unwrap());
        let call = SmokeCall {
            function: &function,
            version: &version,
            event: r#"{"ping":true}"#,
            context: r#"{"custom":{}}"#,
            timeout: Duration::from_secs(60),
        };
        LambdaSmokeTester::new(Client::new(sdk)).invoke(&call).await
    }

    async fn answered(answers: impl IntoIterator<Item = Answer>) -> Result<SmokeAnswer, RolloutCallError> {
        // The SDK's retries are on, as in the deployer.
        let sdk = stub_config(answers).into_builder().retry_config(RetryConfig::standard()).build();
        invoke(&sdk).await
    }

    #[tokio::test]
    async fn answer_is_the_payload_or_the_functions_error() {
        let version = ("x-amz-executed-version", "7");
        let payload = answered([(200, vec![version], r#"{"ok":true}"#)]).await.unwrap();
        assert_eq!(payload, SmokeAnswer::Payload(br#"{"ok":true}"#.to_vec()));
        let failed = ("x-amz-function-error", "Unhandled");
        let error = answered([(200, vec![version, failed], r#"{"errorType": "Runtime.ExitError"}"#)]).await.unwrap();
        assert_eq!(error, SmokeAnswer::FunctionError { lambdas_type: Some("Runtime.ExitError".into()) });
    }

    #[tokio::test]
    async fn answer_of_another_version_is_none() {
        let error = answered([(200, vec![("x-amz-executed-version", "6")], "{}")]).await.unwrap_err();
        assert_eq!(error.kind, RolloutCallErrorKind::Unavailable);
        assert_eq!(error.message, "Invoke of orders:7: version 6 has answered");
    }

    #[tokio::test]
    async fn call_that_fails_is_sent_once() {
        for (status, code, kind) in [
            (429, "TooManyRequestsException", RolloutCallErrorKind::Throttled),
            (500, "ServiceException", RolloutCallErrorKind::Unavailable),
            (502, "EC2ThrottledException", RolloutCallErrorKind::Unavailable),
            (409, "ResourceConflictException", RolloutCallErrorKind::Unavailable),
            (404, "ResourceNotFoundException", RolloutCallErrorKind::NotFound),
            (403, "AccessDeniedException", RolloutCallErrorKind::Denied),
            (400, "InvalidRequestContentException", RolloutCallErrorKind::Invalid),
            (413, "RequestTooLargeException", RolloutCallErrorKind::Invalid),
        ] {
            let fails = (status, vec![("x-amzn-errortype", code)], r#"{"message": "no"}"#);
            let error = answered([fails, (200, vec![], "{}")]).await.unwrap_err();
            assert_eq!(error.kind, kind, "{code}");
            assert!(error.message.starts_with("Invoke of orders:7: "), "{}", error.message);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn version_that_does_not_answer_is_waited_for_once() {
        let began = tokio::time::Instant::now();
        assert_eq!(invoke(&silent_config()).await.unwrap(), SmokeAnswer::TimedOut);
        assert_eq!(began.elapsed().as_secs(), 63);
    }

    #[tokio::test]
    async fn request_names_version_kind_and_context() {
        let calls = RecordingConnector::default();
        let _ = invoke(&calls.config("eu-west-1", false, false)).await;
        assert_eq!(calls.last_body(), r#"{"ping":true}"#);
        assert_eq!(calls.last_path(), "/2015-03-31/functions/orders/invocations?Qualifier=7");
        let header = |name| calls.last_header(name);
        assert_eq!(header("x-amz-invocation-type"), "RequestResponse");
        assert_eq!(header("x-amz-client-context"), base64::encode(r#"{"custom":{}}"#));
    }
}
