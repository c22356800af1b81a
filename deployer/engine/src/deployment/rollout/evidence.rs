//! What one look reads of the targets whose rollout has begun. It writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use deployer_core::config::Target;
use deployer_core::config::rollout::AlreadyAlarming;
use deployer_core::record::{TargetError, TargetErrorCode};
use deployer_core::rollout::guard::{Evidence, Look};
use deployer_core::rollout::{FoundAlias, MetricsQuery, RolloutState, RolloutTarget};
use deployer_core::session_policy::look_policy;
use futures::stream::{self, StreamExt as _};

use super::super::Deployment;
use super::super::error::internal;
use super::super::sessions::enter;
use super::ready::BEGIN_ROLLOUT;
use super::session_with;
use crate::TARGETS_AT_ONCE;
use crate::port::TrafficWatch;

/// The step of a look, in errors.
const LOOK: &str = "look";

/// What a look has found.
pub(super) struct Found {
    /// The traffic of each target.
    pub looks: Vec<Look>,
    /// The aliases that somebody else has changed, as "expected, found".
    pub foreign: Vec<(Target, String)>,
    /// The alarms that take the rollout back, each with its target, in a sentence.
    pub alarms: Vec<String>,
}

/// What was read of one target.
enum Read {
    /// Somebody else has changed its alias.
    Foreign(String),
    /// Its traffic, and the alarms that fired.
    Evidence(Evidence, Vec<String>),
}

/// A look at the targets of a deployment.
#[derive(Clone, Copy)]
pub(super) struct RolloutLook<'a>(pub &'a Deployment<'a>);

impl RolloutLook<'_> {
    /// Opens the session of a look.
    pub(super) async fn look_session(&self, target: &Target) -> Result<Arc<dyn TrafficWatch>, TargetError> {
        let Some(sessions) = &self.0.engine.ports.rollouts else {
            return Err(internal(LOOK, "this deployer opens no sessions for looks"));
        };
        let request = session_with(self.0, target, look_policy(target, &self.0.at.function_name));
        enter(self.0.engine.timer(), || sessions.open_look_session(&request)).await
    }

    /// Reads metrics and alarms of every target whose alias was seen to serve the new version.
    pub(super) async fn look_around(&self, state: &RolloutState) -> Found {
        let names: Vec<String> =
            state.plan.alarms.iter().map(|alarm| alarm.fill_in(&self.0.at.name, &self.0.at.function)).collect();
        let begun = state.targets.iter().filter(|one| !one.served.is_empty() && one.old.is_some());
        let read: Vec<_> = stream::iter(begun)
            .map(|one| {
                let read = self.read_target(one, &names);
                async move { (one, read.await) }
            })
            .buffered(TARGETS_AT_ONCE)
            .collect()
            .await;
        let mut found = Found { looks: Vec::new(), foreign: Vec::new(), alarms: Vec::new() };
        for (one, read) in read {
            let weight = one.served.last().map_or(0, |served| served.weight);
            let evidence = match read {
                Ok(Read::Foreign(changed)) => {
                    found.foreign.push((one.target.clone(), changed));
                    continue;
                }
                Ok(Read::Evidence(evidence, fired)) => {
                    let because = |alarm: String| format!("alarm {alarm} fires in {}", one.target);
                    found.alarms.extend(fired.into_iter().map(because));
                    Ok(evidence)
                }
                Err(error) => Err(error.into()),
            };
            found.looks.push(Look { target: one.target.clone(), weight, evidence });
        }
        found
    }

    async fn read_target(&self, one: &RolloutTarget, names: &[String]) -> Result<Read, String> {
        let (at, now) = (self.0.at, self.0.engine.now());
        let session = self.look_session(&one.target).await.map_err(|error| error.to_string())?;
        let Some(query) = MetricsQuery::of(&at.function_name, &at.environment.alias, one, now) else {
            return Err("its rollout has not begun".to_owned());
        };
        let alias = session.alias(&at.function_name, &at.environment.alias).await.map_err(|error| error.to_string())?;
        if let FoundAlias::Foreign(changed) = one.compare_at_rest(alias.as_ref()) {
            return Ok(Read::Foreign(changed));
        }
        let metrics = session.metrics(&query).await.map_err(|error| error.to_string())?;
        let evidence = metrics.evidence(one, now);
        if names.is_empty() {
            return Ok(Read::Evidence(evidence, vec![]));
        }
        let states = session.alarms(names).await.map_err(|error| error.to_string())?;
        let began = one.served.first().map_or(now, |served| served.meant_at);
        let mut changes = BTreeMap::new();
        for name in names {
            let changed = session.alarm_changes(name, began).await.map_err(|error| error.to_string())?;
            changes.insert(name.clone(), changed);
        }
        let findings = states.judge(&one.disarmed, &changes);
        if !findings.missing.is_empty() {
            let missing: Vec<String> = findings.missing.into_iter().collect();
            return Err(format!("alarm {} is gone", missing.join(", ")));
        }
        Ok(Read::Evidence(evidence, findings.fired.into_iter().collect()))
    }

    /// Returns the alarms of a target that fire now.
    pub(super) async fn firing_alarms(
        &self,
        target: &Target,
        names: &[String],
        treatment: AlreadyAlarming,
    ) -> Result<BTreeSet<String>, TargetError> {
        let refused = |message: String| TargetError::new(TargetErrorCode::InvalidConfiguration, BEGIN_ROLLOUT, message);
        let session = self.look_session(target).await?;
        let states = session.alarms(names).await.map_err(|error| {
            TargetError::new(
                TargetErrorCode::AccessDenied,
                BEGIN_ROLLOUT,
                format!("the alarms cannot be read: {error}"),
            )
        })?;
        if !states.missing.is_empty() {
            let missing: Vec<&str> = states.missing.iter().map(String::as_str).collect();
            return Err(refused(format!(
                "there is no alarm {} in {target}, and an alarm that does not exist guards nothing: correct the name, or \
                 make it",
                missing.join(", ")
            )));
        }
        let firing = states.firing();
        if treatment == AlreadyAlarming::Refuse && !firing.is_empty() {
            let firing: Vec<&str> = firing.iter().map(String::as_str).collect();
            return Err(refused(format!("alarm {} fires already (already_alarming is refuse)", firing.join(", "))));
        }
        Ok(firing)
    }
}
