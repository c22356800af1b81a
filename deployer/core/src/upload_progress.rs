//! The object `results/<environment>/<function>/progress.json`: the uploads of a function that have not ended, and why.
//!
//! The sweep writes it each minute while an upload is open for longer than half a minute, and nobody deletes it.
//! `deployctl push --wait` reads it, under the right by which it reads results. It counts for a few minutes only: what
//! has ended since has a result.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::format::LedgerObject;
use crate::function_ref::FunctionRef;
use crate::head::{Head, Request, Source};
use crate::id::{DeploymentId, Release};
use crate::record::{SCHEMA, Status};
use crate::text::PlainText;

/// The age from which an open upload is written.
const WRITTEN_AFTER: Duration = Duration::from_secs(30);
/// The age from which the object says nothing any more: the sweep has missed it, or found nothing open.
const OLD_AFTER: Duration = Duration::from_secs(3 * 60);

/// The uploads of a function that have not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadProgress {
    /// The ledger's schema.
    pub schema: u32,
    /// The time at which a sweep has written it.
    pub at: Timestamp,
    /// The deployments of the uploads: the one that is under way, and those that are next in their order.
    pub deployments: Vec<OpenUpload>,
}

/// An upload whose deployment has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenUpload {
    /// The deployment's id.
    pub id: DeploymentId,
    /// The release.
    pub release: Release,
    /// The S3 version id of the uploaded object.
    pub version_id: String,
    /// The status: `in_progress` or `pending`.
    pub status: Status,
    /// The reason why it has not ended, as far as the head has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<PlainText>,
}

impl LedgerObject for UploadProgress {}

impl UploadProgress {
    /// Makes the object from a head; none where no upload is open for longer than half a minute.
    #[must_use]
    pub fn of(at: &FunctionRef<'_>, head: &Head, now: Timestamp) -> Option<Self> {
        let active = head.active().map(|active| {
            let because = at.active_because(active);
            (&active.request, Status::InProgress, because)
        });
        let next = head.all_pending().iter().map(|request| (request, Status::Pending, why_next(at, head, request)));
        let open = active.into_iter().chain(next);
        let deployments: Vec<OpenUpload> = open
            .filter(|(request, ..)| is_older(request.accepted_at, WRITTEN_AFTER, now))
            .filter_map(|(request, status, because)| {
                let Source::Artifact { release, artifact, .. } = &request.source else { return None };
                let (release, version_id) = (release.clone(), artifact.version_id.clone());
                request.is_upload().then_some(OpenUpload { id: request.id, release, version_id, status, because })
            })
            .collect();
        (!deployments.is_empty()).then_some(Self { schema: SCHEMA, at: now, deployments })
    }

    /// Returns where a sweep at this time begins, among so many functions. The beginnings of the sweeps that follow one
    /// another lie apart by the golden ratio, so that the functions which each of them reaches cover all of them soon,
    /// however few it reaches.
    #[must_use]
    pub fn first_of(functions: usize, now: Timestamp) -> usize {
        const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;
        let minute = now.as_second().div_euclid(60).unsigned_abs();
        let part = u128::from(minute.wrapping_mul(GOLDEN_RATIO));
        let functions = u128::try_from(functions).unwrap_or_default();
        usize::try_from((part * functions) >> 64).unwrap_or_default()
    }

    /// Finds an upload by its S3 version id; none where the object is too old to say anything. Clocks differ: one of the
    /// future is not old.
    #[must_use]
    pub fn upload(&self, version_id: &str, now: Timestamp) -> Option<&OpenUpload> {
        let is_old = is_older(self.at, OLD_AFTER, now);
        self.deployments.iter().find(|open| open.version_id == version_id).filter(|_| !is_old)
    }
}

/// Returns the reason why a request that is next has not begun: the deployment before it, and why that does not get on.
fn why_next(at: &FunctionRef<'_>, head: &Head, request: &Request) -> Option<PlainText> {
    if let Some(active) = head.active() {
        let waits = at.pending(request, active.request.id).because?;
        return Some(match at.active_because(active) {
            Some(because) => format!("{waits}; that one has not ended: {because}").into(),
            None => waits,
        });
    }
    let member = head.queue().member_before(request)?;
    at.pending(request, member.id).because
}

fn is_older(time: Timestamp, age: Duration, now: Timestamp) -> bool {
    time.checked_add(age).is_ok_and(|until| until < now)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::format;

    const PROGRESS: &str = r#"{"schema": 1, "format": 1, "at": "2026-11-30T12:00:00Z", "deployments": [
        {"id": "01M8A5K79RQBSV76AT3ARZPEW6", "release": "1.4.2", "version_id": "v2", "status": "in_progress",
         "because": "tries again"}]}"#;

    #[test]
    fn sweeps_that_follow_one_another_reach_every_function_soon() {
        for (functions, reached, sweeps) in [(1, 1, 1), (60, 16, 10), (1_000, 100, 30), (5_000, 100, 150)] {
            let mut is_reached = vec![false; functions];
            for sweep in 0..sweeps {
                let now = Timestamp::from_second(1_800_000_000 + 60 * sweep).unwrap();
                let first = UploadProgress::first_of(functions, now);
                (0..reached).for_each(|next| is_reached[(first + next) % functions] = true);
            }
            assert!(is_reached.iter().all(|reached| *reached), "{reached} of {functions} in {sweeps} sweeps");
        }
        assert_eq!(UploadProgress::first_of(0, Timestamp::UNIX_EPOCH), 0);
    }

    #[test]
    fn upload_is_found_by_its_version_id_for_three_minutes() {
        let progress: UploadProgress = format::read(PROGRESS.as_bytes()).unwrap();
        let found = |version: &str, now: &str| {
            let upload = progress.upload(version, now.parse().unwrap());
            upload.and_then(|upload| upload.because.as_deref())
        };
        assert_eq!(found("v2", "2026-11-30T12:03:00Z"), Some("tries again"));
        assert_eq!(found("v2", "2026-11-30T11:00:00Z"), Some("tries again"), "the clocks differ");
        assert_eq!(found("v2", "2026-11-30T12:03:01Z"), None);
        assert_eq!(found("v1", "2026-11-30T12:00:01Z"), None);
        let body = format::write(&progress, &progress.as_read()).unwrap();
        assert_eq!(format::read::<UploadProgress>(&body).unwrap(), progress);
    }
}
