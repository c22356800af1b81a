//! `approve`: with --yes it approves at once; otherwise it says before the plan what is known before.

use serde_json::{Value, json};

use super::deployed::{ID, ok, person, record, server};
use super::home::Outcome;

const APPROVE: [&str; 7] = ["approve", "-e", "prod", "-f", "orders", "--deployment", ID];
const BY_BOB: [&str; 2] = ["--requested-by", "bob"];

/// Runs `approve` against a deployer that cannot plan, and returns what it says and the commands that it sends. The
/// promotion that waits is ada's, and carl has approved it.
fn run(more: &[&str]) -> (Outcome, Vec<String>) {
    let failed = json!({ "errorType": "Internal", "errorMessage": "no target answers" });
    let (outcome, _, sent) = run_against(more, (failed, promoted(json!({})), promoted(json!({}))));
    (outcome, sent)
}

/// Runs `approve` against a deployer with this plan, this record before the approval, and this one after it; returns its
/// standard output too.
fn run_against(more: &[&str], (plan, before, after): (Value, Value, Value)) -> (Outcome, String, Vec<String>) {
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        match command["command"].as_str() {
            Some("approve") => Some(ok(&after)),
            Some("history") => Some(ok(&json!({ "deployments": [before] }))),
            Some("status") => {
                let waiting = json!({ "deployment": ID, "from": "stage", "release": "1.4.3", "requested_by": "ada",
                    "since": "2026-11-25T20:00:00Z", "approvals": [{ "by": "carl", "at": "2026-11-25T20:01:00Z" }],
                    "approvals_wanted": 1, "expires_at": "2026-12-25T20:00:00Z", "because": "waits for an approval" });
                Some(ok(&json!({ "approved_by_name": ["prod"], "functions": [{ "environment": "prod",
                    "function": "orders", "live": null, "targets": [], "active": null, "pending": null, "hold": null,
                    "rejected": false, "waiting": [waiting] }] })))
            }
            Some("plan") => Some(ok(&plan)),
            _ => None,
        }
    });
    let (outcome, out) = person(&server).run_with_output(&[&APPROVE[..], more].concat());
    let command = |body: &str| Some(serde_json::from_str::<Value>(body).ok()?["command"].as_str()?.to_owned());
    (outcome, out, server.requests().iter().filter_map(|request| command(&request.body)).collect())
}

/// A plan that is refused, and waits for this besides.
fn refused(wait: Value) -> Value {
    json!({ "environment": "prod", "function": "orders", "release": "1.4.3", "unchanged": false, "targets": [],
        "wait": wait, "refused": { "code": "NotPromotable", "because": "stage serves other code" } })
}

fn wanted(number: u8) -> Value {
    json!({ "approvals_wanted": number, "expires_at": "2026-12-25T20:00:00Z" })
}

/// The record of ada's promotion, which bob and carl have approved, with these fields.
fn promoted(fields: Value) -> Value {
    let mut record = record(ID, "1.4.3");
    record["cause"] = json!({ "kind": "promotion", "requested_by": "ada", "event_id": null });
    let given = |by: &str| json!({ "by": by, "at": "2026-11-25T20:01:00Z" });
    record["promotion"] = json!({ "from": "stage", "approvals": [given("bob"), given("carl")] });
    fields.as_object().unwrap().iter().for_each(|(name, value)| record[name] = value.clone());
    record
}

#[test]
fn approve_with_yes_sends_the_approval_without_a_plan() {
    let (Outcome { exit, err }, sent) = run(&[&BY_BOB[..], &["--yes"]].concat());
    assert_eq!((exit, sent), (Some(0), ["status", "approve"].map(str::to_owned).to_vec()), "{err}");
    assert!(!err.contains("plan"), "{err}");
}

