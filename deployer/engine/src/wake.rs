//! Going on with what is open: the deployments behind the one that ended, ticks, and the sweep.
//!
//! Messages are hints. What is open stands in a head, and a marker under `open/` leads the sweep to that head.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use deployer_core::asked::FORMAT;
use deployer_core::destination::FunctionRef;
use deployer_core::head::{GivenUp, Head, ResolvedArtifact, Tick};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName, Token};
use deployer_core::names::OPEN;
use deployer_core::promotion::Decision;
use deployer_core::record::DeploymentRecord;
use futures::future;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use tracing::Instrument as _;

use super::claim::{Claim, SubmitOutcome};
use super::finish::{FinishDetails, Finished};
use super::resolve::Resolved;
use super::rollout::Rollout;
use super::rollout::error::Unfinished;
use super::store::Versioned;
use super::swept::{Failing, Swept};
use super::timer::between;
use super::{Engine, EventOutcome, Transient};

/// SQS delays no message for longer (SQS API Reference, SendMessage, DelaySeconds).
const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// Lambda runs nothing for longer than 15 minutes: who has put a marker down before this is gone.
const MARKERS_LAST: Duration = Duration::from_secs(16 * 60);

/// How long nobody is sent to what was given up.
const GIVEN_UP_RESTS: Duration = Duration::from_secs(60);

/// How many functions a sweep looks at at once.
const SWEPT_AT_ONCE: usize = 16;

impl Engine {
    /// Goes on after a tick.
    ///
    /// # Errors
    /// [`Transient`]: the tick shall come again.
    pub async fn tick(&self, tick: Tick) -> Result<EventOutcome, Transient> {
        let ignored = |because: String| Ok(EventOutcome::Ignored { because });
        let at = match FunctionRef::find(&self.config, &tick.environment, &tick.function) {
            Ok(at) => at,
            Err(unknown) => return ignored(format!("a tick {unknown}")),
        };
        let seen = self.store().head(&at).await?;
        let fits = match seen.head.active() {
            Some(active) => active.request.id == tick.id && Some(active.claim) == tick.claim,
            None => seen.head.all_pending().iter().any(|pending| pending.id == tick.id),
        };
        if seen.head.waiting().iter().any(|waiting| waiting.request.id == tick.id) {
            return match self.wake_waiting(&at, tick.id).await?.into_iter().find(|record| record.id == tick.id) {
                Some(record) => Ok(EventOutcome::Recorded(Box::new(record))),
                None => ignored(format!("promotion {} was in other hands by then", tick.id)),
            };
        }
        if !fits {
            if let Some(record) = self.follow_hint(&at, tick.id).await? {
                return Ok(EventOutcome::Recorded(Box::new(record)));
            }
            return ignored(format!("a tick for deployment {}, which is over or in other hands", tick.id));
        }
        if let Some(active) = seen.head.active().filter(|_| !seen.head.sleeps(self.now())) {
            // It came early.
            self.tick_at(&at, tick.id, tick.claim, active.lease_until).await?;
            return ignored(format!("a tick for deployment {} before its lease has ended", tick.id));
        }
        self.wake(&at, seen).await.map(|records| match records.into_iter().find(|record| record.id == tick.id) {
            Some(record) => EventOutcome::Recorded(Box::new(record)),
            None => EventOutcome::Ignored { because: format!("deployment {} was in other hands by then", tick.id) },
        })
    }

    /// Looks at every function that may have work open, and wakes what sleeps; and looks whether the queues keep up.
    ///
    /// # Errors
    /// [`Transient`]: the markers cannot be listed. What goes wrong with one function never stops the others.
    pub async fn sweep(&self) -> Result<Swept, Transient> {
        let (queues, swept) = future::join(self.look_at_queues(), self.sweep_functions()).await;
        swept.map(|swept| swept.and(queues))
    }

