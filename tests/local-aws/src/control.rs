//! A client of the emulator's control API, with which tests set it up and read what happened
//! (tests/local-aws/README.md).

use std::collections::BTreeMap;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use serde::Deserialize;
use serde_json::{Value, json};

use super::calls::Call;
use super::emulator_faults::{Fault, Settle};
use super::server::Server;
use fixtures::error::{Doing as _, Error, Result};

/// The control API of one server.
#[derive(Debug)]
pub struct Control {
    endpoint: String,
    connector: Connector,
}

/// Credentials of a role, as a service that runs under it gets them.
#[derive(Debug, Clone, Deserialize)]
pub struct SessionKeys {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: String,
}

/// An action that a session was allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Use {
    /// The session's role.
    pub role_arn: String,
    /// The action's IAM name.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
}

impl Control {
    /// Makes a client of a server.
    ///
    /// # Errors
    /// The server's authority cannot be read.
    pub fn new(server: &Server) -> Result<Self> {
        let connector = match server.authority() {
            None => Connector::builder().build_http(),
            Some(pem) => {
                Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(trust(pem)?).build()
            }
        };
        Ok(Self { endpoint: server.endpoint().to_owned(), connector })
    }

    /// Sets how writes to Lambda settle from now on.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn settle(&self, settle: &Settle) -> Result<()> {
        self.post("settle", &json!(settle)).await.map(drop)
    }

    /// Lets writes settle as usual again.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn settle_as_usual(&self) -> Result<()> {
        self.send("DELETE", "local-aws/settle", None, &[]).await.map(drop)
    }

    /// Adds a fault.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn fault(&self, fault: &Fault) -> Result<()> {
        self.post("faults", &json!(fault)).await.map(drop)
    }

    /// Removes all faults.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn no_faults(&self) -> Result<()> {
        self.send("DELETE", "local-aws/faults", None, &[]).await.map(drop)
    }

    /// Executes the calls that [`Fault::late`] has delayed, in their order, and returns the status of each.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn execute_late_calls(&self) -> Result<Vec<u16>> {
        let mut answer = self.post("late", &json!({})).await?;
        serde_json::from_value(answer["statuses"].take()).doing("reading how late calls were answered")
    }

    /// Sets the answer of every function that is invoked from now on.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn answer_invocations(&self, payload: &Value) -> Result<()> {
        self.post("invoke", &json!({ "payload": payload })).await.map(drop)
    }

    /// Lets the invocations of one version of a function fail from now on, as where its process ends.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn fail_invocations_of(&self, function: &str, version: &str) -> Result<()> {
        let error = json!({ "errorType": "Runtime.ExitError", "errorMessage": "exit status 1" });
        self.post("invoke", &json!({ "function": function, "version": version, "error": error })).await.map(drop)
    }

    /// Lets CloudWatch count invocations: with `account`, `region`, `function`, `resource` (an alias), `version`,
    /// `minute` (in seconds), `invocations` and `errors`.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn count_invocations(&self, counted: &Value) -> Result<()> {
        self.post("metrics", counted).await.map(drop)
    }

    /// Sets the time that passes before each call is executed.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn latency_ms(&self, ms: u32) -> Result<()> {
        self.post("latency", &json!({ "ms": ms })).await.map(drop)
    }

    /// Sets whether the emulator checks sessions' inline policies, as it does at the start.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn enforce(&self, on: bool) -> Result<()> {
        self.post("enforce", &json!({ "on": on })).await.map(drop)
    }

    /// Lets the emulator check the roles' own policies too, and resources' policies across accounts.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn enforce_role_policies(&self) -> Result<()> {
        self.post("enforce", &json!({ "on": true, "identity": true })).await.map(drop)
    }

    /// Returns role, action and resource that sessions were allowed so far, each once.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn uses(&self) -> Result<Vec<Use>> {
        let mut answer = self.send("GET", "local-aws/uses", None, &[]).await?;
        serde_json::from_value(answer["uses"].take()).doing("reading what was used")
    }

    /// Holds the sessions whose names begin with `sessions` at their call number `calls` from now on. That call is
    /// executed if `execute` is set, and gets no answer. Later calls are neither executed nor answered.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn hold(&self, sessions: &str, calls: u32, execute: bool) -> Result<()> {
        self.post("hold", &json!({ "session": sessions, "calls": calls, "execute": execute })).await.map(drop)
    }

    /// Holds the sessions whose names begin with `sessions` at their call number `calls` of this operation from now on. That
    /// call is executed and gets no answer. Later calls of any operation are neither executed nor answered.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn hold_at(&self, sessions: &str, operation: &str, calls: u32) -> Result<()> {
        let hold = json!({ "session": sessions, "operation": operation, "calls": calls });
        self.post("hold", &hold).await.map(drop)
    }

    /// Whether the held call has arrived and all earlier calls are done; waits at most a minute for that.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn is_held(&self) -> Result<bool> {
        let answer = self.send("GET", "local-aws/hold?seconds=60", None, &[]).await?;
        Ok(answer["held"] == true)
    }

    /// Ends the hold; the connections of held calls are closed.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn release(&self) -> Result<()> {
        self.send("DELETE", "local-aws/hold", None, &[]).await.map(drop)
    }

    /// Puts SQS's clock forward, which ends delays and visibility timeouts.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn advance_queue_clock(&self, by: Duration) -> Result<()> {
        self.post("queue-clock", &json!({ "seconds": by.as_secs_f64() })).await.map(drop)
    }

    /// Sets the organization of each account.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn organization(&self, accounts: &[(&str, &str)]) -> Result<()> {
        let accounts: BTreeMap<&str, &str> = accounts.iter().copied().collect();
        self.post("organization", &json!({ "accounts": accounts })).await.map(drop)
    }

    /// Returns credentials of a role as a service that runs under it gets them, without checking its trust policy.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn session(&self, role_arn: &str, name: &str) -> Result<SessionKeys> {
        let keys = self.post("session", &json!({ "role_arn": role_arn, "session_name": name })).await?;
        serde_json::from_value(keys).doing("reading a session's credentials")
    }

    /// Returns credentials of the role of a function as its code gets them: they tell the function.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn function_session(&self, role_arn: &str, name: &str, function_arn: &str) -> Result<SessionKeys> {
        let sent = json!({ "role_arn": role_arn, "session_name": name, "function_arn": function_arn });
        serde_json::from_value(self.post("session", &sent).await?).doing("reading a function's credentials")
    }

    /// Returns the calls after this number, in the order in which they arrived.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn calls_since(&self, seq: u64) -> Result<Vec<Call>> {
        let mut answer = self.send("GET", &format!("local-aws/calls?since={seq}"), None, &[]).await?;
        serde_json::from_value(answer["calls"].take()).doing("reading the calls")
    }

    /// Calls a JSON-RPC service of AWS for which there is no client here. The emulator checks no signatures.
    ///
    /// # Errors
    /// The emulator answers with an error.
    pub async fn json_call(&self, signed: &Signed<'_>, target: &str, body: &Value) -> Result<Value> {
        let authorization = signed.authorization();
        let headers = [
            ("x-amz-target", target),
            ("authorization", authorization.as_str()),
            ("content-type", "application/x-amz-json-1.1"),
        ];
        self.send("POST", "", Some(body), &headers).await
    }

    /// A call of a query service of AWS for which there is no client here; the answer is XML. Nobody checks signatures.
    ///
    /// # Errors
    /// The emulator's words.
    pub async fn form_call(&self, signed: &Signed<'_>, form: String) -> Result<String> {
        let authorization = signed.authorization();
        let headers =
            [("authorization", authorization.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        let answer = self.exchange("POST", "", form, &headers).await?;
        String::from_utf8(answer).doing("reading an answer")
    }

    async fn post(&self, what: &str, body: &Value) -> Result<Value> {
        self.send("POST", &format!("local-aws/{what}"), Some(body), &[]).await
    }

    async fn send(&self, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Result<Value> {
        let answer = self.exchange(method, path, body.map_or(String::new(), ToString::to_string), headers).await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).doing(format!("{method} {}/{path}", self.endpoint))
    }

    async fn exchange(&self, method: &str, path: &str, body: String, headers: &[(&str, &str)]) -> Result<Vec<u8>> {
        let what = format!("{method} {}/{path}", self.endpoint);
        let length = body.len().to_string();
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method).doing(&what)?;
        request.set_uri(format!("{}/{path}", self.endpoint)).doing(&what)?;
        let sent = request.headers_mut();
        sent.insert("content-length", length);
        for (name, value) in headers {
            sent.insert((*name).to_owned(), (*value).to_owned());
        }
        let answer = self.connector.call(request).await.doing(&what)?;
        let status = answer.status().as_u16();
        let body = aws_sdk_s3::primitives::ByteStream::new(answer.into_body()).collect().await.doing(&what)?.to_vec();
        if status != 200 {
            return Err(Error::failed(what, format!("{status} {}", String::from_utf8_lossy(&body))));
        }
        Ok(body)
    }
}

/// A call's account, region and service.
#[derive(Debug)]
pub struct Signed<'a> {
    /// The account.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// The service's signing name.
    pub service: &'a str,
}

impl Signed<'_> {
    fn authorization(&self) -> String {
        let Self { account, region, service } = self;
        format!(
            "AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/{service}/aws4_request, \
             SignedHeaders=host, Signature=none"
        )
    }
}

/// Returns a context that trusts this authority only.
pub(super) fn trust(pem: &[u8]) -> Result<TlsContext> {
    let store = TrustStore::empty().with_pem_certificate(pem);
    TlsContext::builder().with_trust_store(store).build().doing("trusting the local AWS's authority")
}
