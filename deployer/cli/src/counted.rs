//! Whether an approval was counted, or came after the promotion had gone on or ended without it.

use deployer_core::record::{Approved, Status};
use deployer_core::text::Person;

use super::answer::Exit;

/// Returns what is to be said beside the state of the promotion, and the exit code, which is `exit` where the approval
/// was counted. The same person's approval before counts too: the command may have been sent twice. `approvals` is none
/// where the deployment is no promotion.
pub(super) fn judge(status: Status, approvals: Option<&[Approved]>, by: &Person, exit: Exit) -> (&'static str, Exit) {
    let Some(approvals) = approvals else {
        return ("nothing was approved: this deployment is no promotion\n", Exit::Refused);
    };
    // What waits has taken the approval, or has it from the same person under another name.
    if status == Status::Pending || approvals.iter().any(|given| given.by == *by) {
        return ("", exit);
    }
    ("nothing was approved: it had ended or gone on without this approval\n", Exit::Refused)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn approval_of_what_has_ended_counts_only_for_who_has_approved_it() {
        let given: Vec<Approved> =
            serde_json::from_str(r#"[{"by": "bob", "account": null, "at": "2026-11-30T12:00:00Z"}]"#).unwrap();
        let judged = |status, by: &str| judge(status, Some(&given), &by.into(), Exit::Done);
        assert_eq!(judged(Status::Succeeded, "bob"), ("", Exit::Done));
        let late = ("nothing was approved: it had ended or gone on without this approval\n", Exit::Refused);
        for status in [Status::Succeeded, Status::Unchanged, Status::Refused, Status::InProgress] {
            assert_eq!(judged(status, "ann"), late, "{status}");
        }
        assert_eq!(judged(Status::Pending, "robert"), ("", Exit::Done), "it waits for more");
        assert_eq!(judge(Status::Succeeded, None, &"bob".into(), Exit::Done).1, Exit::Refused);
    }
}