/// A promotion that goes on without the approval is not followed: its end would be that of the timeout.
#[test]
fn approval_that_came_too_late_is_refused_at_once_and_says_how_things_are() {
    let mut no_promotion = record(ID, "1.4.3");
    no_promotion["decision"] = json!("too_late");
    let late = |fields: Value| {
        let mut record = promoted(json!({ "decision": "too_late" }));
        fields.as_object().unwrap().iter().for_each(|(name, value)| record[name] = value.clone());
        record
    };
    let is_next = json!({ "status": "pending", "code": "Waiting", "because": "waits for deployment 1 to end",
        "targets": [], "finished_at": null });
    let goes_on = json!({ "status": "in_progress", "targets": [], "finished_at": null });
    for (after, says) in [
        (late(json!({})), "nothing was approved: it had ended or gone on without this approval\n"),
        (late(json!({ "status": "superseded", "because": "newer came" })), "it had ended or gone on without"),
        (late(is_next), "it had ended or gone on without"),
        (late(goes_on), "it had ended or gone on without"),
        (no_promotion, "nothing was approved: this deployment is no promotion\n"),
    ] {
        let by_the_requester = ["--requested-by", "ada", "--yes"];
        let (Outcome { exit, err }, out, _) =
            run_against(&by_the_requester, (json!(null), after.clone(), after.clone()));
        assert_eq!(exit, Some(3), "{out}{err}");
        let ended = format!("prod/orders/1.4.3: {}", after["status"].as_str().unwrap().replace('_', " "));
        assert!(out.starts_with(&ended) && out.contains(says), "{out}");
        let (Outcome { exit, .. }, out, _) = run_against(
            &[&by_the_requester[..], &["--output", "json"]].concat(),
            (json!(null), after.clone(), after.clone()),
        );
        let answer: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((exit, &answer["status"], &answer["decision"]), (Some(3), &after["status"], &json!("too_late")));
        assert_eq!(answer["errorType"], "Refused");
        assert!(answer["errorMessage"].as_str().unwrap().starts_with("nothing was approved: "), "{answer}");
    }
}

#[test]
fn plan_that_fails_without_a_terminal_is_told_and_holds_nothing_up() {
    let (Outcome { exit, err }, sent) = run(&BY_BOB);
    assert_eq!((exit, sent), (Some(0), ["status", "plan", "history", "approve"].map(str::to_owned).to_vec()), "{err}");
    assert!(err.contains("the plan cannot be shown: "), "{err}");
}

#[test]
fn requester_is_refused_before_the_plan() {
    let (Outcome { exit, err }, sent) = run(&["--requested-by", "ada"]);
    assert_eq!((exit, sent), (Some(3), vec!["status".to_owned()]), "{err}");
    assert_eq!(err, "error: ada has asked for this promotion, and somebody else must approve it\n");
}

#[test]
fn second_approval_of_one_person_is_told_and_shows_no_plan() {
    let (Outcome { exit, err }, sent) = run(&["--requested-by", "carl"]);
    assert_eq!((exit, sent), (Some(0), ["status", "history", "approve"].map(str::to_owned).to_vec()), "{err}");
    assert!(err.starts_with("carl has approved this promotion already: each person counts once\n"), "{err}");
}

#[test]
fn approve_without_a_name_is_wrong_use_before_anything_is_looked_up() {
    for more in [&[][..], &["--yes"]] {
        let (Outcome { exit, err }, sent) = run(more);
        assert_eq!((exit, sent), (Some(2), Vec::<String>::new()), "{err}");
        assert!(err.contains("somebody must be named who approves it: say --requested-by NAME"), "{err}");
    }
}

#[test]
fn approval_that_would_end_the_promotion_is_not_sent_without_a_terminal() {
    let because = "not confirmed: nothing was approved, because the promotion would be refused (stage serves other code): \
                   mend that first, or add --yes, which ends it";
    for wait in [json!(null), wanted(1)] {
        let against = || (refused(wait.clone()), promoted(json!({})), promoted(json!({})));
        let (Outcome { exit, err }, out, sent) = run_against(&BY_BOB, against());
        assert_eq!((exit, sent, out.as_str()), (Some(3), vec!["status".to_owned(), "plan".to_owned()], ""), "{err}");
        assert!(err.replace('\n', " ").contains("add --yes, which ends it"), "{err}");
        let json = [&BY_BOB[..], &["--output", "json"]].concat();
        let (Outcome { exit, err }, out, sent) = run_against(&json, against());
        assert_eq!((exit, sent.len(), err.as_str()), (Some(3), 2, ""), "{out}");
        let told: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(told, json!({ "errorType": "NotConfirmed", "errorMessage": because }));
    }
}

#[test]
fn approval_of_a_refused_promotion_that_waits_for_more_is_recorded() {
    let mut soaks = wanted(1);
    soaks["soak_until"] = json!("2026-11-30T13:00:00Z");
    for wait in [wanted(2), soaks] {
        let waits = promoted(json!({ "status": "pending", "code": "Waiting", "because": "waits", "targets": [],
            "finished_at": null, "promotion": { "from": "stage", "approvals_wanted": 1 } }));
        let (Outcome { exit, err }, out, sent) = run_against(&BY_BOB, (refused(wait), waits.clone(), waits));
        assert_eq!((exit, sent.last().unwrap().as_str()), (Some(0), "approve"), "{err}");
        assert!(err.contains("the promotion ends as refused when it waits for nothing else"), "{err}");
        let told =
            "it would be refused as things are, and waits for more: the approval is recorded, and ends nothing yet\n";
        assert!(err.ends_with(told) && !out.contains("has ended"), "{err}{out}");
    }
}

