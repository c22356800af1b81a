//! A request to deploy.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::newest::{Mark, Sequencer};
use super::resolved_artifact::ResolvedArtifact;
use super::source::{Rollback, Source};
use crate::artifact::{ArtifactRef, LocatedUpload};
use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release, RequestHash, Token};
use crate::promotion::PromotionSpec;
use crate::record::{Cause, CauseKind, DeploymentRecord, EndedWaiting};

/// The time from the start of a second to its last millisecond.
const LAST_OF_A_SECOND: SignedDuration = SignedDuration::from_millis(999);

/// The word by which deploys, redeploys and rollbacks are hashed. Heads know them by these hashes: the words stay.
pub(super) const COMMAND: &str = "command";
/// The word by which promotions that somebody asks for are hashed.
pub(crate) const PROMOTION: &str = "promotion";
/// The word by which the rollbacks of recalls and of groups are hashed.
pub(super) const UNDO: &str = "undo";

/// Returns the hash by which a request with an id is known.
pub(crate) fn request_hash(
    known_as: &str,
    id: &str,
    (environment, function): (&EnvironmentName, &FunctionName),
) -> RequestHash {
    RequestHash::of(&[known_as, id, environment.as_str(), function.as_str()])
}

/// A request to deploy: enough to go on with it when the message is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The deployment.
    pub id: DeploymentId,
    /// The hash by which the request is known, however often and by whichever event it comes.
    pub hash: RequestHash,
    /// The source: it says what shall become live.
    #[serde(rename = "subject")]
    pub source: Source,
    /// The cause: the kind of event, and who asked for it.
    pub cause: Cause,
    /// The event's time; of a command, the time at which it was decided ([`Request::timed`]).
    pub time: Timestamp,
    /// The time at which the deployer accepted it.
    pub accepted_at: Timestamp,
    /// The marker under `open/` that lets the sweep find this work until it is done.
    pub marker: Token,
    /// The promotions that waited or were next, and whose place it has taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended_waiting: Vec<EndedWaiting>,
}

impl Request {
    /// Makes a request that has taken nothing's place yet.
    fn new(
        (id, hash): (DeploymentId, RequestHash),
        source: Source,
        cause: Cause,
        time: Timestamp,
        (accepted_at, marker): (Timestamp, Token),
    ) -> Self {
        Self { id, hash, source, cause, time, accepted_at, marker, ended_waiting: vec![] }
    }

    /// Makes the request of an upload.
    #[must_use]
    pub fn of(upload: &LocatedUpload, accepted_at: Timestamp, marker: Token) -> Self {
        let source = Source::Artifact {
            release: upload.key.release.clone(),
            artifact: upload.artifact.clone(),
            sequencer: upload.sequencer.clone(),
        };
        let cause = Cause::new(CauseKind::Upload, None, upload.event_id.clone().map(Into::into));
        let known_as = (upload.deployment_id(), upload.identity());
        Self::new(known_as, source, cause, upload.time, (accepted_at, marker))
    }

    /// Makes the request of a command. It is known by the command's id.
    #[must_use]
    pub fn by_command(
        (environment, function): (&EnvironmentName, &FunctionName),
        source: Source,
        cause: Cause,
        (now, marker): (Timestamp, Token),
    ) -> Self {
        let id = cause.event_id.as_deref().unwrap_or_default();
        let hash = request_hash(COMMAND, id, (environment, function));
        Self::new((DeploymentId::of(now, hash), hash), source, cause, now, (now, marker))
    }

    /// Makes the request of a promotion that somebody asks for, by an event or by hand. It is known by the event's id
    /// and the function and environment that it goes to. Its time is the event's.
    #[must_use]
    pub fn promotion(
        (environment, function): (&EnvironmentName, &FunctionName),
        promoting: PromotionSpec,
        cause: Cause,
        time: Timestamp,
        (now, marker): (Timestamp, Token),
    ) -> Self {
        let id = cause.event_id.as_deref().unwrap_or_default();
        let hash = request_hash(PROMOTION, id, (environment, function));
        let source = Source::Promoted(Box::new(promoting));
        Self::new((DeploymentId::of(time, hash), hash), source, cause, time, (now, marker))
    }

