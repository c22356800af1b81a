//! The outbox of a head: the side effects of ended deployments are carried out, by us or by whoever comes next.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::asked::AskedFor;
use deployer_core::event::Event;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{self, Head, OutboxEntry, Request, ResolvedArtifact, SideEffect, Wakeup};
use deployer_core::id::{DeploymentId, Token};
use deployer_core::record::DeploymentRecord;
use futures::future::join_all;

use super::announce::Untold;
use super::commit::log_outcome;
use super::handle::Outbox;
use super::store::{Change, Versioned};
use super::{Engine, Transient};
use crate::announce::Announcer;
use crate::port::{ETag, LedgerError};

/// What has become of an outbox.
pub(super) struct FlushReport {
    pub seen: Versioned,
    /// Whose record or result could not be written, and why: these stay in the outbox.
    pub left: Vec<(DeploymentId, LedgerError)>,
}

impl FlushReport {
    /// The head, unless the record or the result of this deployment is not written. What another one's is like is
    /// nothing to whoever asks for this one.
    pub fn of(self, id: DeploymentId) -> Result<Versioned, Transient> {
        match self.left.into_iter().find(|(left, _)| *left == id) {
            Some((_, error)) => Err(error.into()),
            None => Ok(self.seen),
        }
    }
}

/// What has come of carrying out what follows from a deployment's end.
pub(super) struct CarriedOut {
    pub done: BTreeSet<SideEffect>,
    /// Why the record or the result is not written.
    pub unwritten: Option<LedgerError>,
}