#[test]
fn promotion_that_the_approval_ends_is_asked_for_anew_by_its_release() {
    let ended = |because: &str| {
        promoted(json!({ "status": "refused", "code": "NotPromotable", "because": because, "targets": [] }))
    };
    let yes = [&BY_BOB[..], &["--yes"]].concat();
    let held = ended("stage serves other code");
    let (Outcome { exit, .. }, out, _) = run_against(&yes, (json!(null), held.clone(), held));
    let anew = "ask for it anew:\n  deployctl promote -f orders --from stage --to prod -r 1.4.3\n";
    assert!(exit == Some(3) && out.ends_with(anew), "{out}");
    let declined = ended("declined by dora: not now");
    let (Outcome { exit, .. }, out, _) = run_against(&yes, (json!(null), declined.clone(), declined));
    assert!(exit == Some(3) && !out.contains("ask for it anew"), "{out}");
}

#[test]
fn approver_hears_what_the_approval_has_ended_and_not_what_the_request_has() {
    let one = |id: &str, release: &str| json!({ "environment": "prod", "deployment": id, "release": release, "from": "stage", "waited": "for its soak" });
    let (earlier, later) = (one("01M8A5XFDRZTNV54H8T47JKK41", "1.4.1"), one("01M8A5XFDRZTNV54H8T47JKK42", "1.4.2"));
    let before = promoted(json!({ "ended_waiting": [earlier] }));
    let after = promoted(json!({ "ended_waiting": [earlier, later] }));
    let plan =
        json!({ "environment": "prod", "function": "orders", "release": "1.4.3", "unchanged": false, "targets": [] });
    let (Outcome { exit, err }, out, _) = run_against(&BY_BOB, (plan, before, after));
    assert_eq!(exit, Some(0), "{err}");
    assert!(out.contains("01M8A5XFDRZTNV54H8T47JKK42 of 1.4.2 from stage to prod"), "{out}");
    assert!(!out.contains("1.4.1"), "{out}");
}

const GROUP: &str = "0000000000F0M57FDAT7ZC1HD8";

/// Runs a verb on the member `ID` of a group that waits, and returns what it says and what it decides about.
fn on_member(arguments: &[&str]) -> (Outcome, String, Vec<Value>) {
    let member = |function: &str, id: &str| json!({ "function": function, "release": "1.4.3", "deployment": id, "status": null, "because": null });
    let members = [member("bills", "01M8A5XFDRZTNV54H8T47JKK41"), member("orders", ID)];
    let server = server(move |request| {
        let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
        match command["command"].as_str() {
            Some("approve" | "decline") if command["only_if_known"] == true => Some(ok(&Value::Null)),
            Some("approve" | "decline") if command["function"].is_null() => {
                Some(ok(&json!({ "schema": 1, "revision": 1, "id": GROUP, "environment": "prod", "from": "stage",
                    "functions": members, "status": "succeeded", "code": null, "because": null, "phase": "ended",
                    "approvals": [{ "by": "bob", "at": "2026-11-25T20:04:00Z" }],
                    "cause": { "kind": "promotion", "requested_by": "ada", "event_id": "g" },
                    "asked_at": "2026-11-25T20:00:00Z", "started_at": "2026-11-25T20:00:00Z",
                    "finished_at": "2026-11-25T20:05:00Z", "decision": "too_late" })))
            }
            Some("status") => {
                let group = json!({ "id": GROUP, "environment": "prod", "from": "stage", "status": "pending",
                    "phase": "checking", "because": "waits", "requested_by": "ada", "since": "2026-11-25T20:00:00Z",
                    "approvals_wanted": 1, "functions": members });
                Some(ok(&json!({ "functions": [], "groups": [group] })))
            }
            Some("plan") => Some(ok(&json!({ "environment": "prod", "function": command["function"],
                "release": "1.4.3", "unchanged": false, "targets": [] }))),
            _ => None,
        }
    });
    let (outcome, out) = person(&server).run_with_output(arguments);
    let command = |body: &str| serde_json::from_str::<Value>(body).ok();
    let decides = |command: &Value| {
        command["only_if_known"].is_null() && (command["command"] == "approve" || command["command"] == "decline")
    };
    let sent = server.requests().iter().filter_map(|request| command(&request.body)).filter(decides).collect();
    (outcome, out, sent)
}

