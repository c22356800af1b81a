//! HTTP connectors that answer with what a test has written down, in place of AWS.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_lambda::config::{Credentials, SharedCredentialsProvider, retry::RetryConfig};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;

/// The status, the headers and the body of an answer.
pub(super) type Answer = (u16, Vec<(&'static str, &'static str)>, &'static str);

/// Gives one answer per call; the last answer repeats.
#[derive(Debug)]
struct StubConnector(Mutex<Vec<Answer>>);

impl HttpConnector for StubConnector {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let mut answers = self.0.lock().unwrap();
        let (status, headers, body) = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        for (name, value) in headers {
            response.headers_mut().insert(name, value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

/// A configuration whose calls get these answers.
pub(super) fn stub_config(answers: impl IntoIterator<Item = Answer>) -> SdkConfig {
    let connector = SharedHttpConnector::new(StubConnector(Mutex::new(answers.into_iter().collect())));
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("key", "secret", None, None, "test")))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build()
}

/// Never answers.
#[derive(Debug)]
struct SilentConnector;

impl HttpConnector for SilentConnector {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(std::future::pending())
    }
}

/// A configuration whose calls get no answer.
pub(super) fn silent_config() -> SdkConfig {
    let connector = SharedHttpConnector::new(SilentConnector);
    stub_config([]).into_builder().http_client(http_client_fn(move |_, _| connector.clone())).build()
}

/// The URL without its protocol, the body and the headers of a call.
type RecordedCall = (String, String, BTreeMap<String, String>);

/// A connector that records each call.
#[derive(Debug, Clone, Default)]
pub(super) struct RecordingConnector(Arc<Mutex<Vec<RecordedCall>>>);

impl HttpConnector for RecordingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let url = request.uri().split("://").nth(1);
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let headers = request.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.0.lock().unwrap().push((url.unwrap_or_default().to_owned(), body, headers));
        HttpConnectorFuture::ready(Ok(HttpResponse::new(500.try_into().unwrap(), SdkBody::empty())))
    }
}

impl RecordingConnector {
    /// A configuration for this region, with these settings for FIPS and dual-stack endpoints; its calls reach nobody.
    pub(super) fn config(&self, region: &str, fips: bool, dual_stack: bool) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        let config = stub_config([]).into_builder().region(Region::new(region.to_owned()));
        config
            .use_fips(fips)
            .use_dual_stack(dual_stack)
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build()
    }

    /// The host that was called last.
    pub(super) fn last_host(&self) -> String {
        self.last_url().split(['/', '?']).next().unwrap_or_default().to_owned()
    }

    /// The path and the query that were called last.
    pub(super) fn last_path(&self) -> String {
        let url = self.last_url();
        url.find('/').map(|at| url[at..].to_owned()).unwrap_or_default()
    }

    /// This header of the last call; empty where it has none.
    pub(super) fn last_header(&self, name: &str) -> String {
        let (_, _, mut headers) = self.0.lock().unwrap().last().cloned().unwrap_or_default();
        headers.remove(name).unwrap_or_default()
    }

    fn last_url(&self) -> String {
        self.0.lock().unwrap().last().cloned().unwrap_or_default().0
    }

    /// Forgets the calls, and returns this header of each; empty where it has none.
    pub(super) fn take_header(&self, name: &str) -> Vec<String> {
        let calls = std::mem::take(&mut *self.0.lock().unwrap());
        calls.into_iter().map(|(_, _, mut headers)| headers.remove(name).unwrap_or_default()).collect()
    }

    /// The body of the last call.
    pub(super) fn last_body(&self) -> String {
        self.0.lock().unwrap().last().cloned().unwrap_or_default().1
    }
}

/// A 200 with this body.
pub(super) fn ok(body: &'static str) -> Answer {
    (200, vec![], body)
}

/// The JSON object without this field.
pub(super) fn without(json: &str, field: &str) -> String {
    let mut all: BTreeMap<String, serde_json::Value> = serde_json::from_str(json).unwrap();
    all.remove(field);
    serde_json::to_string(&all).unwrap()
}
