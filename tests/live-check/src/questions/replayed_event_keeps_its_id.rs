use async_trait::async_trait;
use std::time::{Duration, SystemTime};

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use fixtures::error::Result;
use serde_json::{Value, json};

use crate::lab::Lab;
use crate::outcome::Answered as _;
use crate::polling::SPREADS_WITHIN;
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// EventBridge: does a replayed event keep its id?
pub struct ReplayedEventKeepsItsId;

#[async_trait(?Send)]
impl Question for ReplayedEventKeepsItsId {
    fn about(&self) -> About {
        About {
            name: "replayed-event-keeps-its-id",
            belief: "An event that EventBridge replays from an archive bears `replay-name` and keeps its id.",
            relied_on_in: &["deployer/core/src/trigger/promotion.rs", "docs/concepts/promotions.md"],
            asks: "an event on a bus with an archive and a rule to a queue; then StartReplay of the archive",
            confirmed_by: "`replay-name`, and the same id",
            refuted_by: "no `replay-name`, or another id",
            needs: Needs::Minutes,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let (bus, queue) = (lab.bus("replays").await?, lab.queue("replays").await?);
        lab.rule(Some(&bus), "replays", &json!({"source": ["live.check"]}), &queue).await?;
        lab.archive("replays", &bus).await?;
        let began = SystemTime::now() - Duration::from_secs(60);
        let entry =
            PutEventsRequestEntry::builder().event_bus_name(&bus).source("live.check").detail_type("live-check");
        let entry = entry.detail("{}").build();
        lab.aws.events.put_events().entries(entry).send().await.done("putting an event (events:PutEvents)")?;
        let text = |body: &Value, name: &str| body[name].as_str().map(str::to_owned);
        let first = queue.wait_for("waiting for the event", SPREADS_WITHIN, |body| text(body, "id")).await?;
        let again = |body: &Value| Some((text(body, "id")?, text(body, "replay-name")));
        let (id, replay) = lab.replay(("replays", &bus), began, &queue, again).await?;
        let found = format!("the event's id was {first}; replayed it is {id}, with replay-name {replay:?}");
        Ok(Answer::holds_if(replay.is_some() && id == first, found))
    }
}
