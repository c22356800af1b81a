//! The engine's ports over the AWS SDK, one per file.
//!
//! All clients share one http client with one set of timeouts (the timeouts are the key of its pool), over rustls with
//! ring; docs/figures.md, "TLS", has the figures. Each target has a retry partition of its own, so a throttled account
//! slows no other.

mod advice;
mod clients;
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
mod lambda;
mod lambda_fields;
mod lambda_read;
mod ledger;
mod probe;
mod s3;
mod self_diagnostics;
mod sqs;
mod sts_sessions;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a mistake in a test ends the test")]
mod stub_http;
mod system;

use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use deployer_engine::port::OPERATION_TIMEOUT;

pub use clients::Clients;
pub use config_source::ConfigSource;
pub use dead_letters::{DeadLetterError, DeadLetterErrorKind, DeadLetterQueue, MoveTask};
pub use describe::{DescribeError, DescribedFunction, describe_function};
pub use direct_sessions::{CallerError, DirectSessions, SENDING_TIMEOUT, caller};
pub use eventbridge::EventBridge;
pub use ledger::S3Ledger;
pub use s3::S3Artifacts;
pub use self_diagnostics::AwsSelfDiagnostics;
pub use sqs::SqsQueue;
pub use sts_sessions::StsSessions;
pub use system::{OsRng, SystemClock};

/// The timeout of one attempt of a call. Lambda copies a large zip before it answers UpdateFunctionCode.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// Loads the configuration that all clients are made from: the environment's, with our http client and timeouts.
///
/// aws_config honours `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`.
pub async fn load() -> SdkConfig {
    load_for(None, None).await
}

/// Loads the same for another profile of the configuration files, or for another region.
///
/// A named profile goes before credentials and a region of the environment, as in the AWS CLI (AWS CLI User Guide,
/// "Configuration settings and precedence").
pub async fn load_for(profile: Option<&str>, region: Option<&str>) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let http_client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let loader =
        aws_config::defaults(BehaviorVersion::latest()).http_client(http_client.clone()).timeout_config(timeouts);
    let region = region.map(|region| Region::new(region.to_owned()));
    let Some(profile) = profile else {
        return match region {
            Some(region) => loader.region(region),
            None => loader,
        }
        .load()
        .await;
    };
    let provider = ProviderConfig::without_region()
        .with_behavior_version(Some(BehaviorVersion::latest()))
        .with_http_client(http_client);
    let region = match region {
        Some(region) => Some(region),
        None => {
            let of_profile = ProfileFileRegionProvider::builder().configure(&provider).profile_name(profile).build();
            RegionProviderChain::first_try(of_profile).or_else(EnvironmentVariableRegionProvider::new()).region().await
        }
    };
    let provider = provider.with_region(region.clone());
    let credentials = ProfileFileCredentialsProvider::builder().configure(&provider).profile_name(profile).build();
    let loader = loader.profile_name(profile).credentials_provider(credentials).region(region);
    loader.load().await
}

/// AWS's message about a failed call.
pub fn words<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    failure::Failure::of(error).message.into()
}

/// Reads a small object whole.
///
/// # Errors
/// AWS's message.
pub async fn read_object(
    client: &aws_sdk_s3::Client,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
) -> Result<Vec<u8>, String> {
    let call = client.get_object().bucket(bucket).key(key).set_version_id(version_id.map(str::to_owned));
    let output = call.send().await;
    let output = output.map_err(|error| failure::Failure::of(&error).message)?;
    Ok(output.body.collect().await.map_err(|error| error.to_string())?.to_vec())
}
