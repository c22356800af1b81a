//! The Lambda: clients once, then invocations.

use std::sync::Arc;

use deployer::lambda::Deployer;
use deployer::settings::Settings;
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    deployer::logging::init();
    let settings = Settings::read(|name| std::env::var(name).ok());
    let deployer = Arc::new(Deployer::start(settings).await);
    // Unparsed: what the runtime itself cannot parse it would answer with an error of its own.
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let deployer = deployer.clone();
        async move {
            let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
            let deadline = Timestamp::from_millisecond(deadline).unwrap_or(Timestamp::MAX);
            deployer.invoke(event.payload.get(), deadline, &event.context.request_id).await
        }
    }))
    .await
}
