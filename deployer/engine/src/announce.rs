//! What follows from a deployment's end besides record and result; and the events that tell of what happens.
//!
//! Events only tell: one that cannot be sent fails nothing, and is sent from the outbox when somebody comes by.

use std::collections::BTreeSet;

use deployer_core::artifact::{NotOurs, Place};
use deployer_core::destination::FunctionRef;
use deployer_core::event::{Announcement, Event, RecordlessEvent};
use deployer_core::head::{OutboxEntry, SideEffect};
use deployer_core::record::Status;

use super::Engine;
use super::claim::Claim;
use crate::port::{ETag, EventsError, LedgerError};

/// What has come of carrying out what follows from a deployment's end.
pub(super) struct CarriedOut {
    pub done: BTreeSet<SideEffect>,
    /// Why the record or the result is not written.
    pub unwritten: Option<LedgerError>,
}

impl Engine {
    /// Carries out what follows from a deployment's end, each of it idempotent or at least once.
    pub(super) async fn carry_out(&self, at: &FunctionRef<'_>, entry: &OutboxEntry, over: Option<ETag>) -> CarriedOut {
        let OutboxEntry { record, todo, .. } = entry;
        if todo.contains(&SideEffect::Record)
            && let Err(error) = self.write_down(entry, over).await
        {
            return CarriedOut { done: BTreeSet::new(), unwritten: Some(error) };
        }
        let promotions = async {
            let put_down = match todo.contains(&SideEffect::Promotions) {
                true => self.put_down_promotions(at, entry).await,
                false => Ok(()),
            };
            put_down.map_err(|error| {
                tracing::error!(deployment = %record.id, "the promotions that it calls for are not put down: {error}");
            })
        };
        let events = async {
            if todo.contains(&SideEffect::Started) {
                self.announce(Event::started(record)).await?;
            }
            if todo.contains(&SideEffect::Ended) {
                self.announce(Event::of(record)).await?;
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

    /// Writes down that a deployment is in progress, and tells of it. The record is written again at the end: this one may be
    /// missing.
    pub(super) async fn note(&self, at: &FunctionRef<'_>, claim: &Claim) {
        let is_resumed = claim.active().hops > 0;
        if is_resumed && !claim.is_start_untold() {
            // It was told when it began, and its record says what it waits for.
            return;
        }
        let record = at.record_of(claim.active(), Status::InProgress);
        claim.tells_of_its_start(false);
        let told = async {
            if self.announce(Event::of(&record)).await.is_ok() {
                claim.tells_of_its_start(true);
            }
        };
        if is_resumed {
            return told.await;
        }
        let ((), written) = futures::join!(told, self.store().write_record(&record, None));
        match written {
            Ok(etag) => claim.is_noted(etag),
            Err(error) => tracing::warn!("not recorded as in progress: {error}"),
        }
    }

    /// Tells of what there is no record of. Best effort.
    pub(super) async fn announce_without_record(&self, announces: Announcement, because: &str, about: RecordlessEvent) {
        let event = Event::without_record(announces, because, about);
        if let Err(error) = self.send_event(&event).await {
            tracing::error!("event {:?} is not sent ({because}): {error}", announces.detail_type());
        }
    }

    /// Tells that a promotion is refused of which there is no record, and why. Best effort.
    pub async fn tell_of_refused(&self, because: &str, about: RecordlessEvent) {
        self.announce_without_record(Announcement::PromotionRefused, because, about).await;
    }

    /// Tells that an upload is ignored, and why. Best effort.
    pub(super) async fn tell_of_ignored(&self, key: &str, because: &str) {
        let about = RecordlessEvent { key: Some(key.to_owned().into()), ..RecordlessEvent::default() };
        self.announce_without_record(Announcement::UploadIgnored, because, about).await;
    }

    /// Tells of an upload that is ignored for its key's last part alone: somebody meant to deploy it. Best effort.
    pub(super) async fn tell_of_near_miss(&self, not_ours: &NotOurs) {
        if let NotOurs::Key { key, .. } = not_ours
            && let Some((environment, _)) = Place::folder(key)
            && self.config.environments.contains_key(&environment)
        {
            self.tell_of_ignored(key, &not_ours.to_string()).await;
        }
    }

    /// Sends an event, where there is a bus.
    pub(super) async fn announce(&self, event: Option<Event>) -> Result<(), Untold> {
        let Some(event) = event else { return Ok(()) };
        self.send_event(&event).await.map_err(|error| {
            let announces = event.announces.detail_type();
            tracing::error!("event {announces:?} is not sent, and will be when somebody comes by: {error}");
            Untold
        })
    }

    async fn send_event(&self, event: &Event) -> Result<(), EventsError> {
        match &self.ports.events {
            Some(events) => events.send(event).await,
            None => Ok(()),
        }
    }

    async fn write_down(&self, entry: &OutboxEntry, over: Option<ETag>) -> Result<(), LedgerError> {
        let OutboxEntry { record, as_read, .. } = entry;
        futures::try_join!(
            self.store().write_record_as(record, as_read, over),
            self.store().write_result(record, as_read)
        )
        .map(drop)
    }
}

/// An event could not be sent; the log says why.
#[derive(Debug)]
pub(super) struct Untold;
