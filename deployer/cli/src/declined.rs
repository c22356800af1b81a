//! Whether a promotion was declined by the person who has just asked for that, or had ended or gone on before.

use deployer_core::record::Status;
use deployer_core::text::Person;

use super::answer::Exit;

/// Returns what is to be said beside the end of the promotion, and the exit code. The same person's decline before counts
/// too: the command may have been sent twice.
pub(super) fn judge(status: Status, because: Option<&str>, by: &Person) -> (&'static str, Exit) {
    let words = because.and_then(|because| because.strip_prefix("declined by ")?.strip_prefix(by.as_str()));
    let is_own = words.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':']));
    match status {
        Status::Refused if is_own => ("", Exit::Done),
        Status::InProgress => ("nothing was declined: its deployment has begun\n", Exit::Refused),
        Status::Pending => ("nothing was declined: it goes on\n", Exit::Refused),
        _ => ("nothing was declined: it had ended already\n", Exit::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decline_of_what_has_ended_declines_nothing() {
        let judged = |status, because| judge(status, because, &"bob".into());
        for because in ["declined by bob", "declined by bob: not today", "declined by bob (account 1): no"] {
            assert_eq!(judged(Status::Refused, Some(because)), ("", Exit::Done));
        }
        let late = ("nothing was declined: it had ended already\n", Exit::Refused);
        for because in [Some("declined by bobby: not today"), Some("held by ann since today"), None] {
            assert_eq!(judged(Status::Refused, because), late);
        }
        assert_eq!(judged(Status::Succeeded, None), late);
        assert_eq!(judged(Status::InProgress, None).1, Exit::Refused);
    }
}