impl Outbox<'_> {
    /// Carries out what follows from ended deployments; then has the head forget them, and deletes their markers. Somebody may
    /// do the same at the same time. What cannot be done for one of them holds up no other.
    pub(crate) async fn flush(self, seen: Versioned) -> Result<FlushReport, Transient> {
        self.flush_over(seen, None).await
    }

    /// The same, where the state of one of the records is known.
    pub(crate) async fn flush_over(
        self,
        seen: Versioned,
        noted: Option<(DeploymentId, Option<ETag>)>,
    ) -> Result<FlushReport, Transient> {
        let mut done: BTreeMap<DeploymentId, BTreeSet<SideEffect>> = BTreeMap::new();
        let change = async |seen: &mut Versioned| {
            let open: Vec<OutboxEntry> = seen.head.outbox().iter().filter_map(|entry| undone(entry, &done)).collect();
            let over = |record: &DeploymentRecord| noted.clone().filter(|(id, _)| *id == record.id)?.1;
            let carried_out = open.iter().map(|entry| self.run_side_effects(entry, over(&entry.record)));
            let mut left = Vec::new();
            for (entry, fared) in open.iter().zip(join_all(carried_out).await) {
                let others = noted.as_ref().is_none_or(|(id, _)| *id != entry.record.id);
                if others && fared.done.contains(&SideEffect::Record) {
                    log_outcome(&entry.record);
                }
                left.extend(fared.unwritten.map(|error| (entry.record.id, error)));
                done.entry(entry.record.id).or_default().extend(fared.done);
            }
            let changes: Vec<_> = done.clone().into_iter().collect();
            let closed = seen.head.outbox().iter().filter(|entry| undone(entry, &done).is_none());
            let closed: Vec<Token> = closed.map(|entry| entry.marker).collect();
            Ok::<_, Transient>(match head::with_side_effects_done(&seen.head, &changes) {
                None => Change::Keep((left, closed)),
                Some(head) => Change::Write(Box::new(head), (left, closed)),
            })
        };
        let (seen, (left, closed)) = self.engine.store().update_head(self.at, Some(seen), change).await?;
        self.close(&closed).await;
        for (id, error) in &left {
            tracing::error!(deployment = %id, "its record or its result is not written: {error}");
        }
        Ok(FlushReport { seen, left })
    }

    /// Carries out what follows from a deployment's end, each of it idempotent or at least once.
    pub(crate) async fn run_side_effects(self, entry: &OutboxEntry, over: Option<ETag>) -> CarriedOut {
        let OutboxEntry { record, todo, .. } = entry;
        if todo.contains(&SideEffect::Record)
            && let Err(error) = self.write_down(entry, over).await
        {
            return CarriedOut { done: BTreeSet::new(), unwritten: Some(error) };
        }
        let promotions = async {
            let put_down = match todo.contains(&SideEffect::Promotions) {
                true => self.request_promotions(entry).await,
                false => Ok(()),
            };
            put_down.map_err(|error| {
                tracing::error!(deployment = %record.id, "the promotions that it calls for are not put down: {error}");
            })
        };
        let events = async {
            if todo.contains(&SideEffect::Started) {
                Announcer::of(self.engine).publish(Event::started(record)).await?;
            }
            if todo.contains(&SideEffect::Ended) {
                Announcer::of(self.engine).publish(Event::of(record)).await?;
            }
            Ok::<_, Untold>(())
        };
        let (promotions, events) = futures::join!(promotions, events);
        let done = todo.iter().copied().filter(|consequence| match consequence {
            SideEffect::Record => true,
            SideEffect::Promotions => promotions.is_ok(),
            SideEffect::Started | SideEffect::Ended => events.is_ok(),
            SideEffect::Unknown => false,
        });
        CarriedOut { done: done.collect(), unwritten: None }
    }

    pub(crate) async fn write_down(self, entry: &OutboxEntry, over: Option<ETag>) -> Result<(), LedgerError> {
        let OutboxEntry { record, as_read, .. } = entry;
        futures::try_join!(
            self.engine.store().write_record_as(record, as_read, over),
            self.engine.store().write_result(record, as_read)
        )
        .map(drop)
    }

    /// Nothing is open for these any more. A marker that stays is cleared away by the sweep.
    pub(crate) async fn close(self, markers: &[Token]) {
        let keys = markers.iter().map(|marker| Head::marker_key(&self.at.name, &self.at.function, *marker));
        join_all(keys.map(async |key| self.engine.store().delete(&key).await)).await;
    }

    /// Puts down the promotions of an artifact that has become complete by this end, and sends a hint to where each goes. The
    /// group of a member gets a hint too.
    pub(crate) async fn request_promotions(
        self,
        OutboxEntry { record, completed, .. }: &OutboxEntry,
    ) -> Result<(), Transient> {
        if record.promotion.as_ref().is_some_and(|promotion| promotion.group.is_some()) {
            hint(self.engine, self.at, record.id).await;
        }
        let (Some(completed), Some(chosen)) = (completed, brought(record)) else { return Ok(()) };
        let brought_by = completed.deployment;
        let mut failed = None;
        for (name, environment) in &self.engine.config.environments {
            let automatic = environment.promotion.as_ref().filter(|p| p.automatic && p.from.contains(&self.at.name));
            let at = match FunctionRef::find(&self.engine.config, name, &self.at.function) {
                Ok(at) if automatic.is_some() => at,
                _ => continue,
            };
            let drawn = (self.engine.now(), self.engine.token());
            let request = Request::automatic_promotion(record, brought_by, &at.name, chosen.clone(), drawn);
            let (id, asked) = (request.id, AskedFor::new(&at.name, &at.function, request));
            // A promotion that cannot be put down holds up no other.
            match self.engine.store().create(&asked.key(), &asked).await {
                Ok(_) => hint(self.engine, &at, id).await,
                Err(error) => {
                    tracing::error!(to = %name, "the promotion is not put down: {error}");
                    failed = Some(error.into());
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Sends a message by which somebody looks there. A lost one costs no more than a sweep's period.
async fn hint(engine: &Engine, at: &FunctionRef<'_>, id: DeploymentId) {
    if let Err(transient) = engine.on(at).send_tick(Wakeup { id, claim: None }, engine.now()).await {
        tracing::warn!(to = %at.name, deployment = %id, "no hint was sent, so the sweep will find it: {transient}");
    }
}

/// What is still to be done of an entry.
fn undone(entry: &OutboxEntry, done: &BTreeMap<DeploymentId, BTreeSet<SideEffect>>) -> Option<OutboxEntry> {
    let todo = match done.get(&entry.record.id) {
        Some(done) => &entry.todo - done,
        None => entry.todo.clone(),
    };
    (!todo.is_empty()).then(|| OutboxEntry { todo, ..entry.clone() })
}

/// The artifact of an ended deployment.
fn brought(record: &DeploymentRecord) -> Option<ResolvedArtifact> {
    let (release, artifact) = (record.release.as_ref()?, record.artifact.as_ref()?);
    let chosen = ResolvedArtifact::of(release.clone(), artifact.reference());
    Some(ResolvedArtifact { sha256: artifact.sha256, size: artifact.size, ..chosen })
}
