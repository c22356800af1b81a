//! A target has published its new version, and its alias has not moved.

use std::time::Duration;

use deployer_core::alias_traffic::Traffic;
use deployer_core::artifact::VerifiedArtifact;
use deployer_core::config::rollout::WhenUnshiftable;
use deployer_core::head::{Head, LiveArtifact};
use deployer_core::id::Version;
use deployer_core::observed::{Observed, ObservedAlias, ObservedCode};
use deployer_core::record::{TargetError, TargetErrorCode};
use deployer_core::rollout::{FunctionSettings, Shift};

use super::super::claimed_target::ClaimedTarget;
use super::super::error::internal;
use super::super::function_reader::OBSERVE;
use super::super::results::Ready;
use crate::port::Qualifier;

/// The step in which a rollout begins, in records.
pub(super) const BEGIN_ROLLOUT: &str = "begin rollout";

/// Refuses a target whose alias no rollout can start from, before anything is written.
pub(in crate::deployment) fn ensure_shiftable(alias: Option<&ObservedAlias>) -> Result<(), TargetError> {
    let Some(alias) = alias else { return Ok(()) };
    let name = &alias.name;
    let (code, message) = match (&alias.version, Traffic::of(alias)) {
        (Some(_), Traffic::Whole) => return Ok(()),
        (None, _) => (
            TargetErrorCode::InvalidConfiguration,
            format!("alias {name} serves $LATEST, and a rollout begins from a version: publish one and point it there"),
        ),
        (_, Traffic::KeptBack { on }) => (
            TargetErrorCode::ForeignChange,
            format!("Lambda still moves the traffic of alias {name} from version {on}: try again when it has"),
        ),
        (_, Traffic::Split) => (
            TargetErrorCode::ForeignChange,
            format!(
                "somebody shares the traffic of alias {name} ({alias}), and a rollout shares it itself: end that, or \
                 redeploy what is live"
            ),
        ),
    };
    Err(TargetError::new(code, BEGIN_ROLLOUT, message))
}

/// Returns the version that the alias serves and that nobody wants back: its release was taken back, or rolled back, it did
/// not leave, and nothing is live. Where something is live, such a target is refused before anything is written: the
/// rollout would compare with that release and go back to it.
pub(in crate::deployment) fn to_replace(
    on: ClaimedTarget<'_>,
    observed: &Observed,
) -> Result<Option<Version>, TargetError> {
    let head = on.claim.seen().head;
    let Some(alias) = &observed.alias else { return Ok(None) };
    let Some(code) = observed.serving.as_ref().and_then(|serving| serving.sha256) else { return Ok(None) };
    let has_code = |artifact: &&LiveArtifact| artifact.sha256 == Some(code);
    let left = head.left().iter().find(has_code);
    match (head.live(), left) {
        (_, None) => Ok(None),
        (Some(live), _) if has_code(&live) => Ok(None),
        (None, Some(_)) => Ok(alias.version.clone()),
        (Some(live), Some(left)) => {
            let (at, target) = (on.deployment.at, on.target);
            let message = format!(
                "alias {} in {target} serves release {}, which was taken back or rolled back here and is not live: a \
                 rollout would compare with it and go back to it. Bring what is live ({}) there first (deployctl redeploy \
                 -e {} -f {}), then deploy again",
                alias.name, left.release, live.release, at.name, at.function
            );
            Err(TargetError::new(TargetErrorCode::TrafficNotMoved, BEGIN_ROLLOUT, message))
        }
    }
}

/// Whether a release that every target serves already is watched before it becomes live: something else is live, or it was
/// taken back before.
pub(in crate::deployment) fn is_watched_first(head: &Head, artifact: &VerifiedArtifact) -> bool {
    let is_it = |one: &LiveArtifact| one.is_same_as(&artifact.reference, Some(artifact.sha256));
    head.live().map_or_else(|| head.left().iter().any(is_it), |live| !is_it(live))
}

/// Finds out how the traffic of this target moves to its new version.
pub(in crate::deployment) async fn ready(
    on: ClaimedTarget<'_>,
    (version, settings): (Version, FunctionSettings),
    (old, replaces): (Option<&ObservedCode>, Option<Version>),
    when_unshiftable: WhenUnshiftable,
) -> Result<Ready, TargetError> {
    let (functions, name) = (on.account.functions(), &on.deployment.at.function_name);
    let read = || functions.function(name, Qualifier::Version(&version));
    let new = on.timer().read(OBSERVE, read).await?;
    let Some((new, _)) = new else {
        return Err(internal(BEGIN_ROLLOUT, &format!("version {version} was published, and is not there")));
    };
    let timeout = Duration::from_secs(new.settings.timeout.into());
    let Some(old) = old.filter(|_| replaces.is_none()) else {
        return Ok(Ready { version, shift: Shift::AtOnce, replaces, settings, timeout });
    };
    let shift = match Shift::between(old, &new, has_provisioned_concurrency(on).await?) {
        Ok(shift) => shift,
        Err(because) => {
            if when_unshiftable == WhenUnshiftable::Refuse {
                let message = format!(
                    "the traffic of function {name} cannot be shared ({because}), and the environment refuses that \
                     (when_unshiftable)"
                );
                return Err(TargetError::new(TargetErrorCode::InvalidConfiguration, BEGIN_ROLLOUT, message));
            }
            tracing::info!("all traffic moves at once: {because}");
            Shift::AtOnce
        }
    };
    Ok(Ready { version, shift, replaces, settings, timeout })
}

/// Whether the alias has provisioned concurrency. Lambda is asked anew each time: somebody may have added some since the
/// last deployment, and weights on such an alias fail in the middle of the rollout.
async fn has_provisioned_concurrency(on: ClaimedTarget<'_>) -> Result<bool, TargetError> {
    let found = on.reader().concurrency(OBSERVE).await?.map(|found| found.is_some());
    if let Some(is_provisioned) = found {
        on.deployment.progress.set_provisioned(on.target, is_provisioned);
    }
    Ok(found.unwrap_or(false))
}
