//! Log groups of CloudWatch Logs, read by `FilterLogEvents`.
//!
//! CloudWatch Logs API Reference, `FilterLogEvents`: a page may be empty and still not be the last. One call does not
//! pay for the SDK's crate of this service, so the calls are signed here and go through the same http client.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;
use aws_types::service_config::ServiceConfigKey;
use deployer_core::id::Region;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::CallFailure;
use super::obstacle::Obstacle;

/// A log group, and the right to read it that the credentials have.
pub struct LogGroup {
    sdk: SdkConfig,
    endpoint: String,
    region: Region,
    name: String,
}

/// The lines to read.
#[derive(Debug, Clone, Copy)]
pub struct LogQuery<'a> {
    /// The filter pattern; empty for all lines.
    pub pattern: &'a str,
    /// The time of the first line.
    pub from: Timestamp,
    /// The time of the last line; `None` for the newest.
    pub to: Option<Timestamp>,
}

/// Some of the lines that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPage {
    /// The lines by time.
    pub lines: Vec<LogLine>,
    /// The token of the next page; `None` after the last one.
    pub next: Option<String>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The id, by which a line that is read twice is known.
    pub id: String,
    /// The time that its writer gave it.
    pub time: Timestamp,
    /// The log stream.
    pub stream: String,
    /// The text.
    pub message: String,
}

/// The protocol's name of the call.
const CALL: &str = "Logs_20140328.FilterLogEvents";
/// The name of the service in signatures.
const SERVICE: &str = "logs";
/// The number of tries of a call that is throttled or gets no answer.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(30);

impl LogGroup {
    /// Names a log group of this region, to be read with these credentials.
    #[must_use]
    pub fn new(sdk: &SdkConfig, region: &Region, name: impl Into<String>) -> Self {
        Self { endpoint: endpoint(sdk, region), sdk: sdk.clone(), region: region.clone(), name: name.into() }
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its region.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Reads a page of lines: the first one, or the one with this token.
    ///
    /// # Errors
    /// [`CallFailure`] after some tries, or at once where another try meets the same.
    pub async fn page(&self, query: LogQuery<'_>, token: Option<&str>) -> Result<LogPage, CallFailure> {
        let mut body = json!({ "logGroupName": self.name, "startTime": query.from.as_millisecond() });
        let mut set = |name: &str, value: Value| body.as_object_mut().map(|body| body.insert(name.to_owned(), value));
        if !query.pattern.is_empty() {
            set("filterPattern", query.pattern.into());
        }
        if let Some(to) = query.to {
            set("endTime", to.as_millisecond().into());
        }
        if let Some(token) = token {
            set("nextToken", token.into());
        }
        let body = body.to_string();
        let mut tried = 1;
        loop {
            match self.send(&body).await {
                Ok(page) => return Ok(page),
                Err(failure) if tried >= TRIES || !passes(&failure) => return Err(failure),
                Err(_) => tokio::time::sleep(PAUSE * 2_u32.pow(tried - 1)).await,
            }
            tried += 1;
        }
    }

    async fn send(&self, body: &str) -> Result<LogPage, CallFailure> {
        let request = self.signed(body).await?;
        let client = self.sdk.http_client().ok_or_else(|| unsent("there is no http client"))?;
        let mut operation = Operation::builder()
            .service_name("CloudWatch Logs")
            .operation_name("FilterLogEvents")
            .http_client(client)
            .endpoint_url(&self.endpoint)
            .no_auth()
            .no_retry()
            .timeout_config(TimeoutConfig::builder().operation_timeout(TIMEOUT).build());
        if let Some(sleep) = self.sdk.sleep_impl() {
            operation = operation.sleep_impl(sleep);
        }
        let operation = operation.serializer(|request: HttpRequest| Ok(request)).deserializer(answer).build();
        operation.invoke(request).await.map_err(|error| CallFailure::of(&error))
    }

    async fn signed(&self, body: &str) -> Result<HttpRequest, CallFailure> {
        let provider = self.sdk.credentials_provider().ok_or_else(|| unsent("there are no credentials"))?;
        let identity = provider.provide_credentials().await.map_err(|error| {
            let (obstacle, message) = Obstacle::without_answer(&error).unzip();
            CallFailure { obstacle, ..unsent(message.unwrap_or_else(|| error.to_string())) }
        })?;
        let identity = identity.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region.as_str())
            .name(SERVICE)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(unsent)?
            .into();
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", CALL)];
        let url = format!("{}/", self.endpoint);
        let signable = SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()));
        let signed = sign(signable.map_err(unsent)?, &parameters).map_err(unsent)?;
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST").map_err(unsent)?;
        request.set_uri("/").map_err(unsent)?;
        for (name, value) in headers {
            request.headers_mut().insert(name, value);
        }
        let (instructions, _) = signed.into_parts();
        for header in instructions.into_parts().0 {
            request.headers_mut().insert(header.name(), header.value().to_owned());
        }
        let agent = format!("deployctl/{} app/{}", deployer_core::version::version(), super::APP_NAME);
        request.headers_mut().insert("user-agent", agent);
        Ok(request)
    }
}

