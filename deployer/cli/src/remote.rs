//! The deployer's Lambda, as the command line talks to it.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::{Exit, Stopped};
use super::aws_options::AwsOptions;
use super::surroundings;
use deployer_core::trigger::{Command, CommandRequest};
use deployer_engine::Caller;

/// Where the deployer is.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// The name or ARN of the deployer's Lambda.
    #[arg(long, value_name = "NAME", default_value = "deployer", env = "DEPLOYER_FUNCTION_NAME", global = true)]
    function_name: String,
    #[command(flatten)]
    aws: AwsOptions,
}

/// The longest that one try of a command takes that deploys, or walks through accounts: on the way, what says nothing for longer
/// than 350 s may be cut off (VPC User Guide, "NAT gateways"). PromotionRequest again, it is the same request and tells how far it is.
const LONGEST: Duration = Duration::from_secs(310);
/// The same of a command that only reads and writes the ledger.
const LONGEST_OF_THE_LEDGER: Duration = Duration::from_secs(90);
/// How often it is tried in all.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);

/// Who asks.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(super) struct Who {
    /// Who asks for it [default: GITHUB_ACTOR, GITLAB_USER_LOGIN, or the user].
    #[arg(long, value_name = "NAME")]
    requested_by: Option<String>,
}

/// Why an order has no answer, as far as the order goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// AWS or the deployer says no.
    Refused,
    /// It was not sent: nobody was reached.
    NotSent,
    /// It was not taken, for too much is going on.
    Throttled,
    /// It was sent, and no answer came.
    Lost,
    /// The deployer has begun, and says that another try can mend it.
    Broken,
}

/// An order without an answer.
#[derive(Debug, Clone)]
pub(super) struct NoAnswer {
    pub fate: Fate,
    pub stopped: Stopped,
}

/// The deployer's Lambda.
pub(super) struct Remote {
    client: aws_sdk_lambda::Client,
    function_name: String,
}

impl Options {
    /// The AWS configuration that was asked for.
    pub async fn sdk(&self) -> SdkConfig {
        self.aws.sdk().await
    }

    /// The name or ARN that was given.
    pub fn function_name(&self) -> &str {
        &self.function_name
    }

    /// A client of the deployer.
    pub async fn remote(&self) -> Remote {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(10))
            .disable_operation_attempt_timeout()
            .disable_operation_timeout()
            .build();
        // Each try is ours, for it must be known whether anything was sent.
        let config = aws_sdk_lambda::config::Builder::from(&self.sdk().await)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::disabled())
            .build();
        let client = aws_sdk_lambda::Client::from_conf(config);
        Remote { client, function_name: self.function_name.clone() }
    }
}

impl Remote {
    /// Gives a command and reads the answer. The same order again is the same request, so what got no answer is sent again.
    ///
    /// # Errors
    /// [`Stopped`]: 2 where the Lambda says that the command is wrong, 4 where something may be changed that nobody told of, 1
    /// otherwise.
    pub async fn ask<T: DeserializeOwned>(&self, order: &CommandRequest) -> Result<T, Stopped> {
        let mut lost = false;
        for number in 1.. {
            let NoAnswer { fate, stopped } = match self.try_to_ask(order).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            lost |= fate == Fate::Lost;
            let is_final = fate == Fate::Refused || (fate == Fate::Broken && stopped.error_type == "Internal");
            if is_final || number >= TRIES {
                let maybe = lost && !matches!(order.command, Command::Status { .. } | Command::History { .. });
                return Err(if maybe { maybe_taken(stopped) } else { stopped });
            }
            tokio::time::sleep(PAUSE * number).await;
        }
        Err(Stopped::failed("the deployer was not asked"))
    }

