//! The deployer's events, sent to a bus over EventBridge.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use deployer_core::event::Event;
use deployer_core::names::EVENT_SOURCE;

use super::failure::Failure;
use deployer_engine::port::{Events, EventsError};

/// The bus that receives the deployer's events.
pub struct EventBridge {
    client: Client,
    bus: String,
    is_unresponsive: AtomicBool,
}

/// The timeout of a send: events only inform, and deployments wait meanwhile.
const SEND_TIMEOUT: Duration = Duration::from_secs(3);

impl EventBridge {
    /// Sends to the bus of this name or ARN for one invocation; after a timeout it sends nothing more.
    #[must_use]
    pub fn new(client: Client, bus: String) -> Self {
        Self { client, bus, is_unresponsive: AtomicBool::new(false) }
    }
}

#[async_trait]
impl Events for EventBridge {
    async fn send(&self, event: &Event) -> Result<(), EventsError> {
        let error = |message: &str| EventsError(format!("PutEvents to {}: {message}", self.bus));
        if self.is_unresponsive.load(Ordering::Relaxed) {
            return Err(error("it did not answer before"));
        }
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(EVENT_SOURCE)
            .detail_type(event.announces.detail_type())
            .detail(event.detail.to_string())
            .build();
        let Ok(answer) = tokio::time::timeout(SEND_TIMEOUT, self.client.put_events().entries(entry).send()).await
        else {
            self.is_unresponsive.store(true, Ordering::Relaxed);
            return Err(error(&format!("no answer in {} seconds", SEND_TIMEOUT.as_secs())));
        };
        let answer = answer.map_err(|failed| error(&Failure::of(&failed).message))?;
        // Entries fail one by one in an answer with status 200 (EventBridge API Reference, PutEvents).
        match answer.entries().iter().find_map(|entry| Some((entry.error_code()?, entry.error_message()))) {
            Some((code, message)) => Err(error(&format!("{code}: {}", message.unwrap_or_default()))),
            None => Ok(()),
        }
    }
}
