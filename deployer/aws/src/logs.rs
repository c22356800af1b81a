//! Log groups of CloudWatch Logs, read by `FilterLogEvents`.
//!
//! CloudWatch Logs API Reference, `FilterLogEvents`: a page may be empty and still not be the last. One call does not
//! pay for the SDK's crate of this service.

use std::time::Duration;

use aws_config::SdkConfig;
use deployer_core::id::Region;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::CallFailure;
use super::plain_call::PlainService;
use super::signed_json::{JsonClient, JsonService};

/// A log group, and the right to read it that the credentials have.
pub struct LogGroup {
    client: JsonClient,
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

const SERVICE: JsonService = JsonService {
    service: PlainService { id: "CloudWatch Logs", host: "logs" },
    signing_name: "logs",
    target: "Logs_20140328",
    content_type: "application/x-amz-json-1.1",
    tries: 5,
    timeout: Duration::from_secs(30),
    program: "deployctl",
};

impl LogGroup {
    /// Names a log group of this region, to be read with these credentials.
    #[must_use]
    pub fn new(sdk: &SdkConfig, region: &Region, name: impl Into<String>) -> Self {
        Self { client: JsonClient::new(sdk, SERVICE, region), region: region.clone(), name: name.into() }
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
        let Page { events, next_token } = self.client.read("FilterLogEvents", &body).await?;
        let lines = events.into_iter().map(|event| LogLine {
            id: event.event_id,
            time: Timestamp::from_millisecond(event.timestamp).unwrap_or_default(),
            stream: event.log_stream_name,
            message: event.message,
        });
        Ok(LogPage { lines: lines.collect(), next: next_token })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
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
