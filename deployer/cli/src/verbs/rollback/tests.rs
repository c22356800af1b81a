#![allow(clippy::unwrap_used)]

use clap::Parser as _;
use deployer_core::record::Code;
use serde_json::{Value, json};

use super::*;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn options(more: &[&str]) -> Options {
    let line = ["rollback", "-e", "prod", "-f", "orders"];
    Line::try_parse_from(line.iter().chain(more)).map(|line| line.options).unwrap()
}

/// Makes the status of a function on release b, before which a was live.
fn status(more: &Value) -> FunctionStatus {
    let mut status = json!({
        "environment": "prod", "function": "orders", "active": null, "pending": null, "hold": null, "rejected": false,
        "live": {"release": "b", "deployment": "01JD3Z9V7Q0000000000000000", "since": "2026-11-30T11:59:00Z",
            "sha256": null},
        "targets": [], "rollback_to": "a",
    });
    for (field, value) in more.as_object().unwrap() {
        status[field] = value.clone();
    }
    serde_json::from_value(status).unwrap()
}

#[test]
fn failed_rollback_names_the_command_that_brings_the_same_code() {
    let target = |status: &str, reached: bool, error: Value| {
        json!({"account": "111111111111", "region": "eu-west-1", "status": status, "function_name": "orders",
            "alias": "live", "version": null, "previous": null, "reached": reached, "error": error})
    };
    let error = || json!({"code": "AccessDenied", "step": "update alias", "message": "no"});
    let (to, rollback) = (["--to", "a"], "deployctl rollback -e prod -f orders");
    for (more, targets, command) in [
        (&[][..], json!([target("failed", false, error())]), rollback.to_owned()),
        (&to, json!([target("failed", false, error())]), format!("{rollback} --to a")),
        (&to, json!([target("failed", true, error())]), "deployctl redeploy -e prod -f orders".to_owned()),
        (
            &[],
            json!([target("succeeded", false, Value::Null), target("failed", false, error())]),
            "deployctl redeploy -e prod -f orders".to_owned(),
        ),
    ] {
        let record = serde_json::from_value(json!({
            "id": "01JD3Z9V7Q0000000000000000", "environment": "prod", "function": "orders", "release": "a",
            "status": "failed", "code": "TargetFailed", "because": "no", "artifact": null, "targets": targets,
            "cause": {"kind": "rollback", "requested_by": null, "event_id": null},
            "started_at": "2026-11-30T12:00:00Z", "finished_at": "2026-11-30T12:00:01Z",
        }));
        let said = options(more).text(&record.unwrap());
        assert!(said.ends_with(&format!("\n    {command}\n")), "{said}");
    }
}

#[test]
fn rollback_without_a_known_way_back_may_be_refused() {
    let (known, first) = (status(&json!({})), status(&json!({"rollback_to": null})));
    let under_way = status(&json!({"rollback_to": null, "active": "01JD3Z9V7Q0000000000000001"}));
    for (to, status, doubtful) in [
        (&[][..], Some(&known), false),
        (&[], Some(&first), true),
        (&[], None, true),
        (&[], Some(&under_way), false),
        (&["--to", "a"], Some(&known), false),
        (&["--to", "8.8"], Some(&known), true),
        (&["--to", "8.8"], None, true),
    ] {
        assert_eq!(options(to).may_be_refused(status), doubtful, "{to:?} {status:?}");
    }
}

#[test]
fn rollback_to_what_is_live_everywhere_is_there_already() {
    let waiting = json!([{"deployment": "01JD3Z9V7Q0000000000000002", "from": "stage", "release": "c",
        "requested_by": "ada", "since": "2026-11-30T11:59:30Z", "approvals_wanted": 1, "because": "waits",
        "expires_at": "2026-12-30T12:00:00Z"}]);
    let mut incomplete = status(&json!({}));
    incomplete.live.as_mut().unwrap().complete = false;
    for (to, status, there) in [
        (&["--to", "b"][..], status(&json!({})), true),
        (&["--to", "a"], status(&json!({})), false),
        (&[], status(&json!({})), false),
        (&["--to", "b"], status(&json!({"waiting": waiting})), false),
        (&["--to", "b"], status(&json!({"active": "01JD3Z9V7Q0000000000000001"})), false),
        (&["--to", "b"], status(&json!({"rejected": true})), false),
        (&["--to", "b"], incomplete, false),
    ] {
        assert_eq!(options(to).is_there_already(&status), there, "{to:?} {status:?}");
    }
    let answer = options(&["--to", "b"]).already(&status(&json!({})));
    assert_eq!(answer.exit, Exit::Done);
    assert!(answer.text.starts_with("b of orders is live in prod already, on "), "{}", answer.text);
}

