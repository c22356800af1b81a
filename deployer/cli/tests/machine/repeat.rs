//! A request that is repeated by its id is not asked again, and not sent again once it has ended; a hold in place of
//! another tells it; a promotion that waits names the command that approves it.

use serde_json::{Value, json};

use super::deployed::{ID, ok, person, record, server};

const FUNCTION: [&str; 4] = ["-e", "prod", "-f", "orders"];
const PROMOTE: [&str; 7] = ["promote", "-f", "orders", "--from", "dev", "--to", "prod"];
const REPEATED: [&str; 2] = ["--id", "again"];

/// The outcome of a run: its text on both streams, its exit code, and the commands that it sends.
pub struct Ran {
    pub exit: Option<i32>,
    pub said: String,
    pub sent: Vec<String>,
}

/// Returns the name of a command; with a question mark, if it only asks what became of the command of its id.
pub fn name(command: &Value) -> Option<String> {
    let asks = if command["only_if_known"] == true { "?" } else { "" };
    Some(format!("{}{asks}", command["command"].as_str()?))
}

/// Runs deployctl without a terminal against a deployer that answers these commands so.
pub fn run(arguments: &[&str], answers: Vec<(&'static str, Value)>) -> Ran {
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let answer = answers.iter().find(|(named, _)| name(&command).as_deref() == Some(*named));
        answer.map(|(_, answer)| ok(answer))
    });
    let (outcome, out) = person(&server).run_with_output(arguments);
    let command = |body: &str| name(&serde_json::from_str(body).ok()?);
    let sent = server.requests().iter().filter_map(|request| command(&request.body)).collect();
    Ran { exit: outcome.exit, said: out + &outcome.err, sent }
}

/// A record with these fields, as the only one of the history.
pub fn with(fields: Value) -> Value {
    let mut record = record(ID, "1.4.3");
    if let Value::Object(fields) = fields {
        fields.into_iter().for_each(|(name, value)| record[name] = value);
    }
    record
}

fn history(record: &Value) -> (&'static str, Value) {
    ("history", json!({ "deployments": [record] }))
}

pub fn cause(kind: &str) -> Value {
    json!({ "kind": kind, "requested_by": "ada", "event_id": "again" })
}

fn in_progress() -> Value {
    json!({ "status": "in_progress", "finished_at": null })
}

pub fn merged(mut one: Value, other: Value) -> Value {
    if let Value::Object(fields) = other {
        fields.into_iter().for_each(|(name, value)| one[name] = value);
    }
    one
}

pub fn refused(because: &str) -> Value {
    json!({ "errorType": "InvalidCommand", "errorMessage": because })
}

#[test]
fn repeated_rollback_is_neither_asked_nor_shown_and_an_ended_one_is_not_sent() {
    let rollback = [&["rollback"], &FUNCTION[..], &REPEATED].concat();
    let ended = with(json!({ "cause": cause("rollback") }));
    for more in [&[][..], &["--yes"], &["--leaving", "1.4.2"]] {
        let Ran { exit, said, sent } = run(&[&rollback[..], more].concat(), vec![("rollback?", ended.clone())]);
        assert!(exit == Some(0) && sent[0] == "rollback?" && !sent.contains(&"rollback".to_owned()), "{said}");
        assert!(said.starts_with("this request has ended already:\nprod/orders/1.4.3: succeeded after "), "{said}");
        assert!(!said.contains("back to"), "{said}");
    }
    let open = with(merged(in_progress(), json!({ "cause": cause("rollback") })));
    let Ran { exit, said, sent } = run(&rollback, vec![("rollback?", open), ("rollback", ended)]);
    assert_eq!((exit, &sent[..2]), (Some(0), &["rollback?".to_owned(), "rollback".to_owned()][..]), "{said}");
    assert!(!said.contains("back to") && !said.contains("ended already"), "{said}");
    // The question is asked where the deployer does not know the request, and where an older one does not know the question.
    let older = refused("command rollback: unknown field `only_if_known`, expected one of `environment`, `function`");
    for unknown in [Value::Null, older] {
        let Ran { exit, said, sent } = run(&rollback, vec![("rollback?", unknown)]);
        assert!(exit == Some(2) && said.contains("nobody is at a terminal"), "{said}");
        assert_eq!(sent[0], "rollback?");
    }
    let used = "id \"again\" was another command's before (a deploy, deployment 1): give each command an id of its own";
    let Ran { exit, said, sent } = run(&rollback, vec![("rollback?", refused(used))]);
    assert_eq!((exit, said, sent), (Some(2), format!("error: {used}\n"), vec!["rollback?".to_owned()]));
    let because = "01M8 is the id of a deployment of orders in prod, and not that of a command";
    let Ran { exit, said, sent } = run(&rollback, vec![("rollback?", refused(because))]);
    assert_eq!((exit, said, sent), (Some(2), format!("error: {because}\n"), vec!["rollback?".to_owned()]));
}

