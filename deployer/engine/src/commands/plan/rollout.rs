//! The errors that keep a planned rollout from beginning: the deployment would fail with the same ones.

use deployer_core::config::rollout::Rollout;
use deployer_core::plan::TargetPlan;
use futures::future::join_all;

use super::Planning;
use crate::deployment::rollout::{error_without_ports, firing_alarms, look_session};

/// Adds to the plans of the targets the errors with which their rollout would not begin, and warns of alarms that fire
/// already.
pub(super) async fn check_rollout(planning: Planning<'_>, targets: &mut [TargetPlan], rollout: &Rollout) {
    if let Some(error) = error_without_ports(planning.engine, planning.at, planning.kind) {
        for plan in targets.iter_mut().filter(|plan| plan.error.is_none()) {
            plan.error = Some(error.clone());
        }
        return;
    }
    // Nothing rolls out where every target serves the release.
    if rollout.alarms.is_empty() || targets.iter().all(|plan| plan.steps.is_empty()) {
        return;
    }
    let alarms = &rollout.alarms;
    let names: Vec<String> =
        alarms.iter().map(|alarm| alarm.fill_in(&planning.at.name, &planning.at.function)).collect();
    let looks = targets.iter_mut().filter(|plan| plan.error.is_none()).map(|plan| {
        let names = &names;
        async move {
            let firing = async {
                let session = look_session((planning.engine, planning.at, planning.id), &plan.target).await?;
                firing_alarms(session.as_ref(), &plan.target, names, rollout.already_alarming).await
            };
            match firing.await {
                Ok(firing) => plan.warnings.extend(firing.into_iter().map(|alarm| {
                    format!("alarm {alarm} fires already, and takes nothing back before it has been OK once")
                })),
                Err(error) => plan.error = Some(error),
            }
        }
    });
    join_all(looks).await;
}
