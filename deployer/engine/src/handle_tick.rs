//! Handles ticks: messages by which the deployer wakes itself to go on with a deployment.

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{NextAction, SkippedWork, Wakeup};
use deployer_core::id::DeploymentId;
use deployer_core::record::{DeploymentRecord, Status};
use deployer_core::trigger::Tick;

use super::function_handles::Reconciler;
use super::gone_environment::find_gone;
use super::reconcile::ReconcileFrom;
use super::{Engine, EventOutcome, Transient};

impl Engine {
    /// Goes on after a tick. A tick that no longer fits is ignored.
    ///
    /// # Errors
    /// [`Transient`]: the tick shall come again.
    pub async fn handle_tick(
        &self,
        Tick { environment, function, id, claim }: Tick,
    ) -> Result<EventOutcome, Transient> {
        let ignored = |because: String| Ok(EventOutcome::Ignored { because });
        let at = match FunctionRef::find(&self.config, &environment, &function) {
            Ok(at) => at,
            Err(unknown) => match find_gone(self, &environment, &function).await? {
                Some(gone) => gone.at,
                None => return ignored(format!("a tick {unknown}")),
            },
        };
        let (reconciler, wakeup) = (self.reconciler(&at), Wakeup { id, claim });
        let seen = self.store().head(&at).await?;
        if !at.is_gone() && seen.head.waiting().iter().any(|waiting| waiting.request.id == id) {
            let records = reconciler.promotions().resume_waiting(id).await?;
            hint_group(reconciler, &records).await;
            return Ok(outcome(records, id, || format!("promotion {id} was in other hands by then")));
        }
        let is_pending = !at.is_gone() && seen.head.all_pending().iter().any(|pending| pending.id == id);
        match seen.head.next_action(self.now(), SkippedWork::all_but_deployments()) {
            NextAction::Wait { on: active, until } if active == wakeup => {
                reconciler.send_tick(wakeup, until).await?;
                ignored(format!("a tick for deployment {id} before its lease has ended"))
            }
            // A group's tick names no claim: its members are looked at once it has a word for them.
            NextAction::Look { on, .. } if on == wakeup || (on.id == id && claim.is_none()) => {
                let records = reconciler.look(seen).await?;
                hint_group(reconciler, &records).await;
                Ok(outcome(records, id, || format!("deployment {id} was looked at, and waits")))
            }
            action if action == NextAction::Resume(wakeup) || (is_pending && seen.head.active().is_none()) => {
                let records = reconciler.resume_function(ReconcileFrom::Head(Box::new(seen))).await?;
                hint_group(reconciler, &records).await;
                Ok(outcome(records, id, || format!("deployment {id} was in other hands by then")))
            }
            _ if at.is_gone() => ignored(format!("a tick for deployment {id}, whose environment is gone")),
            _ => match reconciler.promotions().follow_hint(id).await? {
                Some(record) => Ok(EventOutcome::Recorded(Box::new(record))),
                None => ignored(format!("a tick for deployment {id}, which is over or in other hands")),
            },
        }
    }
}

/// Sends a tick by which the group of a member that did not get there takes the others back, where they roll out. Without
/// it the sweep tells the group.
async fn hint_group(reconciler: Reconciler<'_>, records: &[DeploymentRecord]) {
    if reconciler.at.environment.rollout.is_none() || reconciler.engine.ports.queue.is_none() {
        return;
    }
    let is_member = |record: &DeploymentRecord| record.promotion.as_ref().is_some_and(|it| it.group.is_some());
    let is_live = |status: Status| matches!(status, Status::Succeeded | Status::Unchanged);
    for record in
        records.iter().filter(|record| is_member(record) && record.status.is_ended() && !is_live(record.status))
    {
        let wakeup = Wakeup { id: record.id, claim: None };
        if let Err(error) = reconciler.send_tick(wakeup, reconciler.engine.now()).await {
            tracing::warn!("the sweep will tell the group: {error}");
        }
    }
}

fn outcome(records: Vec<DeploymentRecord>, id: DeploymentId, otherwise: impl FnOnce() -> String) -> EventOutcome {
    match records.into_iter().find(|record| record.id == id) {
        Some(record) => EventOutcome::Recorded(Box::new(record)),
        None => EventOutcome::Ignored { because: otherwise() },
    }
}