#[test]
fn repeated_rollback_says_what_is_live_still_and_how_to_keep_it_away() {
    let back = with(json!({ "cause": cause("rollback") }));
    let back = merged(
        back.clone(),
        json!({ "targets": [merged(back["targets"][0].clone(),
        json!({ "previous": { "version": "8", "alias_revision": "r" } }))] }),
    );
    let left = record("01M8A5XFDRZTNV54H8T47JKK41", "1.4.4");
    let left =
        merged(left.clone(), json!({ "targets": [merged(left["targets"][0].clone(), json!({ "version": "8" }))] }));
    let rollback = [&["rollback"], &FUNCTION[..], &REPEATED].concat();
    let answers = vec![("rollback?", back.clone()), ("history", json!({ "deployments": [back, left] }))];
    let Ran { exit, said, sent } = run(&rollback, answers);
    assert_eq!((exit, sent.contains(&"rollback".to_owned())), (Some(0), false), "{said}");
    assert!(said.starts_with("this request has ended already:\n"), "{said}");
    assert!(said.contains("\n  deployctl recall -f orders -r 1.4.4 "), "{said}");
}

#[test]
fn repeated_promotion_deploy_or_redeploy_that_has_ended_says_so() {
    let deploy = [&["deploy"], &FUNCTION[..], &["-r", "1.4.3"]].concat();
    let redeploy = [&["redeploy"], &FUNCTION[..]].concat();
    for (verb, asks) in [(&PROMOTE[..], "promote?"), (&deploy, "deploy?"), (&redeploy, "redeploy?")] {
        let Ran { exit, said, sent } = run(&[verb, &REPEATED].concat(), vec![(asks, with(json!({})))]);
        assert_eq!((exit, sent), (Some(0), vec![asks.to_owned()]), "{said}");
        assert!(said.starts_with("this request has ended already:\n"), "{said}");
    }
}

#[test]
fn repeated_approval_shows_no_plan() {
    let given = json!({ "by": "bob", "at": "2026-11-25T20:21:24Z", "event_id": "again" });
    let approved = json!({ "promotion": { "from": "dev", "approvals": [given] }, "decision": "already_given" });
    for function in [&["-f", "orders"][..], &[]] {
        let named = ["-e", "prod", "--deployment", ID, "--requested-by", "bob"];
        let approve = [&["approve"], &named[..], function, &REPEATED].concat();
        let ended = with(approved.clone());
        let Ran { exit, said, sent } = run(&approve, vec![("approve?", ended.clone())]);
        assert_eq!((exit, sent), (Some(0), vec!["approve?".to_owned()]), "{said}");
        assert!(said.starts_with("this request has ended already:\n"), "{said}");
        let open = with(merged(in_progress(), approved.clone()));
        let Ran { exit, said, sent } = run(&approve, vec![("approve?", open), ("approve", ended)]);
        assert_eq!((exit, sent), (Some(0), vec!["approve?".to_owned(), "approve".to_owned()]), "{said}");
    }
}

