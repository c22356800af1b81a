//! Whether a promotion was declined by the person who has just asked for that, or had ended or gone on before.

use deployer_core::record::Status;
use deployer_core::text::Person;

use super::answer::Exit;

/// Returns the reason why nothing was declined, if that is so, and the exit code. The same person's decline before counts
/// too: the command may have been sent twice.
pub(super) fn decline_outcome(status: Status, because: Option<&str>, by: &Person) -> (Option<&'static str>, Exit) {
    let words = because.and_then(|because| because.strip_prefix("declined by ")?.strip_prefix(by.as_str()));
    let is_own = words.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':']));
    match status {
        Status::Refused if is_own => (None, Exit::Done),
        Status::InProgress => (Some("nothing was declined: its deployment has begun"), Exit::Refused),
        Status::Pending => (Some("nothing was declined: it goes on"), Exit::Refused),
        _ => (Some("nothing was declined: it had ended already"), Exit::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decline_of_what_has_ended_declines_nothing() {
        let outcome = |status, because| decline_outcome(status, because, &"bob".into());
        for because in ["declined by bob", "declined by bob: not today", "declined by bob (account 1): no"] {
            assert_eq!(outcome(Status::Refused, Some(because)), (None, Exit::Done));
        }
        let late = (Some("nothing was declined: it had ended already"), Exit::Refused);
        for because in [Some("declined by bobby: not today"), Some("held by ann since today"), None] {
            assert_eq!(outcome(Status::Refused, because), late);
        }
        assert_eq!(outcome(Status::Succeeded, None), late);
        assert_eq!(outcome(Status::InProgress, None).1, Exit::Refused);
    }
}
