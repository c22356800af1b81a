//! Follows a deployment that somebody else has asked for, by its record.

use std::time::Instant;

use deployer_core::record::{DeploymentRecord, Status};

use super::answer::{CliError, one_line};
use super::follow::{self, Followed as _, PAUSE};
use super::in_favour_of::is_in_favour_of;
use super::interrupts::Interrupts;
use super::newest_records;
use super::progress::WaitProgress;
use super::remote::Remote;

impl follow::Options {
    /// Follows the promotion of the same release in whose place another one has ended as superseded, until it has ended,
    /// and says so first. The wait ends at the timeout, which `began` with the request, and a look that fails is made again
    /// until then. None: the record is no such one, or has ended in favour of no deployment of the same release.
    ///
    /// # Errors
    /// [`CliError`]: 4 where it has not ended in time, 130 where the user interrupts the wait.
    pub async fn follow_in_place_of(
        &self,
        record: &DeploymentRecord,
        began: Instant,
    ) -> Result<Option<DeploymentRecord>, CliError> {
        if record.status != Status::Superseded {
            return Ok(None);
        }
        let mut interrupts = Interrupts::listen()?;
        let (timeout, in_words) = self.timeout();
        let rest = timeout.saturating_sub(began.elapsed());
        let found = async {
            let remote = self.remote.remote().await?;
            loop {
                match look(&remote, record).await {
                    Ok(other) => return Ok::<_, CliError>(other.map(|other| (remote, other))),
                    Err(Unread) => tokio::time::sleep(PAUSE).await,
                }
            }
        };
        let found = tokio::select! {
            found = found => found?,
            () = tokio::time::sleep(rest) => {
                let how = format!("not followed after {in_words}: the history cannot be read");
                return Err(CliError::timed_out(format!("{how}; {}", own_end(record))));
            }
            () = interrupts.received() => return Err(CliError::interrupted(format!("interrupted; {}", own_end(record)))),
        };
        let Some((remote, other)) = found else { return Ok(None) };
        let progress = WaitProgress::begin(format!("{}: {}", other.name(), other.how()));
        progress.tell(&format!("{}; following {}\n", own_end(record), described(&other)));
        let describe = |how: &str| {
            let DeploymentRecord { environment, function, .. } = record;
            let name = other.name();
            format!(
                "{how}; {name} goes on\n  deployctl history -e {environment} -f {function}\n    shows how far it is"
            )
        };
        let rest = timeout.saturating_sub(began.elapsed());
        tokio::select! {
            ended = ended(&remote, record, &progress) => Ok(Some(ended)),
            never = progress.repeat() => match never {},
            () = tokio::time::sleep(rest) => Err(CliError::timed_out(describe(&format!("not ended after {in_words}")))),
            () = interrupts.received() => Err(CliError::interrupted(describe("interrupted"))),
        }
    }
}

/// Says how the user's own request has ended.
pub(super) fn own_end(record: &DeploymentRecord) -> String {
    format!("{} of this request has ended as superseded", record.name())
}

/// Names the deployment that is followed, and who has asked for it.
fn described(other: &DeploymentRecord) -> String {
    let release = other.release.as_ref().map_or("the same release", |release| release.as_str());
    let by = other.cause.requested_by.as_deref().map_or(String::new(), |by| format!(" for {}", one_line(by)));
    format!("{}, which brings {release}{by}", other.name())
}

/// Waits for the end of the deployment in whose place the other one has ended. A look that fails says nothing.
async fn ended(remote: &Remote, superseded: &DeploymentRecord, progress: &WaitProgress) -> DeploymentRecord {
    let mut told = None;
    loop {
        if let Ok(Some(other)) = look(remote, superseded).await {
            if other.status.is_ended() {
                return other;
            }
            progress.say(format!("{}: {}", other.name(), other.how()));
            let next_step = other.next_step();
            if told != next_step {
                next_step.iter().for_each(|next_step| progress.tell(next_step));
                told = next_step;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Looks for the promotion of the same release in whose place another one has ended. None: there is none, as the records
/// have it.
///
/// # Errors
/// [`Unread`]: the records cannot be read now.
async fn look(remote: &Remote, superseded: &DeploymentRecord) -> Result<Option<DeploymentRecord>, Unread> {
    let DeploymentRecord { id, environment, function, release, .. } = superseded;
    let records = newest_records::of(remote, environment, function).await.ok_or(Unread)?;
    let is_it =
        |one: &DeploymentRecord| one.id != *id && one.release == *release && is_in_favour_of(superseded, one.id);
    Ok(records.into_iter().find(is_it))
}

/// The records cannot be read.
struct Unread;