#[test]
fn repeated_recall_is_sent_again_only_where_a_rollback_is_not_begun() {
    let recall = [&["recall", "-f", "orders", "-r", "1.4.4"][..], &REPEATED].concat();
    let recalled = merged(cause("rollback"), json!({ "recall": { "release": "1.4.4", "reason": "bad" } }));
    let answer = |deployment: &Value| {
        let from = json!({ "environment": "prod", "left": "1.4.4", "deployment": deployment, "because": null });
        json!({ "function": "orders", "release": "1.4.4", "environments": [from] })
    };
    let ended = answer(&with(json!({ "cause": recalled })));
    let Ran { exit, said, sent } = run(&recall, vec![("recall?", ended.clone())]);
    assert_eq!((exit, sent.join(" ").as_str()), (Some(0), "recall?"), "{said}");
    assert!(said.starts_with("this request has ended already:\nrelease 1.4.4 of orders is rejected"), "{said}");
    let Ran { exit, said, sent } = run(&recall, vec![("recall?", answer(&Value::Null)), ("recall", ended)]);
    assert_eq!((exit, sent.join(" ").as_str()), (Some(0), "recall? recall"), "{said}");
    assert!(said.starts_with("release 1.4.4 of orders is rejected"), "{said}");
    let status = json!({ "functions": [] });
    let Ran { exit, said, sent } = run(&recall, vec![("recall?", Value::Null), ("status", status)]);
    assert!(exit == Some(2) && said.contains("nobody is at a terminal"), "an unknown id is a new recall: {said}");
    assert_eq!(sent.join(" "), "recall? status");
}

#[test]
fn plan_by_the_id_alone_finds_a_promotion_and_each_member_of_a_group() {
    const GROUP: &str = "01M8A5XFDRZTNV54H8T47JKK4Z";
    let member =
        |function: &str, id: &str| json!({ "function": function, "release": "2", "deployment": id, "status": null });
    let group = json!({ "id": GROUP, "environment": "prod", "from": "dev", "status": "pending", "phase": "checking",
        "because": null, "requested_by": "ada", "since": "2026-11-30T12:00:00Z",
        "functions": [member("bills", "01M8A5XFDRZTNV54H8T47JKK4Y"), member("orders", ID)] });
    let plan = json!({ "environment": "prod", "function": "orders", "release": "2", "unchanged": true, "targets": [] });
    let answers = || vec![("status", json!({ "functions": [], "groups": [group] })), ("plan", plan.clone())];
    let Ran { exit, said, sent } = run(&["plan", "--deployment", ID], answers());
    assert_eq!((exit, sent.join(" ").as_str()), (Some(0), "status plan"), "{said}");
    let Ran { exit, said, sent } = run(&["plan", "--deployment", GROUP, "--output", "json"], answers());
    assert_eq!((exit, sent.join(" ").as_str()), (Some(0), "status plan plan"), "{said}");
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["plans"].as_array().map(Vec::len), Some(2), "{said}");
    let of_one = ["plan", "--deployment", GROUP, "-f", "orders", "--output", "json"];
    let Ran { exit, said, sent } = run(&of_one, answers());
    assert_eq!((exit, sent.join(" ").as_str()), (Some(0), "status plan"), "{said}");
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["plans"].as_array().map(Vec::len), Some(1), "{said}");
    let Ran { exit, said, sent } = run(&["plan", "--deployment", "01M8A5XFDRZTNV54H8T47JKK4X"], answers());
    assert_eq!((exit, sent.join(" ").as_str()), (Some(2), "status"), "{said}");
}

/// A group that waits in prod, as the status has it.
fn waiting_group(id: &str) -> Value {
    let member = |function: &str| json!({ "function": function, "release": "2", "deployment": ID, "status": null });
    json!({ "id": id, "environment": "prod", "from": "dev", "status": "pending", "phase": "checking",
        "because": "bills: waits for an approval", "requested_by": "ada", "since": "2026-11-30T12:00:00Z",
        "approvals_wanted": 1, "functions": [member("bills"), member("stock")] })
}

