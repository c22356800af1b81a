//! The news of a rollout that waits, for people: its record, the log, and the events `Rollout Moved` and `Rollout Paused`.

use deployer_core::event::Event;
use deployer_core::head::{self, Active};
use deployer_core::record::DeploymentRecord;

use super::super::Deployment;
use crate::Transient;
use crate::claim::Claim;
use crate::events::publish;
use crate::store::{Change, Versioned};

/// Writes the record of a rollout that waits, and tells of a pause that nobody was told of. What cannot be done now is
/// done by the next look.
pub(super) async fn tell_of_change(deployment: &Deployment<'_>, seen: Versioned) {
    let Some(active) = rollout_in(deployment, &seen) else { return };
    let record = deployment.at.rolling_out(active);
    if write_record(deployment, &record).await {
        announce_pause(deployment, seen, record).await;
    }
}

/// Tells of a pause whose event could not be sent before.
pub(super) async fn tell_of_pause(deployment: &Deployment<'_>, seen: Versioned) {
    let is_untold = |active: &&Active| {
        let rollout = active.rollout.as_ref();
        rollout.and_then(|rollout| rollout.paused.as_ref()).is_some_and(|pause| !pause.announced)
    };
    if rollout_in(deployment, &seen).filter(is_untold).is_some() {
        tell_of_change(deployment, seen).await;
    }
}

/// Says in log and record which targets could not be moved back yet.
pub(super) async fn tell_of_way_back(deployment: &Deployment<'_>, claim: &Claim) {
    let record = deployment.at.rolling_out(&claim.active_now());
    tracing::warn!("{}", record.because.as_deref().unwrap_or_default());
    if let Err(error) = deployment.engine.store().write_record(&record, claim.record_etag()).await {
        tracing::warn!("the record does not say that the rollout is held up: {error}");
    }
}

fn rollout_in<'h>(deployment: &Deployment<'_>, seen: &'h Versioned) -> Option<&'h Active> {
    seen.head.active().filter(|active| active.request.id == deployment.request.id && active.rollout.is_some())
}

/// Writes the record, and returns whether it is there and has not ended.
async fn write_record(deployment: &Deployment<'_>, record: &DeploymentRecord) -> bool {
    match deployment.engine.store().write_record(record, None).await {
        Ok(written) => written.is_some(),
        Err(error) => {
            tracing::warn!("the record does not say what the rollout does: {error}");
            false
        }
    }
}

async fn announce_pause(deployment: &Deployment<'_>, seen: Versioned, record: DeploymentRecord) {
    let active = rollout_in(deployment, &seen);
    let pause = active.and_then(|active| active.rollout.as_ref()?.paused.as_ref()).filter(|pause| !pause.announced);
    let Some(since) = pause.map(|pause| pause.since) else { return };
    tracing::warn!("{}", record.because.as_deref().unwrap_or_default());
    if publish(deployment.engine, Some(Event::rollout_paused(&record))).await.is_err() {
        return;
    }
    let change = async |seen: &mut Versioned| {
        Ok::<_, Transient>(match head::with_pause_announced(&seen.head, record.id, since) {
            Some(head) => Change::Write(Box::new(head), ()),
            None => Change::Keep(()),
        })
    };
    if let Err(error) = deployment.engine.store().update_head(deployment.at, Some(seen), change).await {
        tracing::warn!("the event of the pause is sent, and that is not written down: {error}");
    }
}
