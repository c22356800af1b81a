//! A command that deploys, followed to its end: the same order again tells how far it is.

use std::time::Duration;

use deployer_core::config::Span;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::record::DeploymentRecord;
use indicatif::ProgressBar;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::{Answer, CliError, Exit, one_line};
use super::interrupts::Interrupts;
use super::remote::{self, Remote, SendError, SendOutcome};
use super::{progress, records};
use deployer_core::trigger::{Command, CommandRequest};

/// An answer that tells how far something is.
pub(super) trait Followed: DeserializeOwned + Serialize {
    /// How far it is.
    fn stage(&self) -> Stage;
    /// What it is called, as in "deployment 01K… goes on".
    fn name(&self) -> String;
    /// How far it is, in a few words, as long as it has not ended.
    fn how(&self) -> String;
    /// All of it, for people.
    fn text(&self) -> String;
    /// How it has ended; [`Exit::Done`] of what has not.
    fn exit(&self) -> Exit;
}

/// How far something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The deployer is at work, or it is not its turn yet.
    Running,
    /// It waits for people or for the calendar: that may take days.
    Waiting,
    /// Nothing more will happen to it.
    Ended,
}

impl Stage {
    /// How far several are.
    pub fn of_all(stages: impl IntoIterator<Item = Self>) -> Self {
        stages.into_iter().fold(Self::Ended, |all, one| match (all, one) {
            (Self::Running, _) | (_, Self::Running) => Self::Running,
            (Self::Waiting, _) | (_, Self::Waiting) => Self::Waiting,
            _ => Self::Ended,
        })
    }
}

/// Until when something is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// It has ended, or waits for people or for the calendar.
    WaitingOrEnded,
    /// It has ended.
    Ended,
}

impl Followed for DeploymentRecord {
    fn stage(&self) -> Stage {
        match &self.promotion {
            _ if self.status.is_ended() => Stage::Ended,
            Some(promotion) if promotion.waits_for_long() => Stage::Waiting,
            _ => Stage::Running,
        }
    }

    fn name(&self) -> String {
        format!("deployment {}", self.id)
    }

    fn how(&self) -> String {
        self.because.as_deref().map_or_else(|| self.status.to_string(), one_line)
    }

    fn text(&self) -> String {
        records::text(self)
    }

    fn exit(&self) -> Exit {
        if self.status.is_ended() { Exit::from(self) } else { Exit::Done }
    }
}

/// Which function, and where.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct FunctionArgs {
    /// The environment.
    #[arg(long, short, value_name = "NAME")]
    pub environment: EnvironmentName,
    /// The function, as keys and the ledger call it.
    #[arg(long, short, value_name = "NAME")]
    pub function: FunctionName,
}

/// How long its end is waited for, and by what it is known.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// Do not wait where another deployment has its turn first: say that it is pending, and end with 0.
    #[arg(long)]
    no_wait: bool,
    /// How long to wait [default: 15m].
    #[arg(long, value_name = "TIME", value_parser = Span::parse, conflicts_with = "no_wait")]
    timeout: Option<Span>,
    /// Ask for the same again: the id that was told when no answer came [default: a new one].
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    pub requester: remote::Requester,
    #[command(flatten)]
    pub remote: remote::Options,
}

const TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// Between two questions how far it is.
const PAUSE: Duration = Duration::from_secs(2);
/// How often it is asked again where nobody was reached, or the deployer itself broke.
const TRIES: u32 = 5;

/// What is known of an order that is followed.
#[derive(Debug, Default)]
struct RequestState {
    /// A call was sent that may have been taken.
    maybe_accepted: bool,
    /// It was taken, and is called so.
    accepted: Option<String>,
    /// Why the last try had no answer.
    trouble: Option<String>,
}

