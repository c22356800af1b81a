//! The engine's ports over the AWS SDK, one per file.
//!
//! All clients share one http client with one set of timeouts (the timeouts are the key of its pool), over rustls with
//! ring; docs/figures.md, "TLS", has the figures. Each target has a retry partition of its own, so a throttled account
//! slows no other.

mod advice;
mod bucket_owner;
mod clients;
mod cloudwatch;
mod config_source;
mod dead_letters;
mod describe;
mod direct_sessions;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a mistake in a test ends the test")]
mod endpoint_tests;
mod error;
mod eventbridge;
mod failure;
mod http;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a mistake in a test ends the test")]
mod identity_tests;
mod lambda;
mod lambda_fields;
mod lambda_read;
mod ledger;
mod logs;
mod obstacle;
mod plain_call;
mod probe;
mod proxies;
mod rollout_error;
mod rollout_sessions;
mod s3;
mod self_diagnostics;
mod sign_identity;
mod signed_json;
mod smoke_tester;
mod sqs;
mod sts_identities;
mod sts_sessions;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a mistake in a test ends the test")]
mod stub_http;
mod system;
mod traffic_watch;

use std::time::Duration;

use aws_config::{AppName, BehaviorVersion, ConfigLoader, SdkConfig, timeout::TimeoutConfig};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use deployer_engine::port::OPERATION_TIMEOUT;

pub use bucket_owner::{other_owner, owned_by};
pub use clients::{Clients, ConfigTextError};
pub use config_source::ConfigSource;
pub use dead_letters::{DeadLetterError, DeadLetterErrorKind, DeadLetterQueue, MoveTask};
pub use describe::{DescribeError, DescribedFunction, describe_function};
pub use direct_sessions::{CallerError, DirectSessions, SENDING_TIMEOUT, caller};
pub use eventbridge::EventBridge;
pub use failure::CallFailure;
pub use http::{CaBundle, HttpSettingsError, Route, http_client};
pub use ledger::S3Ledger;
pub use logs::{LogGroup, LogLine, LogPage, LogQuery};
pub use obstacle::Obstacle;
pub use proxies::Proxy;
pub use rollout_sessions::StsRolloutSessions;
pub use s3::S3Artifacts;
pub use self_diagnostics::AwsSelfDiagnostics;
pub use sign_identity::{SignError, sign_identity};
pub use sqs::SqsQueue;
pub use sts_identities::StsIdentities;
pub use sts_sessions::StsSessions;
pub use system::{OsRng, SystemClock};

/// The timeout of one attempt of a call. Lambda copies a large zip before it answers UpdateFunctionCode.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// The name that stands as `app/deployer` in the user agent of every call.
const APP_NAME: &str = "deployer";

/// Loads the configuration that all clients are made from: the environment's, with our http client and timeouts.
///
/// aws_config honours `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`.
///
/// # Errors
/// [`HttpSettingsError`]: a proxy or a file of certificates that the environment names cannot be used.
pub async fn load() -> Result<SdkConfig, HttpSettingsError> {
    Ok(with_app_name(loader(http_client(None)?).load().await))
}

/// Returns a configuration whose clients call nobody, for a process that can only say that its settings are wrong.
#[must_use]
pub fn unusable() -> SdkConfig {
    SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build()
}

/// Returns a loader of the environment's configuration with this http client and our timeouts.
pub fn loader(http_client: SharedHttpClient) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http_client).timeout_config(timeouts)
}

/// Names the deployer in the user agent, unless the user has named an application (`AWS_SDK_UA_APP_ID`,
/// `sdk_ua_app_id`).
#[must_use]
pub fn with_app_name(sdk: SdkConfig) -> SdkConfig {
    match (sdk.app_name(), AppName::new(APP_NAME)) {
        (None, Ok(name)) => sdk.into_builder().app_name(name).build(),
        _ => sdk,
    }
}

/// Reads a small object whole.
///
/// # Errors
/// [`CallFailure`].
pub async fn read_object(
    client: &aws_sdk_s3::Client,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
) -> Result<Vec<u8>, CallFailure> {
    let call = client.get_object().bucket(bucket).key(key).set_version_id(version_id.map(str::to_owned));
    let output = call.send().await.map_err(|error| CallFailure::of(&error))?;
    let broken = |error: &dyn std::error::Error| CallFailure {
        message: error.to_string(),
        code: String::new(),
        status: 0,
        obstacle: None,
    };
    Ok(output.body.collect().await.map_err(|error| broken(&error))?.to_vec())
}