    async fn sweep_functions(&self) -> Result<Swept, Transient> {
        let mut places: BTreeMap<(EnvironmentName, FunctionName), BTreeSet<Token>> = BTreeMap::new();
        for key in self.store().keys(OPEN).await? {
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
                let at = match FunctionRef::find(&self.config, &name, &function) {
                    Ok(at) => at,
                    Err(unknown) => {
                        let because =
                            format!("work may be open {unknown}: put it back, or delete the markers open/{name}/…");
                        tracing::warn!(parent: &span, "{because}");
                        return Swept::one().failing(&place, Failing::Configuration, &because);
                    }
                };
                match self.sweep_one(&at, &markers).instrument(span.clone()).await {
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
        let asked = self.sweep_asked().await?;
        let groups = self.drive_groups().await?;
        self.submit_without_queue().await;
        self.note_sweep().await;
        Ok(looked.and(asked).and(groups))
    }

    async fn sweep_one(&self, at: &FunctionRef<'_>, markers: &BTreeSet<Token>) -> Result<Swept, Transient> {
        let mut swept = Swept::one();
        let place = format!("{}/{}", at.name, at.function);
        let mut seen = self.store().head(at).await?;
        let ended = seen.head.outbox().len();
        if ended > 0 {
            // What cannot be written here holds up nothing else: what sleeps is woken all the same.
            match self.settle(at, seen.clone()).await {
                Ok(settled) => {
                    swept.completed = ended.saturating_sub(settled.left.len());
                    for (id, error) in &settled.left {
                        let because = format!("the record of {id} is not written: {error}");
                        swept = swept.failing(&place, Failing::Ledger, &because);
                    }
                    seen = settled.seen;
                }
                Err(error) => {
                    tracing::error!("not completed: {error}");
                    swept = swept.failing(&place, Failing::of(&error), &error.to_string());
                }
            }
        }
        // A marker that the head does not need may be of somebody who is about to write the head.
        let now = self.now();
        let gone = |marker: &&Token| between(marker.time(), now) > MARKERS_LAST;
        let gone = markers.iter().filter(|marker| !seen.head.needs(**marker)).filter(gone);
        let keys = gone.map(|marker| Head::marker_key(&at.name, &at.function, *marker));
        swept.cleared = future::join_all(keys.map(async |key| self.store().delete(&key).await)).await.len();
        match self.sweep_waiting(at, &seen.head).await {
            Ok(woken) => swept.woken += woken,
            Err(error) => {
                tracing::error!("not all that waits was looked at: {error}");
                swept = swept.failing(&place, Failing::of(&error), &error.to_string());
            }
        }
        for waiting in seen.head.waiting().iter().filter(|waiting| !waiting.told) {
            self.tell_waiting(at, seen.clone(), waiting).await;
        }
        if seen.head.sleeps(now) && !seen.head.is_looked_after(now) {
            swept.woken += 1;
            let (id, claim) = sleeper(&seen.head);
            // By a message: a sweep that did all the work itself could not end in time.
            match id {
                Some(id) if self.ports.queue.is_some() => {
                    self.tick_at(at, id, claim, now).await?;
                    self.note_tick(at, seen).await;
                }
                _ => drop(self.wake(at, seen).await?),
            }
        }
        Ok(swept)
    }

    /// The head of a parked deployment says that a tick is on its way, lest each sweep send another where the queue does not keep up.
    /// Whoever is faster with that head has it in hand.
    async fn note_tick(&self, at: &FunctionRef<'_>, seen: Versioned) {
        let Some(head) = seen.head.with_tick_sent(self.now()) else { return };
        if let Err(error) = self.store().write_head(at, seen.etag, head).await {
            tracing::warn!("the next sweep will send another tick: {error}");
        }
    }

    /// Judges the promotions that wait, and has somebody go on with those that can.
    async fn sweep_waiting(&self, at: &FunctionRef<'_>, head: &Head) -> Result<usize, Transient> {
        let moving = self.moving(at, head).await?;
        for (id, verdict) in &moving {
            match verdict {
                // By a message: a sweep that did all the work itself could not end in time.
                Decision::Allow if self.ports.queue.is_some() => self.tick_at(at, *id, None, self.now()).await?,
                _ => drop(Box::pin(self.wake_waiting(at, *id)).await?),
            }
        }
        Ok(moving.len())
    }

    async fn wake(&self, at: &FunctionRef<'_>, seen: Versioned) -> Result<Vec<DeploymentRecord>, Transient> {
        if !self.has_time_to_begin() {
            return Err(Transient::NoTime);
        }
        let SubmitOutcome::Claimed(claim) = self.take_up(at, seen).await? else { return Ok(vec![]) };
        let records = self.go_on(at, Some(claim)).await;
        if records.is_err() {
            // The tick that has brought us here does not fit any more: another one does.
            self.come_back(at).await;
        }
        records
    }

    /// Works on a claim, and on what waits behind it while there is time. What ended is told; what did not is left to a
    /// tick or the sweep, unless it was the first.
    pub(super) async fn go_on(
        &self,
        at: &FunctionRef<'_>,
        first: Option<Arc<Claim>>,
    ) -> Result<Vec<DeploymentRecord>, Transient> {
        let mut ended = Vec::new();
        let mut next = first;
        while let Some(claim) = next {
            if !self.has_time_to_begin() {
                self.release(at, &claim, GivenUp::Untouched).await;
                if ended.is_empty() {
                    return Err(Transient::NoTime);
                }
                self.come_back(at).await;
                return Ok(ended);
            }
            match Box::pin(self.work_on(at, &claim)).await {
                Ok(Finished { record, next: following, .. }) => {
                    ended.push(record);
                    next = following;
                }
                Err(Unfinished::Saved(record)) => {
                    ended.push(*record);
                    next = None;
                }
                Err(Unfinished::Transient(transient)) if ended.is_empty() => return Err(transient),
                Err(unfinished) => {
                    if let Unfinished::Transient(transient) = unfinished {
                        tracing::warn!(deployment = %claim.request().id, "left for later: {transient}");
                    }
                    self.come_back(at).await;
                    next = None;
                }
            }
        }
        Ok(ended)
    }

    /// Works on a claim that is ours already.
    async fn work_on(&self, at: &FunctionRef<'_>, claim: &Arc<Claim>) -> Result<Finished, Unfinished> {
        let at = &at.as_claimed(claim.active());
        let resolved = async {
            let rejects = self.store().rejects(&at.function).await?;
            Ok::<_, Transient>((self.resolve(at, claim, &rejects).await?, rejects))
        };
        let (claim, chosen, rejects) = match resolved.await {
            Ok((Resolved::Known(claim, chosen), rejects)) => (claim, chosen, rejects),
            Ok((Resolved::Refused(refusal), _)) => {
                let artifact = claim.request().promoting().and_then(|promoting| promoting.artifact.as_ref());
                let facts = FinishDetails {
                    artifact: artifact.map(ResolvedArtifact::recorded),
                    unseen: true,
                    ..FinishDetails::default()
                };
                return Ok(self.finish(at, claim, refusal, facts).await?);
            }
            Ok((Resolved::Waits(wait), _)) => {
                let record = self.put_back(at, claim, &wait).await?;
                self.come_back(at).await;
                return Err(Unfinished::Saved(Box::new(record)));
            }
            Err(transient) => {
                // Nothing was written, so nobody need wait for the lease to end.
                self.release(at, claim, GivenUp::Untouched).await;
                return Err(transient.into());
            }
        };
        let rollout = Rollout::new(self, at, claim.request().clone(), chosen);
        rollout.resume(claim, rejects).instrument(rollout.span()).await
    }

    /// What is open here shall be woken when it sleeps. A tick that cannot be sent costs no more than a sweep's period.
    pub(super) async fn come_back(&self, at: &FunctionRef<'_>) {
        let seen = match self.store().head(at).await {
            Ok(seen) => seen,
            Err(error) => return tracing::warn!("no tick was sent, so the sweep will wake what is open here: {error}"),
        };
        let (Some(id), claim) = sleeper(&seen.head) else { return };
        // What was given up a moment ago would fare no better now.
        let soon = self.now().checked_add(GIVEN_UP_RESTS).unwrap_or(Timestamp::MAX);
        let when = seen.head.active().map_or(self.now(), |active| active.lease_until.max(soon));
        if let Err(error) = self.tick_at(at, id, claim, when).await {
            tracing::warn!("no tick was sent, so the sweep will wake this deployment: {error}");
        }
    }

    /// Sends a tick that comes at this time. Nothing without a queue.
    pub(super) async fn tick_at(
        &self,
        at: &FunctionRef<'_>,
        id: DeploymentId,
        claim: Option<Token>,
        when: Timestamp,
    ) -> Result<(), Transient> {
        let Some(queue) = &self.ports.queue else { return Ok(()) };
        let tick = Tick { environment: at.name.clone(), function: at.function.clone(), id, claim };
        let body = serde_json::json!({ "format": FORMAT, "tick": tick }).to_string();
        // A lease ends in the middle of a second, and messages are delayed by whole ones.
        let delay = match between(self.now(), when) {
            Duration::ZERO => Duration::ZERO,
            left => Duration::from_secs(left.as_secs() + 1).min(LONGEST_DELAY),
        };
        queue.send(body, delay).await.map_err(|error| Transient::Queue(error.to_string()))
    }
}

/// What would be woken, and under which claim it is.
fn sleeper(head: &Head) -> (Option<DeploymentId>, Option<Token>) {
    match head.active() {
        Some(active) => (Some(active.request.id), Some(active.claim)),
        None => (head.pending().map(|pending| pending.id), None),
    }
}

fn parse_marker(key: &str) -> Option<(EnvironmentName, FunctionName, Token)> {
    let mut parts = key.strip_prefix(OPEN)?.split('/');
    let (environment, function, marker, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    Some((EnvironmentName::parse(environment).ok()?, FunctionName::parse(function).ok()?, Token::parse(marker).ok()?))
}
