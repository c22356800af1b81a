use async_trait::async_trait;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use fixtures::error::Result;
use serde_json::json;

use crate::lab::{Lab, allow_if};
use crate::outcome::{Answered as _, Refusal, ended};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// EventBridge: does ForAllValues bind events:source?
pub struct EventSourceIsBoundForAllValues;

#[async_trait(?Send)]
impl Question for EventSourceIsBoundForAllValues {
    fn about(&self) -> About {
        About {
            name: "event-source-is-bound-for-all-values",
            belief: "PutEvents under the condition ForAllValues:StringEquals on events:source, with Null false, is \
                     allowed for that source and for no other, also not where one entry of several has another.",
            relied_on_in: &["infra/modules/tooling/role.tf", "infra/modules/tooling/people.tf"],
            asks: "PutEvents to a bus in a session with that condition: an entry with the source, one with \
                   another, and both in one call; then the first with StringEquals in place of ForAllValues",
            confirmed_by: "done, denied, denied; done",
            refuted_by: "done with another source, or the first denied",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let bus = lab.bus("sources").await?;
        let arn = lab.bus_arn(&bus);
        let entry = |source: &str| {
            let entry = PutEventsRequestEntry::builder().event_bus_name(&bus).source(source);
            entry.detail_type("live-check").detail("{}").build()
        };
        let for_all =
            json!({"ForAllValues:StringEquals": {"events:source": "live.check"}, "Null": {"events:source": "false"}});
        let plain = json!({"StringEquals": {"events:source": "live.check"}});
        let mut outcomes = Vec::new();
        for (condition, sources) in [
            (&for_all, vec!["live.check"]),
            (&for_all, vec!["somebody"]),
            (&for_all, vec!["live.check", "somebody"]),
            (&plain, vec!["live.check"]),
        ] {
            let session = lab.session(&[allow_if("events:PutEvents", arn.as_str(), condition.clone())]).await?;
            let entries = sources.into_iter().map(entry).collect();
            let put = session.events.put_events().set_entries(Some(entries)).send().await.answered("putting events")?;
            outcomes.push(put.and_then(|put| match put.entries().iter().find_map(|entry| entry.error_code()) {
                Some(code) => Err(Refusal { status: 200, code: code.to_owned(), message: String::new() }),
                None => Ok(()),
            }));
        }
        let [own, other, both, by_equals] = [0, 1, 2, 3].map(|i| ended(&outcomes[i]));
        let found = format!(
            "an event of the source {own}, of another {other}, both {both}; with StringEquals the first {by_equals}"
        );
        let is_denied = |i: usize| outcomes[i].as_ref().is_err_and(Refusal::is_denied);
        Ok(Answer::holds_if(outcomes[0].is_ok() && is_denied(1) && is_denied(2), found))
    }
}
