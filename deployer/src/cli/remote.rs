//! The deployer's Lambda, as the command line talks to it.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::{Exit, Stopped};
use crate::aws;
use crate::trigger::{Command, Order};

/// Where the deployer is.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// The name or ARN of the deployer's Lambda.
    #[arg(long, value_name = "NAME", default_value = "deployer", env = "DEPLOYER_FUNCTION_NAME", global = true)]
    function_name: String,
    /// The AWS region of the deployer [default: as the AWS CLI finds it].
    #[arg(long, value_name = "REGION", global = true)]
    region: Option<String>,
    /// The profile of the AWS configuration files to use.
    #[arg(long, value_name = "NAME", global = true)]
    profile: Option<String>,
}

/// No command takes longer than the Lambda's longest run.
const LONGEST: Duration = Duration::from_secs(900);

/// The deployer's Lambda.
pub(super) struct Remote {
    client: aws_sdk_lambda::Client,
    function_name: String,
}

impl Options {
    /// The AWS configuration that was asked for.
    pub async fn sdk(&self) -> SdkConfig {
        aws::load_for(self.profile.as_deref(), self.region.as_deref()).await
    }

    /// The name or ARN that was given.
    pub fn function_name(&self) -> &str {
        &self.function_name
    }

    /// A client of the deployer.
    pub async fn remote(&self) -> Remote {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(10))
            .operation_attempt_timeout(LONGEST)
            .operation_timeout(LONGEST)
            .build();
        let config = aws_sdk_lambda::config::Builder::from(&self.sdk().await).timeout_config(timeouts).build();
        let client = aws_sdk_lambda::Client::from_conf(config);
        Remote { client, function_name: self.function_name.clone() }
    }
}

impl Remote {
    /// Gives a command and reads the answer. The same order again is the same request, so the SDK may send it twice.
    ///
    /// # Errors
    /// [`Stopped`]: 2 where the Lambda says that the command is wrong, 1 otherwise.
    pub async fn ask<T: DeserializeOwned>(&self, order: &Order) -> Result<T, Stopped> {
        let name = &self.function_name;
        let payload = Blob::new(order.payload().to_string());
        let answer = self.client.invoke().function_name(name).payload(payload).send().await;
        let answer = answer.map_err(|error| {
            let message = aws::words(&error);
            Stopped::failed(format!(
                "the deployer's Lambda {name:?} could not be invoked: {message}\n  --function-name, --region and \
                 --profile say which one is meant; it takes lambda:InvokeFunction on it (the policy \"operate\")"
            ))
        })?;
        let body = answer.payload().map(Blob::as_ref).unwrap_or_default();
        let value: Value = serde_json::from_slice(body).map_err(|error| unreadable(name, &error))?;
        if answer.function_error().is_some() {
            return Err(refused(&value));
        }
        serde_json::from_value(value).map_err(|error| unreadable(name, &error))
    }
}

/// An order of ours: whoever runs this, and an id by which a retried call is the same request.
pub(super) fn order(command: Command) -> Order {
    let user = std::env::var("USER").or_else(|_| std::env::var("USERNAME")).ok().filter(|user| !user.is_empty());
    let id = ulid_now();
    Order { command, requested_by: user, id: Some(format!("deployctl-{id}")) }
}

fn ulid_now() -> String {
    let mut bytes = [0; 16];
    let random = getrandom::fill(&mut bytes).map(|()| u128::from_ne_bytes(bytes)).unwrap_or_default();
    deployer_core::id::Token::drawn(jiff::Timestamp::now(), random).to_string()
}

fn unreadable(name: &str, error: &serde_json::Error) -> Stopped {
    Stopped::failed(format!(
        "the answer of {name:?} cannot be read ({error}): is it the deployer, and of the same version as this deployctl?"
    ))
}

fn refused(value: &Value) -> Stopped {
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (exit, error_type) = match text("errorType").as_str() {
        "InvalidCommand" => (Exit::WrongUse, "InvalidCommand"),
        "InvalidConfig" => (Exit::Failed, "InvalidConfig"),
        "LedgerUnavailable" => (Exit::Failed, "LedgerUnavailable"),
        _ => (Exit::Failed, "Internal"),
    };
    Stopped { exit, error_type, message: text("errorMessage") }
}
