//! Sends a command that deploys and follows it to its end by sending the same request again, which returns its
//! progress.

pub(crate) mod another;
pub(crate) mod in_favour_of;
pub(crate) mod interrupts;
pub(crate) mod repeated;
pub(crate) mod repeating_command;
pub(crate) mod run_out;
pub(crate) mod unended;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deployer_core::config::Span;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::record::DeploymentRecord;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::{Answer, CliError, Exit, sentence};
use crate::remote::{self, Remote, SendError, SendOutcome};
use crate::text::progress::WaitProgress;
use crate::text::{records, waiting};
use deployer_core::trigger::{Command, CommandRequest};
use interrupts::Interrupts;
use repeating_command::{history, same_approval};
use run_out::run_out;
use unended::Unended;

/// An answer that shows the progress of a deployment, a group or a recall.
pub(super) trait Followed: DeserializeOwned + Serialize {
    /// Returns the stage.
    fn stage(&self) -> Stage;
    /// Returns the name, as in "deployment 01K… goes on".
    fn name(&self) -> String;
    /// Returns the progress in a few words, before the end.
    fn how(&self) -> String;
    /// Whether the answer says why it has not ended; if not, it is only under way.
    fn has_reason(&self) -> bool {
        true
    }
    /// Returns the whole answer for people.
    fn text(&self) -> String;
    /// Returns the step by which it goes on, with the command for it, while it waits for somebody or for long.
    fn next_step(&self) -> Option<String> {
        None
    }
    /// Returns the function, where the answer is about that of one function and the request need not name it.
    fn function(&self) -> Option<&FunctionName> {
        None
    }
    /// Returns the exit code of the end; [`Exit::Done`] before the end.
    fn exit(&self) -> Exit;
    /// Returns the planned time of its rollout, which the wait lasts longer; of several the longest.
    fn planned(&self) -> Duration {
        Duration::ZERO
    }
    /// Keeps what the answer before this one told, and this one cannot tell again.
    fn keep(&mut self, _earlier: Self) {}
}

/// The stage of a deployment, a group or a recall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The deployer works on it, or another deployment has its turn first.
    Running,
    /// It waits for approvals, its soak or the end of a freeze, which may take days.
    Waiting,
    /// It has ended.
    Ended,
}

impl Stage {
    /// Returns the stage of several together.
    pub fn of_all(stages: impl IntoIterator<Item = Self>) -> Self {
        stages.into_iter().fold(Self::Ended, |all, one| match (all, one) {
            (Self::Running, _) | (_, Self::Running) => Self::Running,
            (Self::Waiting, _) | (_, Self::Waiting) => Self::Waiting,
            _ => Self::Ended,
        })
    }
}

/// The stage at which following stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Stop when it has ended or waits for approvals, its soak or the end of a freeze.
    WaitingOrEnded,
    /// Stop when it has ended.
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
        self.because.as_deref().map_or_else(|| self.status.to_string(), sentence)
    }

    fn has_reason(&self) -> bool {
        self.because.is_some()
    }

    fn text(&self) -> String {
        records::text(self)
    }

    fn next_step(&self) -> Option<String> {
        (self.stage() == Stage::Waiting).then(|| waiting::next_step(self))
    }

    fn exit(&self) -> Exit {
        if self.status.is_ended() { Exit::from(self) } else { Exit::Done }
    }

    fn planned(&self) -> Duration {
        let seconds = self.rollout.as_ref().and_then(|rollout| rollout.planned_seconds);
        Duration::from_secs(seconds.unwrap_or_default().into())
    }
}

/// A function in an environment.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub(super) struct FunctionArgs {
    /// The environment.
    #[arg(long, short, value_name = "NAME")]
    pub environment: EnvironmentName,
    /// The function, by its name in upload keys and in the ledger.
    #[arg(long, short, value_name = "NAME")]
    pub function: FunctionName,
}

