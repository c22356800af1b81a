//! Log groups of CloudWatch Logs, read by `FilterLogEvents`.
//!
//! CloudWatch Logs API Reference, `FilterLogEvents`: a page may be empty and still not be the last. One call does not
//! pay for the SDK's crate of this service, so the calls are signed here and go through the same http client.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::error::ErrorMetadata;
use deployer_core::id::Region;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::CallFailure;
use super::obstacle::Obstacle;
use super::plain_call::{NotSent, PlainCall, PlainService};

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
/// The service; signatures name it as hosts do.
const SERVICE: PlainService = PlainService { id: "CloudWatch Logs", host: "logs" };
/// The number of tries of a call that is throttled or gets no answer.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(30);

impl LogGroup {
    /// Names a log group of this region, to be read with these credentials.
    #[must_use]
    pub fn new(sdk: &SdkConfig, region: &Region, name: impl Into<String>) -> Self {
        Self { endpoint: SERVICE.endpoint(sdk, region), sdk: sdk.clone(), region: region.clone(), name: name.into() }
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
        let (service, endpoint) = (SERVICE, self.endpoint.clone());
        let call = PlainCall { sdk: &self.sdk, service, operation: "FilterLogEvents", endpoint, timeout: TIMEOUT };
        let answer = call.send(request, answer).await.map_err(|NotSent(because)| unsent(because))?;
        answer.map_err(|error| CallFailure::of(&error))
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
            .name(SERVICE.host)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(unsent)?
            .into();
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", CALL)];
        let url = format!("{}/", self.endpoint);
        let signable = SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()));
        let signed = sign(signable.map_err(unsent)?, &parameters).map_err(unsent)?;
        let (instructions, _) = signed.into_parts();
        let signature = instructions.into_parts().0;
        let signature = signature.iter().map(|header| (header.name(), header.value()));
        let agent = format!("deployctl/{} app/{}", deployer_core::version::version(), super::APP_NAME);
        let headers = headers.into_iter().chain(signature).chain([("user-agent", agent.as_str())]);
        PlainCall::post(body, headers).map_err(|NotSent(because)| unsent(because))
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
}
