//! Calls of services for which there is no client of the SDK here: they are signed elsewhere, and go through the SDK's
//! http client, so proxies and authorities are honoured. No redirect is followed, and nothing is sent twice.

use std::fmt;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use aws_types::service_config::ServiceConfigKey;
use deployer_core::id::Region;

/// A service, as settings and hosts name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlainService {
    /// The name in settings, such as `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS`.
    pub id: &'static str,
    /// The beginning of its hosts.
    pub host: &'static str,
}

/// One call of such a service.
#[derive(Debug)]
pub(super) struct PlainCall<'a> {
    pub sdk: &'a SdkConfig,
    pub service: PlainService,
    pub operation: &'static str,
    pub endpoint: String,
    /// The time for the call and its answer.
    pub timeout: Duration,
}

/// The request could not be made, or there is no http client.
#[derive(Debug)]
pub(super) struct NotSent(pub String);

impl PlainService {
    /// Returns the URL of the service: the configured one, or AWS's own (AWS General Reference, "Service endpoints"),
    /// by the settings for FIPS and dual-stack endpoints.
    pub fn endpoint(self, sdk: &SdkConfig, region: &Region) -> String {
        let kind = EndpointKind {
            uses_fips: sdk.use_fips() == Some(true),
            uses_dual_stack: sdk.use_dual_stack() == Some(true),
        };
        self.configured_endpoint(sdk).unwrap_or_else(|| self.own_endpoint(region, kind))
    }

    /// Returns the URL that the SDK's settings name for the service, or for all services.
    pub fn configured_endpoint(self, sdk: &SdkConfig) -> Option<String> {
        let key = ServiceConfigKey::builder().service_id(self.id).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let of_service = key.build().ok().and_then(|key| sdk.service_config()?.load_config(key));
        let configured = of_service.or_else(|| sdk.endpoint_url().map(str::to_owned));
        configured.map(|url| url.trim_end_matches('/').to_owned())
    }

    fn own_endpoint(self, region: &Region, kind: EndpointKind) -> String {
        // In AWS GovCloud (US) the ordinary endpoint for IPv4 is the FIPS endpoint.
        let has_fips_host = kind.uses_fips && (kind.uses_dual_stack || region.partition() != "aws-us-gov");
        let fips = if has_fips_host { "-fips" } else { "" };
        let domain = if kind.uses_dual_stack { dual_stack_domain(region) } else { region.dns_suffix() };
        format!("https://{}{fips}.{region}.{domain}", self.host)
    }
}

impl PlainCall<'_> {
    /// Makes a POST to `/` with this body and these headers.
    pub fn post<'n, 'v>(
        body: &str,
        headers: impl IntoIterator<Item = (&'n str, &'v str)>,
    ) -> Result<HttpRequest, NotSent> {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST").map_err(NotSent::because)?;
        request.set_uri("/").map_err(NotSent::because)?;
        for (name, value) in headers {
            // The value may be a secret, and the error could quote it.
            let put = request.headers_mut().try_insert(name.to_owned(), value.to_owned());
            put.map_err(|_| NotSent(format!("the header {name} cannot be sent")))?;
        }
        Ok(request)
    }

    /// Sends a request once, and reads the answer.
    pub async fn send<O, E>(
        self,
        request: HttpRequest,
        read: impl Fn(&HttpResponse) -> Result<O, OrchestratorError<E>> + Send + Sync + 'static,
    ) -> Result<Result<O, SdkError<E, HttpResponse>>, NotSent>
    where
        O: fmt::Debug + Send + Sync + 'static,
        E: std::error::Error + fmt::Debug + Send + Sync + 'static,
    {
        let client = self.sdk.http_client().ok_or_else(|| NotSent("there is no http client".to_owned()))?;
        let timeouts = TimeoutConfig::builder().connect_timeout(self.timeout).operation_timeout(self.timeout).build();
        let mut operation = Operation::builder()
            .service_name(self.service.id)
            .operation_name(self.operation)
            .http_client(client)
            .endpoint_url(&self.endpoint)
            .no_auth()
            .no_retry()
            .timeout_config(timeouts);
        if let Some(sleep) = self.sdk.sleep_impl() {
            operation = operation.sleep_impl(sleep);
        }
        let operation = operation.serializer(|request: HttpRequest| Ok(request)).deserializer(read).build();
        Ok(operation.invoke(request).await)
    }
}

impl NotSent {
    fn because(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// The settings of the SDK about endpoints.
#[derive(Debug, Clone, Copy)]
struct EndpointKind {
    uses_fips: bool,
    uses_dual_stack: bool,
}

/// Returns the domain of endpoints for both IPv4 and IPv6, as `partitions.json` of the AWS SDKs has it.
fn dual_stack_domain(region: &Region) -> &'static str {
    match region.partition() {
        "aws-cn" => "api.amazonwebservices.com.cn",
        "aws-eusc" => "api.amazonwebservices.eu",
        "aws-iso" => "api.aws.ic.gov",
        "aws-iso-b" => "api.aws.scloud",
        "aws-iso-e" => "api.cloud-aws.adc-e.uk",
        "aws-iso-f" => "api.aws.hci.ic.gov",
        _ => "api.aws",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a mistake in a test ends the test")]
mod tests {
    use super::super::sts_sessions::StsSessions;
    use super::super::stub_http::RecordingConnector;
    use super::*;

    const LOGS: PlainService = PlainService { id: "CloudWatch Logs", host: "logs" };
    const STS: PlainService = PlainService { id: "STS", host: "sts" };

    #[test]
    fn endpoint_follows_partition_and_settings() {
        for (region, uses_fips, uses_dual_stack, url) in [
            ("eu-west-1", false, false, "https://logs.eu-west-1.amazonaws.com"),
            ("us-east-1", true, false, "https://logs-fips.us-east-1.amazonaws.com"),
            ("us-east-1", true, true, "https://logs-fips.us-east-1.api.aws"),
            ("us-gov-west-1", true, false, "https://logs.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", false, false, "https://logs.cn-north-1.amazonaws.com.cn"),
            ("cn-north-1", false, true, "https://logs.cn-north-1.api.amazonwebservices.com.cn"),
            ("eusc-de-east-1", false, false, "https://logs.eusc-de-east-1.amazonaws.eu"),
        ] {
            let kind = EndpointKind { uses_fips, uses_dual_stack };
            assert_eq!(LOGS.own_endpoint(&Region::parse(region).unwrap(), kind), url);
        }
    }

    #[tokio::test]
    async fn endpoint_of_sts_is_that_of_the_sdks_client() {
        for region in ["eu-west-1", "us-east-1", "us-gov-west-1", "cn-north-1"] {
            for (fips, dual_stack) in [(false, false), (true, false), (false, true), (true, true)] {
                // IAM User Guide, "Manage AWS STS in an AWS Region": the SDK knows no FIPS endpoint in China.
                if fips && region == "cn-north-1" {
                    continue;
                }
                let calls = RecordingConnector::default();
                let sdk = calls.config(region, fips, dual_stack);
                let _ = StsSessions::new(&sdk).own_role().await;
                let own = STS.endpoint(&sdk, &Region::parse(region).unwrap());
                assert_eq!(own, format!("https://{}", calls.last_host()), "{region} {fips} {dual_stack}");
            }
        }
    }
}
