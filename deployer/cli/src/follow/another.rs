//! Follows what somebody else has asked for, in whose place the user's own request has ended: a deployment by its record,
//! a group by its id.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use deployer_core::group::Group;
use deployer_core::record::{DeploymentRecord, Status};
use deployer_core::status::StatusReport;
use deployer_core::trigger::Command;
use futures::stream::{self, StreamExt as _};
use tokio::sync::Notify;

use super::in_favour_of::{group_repeats_another, is_in_favour_of};
use super::interrupts::Interrupts;
use super::run_out::run_out;
use super::unended::Unended;
use crate::answer::{CliError, one_line};
use crate::follow::{self, Followed, PAUSE, Stage};
use crate::remote::newest_records;
use crate::remote::{self, Remote, SendError, SendOutcome};
use crate::text::progress::WaitProgress;

/// The time that looks take at most after the wait is over.
const LOOK: Duration = Duration::from_secs(10);
/// The number of looks that are made at once then.
const LOOKS_AT_ONCE: usize = 16;

/// The words for the thing that is followed.
struct Words {
    /// Says how the user's own request has ended.
    own_end: String,
    /// The command that shows how far the other one is.
    how_far: String,
}

/// The knowledge of the other one.
struct Seen<T> {
    last: Option<T>,
    /// The reason why the last look has failed.
    failure: Option<String>,
}

/// The news that the looks have for the wait.
struct Told<'a> {
    progress: &'a WaitProgress,
    /// Told of each look that is made.
    looked: &'a Notify,
    /// The planned seconds of the rollout.
    planned: &'a AtomicU64,
}

impl follow::Options {
    /// Follows the promotion of the same release in whose place another one has ended as superseded, until it has ended,
    /// and says so first. The wait ends at the timeout, which `began` with the request and to which the planned time of a
    /// rollout is added, but not before the first look. A look that fails is made again until then, unless it can only fail
    /// again. None: the record is no such one, or has ended in favour of no deployment of the same release.
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
        let words = Words {
            own_end: own_end(&record.name()),
            how_far: format!("deployctl history -e {environment} -f {function}"),
        };
        self.follow_other(&words, began, async |remote: &Remote| look(remote, record).await).await
    }

    /// Looks once at each promotion in whose place one of these has ended, and puts it there. One that cannot be read in
    /// time is left out.
    ///
    /// # Errors
    /// 130 where the user interrupts the looks.
    pub async fn look_in_place_of(&self, records: &mut [DeploymentRecord]) -> Result<(), CliError> {
        let mut interrupts = Interrupts::listen()?;
        let ended: Vec<(usize, DeploymentRecord)> =
            records.iter().cloned().enumerate().filter(|(_, record)| record.status == Status::Superseded).collect();
        let looks = async {
            let Ok(remote) = self.remote.remote().await else { return };
            let looks = ended.iter().map(|(at, record)| {
                let remote = &remote;
                async move { (*at, look(remote, record).await.ok().flatten()) }
            });
            let mut looks = stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE);
            while let Some((at, other)) = looks.next().await {
                if let (Some(record), Some(other)) = (records.get_mut(at), other) {
                    *record = other;
                }
            }
        };
        tokio::select! {
            _all_or_not = tokio::time::timeout(LOOK, looks) => Ok(()),
            () = interrupts.received() => Err(CliError::interrupted("interrupted")),
        }
    }

    /// Follows the group that brings the same, in whose place another one has ended, as a promotion. None: the group is no
    /// such one, as also where a newer one with other releases has replaced it.
    ///
    /// # Errors
    /// As for one promotion.
    pub async fn follow_group_in_place_of(
        &self,
        group: &Group,
        began: Instant,
    ) -> Result<Option<Group>, Unended<Group>> {
        if !group_repeats_another(group) {
            return Ok(None);
        }
        let words =
            Words { own_end: own_end(&group.name()), how_far: format!("deployctl status -e {}", group.environment) };
        self.follow_other(&words, began, async |remote: &Remote| look_at_group(remote, group).await).await
    }

    async fn follow_other<T: Followed + Described>(
        &self,
        words: &Words,
        began: Instant,
        look: impl AsyncFn(&Remote) -> Result<Option<T>, SendError>,
    ) -> Result<Option<T>, Unended<T>> {
        let mut interrupts = Interrupts::listen()?;
        let (timeout, in_words) = self.timeout();
        let (looked, planned) = (Notify::new(), AtomicU64::new(0));
        let out = async {
            let _looked_or_not = tokio::time::timeout(LOOK, looked.notified()).await;
            run_out((timeout.saturating_sub(began.elapsed()), in_words), &planned).await
        };
        let progress = WaitProgress::begin("looking for what waits in its place".to_owned());
        let mut seen = Seen { last: None, failure: None };
        let told = Told { progress: &progress, looked: &looked, planned: &planned };
        let ended = tokio::select! {
            ended = self.other_end(&words.own_end, told, &mut seen, look) => match ended {
                Ok(ended) => return Ok(ended),
                Err(error) => Err(CliError { message: format!("{}\n  {}", error.message, seen.describe(words)), ..error }),
            },
            never = progress.repeat() => match never {},
            waited = out => {
                let how = match (&seen.last, &seen.failure) {
                    (Some(_), _) => format!("not ended after {waited}"),
                    (None, Some(failure)) => format!("not followed after {waited}: {failure}"),
                    (None, None) => format!("not followed after {waited}: the deployer has not answered"),
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
        Told { progress, looked, planned }: Told<'_>,
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
                    planned.fetch_max(other.planned().as_secs(), Ordering::Relaxed);
                    progress.say(format!("{}: {}", other.name(), other.how()));
                    let next_step = other.next_step();
                    if told != next_step {
                        next_step.iter().for_each(|next_step| progress.tell(next_step));
                        told = next_step;
                    }
                    (seen.last, seen.failure) = (Some(other), None);
                }
                Ok(None) if seen.last.is_none() => return Ok(None),
                // A thing that was seen before is only not there at this moment.
                Ok(None) => {}
                Err(SendError { outcome: SendOutcome::Refused, error }) => return Err(error),
                Err(SendError { outcome, error }) => {
                    let because = outcome.because(&error);
                    progress.say(format!("{because}; looking again"));
                    seen.failure = Some(because);
                }
            }
            looked.notify_one();
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

/// Says how the user's own request has ended, which has this name.
pub(crate) fn own_end(name: &str) -> String {
    format!("{name} of this request has ended as superseded")
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

/// Reads the group in whose place another one has ended. None: an older deployer names it in the reason only.
async fn look_at_group(remote: &Remote, superseded: &Group) -> Result<Option<Group>, SendError> {
    let Group { environment, in_favour_of: group @ Some(_), .. } = superseded else { return Ok(None) };
    let (environment, group) = (Some(environment.clone()), *group);
    let status = Command::Status { environment, function: None, look: false, group };
    let report: StatusReport = remote.try_send(&remote::request(status)).await?;
    Ok(report.group.map(|group| *group))
}
