//! Handles ticks: messages by which the deployer wakes itself to go on with a deployment.

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{NextAction, SkippedWork, Wakeup};
use deployer_core::id::DeploymentId;
use deployer_core::record::DeploymentRecord;
use deployer_core::trigger::Tick;

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
            return Ok(outcome(records, id, || format!("promotion {id} was in other hands by then")));
        }
        let is_pending = !at.is_gone() && seen.head.all_pending().iter().any(|pending| pending.id == id);
        match seen.head.next_action(self.now(), SkippedWork::all_but_deployments()) {
            NextAction::Wait { on: active, until } if active == wakeup => {
                reconciler.send_tick(wakeup, until).await?;
                ignored(format!("a tick for deployment {id} before its lease has ended"))
            }
            NextAction::Look { on, .. } if on == wakeup => {
                let records = reconciler.look(seen).await?;
                Ok(outcome(records, id, || format!("deployment {id} was looked at, and waits")))
            }
            action if action == NextAction::Resume(wakeup) || (is_pending && seen.head.active().is_none()) => {
                let records = reconciler.resume_function(ReconcileFrom::Head(Box::new(seen))).await?;
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

fn outcome(records: Vec<DeploymentRecord>, id: DeploymentId, otherwise: impl FnOnce() -> String) -> EventOutcome {
    match records.into_iter().find(|record| record.id == id) {
        Some(record) => EventOutcome::Recorded(Box::new(record)),
        None => EventOutcome::Ignored { because: otherwise() },
    }
}