#[test]
fn plan_of_an_id_that_is_another_functions_says_whose_it_is() {
    const GROUP: &str = "01M8A5XFDRZTNV54H8T47JKK4Z";
    let none = refused("no promotion of orders waits in prod: status tells which do");
    let report = json!({ "functions": [], "groups": [waiting_group(GROUP)] });
    for (id, what) in [(ID, "the promotion of bills to prod"), (GROUP, "the group of bills and stock to prod")] {
        let plan = [&["plan", "--deployment", id], &FUNCTION[..]].concat();
        let Ran { exit, said, sent } = run(&plan, vec![("plan", none.clone()), ("status", report.clone())]);
        let told = format!(
            "error: {id} is {what}, which waits, and orders has no part in it\n  to plan it:\n    deployctl plan --deployment {id}\n"
        );
        assert_eq!((exit, said, sent.join(" ")), (Some(2), told, "plan status".to_owned()));
    }
}

#[test]
fn group_that_waits_already_names_the_command_that_approves_the_other() {
    const GROUP: &str = "01M8A5XFDRZTNV54H8T47JKK4Z";
    let member = |function: &str| json!({ "function": function, "release": "2", "deployment": ID, "status": null, "because": null });
    let because =
        format!("group {GROUP} brings the same releases of the same functions already, and waits; nothing was moved");
    let group = json!({ "schema": 1, "revision": 1, "id": ID, "environment": "prod", "from": "dev", "status": "superseded",
        "code": "Superseded", "because": because, "phase": "ended", "cause": cause("promotion"),
        "functions": [member("bills"), member("stock")], "asked_at": "2026-11-30T12:00:00Z",
        "started_at": "2026-11-30T12:00:00Z", "finished_at": "2026-11-30T12:00:01Z" });
    let status = json!({ "functions": [], "groups": [waiting_group(GROUP)] });
    let promote = ["promote", "-f", "bills,stock", "--from", "dev", "--to", "prod"];
    let Ran { exit, said, .. } = run(&promote, vec![("promote", group.clone()), ("status", status.clone())]);
    assert_eq!(exit, Some(3), "{said}");
    let step =
        "\nThe one that waits goes on when somebody approves (ada may not):\n  deployctl approve -e prod --deployment ";
    assert!(said.contains(&format!("{step}{GROUP}\n")), "{said}");
    // A field says so, whatever the reason.
    let by_field = merged(group.clone(), json!({ "because": "another one waits", "in_favour_of": GROUP }));
    let Ran { said, .. } = run(&promote, vec![("promote", by_field), ("status", status.clone())]);
    assert!(said.contains(&format!("{step}{GROUP}\n")), "{said}");
    let another = merged(group, json!({ "in_favour_of": "01M8A5XFDRZTNV54H8T47JKK41" }));
    let Ran { said, .. } = run(&promote, vec![("promote", another), ("status", status)]);
    assert!(!said.contains("The one that waits"), "{said}");
}

/// The deployer would look for the function in the whole environment each time.
#[test]
fn approval_by_the_id_alone_is_followed_by_its_function() {
    let open = with(merged(
        in_progress(),
        json!({ "cause": cause("promotion"), "decision": "already_given",
        "promotion": { "from": "dev", "approvals": [{ "by": "bob", "at": "2026-11-30T12:00:00Z" }] } }),
    ));
    let ended = merged(open.clone(), json!({ "status": "succeeded", "finished_at": "2026-11-30T12:00:09Z" }));
    let status = json!({ "functions": [], "groups": [] });
    let sent = |id: &[&str], looked: Value| {
        let (answers, rounds) = ((open.clone(), ended.clone()), std::sync::atomic::AtomicU32::new(0));
        let status = status.clone();
        let server = server(move |request| {
            let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
            Some(ok(match name(&command)?.as_str() {
                "approve?" => &looked,
                "approve" if rounds.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 => &answers.0,
                "approve" => &answers.1,
                "status" => &status,
                _ => return None,
            }))
        });
        let approve = ["approve", "-e", "prod", "--deployment", ID, "--yes", "--requested-by", "bob"];
        let (outcome, out) = person(&server).run_with_output(&[&approve[..], id].concat());
        assert_eq!(outcome.exit, Some(0), "{out}{}", outcome.err);
        let approvals = server.requests().into_iter().filter_map(|request| {
            let command: Value = serde_json::from_str(&request.body).ok()?;
            (name(&command)? == "approve").then(|| command["function"].as_str().map(str::to_owned))
        });
        approvals.collect::<Vec<_>>()
    };
    let by_function = || Some("orders".to_owned());
    assert_eq!(sent(&[], Value::Null), [None, by_function()]);
    assert_eq!(sent(&["--id", "again"], open.clone()), [by_function(), by_function()]);
}

