//! `promote` of several functions: those that match a pattern, and groups. What is known of each is told also where the
//! wait is over before all have ended.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::deployed::{GROUP, ID, ok, person, record, server};
use super::repeat::{Ran, cause, merged, name, run};
use super::server::Request;

const OTHER: &str = "01M8A5XFDRZTNV54H8T47JKK4Z";
const EACH: [&str; 7] = ["promote", "-f", "*", "--from", "dev", "--to", "prod"];
const TOGETHER: [&str; 7] = ["promote", "-f", "bills,orders", "--from", "dev", "--to", "prod"];
const WAIT: [&str; 3] = ["--wait", "--timeout", "1s"];

/// The promotion of a function, with these fields.
fn promotion(function: &str, id: &str, fields: Value) -> Value {
    let of = json!({ "function": function, "cause": cause("promotion"), "promotion": { "from": "dev" } });
    merged(merged(record(id, "2"), of), fields)
}

fn waits() -> Value {
    json!({ "status": "pending", "code": "Waiting", "because": "waits for an approval", "targets": [],
        "finished_at": null, "promotion": { "from": "dev", "approvals_wanted": 1 } })
}

fn superseded(by: &str) -> Value {
    let because = format!("deployment {by} brings release 2 already, and waits");
    json!({ "status": "superseded", "code": "Superseded", "because": because, "targets": [] })
}

fn row(function: &str, state: &str, id: &str) -> String {
    format!("{function:<6}   2   {state:<9}   deployment {id}")
}

