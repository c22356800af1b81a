//! Sends commands to the deployer's Lambda.

pub(crate) mod ci_env;
pub(crate) mod ledger;
pub(crate) mod named_by;
pub(crate) mod newest_records;
pub(crate) mod open_deployments;
pub(crate) mod prove;
pub(crate) mod send_error;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use deployer_aws::{CallFailure, Obstacle};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answer::CliError;
use crate::aws::options::{AwsOptions, shell_word};
use crate::aws::sdk_config::no_region;
use crate::text::hints::hint;
use deployer_core::identity::Identity;
use deployer_core::names::DEPLOYER_ALIAS;
use deployer_core::trigger::{Command, CommandRequest};
use deployer_engine::Caller;
use prove::{Signer, may_need_proof};
pub(super) use send_error::{SendError, SendOutcome};

/// The options that locate the deployer.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// The name or ARN of the deployer's Lambda; without a qualifier, its alias live is asked.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_NAME, env = "DEPLOYER_FUNCTION_NAME", global = true)]
    function_name: String,
    #[command(flatten)]
    aws: AwsOptions,
}

/// The name of the deployer's Lambda unless --function-name says another one.
pub(super) const DEFAULT_NAME: &str = "deployer";
/// The timeout of one try of a command that deploys or enters accounts. Networks may cut a connection that is silent
/// for more than 350 s (VPC User Guide, "NAT gateways"); the same request sent again returns the progress.
const DEPLOY_TIMEOUT: Duration = Duration::from_secs(310);
/// The timeout of one try of a command that only reads and writes the ledger.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(90);
/// The number of tries.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);

/// The person who asks.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(super) struct Requester {
    /// The name that the record has of who asks [default: GITHUB_ACTOR, else GITLAB_USER_LOGIN, else the user of this
    /// machine].
    #[arg(long, value_name = "NAME")]
    pub requested_by: Option<String>,
}

/// The deployer's Lambda.
pub(super) struct Remote {
    client: aws_sdk_lambda::Client,
    function_name: String,
    /// The name without the alias that this program added to it.
    without_alias: Option<String>,
    /// The settings that the name and the region come from.
    named_by: String,
    signer: Box<Signer>,
    /// Whether the deployer is of a version that takes no proof of identity.
    takes_no_proof: AtomicBool,
    /// Whether the deployer wants a proof also with a request that it has accepted.
    wants_each_proven: AtomicBool,
}

impl Options {
    /// Loads the AWS configuration for the options.
    ///
    /// # Errors
    /// Wrong use, naming the profile or the setting.
    pub async fn sdk(&self) -> Result<SdkConfig, CliError> {
        self.aws.sdk().await
    }

    /// Returns the given name or ARN, with the deployer's alias where it has no version and no alias of its own.
    pub fn function_name(&self) -> String {
        qualified(&self.function_name)
    }

    /// Makes a client of the deployer's Lambda.
    ///
    /// # Errors
    /// Wrong use, naming the profile or the setting.
    pub async fn remote(&self) -> Result<Remote, CliError> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(10))
            .disable_operation_attempt_timeout()
            .disable_operation_timeout()
            .build();
        // The SDK does not retry: this file must know whether anything was sent.
        let sdk = self.sdk().await?;
        sdk.region().ok_or_else(no_region)?;
        let config = aws_sdk_lambda::config::Builder::from(&sdk)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::disabled())
            .build();
        let client = aws_sdk_lambda::Client::from_conf(config);
        let function_name = self.function_name();
        let without_alias = (function_name != self.function_name).then(|| self.function_name.clone());
        let region = sdk.region().map(ToString::to_string);
        let named_by = named_by::deployer(&self.function_name, region.as_deref(), self.aws.region());
        let signer = Box::new(Signer::new(sdk, self.function_name.clone()));
        let (takes_no_proof, wants_each_proven) = Default::default();
        Ok(Remote { client, function_name, without_alias, named_by, signer, takes_no_proof, wants_each_proven })
    }
}

