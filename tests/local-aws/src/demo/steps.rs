//! The deployer's log in short: a row for each step.

use serde_json::Value;

use super::Screen;

/// The steps of a plan that are shown with their version.
const PUBLISHING: [&str; 5] = ["create function", "update code", "publish version", "create alias", "move alias"];

/// Prints lines of the log, each with the time since the first.
pub(super) fn show(screen: &Screen, log: &[Value]) {
    let time = |line: &Value| line["timestamp"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    let start = log.first().and_then(time);
    for line in log {
        let since = time(line)
            .zip(start)
            .map_or(0, |(at, start)| (at - start).total(jiff::Unit::Millisecond).unwrap_or(0.0) as i64);
        screen.row(&format!("{since:>5} ms"), &words(line));
    }
}

/// Prints lines of the log that are about a deployment, each with its time and its function. Sweeps that find nothing stay
/// silent.
pub(super) fn follow(screen: &Screen, log: &[Value]) {
    for line in log {
        let span = |name: &str| line["spans"].as_array().into_iter().flatten().find_map(|span| span[name].as_str());
        let is_of_a_deployment = span("deployment").is_some() || line["deployment"].is_string();
        let function = span("environment").zip(span("function"));
        let function =
            function.map_or_else(String::new, |(environment, function)| format!("{environment}/{function}  "));
        let time = line["timestamp"].as_str().and_then(|at| at.get(11..19)).unwrap_or_default();
        if is_of_a_deployment {
            screen.row(&format!("{time}Z"), &format!("{function}{}", words(line)));
        }
    }
}

/// Returns a line's text with the fields that say the most.
fn words(line: &Value) -> String {
    let text = |name: &str| line[name].as_str().map(str::to_owned);
    let span = |name: &str| line["spans"].as_array().into_iter().flatten().find_map(|span| span[name].as_str());
    let mut words = match (text("message").unwrap_or_default(), text("step"), text("steps")) {
        (_, Some(step), _) => step,
        (_, None, Some(steps)) => format!("planned: {steps}"),
        (message, None, None) => message,
    };
    if let (Some(account), Some(region), Some(session)) = (span("account"), span("region"), text("session")) {
        let role = text("role").map_or_else(String::new, |role| format!(" as {role}"));
        words = format!("{words}: {account}/{region}{role}, session {session}");
    }
    if let Some(version) = text("version").filter(|_| PUBLISHING.iter().any(|step| words == *step)) {
        words = format!("{words}: version {version}");
    }
    let more = match words.as_str() {
        "upload received" => text("key"),
        "deployment ended" => text("status"),
        "old version deleted" => text("version"),
        _ => None,
    };
    if let Some(more) = more {
        words = format!("{words}: {more}");
    }
    if let Some(bytes) = line["bytes"].as_u64() {
        words = format!("{words}, {bytes} bytes");
    }
    words
}
