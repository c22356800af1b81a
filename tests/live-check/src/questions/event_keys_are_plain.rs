use async_trait::async_trait;
use std::time::Duration;

use fixtures::error::Result;
use serde_json::{Value, json};

use crate::lab::Lab;
use crate::polling::until;
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

const KEY: &str = "dev/a b+\u{fc}";

/// S3: how is an object's key encoded in its events?
pub struct EventKeysArePlain;

#[async_trait(?Send)]
impl Question for EventKeysArePlain {
    fn about(&self) -> About {
        About {
            name: "event-keys-are-plain",
            belief: "S3 form-encodes the key in a notification, and leaves it plain in the event `Object Created` \
                     of EventBridge.",
            relied_on_in: &["deployer/core/src/trigger/eventbridge.rs", "deployer/core/src/trigger/mod.rs"],
            asks: "an object with blank, plus and umlaut in its key, of which the bucket tells one queue by a \
                   notification and by EventBridge",
            confirmed_by: "`dev/a+b%2B%C3%BC` in the notification, `dev/a b+ü` in EventBridge",
            refuted_by: "any other two keys",
            needs: Needs::Minutes,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let queue = lab.queue("keys").await?;
        let pattern = json!({"source": ["aws.s3"], "detail": {"bucket": {"name": [lab.bucket()]}}});
        lab.rule(None, "keys", &pattern, &queue).await?;
        lab.notify(&queue).await?;
        let (mut of_notification, mut of_event) = (None, None);
        // S3 tells EventBridge nothing for some minutes after that was turned on, so the object is put again and again.
        until("waiting for the events of an object", Duration::from_secs(420), async || {
            lab.put(KEY, "1").await?;
            for body in queue.take().await? {
                let key = |object: &Value| object["key"].as_str().map(str::to_owned);
                of_notification = key(&body["Records"][0]["s3"]["object"]).or(of_notification.take());
                of_event = key(&body["detail"]["object"]).or(of_event.take());
            }
            Ok((of_notification.is_some() && of_event.is_some()).then_some(()))
        })
        .await?;
        let (notification, event) = (of_notification.unwrap_or_default(), of_event.unwrap_or_default());
        let found = format!("the notification has `{notification}`, the event `{event}`");
        Ok(Answer::holds_if(notification == "dev/a+b%2B%C3%BC" && event == KEY, found))
    }
}
