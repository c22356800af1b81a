//! The Runtime API over HTTP, for one process (Lambda Developer Guide, "Using the Lambda runtime API").

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex as Queue, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::accounts::{REGION, TOOLING};
use super::process::guard;
use super::runtime::Answer;
use fixtures::error::{Doing as _, Result};

/// An invocation that waits for the process.
#[derive(Debug)]
pub(super) struct Invocation {
    pub payload: String,
    pub deadline_ms: u128,
}

/// The API's server, which stops when this is dropped.
#[derive(Debug)]
pub(super) struct Api {
    address: SocketAddr,
    shared: Arc<Shared>,
    queue: mpsc::UnboundedSender<(String, Invocation)>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    queue: Queue<mpsc::UnboundedReceiver<(String, Invocation)>>,
    open: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
    init_error: Mutex<Option<Answer>>,
}

impl Api {
    pub(super) async fn start() -> Result<Self> {
        let (queue, receiver) = mpsc::unbounded_channel();
        let shared =
            Arc::new(Shared { queue: Queue::new(receiver), open: Mutex::default(), init_error: Mutex::default() });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::disable())
            .with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.doing("listening for the Runtime API")?;
        let address = listener.local_addr().doing("listening for the Runtime API")?;
        let serving = tokio::spawn(async move {
            // It serves until the task is aborted.
            let _ended = axum::serve(listener, routes).await;
        });
        Ok(Self { address, shared, queue, serving })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Queues an invocation; the future resolves when the process answers.
    pub(super) fn invoke(&self, invocation: Invocation) -> Result<impl Future<Output = Result<Answer>> + use<>> {
        let id = request_id();
        let (sender, receiver) = oneshot::channel();
        guard(&self.shared.open).insert(id.clone(), sender);
        self.queue.send((id, invocation)).doing("queueing an invocation")?;
        Ok(async { receiver.await.doing("waiting for the deployer's answer") })
    }

    /// Returns the error that the process has reported if it failed before its first invocation.
    pub(super) fn init_error(&self) -> Option<Answer> {
        guard(&self.shared.init_error).clone()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let Some((id, invocation)) = shared.queue.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let headers = AppendHeaders([
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", format!("arn:aws:lambda:{REGION}:{TOOLING}:function:deployer")),
        ("lambda-runtime-trace-id", "Root=1-65535000-000000000000000000000000;Sampled=0".to_owned()),
        ("content-type", "application/json".to_owned()),
    ]);
    (headers, invocation.payload).into_response()
}

async fn response(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    let answer = match serde_json::from_slice(&body) {
        Ok(payload) => Answer::Payload(payload),
        Err(error) => Answer::FunctionError {
            error_type: "Runtime.InvalidResponse".into(),
            message: format!("the answer is not JSON: {error}"),
        },
    };
    shared.answer(&id, answer)
}

async fn error(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    shared.answer(&id, function_error(&body))
}

async fn init_error(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    *guard(&shared.init_error) = Some(function_error(&body));
    StatusCode::ACCEPTED
}

impl Shared {
    fn answer(&self, id: &str, answer: Answer) -> StatusCode {
        match guard(&self.open).remove(id).map(|waiting| waiting.send(answer)) {
            Some(_) => StatusCode::ACCEPTED,
            None => StatusCode::BAD_REQUEST,
        }
    }
}

fn function_error(body: &[u8]) -> Answer {
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    Answer::FunctionError { error_type: text("errorType"), message: text("errorMessage") }
}

/// Returns a new request id in Lambda's format.
fn request_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("00000000-0000-4000-8000-{:012x}", NEXT.fetch_add(1, Ordering::Relaxed))
}
