use async_trait::async_trait;
use std::time::{Duration, SystemTime};

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use fixtures::error::Result;
use serde_json::{Value, json};

use crate::lab::Lab;
use crate::outcome::Answered as _;
use crate::polling::{SPREADS_WITHIN, until};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// EventBridge: the mark of a replayed event, and its id.
pub struct ReplayedEventIsMarked;

#[async_trait(?Send)]
impl Question for ReplayedEventIsMarked {
    fn about(&self) -> About {
        About {
            name: "replayed-event-is-marked",
            belief: "An event that EventBridge replays from an archive bears `replay-name`, by which the deployer \
                     knows it, whether or not it keeps its id.",
            relied_on_in: &["deployer/core/src/trigger/promotion.rs", "docs/concepts/promotions.md"],
            asks: "an event on a bus with an archive and a rule to a queue; then StartReplay of the archive",
            confirmed_by: "`replay-name`; the answer also tells both ids",
            refuted_by: "no `replay-name`",
            needs: Needs::Minutes,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let (bus, queue) = (lab.bus("replays").await?, lab.queue("replays").await?);
        lab.rule(Some(&bus), "replays", &json!({"source": ["live.check"]}), &queue).await?;
        lab.archive("replays", &bus).await?;
        let began = SystemTime::now() - Duration::from_secs(60);
        let text = |body: &Value, name: &str| body[name].as_str().map(str::to_owned);
        // Events that come before the rule is known everywhere go nowhere, so each try has a number.
        let mut number = 0;
        let first = until("waiting for an event", SPREADS_WITHIN, async || {
            number += 1;
            let entry = PutEventsRequestEntry::builder().event_bus_name(&bus).source("live.check");
            let entry = entry.detail_type("live-check").detail(json!({"number": number}).to_string()).build();
            lab.aws.events.put_events().entries(entry).send().await.done("putting an event (events:PutEvents)")?;
            let is_it = |body: &Value| text(body, "id").filter(|_| body["detail"]["number"] == number);
            Ok(queue.wait_for("waiting for an event", Duration::from_secs(10), is_it).await.ok())
        })
        .await?;
        let again = |body: &Value| {
            let id = text(body, "id").filter(|_| body["detail"]["number"] == number)?;
            Some((id, text(body, "replay-name")))
        };
        let (id, replay) = lab.replay(("replays", &bus), began, &queue, again).await?;
        let kept = if id == first { "keeps its id" } else { "gets another id" };
        let found = format!("the replayed event {kept} ({first}, then {id}), with replay-name {replay:?}");
        Ok(Answer::holds_if(replay.is_some(), found))
    }
}
