//! The outbox of a head: the side effects of ended deployments, carried out by this invocation or by the next one.

use std::collections::{BTreeMap, BTreeSet};

use deployer_core::event::Event;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{self, OutboxEntry, Request, ResolvedArtifact, SideEffect, Wakeup};
use deployer_core::id::{DeploymentId, Token};
use deployer_core::ledger_keys;
use deployer_core::record::{CauseKind, DeploymentRecord};
use deployer_core::stored_request::StoredRequest;
use futures::future::join_all;

use super::commit::log_outcome;
use super::deployment::verify::read_metadata;
use super::function_handles::Outbox;
use super::store::{Change, Versioned};
use super::{Engine, Transient};
use crate::events::{NotSent, publish};
use crate::port::{ETag, LedgerError};

/// The result of a flush.
pub(super) struct FlushReport {
    pub seen: Versioned,
    /// The deployments whose record or result could not be written, with the error. They stay in the outbox.
    pub unwritten: Vec<(DeploymentId, LedgerError)>,
    /// The deployments that call for promotions which could not be put under `asked/`, with the error. They stay in the
    /// outbox, too.
    pub unrequested: Vec<(DeploymentId, LedgerError)>,
}

impl FlushReport {
    /// Returns the head, unless the record or the result of this deployment is not written. Those of other deployments
    /// do not matter.
    pub fn head_with_record_of(self, id: DeploymentId) -> Result<Versioned, Transient> {
        match self.unwritten.into_iter().find(|(unwritten, _)| *unwritten == id) {
            Some((_, error)) => Err(error.into()),
            None => Ok(self.seen),
        }
    }
}

/// The side effects of one ended deployment, as far as they are carried out.
pub(super) struct SideEffectsReport {
    pub done: BTreeSet<SideEffect>,
    /// The reason why the record or the result is not written.
    pub unwritten: Option<LedgerError>,
    /// The reason why a promotion that the deployment calls for is not put under `asked/`.
    pub unrequested: Option<LedgerError>,
}