#[test]
fn rollback_with_yes_and_nothing_before_is_refused_and_not_sent() {
    let refused = json!({ "code": "NothingToRollBack", "because": "nothing was ever live here" });
    let plan = json!({ "environment": "prod", "function": "orders", "release": null, "unchanged": false, "targets": [],
        "refused": refused });
    let rollback = [&["rollback"], &FUNCTION[..], &["--yes"]].concat();
    let Ran { exit, said, sent } = run(&rollback, vec![("plan", plan)]);
    assert_eq!((exit, sent.join(" ").as_str()), (Some(3), "status plan"), "{said}");
    assert!(said.contains("NothingToRollBack: nothing was ever live here\n  nothing was rolled back"), "{said}");
    assert!(!said.contains("back to"), "{said}");
    // Where the plan cannot be made, the deployer decides.
    let failed = json!({ "errorType": "Internal", "errorMessage": "no target answers" });
    let Ran { exit, said, sent } = run(&rollback, vec![("plan", failed), ("rollback", record(ID, "1.4.2"))]);
    assert_eq!((exit, &sent[2]), (Some(0), &"rollback".to_owned()), "{said}");
}

#[test]
fn promotion_that_is_waited_for_names_the_command_that_approves_it() {
    let waits =
        with(json!({ "status": "pending", "code": "Waiting", "because": "waits for an approval", "targets": [],
        "finished_at": null, "cause": { "kind": "promotion", "requested_by": "ada", "event_id": null },
        "promotion": { "from": "dev", "approvals_wanted": 1 } }));
    let wait = [&PROMOTE[..], &["--wait", "--timeout", "1s"]].concat();
    let Ran { exit, said, .. } = run(&wait, vec![("promote", waits)]);
    assert_eq!(exit, Some(4), "{said}");
    let approve = format!("deployctl approve -e prod -f orders --deployment {ID}\n");
    let (waiting, ended) = said.split_once("error: ").unwrap();
    for said in [waiting, ended] {
        assert!(
            said.contains("It goes on when somebody approves (ada may not):\n") && said.contains(&approve),
            "{said}"
        );
    }
    assert!(ended.starts_with(&format!("not ended after 1s; deployment {ID} waits\n")), "{said}");
}

#[test]
fn promotion_of_what_waits_already_names_the_command_that_approves_it() {
    let because = format!("deployment {ID} brings release 1.4.3 already, and waits");
    let superseded = with(json!({ "id": "01M8A5XFDRZTNV54H8T47JKK4Z", "status": "superseded", "code": "Superseded",
        "because": because, "targets": [] }));
    let waiting = json!({ "deployment": ID, "from": "dev", "release": "1.4.3", "requested_by": "ada",
        "since": "2026-11-30T11:59:30Z", "approvals_wanted": 1, "because": "waits", "expires_at": "2026-12-30T12:00:00Z" });
    let status = json!({ "functions": [{ "environment": "prod", "function": "orders", "live": null, "targets": [],
        "active": null, "pending": null, "hold": null, "rejected": false, "waiting": [waiting] }] });
    let Ran { exit, said, .. } = run(&PROMOTE, vec![("promote", superseded), ("status", status)]);
    assert_eq!(exit, Some(3), "{said}");
    let approve = format!("(ada may not):\n  deployctl approve -e prod -f orders --deployment {ID}\n");
    assert!(said.ends_with(&approve), "{said}");
}

