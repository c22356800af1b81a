//! The bus that the deployer's events go to: the events that have arrived, in order.

use std::sync::Arc;

use async_trait::async_trait;
use deployer_core::event::Event;
use deployer_engine::port::{Events, EventsError};

use super::World;
use super::call::{Connection, Op};

/// The port of one invocation.
pub(super) struct EventsPort(pub Arc<Connection>);

#[async_trait]
impl Events for EventsPort {
    async fn send(&self, event: &Event) -> Result<(), EventsError> {
        let what = event.announces.detail_type();
        self.0
            .call(Op::PutEvents, "bus", what, |state, _| {
                state.events.push(event.clone());
                Ok(())
            })
            .await
    }
}

impl World {
    /// Returns the events that were sent so far, a line each: `Deployment Succeeded prod/orders 1.0.0 unchanged`.
    #[must_use]
    pub fn sent_events(&self) -> Vec<String> {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
        self.aws(|aws| {
            let line = |event: &Event| {
                let detail = &event.detail;
                let place = format!("{}/{}", text(&detail["environment"]), text(&detail["function"]));
                let (release, status) = (text(&detail["release"]), text(&detail["status"]));
                format!("{} {place} {release} {status}", event.announces.detail_type())
            };
            aws.events.iter().map(line).collect()
        })
    }
}