#[test]
fn pattern_that_has_not_ended_in_time_tells_what_is_known_of_each() {
    let each = json!({ "deployments": [promotion("bills", ID, json!({})), promotion("orders", OTHER, waits())] });
    let wait = [&EACH[..], &WAIT].concat();
    let Ran { exit, said, .. } = run(&wait, vec![("promote", each.clone())]);
    assert_eq!(exit, Some(4), "{said}");
    assert!(said.contains(&row("bills", "succeeded", ID)) && said.contains(&row("orders", "pending", OTHER)), "{said}");
    assert!(said.contains("error: not ended after 1s; the promotion of 2 functions waits\n"), "{said}");
    let server = server(move |request| (sent(request).as_deref() == Some("promote")).then(|| ok(&each)));
    let (outcome, out) = person(&server).run_with_output(&[&wait[..], &["--output", "json"]].concat());
    let answer: Value = serde_json::from_str(&out).unwrap();
    let statuses: Vec<&str> =
        answer["deployments"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(
        (outcome.exit, statuses, &answer["errorType"]),
        (Some(4), vec!["succeeded", "pending"], &json!("TimedOut"))
    );
}

fn sent(request: &Request) -> Option<String> {
    name(&serde_json::from_str(&request.body).ok()?)
}

/// The function that a request is about.
fn function(request: &Request) -> String {
    let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
    command["function"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn pattern_that_is_followed_one_by_one_tells_each_when_the_time_is_over() {
    let (waiting, done) = ("01M8A5XFDRZTNV54H8T47JKK41", "01M8A5XFDRZTNV54H8T47JKK42");
    let each = json!({ "deployments": [promotion("bills", ID, superseded(waiting)),
        promotion("orders", OTHER, superseded(done))] });
    let server = server(move |request| match sent(request).as_deref() {
        Some("promote") => Some(ok(&each)),
        Some("history") if function(request) == "bills" => {
            Some(ok(&json!({ "deployments": [promotion("bills", waiting, waits())] })))
        }
        Some("history") => Some(ok(&json!({ "deployments": [promotion("orders", done, json!({}))] }))),
        _ => None,
    });
    let (outcome, out) = person(&server).run_with_output(&[&EACH[..], &WAIT].concat());
    assert_eq!(outcome.exit, Some(4), "{out}");
    assert!(
        out.contains(&row("bills", "pending", waiting)) && out.contains(&row("orders", "succeeded", done)),
        "{out}"
    );
    let approve = format!("deployctl approve -e prod -f bills --deployment {waiting}\n");
    assert!(out.contains(&approve) && outcome.err.contains("error: not ended after 1s; "), "{out}");
}

#[test]
fn pattern_whose_member_waits_already_names_the_command_that_approves_it() {
    let each = json!({ "deployments": [promotion("orders", ID, superseded(OTHER))] });
    let waiting = json!({ "deployment": OTHER, "from": "dev", "release": "2", "requested_by": "ada",
        "since": "2026-11-30T11:59:30Z", "approvals_wanted": 1, "because": "waits", "expires_at": "2026-12-30T12:00:00Z" });
    let status = json!({ "functions": [{ "environment": "prod", "function": "orders", "live": null, "targets": [],
        "active": null, "pending": null, "hold": null, "rejected": false, "waiting": [waiting] }] });
    let Ran { exit, said, .. } = run(&EACH, vec![("promote", each), ("status", status)]);
    let step = "orders: The one that waits goes on when somebody approves (ada may not):\n  deployctl approve ";
    assert_eq!(exit, Some(0), "{said}");
    assert!(said.contains(&format!("{step}-e prod -f orders --deployment {OTHER}\n")), "{said}");
}

/// A group that has ended because another one waits.
fn superseded_group() -> Value {
    let member = |function: &str| json!({ "function": function, "release": "2", "deployment": ID, "status": null, "because": null });
    let because =
        format!("group {GROUP} brings the same releases of the same functions already, and waits; nothing was moved");
    json!({ "schema": 1, "revision": 1, "id": "0000000000F0M57FDAT7ZC1HD9", "environment": "prod", "from": "dev",
        "status": "superseded", "code": "Superseded", "because": because, "phase": "ended", "cause": cause("promotion"),
        "in_favour_of": GROUP, "functions": [member("bills"), member("orders")], "asked_at": "2026-11-30T12:00:00Z",
        "started_at": "2026-11-30T12:00:00Z", "finished_at": "2026-11-30T12:00:01Z" })
}

fn with_waiting_group() -> Value {
    let member = |function: &str| json!({ "function": function, "release": "2", "deployment": ID, "status": null });
    json!({ "functions": [], "groups": [{ "id": GROUP, "environment": "prod", "from": "dev", "status": "pending",
        "phase": "checking", "because": "bills: waits for an approval", "requested_by": "ada",
        "since": "2026-11-30T12:00:00Z", "approvals_wanted": 1, "functions": [member("bills"), member("orders")] }] })
}

/// The answer to a look at the group that waits, with these fields.
fn group(fields: Value) -> Value {
    let waits = json!({ "id": GROUP, "status": "pending", "code": "Waiting", "because": "bills: waits for an approval",
        "phase": "checking", "in_favour_of": null, "approvals_wanted": 1, "finished_at": null });
    json!({ "functions": [], "group": merged(merged(superseded_group(), waits), fields) })
}

/// Whether a request asks for the group by its id.
fn asks_for_group(request: &Request) -> bool {
    let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
    (&command["group"], &command["environment"]) == (&json!(GROUP), &json!("prod"))
}

#[test]
fn repeated_group_that_has_ended_names_the_command_that_approves_the_other() {
    let again = [&TOGETHER[..], &["--id", "again"]].concat();
    let answers = vec![("promote?", superseded_group()), ("status", with_waiting_group())];
    let Ran { exit, said, .. } = run(&again, answers);
    assert_eq!(exit, Some(3), "{said}");
    let approve = format!("deployctl approve -e prod --deployment {GROUP}\n");
    assert!(said.starts_with("this request has ended already:\n") && said.ends_with(&approve), "{said}");
}

#[test]
fn group_that_waits_already_is_followed_with_wait() {
    let looks = AtomicUsize::new(0);
    let server = server(move |request| match sent(request).as_deref() {
        Some("promote") => Some(ok(&superseded_group())),
        Some("status") if asks_for_group(request) && looks.fetch_add(1, Ordering::SeqCst) == 0 => {
            Some(ok(&group(json!({}))))
        }
        Some("status") if asks_for_group(request) => {
            let ended = json!({ "status": "succeeded", "phase": "ended", "code": null, "because": null,
                "approvals_wanted": null, "finished_at": "2026-11-30T12:00:09Z" });
            Some(ok(&group(ended)))
        }
        _ => None,
    });
    let (outcome, out) = person(&server).run_with_output(&[&TOGETHER[..], &["--wait", "--timeout", "20s"]].concat());
    assert_eq!(outcome.exit, Some(0), "{out}{}", outcome.err);
    assert!(out.starts_with("bills and orders from dev to prod: succeeded "), "{out}");
    let followed = format!("has ended as superseded; following group {GROUP}, which brings the same for ada\n");
    let approve = format!("deployctl approve -e prod --deployment {GROUP}\n");
    assert!(outcome.err.contains(&followed) && outcome.err.contains(&approve), "{}", outcome.err);
}

#[test]
fn group_that_waits_on_is_told_when_the_time_is_over() {
    let answers = || vec![("promote", superseded_group()), ("status", group(json!({})))];
    let Ran { exit, said, .. } = run(&[&TOGETHER[..], &WAIT].concat(), answers());
    assert_eq!(exit, Some(4), "{said}");
    assert!(said.starts_with("bills and orders from dev to prod: pending, group "), "{said}");
    assert!(said.contains(&format!("error: not ended after 1s; group {GROUP} goes on\n")), "{said}");
    let server = server(move |request| {
        let answers = answers();
        let (_, answer) = answers.iter().find(|(named, _)| sent(request).as_deref() == Some(*named))?;
        Some(ok(answer))
    });
    let (_, out) = person(&server).run_with_output(&[&TOGETHER[..], &WAIT, &["--output", "json"]].concat());
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&answer["id"], answer.get("in_favour_of"), &answer["errorType"]),
        (&json!(GROUP), None, &json!("TimedOut"))
    );
}

#[test]
fn look_that_can_only_fail_again_ends_the_wait_with_its_own_code() {
    let promote = ["promote", "-f", "orders", "--from", "dev", "--to", "prod", "--wait", "--timeout", "60s"];
    let unknown = json!({ "errorType": "UnknownFunction", "errorMessage": "no environment knows a function orders" });
    let answers = vec![("promote", promotion("orders", ID, superseded(OTHER))), ("history", unknown)];
    let began = std::time::Instant::now();
    let Ran { exit, said, sent: commands } = run(&promote, answers);
    assert_eq!((exit, commands.join(" ").as_str()), (Some(3), "promote history"), "{said}");
    assert!(said.starts_with("error: no environment knows a function orders\n  deployment "), "{said}");
    assert!(began.elapsed().as_secs() < 60);
    let denied = (403, "application/json", r#"{"__type": "AccessDeniedException", "message": "no"}"#.to_owned());
    let server = server(move |request| match sent(request).as_deref() {
        Some("promote") => Some(ok(&promotion("orders", ID, superseded(OTHER)))),
        Some("history") => Some(denied.clone()),
        _ => None,
    });
    let (outcome, _) = person(&server).run_with_output(&promote);
    assert_eq!(outcome.exit, Some(1), "{}", outcome.err);
    assert!(
        outcome.err.contains("lambda:InvokeFunction") && outcome.err.contains("has ended as superseded"),
        "{}",
        outcome.err
    );
}

#[test]
fn printed_commands_have_the_options_that_were_given() {
    let denied = json!({ "status": "failed", "code": "TargetFailed", "targets": [merged(record(ID, "2")["targets"][0].clone(),
        json!({ "status": "failed", "error": { "code": "AccessDenied", "step": "update alias", "message": "no" } }))] });
    let options = ["--region", "eu-west-1", "--function-name", "blue"];
    let promote = ["promote", "-f", "orders", "--from", "dev", "--to", "prod"];
    let answers = || vec![("promote", promotion("orders", ID, denied.clone()))];
    let Ran { exit, said, .. } = run(&[&promote[..], &options].concat(), answers());
    assert_eq!(exit, Some(1), "{said}");
    for command in ["doctor -e prod", "promote -f orders --from dev --to prod -r 2"] {
        let line = format!("    deployctl {command} --region eu-west-1 --function-name blue\n");
        assert!(said.contains(&line), "{said}");
    }
    let Ran { said, .. } = run(&promote, answers());
    assert!(said.contains("    deployctl doctor -e prod\n"), "{said}");
}

#[test]
fn group_that_another_one_has_replaced_is_not_followed() {
    let because = format!("group {GROUP}, asked for later, has taken its place while it waited");
    let replaced = merged(superseded_group(), json!({ "because": because, "repeats": false }));
    let answers = vec![("promote", replaced), ("status", with_waiting_group())];
    let Ran { exit, said, .. } = run(&[&TOGETHER[..], &["--wait", "--timeout", "20s"]].concat(), answers);
    assert_eq!(exit, Some(3), "{said}");
    assert!(!said.contains("following") && !said.contains("brings the same"), "{said}");
}

#[test]
fn group_that_cannot_be_read_is_looked_for_again() {
    let looks = AtomicUsize::new(0);
    let server = server(move |request| match sent(request).as_deref() {
        Some("promote") => Some(ok(&superseded_group())),
        Some("status") if looks.fetch_add(1, Ordering::SeqCst) == 0 => {
            Some(ok(&json!({ "errorType": "LedgerUnavailable", "errorMessage": "the ledger is away" })))
        }
        Some("status") => Some(ok(&group(json!({})))),
        _ => None,
    });
    let (outcome, out) = person(&server).run_with_output(&[&TOGETHER[..], &["--wait", "--timeout", "8s"]].concat());
    assert_eq!(outcome.exit, Some(4), "{out}{}", outcome.err);
    assert!(outcome.err.contains(&format!("group {GROUP} goes on\n")), "{}", outcome.err);
}

#[test]
fn pattern_is_followed_although_one_function_cannot_be() {
    let (gone, done) = ("01M8A5XFDRZTNV54H8T47JKK41", "01M8A5XFDRZTNV54H8T47JKK42");
    let each = json!({ "deployments": [promotion("bills", ID, superseded(gone)),
        promotion("orders", OTHER, superseded(done))] });
    let unknown = json!({ "errorType": "UnknownFunction", "errorMessage": "no environment knows a function bills" });
    let server = server(move |request| match sent(request).as_deref() {
        Some("promote") => Some(ok(&each)),
        Some("history") if function(request) == "bills" => Some(ok(&unknown)),
        Some("history") => Some(ok(&json!({ "deployments": [promotion("orders", done, json!({}))] }))),
        _ => None,
    });
    let (outcome, out) = person(&server).run_with_output(&[&EACH[..], &["--wait", "--timeout", "20s"]].concat());
    assert_eq!(outcome.exit, Some(3), "{out}{}", outcome.err);
    assert!(out.contains(&row("orders", "succeeded ", done)), "as wide as superseded: {out}");
    assert!(outcome.err.contains("error: bills: no environment knows a function bills\n"), "{}", outcome.err);
}

#[test]
fn wait_in_the_place_of_another_lasts_the_planned_time_of_its_rollout_too() {
    let looks = AtomicUsize::new(0);
    let rolls_out = json!({ "status": "in_progress", "finished_at": null,
        "rollout": { "moves": [], "planned_seconds": 30 } });
    let server = server(move |request| match sent(request).as_deref() {
        Some("promote") => Some(ok(&promotion("orders", ID, superseded(OTHER)))),
        Some("history") => {
            let fields = if looks.fetch_add(1, Ordering::SeqCst) < 2 { rolls_out.clone() } else { json!({}) };
            Some(ok(&json!({ "deployments": [promotion("orders", OTHER, fields)] })))
        }
        _ => None,
    });
    let promote = ["promote", "-f", "orders", "--from", "dev", "--to", "prod", "--wait", "--timeout", "1s"];
    let (outcome, out) = person(&server).run_with_output(&promote);
    assert_eq!(outcome.exit, Some(0), "{out}{}", outcome.err);
}

#[test]
fn commands_in_the_error_of_programs_have_the_options_that_were_given() {
    let each = json!({ "deployments": [promotion("bills", ID, json!({})), promotion("orders", OTHER, waits())] });
    let server = server(move |request| (sent(request).as_deref() == Some("promote")).then(|| ok(&each)));
    let options = ["--function-name", "blue", "--output", "json"];
    let (_, out) = person(&server).run_with_output(&[&EACH[..], &WAIT, &options].concat());
    let answer: Value = serde_json::from_str(&out).unwrap();
    let message = answer["errorMessage"].as_str().unwrap();
    assert!(message.contains("\n  deployctl status -e prod --function-name blue\n"), "{message}");
}

#[test]
fn promotion_that_has_not_ended_in_time_tells_programs_what_is_known() {
    let server = server(move |request| {
        (sent(request).as_deref() == Some("promote")).then(|| ok(&promotion("orders", ID, waits())))
    });
    let promote = ["promote", "-f", "orders", "--from", "dev", "--to", "prod", "-o", "json"];
    let (outcome, out) = person(&server).run_with_output(&[&promote[..], &WAIT].concat());
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((outcome.exit, &answer["errorType"]), (Some(4), &json!("TimedOut")), "{out}");
    assert_eq!((&answer["id"], &answer["status"]), (&json!(ID), &json!("pending")), "{out}");
}

#[test]
fn followed_group_that_went_back_is_told_so() {
    let member = |function: &str, status: &str| {
        json!({ "function": function, "release": "2", "deployment": ID, "status": status,
        "because": null, "rollback": if function == "bills" { json!(OTHER) } else { json!(null) } })
    };
    let ended = json!({ "status": "rolled_back", "phase": "ended", "code": "TargetFailed", "because": "orders failed",
        "functions": [member("bills", "rolled_back"), member("orders", "failed")], "approvals_wanted": null,
        "finished_at": "2026-11-30T12:00:09Z" });
    let answers = vec![("promote", superseded_group()), ("status", group(ended))];
    let Ran { exit, said, .. } = run(&[&TOGETHER[..], &["--wait", "--timeout", "6s"]].concat(), answers);
    assert_eq!(exit, Some(1), "{said}");
    assert!(said.contains("bills and orders from dev to prod: rolled back "), "{said}");
    assert!(said.contains(&format!("bills    2   rolled back   deployment {ID}, brought back by {OTHER}\n")), "{said}");
}
