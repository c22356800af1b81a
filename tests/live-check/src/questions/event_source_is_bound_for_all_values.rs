use async_trait::async_trait;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use fixtures::error::Result;
use serde_json::json;

use crate::lab::{Lab, allow_if};
use crate::outcome::{Answered as _, Refusal, ended, was_allowed};
use crate::passing::until_decided;
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
            let entries: Vec<_> = sources.into_iter().map(entry).collect();
            let put = until_decided(&lab.aws.config, async || {
                let put = session.events.put_events().set_entries(Some(entries.clone()));
                Ok(put.send().await.answered("putting events")?.and_then(|put| of_entries(put.entries())))
            });
            outcomes.push(put.await.answered("putting the entries of a call")?);
        }
        let [own, other, both, by_equals] = [0, 1, 2, 3].map(|i| ended(&outcomes[i]));
        let found = format!(
            "an event of the source {own}, of another {other}, both {both}; with StringEquals the first {by_equals}"
        );
        Ok(match [0, 1, 2].map(|i| was_allowed(&outcomes[i])) {
            [Some(true), Some(false), Some(false)] => Answer::confirmed(found),
            [Some(false), ..] | [_, Some(true), _] | [_, _, Some(true)] => Answer::refuted(found),
            _ => Answer::unclear(found),
        })
    }
}

/// Returns the first refusal of an entry: EventBridge answers 200 to a call whose entries it refuses.
fn of_entries(entries: &[PutEventsResultEntry]) -> Result<(), Refusal> {
    let refused = entries.iter().find_map(|entry| Some((entry.error_code()?, entry.error_message())));
    refused.map_or(Ok(()), |(code, message)| {
        Err(Refusal { status: 200, code: code.to_owned(), message: message.unwrap_or_default().to_owned() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_of_an_entry_passes_or_denies_by_its_code() {
        let entries = |code: &str| {
            [
                PutEventsResultEntry::builder().event_id("1").build(),
                PutEventsResultEntry::builder().error_code(code).build(),
            ]
        };
        assert!(of_entries(&entries("ThrottlingException")).is_err_and(|refusal| refusal.is_passing()));
        assert!(of_entries(&entries("InternalFailure")).is_err_and(|refusal| refusal.is_passing()));
        assert!(of_entries(&entries("AccessDeniedException")).is_err_and(|refusal| refusal.is_denied()));
        assert_eq!(of_entries(&entries("1")[..1]), Ok(()));
    }
}
