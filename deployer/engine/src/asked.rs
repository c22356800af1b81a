//! A deployment's end may call for promotions in other environments. The outbox puts each down as an object before it drops
//! its entry; an invocation that a message wakes there (the message is only a hint), or the sweep, puts it into that head. A
//! commit touches no other head.

use std::collections::BTreeSet;
use std::time::Duration;

use deployer_core::asked::AskedFor;
use deployer_core::function_ref::FunctionRef;
use deployer_core::id::EnvironmentName;
use deployer_core::names::ASKED;
use deployer_core::promotion::Dispatch;

use super::swept::{Failing, Swept};
use super::{Engine, Transient};
use crate::group::Groups;

/// A request is kept so long for an environment that deployer.json does not have: somebody may put it back.
const KEPT_FOR_MISSING: Duration = Duration::from_secs(86_400);

impl Engine {}

/// Promotions that the ends of deployments have asked for, and that stand in no head yet.
#[derive(Clone, Copy)]
pub(crate) struct Requested<'e> {
    engine: &'e Engine,
}

impl<'e> Requested<'e> {
    pub(crate) fn of(engine: &'e Engine) -> Self {
        Self { engine }
    }

    /// Puts everything that was asked for into its head. A failure of one never stops the others.
    pub(super) async fn sweep(self) -> Result<Swept, Transient> {
        // A sweep that did all the work itself could not end in time, so it sends messages.
        let taking = if self.engine.ports.queue.is_some() { Dispatch::Enqueue } else { Dispatch::Inline };
        self.submit_all(taking, &mut BTreeSet::new()).await
    }

    /// Without a queue nobody is sent anywhere: who has ended a deployment puts what it calls for into its head himself, after
    /// its commit, and goes on with the groups of its members.
    pub(super) async fn submit_without_queue(self) {
        if self.engine.ports.queue.is_some() {
            return;
        }
        let mut tried = BTreeSet::new();
        loop {
            let before = tried.len();
            if let Err(transient) = self.submit_all(Dispatch::Inline, &mut tried).await {
                return tracing::warn!("what was asked for is left to the sweep: {transient}");
            }
            if tried.len() == before {
                break;
            }
        }
        if let Err(transient) = Groups::of(self.engine).drive_all().await {
            tracing::warn!("the groups are left to the sweep: {transient}");
        }
    }

    async fn submit_all(self, taking: Dispatch, tried: &mut BTreeSet<String>) -> Result<Swept, Transient> {
        let mut swept = Swept::default();
        for key in self.engine.store().keys(ASKED).await? {
            if !self.engine.timer().has_time_for_another() {
                break;
            }
            if !tried.insert(key.clone()) {
                continue;
            }
            let mut one = Swept::one();
            let Some((name, function)) = AskedFor::place(&key) else {
                tracing::warn!(key, "nothing that this deployer has asked for: delete it");
                continue;
            };
            let submitted = match FunctionRef::find(&self.engine.config, &name, &function) {
                Ok(at) => Box::pin(self.engine.on(&at).promotions().submit_requested(&key, taking)).await.map(drop),
                Err(_) => self.keep_for_missing(&key, &name).await,
            };
            if let Err(error) = submitted {
                tracing::error!(key, "not put into its head: {error}");
                one = one.failing(&key, Failing::of(&error), &error.to_string());
            }
            swept = swept.and(one);
        }
        Ok(swept)
    }

    /// deployer.json does not have the environment: what was asked for is kept for a day.
    async fn keep_for_missing(self, key: &str, name: &EnvironmentName) -> Result<(), Transient> {
        let Some((asked, _)) = self.engine.store().object::<AskedFor>(key).await? else { return Ok(()) };
        if self.engine.timer().passed(asked.request.accepted_at) > KEPT_FOR_MISSING {
            tracing::warn!(key, "a promotion to {name} is dropped: deployer.json has not had it for a day");
            self.engine.store().delete(key).await;
        }
        Ok(())
    }
}