/// The options of verbs that wait for the end of a deployment.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// Do not wait if another deployment has its turn first: print that this one is pending, and exit with 0.
    #[arg(long)]
    no_wait: bool,
    /// The time to wait; the planned time of a rollout comes on top [default: 15m].
    #[arg(long, value_name = "TIME", value_parser = Span::parse, conflicts_with = "no_wait")]
    timeout: Option<Span>,
    /// Repeat an earlier request by the id that was printed when no answer came [default: a new id].
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    pub requester: remote::Requester,
    #[command(flatten)]
    pub remote: remote::Options,
}

/// The time to wait unless the user says otherwise.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// The pause between two requests for the progress.
pub(super) const PAUSE: Duration = Duration::from_secs(2);
/// The number of tries while the deployer is not reached or fails itself.
const TRIES: u32 = 5;

/// The state of a request that is followed.
#[derive(Debug, Default)]
struct RequestState {
    /// Whether the deployer may have accepted the request.
    maybe_accepted: bool,
    /// The name of the deployment, once the deployer has accepted the request.
    accepted: Option<String>,
    /// The reason why the last try had no answer.
    failure: Option<String>,
    /// The step by which the deployment goes on, while it waits for somebody or for long.
    next_step: Option<String>,
    /// The command line that asks for the same again, where it must be a complete one.
    again: Option<String>,
}

