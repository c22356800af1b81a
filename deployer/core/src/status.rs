//! What `status` tells: per function and environment what is live, open, held and rejected. It comes from the head alone.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Target;
use crate::group::GroupStatus;
use crate::head::{Head, Waiting};
use crate::id::{DeploymentId, EnvironmentName, FunctionName, Release, Sha256, Version};
use crate::promotion::{Approved, Wait};
use crate::rejects::Rejects;

/// Functions by environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReport {
    /// By function, then by environment.
    pub functions: Vec<FunctionStatus>,
    /// The promotions of several functions together that are open, those that wait too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupStatus>,
    /// What could not be read, and why: nothing is told of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
}

/// One function in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionStatus {
    /// The environment.
    pub environment: EnvironmentName,
    /// The function.
    pub function: FunctionName,
    /// What is live on every target.
    pub live: Option<LiveStatus>,
    /// What each target serves.
    pub targets: Vec<TargetStatus>,
    /// The deployment that is being worked on.
    pub active: Option<DeploymentId>,
    /// The deployment that is next.
    pub pending: Option<DeploymentId>,
    /// Why nothing new is taken.
    pub hold: Option<Hold>,
    /// Whether what is live was rejected.
    pub rejected: bool,
    /// The rejected releases of the function, where it is asked for by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejects: Vec<Reject>,
    /// What the environments that this one is promoted from have live and this one has not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<Behind>,
    /// The promotions that wait, and for what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<WaitingStatus>,
}

/// A promotion that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingStatus {
    /// The promotion.
    pub deployment: DeploymentId,
    /// The environment that it comes from.
    pub from: EnvironmentName,
    /// What it brings.
    pub release: Option<Release>,
    /// Who asked for it; null where a success did.
    pub requested_by: Option<String>,
    /// Since when it waits.
    pub since: Timestamp,
    /// Who has approved it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approved>,
    /// What it waits for.
    #[serde(flatten)]
    pub wait: Wait,
    /// The same in one sentence.
    pub because: String,
}

/// What is live on every target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveStatus {
    /// The release.
    pub release: Release,
    /// The deployment that brought it.
    pub deployment: DeploymentId,
    /// Since when.
    pub since: Timestamp,
    /// Its code.
    pub sha256: Option<Sha256>,
    /// Who asked for it, or uploaded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What one target serves, as far as the ledger knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetStatus {
    /// The target.
    #[serde(flatten)]
    pub target: Target,
    /// The version that the alias serves.
    pub version: Option<Version>,
    /// Its release; null where it was there before the deployer.
    pub release: Option<Release>,
}

/// Nothing new is taken until it is released; rolling back is still possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// Why, in the words of whoever holds.
    pub reason: String,
    /// Who.
    pub requested_by: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// A release of a function that nothing deploys any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reject {
    /// Its label.
    pub release: Release,
    /// Its code, in whatever environment and under whatever label it comes again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sha256: Vec<Sha256>,
    /// Why, in the words of whoever rejected it.
    pub reason: String,
    /// Who.
    pub requested_by: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// What an environment lags behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Behind {
    /// The environment that is ahead.
    pub environment: EnvironmentName,
    /// What it has live.
    pub release: Release,
    /// Since when.
    pub since: Timestamp,
    /// Its code.
    pub sha256: Option<Sha256>,
    /// By how many releases, of those that it still remembers.
    pub releases: usize,
    /// Since when it is ahead.
    pub ahead_since: Timestamp,
}

/// What an environment has live that others are promoted from: the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    environment: EnvironmentName,
    lives: Vec<(Release, Timestamp, Option<Sha256>)>,
}

impl Ahead {
    /// Of a head.
    #[must_use]
    pub fn of(environment: &EnvironmentName, head: &Head) -> Self {
        let lives = head.history().iter().map(|live| (live.release.clone(), live.since, live.sha256)).collect();
        Self { environment: environment.clone(), lives }
    }

    /// By how much it is ahead of what is live elsewhere.
    fn of_what(&self, live: Option<&LiveStatus>) -> Option<Behind> {
        let is_there = |sha256: &Option<Sha256>| live.is_some_and(|live| live.sha256 == *sha256);
        let ahead: Vec<_> = self.lives.iter().take_while(|(_, _, sha256)| !is_there(sha256)).collect();
        let ((release, since, sha256), (_, ahead_since, _)) = (ahead.first()?, ahead.last()?);
        Some(Behind {
            environment: self.environment.clone(),
            release: release.clone(),
            since: *since,
            sha256: *sha256,
            releases: ahead.len(),
            ahead_since: *ahead_since,
        })
    }
}

impl FunctionStatus {
    /// What a head tells, and what is rejected of the function.
    #[must_use]
    pub fn of(environment: &EnvironmentName, function: &FunctionName, head: &Head, rejects: &Rejects) -> Self {
        let live = head.live().map(|live| LiveStatus {
            release: live.release.clone(),
            deployment: live.deployment,
            since: live.since,
            sha256: live.sha256,
            by: live.by.clone(),
        });
        let targets = head.targets().iter().map(|seen| TargetStatus {
            target: seen.target.clone(),
            version: seen.version.clone(),
            release: seen.release.clone(),
        });
        Self {
            environment: environment.clone(),
            function: function.clone(),
            rejected: live.as_ref().is_some_and(|live| rejects.find(&live.release, live.sha256).is_some()),
            live,
            targets: targets.collect(),
            active: head.active().map(|active| active.request.id),
            pending: head.pending().map(|pending| pending.id),
            hold: head.hold().cloned(),
            rejects: rejects.all().cloned().collect(),
            behind: vec![],
            waiting: head.waiting().iter().filter_map(waiting).collect(),
        }
    }

    /// Whether there is anything to tell: a head may be there only because something was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_none()
            && self.targets.is_empty()
            && self.active.is_none()
            && self.pending.is_none()
            && self.hold.is_none()
            && self.waiting.is_empty()
    }

    /// The same beside what is live in the environments that this one is promoted from.
    #[must_use]
    pub fn beside<'a>(self, ahead: impl Iterator<Item = &'a Ahead>) -> Self {
        let behind = ahead.filter_map(|ahead| ahead.of_what(self.live.as_ref())).collect();
        Self { behind, ..self }
    }
}

fn waiting(waiting: &Waiting) -> Option<WaitingStatus> {
    let Waiting { request, wait, .. } = waiting;
    let promoting = request.promoting()?;
    Some(WaitingStatus {
        deployment: request.id,
        from: promoting.from.clone(),
        release: promoting.release().cloned(),
        requested_by: request.cause.requested_by.clone(),
        since: request.accepted_at,
        approvals: promoting.approvals.clone(),
        wait: wait.clone(),
        because: wait.to_string(),
    })
}