#[test]
fn promotion_of_what_waits_already_is_followed_with_wait() {
    let because = format!("deployment {ID} brings release 1.4.3 already, and waits");
    let superseded = with(json!({ "id": "01M8A5XFDRZTNV54H8T47JKK4Z", "status": "superseded", "code": "Superseded",
        "because": because, "targets": [] }));
    let wait = [&PROMOTE[..], &["--wait", "--timeout", "1s"]].concat();
    let ended = with(json!({ "cause": cause("promotion") }));
    let Ran { exit, said, sent } = run(&wait, vec![("promote", superseded.clone()), history(&ended)]);
    assert_eq!((exit, sent.join(" ").as_str()), (Some(0), "promote history"), "{said}");
    assert!(said.starts_with("prod/orders/1.4.3: succeeded after "), "{said}");
    let own = "deployment 01M8A5XFDRZTNV54H8T47JKK4Z of this request has ended as superseded";
    let line = format!("{own}; following deployment {ID}, which brings 1.4.3 for ada\n");
    assert!(said.ends_with(&line) && said.matches("superseded").count() == 1, "{said}");
    let waits =
        with(json!({ "status": "pending", "code": "Waiting", "because": "waits for an approval", "targets": [],
        "finished_at": null, "cause": cause("promotion"), "promotion": { "from": "dev", "approvals_wanted": 1 } }));
    let Ran { exit, said, .. } = run(&wait, vec![("promote", superseded.clone()), history(&waits)]);
    assert_eq!(exit, Some(4), "{said}");
    assert_eq!(said.matches("deployctl approve -e prod -f orders --deployment").count(), 1, "{said}");
    assert!(said.contains(&format!("error: not ended after 1s; deployment {ID} goes on\n")), "{said}");
    // The record says it by a field, and the first look fails.
    let by_field = merged(superseded.clone(), json!({ "because": "it waits already", "in_favour_of": ID }));
    let is_first = std::sync::atomic::AtomicBool::new(true);
    let answers = (by_field, json!({ "deployments": [ended] }));
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        match name(&command).as_deref() {
            Some("promote") => Some(ok(&answers.0)),
            Some("history") if is_first.swap(false, std::sync::atomic::Ordering::SeqCst) => {
                Some(ok(&json!({ "errorType": "LedgerUnavailable", "errorMessage": "the ledger is away" })))
            }
            Some("history") => Some(ok(&answers.1)),
            _ => None,
        }
    });
    let in_time = [&PROMOTE[..], &["--wait", "--timeout", "20s"]].concat();
    let (outcome, said) = person(&server).run_with_output(&in_time);
    assert!(outcome.exit == Some(0) && said.starts_with("prod/orders/1.4.3: succeeded after "), "{said}");
    // Another release took its place: that is the end.
    let other = with(json!({ "release": "1.4.4" }));
    let Ran { exit, said, .. } = run(&wait, vec![("promote", superseded), history(&other)]);
    assert!(exit == Some(3) && said.starts_with("prod/orders/1.4.3: superseded "), "{said}");
}

#[test]
fn promotion_of_what_waits_already_is_followed_with_wait_each_time() {
    let because = format!("deployment {ID} brings release 1.4.3 already, and waits");
    let superseded = with(json!({ "id": "01M8A5XFDRZTNV54H8T47JKK4Z", "status": "superseded", "code": "Superseded",
        "because": because, "targets": [] }));
    let wait = [&PROMOTE[..], &["--wait", "--timeout", "1s"], &REPEATED].concat();
    let ended = with(json!({ "cause": cause("promotion") }));
    let Ran { exit, said, sent } = run(&wait, vec![("promote?", superseded.clone()), history(&ended)]);
    assert_eq!((exit, sent.join(" ").as_str()), (Some(0), "promote? history"), "{said}");
    assert!(said.starts_with("prod/orders/1.4.3: succeeded after "), "{said}");
    let line = format!("has ended as superseded; following deployment {ID}, which brings 1.4.3 for ada\n");
    assert!(said.ends_with(&line), "{said}");
    // Without --wait it says how the other one goes on.
    let waiting = json!({ "deployment": ID, "from": "dev", "release": "1.4.3", "requested_by": "ada",
        "since": "2026-11-30T11:59:30Z", "approvals_wanted": 1, "because": "waits", "expires_at": "2026-12-30T12:00:00Z" });
    let status = json!({ "functions": [{ "environment": "prod", "function": "orders", "live": null, "targets": [],
        "active": null, "pending": null, "hold": null, "rejected": false, "waiting": [waiting] }] });
    let again = [&PROMOTE[..], &REPEATED].concat();
    let Ran { exit, said, .. } = run(&again, vec![("promote?", superseded), ("status", status)]);
    assert_eq!(exit, Some(3), "{said}");
    assert!(said.starts_with("this request has ended already:\nprod/orders/1.4.3: superseded "), "{said}");
    assert!(said.ends_with(&format!("\n  deployctl approve -e prod -f orders --deployment {ID}\n")), "{said}");
}

