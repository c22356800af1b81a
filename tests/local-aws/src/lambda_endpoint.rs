//! A Lambda endpoint for an operator's `deployctl`: invocations of the deployer go to the real `bootstrap`, because the
//! emulator runs no functions. Lambda API Reference, Invoke.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
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

/// The endpoint, which closes when this is dropped.
#[derive(Debug)]
pub struct LambdaEndpoint {
    endpoint: String,
    serving: tokio::task::JoinHandle<()>,
}

impl LambdaEndpoint {
    /// Opens the endpoint on a free port.
    pub(super) async fn open(deployer: Arc<Runtime>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.doing("opening a Lambda endpoint")?;
        let address = listener.local_addr().doing("opening a Lambda endpoint")?;
        let router = Router::new().route("/2015-03-31/functions/{name}/invocations", post(invoke)).with_state(deployer);
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

async fn invoke(State(deployer): State<Arc<Runtime>>, Path(name): Path<String>, body: Bytes) -> Response {
    const BEFORE: &str = "arn:aws:lambda:eu-west-1:123456789012:function:";
    if name.strip_prefix(BEFORE).unwrap_or(&name) != DEPLOYER {
        let message = format!("Function not found: {BEFORE}{name}");
        return refused(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message);
    }
    let payload: Value = serde_json::from_slice(&body).unwrap_or_default();
    match deployer.invoke(&payload).await {
        Ok(Answer::Payload(payload)) => Json(payload).into_response(),
        Ok(Answer::FunctionError { error_type, message }) => {
            let mark = [(HeaderName::from_static("x-amz-function-error"), "Unhandled")];
            (mark, Json(json!({"errorType": error_type, "errorMessage": message}))).into_response()
        }
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", &error.to_string()),
    }
}

fn refused(status: StatusCode, code: &'static str, message: &str) -> Response {
    let kind = [(HeaderName::from_static("x-amzn-errortype"), code)];
    (status, kind, Json(json!({ "Message": message }))).into_response()
}