impl Options {
    /// Refuses options that are for the deployer only.
    ///
    /// # Errors
    /// Wrong use, naming the option that was given.
    pub fn reject_if_given(&self) -> Result<(), CliError> {
        let given = [("--no-wait", self.no_wait), ("--timeout", self.timeout.is_some()), ("--id", self.id.is_some())];
        match given.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(CliError::wrong_use(format!(
                "{name} is for deployments by the deployer: a direct deployment always waits, and records nothing"
            ))),
            None => Ok(()),
        }
    }

    /// Returns the id of the earlier request that the user repeats.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns the time to wait, and the words for it.
    pub fn timeout(&self) -> (Duration, String) {
        match self.timeout {
            Some(timeout) => (timeout.as_duration(), timeout.to_string()),
            None => (TIMEOUT, "15m".to_owned()),
        }
    }

    /// Sends a command and follows it until it has ended or waits.
    ///
    /// # Errors
    /// [`CliError`]: 4 where the deployment has not ended in time, 130 where the user interrupts the wait; the message
    /// says whether the deployer has accepted the request, and programs get what was known of it by then.
    pub async fn follow_command<T: Followed>(&self, command: Command, until: Until) -> Result<T, CliError> {
        self.follow_or_tell::<T>(command, until).await.map_err(|Unended { error, last }| CliError {
            known: last.and_then(|last| serde_json::to_value(last).ok()).map(Box::new),
            ..error
        })
    }

    /// Does the same for a command about several deployments.
    ///
    /// # Errors
    /// [`Unended`], with what was known of each when the wait was over.
    pub async fn follow_or_tell<T: Followed>(&self, command: Command, until: Until) -> Result<T, Unended<T>> {
        let request = self.requester.request(command, self.id.clone());
        let remote = self.remote.remote().await?;
        let mut interrupts = Interrupts::listen()?;
        let progress = WaitProgress::begin("waiting for the deployer".to_owned());
        let (timeout, in_words) = self.timeout();
        let again = same_approval(&request).map(|again| again + &self.remote.repeated());
        let mut state = RequestState { again, ..RequestState::default() };
        let (mut last, planned) = (None, AtomicU64::new(0));
        let ended = tokio::select! {
            ended = self.ended((&remote, &request), until, (&progress, &planned), (&mut state, &mut last)) => ended,
            never = progress.repeat() => match never {},
            waited = run_out((timeout, in_words), &planned) => {
                Err(CliError::timed_out(format!("not ended after {waited}; {}", state.describe(&request))))
            }
            () = interrupts.received() => Err(CliError::interrupted(format!("interrupted; {}", state.describe(&request)))),
        };
        ended.map_err(|error| Unended { error, last: last.map(Box::new) })
    }

    /// Makes an answer from the last state of a followed request.
    pub fn answer_of<T: Followed>(answer: &T) -> Answer {
        Answer::with_text(answer.text(), answer, answer.exit())
    }

    /// Sends the same request until it has ended, also after a lost answer.
    async fn ended<T: Followed>(
        &self,
        (remote, request): (&Remote, &CommandRequest),
        until: Until,
        (progress, planned): (&WaitProgress, &AtomicU64),
        (state, last): (&mut RequestState, &mut Option<T>),
    ) -> Result<T, CliError> {
        let mut tries = 0;
        let mut request = Cow::Borrowed(request);
        loop {
            let before = state.maybe_accepted;
            state.maybe_accepted = true;
            let sent = match &state.accepted {
                Some(_) => remote.look_again::<T>(&request).await,
                None => remote.try_send::<T>(&request).await,
            };
            let sent = sent.map(|mut answer| {
                last.take().into_iter().for_each(|earlier| answer.keep(earlier));
                answer
            });
            match sent {
                Ok(answer) if self.no_wait || is_over(&answer, until) => return Ok(answer),
                Ok(answer) => {
                    planned.fetch_max(answer.planned().as_secs(), Ordering::Relaxed);
                    let what = format!("{}: {}", answer.name(), answer.how());
                    if answer.has_reason() {
                        progress.say(what)
                    } else {
                        progress.set(what)
                    }
                    (state.accepted, state.failure) = (Some(answer.name()), None);
                    if let Some(command) =
                        answer.function().and_then(|function| with_function(&request.command, function))
                    {
                        request.to_mut().command = command;
                    }
                    let next_step = answer.next_step();
                    if let Some(next_step) = next_step.as_ref().filter(|next| state.next_step.as_ref() != Some(next)) {
                        progress.tell(next_step);
                    }
                    state.next_step = next_step;
                    *last = Some(answer);
                }
                Err(SendError { outcome, error }) => {
                    state.maybe_accepted = before || matches!(outcome, SendOutcome::Lost | SendOutcome::Broken);
                    tries += u32::from(matches!(outcome, SendOutcome::Broken | SendOutcome::NotSent));
                    state.may_retry(outcome, tries, &error, &request)?;
                    progress.say(format!("{}; asking for the same again", outcome.because(&error)));
                    state.failure = Some(error.message);
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Whether nothing more is waited for.
fn is_over(answer: &impl Followed, until: Until) -> bool {
    match answer.stage() {
        Stage::Ended => true,
        Stage::Waiting => until == Until::WaitingOrEnded,
        Stage::Running => false,
    }
}

impl SendOutcome {
    /// Says why no answer came, on one line.
    pub(super) fn because(self, error: &CliError) -> String {
        let first = || sentence(error.message.lines().next().unwrap_or_default());
        match self {
            Self::Throttled => "Lambda throttles the calls of the deployer".to_owned(),
            Self::Lost => format!("no answer: {}", first()),
            Self::NotSent | Self::Broken | Self::Refused => first(),
        }
    }
}

/// Adds the function to an approval that names none: the deployer would look for it in the whole environment each time. None:
/// the command names what it is about.
pub(super) fn with_function(command: &Command, function: &FunctionName) -> Option<Command> {
    let Command::Approve { environment, function: None, deployment } = command else { return None };
    let (environment, function) = (environment.clone(), Some(function.clone()));
    Some(Command::Approve { environment, function, deployment: *deployment })
}

impl RequestState {
    /// Decides whether the request is sent again after no answer came.
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
            SendOutcome::Refused if self.accepted.is_some() || (is_on_its_way && !remote::did_nothing(error)) => {
                let state = self.describe_after(&error.message, request);
                Err(CliError::timed_out(format!("{}\n  {state}", error.message)))
            }
            SendOutcome::Broken => {
                let state = self.describe_after(&error.message, request);
                Err(CliError { message: format!("{}\n  {state}", error.message), ..error.clone() })
            }
            SendOutcome::NotSent | SendOutcome::Refused => Err(error.clone()),
        }
    }

    /// Describes the state of the request, and how to learn more.
    fn describe(&self, request: &CommandRequest) -> String {
        self.describe_after("", request)
    }

    /// Describes the state of the request below a message, without the reason that the message has already.
    fn describe_after(&self, message: &str, request: &CommandRequest) -> String {
        let failure = self.failure.as_deref().and_then(|words| words.lines().next());
        let failure = failure.filter(|words| !message.contains(words));
        let failure = failure.map_or(String::new(), |words| format!("\n  the last try had no answer: {words}"));
        let history = history(&request.command);
        let id = request.id.as_deref().unwrap_or_default();
        match (&self.accepted, &self.next_step) {
            (Some(name), Some(next_step)) => {
                let next_step = next_step.trim_end().replace('\n', "\n  ");
                format!("{name} waits{failure}\n  {next_step}\n  {history}\n    shows how far it is")
            }
            (Some(name), None) => format!("{name} goes on{failure}\n  {history}\n    shows how far it is"),
            (None, _) if self.maybe_accepted => {
                let again = match &self.again {
                    Some(again) => format!("{again}\n    asks for the same again: it is not done twice"),
                    None => format!("say --id {id} to ask for the same again: it is not done twice"),
                };
                format!("it may have been taken{failure}\n  {again}\n  {history}\n    shows whether it was taken")
            }
            (None, _) => format!("it was not taken{failure}"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn request() -> CommandRequest {
        let (environment, function) = (EnvironmentName::parse("dev").unwrap(), FunctionName::parse("orders").unwrap());
        let command = Command::Redeploy { environment, function };
        CommandRequest {
            command,
            requested_by: None,
            id: Some("deployctl-1".into()),
            only_if_known: false,
            identity: None,
        }
    }

    fn error() -> CliError {
        CliError::failed("no answer")
    }

    #[test]
    fn reason_of_a_missing_answer_is_one_line() {
        let error = CliError::failed("the ledger is unavailable: S3\n  hint");
        assert_eq!(SendOutcome::Throttled.because(&error), "Lambda throttles the calls of the deployer");
        assert_eq!(SendOutcome::Broken.because(&error), "the ledger is unavailable: S3");
        assert_eq!(SendOutcome::Lost.because(&error), "no answer: the ledger is unavailable: S3");
    }

    #[test]
    fn sent_request_is_retried_and_unsent_request_is_given_up() {
        let sent = RequestState { maybe_accepted: true, ..RequestState::default() };
        assert!(sent.may_retry(SendOutcome::Lost, TRIES + 1, &error(), &request()).is_ok());
        assert!(sent.may_retry(SendOutcome::NotSent, TRIES + 1, &error(), &request()).is_ok());
        let never = RequestState::default();
        assert!(never.may_retry(SendOutcome::NotSent, TRIES, &error(), &request()).is_ok());
        let given_up = never.may_retry(SendOutcome::NotSent, TRIES + 1, &error(), &request()).unwrap_err();
        assert_eq!((given_up.exit, given_up.message.as_str()), (Exit::Failed, "no answer"));
    }

    #[test]
    fn possibly_accepted_request_ends_with_4_and_its_id() {
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
    fn possibly_accepted_approval_is_repeated_by_a_complete_command() {
        let deployment = deployer_core::id::DeploymentId::parse("01JD3Z9V7Q0000000000000000").unwrap();
        let approve = |function: Option<&str>| {
            let function = function.map(|name| name.parse().unwrap());
            let environment = EnvironmentName::parse("prod").unwrap();
            let command = Command::Approve { environment, function, deployment: Some(deployment) };
            CommandRequest { command, requested_by: Some("Bob B".into()), ..request() }
        };
        for (function, named) in [(Some("orders"), " -f orders"), (None, "")] {
            let request = approve(function);
            let again = same_approval(&request);
            let sent = RequestState { maybe_accepted: true, again, ..RequestState::default() };
            let ended = sent.may_retry(SendOutcome::Refused, 0, &error(), &request).unwrap_err();
            let again = format!(
                "\n  deployctl approve -e prod{named} --deployment {deployment} --id deployctl-1 --requested-by 'Bob B'\n    \
                 asks for the same again: it is not done twice\n"
            );
            assert!(ended.message.contains(&again), "{ended}");
        }
        assert_eq!(same_approval(&request()), None);
    }

    #[test]
    fn wrong_or_unknown_request_keeps_its_exit_code_after_a_lost_answer() {
        let sent = RequestState { maybe_accepted: true, ..RequestState::default() };
        let wrong = CliError { error_type: "InvalidCommand".into(), ..CliError::wrong_use("no such environment") };
        for error in [CliError::unknown_function("no environment knows a function ordesr"), wrong] {
            let ended = sent.may_retry(SendOutcome::Refused, 0, &error, &request()).unwrap_err();
            assert_eq!((ended.exit, ended.message), (error.exit, error.message));
        }
    }

    #[test]
    fn answer_that_the_id_was_used_proves_nothing_after_a_lost_answer() {
        let sent = RequestState { maybe_accepted: true, ..RequestState::default() };
        for message in [
            "id \"r\" was another command's before (a redeploy): give each command an id of its own",
            "this command was carried out before, and its record is gone",
        ] {
            let used = CliError { error_type: "InvalidCommand".into(), ..CliError::wrong_use(message) };
            let ended = sent.may_retry(SendOutcome::Refused, 0, &used, &request()).unwrap_err();
            assert!(ended.message.starts_with(&format!("{message}\n  it may have been taken\n")), "{ended}");
            assert_eq!(ended.exit, Exit::TimedOut);
        }
    }

    #[test]
    fn refusal_of_a_look_does_not_hide_the_accepted_deployment() {
        let accepted = RequestState { accepted: Some("deployment 1".to_owned()), ..RequestState::default() };
        let wrong = CliError { error_type: "InvalidCommand".into(), ..CliError::wrong_use("the proof is too old") };
        let ended = accepted.may_retry(SendOutcome::Refused, 0, &wrong, &request()).unwrap_err();
        assert!(ended.message.starts_with("the proof is too old\n  deployment 1 goes on\n"), "{ended}");
        assert_eq!(ended.exit, Exit::TimedOut);
    }

    #[test]
    fn end_of_the_wait_for_an_approval_names_the_command_that_approves() {
        let next_step =
            "It goes on when somebody approves (ada may not):\n  deployctl approve -e prod --deployment 1\n";
        let (accepted, next_step) = (Some("deployment 1".to_owned()), Some(next_step.to_owned()));
        let waits = RequestState { maybe_accepted: true, accepted, next_step, ..RequestState::default() };
        assert_eq!(
            waits.describe(&request()),
            "deployment 1 waits\n  It goes on when somebody approves (ada may not):\n    deployctl approve -e prod --deployment 1\n  \
             deployctl history -e dev -f orders\n    shows how far it is"
        );
    }

    #[test]
    fn reason_of_the_last_try_is_told_once() {
        let failure = Some("no answer".to_owned());
        let sent = RequestState { maybe_accepted: true, failure: failure.clone(), ..RequestState::default() };
        let ended = sent.may_retry(SendOutcome::Broken, TRIES + 1, &error(), &request()).unwrap_err();
        assert_eq!(ended.message.matches("no answer").count(), 1, "{ended}");
        let other = CliError::failed("throttled");
        let ended = sent.may_retry(SendOutcome::Broken, TRIES + 1, &other, &request()).unwrap_err();
        assert!(ended.message.contains("the last try had no answer: no answer"), "{ended}");
    }

    #[test]
    fn passing_errors_do_not_end_the_wait_for_an_accepted_deployment() {
        let name = "deployment 01JD3Z9V7Q0000000000000000".to_owned();
        let accepted = RequestState { maybe_accepted: true, accepted: Some(name), ..RequestState::default() };
        for outcome in [SendOutcome::Lost, SendOutcome::Broken, SendOutcome::NotSent, SendOutcome::Throttled] {
            assert!(accepted.may_retry(outcome, u32::MAX, &error(), &request()).is_ok(), "{outcome:?}");
        }
        let words = accepted.describe(&request());
        assert!(words.starts_with("deployment 01JD3Z9V7Q0000000000000000 goes on\n"), "{words}");
    }
}
