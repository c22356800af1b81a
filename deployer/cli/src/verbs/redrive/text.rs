//! The texts of `redrive`.

use std::fmt::Write as _;

use deployer_core::dead_letters::{DeadLetter, DeadLetters, LetterEvent, Redrive, RedriveStatus};
use deployer_core::text::counted;
use jiff::Timestamp;

use crate::answer::one_line;
use crate::text::ago::ago;

/// Describes the queue, a line for each message.
pub(super) fn letters(letters: &DeadLetters, deployer: &str, now: Timestamp) -> String {
    let name = one_line(letters.queue.rsplit(':').next().unwrap_or(&letters.queue));
    let mut text = match letters.waiting {
        0 => format!("{name}: no message lies there\n"),
        count => {
            let oldest = letters.messages.iter().filter_map(|letter| letter.sent).min();
            let oldest = oldest.map_or_else(String::new, |sent| format!(", the oldest sent {}", ago(sent, now)));
            format!("{name}: {}{oldest}\n", messages(count))
        }
    };
    if letters.in_flight > 0 {
        let (count, is, was) = match letters.in_flight {
            1 => (messages(1), "is", "was"),
            more => (messages(more), "are", "were"),
        };
        let _always =
            writeln!(text, "  {count} besides {is} being looked at by somebody else, or {was} so a minute ago");
    }
    for letter in &letters.messages {
        text.push_str(&line(letter));
    }
    let shown = u64::try_from(letters.messages.len()).unwrap_or(u64::MAX);
    if letters.waiting > shown {
        let _always = writeln!(text, "  and {} more", letters.waiting - shown);
    }
    if shown > 0 {
        let since = letters.messages.iter().filter_map(|letter| letter.sent).min();
        let since = since.map_or_else(|| "1d".to_owned(), |sent| sent.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        let log = one_line(deployer);
        let _always = writeln!(
            text,
            "why: aws logs tail /aws/lambda/{log} --since {since} --filter-pattern '{{ $.level = \"ERROR\" }}'"
        );
    }
    if let Some(redrive) = &letters.redrive {
        let began = redrive.started.map_or_else(String::new, |started| format!(" began {},", ago(started, now)));
        let _always = writeln!(text, "latest redrive:{began} {}", state(redrive));
    }
    text
}

fn line(letter: &DeadLetter) -> String {
    let sent = letter.sent.map_or_else(|| "-".to_owned(), |sent| sent.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
    let from = letter.from.as_deref().map_or("of an unknown queue".into(), one_line);
    let mut events: Vec<String> = letter.events.iter().map(event).collect();
    if events.is_empty() {
        events.push("no event".to_owned());
    }
    format!("  {sent}  {from}  {}\n", events.join("; "))
}

fn event(event: &LetterEvent) -> String {
    match event {
        LetterEvent::Upload { key, version_id } => {
            format!("upload {key} (S3 version id {})", version_id.as_deref().unwrap_or("none"))
        }
        LetterEvent::Tick { environment, function, deployment } => {
            format!("tick for deployment {deployment} of {function} in {environment}")
        }
        LetterEvent::Promotion { id, functions, from, to, release, requested_by } => {
            let release = release.as_ref().map_or_else(String::new, |release| format!(" {release}"));
            let by = requested_by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
            format!("promotion {id} of {functions}{release} from {from} to {to}{by}")
        }
        LetterEvent::Approval { environment, function, deployment, approved, by } => {
            let word = if *approved { "approval" } else { "decline" };
            let function = function.as_ref().map_or_else(|| "a group".to_owned(), ToString::to_string);
            let deployment = deployment.as_ref().map_or_else(String::new, |id| format!(", deployment {id}"));
            format!("{word} by {by} of {function} in {environment}{deployment}")
        }
        LetterEvent::Unreadable { because } => format!("unreadable: {because}"),
    }
}

/// Describes how far a redrive is, or how it ended.
pub(super) fn state(redrive: &Redrive) -> String {
    match redrive.status {
        RedriveStatus::Running => progress(redrive),
        RedriveStatus::Cancelling => format!("is being cancelled, {}", went_back(redrive.moved)),
        RedriveStatus::Cancelled => format!("was cancelled, {}", went_back(redrive.moved)),
        RedriveStatus::Completed => format!("done, {}", went_back(redrive.moved)),
        RedriveStatus::Failed => format!("failed ({}), {}", reason(redrive), went_back(redrive.moved)),
    }
}

fn reason(redrive: &Redrive) -> &str {
    redrive.because.as_deref().unwrap_or("SQS gives no reason")
}

/// Describes how far a redrive is.
pub(super) fn progress(redrive: &Redrive) -> String {
    match redrive.to_move {
        Some(all) => format!("{} of {} went back", redrive.moved, messages(all)),
        None => went_back(redrive.moved),
    }
}

/// Describes the end of a redrive.
pub(super) fn ended(redrive: &Redrive) -> String {
    match redrive.status {
        RedriveStatus::Completed => {
            let them = if redrive.moved == 1 { "it" } else { "them" };
            format!("{}: the deployer tries {them} again\n", went_back(redrive.moved))
        }
        RedriveStatus::Failed => {
            let advice = match reason(redrive) {
                reason if reason.contains("AccessDenied") => {
                    "\n  you need sqs:SendMessage on both queues of the deployer (the policy \"operate\")"
                }
                reason if reason.contains("CouldNotDetermineMessageSource") => {
                    "\n  somebody has sent a message straight to the dead-letter queue: move or delete it by hand"
                }
                _ => "",
            };
            format!("the redrive failed: {}; {}{advice}\n", reason(redrive), went_back(redrive.moved))
        }
        _ => format!("somebody has cancelled the redrive: {} before\n", went_back(redrive.moved)),
    }
}

/// Writes a number of messages that went back.
pub(super) fn went_back(moved: u64) -> String {
    format!("{} went back", messages(moved))
}

pub(super) fn messages(count: u64) -> String {
    counted(count, "message")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn redrive(status: RedriveStatus, because: Option<&str>) -> Redrive {
        let because = because.map(Into::into);
        Redrive { status, moved: 1, to_move: Some(3), started: Some(at("2026-11-25T11:57:00Z")), because }
    }

    #[test]
    fn queue_is_shown_with_number_oldest_and_a_line_for_each_message() {
        let sent = Some(at("2026-11-25T10:00:00Z"));
        let messages = vec![
            DeadLetter::of("a", sent, Some("arn:aws:sqs:eu-west-1:1:deployer"), "\u{1b}[2J"),
            DeadLetter { message_id: "b".into(), sent: None, from: None, events: vec![] },
        ];
        let redrive = Some(redrive(RedriveStatus::Completed, None));
        let queue = "arn:aws:sqs:eu-west-1:1:deployer-dead-letters".into();
        let shown = DeadLetters { queue, waiting: 5, in_flight: 1, messages, redrive };
        let text = letters(&shown, "deployer", at("2026-11-25T12:00:00Z"));
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("deployer-dead-letters: 5 messages, the oldest sent 2 h ago"));
        assert!(lines.next().is_some_and(|line| line.starts_with("  1 message besides is being")));
        assert!(lines.next().is_some_and(|line| line.starts_with("  2026-11-25 10:00:00Z  deployer  unreadable: ")));
        assert_eq!(lines.next(), Some("  -  of an unknown queue  no event"));
        assert_eq!(lines.next(), Some("  and 3 more"));
        assert!(lines.next().is_some_and(|line| {
            line.starts_with("why: aws logs tail /aws/lambda/deployer --since 2026-11-25T10:00:00Z ")
        }));
        assert_eq!(lines.next(), Some("latest redrive: began 3 min ago, done, 1 message went back"));
        assert!(lines.next().is_none() && !text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn end_of_a_redrive_says_how_many_went_back_and_why_it_failed() {
        let text = |status, because| ended(&redrive(status, because));
        assert_eq!(text(RedriveStatus::Completed, None), "1 message went back: the deployer tries it again\n");
        assert!(text(RedriveStatus::Cancelled, None).contains("cancelled the redrive: 1 message went back before"));
        let denied = text(RedriveStatus::Failed, Some("AccessDenied"));
        assert!(denied.contains("failed: AccessDenied; 1 message went back") && denied.contains("sqs:SendMessage"));
        assert!(text(RedriveStatus::Failed, Some("CouldNotDetermineMessageSource")).contains("by hand"));
        assert_eq!(progress(&redrive(RedriveStatus::Running, None)), "1 of 3 messages went back");
    }
}
