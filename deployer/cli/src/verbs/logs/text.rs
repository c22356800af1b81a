//! The text of log lines, for people and for programs.

use std::fmt::Write as _;

use anstyle::Style;
use deployer_aws::LogLine;
use deployer_core::id::DeploymentId;
use deployer_core::names::ENDED_LINE;
use serde_json::{Map, Value, json};

use crate::answer::{lines, one_line};
use crate::text::colours;

/// The fields that have a place of their own in the text.
const PLACED: [&str; 5] = ["timestamp", "level", "message", "spans", "target"];

/// Whether the line says that this deployment has ended. Lines about others may name it too.
pub(super) fn is_end(message: &str, id: DeploymentId) -> bool {
    let Some(line) = object(message) else { return false };
    let string = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
    string("message").starts_with(ENDED_LINE) && string("deployment") == id.to_string()
}

/// Whether the line is about another deployment only: that one's step or end names this deployment.
pub(super) fn is_about_another(message: &str, id: DeploymentId) -> bool {
    let Some(line) = object(message) else { return false };
    let spans = line.get("spans").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let span = spans.iter().rfind(|span| span["name"] == "deployment").and_then(|span| span.get("deployment"));
    let subject = line.get("deployment").or(span).and_then(Value::as_str);
    subject.is_some_and(|subject| subject != id.to_string())
}

/// Writes a line of JSON: the time, the log stream, and the message as JSON where it is an object.
pub(super) fn json(line: &LogLine) -> String {
    let message = object(&line.message).map_or_else(|| line.message.trim_end().into(), Value::Object);
    format!("{}\n", json!({ "time": line.time, "stream": line.stream, "message": message }))
}

/// Writes a line of the deployer: the time, the level, the target, the text and the fields.
pub(super) fn of_deployer(line: &LogLine) -> String {
    let Some(fields) = object(&line.message) else { return format!("{}  {}\n", time(line), text(&line.message)) };
    let string = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut shown = format!("{}  {}  ", time(line), level(string("level")));
    let spans = fields.get("spans").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let target = spans.iter().find(|span| span["name"] == "target");
    if let Some((account, region)) = target.and_then(|span| span["account"].as_str().zip(span["region"].as_str())) {
        let _infallible = write!(shown, "{}/{}: ", one_line(account), one_line(region));
    }
    shown.push_str(&one_line(string("message")));
    for (name, value) in fields.iter().filter(|(name, _)| !PLACED.contains(&name.as_str())) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _infallible = write!(shown, "  {}={}", one_line(name), one_line(&value));
    }
    shown.push('\n');
    shown
}

/// Writes a line of a function: the time, the version that wrote it, and the text as it is.
pub(super) fn of_function(line: &LogLine) -> String {
    // Lambda Developer Guide, "Log stream": 2026/11/25/[7]0123…, with the version in brackets.
    let version = line.stream.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let version = version.map_or_else(String::new, |(version, _)| format!("[{}]  ", one_line(version)));
    format!("{}  {version}{}\n", time(line), text(&line.message))
}

fn object(message: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(message).ok()
}

fn time(line: &LogLine) -> String {
    line.time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn text(message: &str) -> String {
    lines(message.trim_end())
}

fn level(name: &str) -> String {
    let style = match name {
        "ERROR" => colours::BAD,
        "WARN" => colours::ATTENTION,
        _ => Style::new(),
    };
    format!("{style}{:<5}{style:#}", one_line(name))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn line(message: &str) -> LogLine {
        LogLine {
            id: "1".into(),
            time: "2026-11-25T20:21:24Z".parse().unwrap(),
            stream: "2026/11/25/[7]0123".into(),
            message: message.into(),
        }
    }

    const STEP: &str = r#"{"timestamp":"2026-11-25T20:21:24.1Z","level":"INFO","message":"step done","step":"update code",
        "version":"7","spans":[{"deployment":"01J","name":"deployment"},
        {"account":"111111111111","region":"eu-west-1","name":"target"}]}"#;

    #[test]
    fn deployers_line_has_level_target_text_and_fields() {
        assert_eq!(
            of_deployer(&line(STEP)),
            "2026-11-25 20:21:24Z  INFO   111111111111/eu-west-1: step done  step=update code  version=7\n"
        );
        assert_eq!(of_deployer(&line("START\n")), "2026-11-25 20:21:24Z  START\n");
    }

    #[test]
    fn functions_line_has_its_version_and_no_control_sequences() {
        let text = of_function(&line("one\u{1b}[2J\n  two\n"));
        assert!(text.starts_with("2026-11-25 20:21:24Z  [7]  one") && text.ends_with("\n  two\n"), "{text:?}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert!(!of_deployer(&line(r#"{"message":"\u001b[2J","x\u001b":"\u001b"}"#)).contains("\u{1b}[2J"));
    }

    #[test]
    fn line_of_json_keeps_an_object_and_other_text() {
        let shown: Value = serde_json::from_str(&json(&line(STEP))).unwrap();
        assert_eq!(
            (&shown["time"], &shown["message"]["step"]),
            (&"2026-11-25T20:21:24Z".into(), &"update code".into())
        );
        let shown: Value = serde_json::from_str(&json(&line("plain\n"))).unwrap();
        assert_eq!((&shown["message"], json(&line("a\nb")).lines().count()), (&"plain".into(), 1));
    }

    #[test]
    fn line_is_about_the_deployment_that_it_is_of_or_about_nothing() {
        let (id, other) = ("01JBJ4GZ00ABCDEFGH0123456J", "01JBJ4GZ00ABCDEFGH0123456K");
        let is_about_another =
            |line: &Value| super::is_about_another(&line.to_string(), DeploymentId::parse(id).unwrap());
        let span = |deployment: &str| json!([{ "name": "deployment", "deployment": deployment }]);
        assert!(!is_about_another(&json!({ "message": "step done", "spans": span(id) })));
        assert!(!is_about_another(&json!({ "message": "claimed", "deployment": id, "spans": span(other) })));
        assert!(!is_about_another(&json!({ "message": format!("taken up: {id}") })));
        assert!(is_about_another(&json!({ "message": format!("waits for {id}"), "spans": span(other) })));
        assert!(is_about_another(
            &json!({ "message": format!("deployment ended: {id} came later"), "deployment": other })
        ));
        assert!(!super::is_about_another("START RequestId", DeploymentId::parse(id).unwrap()));
    }

    #[test]
    fn end_of_a_deployment_is_known_by_its_line_only() {
        let id = DeploymentId::parse("01JBJ4GZ00ABCDEFGH0123456J").unwrap();
        let line =
            |deployment: &str| json!({ "message": "deployment ended: because", "deployment": deployment }).to_string();
        assert!(is_end(&line("01JBJ4GZ00ABCDEFGH0123456J"), id));
        assert!(!is_end(&line("01JBJ4GZ00ABCDEFGH0123456K"), id));
        assert!(!is_end(STEP, id) && !is_end("deployment ended", id));
    }
}
