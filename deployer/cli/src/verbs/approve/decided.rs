//! The deployer's answer to `approve` and `decline`: the promotion or its group as things are, and whether this word
//! changed anything. The first answer tells; what comes later tells of the same command that it was given before.

use deployer_core::decision::{Decided, DecidedAbout};
use deployer_core::id::FunctionName;
use deployer_core::record::Status;

use crate::answer::{Answer, Exit};
use crate::follow::{Followed, Stage};
use crate::output::Output;

impl Followed for Decided {
    /// A word that came too late is over, whatever becomes of the promotion.
    fn stage(&self) -> Stage {
        match &self.about {
            _ if self.is_too_late() => Stage::Ended,
            DecidedAbout::Record(record) => record.stage(),
            DecidedAbout::Group(group) => group.stage(),
        }
    }

    fn name(&self) -> String {
        match &self.about {
            DecidedAbout::Record(record) => record.name(),
            DecidedAbout::Group(group) => group.name(),
        }
    }

    fn how(&self) -> String {
        match &self.about {
            DecidedAbout::Record(record) => record.how(),
            DecidedAbout::Group(group) => group.how(),
        }
    }

    fn has_reason(&self) -> bool {
        match &self.about {
            DecidedAbout::Record(record) => record.has_reason(),
            DecidedAbout::Group(group) => group.has_reason(),
        }
    }

    fn text(&self) -> String {
        match &self.about {
            DecidedAbout::Record(record) => record.text(),
            DecidedAbout::Group(group) => group.text(),
        }
    }

    fn next_step(&self) -> Option<String> {
        match &self.about {
            _ if self.is_too_late() => None,
            DecidedAbout::Record(record) => record.next_step(),
            DecidedAbout::Group(group) => group.next_step(),
        }
    }

    fn function(&self) -> Option<&FunctionName> {
        match &self.about {
            DecidedAbout::Record(record) => Some(&record.function),
            DecidedAbout::Group(_) => None,
        }
    }

    fn exit(&self) -> Exit {
        match &self.about {
            _ if self.is_too_late() => Exit::Refused,
            DecidedAbout::Record(record) => record.exit(),
            DecidedAbout::Group(group) => group.exit(),
        }
    }

    fn keep(&mut self, earlier: Self) {
        self.decision = earlier.decision.or(self.decision);
        match (&mut self.about, earlier.about) {
            (DecidedAbout::Record(record), DecidedAbout::Record(earlier)) => record.keep(*earlier),
            (DecidedAbout::Group(group), DecidedAbout::Group(earlier)) => group.keep(*earlier),
            _ => {}
        }
    }
}

/// Makes the answer to an approval; `text` is for people.
pub(crate) fn approval_answer(decided: &Decided, text: String, output: Output) -> Answer {
    let is_promotion = match &decided.about {
        DecidedAbout::Record(record) => record.promotion.is_some(),
        DecidedAbout::Group(_) => true,
    };
    let because = match is_promotion {
        true => "nothing was approved: it had ended or gone on without this approval",
        false => "nothing was approved: this deployment is no promotion",
    };
    let late = decided.is_too_late().then_some(because);
    Answer::with_text(text, decided, decided.exit()).with_refusal(late, output)
}

/// Makes the answer to a decline. An older deployer does not say whose decline has ended a promotion that is refused: this
/// one may have.
pub(crate) fn decline_answer(decided: &Decided, output: Output) -> Answer {
    let status = match &decided.about {
        DecidedAbout::Record(record) => record.status,
        DecidedAbout::Group(group) => group.status,
    };
    let is_declined = match decided.decision {
        Some(_) => !decided.is_too_late(),
        None => status == Status::Refused,
    };
    let (late, exit) = match status {
        _ if is_declined => (None, Exit::Done),
        Status::InProgress => (Some("nothing was declined: its deployment has begun"), Exit::Refused),
        Status::Pending => (Some("nothing was declined: it goes on"), Exit::Refused),
        _ => (Some("nothing was declined: it had ended already"), Exit::Refused),
    };
    Answer::with_text(decided.text(), decided, exit).with_refusal(late, output)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn decided(fields: &Value) -> Decided {
        let mut answer = json!({
            "schema": 1, "id": "01JD3Z9V7Q0000000000000000", "environment": "prod", "function": "orders", "release": "2",
            "status": "pending", "code": null, "because": "waits", "artifact": null, "targets": [],
            "promotion": {"from": "stage", "approvals_wanted": 1},
            "cause": {"kind": "promotion", "requested_by": "ada", "event_id": null},
            "started_at": "2026-11-30T12:00:00Z", "finished_at": null,
        });
        fields.as_object().unwrap().iter().for_each(|(name, value)| answer[name] = value.clone());
        serde_json::from_value(answer).unwrap()
    }

    #[test]
    fn word_that_came_too_late_is_over_whatever_becomes_of_the_promotion() {
        for status in ["pending", "in_progress", "succeeded", "refused"] {
            let late = decided(&json!({"decision": "too_late", "status": status}));
            assert_eq!((late.stage(), late.exit(), late.next_step()), (Stage::Ended, Exit::Refused, None), "{status}");
        }
        let waits = decided(&json!({"decision": "recorded"}));
        assert_eq!((waits.stage(), waits.exit()), (Stage::Waiting, Exit::Done));
    }

    #[test]
    fn first_answer_tells_what_the_word_did() {
        for (first, told) in [("recorded", "recorded"), ("too_late", "too_late")] {
            let mut later = decided(&json!({"decision": "already_given", "status": "succeeded"}));
            later.keep(decided(&json!({ "decision": first })));
            assert_eq!(serde_json::to_value(&later).unwrap()["decision"], json!(told));
        }
        let mut older = decided(&json!({"status": "succeeded"}));
        older.keep(decided(&json!({})));
        assert_eq!(serde_json::to_value(&older).unwrap().get("decision"), None);
    }

    #[test]
    fn decline_is_told_by_what_it_did_and_else_by_the_status() {
        let outcome = |fields| {
            let answer = decline_answer(&decided(&fields), Output::Json);
            (answer.exit, answer.json["errorMessage"].as_str().map(str::to_owned))
        };
        let late = |words: &str| (Exit::Refused, Some(format!("nothing was declined: {words}")));
        for decision in ["recorded", "already_given"] {
            assert_eq!(outcome(json!({"status": "refused", "decision": decision})), (Exit::Done, None));
        }
        for decision in [json!("too_late"), Value::Null] {
            let of = |status: &str| outcome(json!({"status": status, "decision": decision}));
            assert_eq!(of("in_progress"), late("its deployment has begun"));
            assert_eq!(of("pending"), late("it goes on"));
            assert_eq!(of("succeeded"), late("it had ended already"));
        }
        assert_eq!(outcome(json!({"status": "refused", "decision": "too_late"})), late("it had ended already"));
        assert_eq!(outcome(json!({"status": "refused"})), (Exit::Done, None), "an older deployer does not say more");
    }
}
