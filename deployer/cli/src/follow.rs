//! A command that deploys, followed to its end: the same order again tells how far it is.

use std::time::Duration;

use deployer_core::config::Span;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::record::DeploymentRecord;
use indicatif::ProgressBar;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::{Answer, Exit, Stopped, one_line};
use super::interrupts::Interrupts;
use super::remote::{self, Fate, NoAnswer, Remote};
use super::{bar, records};
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
    GoesOn,
    /// It waits for people or for the calendar: that may take days.
    Rests,
    /// Nothing more will happen to it.
    Ended,
}

impl Stage {
    /// How far several are.
    pub fn of_all(stages: impl IntoIterator<Item = Self>) -> Self {
        stages.into_iter().fold(Self::Ended, |all, one| match (all, one) {
            (Self::GoesOn, _) | (_, Self::GoesOn) => Self::GoesOn,
            (Self::Rests, _) | (_, Self::Rests) => Self::Rests,
            _ => Self::Ended,
        })
    }
}

/// Until when something is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// It has ended, or waits for people or for the calendar.
    Resting,
    /// It has ended.
    Ended,
}

impl Followed for DeploymentRecord {
    fn stage(&self) -> Stage {
        match &self.promotion {
            _ if self.status.is_ended() => Stage::Ended,
            Some(promotion) if promotion.waits_for_long() => Stage::Rests,
            _ => Stage::GoesOn,
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
pub(super) struct Place {
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
    pub who: remote::Who,
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
struct Known {
    /// A call was sent that may have been taken.
    may_be_taken: bool,
    /// It was taken, and is called so.
    taken: Option<String>,
    /// Why the last try had no answer.
    trouble: Option<String>,
}

impl Options {
    /// What means something to the deployer only.
    ///
    /// # Errors
    /// Wrong use, naming one that was given.
    pub fn not_given(&self) -> Result<(), Stopped> {
        let given = [("--no-wait", self.no_wait), ("--timeout", self.timeout.is_some()), ("--id", self.id.is_some())];
        match given.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => Err(Stopped::wrong_use(format!(
                "{name} is for what the deployer does: past it, everything is waited for and nothing is remembered"
            ))),
            None => Ok(()),
        }
    }

    /// Gives a command whose answer is a record, and tells how it ended.
    ///
    /// # Errors
    /// [`Stopped`]: 4 where it has not ended in time, 130 where somebody stops the wait; it says whether the deployer has taken
    /// it.
    pub async fn carried_out(&self, command: Command) -> Result<Answer, Stopped> {
        self.followed::<DeploymentRecord>(command, Until::Resting).await.map(|record| Self::told(&record))
    }

    /// Gives a command whose answer tells how far it is, and follows it.
    ///
    /// # Errors
    /// As above.
    pub async fn followed<T: Followed>(&self, command: Command, until: Until) -> Result<T, Stopped> {
        let order = self.who.order(command, self.id.clone());
        let remote = self.remote.remote().await;
        let mut interrupts = Interrupts::listen()?;
        let spinner = bar::spinner("waiting for the deployer".to_owned());
        let timeout = self.timeout.map_or(TIMEOUT, Span::as_duration);
        let mut known = Known::default();
        tokio::select! {
            ended = self.ended((&remote, &order), until, &spinner, &mut known) => ended,
            () = tokio::time::sleep(timeout) => {
                let timeout = self.timeout.map_or_else(|| "15m".to_owned(), |timeout| timeout.to_string());
                Err(Stopped::timed_out(format!("not ended after {timeout}; {}", known.words(&order))))
            }
            () = interrupts.come() => Err(Stopped::interrupted(format!("interrupted; {}", known.words(&order)))),
        }
    }

    /// What was followed, in both forms.
    pub fn told<T: Followed>(followed: &T) -> Answer {
        Answer::with_text(followed.text(), followed, followed.exit())
    }

    /// Asks until it has ended. The same order is the same request: what got no answer is asked for again.
    async fn ended<T: Followed>(
        &self,
        (remote, order): (&Remote, &CommandRequest),
        until: Until,
        spinner: &ProgressBar,
        known: &mut Known,
    ) -> Result<T, Stopped> {
        let mut tries = 0;
        loop {
            let before = known.may_be_taken;
            known.may_be_taken = true;
            match remote.try_to_ask::<T>(order).await {
                Ok(answer) if self.no_wait || is_over(&answer, until) => return Ok(answer),
                Ok(answer) => {
                    spinner.set_message(format!("{}: {}", answer.name(), answer.how()));
                    (known.taken, known.trouble) = (Some(answer.name()), None);
                }
                Err(NoAnswer { fate, stopped }) => {
                    known.may_be_taken = before || matches!(fate, Fate::Lost | Fate::Broken);
                    tries += u32::from(matches!(fate, Fate::Broken | Fate::NotSent));
                    known.goes_on(fate, tries, &stopped, order)?;
                    spinner.set_message("no answer; asking for the same again".to_owned());
                    known.trouble = Some(stopped.message);
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn is_over(answer: &impl Followed, until: Until) -> bool {
    match answer.stage() {
        Stage::Ended => true,
        Stage::Rests => until == Until::Resting,
        Stage::GoesOn => false,
    }
}

impl Known {
    /// Whether it is asked again after no answer came.
    fn goes_on(&self, fate: Fate, tries: u32, stopped: &Stopped, order: &CommandRequest) -> Result<(), Stopped> {
        let is_on_its_way = self.taken.is_some() || self.may_be_taken;
        match fate {
            Fate::Lost | Fate::Throttled => Ok(()),
            Fate::Broken | Fate::NotSent if self.taken.is_some() || tries <= TRIES => Ok(()),
            Fate::NotSent if is_on_its_way => Ok(()),
            Fate::Refused if is_on_its_way && stopped.exit != Exit::WrongUse => {
                Err(Stopped::timed_out(format!("{}\n  {}", stopped.message, self.words(order))))
            }
            Fate::Broken => {
                Err(Stopped { message: format!("{}\n  {}", stopped.message, self.words(order)), ..stopped.clone() })
            }
            Fate::NotSent | Fate::Refused => Err(stopped.clone()),
        }
    }

    /// What is known, and how to know more.
    fn words(&self, order: &CommandRequest) -> String {
        let trouble = self.trouble.as_deref().and_then(|words| words.lines().next());
        let trouble = trouble.map_or(String::new(), |words| format!("\n  the last try had no answer: {words}"));
        let history = history(&order.command);
        let id = order.id.as_deref().unwrap_or_default();
        match &self.taken {
            Some(name) => format!("{name} goes on{trouble}\n  {history}\n    shows how far it is"),
            None if self.may_be_taken => format!(
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

    fn order() -> CommandRequest {
        let payload =
            serde_json::json!({"command": "redeploy", "environment": "dev", "function": "orders", "id": "deployctl-1"});
        serde_json::from_value(payload).unwrap()
    }

    fn stopped() -> Stopped {
        Stopped::failed("no answer")
    }

    #[test]
    fn what_was_sent_is_asked_for_again_and_what_was_never_sent_is_given_up() {
        let sent = Known { may_be_taken: true, ..Known::default() };
        assert!(sent.goes_on(Fate::Lost, TRIES + 1, &stopped(), &order()).is_ok());
        assert!(sent.goes_on(Fate::NotSent, TRIES + 1, &stopped(), &order()).is_ok());
        let never = Known::default();
        assert!(never.goes_on(Fate::NotSent, TRIES, &stopped(), &order()).is_ok());
        let given_up = never.goes_on(Fate::NotSent, TRIES + 1, &stopped(), &order()).unwrap_err();
        assert_eq!((given_up.exit, given_up.message.as_str()), (Exit::Failed, "no answer"));
    }

    #[test]
    fn what_may_have_been_taken_ends_with_4_and_the_id_by_which_it_is_the_same() {
        let sent = Known { may_be_taken: true, ..Known::default() };
        let ended = sent.goes_on(Fate::Refused, 0, &stopped(), &order()).unwrap_err();
        assert_eq!(ended.exit, Exit::TimedOut);
        assert_eq!(
            ended.message,
            "no answer\n  it may have been taken\n  say --id deployctl-1 to ask for the same again: it is not done twice\n  \
             deployctl history -e dev -f orders\n    shows whether it was taken"
        );
        let broken = sent.goes_on(Fate::Broken, TRIES + 1, &stopped(), &order()).unwrap_err();
        assert_eq!(broken.exit, Exit::Failed);
        assert!(broken.message.contains("--id deployctl-1"), "{broken}");
    }

    #[test]
    fn nothing_that_passes_ends_the_wait_for_a_deployment_that_was_taken() {
        let name = "deployment 01JD3Z9V7Q0000000000000000".to_owned();
        let taken = Known { may_be_taken: true, taken: Some(name), trouble: None };
        for fate in [Fate::Lost, Fate::Broken, Fate::NotSent, Fate::Throttled] {
            assert!(taken.goes_on(fate, u32::MAX, &stopped(), &order()).is_ok(), "{fate:?}");
        }
        let words = taken.words(&order());
        assert!(words.starts_with("deployment 01JD3Z9V7Q0000000000000000 goes on\n"), "{words}");
    }
}
