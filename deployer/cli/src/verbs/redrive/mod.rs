//! `deployctl redrive`: shows the messages that the deployer has given up, and sends them back to their queues.
//!
//! SQS moves them (a message move task). The user needs no deployer for it, because a broken deployer is a common
//! reason for dead letters. The queue is found by its name for the same reason: `deployer.json` may be what is broken.

mod task;
mod text;

use std::time::Duration;

use deployer_aws::{DeadLetterError, DeadLetterErrorKind, DeadLetterQueue};
use deployer_core::dead_letters::{DeadLetters, Redrive, RedriveStatus};
use jiff::Timestamp;

use crate::answer::{Answer, CliError, Exit, one_line};
use crate::aws::sdk_config::no_region;
use crate::follow::interrupts::Interrupts;
use crate::output::Output;
use crate::remote;
use crate::remote::deployer_name;
use crate::text::confirm;
use crate::text::hints::hint;
use crate::text::progress::WaitProgress;

/// The options of `redrive`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// Only show the messages and the latest redrive.
    #[arg(long, visible_alias = "dry-run", conflicts_with_all = ["yes", "max_per_second", "cancel"])]
    peek: bool,
    /// Cancel the redrive that is under way. Messages that have gone back stay there.
    #[arg(long, conflicts_with_all = ["yes", "max_per_second"])]
    cancel: bool,
    /// Do not ask for confirmation.
    #[arg(long, short)]
    yes: bool,
    /// The number of messages that go back in a second, 500 at most [default: as many as SQS can move].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(1..=500))]
    max_per_second: Option<i32>,
    /// The number of messages to show, 100 at most.
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    /// The dead-letter queue: its name, URL or ARN [default: the deployer's name and -dead-letters].
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,
    #[command(flatten)]
    remote: remote::Options,
}

/// The pause between two looks at a redrive.
const PAUSE: Duration = Duration::from_secs(1);
/// The number of looks that may fail one after the other, or not show a redrive that has just begun.
const MAX_FAILED_LOOKS: u32 = 30;

pub(crate) async fn run(options: &Options, output: Output) -> Result<Answer, CliError> {
    let (name, function) = (options.queue_name(), options.remote.function_name());
    let deployer = deployer_name(&function);
    let refused = |error| error_of(&error, &name);
    let sdk = options.remote.sdk().await?;
    if sdk.region().is_none() && !name.starts_with("arn:") {
        return Err(no_region());
    }
    let queue = DeadLetterQueue::find(&sdk, &name).await.map_err(refused)?;
    if options.cancel {
        return task::cancel(&queue, &name).await;
    }
    let limit = usize::try_from(options.limit).unwrap_or(usize::MAX);
    let letters = queue.look(limit).await.map_err(refused)?;
    let seen = text::letters(&letters, deployer, Timestamp::now());
    if options.peek {
        return Ok(Answer::with_text(seen, &letters, Exit::Done));
    }
    if let Some(redrive) = letters.redrive.as_ref().filter(|redrive| redrive.status.is_active()) {
        return Err(already_running(&name, Some(redrive)));
    }
    if letters.waiting == 0 {
        return Ok(Answer::with_text(seen, &letters, Exit::Done));
    }
    if !(options.yes || confirm::is_possible()) {
        return Err(CliError::wrong_use(
            "nobody is at a terminal who could confirm it: say --yes, or --peek to look only",
        ));
    }
    if !options.yes || output == Output::Text {
        confirm::print_stderr(&seen)?;
    }
    if !options.yes && !confirm::is_given("Send them back to their queues?", "nothing was redriven")? {
        return Err(CliError::not_confirmed("nothing was redriven"));
    }
    let mut interrupts = Interrupts::listen()?;
    let before = task::begin(&queue, &name, options.max_per_second).await?;
    let watch = Watch { queue: &queue, before };
    let ended = watch.until_ended(&letters, &mut interrupts).await?;
    Ok(answer_of(DeadLetters { redrive: Some(ended.clone()), ..letters }, &ended))
}

impl Options {
    fn queue_name(&self) -> String {
        let of_deployer = || format!("{}-dead-letters", deployer_name(&self.remote.function_name()));
        self.queue.clone().unwrap_or_else(of_deployer)
    }
}

/// A redrive that this run has begun.
struct Watch<'a> {
    queue: &'a DeadLetterQueue,
    /// The time at which the former redrive began.
    before: Option<Timestamp>,
}