impl Options {
    /// What means something to the deployer only.
    ///
    /// # Errors
    /// Wrong use, naming one that was given.
    pub fn reject_if_given(&self) -> Result<(), CliError> {
        let given = [("--no-wait", self.no_wait), ("--timeout", self.timeout.is_some()), ("--id", self.id.is_some())];
        match given.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(CliError::wrong_use(format!(
                "{name} is for what the deployer does: past it, everything is waited for and nothing is remembered"
            ))),
            None => Ok(()),
        }
    }

    /// Gives a command whose answer is a record, and tells how it ended.
    ///
    /// # Errors
    /// [`CliError`]: 4 where it has not ended in time, 130 where somebody stops the wait; it says whether the deployer has taken
    /// it.
    pub async fn run_command(&self, command: Command) -> Result<Answer, CliError> {
        self.follow_command::<DeploymentRecord>(command, Until::WaitingOrEnded)
            .await
            .map(|record| Self::answer_of(&record))
    }

    /// Gives a command whose answer tells how far it is, and follows it.
    ///
    /// # Errors
    /// As above.
    pub async fn follow_command<T: Followed>(&self, command: Command, until: Until) -> Result<T, CliError> {
        let request = self.requester.request(command, self.id.clone());
        let remote = self.remote.remote().await;
        let mut interrupts = Interrupts::listen()?;
        let spinner = progress::spinner("waiting for the deployer".to_owned());
        let timeout = self.timeout.map_or(TIMEOUT, Span::as_duration);
        let mut state = RequestState::default();
        tokio::select! {
            ended = self.ended((&remote, &request), until, &spinner, &mut state) => ended,
            () = tokio::time::sleep(timeout) => {
                let timeout = self.timeout.map_or_else(|| "15m".to_owned(), |timeout| timeout.to_string());
                Err(CliError::timed_out(format!("not ended after {timeout}; {}", state.describe(&request))))
            }
            () = interrupts.received() => Err(CliError::interrupted(format!("interrupted; {}", state.describe(&request)))),
        }
    }

    /// What was followed, in both forms.
    pub fn answer_of<T: Followed>(answer: &T) -> Answer {
        Answer::with_text(answer.text(), answer, answer.exit())
    }

    /// Asks until it has ended. The same order is the same request: what got no answer is asked for again.
    async fn ended<T: Followed>(
        &self,
        (remote, request): (&Remote, &CommandRequest),
        until: Until,
        spinner: &ProgressBar,
        state: &mut RequestState,
    ) -> Result<T, CliError> {
        let mut tries = 0;
        loop {
            let before = state.maybe_accepted;
            state.maybe_accepted = true;
            match remote.try_send::<T>(request).await {
                Ok(answer) if self.no_wait || is_over(&answer, until) => return Ok(answer),
                Ok(answer) => {
                    spinner.set_message(format!("{}: {}", answer.name(), answer.how()));
                    (state.accepted, state.trouble) = (Some(answer.name()), None);
                }
                Err(SendError { outcome, error }) => {
                    state.maybe_accepted = before || matches!(outcome, SendOutcome::Lost | SendOutcome::Broken);
                    tries += u32::from(matches!(outcome, SendOutcome::Broken | SendOutcome::NotSent));
                    state.may_retry(outcome, tries, &error, request)?;
                    spinner.set_message("no answer; asking for the same again".to_owned());
                    state.trouble = Some(error.message);
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn is_over(answer: &impl Followed, until: Until) -> bool {
    match answer.stage() {
        Stage::Ended => true,
        Stage::Waiting => until == Until::WaitingOrEnded,
        Stage::Running => false,
    }
}

impl RequestState {
    /// Whether it is asked again after no answer came.
    fn may_retry(
        &self,
        outcome: SendOutcome,
        tries: u32,
        error: &CliError,
        request: &CommandRequest,
    ) -> Result<(), CliError> {
        let is_on_its_way = self.accepted.is_some() || self.maybe_accepted;
        match outcome {
            SendOutcome::Lost | SendOutcome::Throttled => Ok(()),
            SendOutcome::Broken | SendOutcome::NotSent if self.accepted.is_some() || tries <= TRIES => Ok(()),
            SendOutcome::NotSent if is_on_its_way => Ok(()),
            SendOutcome::Refused if is_on_its_way && error.exit != Exit::WrongUse => {
                Err(CliError::timed_out(format!("{}\n  {}", error.message, self.describe(request))))
            }
            SendOutcome::Broken => {
                Err(CliError { message: format!("{}\n  {}", error.message, self.describe(request)), ..error.clone() })
            }
            SendOutcome::NotSent | SendOutcome::Refused => Err(error.clone()),
        }
    }

    /// What is known, and how to know more.
    fn describe(&self, request: &CommandRequest) -> String {
        let trouble = self.trouble.as_deref().and_then(|words| words.lines().next());
        let trouble = trouble.map_or(String::new(), |words| format!("\n  the last try had no answer: {words}"));
        let history = history(&request.command);
        let id = request.id.as_deref().unwrap_or_default();
        match &self.accepted {
            Some(name) => format!("{name} goes on{trouble}\n  {history}\n    shows how far it is"),
            None if self.maybe_accepted => format!(
                "it may have been taken{trouble}\n  say --id {id} to ask for the same again: it is not done twice\n  \
                 {history}\n    shows whether it was taken"
            ),
            None => format!("it was not taken{trouble}"),
        }
    }
}

fn history(command: &Command) -> String {
    match command {
        Command::Deploy { environment, function, .. }
        | Command::Redeploy { environment, function }
        | Command::Rollback { environment, function, .. }
        | Command::Approve { environment, function: Some(function), .. } => {
            format!("deployctl history -e {environment} -f {function}")
        }
        Command::Promote { to: environment, function: Some(function), .. } if !function.as_str().contains('*') => {
            format!("deployctl history -e {environment} -f {function}")
        }
        Command::Promote { to: environment, .. } | Command::Approve { environment, .. } => {
            format!("deployctl status -e {environment}")
        }
        Command::Recall { function, .. } => format!("deployctl status {function}"),
        _ => "deployctl status".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn request() -> CommandRequest {
        let payload =
            serde_json::json!({"command": "redeploy", "environment": "dev", "function": "orders", "id": "deployctl-1"});
        serde_json::from_value(payload).unwrap()
    }

    fn error() -> CliError {
        CliError::failed("no answer")
    }

    #[test]
    fn what_was_sent_is_asked_for_again_and_what_was_never_sent_is_given_up() {
        let sent = RequestState { maybe_accepted: true, ..RequestState::default() };
        assert!(sent.may_retry(SendOutcome::Lost, TRIES + 1, &error(), &request()).is_ok());
        assert!(sent.may_retry(SendOutcome::NotSent, TRIES + 1, &error(), &request()).is_ok());
        let never = RequestState::default();
        assert!(never.may_retry(SendOutcome::NotSent, TRIES, &error(), &request()).is_ok());
        let given_up = never.may_retry(SendOutcome::NotSent, TRIES + 1, &error(), &request()).unwrap_err();
        assert_eq!((given_up.exit, given_up.message.as_str()), (Exit::Failed, "no answer"));
    }

    #[test]
    fn what_may_have_been_taken_ends_with_4_and_the_id_by_which_it_is_the_same() {
        let sent = RequestState { maybe_accepted: true, ..RequestState::default() };
        let ended = sent.may_retry(SendOutcome::Refused, 0, &error(), &request()).unwrap_err();
        assert_eq!(ended.exit, Exit::TimedOut);
        assert_eq!(
            ended.message,
            "no answer\n  it may have been taken\n  say --id deployctl-1 to ask for the same again: it is not done twice\n  \
             deployctl history -e dev -f orders\n    shows whether it was taken"
        );
        let broken = sent.may_retry(SendOutcome::Broken, TRIES + 1, &error(), &request()).unwrap_err();
        assert_eq!(broken.exit, Exit::Failed);
        assert!(broken.message.contains("--id deployctl-1"), "{broken}");
    }

    #[test]
    fn nothing_that_passes_ends_the_wait_for_a_deployment_that_was_taken() {
        let name = "deployment 01JD3Z9V7Q0000000000000000".to_owned();
        let accepted = RequestState { maybe_accepted: true, accepted: Some(name), trouble: None };
        for outcome in [SendOutcome::Lost, SendOutcome::Broken, SendOutcome::NotSent, SendOutcome::Throttled] {
            assert!(accepted.may_retry(outcome, u32::MAX, &error(), &request()).is_ok(), "{outcome:?}");
        }
        let words = accepted.describe(&request());
        assert!(words.starts_with("deployment 01JD3Z9V7Q0000000000000000 goes on\n"), "{words}");
    }
}
