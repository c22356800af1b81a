//! What follows from a deployment's end besides record and result; and the events that tell of what happens.
//!
//! Events only tell: one that cannot be sent fails nothing, and is sent from the outbox when somebody comes by.

use deployer_core::artifact::{NotOurs, Place};
use deployer_core::event::{Announcement, Event, RecordlessEvent};

use super::Engine;
use crate::port::EventsError;

impl Engine {
    /// Tells that a promotion is refused of which there is no record, and why. Best effort.
    pub async fn tell_of_refused(&self, because: &str, about: RecordlessEvent) {
        Announcer::of(self).publish_without_record(Announcement::PromotionRefused, because, about).await;
    }
}

/// Publishes events. They only tell: nothing is lost with one.
#[derive(Clone, Copy)]
pub(crate) struct Announcer<'e> {
    engine: &'e Engine,
}

impl<'e> Announcer<'e> {
    pub(crate) fn of(engine: &'e Engine) -> Self {
        Self { engine }
    }

    /// Tells of what there is no record of. Best effort.
    pub(super) async fn publish_without_record(self, announces: Announcement, because: &str, about: RecordlessEvent) {
        let event = Event::without_record(announces, because, about);
        if let Err(error) = self.send_event(&event).await {
            tracing::error!("event {:?} is not sent ({because}): {error}", announces.detail_type());
        }
    }

    /// Tells that an upload is ignored, and why. Best effort.
    pub(super) async fn upload_ignored(self, key: &str, because: &str) {
        let about = RecordlessEvent { key: Some(key.to_owned().into()), ..RecordlessEvent::default() };
        self.publish_without_record(Announcement::UploadIgnored, because, about).await;
    }

    /// Tells of an upload that is ignored for its key's last part alone: somebody meant to deploy it. Best effort.
    pub(super) async fn near_miss(self, not_ours: &NotOurs) {
        if let NotOurs::Key { key, .. } = not_ours
            && let Some((environment, _)) = Place::folder(key)
            && self.engine.config.environments.contains_key(&environment)
        {
            self.upload_ignored(key, &not_ours.to_string()).await;
        }
    }

    /// Sends an event, where there is a bus.
    pub(super) async fn publish(self, event: Option<Event>) -> Result<(), Untold> {
        let Some(event) = event else { return Ok(()) };
        self.send_event(&event).await.map_err(|error| {
            let announces = event.announces.detail_type();
            tracing::error!("event {announces:?} is not sent, and will be when somebody comes by: {error}");
            Untold
        })
    }

    async fn send_event(self, event: &Event) -> Result<(), EventsError> {
        match &self.engine.ports.events {
            Some(events) => events.send(event).await,
            None => Ok(()),
        }
    }
}

/// An event could not be sent; the log says why.
#[derive(Debug)]
pub(super) struct Untold;