impl Remote {
    /// Sends a command and reads the answer. A request without an answer is sent again under the same id.
    ///
    /// # Errors
    /// [`CliError`]: 2 where the Lambda rejects the command, 4 where it may have changed something unreported, 1
    /// otherwise.
    pub async fn send<T: DeserializeOwned>(&self, request: &CommandRequest) -> Result<T, CliError> {
        let mut lost = false;
        for number in 1.. {
            let SendError { outcome, error } = match self.try_send(request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            lost |= outcome == SendOutcome::Lost;
            let is_final =
                outcome == SendOutcome::Refused || (outcome == SendOutcome::Broken && error.error_type == "Internal");
            if is_final || number >= TRIES {
                let maybe = lost && !request.is_read_only() && !did_nothing(&error);
                return Err(if maybe { maybe_accepted(error) } else { error });
            }
            tokio::time::sleep(PAUSE * number).await;
        }
        Err(CliError::failed("the deployer was not asked"))
    }

    /// Sends a command once. One that changes something carries a proof of who sends it, as of now.
    ///
    /// # Errors
    /// [`SendError`], with what happened to the request.
    pub async fn try_send<T: DeserializeOwned>(&self, request: &CommandRequest) -> Result<T, SendError> {
        if request.is_read_only() || self.takes_no_proof.load(Ordering::Relaxed) {
            return self.invoke(request).await;
        }
        match self.signer.sign(request).await {
            Ok(proof) => {
                let answer = self.invoke(&CommandRequest { identity: Some(proof), ..request.clone() }).await;
                match &answer {
                    Err(refused) if refused.error.message.contains("unknown field `identity`") => {
                        self.takes_no_proof.store(true, Ordering::Relaxed);
                        self.invoke(request).await
                    }
                    _ => answer,
                }
            }
            Err(because) => self.invoke(request).await.map_err(|error| unsigned(error, &because)),
        }
    }

    /// Sends a request again that the deployer has accepted, to see how far it is. Its id suffices for that, so the proof,
    /// a secret, is sent only where the deployer may want it each time: with the commands that an environment may take
    /// from proven identities only, and where the deployer has refused a look without one, in whatever words.
    ///
    /// # Errors
    /// [`SendError`], with what happened to the request.
    pub async fn look_again<T: DeserializeOwned>(&self, request: &CommandRequest) -> Result<T, SendError> {
        if !may_need_proof(&request.command) && !self.wants_each_proven.load(Ordering::Relaxed) {
            match self.invoke(request).await {
                Err(refused) if is_wrong(&refused.error) => self.wants_each_proven.store(true, Ordering::Relaxed),
                answer => return answer,
            }
        }
        self.try_send(request).await
    }

    async fn invoke<T: DeserializeOwned>(&self, request: &CommandRequest) -> Result<T, SendError> {
        let name = &self.function_name;
        let payload = Blob::new(request.payload().to_string());
        let invoke = |name: &str| self.client.invoke().function_name(name).payload(payload.clone()).send();
        let call = async {
            match (invoke(name).await, &self.without_alias) {
                // A deployer that was installed before it had an alias is called itself.
                (Err(error), Some(plain)) if has_no_alias(&error) => {
                    invoke(plain).await.map_err(|second| if has_no_alias(&second) { error } else { second })
                }
                (answer, _) => answer,
            }
        };
        let timeout = timeout_of(&request.command);
        let Ok(answer) = tokio::time::timeout(timeout, call).await else {
            let message = format!("the deployer's Lambda {name:?} has not answered in {} s", timeout.as_secs());
            return Err(SendError { outcome: SendOutcome::Lost, error: CliError::failed(message) });
        };
        let answer = answer.map_err(|error| invoke_error(name, &self.named_by, &error))?;
        let body = answer.payload().map(Blob::as_ref).unwrap_or_default();
        let unreadable =
            |error: serde_json::Error| SendError { outcome: SendOutcome::Refused, error: unreadable(name, &error) };
        let value: Value = serde_json::from_slice(body).map_err(unreadable)?;
        if answer.function_error().is_some() {
            return Err(send_error::read(&value));
        }
        serde_json::from_value(value).map_err(unreadable)
    }
}

impl Options {
    /// Returns the options by which another command reaches the same deployer, each with a space before it. What the
    /// environment says is left out.
    pub fn repeated(&self) -> String {
        let by_environment = std::env::var("DEPLOYER_FUNCTION_NAME").ok();
        let is_named = self.function_name != DEFAULT_NAME && Some(&self.function_name) != by_environment.as_ref();
        let name = is_named.then(|| format!(" --function-name {}", shell_word(&self.function_name)));
        self.aws.repeated() + &name.unwrap_or_default()
    }
}

/// Adds the deployer's alias to a name or ARN without a qualifier.
fn qualified(name: &str) -> String {
    if own_name(name).contains(':') { name.to_owned() } else { format!("{name}:{DEPLOYER_ALIAS}") }
}

fn timeout_of(command: &Command) -> Duration {
    match command {
        Command::Deploy { .. }
        | Command::Redeploy { .. }
        | Command::Rollback { .. }
        | Command::Promote { .. }
        | Command::Approve { .. }
        | Command::Recall { .. }
        | Command::Doctor { .. }
        | Command::Plan { .. }
        | Command::Sweep {} => DEPLOY_TIMEOUT,
        _ => LEDGER_TIMEOUT,
    }
}

/// Whether Lambda says that the alias is not there. Where it is denied, it may be there and be another version than the
/// function itself.
fn has_no_alias(error: &SdkError<InvokeError, HttpResponse>) -> bool {
    CallFailure::of(error).code == "ResourceNotFoundException"
}

/// Returns a function's own name in its name or ARN, with the qualifier behind it. Lambda API Reference, Invoke: a name,
/// `name:alias`, a partial ARN (`account:function:name`) or an ARN.
pub(super) fn own_name(function: &str) -> &str {
    function.rsplit_once(":function:").map_or(function, |(_, name)| name)
}

/// Adds to a refusal for want of a proof the reason why none was sent.
fn unsigned(SendError { outcome, error }: SendError, because: &str) -> SendError {
    let message = match error.message.contains("(identity)") {
        true => format!("{}\n  this deployctl could not sign one: {because}", error.message),
        false => error.message,
    };
    SendError { outcome, error: CliError { message, ..error } }
}

/// Returns the name in a function's name or ARN, without a qualifier. The tooling module gives it to the queues and to
/// the log too.
pub(super) fn deployer_name(function: &str) -> &str {
    let name = own_name(function);
    name.split(':').next().unwrap_or(name)
}

/// Returns the region in a function's ARN.
pub(super) fn arn_region(function: &str) -> Option<&str> {
    function.strip_prefix("arn:")?.split(':').nth(2)
}

/// Whether the deployer says that the request is wrong, or that nobody knows its function or release. Had an earlier try
/// been taken whose answer was lost, the answer would be that try's, or one of those about an id that was used before.
pub(super) fn did_nothing(error: &CliError) -> bool {
    matches!(error.error_type.as_ref(), "UnknownFunction" | "UnknownRelease" | "NotPromotable")
        || (is_wrong(error) && !is_of_used_id(error))
}

/// Whether the deployer says that it has taken a command of this id before, and not the same one, or has lost its record.
pub(super) fn is_of_used_id(error: &CliError) -> bool {
    let words = ["was another command's before", "was carried out before, and its record is gone"];
    is_wrong(error) && words.iter().any(|words| error.message.contains(words))
}

/// Whether the deployer says that the id of a command is that of a deployment or a group.
pub(super) fn is_of_deployments_id(error: &CliError) -> bool {
    let words = ["is the id of a deployment", "is the id of a group"];
    is_wrong(error) && words.iter().any(|words| error.message.contains(words))
}

/// Whether the deployer refuses a request as it is.
fn is_wrong(error: &CliError) -> bool {
    matches!(error.error_type.as_ref(), "InvalidCommand" | "Refused")
}

fn maybe_accepted(error: CliError) -> CliError {
    CliError::timed_out(format!("{}\n  it may have been taken all the same: asking again does no harm", error.message))
}

fn invoke_error(name: &str, named_by: &str, error: &SdkError<InvokeError, HttpResponse>) -> SendError {
    let CallFailure { message, obstacle, .. } = CallFailure::of(error);
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let outcome = match error {
        // Nothing was sent, and another try meets the same.
        _ if obstacle.as_ref().is_some_and(Obstacle::is_lasting) => SendOutcome::Refused,
        // The SDK shows only in its message whether a connection was made.
        _ if message.contains("client error (Connect)") || message.contains("HTTP connect timeout") => {
            SendOutcome::NotSent
        }
        SdkError::ConstructionFailure(_) => SendOutcome::Refused,
        _ if status == 429 => SendOutcome::Throttled,
        _ if status == 0 || status >= 500 => SendOutcome::Lost,
        // A successful status line came, and the connection broke after it.
        SdkError::ResponseError(_) if status < 400 => SendOutcome::Lost,
        _ => SendOutcome::Refused,
    };
    let own = match status {
        403 => format!(
            "you need lambda:InvokeFunction on it (the policy \"operate\"); --function-name, --region and --profile say \
             which one is meant, and as whom\n  {named_by}"
        ),
        429 => "Lambda runs no more invocations of it at once: try again".to_owned(),
        0 | 500.. => "try again".to_owned(),
        _ => format!("--function-name, --region and --profile say which one is meant\n  {named_by}"),
    };
    let hint = hint(obstacle.as_ref(), own);
    let error = CliError::failed(format!("the deployer's Lambda {name:?} could not be invoked: {message}\n  {hint}"));
    SendError { outcome, error }
}

impl Requester {
    /// Makes a request of this person, under an id that makes a retried call the same request.
    pub fn request(&self, command: Command, id: Option<String>) -> CommandRequest {
        let Caller { requested_by, id, .. } = self.caller(id);
        CommandRequest { command, requested_by, id: Some(id), only_if_known: false, identity: None }
    }

