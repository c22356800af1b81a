//! The sweep looks at every function that may have work open, whatever became of the messages. A marker under `open/` leads it there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{self, Head, LeftOut, NextAction, Wakeup};
use deployer_core::id::{EnvironmentName, FunctionName, Token};
use deployer_core::names::OPEN;
use deployer_core::promotion::Decision;
use futures::future;
use futures::stream::{self, StreamExt as _};
use tracing::Instrument as _;

use super::doctor::note_sweep;
use super::handle::Reconciler;
use super::reconcile::Start;
use super::store::Versioned;
use super::swept::{Failing, Swept};
use super::timer::between;
use super::{Engine, Transient};
use crate::asked::Requested;
use crate::group::Groups;
use crate::swept::QueueLook;

/// Lambda runs nothing for longer than 15 minutes: who has put a marker down before this is gone.
const MARKERS_LAST: Duration = Duration::from_secs(16 * 60);

/// How many functions a sweep looks at at once.
const SWEPT_AT_ONCE: usize = 16;

impl Engine {
    /// Looks at every function that may have work open, and wakes what sleeps; and looks whether the queues keep up.
    ///
    /// # Errors
    /// [`Transient`]: the markers cannot be listed. What goes wrong with one function never stops the others.
    pub async fn sweep(&self) -> Result<Swept, Transient> {
        let (queues, swept) = future::join(QueueLook::of(self).look(), sweep_functions(self)).await;
        swept.map(|swept| swept.and(queues))
    }
}

fn parse_marker(key: &str) -> Option<(EnvironmentName, FunctionName, Token)> {
    let mut parts = key.strip_prefix(OPEN)?.split('/');
    let (environment, function, marker, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    Some((EnvironmentName::parse(environment).ok()?, FunctionName::parse(function).ok()?, Token::parse(marker).ok()?))
}

impl Reconciler<'_> {
    /// Does what the head asks for, each kind once: what cannot be done holds up nothing else. Deployments are gone on with by a
    /// message: a sweep that did all the work itself could not end in time.
    async fn sweep(self, markers: &BTreeSet<Token>) -> Result<Swept, Transient> {
        let mut swept = Swept::one();
        let place = format!("{}/{}", self.at.name, self.at.function);
        let mut seen = self.engine.store().head(self.at).await?;
        let (now, mut left_out) = (self.engine.now(), LeftOut::default());
        swept.cleared = self.clear_markers(&seen.head, markers).await;
        loop {
            match seen.head.next_action(now, left_out) {
                NextAction::FlushOutbox => {
                    left_out.outbox = true;
                    let ended = seen.head.outbox().len();
                    match self.outbox().flush(seen.clone()).await {
                        Ok(report) => {
                            swept.completed = ended.saturating_sub(report.left.len());
                            for (id, error) in &report.left {
                                let because = format!("the record of {id} is not written: {error}");
                                swept = swept.failing(&place, Failing::Ledger, &because);
                            }
                            seen = report.seen;
                        }
                        Err(error) => {
                            tracing::error!("not completed: {error}");
                            swept = swept.failing(&place, Failing::of(&error), &error.to_string());
                        }
                    }
                }
                NextAction::Evaluate => {
                    left_out.waiting = true;
                    match self.evaluate_waiting(&seen.head).await {
                        Ok(woken) => swept.woken += woken,
                        Err(error) => {
                            tracing::error!("not all that waits was looked at: {error}");
                            swept = swept.failing(&place, Failing::of(&error), &error.to_string());
                        }
                    }
                    for waiting in seen.head.waiting().iter().filter(|waiting| !waiting.told) {
                        self.promotions().announce_waiting(seen.clone(), waiting).await;
                    }
                }
                NextAction::Resume(wakeup) | NextAction::Deploy(wakeup) => {
                    swept.woken += 1;
                    if self.engine.ports.queue.is_some() {
                        self.send_tick(wakeup, now).await?;
                        self.note_tick(seen).await;
                    } else {
                        self.resume(Start::Seen(Box::new(seen))).await?;
                    }
                    return Ok(swept);
                }
                NextAction::Wait { .. } | NextAction::Nothing => return Ok(swept),
            }
        }
    }

    /// Clears markers away that the head does not need. A fresh one may be of an invocation that is about to write the head.
    async fn clear_markers(self, head: &Head, markers: &BTreeSet<Token>) -> usize {
        let now = self.engine.now();
        let is_old = |marker: &&Token| between(marker.time(), now) > MARKERS_LAST;
        let gone = markers.iter().filter(|marker| !head.needs(**marker)).filter(is_old);
        let keys = gone.map(|marker| Head::marker_key(&self.at.name, &self.at.function, *marker));
        future::join_all(keys.map(async |key| self.engine.store().delete(&key).await)).await.len()
    }

    /// The head of a parked deployment says that a tick is on its way, lest each sweep send another where the queue does not keep up.
    /// Whoever is faster with that head has it in hand.
    async fn note_tick(self, seen: Versioned) {
        let Some(head) = head::with_tick_sent(&seen.head, self.engine.now()) else { return };
        if let Err(error) = self.engine.store().write_head(self.at, seen.etag, head).await {
            tracing::warn!("the next sweep will send another tick: {error}");
        }
    }

    /// Evaluates the promotions that wait, and has those gone on with that can.
    async fn evaluate_waiting(self, head: &Head) -> Result<usize, Transient> {
        let now = self.engine.now();
        let moving = self.promotions().movable(head).await?;
        for (id, verdict) in &moving {
            match verdict {
                // By a message: a sweep that did all the work itself could not end in time.
                Decision::Allow if self.engine.ports.queue.is_some() => {
                    self.send_tick(Wakeup { id: *id, claim: None }, now).await?
                }
                _ => drop(Box::pin(self.promotions().resume(*id)).await?),
            }
        }
        Ok(moving.len())
    }
}

async fn sweep_functions(engine: &Engine) -> Result<Swept, Transient> {
    let mut places: BTreeMap<(EnvironmentName, FunctionName), BTreeSet<Token>> = BTreeMap::new();
    for key in engine.store().keys(OPEN).await? {
        match parse_marker(&key) {
            Some((environment, function, marker)) => {
                places.entry((environment, function)).or_default().insert(marker);
            }
            None => tracing::warn!(key, "no marker of this deployer's: delete it"),
        }
    }
    let looked = stream::iter(places)
        .map(|((name, function), markers)| async move {
            let span = tracing::info_span!("sweep", environment = %name, function = %function);
            let place = format!("{name}/{function}");
            let at = match FunctionRef::find(&engine.config, &name, &function) {
                Ok(at) => at,
                Err(unknown) => {
                    let because =
                        format!("work may be open {unknown}: put it back, or delete the markers open/{name}/…");
                    tracing::warn!(parent: &span, "{because}");
                    return Swept::one().failing(&place, Failing::Configuration, &because);
                }
            };
            match engine.on(&at).sweep(&markers).instrument(span.clone()).await {
                Ok(swept) => swept,
                Err(error) => {
                    tracing::error!(parent: &span, "not swept: {error}");
                    Swept::one().failing(&place, Failing::of(&error), &error.to_string())
                }
            }
        })
        .buffer_unordered(SWEPT_AT_ONCE)
        .fold(Swept::default(), |all, one| future::ready(all.and(one)))
        .await;
    let asked = Requested::of(engine).sweep().await?;
    let groups = Groups::of(engine).drive_all().await?;
    Requested::of(engine).submit_without_queue().await;
    note_sweep(engine).await;
    Ok(looked.and(asked).and(groups))
}
