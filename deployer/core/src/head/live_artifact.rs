//! An artifact that is live or was. The artifact of the deployment that was the last to reach a target is live, from
//! that deployment's end on and however it ended. The history is the sequence of what was live.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::left_by::LeftBy;
use crate::artifact::{ArtifactRef, UPLOADED_BY};
use crate::config::Target;
use crate::id::{AliasName, DeploymentId, FunctionName, Release, Sha256, Version};
use crate::record::{CauseKind, DeploymentRecord, TargetOutcome};
use crate::text::{Person, counted};

/// An artifact that was live, on every target or on some.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveArtifact {
    /// The release.
    pub release: Release,
    /// The deployment that brought it.
    pub deployment: DeploymentId,
    /// The object version.
    pub artifact: ArtifactRef,
    /// The sha256 of its code.
    pub sha256: Option<Sha256>,
    /// Its size in bytes.
    #[serde(default)]
    pub size: Option<u64>,
    /// The person who asked for it, or uploaded it.
    #[serde(default)]
    pub by: Option<Person>,
    /// The time since which it is live.
    pub since: Timestamp,
    /// The version on each target that serves it, by `account/region`.
    pub versions: BTreeMap<String, Version>,
    /// The versions by which targets served it earlier that do not serve it now: a rollback to it may use them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub former: BTreeMap<String, Version>,
    /// Whether every target that the environment had at the end of its deployment serves it.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub complete: bool,
    /// The targets that the environment had at that time and that do not serve it, by `account/region`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub missing: BTreeSet<String>,
    /// The kind of deployment that brought it; heads of older deployers do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseKind>,
    /// The function's name in the targets, to which the versions belong; heads of older deployers do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_name: Option<FunctionName>,
    /// The alias that serves it in the targets; heads of older deployers do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<AliasName>,
    /// The rollback that brought it to targets anew while it was live: the rollback undid a deployment that was to take
    /// its place, or brought it to the targets that lacked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_by: Option<DeploymentId>,
    /// The rollback by which it was left; absent while it is live or may be gone back to, and where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_by: Option<LeftBy>,
    /// Whether it had traffic here, or may have had, and was taken back before it was live.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken_back: bool,
    /// The deployment by which the code got its present release, if the same code was live under another one before.
    /// A deployer that does not know the field keeps it with the entry, and drops it when it renames the code once more,
    /// because the entry has another object version then. It counts only for the release that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) renamed: Option<Renamed>,
}

/// A deployment that brought live code under its present release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Renamed {
    /// The release.
    pub release: Release,
    /// The deployment.
    pub deployment: DeploymentId,
    /// The time since which the code is live as this release.
    pub since: Timestamp,
    /// The person who asked for it, or uploaded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Person>,
    /// The release as which the code became live; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Release>,
}

/// An artifact that an upload, a deploy or a promotion brought has become complete for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// The deployment that brought it: the identity of the promotions that it calls for.
    pub deployment: DeploymentId,
    /// The time since which it is live: soaks count from there.
    pub since: Timestamp,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
fn is_true(value: &bool) -> bool {
    *value
}

impl LiveArtifact {
    /// Whether it is this artifact: the same object version, or the same bytes under another label or version id.
    #[must_use]
    pub fn is_same_as(&self, artifact: &ArtifactRef, sha256: Option<Sha256>) -> bool {
        self.artifact == *artifact || (sha256.is_some() && self.sha256 == sha256)
    }

    /// The id by which people know that it is live: that of the last deployment, other than a redeploy, that brought it
    /// to targets.
    #[must_use]
    pub fn id(&self) -> DeploymentId {
        self.restored_by.unwrap_or(self.deployment)
    }

    /// The deployment by which the code got its present release; none if it was live under no other before.
    #[must_use]
    pub fn renamed(&self) -> Option<&Renamed> {
        self.renamed.as_ref().filter(|renamed| renamed.release == self.release)
    }

    /// Returns the deployment by which the code got its present release.
    #[must_use]
    pub fn named_by(&self) -> DeploymentId {
        self.renamed().map_or(self.deployment, |renamed| renamed.deployment)
    }

    /// Returns how the code got its present release. Whoever shows since when a release is live shows this.
    #[must_use]
    pub fn naming(&self) -> Renamed {
        let by_its_deployment = || Renamed {
            release: self.release.clone(),
            deployment: self.deployment,
            since: self.since,
            by: self.by.clone(),
            first: None,
        };
        self.renamed().cloned().unwrap_or_else(by_its_deployment)
    }

    /// Whether every target serves it that the environment had when its deployment ended and still has.
    #[must_use]
    pub fn is_complete_in(&self, targets: &[Target]) -> bool {
        self.complete || !targets.iter().any(|target| self.missing.contains(&target.to_string()))
    }

