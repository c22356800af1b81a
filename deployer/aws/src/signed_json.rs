//! Calls of services whose protocol is JSON, and for which there is no client of the SDK here: CloudWatch and CloudWatch
//! Logs. They are signed here, and go through the SDK's http client.
//!
//! docs/figures.md says what the SDK's crate of CloudWatch would add to the deployer.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_lambda::config::SharedCredentialsProvider;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::error::ErrorMetadata;
use deployer_core::id::Region;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failure::Failure;
use super::obstacle::Obstacle;
use super::plain_call::{NotSent, PlainCall, PlainService};

/// A service and its protocol.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonService {
    pub service: PlainService,
    /// The name by which signatures name the service.
    pub signing_name: &'static str,
    /// The part of the header `X-Amz-Target` before the operation.
    pub target: &'static str,
    pub content_type: &'static str,
    /// The number of tries of a call that is throttled or gets no answer.
    pub tries: u32,
    /// The time of one try.
    pub timeout: Duration,
    /// The program, as the user agent names it.
    pub program: &'static str,
}

/// A client of such a service in one region, with one set of credentials.
#[derive(Debug, Clone)]
pub(super) struct JsonClient {
    sdk: SdkConfig,
    service: JsonService,
    endpoint: String,
    region: Region,
    credentials: Option<SharedCredentialsProvider>,
}

const PAUSE: Duration = Duration::from_millis(500);

impl JsonClient {
    /// Makes a client with the credentials of the configuration.
    pub fn new(sdk: &SdkConfig, service: JsonService, region: &Region) -> Self {
        let (endpoint, credentials) = (service.service.endpoint(sdk, region), sdk.credentials_provider());
        Self { endpoint, credentials, sdk: sdk.clone(), service, region: region.clone() }
    }

    /// Returns the client with other credentials.
    pub fn with_credentials(self, credentials: SharedCredentialsProvider) -> Self {
        Self { credentials: Some(credentials), ..self }
    }

    /// Makes a call that writes nothing.
    pub async fn read<T: DeserializeOwned>(&self, operation: &'static str, body: &Value) -> Result<T, Failure> {
        let body = body.to_string();
        let mut tried = 1;
        loop {
            match self.send(operation, &body).await {
                Ok(answer) => return Ok(answer),
                Err(failure) if tried >= self.service.tries || !passes(&failure) => return Err(failure),
                Err(_) => tokio::time::sleep(PAUSE * 2_u32.pow(tried - 1)).await,
            }
            tried += 1;
        }
    }

    async fn send<T: DeserializeOwned>(&self, operation: &'static str, body: &str) -> Result<T, Failure> {
        let request = self.signed(operation, body).await?;
        let JsonService { service, timeout, .. } = self.service;
        let call = PlainCall { sdk: &self.sdk, service, operation, endpoint: self.endpoint.clone(), timeout };
        let answer = call.send(request, answer).await.map_err(|NotSent(because)| unsent(because))?;
        let answer = answer.map_err(|error| Failure::of(&error))?;
        serde_json::from_slice(&answer).map_err(|error| unsent(format_args!("the answer cannot be read: {error}")))
    }

    async fn signed(&self, operation: &str, body: &str) -> Result<HttpRequest, Failure> {
        let provider = self.credentials.as_ref().ok_or_else(|| unsent("there are no credentials"))?;
        let identity = provider.provide_credentials().await.map_err(|error| {
            let (obstacle, message) = Obstacle::without_answer(&error).unzip();
            Failure { obstacle, ..unsent(message.unwrap_or_else(|| error.to_string())) }
        })?;
        let identity = identity.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region.as_str())
            .name(self.service.signing_name)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(unsent)?
            .into();
        let target = format!("{}.{operation}", self.service.target);
        let headers = [("content-type", self.service.content_type), ("x-amz-target", target.as_str())];
        let url = format!("{}/", self.endpoint);
        let signable = SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()));
        let signed = sign(signable.map_err(unsent)?, &parameters).map_err(unsent)?;
        let (instructions, _) = signed.into_parts();
        let signature = instructions.into_parts().0;
        let signature = signature.iter().map(|header| (header.name(), header.value()));
        let agent = format!("{}/{} app/{}", self.service.program, deployer_core::version::version(), super::APP_NAME);
        let headers = headers.into_iter().chain(signature).chain([("user-agent", agent.as_str())]);
        PlainCall::post(body, headers).map_err(|NotSent(because)| unsent(because))
    }
}

/// Whether another try may meet something else: throttling, a server's error, or a connection that broke.
fn passes(failure: &Failure) -> bool {
    match failure.status {
        0 => !failure.obstacle.as_ref().is_some_and(Obstacle::is_lasting),
        429 | 500.. => true,
        _ => failure.code.contains("Throttl") || failure.code == "ServiceUnavailableException",
    }
}

/// Makes the failure of a call that was not sent, or whose answer cannot be read.
fn unsent(message: impl std::fmt::Display) -> Failure {
    Failure { message: message.to_string().into(), text: String::new(), code: String::new(), status: 0, obstacle: None }
}

/// Returns the body of a success, or reads the error (Smithy, "AWS JSON 1.0 protocol", "Operation error serialization").
fn answer(response: &HttpResponse) -> Result<Vec<u8>, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().as_u16() == 200 {
        return Ok(body.to_vec());
    }
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |names: [&str; 2]| names.iter().find_map(|name| answer[*name].as_str()).map(str::to_owned);
    let code = text(["__type", "code"]).map(|code| code.rsplit('#').next().unwrap_or_default().to_owned());
    let mut error = ErrorMetadata::builder();
    error = code.into_iter().fold(error, |error, code| error.code(code));
    error = text(["message", "Message"]).into_iter().fold(error, |error, message| error.message(message));
    Err(OrchestratorError::operation(error.build()))
}