    /// Gives a command once.
    ///
    /// # Errors
    /// [`NoAnswer`], and what that means.
    pub async fn try_to_ask<T: DeserializeOwned>(&self, order: &CommandRequest) -> Result<T, NoAnswer> {
        let name = &self.function_name;
        let payload = Blob::new(order.payload().to_string());
        let call = self.client.invoke().function_name(name).payload(payload).send();
        let longest = longest(&order.command);
        let Ok(answer) = tokio::time::timeout(longest, call).await else {
            let message = format!("the deployer's Lambda {name:?} has not answered in {} s", longest.as_secs());
            return Err(NoAnswer { fate: Fate::Lost, stopped: Stopped::failed(message) });
        };
        let answer = answer.map_err(|error| uninvoked(name, &error))?;
        let body = answer.payload().map(Blob::as_ref).unwrap_or_default();
        let unreadable = |error: serde_json::Error| NoAnswer { fate: Fate::Refused, stopped: unreadable(name, &error) };
        let value: Value = serde_json::from_slice(body).map_err(unreadable)?;
        if answer.function_error().is_some() {
            return Err(refused(&value));
        }
        serde_json::from_value(value).map_err(unreadable)
    }
}

fn longest(command: &Command) -> Duration {
    match command {
        Command::Deploy { .. }
        | Command::Redeploy { .. }
        | Command::Rollback { .. }
        | Command::Promote { .. }
        | Command::Approve { .. }
        | Command::Recall { .. }
        | Command::Doctor { .. }
        | Command::Sweep {} => LONGEST,
        _ => LONGEST_OF_THE_LEDGER,
    }
}

fn maybe_taken(stopped: Stopped) -> Stopped {
    Stopped::timed_out(format!("{}\n  it may have been taken all the same: asking again does no harm", stopped.message))
}

fn uninvoked(name: &str, error: &SdkError<InvokeError, HttpResponse>) -> NoAnswer {
    let message = deployer_aws::words(error);
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let fate = match error {
        // The SDK's own words: it says in no other way whether a connection was there.
        _ if message.contains("client error (Connect)") || message.contains("HTTP connect timeout") => Fate::NotSent,
        SdkError::ConstructionFailure(_) => Fate::Refused,
        _ if status == 429 => Fate::Throttled,
        _ if status == 0 || status >= 500 => Fate::Lost,
        // A status line of success, and the rest broke off.
        SdkError::ResponseError(_) if status < 400 => Fate::Lost,
        _ => Fate::Refused,
    };
    let stopped = Stopped::failed(format!(
        "the deployer's Lambda {name:?} could not be invoked: {message}\n  --function-name, --region and --profile say which \
         one is meant; it takes lambda:InvokeFunction on it (the policy \"operate\")"
    ));
    NoAnswer { fate, stopped }
}

impl Who {
    /// An order of theirs, and an id by which a retried call is the same request.
    pub fn order(&self, command: Command, id: Option<String>) -> CommandRequest {
        let Caller { requested_by, id } = self.caller(id);
        CommandRequest { command, requested_by, id: Some(id) }
    }

    /// They, with an id that nobody has had before, unless they say one.
    pub fn caller(&self, id: Option<String>) -> Caller {
        let id = id.unwrap_or_else(|| format!("deployctl-{}", ulid_now()));
        let user = || surroundings::user(|name| std::env::var(name).ok());
        Caller { requested_by: self.requested_by.clone().or_else(user).map(Into::into), id }
    }
}

/// An order of whoever runs this.
pub(super) fn order(command: Command) -> CommandRequest {
    Who { requested_by: None }.order(command, None)
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

fn refused(value: &Value) -> NoAnswer {
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (exit, error_type, fate) = match text("errorType").as_str() {
        "InvalidCommand" => (Exit::WrongUse, "InvalidCommand", Fate::Refused),
        "InvalidConfig" => (Exit::Failed, "InvalidConfig", Fate::Refused),
        "LedgerUnavailable" => (Exit::Failed, "LedgerUnavailable", Fate::Broken),
        _ => (Exit::Failed, "Internal", Fate::Broken),
    };
    NoAnswer { fate, stopped: Stopped { exit, error_type, message: text("errorMessage") } }
}
