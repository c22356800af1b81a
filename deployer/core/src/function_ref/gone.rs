//! A function whose environment the configuration does not have any more, as the head of its rollout knows it.

use std::borrow::Cow;

use super::FunctionRef;
use crate::config::{DeployRole, Environment, Target};
use crate::head::{self, Active, ClaimedFor, FrozenPlace};
use crate::id::{EnvironmentName, FunctionName};
use crate::record::{CauseKind, Ending, TargetError, TargetErrorCode};
use crate::rollout::{Gone, PauseReason, RolloutState};

/// Makes a function of an environment that `deployer.json` does not have. What its deployment was claimed for counts, and
/// the role that the head keeps for it; where it keeps none, nothing but the names is known, which is enough to read the
/// ledger.
#[must_use]
pub fn gone_function(
    name: &EnvironmentName,
    function: &FunctionName,
    place: Option<FrozenPlace>,
) -> FunctionRef<'static> {
    // No version is deleted by the default of an environment that may have had another number.
    let environment = Environment { keep_versions: u32::MAX, ..Environment::unknown() };
    let gone = FunctionRef {
        name: name.clone(),
        environment: Cow::Owned(environment),
        function: function.clone(),
        function_name: function.clone(),
        uploads_to: vec![],
        name_error: None,
        is_gone: true,
        configured: None,
    };
    match place {
        Some(place) => at_place(gone, place),
        None => gone,
    }
}

impl FunctionRef<'_> {
    /// Whether `deployer.json` does not have the environment any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.is_gone
    }
}

/// Returns a function with what its active deployment was claimed for, and the role that it keeps.
pub(super) fn frozen<'a>(at: FunctionRef<'a>, active: &Active) -> FunctionRef<'a> {
    match active.frozen_place() {
        Some(place) => at_place(at, place),
        None => at,
    }
}

fn at_place(at: FunctionRef<'_>, FrozenPlace { claimed_for, role }: FrozenPlace) -> FunctionRef<'_> {
    let (ClaimedFor { targets, alias, function_name }, DeployRole { name, external_id }) = (claimed_for, role);
    let environment = at.environment.into_owned();
    let environment = Environment { targets, alias, role_name: name, external_id, ..environment };
    FunctionRef { environment: Cow::Owned(environment), function_name, ..at }
}

/// Returns the part of a claimed deployment that `deployer.json` does not have any more.
#[must_use]
pub fn gone_of(at: &FunctionRef<'_>, active: &Active) -> Option<Gone> {
    let configured = at.as_configured();
    if configured.is_gone {
        return Some(Gone::Environment(at.name.clone()));
    }
    let now = &configured.environment.targets;
    let claimed = active.claimed_for.as_ref().map_or(&[][..], |claimed| &claimed.targets);
    let gone: Vec<Target> = claimed.iter().filter(|target| !now.contains(target)).cloned().collect();
    (!gone.is_empty()).then_some(Gone::Targets(gone))
}

/// Returns the role that the head keeps for a deployment of this kind: the environment's, where it rolls it out or takes a
/// rollout back, or is gone.
#[must_use]
pub fn role_to_keep(at: &FunctionRef<'_>, kind: CauseKind) -> Option<DeployRole> {
    let configured = at.as_configured();
    let is_about_rollouts = kind.rolls_out() || kind == CauseKind::Rollback;
    let keeps = is_about_rollouts && configured.environment.rollout.is_some();
    (keeps || configured.is_gone).then(|| configured.environment.deploy_role())
}

/// Fails a deployment that was to roll out and whose environment is gone before its rollout has begun. None: the
/// environment is there, or the rollout has begun.
#[must_use]
pub fn fail_where_gone(at: &FunctionRef<'_>, active: &Active) -> Option<Ending> {
    if !at.is_gone || active.rollout.is_some() || !active.request.cause.kind.rolls_out() {
        return None;
    }
    let gone = Gone::Environment(at.name.clone());
    let because = format!("{gone}: the rollout does not begin, and no traffic has moved anywhere");
    Some(at.all_failed(&TargetError::new(TargetErrorCode::InvalidConfiguration, "begin rollout", because)))
}

/// Describes what a rollout does now, and that its environment is gone.
pub(super) fn rollout_sentence(at: &FunctionRef<'_>, state: &RolloutState) -> String {
    let sentence = head::rollout_sentence(state);
    let says_so = state.paused.as_ref().is_some_and(|pause| pause.reason == PauseReason::NotConfigured);
    match at.is_gone && !says_so {
        true => format!("{sentence}; {}", Gone::Environment(at.name.clone())),
        false => sentence,
    }
}
