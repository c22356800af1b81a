//! Answers that a test has written down, in place of AWS.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_lambda::config::{Credentials, SharedCredentialsProvider, retry::RetryConfig};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;

/// What is answered: status, headers, body.
pub(super) type Answer = (u16, Vec<(&'static str, &'static str)>, &'static str);

/// Answers one call after the other; the last answer stays.
#[derive(Debug)]
struct Canned(Mutex<Vec<Answer>>);

impl HttpConnector for Canned {
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

/// A configuration whose every call is answered so.
pub(super) fn answering(answers: impl IntoIterator<Item = Answer>) -> SdkConfig {
    let connector = SharedHttpConnector::new(Canned(Mutex::new(answers.into_iter().collect())));
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("key", "secret", None, None, "test")))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build()
}

/// A 200 with this body.
pub(super) fn ok(body: &'static str) -> Answer {
    (200, vec![], body)
}

/// JSON without some of its fields.
pub(super) fn without(json: &str, field: &str) -> String {
    let mut all: BTreeMap<String, serde_json::Value> = serde_json::from_str(json).unwrap();
    all.remove(field);
    serde_json::to_string(&all).unwrap()
}
