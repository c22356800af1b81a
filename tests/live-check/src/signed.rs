//! Signed calls of services for which this workspace has no SDK crate: a few calls do not pay for IAM's, the largest of
//! all to compile. They go through the SDK's own http client, so proxies and authorities are honoured.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use fixtures::error::{Doing as _, Error, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::outcome::Refusal;
use crate::passing::until_decided;

/// Everything but the unreserved characters of RFC 3986, as a signature counts them.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A service's endpoint and the names that its signature bears.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The URL, without a path.
    pub url: String,
    /// The signing name.
    pub service: &'static str,
    /// The region of the signature.
    pub region: String,
}

/// The place of a call's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// In the headers.
    Headers,
    /// In the URL, valid for so long.
    Url(Duration),
}

/// A call that is to be signed.
#[derive(Debug)]
pub struct Call<'a> {
    /// The method.
    pub method: &'a str,
    /// The query of the URL, without `?`.
    pub query: &'a str,
    /// Further headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: String,
    /// The place of the signature.
    pub signature: Signature,
    /// The time that the signature bears.
    pub time: SystemTime,
}

/// Signs and sends calls.
#[derive(Debug, Clone)]
pub struct Signed {
    config: SdkConfig,
}

impl Signed {
    /// Takes credentials and http client from this configuration.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { config: config.clone() }
    }

    /// Calls a service of the query protocol, such as IAM; the answer is XML.
    ///
    /// # Errors
    /// No answer came.
    pub async fn query(
        &self,
        to: &Endpoint,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Result<String, Refusal>> {
        let all = [("Action", action), ("Version", version)].into_iter().chain(parameters.iter().copied());
        let pairs = all.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ENCODED)));
        let call = Call {
            method: "POST",
            query: "",
            headers: &[("content-type", "application/x-www-form-urlencoded")],
            body: pairs.collect::<Vec<_>>().join("&"),
            signature: Signature::Headers,
            time: SystemTime::now(),
        };
        self.xml(to, &call).await
    }

    /// Signs and sends one call to which a service answers in XML; a call is repeated if its answer passes.
    ///
    /// # Errors
    /// There are no credentials, or no answer came.
    pub async fn xml(&self, to: &Endpoint, call: &Call<'_>) -> Result<Result<String, Refusal>> {
        until_decided(&self.config, async || {
            let (status, body) = self.send(to, call).await?;
            Ok(if status == 200 { Ok(body) } else { Err(of_xml(status, &body)) })
        })
        .await
    }

    /// Calls a service of the JSON protocol, such as KMS.
    ///
    /// # Errors
    /// No answer came, or it is not JSON.
    pub async fn json(&self, to: &Endpoint, target: &str, body: &Value) -> Result<Result<Value, Refusal>> {
        let call = Call {
            method: "POST",
            query: "",
            headers: &[("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)],
            body: body.to_string(),
            signature: Signature::Headers,
            time: SystemTime::now(),
        };
        until_decided(&self.config, async || match self.send(to, &call).await? {
            (200, body) if body.is_empty() => Ok(Ok(Value::Null)),
            (200, body) => serde_json::from_str(&body).doing(target).map(Ok),
            (status, body) => Ok(Err(of_json(status, &body))),
        })
        .await
    }

    /// Signs and sends one call; returns status and body.
    ///
    /// # Errors
    /// There are no credentials, or no answer came.
    async fn send(&self, to: &Endpoint, call: &Call<'_>) -> Result<(u16, String)> {
        let doing = format!("calling {}", to.service);
        let request = self.sign(to, call).await?;
        let client = self.config.http_client().ok_or_else(|| Error::failed(&doing, "there is no http client"))?;
        let mut operation = Operation::builder()
            .service_name(to.service)
            .operation_name("call")
            .http_client(client)
            .endpoint_url(&to.url)
            .no_auth()
            .no_retry()
            .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_secs(30)).build());
        if let Some(sleep) = self.config.sleep_impl() {
            operation = operation.sleep_impl(sleep);
        }
        let operation = operation
            .serializer(|request: HttpRequest| Ok(request))
            .deserializer(|answer: &HttpResponse| {
                let body = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default()).into_owned();
                Ok::<_, aws_smithy_runtime_api::client::orchestrator::OrchestratorError<std::io::Error>>((
                    answer.status().as_u16(),
                    body,
                ))
            })
            .build();
        operation.invoke(request).await.doing(doing)
    }

    async fn sign(&self, to: &Endpoint, call: &Call<'_>) -> Result<HttpRequest> {
        let doing = "signing a call";
        let provider = self.config.credentials_provider();
        let provider = provider.ok_or_else(|| Error::failed(doing, "there are no credentials"))?;
        let identity = provider.provide_credentials().await.doing(doing)?.into();
        let mut settings = SigningSettings::default();
        if let Signature::Url(expires) = call.signature {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(expires);
        }
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&to.region)
            .name(to.service)
            .time(call.time)
            .settings(settings)
            .build()
            .doing(doing)?
            .into();
        let mut path = if call.query.is_empty() { "/".to_owned() } else { format!("/?{}", call.query) };
        let url = format!("{}{path}", to.url);
        let signable = SignableRequest::new(
            call.method,
            url,
            call.headers.iter().copied(),
            SignableBody::Bytes(call.body.as_bytes()),
        );
        let (instructions, _) = sign(signable.doing(doing)?, &parameters).doing(doing)?.into_parts();
        let (headers, query) = instructions.into_parts();
        for (name, value) in query {
            let joint = if path.contains('?') { '&' } else { '?' };
            path.push_str(&format!("{joint}{name}={}", utf8_percent_encode(&value, ENCODED)));
        }
        let mut request = HttpRequest::new(SdkBody::from(call.body.as_str()));
        request.set_method(call.method).doing(doing)?;
        request.set_uri(path).doing(doing)?;
        let sent = request.headers_mut();
        for (name, value) in call.headers {
            sent.insert((*name).to_owned(), (*value).to_owned());
        }
        for header in headers {
            sent.insert(header.name(), header.value().to_owned());
        }
        sent.insert("user-agent", "live-check");
        Ok(request)
    }
}

fn of_json(status: u16, body: &str) -> Refusal {
    let answer: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |names: &[&str]| names.iter().find_map(|name| answer[*name].as_str()).unwrap_or_default().to_owned();
    let code = text(&["__type"]);
    let code = code.rsplit('#').next().unwrap_or_default().to_owned();
    Refusal { status, code, message: text(&["message", "Message"]) }
}

fn of_xml(status: u16, body: &str) -> Refusal {
    let text = |name| element(body, name).unwrap_or_default();
    Refusal { status, code: text("Code"), message: text("Message") }
}

/// Returns the text of the first element of this name.
#[must_use]
pub fn element(xml: &str, name: &str) -> Option<String> {
    elements(xml, name).into_iter().next()
}

/// Returns the text of each element of this name. IAM's names and ARNs have no character that XML escapes.
#[must_use]
pub fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = xml.split(open.as_str()).skip(1);
    parts.filter_map(|part| part.split_once(close.as_str())).map(|(text, _)| text.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_of_the_query_protocol_is_read() {
        let body = "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>no role</Message></Error></ErrorResponse>";
        let refusal = of_xml(404, body);
        assert!(refusal.is(404, "NoSuchEntity"), "{refusal}");
        assert_eq!(refusal.to_string(), "404 NoSuchEntity: no role");
    }

    #[test]
    fn each_element_is_found() {
        assert_eq!(elements("<a><b>1</b><b>2</b></a>", "b"), ["1", "2"]);
        assert_eq!(element("<a/>", "b"), None);
    }
}
