//! The deployer's event bus: it sends requests for promotions to the queue, and tests can read the deployer's events.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use deployer_core::names::{EVENT_SOURCE, PROMOTION_APPROVED, PROMOTION_DECLINED, PROMOTION_REQUESTED};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::LocalAws;
use super::accounts::{REGION, TOOLING};
use super::clients::Clients;
use super::control::{Control, Signed};
use fixtures::error::{Doing as _, Result};

/// The bus's name.
pub(super) const BUS: &str = "deployer";
const EVENTS_QUEUE: &str = "told";
const SIGNED: Signed<'static> = Signed { account: TOOLING, region: REGION, service: "events" };

/// Makes the bus with a rule to the queue, as `infra/modules/tooling` does, and a rule to a queue that tests read.
pub(super) async fn set_up(clients: &Clients, control: &Control, queue_arn: &str) -> Result<()> {
    control.json_call(&SIGNED, "AWSEvents.CreateEventBus", &json!({ "Name": BUS })).await?;
    let requests = json!({"detail-type": [PROMOTION_REQUESTED, PROMOTION_APPROVED, PROMOTION_DECLINED]});
    rule(control, "deployer-promotions", &requests, queue_arn).await?;
    let sqs = clients.sqs(TOOLING, REGION);
    let call = sqs.create_queue().queue_name(EVENTS_QUEUE).attributes(QueueAttributeName::VisibilityTimeout, "1800");
    call.send().await.doing("making the queue of what is told")?;
    let arn = format!("arn:aws:sqs:{REGION}:{TOOLING}:{EVENTS_QUEUE}");
    rule(control, EVENTS_QUEUE, &json!({ "source": [EVENT_SOURCE] }), &arn).await
}

async fn rule(control: &Control, name: &str, pattern: &Value, to: &str) -> Result<()> {
    let rule = json!({"Name": name, "EventBusName": BUS, "EventPattern": pattern.to_string(), "State": "ENABLED"});
    control.json_call(&SIGNED, "AWSEvents.PutRule", &rule).await?;
    let targets = json!({"Rule": name, "EventBusName": BUS, "Targets": [{"Id": "queue", "Arn": to}]});
    control.json_call(&SIGNED, "AWSEvents.PutTargets", &targets).await.map(drop)
}

impl LocalAws {
    /// Puts an event on the deployer's bus.
    ///
    /// # Errors
    /// EventBridge answers with an error.
    pub async fn put_event(&self, detail_type: &str, detail: &Value) -> Result<()> {
        let entry = json!({"EventBusName": BUS, "Source": "acme.release", "DetailType": detail_type,
            "Detail": detail.to_string()});
        self.control().json_call(&SIGNED, "AWSEvents.PutEvents", &json!({ "Entries": [entry] })).await.map(drop)
    }

    /// Returns the events that the deployer has put on the bus since the last call.
    ///
    /// # Errors
    /// SQS answers with an error.
    pub async fn published_events(&self) -> Result<Vec<Value>> {
        let sqs = self.clients().sqs(TOOLING, REGION);
        let url =
            sqs.get_queue_url().queue_name(EVENTS_QUEUE).send().await.doing("finding the queue of what is told")?;
        let url = url.queue_url.unwrap_or_default();
        let mut events = Vec::new();
        loop {
            let call = sqs.receive_message().queue_url(&url).max_number_of_messages(10);
            let messages = call.send().await.doing("reading what was told")?.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(events);
            }
            for message in messages {
                events.push(serde_json::from_str(message.body().unwrap_or_default()).doing("reading an event")?);
                let receipt = message.receipt_handle().unwrap_or_default();
                let delete = sqs.delete_message().queue_url(&url).receipt_handle(receipt);
                delete.send().await.doing("taking an event away")?;
            }
        }
    }

    /// Lets soak times pass by moving the time since which releases are live in an environment back. No deployer may be
    /// running.
    ///
    /// # Errors
    /// S3 answers with an error.
    pub async fn let_soaks_pass(&self, environment: &str, time: Duration) -> Result<()> {
        let earlier = SignedDuration::try_from(time).doing("reading a duration")?;
        for key in self.ledger_keys(&format!("heads/{environment}/")).await? {
            let Some(mut head) = self.ledger_object(&key).await? else { continue };
            for live in head["history"].as_array_mut().into_iter().flatten() {
                let since: Timestamp = live["since"].as_str().unwrap_or_default().parse().doing("reading a time")?;
                live["since"] = json!(since - earlier);
            }
            self.put_in_ledger(&key, head.to_string().into_bytes()).await?;
        }
        Ok(())
    }
}
