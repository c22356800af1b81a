//! Publishes events, where deployer.json names a bus. Events only inform: nothing depends on one. An event about a
//! record that cannot be sent stays in the outbox, and whoever flushes the outbox next sends it.

use deployer_core::artifact::{ArtifactKey, IgnoredUpload};
use deployer_core::event::{Announcement, Event, RecordlessEvent};

use crate::Engine;
use crate::port::EventsError;

/// An event could not be sent; the log has the reason.
#[derive(Debug)]
pub(crate) struct NotSent;

/// Sends an event, if there is one.
pub(crate) async fn publish(engine: &Engine, event: Option<Event>) -> Result<(), NotSent> {
    let Some(event) = event else { return Ok(()) };
    send(engine, &event).await.map_err(|error| {
        let announces = event.announces.detail_type();
        tracing::error!("event {announces:?} is not sent, and will be when somebody comes by: {error}");
        NotSent
    })
}

/// Sends an event about something that has no record. Best effort.
pub(crate) async fn publish_without_record(
    engine: &Engine,
    announces: Announcement,
    because: &str,
    about: RecordlessEvent,
) {
    let event = Event::without_record(announces, because, about);
    if let Err(error) = send(engine, &event).await {
        tracing::error!("event {:?} is not sent ({because}): {error}", announces.detail_type());
    }
}

/// Sends the event of a promotion that is refused and has no record. Best effort.
pub(crate) async fn publish_refused_promotion(engine: &Engine, because: &str, about: RecordlessEvent) {
    publish_without_record(engine, Announcement::PromotionRefused, because, about).await;
}

/// Sends the event of an upload that is ignored. Best effort.
pub(crate) async fn publish_ignored_upload(engine: &Engine, key: &str, because: &str) {
    let about = RecordlessEvent { key: Some(key.to_owned().into()), ..RecordlessEvent::default() };
    publish_without_record(engine, Announcement::UploadIgnored, because, about).await;
}

/// Sends the event of an upload that is ignored, if only the last part of its key is wrong: its sender meant to deploy
/// it. Best effort.
pub(crate) async fn publish_near_miss(engine: &Engine, not_ours: &IgnoredUpload) {
    if let IgnoredUpload::Key { key, .. } = not_ours
        && let Some((environment, _)) = ArtifactKey::folder(key)
        && engine.config.environments.contains_key(&environment)
    {
        publish_ignored_upload(engine, key, &not_ours.to_string()).await;
    }
}

async fn send(engine: &Engine, event: &Event) -> Result<(), EventsError> {
    match &engine.ports.events {
        Some(events) => events.send(event).await,
        None => Ok(()),
    }
}