/// Whether another try may meet something else: throttling, a server's error, or a connection that broke.
fn passes(failure: &CallFailure) -> bool {
    match failure.status {
        0 => !failure.obstacle.as_ref().is_some_and(Obstacle::is_lasting),
        429 | 500.. => true,
        _ => failure.code.contains("Throttl") || failure.code == "ServiceUnavailableException",
    }
}

/// Makes the failure of a call that was not sent.
fn unsent(message: impl std::fmt::Display) -> CallFailure {
    CallFailure { message: message.to_string(), code: String::new(), status: 0, obstacle: None }
}

fn answer(response: &HttpResponse) -> Result<LogPage, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().as_u16() == 200 {
        return page(body).map_err(OrchestratorError::other);
    }
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |names: [&str; 2]| names.iter().find_map(|name| answer[*name].as_str()).map(str::to_owned);
    let code = text(["__type", "code"]).map(|code| code.rsplit('#').next().unwrap_or_default().to_owned());
    let mut error = ErrorMetadata::builder();
    error = code.into_iter().fold(error, |error, code| error.code(code));
    error = text(["message", "Message"]).into_iter().fold(error, |error, message| error.message(message));
    Err(OrchestratorError::operation(error.build()))
}

fn page(body: &[u8]) -> Result<LogPage, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        #[serde(default)]
        events: Vec<Event>,
        next_token: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Event {
        event_id: String,
        #[serde(default)]
        log_stream_name: String,
        timestamp: i64,
        #[serde(default)]
        message: String,
    }
    let Answer { events, next_token } = serde_json::from_slice(body)?;
    let lines = events.into_iter().map(|event| LogLine {
        id: event.event_id,
        time: Timestamp::from_millisecond(event.timestamp).unwrap_or_default(),
        stream: event.log_stream_name,
        message: event.message,
    });
    Ok(LogPage { lines: lines.collect(), next: next_token })
}

/// Returns the URL of the service: the configured one, or AWS's own (AWS General Reference, "Amazon CloudWatch Logs
/// endpoints and quotas").
fn endpoint(sdk: &SdkConfig, region: &Region) -> String {
    let key = ServiceConfigKey::builder().service_id("CloudWatch Logs").env("AWS_ENDPOINT_URL").profile("endpoint_url");
    let of_service = key.build().ok().and_then(|key| sdk.service_config()?.load_config(key));
    let configured = of_service.or_else(|| sdk.endpoint_url().map(str::to_owned));
    let kind =
        EndpointKind { uses_fips: sdk.use_fips() == Some(true), uses_dual_stack: sdk.use_dual_stack() == Some(true) };
    let own = || own_endpoint(region, kind);
    configured.map_or_else(own, |url| url.trim_end_matches('/').to_owned())
}

/// The settings of the SDK about endpoints.
#[derive(Debug, Clone, Copy)]
struct EndpointKind {
    uses_fips: bool,
    uses_dual_stack: bool,
}

fn own_endpoint(region: &Region, kind: EndpointKind) -> String {
    // In AWS GovCloud (US) the ordinary endpoint is the FIPS endpoint.
    let has_fips_host = kind.uses_fips && region.partition() != "aws-us-gov";
    let host = if has_fips_host { "logs-fips" } else { "logs" };
    let domain = if kind.uses_dual_stack { dual_stack_domain(region) } else { region.dns_suffix() };
    format!("https://{host}.{region}.{domain}")
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::stub_http::{Answer, stub_config};
    use super::*;

    const LINE: &str = r#"{"events": [{"eventId": "1", "logStreamName": "s", "timestamp": 1790000000123,
        "message": "hello"}], "nextToken": "more"}"#;

    async fn read(answers: impl IntoIterator<Item = Answer>) -> Result<LogPage, CallFailure> {
        let group = LogGroup::new(&stub_config(answers), &Region::parse("eu-west-1").unwrap(), "/aws/lambda/f");
        group.page(LogQuery { pattern: "", from: Timestamp::UNIX_EPOCH, to: None }, None).await
    }

    #[tokio::test(start_paused = true)]
    async fn page_has_lines_and_the_next_token_also_after_throttling() {
        let throttled = (400, vec![], r#"{"__type": "ThrottlingException", "message": "Rate exceeded"}"#);
        let page = read([throttled, (503, vec![], ""), (200, vec![], LINE)]).await.unwrap();
        assert_eq!((page.lines.len(), page.next.as_deref()), (1, Some("more")));
        assert_eq!((page.lines[0].message.as_str(), page.lines[0].time.as_millisecond()), ("hello", 1_790_000_000_123));
    }

    #[tokio::test(start_paused = true)]
    async fn failure_has_the_code_and_is_not_repeated_where_it_stays() {
        let missing = r#"{"__type": "com.amazon#ResourceNotFoundException", "message": "no such group"}"#;
        let failure = read([(400, vec![], missing), (200, vec![], LINE)]).await.unwrap_err();
        assert_eq!(failure.code, "ResourceNotFoundException");
        assert_eq!(failure.message, "ResourceNotFoundException: no such group");
        let throttled = (400, vec![], r#"{"__type": "ThrottlingException"}"#);
        assert_eq!(read([throttled]).await.unwrap_err().code, "ThrottlingException");
        assert!(read([(200, vec![], "no JSON")]).await.is_err());
    }

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
            assert_eq!(own_endpoint(&Region::parse(region).unwrap(), kind), url);
        }
    }
}
