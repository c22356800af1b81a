//! Follows what somebody else has asked for, in whose place the user's own request has ended: a deployment by its record,
//! a group by the status and its records.

use std::time::{Duration, Instant};

use deployer_core::group::Group;
use deployer_core::record::{DeploymentRecord, Status};

use super::another_group;
use super::answer::{CliError, one_line};
use super::follow::{self, Followed, PAUSE, Stage};
use super::in_favour_of::is_in_favour_of;
use super::interrupts::Interrupts;
use super::newest_records;
use super::progress::WaitProgress;
use super::remote::{Remote, SendError, SendOutcome};
use super::unended::Unended;

/// The time that a look takes at most after the wait is over.
const LOOK: Duration = Duration::from_secs(10);

/// What is followed, in words.
struct Words {
    /// Says how the user's own request has ended.
    own_end: String,
    /// The command that shows how far the other one is.
    how_far: String,
}

/// What is known of the other one.
struct Seen<T> {
    last: Option<T>,
    /// The reason why the last look has failed.
    failure: Option<String>,
}

impl follow::Options {
    /// Follows the promotion of the same release in whose place another one has ended as superseded, until it has ended,
    /// and says so first. The wait ends at the timeout, which `began` with the request. A look that fails is made again
    /// until then, unless it can only fail again. None: the record is no such one, or has ended in favour of no deployment
    /// of the same release.
    ///
    /// # Errors
    /// [`Unended`]: 4 where it has not ended in time, 130 where the user interrupts the wait, and the code of a look that can
    /// only fail again.
    pub async fn follow_in_place_of(
        &self,
        record: &DeploymentRecord,
        began: Instant,
    ) -> Result<Option<DeploymentRecord>, Unended<DeploymentRecord>> {
        if record.status != Status::Superseded {
            return Ok(None);
        }
        let DeploymentRecord { environment, function, .. } = record;
        let words =
            Words { own_end: own_end(record), how_far: format!("deployctl history -e {environment} -f {function}") };
        self.follow_other(&words, began, async |remote: &Remote| look(remote, record).await).await
    }

    /// Looks once at the promotion in whose place another one has ended. None: there is none, or it cannot be read.
    pub async fn seen_in_place_of(&self, record: &DeploymentRecord) -> Option<DeploymentRecord> {
        if record.status != Status::Superseded {
            return None;
        }
        let look = async { look(&self.remote.remote().await.ok()?, record).await.ok()? };
        tokio::time::timeout(LOOK, look).await.ok()?
    }

    /// Does the same for the group in whose place another one has ended.
    ///
    /// # Errors
    /// As for one promotion.
    pub async fn follow_group_in_place_of(
        &self,
        group: &Group,
        began: Instant,
    ) -> Result<Option<Group>, Unended<Group>> {
        if group.status != Status::Superseded {
            return Ok(None);
        }
        let words = Words {
            own_end: format!("{} of this request has ended as superseded", group.name()),
            how_far: format!("deployctl status -e {}", group.environment),
        };
        self.follow_other(&words, began, async |remote: &Remote| another_group::look(remote, group).await).await
    }

    async fn follow_other<T: Followed + Described>(
        &self,
        words: &Words,
        began: Instant,
        look: impl AsyncFn(&Remote) -> Result<Option<T>, SendError>,
    ) -> Result<Option<T>, Unended<T>> {
        let mut interrupts = Interrupts::listen()?;
        let (timeout, in_words) = self.timeout();
        let rest = timeout.saturating_sub(began.elapsed());
        let progress = WaitProgress::begin("looking for what waits in its place".to_owned());
        let mut seen = Seen { last: None, failure: None };
        let ended = tokio::select! {
            ended = self.other_end(&words.own_end, &progress, &mut seen, look) => match ended {
                Ok(ended) => return Ok(ended),
                Err(error) => Err(CliError { message: format!("{}\n  {}", error.message, seen.describe(words)), ..error }),
            },
            never = progress.repeat() => match never {},
            () = tokio::time::sleep(rest) => {
                let how = match (&seen.last, &seen.failure) {
                    (Some(_), _) => format!("not ended after {in_words}"),
                    (None, Some(failure)) => format!("not followed after {in_words}: {failure}"),
                    (None, None) => format!("not followed after {in_words}: the deployer has not answered"),
                };
                Err(CliError::timed_out(format!("{how}; {}", seen.describe(words))))
            }
            () = interrupts.received() => Err(CliError::interrupted(format!("interrupted; {}", seen.describe(words)))),
        };
        ended.map_err(|error| Unended { error, last: seen.last.map(Box::new) })
    }