    /// Lists the present targets that do not serve it: those that it has not reached, and those that were added since.
    #[must_use]
    pub fn targets_without<'t>(&self, targets: &'t [Target]) -> Vec<&'t Target> {
        targets.iter().filter(|target| !self.versions.contains_key(&target.to_string())).collect()
    }

    /// Says on how many of the present targets it is: `1 of 3 targets`.
    #[must_use]
    pub fn extent(&self, targets: &[Target]) -> String {
        format!("{} of {}", targets.len() - self.targets_without(targets).len(), counted(targets.len(), "target"))
    }

    /// Whether it ever reached a target. The artifact of a deployment that was stopped before that is remembered too,
    /// among those that were left.
    #[must_use]
    pub fn was_live(&self) -> bool {
        self.complete || !self.versions.is_empty() || !self.missing.is_empty()
    }

    /// Whether a rollback has brought it that has not reached every target.
    #[must_use]
    pub fn is_half_rolled_back(&self, targets: &[Target]) -> bool {
        (self.cause == Some(CauseKind::Rollback) || self.restored_by.is_some()) && !self.is_complete_in(targets)
    }

    /// Makes the entry of an ended deployment; none where it never got as far as naming an artifact.
    pub(super) fn brought_by(record: &DeploymentRecord) -> Option<Self> {
        let DeploymentRecord { id, release, cause, artifact, targets, finished_at, .. } = record;
        let (release, artifact, since) = (release.clone()?, artifact.as_ref()?, (*finished_at)?);
        let mut live = Self {
            release,
            deployment: *id,
            artifact: artifact.reference(),
            sha256: artifact.sha256,
            size: artifact.size,
            by: cause
                .requested_by
                .clone()
                .or_else(|| artifact.metadata.get(UPLOADED_BY).map(|who| Person::from(who.as_str()))),
            since,
            versions: BTreeMap::new(),
            former: BTreeMap::new(),
            complete: false,
            missing: BTreeSet::new(),
            cause: Some(cause.kind),
            function_name: targets.first().map(|outcome| outcome.function_name.clone()),
            alias: targets.first().map(|outcome| outcome.alias.clone()),
            restored_by: None,
            left_by: None,
            taken_back: false,
            renamed: None,
        };
        live.record_outcomes(targets);
        if !targets.iter().any(TargetOutcome::may_serve) {
            live.missing.clear();
        }
        Some(live)
    }

    /// Records which targets serve it after these outcomes. A target that served it before, and that nothing was done
    /// to, still does.
    pub(super) fn record_outcomes(&mut self, outcomes: &[TargetOutcome]) {
        let present: BTreeSet<String> = outcomes.iter().map(|outcome| outcome.target().to_string()).collect();
        self.missing.retain(|target| present.contains(target));
        for outcome in outcomes {
            let target = outcome.target().to_string();
            match &outcome.version {
                Some(version) if outcome.serves() => {
                    self.missing.remove(&target);
                    self.versions.insert(target, version.clone());
                }
                _ if outcome.may_serve() || !self.versions.contains_key(&target) => {
                    self.versions.remove(&target);
                    self.missing.insert(target);
                }
                _ => {}
            }
        }
        self.complete = self.missing.is_empty() && !self.versions.is_empty();
    }

    /// Renews the entry when the same bytes were brought once more: it takes over their label and artifact, with
    /// the time at which it got that label, and keeps everything else.
    pub(super) fn renew(&mut self, by: Self, outcomes: &[TargetOutcome]) {
        let Self { release, deployment, by, since, artifact, sha256, size, function_name, alias, .. } = by;
        if self.release != release {
            let first = match self.renamed.take() {
                Some(renamed) => renamed.first,
                None => Some(self.release.clone()),
            };
            self.renamed = Some(Renamed { release: release.clone(), deployment, since, by, first });
        }
        if self.function_name.is_some() && self.function_name != function_name {
            self.versions.clear();
            self.former.clear();
        } else if self.alias.is_some() && self.alias != alias {
            self.former.append(&mut self.versions);
        }
        (self.release, self.artifact, self.sha256) = (release, artifact, sha256.or(self.sha256));
        (self.size, self.function_name, self.alias) = (size.or(self.size), function_name, alias);
        self.record_outcomes(outcomes);
    }

    /// Whether its completion calls for promotions.
    pub(super) fn calls_for_promotions(&self) -> bool {
        self.cause.is_some_and(calls_for_promotions)
    }
}

/// Whether an artifact that such a deployment brings is promoted by itself once it is complete.
pub(super) fn calls_for_promotions(cause: CauseKind) -> bool {
    use CauseKind::{AutomaticPromotion, Deploy, Promotion, Upload};
    matches!(cause, Upload | Deploy | Promotion | AutomaticPromotion)
}
