//! A Lambda endpoint for an operator's `deployctl`: invocations of the deployer go to the real `bootstrap`, because the
//! emulator runs no functions. Lambda API Reference, Invoke.

use std::sync::Arc;

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::runtime::{Answer, Runtime};
use fixtures::error::{Doing as _, Result};

/// The deployer's function, by the alias that people may call.
const DEPLOYER: &str = "deployer:live";
const BEFORE: &str = "arn:aws:lambda:eu-west-1:123456789012:function:";
/// The longest body that Lambda takes: a zip in a call.
const MOST_BYTES: usize = 70 * 1024 * 1024;
/// The headers that concern one connection only (RFC 9110, "Connection").
const OF_THE_CONNECTION: [&str; 3] = ["connection", "keep-alive", "transfer-encoding"];

/// The endpoint, which closes when this is dropped.
#[derive(Debug)]
pub struct LambdaEndpoint {
    endpoint: String,
    serving: tokio::task::JoinHandle<()>,
}

/// The services behind the endpoint.
#[derive(Debug)]
struct Services {
    deployer: Arc<Runtime>,
    emulator: Option<Emulator>,
}

/// The emulator, for the calls that are not invocations of the deployer.
#[derive(Debug)]
struct Emulator {
    endpoint: String,
    connector: Connector,
}

impl LambdaEndpoint {
    /// Opens an endpoint on a free port that has the deployer only.
    pub(super) async fn open(deployer: Arc<Runtime>) -> Result<Self> {
        Self::serve(Services { deployer, emulator: None }).await
    }

    /// Opens an endpoint on a free port that has the deployer, and sends all other calls on to the emulator.
    pub(super) async fn in_front_of(emulator: &str, deployer: Arc<Runtime>) -> Result<Self> {
        let emulator = Emulator { endpoint: emulator.to_owned(), connector: Connector::builder().build_http() };
        Self::serve(Services { deployer, emulator: Some(emulator) }).await
    }

    async fn serve(services: Services) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.doing("opening a Lambda endpoint")?;
        let address = listener.local_addr().doing("opening a Lambda endpoint")?;
        let router = Router::new()
            .route("/2015-03-31/functions/{name}/invocations", post(invoke))
            .fallback(send_on)
            .with_state(Arc::new(services));
        let serving = tokio::spawn(async move {
            // The task ends when the endpoint is dropped.
            let _ended = axum::serve(listener, router).await;
        });
        Ok(Self { endpoint: format!("http://{address}"), serving })
    }

    /// Returns the URL for `AWS_ENDPOINT_URL_LAMBDA`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for LambdaEndpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn invoke(State(services): State<Arc<Services>>, Path(name): Path<String>, request: Request) -> Response {
    if name.strip_prefix(BEFORE).unwrap_or(&name) != DEPLOYER {
        return match &services.emulator {
            Some(emulator) => emulator.answer(request).await,
            None => not_found(&name),
        };
    }
    let body = axum::body::to_bytes(request.into_body(), MOST_BYTES).await.unwrap_or_default();
    let payload: Value = serde_json::from_slice(&body).unwrap_or_default();
    match services.deployer.invoke(&payload).await {
        Ok(Answer::Payload(payload)) => Json(payload).into_response(),
        Ok(Answer::FunctionError { error_type, message }) => {
            let mark = [(HeaderName::from_static("x-amz-function-error"), "Unhandled")];
            (mark, Json(json!({"errorType": error_type, "errorMessage": message}))).into_response()
        }
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", &error.to_string()),
    }
}

async fn send_on(State(services): State<Arc<Services>>, request: Request) -> Response {
    match &services.emulator {
        Some(emulator) => emulator.answer(request).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Emulator {
    async fn answer(&self, request: Request) -> Response {
        match self.exchange(request).await {
            Ok(answer) => answer,
            Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", &error.to_string()),
        }
    }

    async fn exchange(&self, request: Request) -> Result<Response> {
        const WHAT: &str = "sending a call on to the emulator";
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, MOST_BYTES).await.doing(WHAT)?;
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut sent = HttpRequest::new(SdkBody::from(body.to_vec()));
        sent.set_method(head.method.as_str()).doing(WHAT)?;
        sent.set_uri(format!("{}{path}", self.endpoint)).doing(WHAT)?;
        for (name, value) in &head.headers {
            if let (false, Ok(value)) = (OF_THE_CONNECTION.contains(&name.as_str()), value.to_str()) {
                sent.headers_mut().insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        let answer = self.connector.call(sent).await.doing(WHAT)?;
        let mut response = Response::builder().status(answer.status().as_u16());
        for (name, value) in answer.headers() {
            if !OF_THE_CONNECTION.contains(&name) {
                response = response.header(name, value);
            }
        }
        let body = aws_sdk_s3::primitives::ByteStream::new(answer.into_body()).collect().await.doing(WHAT)?;
        response.body(body.to_vec().into()).doing(WHAT)
    }
}

fn not_found(name: &str) -> Response {
    let message = format!("Function not found: {BEFORE}{name}");
    refused(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message)
}

fn refused(status: StatusCode, code: &'static str, message: &str) -> Response {
    let kind = [(HeaderName::from_static("x-amzn-errortype"), code)];
    (status, kind, Json(json!({ "Message": message }))).into_response()
}