    /// Makes the request of a promotion that an artifact calls for by itself when it becomes complete in another
    /// environment. It is known by the deployment that brought the artifact there, whatever completed it.
    #[must_use]
    pub fn automatic_promotion(
        completing: &DeploymentRecord,
        brought_by: DeploymentId,
        to: &EnvironmentName,
        artifact: ResolvedArtifact,
        (now, marker): (Timestamp, Token),
    ) -> Self {
        let time = completing.finished_at.unwrap_or(now);
        let hash = RequestHash::of(&["automatic-promotion", &brought_by.to_string(), to.as_str()]);
        let promoting = PromotionSpec {
            from: completing.environment.clone(),
            named: None,
            artifact: Some(artifact),
            not_after: None,
            approvals: vec![],
            unseen_since: None,
            freeze_override: None,
            group: None,
            place_token: None,
        };
        let cause = Cause::new(CauseKind::AutomaticPromotion, None, Some(brought_by.to_string().into()));
        let source = Source::Promoted(Box::new(promoting));
        Self::new((DeploymentId::of(time, hash), hash), source, cause, time, (now, marker))
    }

    /// Makes the request that takes an artifact back where it is live.
    #[must_use]
    pub fn undo(
        (environment, function): (&EnvironmentName, &FunctionName),
        (release, artifact, of): (Release, Option<ArtifactRef>, Option<DeploymentId>),
        cause: Cause,
        time: Timestamp,
        (now, marker): (Timestamp, Token),
    ) -> Self {
        let id = cause.event_id.as_deref().unwrap_or_default();
        let hash = request_hash(UNDO, id, (environment, function));
        let source = Source::Undo { release, artifact, of };
        Self::new((DeploymentId::of(time, hash), hash), source, cause, time, (now, marker))
    }

    /// Gives the request its time when it is decided on a head. The time of a command is our clock's, within the second
    /// that the reply named with which the head was read; a promotion's is at most that; an upload's is the event's. So
    /// a clock that is wrong puts no other request behind.
    #[must_use]
    pub fn timed(&self, now: Timestamp, date: Option<Timestamp>) -> Self {
        let within = |second: Timestamp| now.clamp(second, second.saturating_add(LAST_OF_A_SECOND).unwrap_or(second));
        let now = date.map_or(now, within);
        let time = match self.cause.kind {
            CauseKind::Upload => self.time,
            CauseKind::Deploy | CauseKind::Redeploy | CauseKind::Rollback => now,
            CauseKind::Promotion | CauseKind::AutomaticPromotion => self.time.min(now),
            CauseKind::Unknown => self.time,
        };
        Self { time, ..self.clone() }
    }

    /// The promotion that it asks for; none where it is none.
    #[must_use]
    pub fn promotion_spec(&self) -> Option<&PromotionSpec> {
        match &self.source {
            Source::Promoted(promoting) => Some(promoting),
            _ => None,
        }
    }