#[test]
fn planned_refusal_is_told_in_the_deployers_words_with_its_exit_code() {
    let because = "nothing was live here before release b".to_owned();
    let error = refused_as(&RefusedPlan { code: Code::NothingToRollBack, because });
    assert_eq!(error.exit, Exit::Refused);
    assert_eq!(error.message, "NothingToRollBack: nothing was live here before release b\n  nothing was rolled back");
}

#[test]
fn question_names_the_promotions_that_the_rollback_ends() {
    let waiting = json!({"deployment": "01JD3Z9V7Q0000000000000002", "from": "stage", "release": "c",
        "requested_by": "ada", "since": "2026-11-30T11:59:30Z", "approvals_wanted": 1, "because": "waits",
        "expires_at": "2026-12-30T12:00:00Z"});
    let now = "2026-11-30T12:00:00Z".parse().unwrap();
    assert_eq!(
        options(&[]).preview(Some(&status(&json!({"waiting": [waiting]}))), &Shown::default(), now),
        "orders in prod\n  \
           live     b, since 2026-11-30 11:59:00Z (1 min ago), on 0 of 0 targets as the ledger has it\n  \
           back to  a\n  \
           ends     promotion 01JD3Z9V7Q0000000000000002 of c from stage, which waits to come here\n"
    );
}

#[test]
fn question_names_the_groups_that_the_rollback_ends() {
    let member = |function: &str| json!({"function": function, "release": "c", "status": null, "deployment": "01JD3Z9V7Q0000000000000003"});
    let group = json!({"id": "0000000000F0M57FDAT7ZC1HD8", "environment": "prod", "from": "stage", "status": "pending",
        "phase": "checking", "because": "waits", "requested_by": "ada", "since": "2026-11-30T11:59:30Z",
        "functions": [member("bills"), member("carts"), member("orders")]});
    let shown = Shown { groups: vec![serde_json::from_value(group).unwrap()], ..Shown::default() };
    let text = options(&[]).preview(Some(&status(&json!({}))), &shown, "2026-11-30T12:00:00Z".parse().unwrap());
    let ends = "\n  ends     group 0000000000F0M57FDAT7ZC1HD8 of bills, carts and orders from stage, which waits to come here\n";
    assert!(text.ends_with(ends), "{text}");
}

#[test]
fn question_names_what_the_rollback_passes_and_what_came_with_the_live_release() {
    let passes =
        json!([{"release": "a2", "because": "rejected: leaks"}, {"release": "b2", "because": "the same code as b"}]);
    let rollback = json!({"release": "a", "deployment": null, "sha256": null, "passes": passes});
    let status = status(&json!({"rollback": rollback}));
    let now = "2026-11-30T12:00:00Z".parse().unwrap();
    let begin = "orders in prod\n  live     b, since 2026-11-30 11:59:00Z (1 min ago), on 0 of 0 targets as the ledger has it\n  back to";
    let passed = "a\n  passes   a2, rejected: leaks\n  passes   b2, the same code as b\n";
    for to in [&[][..], &["--to", "a"]] {
        let text = options(to).preview(Some(&status), &Shown::default(), now);
        assert_eq!(text, format!("{begin}  {passed}"));
    }
    // The plan of a rollback to a named release tells what that one passes.
    let passes = vec![PassedRelease { release: "a".parse().unwrap(), because: None }];
    let further = options(&["--to", "0"]).preview(Some(&status), &Shown { passes, ..Shown::default() }, now);
    assert_eq!(further, format!("{begin}  0\n  passes   a\n"));
    assert_eq!(options(&["--to", "0"]).preview(Some(&status), &Shown::default(), now), format!("{begin}  0\n"));
}

