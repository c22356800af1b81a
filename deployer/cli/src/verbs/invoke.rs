//! `deployctl invoke`: calls a function through its alias in one target, with the person's own rights.

use std::fmt::Write as _;
use std::io::Read as _;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::operation::invoke::{InvokeError, InvokeOutput};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::base64;
use deployer_aws::{CallFailure, Obstacle};
use serde::Serialize;
use serde_json::Value;

use crate::answer::{Answer, CliError, Exit, lines, one_line};
use crate::aws::target::{self, Located};
use crate::follow::interrupts::Interrupts;
use crate::remote::ledger;
use crate::text::confirm::print_stderr;
use crate::text::hints::hint;
use crate::text::progress;
use crate::{direct, follow};

/// The options of `invoke`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    #[command(flatten)]
    args: follow::FunctionArgs,
    /// The event: JSON, a file with JSON, or - for standard input; '{}' is an empty event.
    #[arg(long, value_name = "FILE|-|JSON")]
    payload: String,
    #[command(flatten)]
    target: target::Options,
    #[command(flatten)]
    access: target::Access,
    #[command(flatten)]
    ledger: ledger::Options,
}

/// The answer of `invoke`.
#[derive(Debug, Serialize)]
struct Invoked {
    #[serde(flatten)]
    located: Located,
    /// The version that ran.
    executed_version: Option<String>,
    /// Lambda's HTTP status.
    status: i32,
    /// The kind of the function's error; null if it has answered.
    function_error: Option<String>,
    /// The function's answer, or its error.
    payload: Value,
    /// The last lines of the invocation's log, 4 KB at most.
    log_tail: Option<String>,
}

/// The longest wait: no function of an ordinary kind runs longer than 15 minutes (Lambda Developer Guide, "Lambda
/// quotas").
const TIMEOUT: Duration = Duration::from_secs(15 * 60 + 30);

pub(crate) async fn run(options: &Options) -> Result<Answer, CliError> {
    let payload = payload(&options.payload)?;
    let located = options
        .target
        .locate(&mut options.ledger.status_source(Some(&options.args.environment)).await?, &options.args)
        .await?;
    let sdk = options.access.enter(&options.ledger.remote, &located.target).await?;
    let mut interrupts = Interrupts::listen()?;
    print_stderr(&format!("{}\n", announcement(&located)))?;
    let spinner = progress::spinner(format!("waiting for {}", located.function_name));
    let goes_on = "the invocation goes on, and its answer is lost";
    let answer = tokio::select! {
        answer = call(&sdk, &located, payload) => answer.map_err(|error| failed(&located, &options.args, &error))?,
        () = tokio::time::sleep(TIMEOUT) => {
            return Err(CliError::timed_out(format!("no answer after {} s; {goes_on}", TIMEOUT.as_secs())));
        }
        () = interrupts.received() => return Err(CliError::interrupted(format!("interrupted; {goes_on}"))),
    };
    drop(spinner);
    let invoked = Invoked::of(located, &answer);
    if let (Some(known), Some(ran)) = (&invoked.located.version, &invoked.executed_version)
        && known.as_str() != ran
    {
        let follow::FunctionArgs { environment, function } = &options.args;
        direct::warn(&format!(
            "version {ran} ran, and the ledger says that the alias serves version {known}. To see whether \
             somebody has moved it:\n  deployctl plan -e {environment} -f {function}"
        ));
    }
    let exit = if invoked.function_error.is_some() { Exit::Failed } else { Exit::Done };
    Ok(Answer::with_text(text(&invoked), &invoked, exit))
}

/// Says what is called, before the call.
fn announcement(located: &Located) -> String {
    let Located { target, function_name, alias, version, release } = located;
    let serves = match (version, release) {
        (Some(version), Some(release)) => format!(", which serves version {version} ({release})"),
        (Some(version), None) => format!(", which serves version {version}"),
        (None, _) => String::new(),
    };
    format!("calling {function_name} by alias {alias} in {target}{serves}")
}

/// Reads the event. Lambda takes JSON only.
///
/// # Errors
/// Wrong use: the file or standard input cannot be read, or it is not JSON.
fn payload(argument: &str) -> Result<Vec<u8>, CliError> {
    let is_json = |text: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(text);
    let (bytes, what) = match argument {
        "-" => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().read_to_end(&mut bytes);
            read.map_err(|error| CliError::wrong_use(format!("standard input cannot be read: {error}")))?;
            (bytes, "standard input".to_owned())
        }
        // An event that begins like this is meant as JSON, even if a file has that name.
        text if text.trim_start().starts_with(['{', '[', '"']) => (text.as_bytes().to_vec(), "--payload".to_owned()),
        path => match std::fs::read(path) {
            Ok(bytes) => (bytes, path.to_owned()),
            Err(_) if is_json(path.as_bytes()).is_ok() => return Ok(path.as_bytes().to_vec()),
            Err(error) => {
                return Err(CliError::wrong_use(format!(
                    "--payload {path} is neither JSON nor a file that can be read ({error})"
                )));
            }
        },
    };
    match is_json(&bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(CliError::wrong_use(format!("{what} is not JSON, and Lambda takes no other event: {error}"))),
    }
}

