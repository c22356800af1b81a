//! Whether an approval was counted, or came after the promotion had gone on or ended without it.

use deployer_core::group::Group;
use deployer_core::promotion::GroupState;
use deployer_core::record::{Approved, DeploymentRecord, Status};
use deployer_core::text::Person;

use super::answer::Exit;

/// The reason why an approval was not counted.
const TOO_LATE: &str = "nothing was approved: it had ended or gone on without this approval";

/// Returns the reason why a person's approval of a promotion was not counted; none if it was. The same person's approval
/// before counts too: the command may have been sent twice.
pub(super) fn uncounted_in_record(record: &DeploymentRecord, by: &Person) -> Option<&'static str> {
    let Some(promotion) = &record.promotion else {
        return Some("nothing was approved: this deployment is no promotion");
    };
    // What waits for more has taken the approval, or has it from the same person under another name. What waits for its
    // turn only has had all that it takes before.
    let waits = record.status == Status::Pending && promotion.waits_for_long();
    (!waits && !names(&promotion.approvals, by)).then_some(TOO_LATE)
}

/// Returns the reason why a person's approval of a group was not counted; none if it was.
pub(super) fn uncounted_in_group(group: &Group, by: &Person) -> Option<&'static str> {
    let waits = matches!(group.state(), GroupState::Undecided);
    (!waits && !names(&group.approvals, by)).then_some(TOO_LATE)
}

fn names(approvals: &[Approved], by: &Person) -> bool {
    approvals.iter().any(|given| given.by == *by)
}

/// Returns the exit code of an approval, which is `exit` where it was counted.
pub(super) fn approval_exit(uncounted: Option<&str>, exit: Exit) -> Exit {
    if uncounted.is_some() { Exit::Refused } else { exit }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record(status: Status, promotion: &Value) -> DeploymentRecord {
        serde_json::from_value(json!({
            "schema": 1, "id": "01JD3Z9V7Q0000000000000000", "environment": "prod", "function": "orders", "release": "2",
            "status": status, "code": null, "because": null, "promotion": promotion, "artifact": null, "targets": [],
            "cause": {"kind": "promotion", "requested_by": "ada", "event_id": null},
            "started_at": "2026-11-30T12:00:00Z", "finished_at": null,
        }))
        .unwrap()
    }

    fn by_bob(more: &Value) -> Value {
        let mut promotion = json!({"from": "stage", "approvals": [{"by": "bob", "at": "2026-11-30T12:00:00Z"}]});
        more.as_object().unwrap().iter().for_each(|(name, value)| promotion[name] = value.clone());
        promotion
    }

    #[test]
    fn approval_of_what_waits_for_nothing_more_counts_only_for_who_has_approved_it() {
        let uncounted = |status, by: &str| uncounted_in_record(&record(status, &by_bob(&json!({}))), &by.into());
        for status in [Status::Succeeded, Status::Unchanged, Status::Refused, Status::InProgress, Status::Pending] {
            assert_eq!(uncounted(status, "bob"), None, "{status}");
            assert_eq!(uncounted(status, "ann"), Some(TOO_LATE), "{status}");
        }
        let no_promotion = uncounted_in_record(&record(Status::Succeeded, &Value::Null), &"bob".into());
        assert_eq!(no_promotion, Some("nothing was approved: this deployment is no promotion"));
        assert_eq!(approval_exit(Some(TOO_LATE), Exit::Done), Exit::Refused);
        assert_eq!(approval_exit(None, Exit::Failed), Exit::Failed);
    }

    #[test]
    fn approval_of_what_waits_for_more_counts_under_another_name_too() {
        for waits in [
            json!({"approvals_wanted": 1}),
            json!({"soak_until": "2026-11-30T13:00:00Z"}),
            json!({"frozen_until": "2026-11-30T13:00:00Z"}),
        ] {
            let uncounted = |status| uncounted_in_record(&record(status, &by_bob(&waits)), &"robert".into());
            assert_eq!(uncounted(Status::Pending), None, "{waits}");
            assert_eq!(uncounted(Status::Superseded), Some(TOO_LATE), "{waits}");
        }
    }

    #[test]
    fn approval_of_a_group_that_is_decided_counts_only_for_who_has_approved_it() {
        let uncounted = |phase: &str, by: &str| {
            let group = json!({"schema": 1, "revision": 1, "id": "0000000000F0M57FDAT7ZC1HD8", "environment": "prod",
                "from": "stage", "functions": [], "status": "pending", "code": null, "because": null, "phase": phase,
                "approvals": [{"by": "bob", "at": "2026-11-30T12:00:00Z"}],
                "cause": {"kind": "promotion", "requested_by": "ada", "event_id": "g"},
                "asked_at": "2026-11-30T12:00:00Z", "started_at": "2026-11-30T12:00:00Z", "finished_at": null});
            uncounted_in_group(&serde_json::from_value(group).unwrap(), &by.into())
        };
        for phase in ["checking", "placing"] {
            assert_eq!(uncounted(phase, "robert"), None, "{phase}");
        }
        for phase in ["moving", "going_back", "ended"] {
            assert_eq!((uncounted(phase, "bob"), uncounted(phase, "ann")), (None, Some(TOO_LATE)), "{phase}");
        }
    }
}