#[test]
fn error_that_was_printed_before_is_not_printed_again() {
    let error = || CliError::failed("the ledger cannot be read: denied\n  it may have been taken");
    let told = told_once(error(), Some("the ledger cannot be read: denied"));
    assert_eq!(told.message, "the rollback met the same error\n  it may have been taken");
    assert_eq!(told_once(error(), Some("no answer")).message, error().message);
    assert_eq!(told_once(error(), None).message, error().message);
}

#[test]
fn deployment_under_way_is_sent_only_where_the_rollback_means_it() {
    let of_live = json!({"release": "b", "deployment": "01JD3Z9V7Q0000000000000000", "sha256": null});
    let active = DeploymentId::parse("01JD3Z9V7Q0000000000000001").unwrap();
    let under_way = |more: &Value| {
        let mut status = status(&json!({"active": active.to_string()}));
        status.rollback = more.as_object().map(|_| serde_json::from_value(more.clone()).unwrap());
        status
    };
    // The live release stays, and the deployment is stopped; then a redeploy, which is live already.
    assert_eq!(options(&[]).expected(&under_way(&of_live)).active, Some(active));
    assert_eq!(options(&[]).expected(&under_way(&Value::Null)).active, None);
    assert_eq!(options(&["--to", "a"]).expected(&under_way(&Value::Null)).active, Some(active));
}

#[test]
fn question_during_a_rollout_names_its_release_its_shares_and_what_waits_behind_it() {
    let active = "01JD3Z9V7Q0000000000000001";
    let rollout = json!({"deployment": active, "release": "c", "phase": "shifting", "wave": 1, "waves": 1, "step": 1,
        "steps": 1, "weight": 10, "since": "2026-11-30T11:59:30Z", "due": "2026-11-30T12:09:30Z",
        "targets": [{"account": "111111111111", "region": "eu-west-1", "old": "6", "new": "7", "weight": 10, "serves": 10,
            "at": "2026-11-30T11:59:30Z"}]});
    let open = json!([{"deployment": active, "release": "c", "status": "in_progress"},
        {"deployment": "01JD3Z9V7Q0000000000000002", "release": "d", "status": "pending"}]);
    let of_live = json!({"release": "b", "deployment": "01JD3Z9V7Q0000000000000000", "sha256": null});
    let status = status(&json!({"active": active, "rollout": rollout, "open": open, "rollback": of_live,
        "rollback_to": "b", "targets": [{"account": "111111111111", "region": "eu-west-1", "version": "6", "release": "b"}]}));
    let now = "2026-11-30T12:00:00Z".parse().unwrap();
    let member = |function: &str, deployment: &str| {
        json!({"function": function, "release": "c", "status": "in_progress",
        "deployment": deployment})
    };
    let group = json!({"id": "0000000000F0M57FDAT7ZC1HD8", "environment": "prod", "from": "stage", "status": "in_progress",
        "phase": "moving", "because": null, "requested_by": "ada", "since": "2026-11-30T11:59:30Z",
        "functions": [member("bills", "01JD3Z9V7Q0000000000000003"), member("orders", active)]});
    let report = serde_json::from_value(json!({"functions": [], "groups": [group]})).unwrap();
    let together = ends::taken_back_with(&report, DeploymentId::parse(active).unwrap());
    let text = options(&[]).preview(Some(&status), &Shown { together, ..Shown::default() }, now);
    let said: Vec<&str> = text.lines().map(str::trim_start).collect();
    assert_eq!(
        said,
        [
            "orders in prod",
            "live     b, since 2026-11-30 11:59:00Z (1 min ago), on 1 of 1 target as the ledger has it",
            "stops    the rollout of deployment 01JD3Z9V7Q0000000000000001: c gets 10 % (step 1 of 1, wave 1 of 1) until \
             2026-11-30 12:09:30Z (in 9 min)",
            "111111111111/eu-west-1: c (version 7) gets 10 %, b (version 6) the rest",
            "back to  b, which stays live",
            "stops    bills, of the same group 0000000000F0M57FDAT7ZC1HD8, with it",
            "ends     deployment 01JD3Z9V7Q0000000000000002 of d, which waits for it to end, and does not come then",
        ]
    );
}