impl Outbox<'_> {
    /// Carries out the side effects of ended deployments, removes them from the head, and deletes their markers.
    /// Another invocation may do the same at the same time. A failure for one deployment holds up no other, but for the
    /// promotions that later ones call for.
    pub(crate) async fn flush(self, seen: Versioned) -> Result<FlushReport, Transient> {
        self.flush_with(seen, None).await
    }

    /// Flushes the outbox where the state of one of the records in the ledger is known.
    pub(crate) async fn flush_with(
        self,
        seen: Versioned,
        noted: Option<(DeploymentId, Option<ETag>)>,
    ) -> Result<FlushReport, Transient> {
        let mut done: BTreeMap<DeploymentId, BTreeSet<SideEffect>> = BTreeMap::new();
        let change = async |seen: &mut Versioned| {
            let open: Vec<OutboxEntry> =
                seen.head.outbox().iter().filter_map(|entry| remaining(entry, &done)).collect();
            let etag = |record: &DeploymentRecord| noted.clone().filter(|(id, _)| *id == record.id)?.1;
            let asks = open.iter().position(|entry| entry.todo.contains(&SideEffect::Promotions));
            let reports = open.iter().enumerate().map(|(index, entry)| {
                // Those of a later deployment follow, so that what was live earlier is asked for earlier.
                let asks_now = asks.is_none_or(|first| index <= first);
                self.run_side_effects(entry, etag(&entry.record), asks_now)
            });
            let mut reports = join_all(reports).await;
            self.request_later_promotions(&open, &mut reports).await;
            let (mut unwritten, mut unrequested) = (Vec::new(), Vec::new());
            for (entry, report) in open.iter().zip(reports) {
                let is_another = noted.as_ref().is_none_or(|(id, _)| *id != entry.record.id);
                if is_another && report.done.contains(&SideEffect::Record) {
                    log_outcome(&entry.record);
                }
                unwritten.extend(report.unwritten.map(|error| (entry.record.id, error)));
                unrequested.extend(report.unrequested.map(|error| (entry.record.id, error)));
                done.entry(entry.record.id).or_default().extend(report.done);
            }
            let changes: Vec<_> = done.clone().into_iter().collect();
            let closed = seen.head.outbox().iter().filter(|entry| remaining(entry, &done).is_none());
            let closed: Vec<Token> = closed.map(|entry| entry.marker).collect();
            Ok::<_, Transient>(match head::with_side_effects_done(&seen.head, &changes) {
                None => Change::Keep((unwritten, unrequested, closed)),
                Some(head) => Change::Write(Box::new(head), (unwritten, unrequested, closed)),
            })
        };
        let (seen, (unwritten, unrequested, closed)) =
            self.engine.store().update_head(self.at, Some(seen), change).await?;
        self.delete_markers(&closed).await;
        for (id, error) in &unwritten {
            tracing::error!(deployment = %id, "its record or its result is not written: {error}");
        }
        Ok(FlushReport { seen, unwritten, unrequested })
    }

    /// Asks for the promotions of later deployments, one after the other. Those of one wait for earlier ones that could
    /// not be asked for, but for no record that cannot be written.
    async fn request_later_promotions(self, open: &[OutboxEntry], reports: &mut [SideEffectsReport]) {
        for (entry, report) in open.iter().zip(reports) {
            let is_asked = report.done.contains(&SideEffect::Promotions);
            if !entry.todo.contains(&SideEffect::Promotions) || is_asked || report.unwritten.is_some() {
                continue;
            }
            if report.unrequested.is_some() {
                break;
            }
            match self.request_promotions(entry).await {
                Ok(()) => drop(report.done.insert(SideEffect::Promotions)),
                Err(error) => {
                    report.unrequested = Some(error);
                    break;
                }
            }
        }
    }

    /// Carries out the side effects of one deployment's end, its promotions only if they may be asked for now. Each is
    /// idempotent, or happens at least once.
    async fn run_side_effects(self, entry: &OutboxEntry, expected: Option<ETag>, asks_now: bool) -> SideEffectsReport {
        let entry = &self.with_metadata(entry).await;
        let OutboxEntry { record, todo, .. } = entry;
        if todo.contains(&SideEffect::Record)
            && let Err(error) = self.write_record_and_result(entry, expected).await
        {
            return SideEffectsReport { done: BTreeSet::new(), unwritten: Some(error), unrequested: None };
        }
        let asks = asks_now && todo.contains(&SideEffect::Promotions);
        let promotions = async {
            match asks {
                true => self.request_promotions(entry).await,
                false => Ok(()),
            }
        };
        let events = async {
            if todo.contains(&SideEffect::Started) {
                publish(self.engine, Event::started(record)).await?;
            }
            if todo.contains(&SideEffect::Ended) {
                publish(self.engine, Event::of(record)).await?;
            }
            Ok::<_, NotSent>(())
        };
        let (promotions, events) = futures::join!(promotions, events);
        let done = todo.iter().copied().filter(|effect| match effect {
            SideEffect::Record => true,
            SideEffect::Promotions => asks && promotions.is_ok(),
            SideEffect::Started | SideEffect::Ended => events.is_ok(),
            SideEffect::Unknown => false,
        });
        SideEffectsReport { done: done.collect(), unwritten: None, unrequested: promotions.err() }
    }

    /// Adds what the uploader has said of an upload that has ended before anybody has read it. Where that cannot be read, the
    /// record goes without.
    async fn with_metadata(self, entry: &OutboxEntry) -> OutboxEntry {
        let mut entry = entry.clone();
        let is_told = [SideEffect::Record, SideEffect::Ended].iter().any(|effect| entry.todo.contains(effect));
        let record = &mut entry.record;
        if let (CauseKind::Upload, Some(artifact)) = (record.cause.kind, &mut record.artifact)
            && artifact.size.is_none()
            && is_told
        {
            match read_metadata(self.engine, &artifact.reference()).await {
                Ok(metadata) => artifact.metadata = metadata,
                Err(error) => tracing::warn!(deployment = %record.id, "nobody tells who has uploaded it: {error}"),
            }
        }
        entry
    }

    async fn write_record_and_result(self, entry: &OutboxEntry, expected: Option<ETag>) -> Result<(), LedgerError> {
        let OutboxEntry { record, as_read, .. } = entry;
        futures::try_join!(
            self.engine.store().write_record_as(record, as_read, expected),
            self.engine.store().write_result(record, as_read)
        )
        .map(drop)
    }

    /// Deletes the markers of requests that are closed. If one stays, the sweep deletes it.
    pub(crate) async fn delete_markers(self, markers: &[Token]) {
        let keys = markers.iter().map(|marker| ledger_keys::marker(&self.at.name, &self.at.function, *marker));
        join_all(keys.map(async |key| self.engine.store().delete(&key).await)).await;
    }

    /// Writes the requests for the promotions of an artifact that this deployment has completed, and sends a hint to
    /// each destination. If the deployment belongs to a group, the group gets a hint too.
    pub(crate) async fn request_promotions(
        self,
        OutboxEntry { record, completed, .. }: &OutboxEntry,
    ) -> Result<(), LedgerError> {
        if record.promotion.as_ref().is_some_and(|promotion| promotion.group.is_some()) {
            send_hint(self.engine, self.at, record.id).await;
        }
        let (Some(completed), Some(resolved)) = (completed, artifact_of(record)) else { return Ok(()) };
        let completed_by = completed.deployment;
        let mut failed = None;
        for (name, environment) in &self.engine.config.environments {
            let automatic = environment.promotion.as_ref().filter(|p| p.automatic && p.from.contains(&self.at.name));
            let at = match FunctionRef::find(&self.engine.config, name, &self.at.function) {
                Ok(at) if automatic.is_some() => at,
                _ => continue,
            };
            let drawn = (self.engine.now(), self.engine.token());
            let request = Request::automatic_promotion(record, completed_by, &at.name, resolved.clone(), drawn);
            let (id, stored) = (request.id, StoredRequest::new(&at.name, &at.function, request));
            // A promotion that cannot be written holds up no other.
            match self.engine.store().create(&stored.key(), &stored).await {
                Ok(_) => send_hint(self.engine, &at, id).await,
                Err(error) => {
                    tracing::error!(deployment = %record.id, to = %name, "its promotion is not put down: {error}");
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Sends a message by which another invocation looks there. A lost one costs no more than a sweep's period.
async fn send_hint(engine: &Engine, at: &FunctionRef<'_>, id: DeploymentId) {
    if let Err(transient) = engine.reconciler(at).send_tick(Wakeup { id, claim: None }, engine.now()).await {
        tracing::warn!(to = %at.name, deployment = %id, "no hint was sent, so the sweep will find it: {transient}");
    }
}

/// Returns the entry with the side effects that are not done yet; none if all are.
fn remaining(entry: &OutboxEntry, done: &BTreeMap<DeploymentId, BTreeSet<SideEffect>>) -> Option<OutboxEntry> {
    let todo = match done.get(&entry.record.id) {
        Some(done) => &entry.todo - done,
        None => entry.todo.clone(),
    };
    (!todo.is_empty()).then(|| OutboxEntry { todo, ..entry.clone() })
}

/// Returns the artifact of an ended deployment.
fn artifact_of(record: &DeploymentRecord) -> Option<ResolvedArtifact> {
    let (release, artifact) = (record.release.as_ref()?, record.artifact.as_ref()?);
    let resolved = ResolvedArtifact::of(release.clone(), artifact.reference());
    Some(ResolvedArtifact { sha256: artifact.sha256, size: artifact.size, ..resolved })
}