    /// Looks until the other one has ended.
    async fn other_end<T: Followed + Described>(
        &self,
        own_end: &str,
        progress: &WaitProgress,
        seen: &mut Seen<T>,
        look: impl AsyncFn(&Remote) -> Result<Option<T>, SendError>,
    ) -> Result<Option<T>, CliError> {
        let remote = self.remote.remote().await?;
        let mut told = None;
        loop {
            match look(&remote).await {
                Ok(Some(other)) => {
                    if seen.last.is_none() {
                        progress.tell(&format!("{own_end}; following {}\n", other.described()));
                    }
                    if other.stage() == Stage::Ended {
                        return Ok(Some(other));
                    }
                    progress.say(format!("{}: {}", other.name(), other.how()));
                    let next_step = other.next_step();
                    if told != next_step {
                        next_step.iter().for_each(|next_step| progress.tell(next_step));
                        told = next_step;
                    }
                    (seen.last, seen.failure) = (Some(other), None);
                }
                Ok(None) if seen.last.is_none() => return Ok(None),
                // What was seen before is only not there at this moment.
                Ok(None) => {}
                Err(SendError { outcome: SendOutcome::Refused, error }) => return Err(error),
                Err(SendError { outcome, error }) => {
                    let because = outcome.because(&error);
                    progress.say(format!("{because}; looking again"));
                    seen.failure = Some(because);
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl<T: Followed> Seen<T> {
    /// Says how far it is, and how to learn more.
    fn describe(&self, words: &Words) -> String {
        match &self.last {
            Some(other) => {
                format!("{} goes on\n  {}\n    shows how far it is", other.name(), words.how_far)
            }
            None => words.own_end.clone(),
        }
    }
}

/// Says how the user's own request has ended.
pub(super) fn own_end(record: &DeploymentRecord) -> String {
    format!("{} of this request has ended as superseded", record.name())
}

/// Something that somebody else has asked for.
trait Described {
    /// Names it, and who has asked for it.
    fn described(&self) -> String;
}

impl Described for DeploymentRecord {
    fn described(&self) -> String {
        let release = self.release.as_ref().map_or("the same release", |release| release.as_str());
        format!("{}, which brings {release}{}", self.name(), for_whom(self.cause.requested_by.as_deref()))
    }
}

impl Described for Group {
    fn described(&self) -> String {
        format!("{}, which brings the same{}", self.name(), for_whom(self.cause.requested_by.as_deref()))
    }
}

fn for_whom(who: Option<&str>) -> String {
    who.map_or(String::new(), |who| format!(" for {}", one_line(who)))
}

/// Looks for the promotion of the same release in whose place another one has ended. None: there is none, as the records
/// have it.
async fn look(remote: &Remote, superseded: &DeploymentRecord) -> Result<Option<DeploymentRecord>, SendError> {
    let DeploymentRecord { id, environment, function, release, .. } = superseded;
    let records = newest_records::by_one_try(remote, environment, function).await?;
    let is_it =
        |one: &DeploymentRecord| one.id != *id && one.release == *release && is_in_favour_of(superseded, one.id);
    Ok(records.into_iter().find(is_it))
}