    /// Its place in the order of uploads; none where it is no upload.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        match (&self.source, self.cause.kind) {
            (Source::Artifact { artifact, sequencer, .. }, CauseKind::Upload) => Some(Mark {
                time: self.time,
                sequencer: sequencer.clone().map(Sequencer::from),
                key: artifact.key.clone(),
                version_id: artifact.version_id.clone(),
            }),
            _ => None,
        }
    }

    /// Whether this deployer knows its source and its cause.
    #[must_use]
    pub fn is_understood(&self) -> bool {
        self.source != Source::Unknown && self.cause.kind != CauseKind::Unknown
    }

    /// Whether it is an upload.
    #[must_use]
    pub fn is_upload(&self) -> bool {
        self.cause.kind == CauseKind::Upload
    }

    /// Whether it may bring an artifact that was never live here.
    #[must_use]
    pub fn is_new_here(&self) -> bool {
        matches!(self.cause.kind, CauseKind::Upload | CauseKind::Deploy)
    }

    /// Whether it brings every target to what is live.
    #[must_use]
    pub fn is_redeploy(&self) -> bool {
        self.cause.kind == CauseKind::Redeploy
    }

    /// Whether it goes back to an artifact that was live.
    #[must_use]
    pub fn is_rollback(&self) -> bool {
        self.cause.kind == CauseKind::Rollback
    }

    /// Whether it takes one artifact back, and leaves everything else as it comes.
    #[must_use]
    pub fn is_undo(&self) -> bool {
        matches!(self.source, Source::Undo { .. })
    }

    /// The rollback that somebody asks for by hand; taking one artifact back is none.
    #[must_use]
    pub fn rollback(&self) -> Option<&Rollback> {
        match &self.source {
            Source::Earlier(rollback) => Some(rollback),
            _ => None,
        }
    }

    /// The deployment that it undoes, if it is a rollback that met one.
    #[must_use]
    pub fn undoes(&self) -> Option<DeploymentId> {
        self.rollback()?.undoes
    }

    /// Replaces the rollback that it asks for.
    pub(super) fn with_rollback(&self, rollback: Rollback) -> Self {
        Self { source: Source::Earlier(rollback), ..self.clone() }
    }

    /// Whether it asks an active deployment to stop. An undo of one artifact need not: the active deployment may
    /// replace that.
    #[must_use]
    pub fn asks_to_stop(&self) -> bool {
        self.rollback().is_some()
    }

    /// Whether it takes the place of an older request that nothing was done for.
    ///
    /// - A redeploy takes nothing's place, and gives way to anything but another redeploy, which joins it
    ///   ([`super::accept()`]).
    /// - An undo takes the place of an undo of the same release, and of a redeploy.
    /// - A rollback gives way to a rollback that names a release, and to a deploy.
    /// - A deploy gives way to a deploy and to any rollback.
    /// - An upload or a promotion gives way to anything but a redeploy and an undo.
    pub(super) fn displaces(&self, older: &Self) -> bool {
        // A newer request waits behind a member of a group.
        if older.group().is_some() && !self.is_rollback() {
            return false;
        }
        let kind = |request: &Self| request.cause.kind;
        if self.is_redeploy() {
            return false;
        }
        if let Source::Undo { release, .. } = &self.source {
            let is_same = matches!(&older.source, Source::Undo { release: other, .. } if other == release);
            return is_same || kind(older) == CauseKind::Redeploy;
        }
        let is_deploy = kind(self) == CauseKind::Deploy;
        match kind(older) {
            CauseKind::Redeploy => true,
            CauseKind::Rollback => is_deploy || self.rollback().is_some_and(|rollback| !rollback.is_bare()),
            CauseKind::Deploy => is_deploy || self.rollback().is_some(),
            CauseKind::Upload | CauseKind::Promotion | CauseKind::AutomaticPromotion => true,
            CauseKind::Unknown => false,
        }
    }

    /// Returns the artifact, where the request itself names it.
    #[must_use]
    pub fn artifact(&self) -> Option<ResolvedArtifact> {
        match &self.source {
            Source::Artifact { release, artifact, .. } => Some(ResolvedArtifact::of(release.clone(), artifact.clone())),
            _ => None,
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, self.is_upload()) {
            (Source::Artifact { release, .. }, true) => write!(f, "release {release}, uploaded later,"),
            (Source::Artifact { release, .. } | Source::Newest { release }, _) => {
                write!(f, "a command to deploy release {release}, given later,")
            }
            (Source::Promoted(promoting), _) => match promoting.release() {
                Some(release) => write!(f, "a promotion of release {release}, asked for later,"),
                None => f.write_str("a promotion, asked for later,"),
            },
            (Source::Live { .. }, _) => f.write_str("a redeploy, asked for later,"),
            (Source::Unknown, _) => f.write_str("something, asked for later,"),
            (Source::Earlier(_) | Source::Undo { .. }, _) => f.write_str("a rollback, asked for later,"),
        }
    }
}