    /// Names this person, with the given id or a new one.
    pub fn caller(&self, id: Option<String>) -> Caller {
        let id = id.unwrap_or_else(|| format!("deployctl-{}", ulid_now()));
        let user = || ci_env::user(|name| std::env::var(name).ok());
        let requested_by = self.requested_by.clone().or_else(user).map(Into::into);
        Caller { requested_by, identity: Identity::None, id }
    }
}

/// Makes a request of the user who runs this.
pub(super) fn request(command: Command) -> CommandRequest {
    Requester { requested_by: None }.request(command, None)
}

fn ulid_now() -> String {
    let mut bytes = [0; 16];
    let random = getrandom::fill(&mut bytes).map(|()| u128::from_ne_bytes(bytes)).unwrap_or_default();
    deployer_core::id::Token::drawn(jiff::Timestamp::now(), random).to_string()
}

fn unreadable(name: &str, error: &serde_json::Error) -> CliError {
    CliError::failed(format!(
        "the answer of {name:?} cannot be read ({error}): is it the deployer, and of the same build as this deployctl?"
    ))
}

#[cfg(test)]
mod tests {
    use super::qualified;

    #[test]
    fn deployer_without_a_qualifier_is_called_by_its_alias() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:deployer";
        for name in ["deployer", "my-function", "123456789012:function:deployer", arn] {
            assert_eq!(qualified(name), format!("{name}:live"));
            for of_its_own in ["7", "blue", "$LATEST"] {
                let own = format!("{name}:{of_its_own}");
                assert_eq!(qualified(&own), own);
            }
        }
    }
}