#[test]
fn decision_on_a_member_without_a_question_is_wrong_and_names_the_groups_command() {
    let belongs = format!(
        "promotion {ID} of orders belongs to group {GROUP} (bills and orders), which is decided about as a whole:\n  "
    );
    for (verb, options, more) in [
        ("approve", &["-f", "orders"][..], ""),
        ("approve", &[], ""),
        ("approve", &["-f", "orders", "--yes"], ""),
        ("approve", &["-f", "orders", "--id", "again"], " --id again"),
        ("decline", &["-f", "orders"], ""),
        ("decline", &[], ""),
    ] {
        let decide = [&[verb, "-e", "prod", "--deployment", ID], options, &BY_BOB].concat();
        let (Outcome { exit, err }, out, sent) = on_member(&decide);
        assert_eq!((exit, out.as_str(), sent.len()), (Some(2), "", 0), "{options:?}: {err}");
        let command = format!("deployctl {verb} -e prod --deployment {GROUP} --requested-by bob{more}");
        assert_eq!(err, format!("error: {belongs}{command}\n"));
        let (Outcome { exit, .. }, out, sent) = on_member(&[&decide[..], &["--output", "json"]].concat());
        let told: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((exit, sent.len(), &told["errorType"]), (Some(2), 0, &json!("WrongUse")), "{told}");
    }
}

#[test]
fn late_decision_on_a_group_is_refused() {
    for verb in ["approve", "decline"] {
        let decide = [verb, "-e", "prod", "--deployment", GROUP, "--output", "json"];
        let (Outcome { exit, .. }, out, sent) = on_member(&[&decide[..], &BY_BOB].concat());
        let told: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((exit, &told["errorType"], &told["id"]), (Some(3), &json!("Refused"), &json!(GROUP)), "{out}");
        let [decided] = &sent[..] else { panic!("{sent:?}") };
        assert_eq!((&decided["deployment"], decided.get("function")), (&json!(GROUP), None), "{decided}");
    }
}

/// Nothing waits there any more: only the deployer knows what it was.
#[test]
fn late_decision_by_the_id_alone_is_refused_with_the_record() {
    for verb in ["approve", "decline"] {
        let server = server(move |request| {
            let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
            let wrong = json!({ "errorType": "InvalidCommand", "errorMessage": "no promotion waits in prod" });
            match command["command"].as_str() {
                Some("approve" | "decline") => Some(ok(&promoted(json!({ "decision": "too_late" })))),
                Some("status") => Some(ok(&json!({ "functions": [] }))),
                Some("plan") => Some(ok(&wrong)),
                _ => None,
            }
        });
        let decide = [verb, "-e", "prod", "--deployment", ID, "--requested-by", "dora"];
        let (Outcome { exit, err }, out) = person(&server).run_with_output(&decide);
        assert_eq!((exit, err.contains("plan")), (Some(3), false), "{err}{out}");
        assert!(out.starts_with("prod/orders/1.4.3: succeeded") && out.contains("nothing was "), "{out}");
    }
}

/// A deployer that does not say what the approval did: deployctl says no more than the record.
#[test]
fn approval_that_an_older_deployer_answers_is_told_by_its_record() {
    let (record, yes) = (promoted(json!({})), ["--requested-by", "dora", "--yes"]);
    let (Outcome { exit, .. }, out, _) = run_against(&yes, (json!(null), record.clone(), record));
    assert!(exit == Some(0) && !out.contains("nothing was approved"), "{out}");
}

#[test]
fn approval_is_repeated_by_its_id_only_where_the_promotion_is_named() {
    for (options, function) in [(&[][..], ""), (&["-f", "orders"], " -f orders")] {
        let (Outcome { exit, err }, _, sent) =
            on_member(&[&["approve", "-e", "prod", "--id", "again"], options, &BY_BOB].concat());
        assert_eq!((exit, sent.len()), (Some(2), 0), "{err}");
        let command = format!("\n  deployctl approve -e prod{function} --deployment ID --id again\n");
        assert!(err.contains("name the promotion or the group") && err.ends_with(&command), "{err}");
    }
}

#[test]
fn groups_that_cannot_be_read_are_not_said_to_be_none() {
    let status = json!({ "functions": [], "unreadable": ["open groups: the ledger is away"] });
    for verb in [&["approve", "--yes"][..], &["decline"]] {
        for more in [&[][..], &["-f", "orders"]] {
            let status = status.clone();
            let server = server(move |request| {
                let command: Value = serde_json::from_str(&request.body).unwrap_or_default();
                (command["command"] == "status").then(|| ok(&status))
            });
            let Outcome { exit, err } = person(&server).run(&[verb, &["-e", "prod"], more, &BY_BOB].concat());
            assert_eq!(exit, Some(1), "{err}");
            assert!(err.contains("\n  cannot be read: open groups: the ledger is away\n"), "{err}");
        }
    }
}
