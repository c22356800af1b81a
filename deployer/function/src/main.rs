//! The Lambda's main: it makes the clients once, then answers invocations.

use std::sync::Arc;

use deployer_engine::{FunctionError, Transient};
use deployer_function::{Deployer, LambdaContext, Settings};
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;

/// The stack of the thread that answers. An unoptimized build, as tests run it, needs more for the futures of a deployment
/// than the 8 MB of a main thread. A release build does not, and the pages that it does not touch cost no memory.
const STACK: usize = 32 << 20;

fn main() -> Result<(), lambda_runtime::Error> {
    let answers = std::thread::Builder::new().stack_size(STACK).spawn(answer_invocations)?;
    answers.join().unwrap_or_else(|panic| Err(Transient::panicked(panic.as_ref()).to_string().into()))
}

#[tokio::main(flavor = "current_thread")]
async fn answer_invocations() -> Result<(), lambda_runtime::Error> {
    deployer_function::logging::init();
    let settings = Settings::read(|name| std::env::var(name).ok());
    let deployer = Arc::new(Deployer::start(settings).await);
    // The payload stays unparsed: the runtime would answer a payload that it cannot parse with an error of its own.
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let deployer = deployer.clone();
        async move {
            let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
            let deadline = Timestamp::from_millisecond(deadline).unwrap_or(Timestamp::MAX);
            let context = LambdaContext {
                deadline,
                request_id: &event.context.request_id,
                function_arn: &event.context.invoked_function_arn,
            };
            let answer = deployer.invoke(event.payload.get(), context).await;
            answer.map_err(Reported)
        }
    }))
    .await
}

/// An error with the contract's `errorType`. The runtime logs it in its `Debug` form, which people read too.
struct Reported(FunctionError);

impl std::fmt::Debug for Reported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl From<Reported> for Diagnostic {
    fn from(Reported(error): Reported) -> Self {
        Self { error_type: error.error_type().into(), error_message: error.to_string() }
    }
}