/// Calls the function once: nobody knows whether a call without an answer has run it.
async fn call(
    sdk: &SdkConfig,
    located: &Located,
    payload: Vec<u8>,
) -> Result<InvokeOutput, SdkError<InvokeError, HttpResponse>> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(10))
        .disable_operation_attempt_timeout()
        .disable_operation_timeout()
        .build();
    let config = aws_sdk_lambda::config::Builder::from(sdk)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::disabled())
        .build();
    aws_sdk_lambda::Client::from_conf(config)
        .invoke()
        .function_name(located.function_name.as_str())
        .qualifier(located.alias.as_str())
        .log_type(LogType::Tail)
        .payload(Blob::new(payload))
        .send()
        .await
}

/// Makes the error of a call without an answer of the function: it names the right that is missing.
fn failed(located: &Located, args: &follow::FunctionArgs, error: &SdkError<InvokeError, HttpResponse>) -> CliError {
    let failure = CallFailure::of(error);
    let arn = located.alias_arn();
    let own = match (failure.code.as_str(), failure.status) {
        (_, 403) => format!(
            "you need lambda:InvokeFunction on {arn}, which no policy of infra/ grants; --target-profile or --role-arn says \
             as whom"
        ),
        (_, 404) => format!(
            "the function or its alias is not there; to see what a redeploy would make:\n    deployctl plan -e {} -f {}",
            args.environment, args.function
        ),
        (_, 429) => "it runs as often at once as it may: try again".to_owned(),
        (_, 413) => "an event has 6 MB at most".to_owned(),
        _ => "nobody knows whether it has run: its log says so (deployctl logs --function-logs)".to_owned(),
    };
    let hint = hint(failure.obstacle.as_ref(), own);
    let message = format!("{arn} was not invoked, or has not answered: {failure}\n  {hint}");
    let is_unsent = failure.obstacle.as_ref().is_some_and(Obstacle::is_lasting);
    let may_have_run = matches!(failure.status, 0 | 500..) && !is_unsent;
    if may_have_run { CliError::timed_out(message) } else { CliError::failed(message) }
}

impl Invoked {
    fn of(located: Located, answer: &InvokeOutput) -> Self {
        let body = answer.payload().map(Blob::as_ref).unwrap_or_default();
        let text = || String::from_utf8_lossy(body).into_owned().into();
        let log = answer.log_result().and_then(|log| base64::decode(log).ok());
        Self {
            located,
            executed_version: answer.executed_version().map(str::to_owned),
            status: answer.status_code(),
            function_error: answer.function_error().map(str::to_owned),
            payload: serde_json::from_slice(body).unwrap_or_else(|_| text()),
            log_tail: log.map(|log| String::from_utf8_lossy(&log).into_owned()),
        }
    }
}

fn text(invoked: &Invoked) -> String {
    let Invoked { located, executed_version, status, function_error, payload, log_tail } = invoked;
    let version = executed_version.as_deref().map_or_else(|| "?".into(), one_line);
    let alias = &located.alias;
    let ended = match function_error {
        Some(error) => format!("failed: {}", one_line(error)),
        None => "answered".to_owned(),
    };
    let mut text =
        format!("version {version}, by alias {alias}, {ended} (status {status})\n{}\n", lines(&format!("{payload:#}")));
    if let Some(log) = log_tail.as_deref().map(str::trim_end).filter(|log| !log.is_empty()) {
        text.push_str("the end of its log:\n");
        log.lines().for_each(|line| {
            let _infallible = writeln!(text, "  {}", one_line(line));
        });
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::payload;

    #[test]
    fn payload_is_json_or_a_file_of_json() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, r#"{"from": "file"}"#).unwrap();
        let path = file.path().to_str().unwrap();
        for (given, expected) in
            [("{}", "{}"), (r#" {"a": 1}"#, r#" {"a": 1}"#), ("17", "17"), (path, r#"{"from": "file"}"#)]
        {
            assert_eq!(payload(given).unwrap(), expected.as_bytes(), "{given:?}");
        }
    }

    #[test]
    fn payload_that_is_not_json_is_wrong_use() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "no").unwrap();
        for (given, expected) in [
            ("{", "--payload is not JSON"),
            ("none.json", "--payload none.json is neither JSON nor a file that can be read"),
            ("", "--payload  is neither JSON nor a file"),
            (file.path().to_str().unwrap(), "is not JSON, and Lambda takes no other event"),
        ] {
            let error = payload(given).unwrap_err();
            assert!(error.exit == super::Exit::WrongUse && error.message.contains(expected), "{given}: {error}");
        }
    }
}