#[test]
fn pattern_that_promotes_nothing_says_why_per_function() {
    let heading = "nothing is ready: of *, dev has nothing that prod has not and may take now\n";
    let not_ready = json!([
        { "function": "bills", "because": "prod has 7 already" },
        { "function": "orders", "because": "prod takes what has soaked for 30m in dev" },
    ]);
    let promote = ["promote", "-f", "*", "--from", "dev", "--to", "prod"];
    // An older deployer names no reasons. Nothing more is asked of either.
    for (answer, reasons) in [
        (
            json!({ "deployments": [], "not_ready": not_ready }),
            "  bills    prod has 7 already\n  orders   prod takes what has soaked for 30m in dev\n",
        ),
        (json!({ "deployments": [] }), ""),
    ] {
        let Ran { exit, said, sent } = run(&promote, vec![("promote", answer.clone())]);
        assert_eq!((exit, said, sent), (Some(0), format!("{heading}{reasons}"), vec!["promote".to_owned()]));
        let Ran { exit, said, .. } =
            run(&[&promote[..], &["--output", "json"]].concat(), vec![("promote", answer.clone())]);
        assert_eq!((exit, serde_json::from_str(&said).ok()), (Some(0), Some(answer)), "{said}");
    }
}

#[test]
fn pattern_that_matches_no_function_is_refused_by_the_deployer() {
    let because = "no function of dev matches ordesr*; did you mean orders?";
    let unknown = json!({ "errorType": "UnknownFunction", "errorMessage": because });
    let promote = ["promote", "-f", "ordesr*", "--from", "dev", "--to", "prod"];
    let Ran { exit, said, sent } = run(&promote, vec![("promote", unknown.clone())]);
    let promoted = vec!["promote".to_owned()];
    assert_eq!((exit, said, &sent), (Some(3), format!("error: {because}\n"), &promoted));
    let Ran { exit, said, sent } =
        run(&[&promote[..], &["--output", "json"]].concat(), vec![("promote", unknown.clone())]);
    assert_eq!((exit, serde_json::from_str(&said).ok(), sent), (Some(3), Some(unknown), promoted), "{said}");
}

#[test]
fn hold_in_place_of_another_tells_it_and_needs_no_look() {
    let hold =
        |reason: &str, by: &str| json!({ "reason": reason, "requested_by": by, "since": "2026-11-30T12:00:00Z" });
    let status = || {
        json!({ "functions": [{ "environment": "prod", "function": "orders", "live": null, "targets": [],
            "active": null, "pending": null, "hold": hold("typo", "ada"), "rejected": false }] })
    };
    let arguments = [&["hold"], &FUNCTION[..], &["--reason", "typo"]].concat();
    let before =
        "it was held already, since 2026-11-30 12:00:00Z by bob: INC-50 do not touch; that reason is replaced\n";
    let replacing = merged(status(), json!({ "replaced_hold": hold("INC-50 do not touch", "bob") }));
    let Ran { exit, said, sent } = run(&arguments, vec![("hold", replacing)]);
    assert!(exit == Some(0) && said.contains(before), "{said}");
    assert_eq!(sent, ["hold"]);
    // A deployer that does not know the field says nothing of an earlier hold, and neither does the command.
    let Ran { exit, said, sent } = run(&arguments, vec![("hold", status())]);
    assert!(exit == Some(0) && !said.contains("already") && !said.contains("replaced"), "{said}");
    assert_eq!(sent, ["hold"]);
}
