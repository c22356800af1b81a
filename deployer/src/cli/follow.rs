//! A command that deploys, followed to its end: the same order again tells how far it is.

use std::time::Duration;

use deployer_core::config::Span;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::record::DeploymentRecord;

use super::answer::{Answer, Exit, Stopped};
use super::push::interrupts::Interrupts;
use super::push::{bar, told};
use super::remote::{self, Remote};
use crate::trigger::{Command, Order};

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

/// How long its end is waited for.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// Do not wait where another deployment has its turn first: say that it is pending, and end with 0.
    #[arg(long)]
    no_wait: bool,
    /// How long to wait for its end, as 90s, 30m or 2h; it goes on afterwards.
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = Span::parse, conflicts_with = "no_wait")]
    timeout: Span,
    #[command(flatten)]
    pub remote: remote::Options,
}

/// Between two questions how far it is.
const PAUSE: Duration = Duration::from_secs(2);
/// How often an answer that another try can mend is asked for again.
const TRIES: u32 = 5;

impl Options {
    /// Gives a command whose answer is a record, and tells how it ended.
    ///
    /// # Errors
    /// [`Stopped`]: 4 where it has not ended in time, 130 where somebody stops the wait; it goes on all the same.
    pub async fn carried_out(&self, command: Command) -> Result<Answer, Stopped> {
        let order = remote::order(command);
        let remote = self.remote.remote().await;
        let mut interrupts = Interrupts::listen()?;
        let spinner = bar::spinner("waiting for the deployer".to_owned());
        let mut last = None;
        let ended = async {
            loop {
                let record = ask(&remote, &order).await?;
                if record.status.is_ended() || self.no_wait {
                    return Ok(record);
                }
                spinner.set_message(format!("deployment {}: {}", record.id, reason(&record)));
                last = Some(record.id);
                tokio::time::sleep(PAUSE).await;
            }
        };
        let ended: Result<DeploymentRecord, Stopped> = tokio::select! {
            ended = ended => ended,
            () = tokio::time::sleep(self.timeout.as_duration()) => Err(Stopped::timed_out("")),
            () = interrupts.come() => Err(Stopped::interrupted("")),
        };
        drop(spinner);
        let goes_on = |stopped: Stopped, what: &str| {
            let id = last.map_or_else(|| "it".to_owned(), |id| format!("deployment {id}"));
            let message = format!("{what}; {id} goes on\n  deployctl history shows how far it is");
            Stopped { message, ..stopped }
        };
        let record = ended.map_err(|stopped| match stopped.exit {
            Exit::TimedOut => goes_on(stopped, &format!("not ended after {}", self.timeout)),
            Exit::Interrupted => goes_on(stopped, "interrupted"),
            _ => stopped,
        })?;
        let exit = if self.no_wait && !record.status.is_ended() { Exit::Done } else { Exit::from(&record) };
        Ok(Answer::with_text(told::text(&record), &record, exit))
    }
}

/// The same order is the same request: what got no answer is asked for again.
async fn ask(remote: &Remote, order: &Order) -> Result<DeploymentRecord, Stopped> {
    let mut tries = 0;
    loop {
        match remote.ask(order).await {
            Err(stopped) if tries < TRIES && matches!(stopped.error_type, "Internal" | "LedgerUnavailable") => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

fn reason(record: &DeploymentRecord) -> String {
    record.because.clone().unwrap_or_else(|| record.status.to_string())
}
