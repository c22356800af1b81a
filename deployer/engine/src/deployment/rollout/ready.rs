//! A target has published its new version, and its alias has not moved.

use std::time::Duration;

use deployer_core::alias_traffic::Traffic;
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
pub(crate) fn ensure_shiftable(alias: Option<&ObservedAlias>) -> Result<(), TargetError> {
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

/// Refuses a target that serves a release which was taken back, or rolled back, and did not leave it: the rollout would
/// compare with that release and go back to it. It refuses before anything is written.
pub(crate) fn ensure_not_left(head: &Head, observed: &Observed) -> Result<(), TargetError> {
    let serving = observed.serving.as_ref().filter(|_| observed.alias.is_some());
    let Some(code) = serving.and_then(|serving| serving.sha256) else { return Ok(()) };
    let has_code = |artifact: &&LiveArtifact| artifact.sha256 == Some(code);
    if head.live().filter(has_code).is_some() {
        return Ok(());
    }
    let Some(left) = head.left().iter().find(has_code) else { return Ok(()) };
    let first = match head.live() {
        Some(live) => format!("redeploy what is live ({}) first", live.release),
        None => "point the alias at the version to go back to first".to_owned(),
    };
    let message = format!(
        "the alias serves release {} here, which was taken back and is still there: a rollout would compare with it and \
         go back to it, so {first}",
        left.release
    );
    Err(TargetError::new(TargetErrorCode::TrafficNotMoved, BEGIN_ROLLOUT, message))
}

/// Finds out how the traffic of this target moves to its new version.
pub(in crate::deployment) async fn ready(
    on: ClaimedTarget<'_>,
    (version, settings): (Version, FunctionSettings),
    old: Option<&ObservedCode>,
    when_unshiftable: WhenUnshiftable,
) -> Result<Ready, TargetError> {
    let (functions, name) = (on.account.functions(), &on.deployment.at.function_name);
    let read = || functions.function(name, Qualifier::Version(&version));
    let new = on.timer().read(OBSERVE, read).await?;
    let Some((new, _)) = new else {
        return Err(internal(BEGIN_ROLLOUT, &format!("version {version} was published, and is not there")));
    };
    let timeout = Duration::from_secs(new.settings.timeout.into());
    let Some(old) = old else { return Ok(Ready { version, shift: Shift::AtOnce, settings, timeout }) };
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
    Ok(Ready { version, shift, settings, timeout })
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
