//! The bus that the deployer's events go to, over EventBridge.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use deployer_core::event::Event;
use deployer_core::names::EVENT_SOURCE;

use super::failure::Failure;
use deployer_engine::port::{Events, EventsError};

/// The deployer's bus.
pub struct EventBridge {
    client: Client,
    bus: String,
    is_unresponsive: AtomicBool,
}

/// How long it is waited for: events only tell, and deployments wait meanwhile.
const SEND_TIMEOUT: Duration = Duration::from_secs(3);

impl EventBridge {
    /// The bus of this name or ARN, for one invocation: where it does not answer it is not asked again.
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
        // Entries fail one by one, in an answer that says 200 (EventBridge API Reference, PutEvents).
        match answer.entries().iter().find_map(|entry| Some((entry.error_code()?, entry.error_message()))) {
            Some((code, message)) => Err(error(&format!("{code}: {}", message.unwrap_or_default()))),
            None => Ok(()),
        }
    }
}