impl Watch<'_> {
    /// Waits for the end of the redrive and shows its progress.
    async fn until_ended(&self, letters: &DeadLetters, interrupts: &mut Interrupts) -> Result<Redrive, CliError> {
        let progress = WaitProgress::begin(format!("sending {} back", text::messages(letters.waiting)));
        tokio::select! {
            ended = self.until_ended_with(&progress, interrupts) => ended,
            never = progress.repeat() => match never {},
        }
    }

    async fn until_ended_with(
        &self,
        progress: &WaitProgress,
        interrupts: &mut Interrupts,
    ) -> Result<Redrive, CliError> {
        let mut moved = 0;
        let mut failed_looks = 0;
        loop {
            let look = tokio::select! {
                look = self.look() => look,
                () = interrupts.received() => return Err(goes_on(CliError::interrupted, "interrupted", moved)),
            };
            match look {
                Ok(Some(redrive)) if !redrive.status.is_active() => return Ok(redrive),
                Ok(Some(redrive)) => {
                    (moved, failed_looks) = (redrive.moved, 0);
                    progress.say(text::progress(&redrive));
                }
                Ok(None) if failed_looks < MAX_FAILED_LOOKS => failed_looks += 1,
                Ok(None) => return Err(goes_on(CliError::failed, "SQS does not show the redrive", moved)),
                Err(_) if failed_looks < MAX_FAILED_LOOKS => failed_looks += 1,
                Err(error) => return Err(goes_on(CliError::failed, &one_line(&error.to_string()), moved)),
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = interrupts.received() => return Err(goes_on(CliError::interrupted, "interrupted", moved)),
            }
        }
    }

    /// Returns the redrive that this run has begun, once SQS shows it.
    async fn look(&self) -> Result<Option<Redrive>, DeadLetterError> {
        let latest = self.queue.latest().await?.map(|task| task.redrive);
        Ok(latest.filter(|redrive| redrive.started != self.before))
    }
}

/// The commands for a redrive that is under way.
const HOW_FAR: &str = "To see how far it is:\n  deployctl redrive --peek\nTo stop it:\n  deployctl redrive --cancel";

fn goes_on(error: fn(String) -> CliError, because: &str, moved: u64) -> CliError {
    error(format!("{because}: {} so far, and the redrive goes on\n{HOW_FAR}", text::went_back(moved)))
}

fn answer_of(letters: DeadLetters, ended: &Redrive) -> Answer {
    let exit = if ended.status == RedriveStatus::Completed { Exit::Done } else { Exit::Failed };
    Answer::with_text(text::ended(ended), &letters, exit)
}

fn already_running(name: &str, redrive: Option<&Redrive>) -> CliError {
    let so_far = redrive.map_or_else(String::new, |redrive| format!(": {}", text::progress(redrive)));
    CliError::refused(format!("a redrive of {name} is under way already{so_far}\n  SQS runs one at a time\n{HOW_FAR}"))
}

/// Adds to AWS's message what the user can do.
fn error_of(error: &DeadLetterError, name: &str) -> CliError {
    let advice = match error.kind {
        DeadLetterErrorKind::AlreadyRunning => return already_running(name, None),
        DeadLetterErrorKind::NoQueue => {
            "--function-name, --region and --profile say which deployer is meant; --queue names the queue of one that \
             module tooling has not made"
                .to_owned()
        }
        DeadLetterErrorKind::Denied => {
            // The right to a batch is that to its single calls.
            let action = error.call.trim_end_matches("Batch");
            format!("you need sqs:{action} and the other rights of the policy \"operate\" of module tooling")
        }
        DeadLetterErrorKind::NotRunning => "it has ended. To see how:\n  deployctl redrive --peek".to_owned(),
        DeadLetterErrorKind::Unanswered | DeadLetterErrorKind::Failed => "nothing is lost: ask again".to_owned(),
    };
    let advice = hint(error.obstacle.as_ref(), advice);
    CliError::failed(format!("the dead-letter queue {name:?}: {}\n  {advice}", one_line(&error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_is_named_after_the_deployer_in_each_form_of_its_name() {
        for function in [
            "deployer",
            "deployer:live",
            "123456789012:function:deployer",
            "arn:aws:lambda:eu-west-1:123456789012:function:deployer",
            "arn:aws:lambda:eu-west-1:123456789012:function:deployer:live",
        ] {
            assert_eq!(deployer_name(function), "deployer", "{function}");
        }
    }

    #[test]
    fn error_names_the_queue_and_what_to_do() {
        for (kind, exit, advice) in [
            (DeadLetterErrorKind::NoQueue, Exit::Failed, "--queue names"),
            (
                DeadLetterErrorKind::Denied,
                Exit::Failed,
                "sqs:ReceiveMessage and the other rights of the policy \"operate\"",
            ),
            (DeadLetterErrorKind::AlreadyRunning, Exit::Refused, "\n  deployctl redrive --cancel"),
            (DeadLetterErrorKind::NotRunning, Exit::Failed, "\n  deployctl redrive --peek"),
            (DeadLetterErrorKind::Unanswered, Exit::Failed, "ask again"),
            (DeadLetterErrorKind::Failed, Exit::Failed, "ask again"),
        ] {
            let error = DeadLetterError { kind, call: "ReceiveMessage", message: "no\u{1b}".into(), obstacle: None };
            let told = error_of(&error, "deployer-dead-letters");
            assert!(told.message.contains("deployer-dead-letters") && told.message.contains(advice), "{told}");
            assert!(told.exit == exit && !told.message.contains('\u{1b}'), "{told}");
        }
    }
}
