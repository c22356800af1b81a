//! Rollouts that are under way, in the table and in detail.

use super::*;

fn rollout(more: &Value) -> Value {
    let target = |region: &str, weight: u8| {
        json!({"account": "111111111111", "region": region, "old": "6", "new": "7",
        "weight": weight, "serves": weight, "at": "2026-11-28T17:10:03Z"})
    };
    let mut rollout = json!({
        "deployment": id(5), "release": "1.4.3", "phase": "shifting", "wave": 1, "waves": 2, "step": 1, "steps": 2,
        "weight": 10, "since": "2026-11-28T17:10:03Z", "due": "2026-11-28T17:24:03Z",
        "targets": [target("eu-west-1", 10), target("us-east-2", 0)],
    });
    for (name, value) in more.as_object().unwrap() {
        rollout[name] = value.clone();
    }
    let rolling =
        json!({"rollout": rollout, "active": id(5), "active_because": "the new version gets 10 % of the traffic"});
    let environments = ["prod"];
    json!({"functions": [status("orders-api", "prod", "1.4.2", rolling)], "environments": environments})
}

fn going_back() -> Value {
    let target = |region: &str, more: Value| {
        let mut target = json!({"account": "111111111111", "region": region, "old": "6", "new": "7", "weight": 0,
            "at": null});
        more.as_object().unwrap().iter().for_each(|(name, value)| target[name] = value.clone());
        target
    };
    let held_up =
        json!({"goes_back": true, "serves": 10, "because": "111111111111/us-east-2: AccessDenied: UpdateAlias"});
    json!({"phase": "going_back", "weight": 0, "because": "1.4.3 failed 12 of 96 (12.5 %)", "targets": [
        target("eu-west-1", json!({"at": "2026-11-28T17:10:03Z", "serves": 0})), target("us-east-2", held_up),
    ]})
}

fn passed() -> Value {
    json!({"phase": "watching", "step": 3, "weight": 100, "due": null, "passed_at": "2026-11-28T17:19:00Z",
        "waits_for": ["billing", "stock"]})
}

fn paused() -> Value {
    json!({"due": "2026-11-29T17:12:00Z", "disarmed": ["orders-5xx"], "paused": {"since": "2026-11-28T17:12:00Z",
        "reason": "asked", "by": "ann", "because": "ann has asked for it: look at the logs"}})
}

#[test]
fn rollout_in_detail_says_what_it_does_until_when_and_the_commands_for_it() {
    for (name, more) in [
        ("shifting", json!({})),
        ("paused", paused()),
        ("watching", json!({"phase": "watching", "step": 3, "weight": 100})),
        ("going-back", going_back()),
    ] {
        let report: StatusReport = serde_json::from_value(rollout(&more)).unwrap();
        for columns in WIDTHS {
            let text = detail::text(&report, now(), Some(columns));
            assert_golden(&format!("rollout-{name}-{columns}.txt"), &plain(&text));
            let too_long = |line: &&str| width(line) > columns && !line.starts_with("deployctl rollout");
            assert_eq!(text.lines().find(too_long), None, "{columns}");
        }
    }
}

#[test]
fn rollout_in_the_table_stands_in_place_of_deploying() {
    for (more, said) in [
        (json!({}), "1.4.3 gets 10 %"),
        (paused(), "1.4.3 is paused at 10 %"),
        (passed(), "1.4.3 waits for its group"),
        (json!({"phase": "smoke", "weight": 0}), "1.4.3 is tested"),
        (json!({"phase": "going_back", "weight": 0, "because": "bad"}), "1.4.3 goes back"),
        (going_back(), "1.4.3 goes back, still gets 10 %"),
    ] {
        let report: StatusReport = serde_json::from_value(rollout(&more)).unwrap();
        let text = plain(&table::text(&report, now(), Some(80), "-"));
        assert!(text.contains(said) && !text.contains("deploying"), "{text}");
    }
}

#[test]
fn rollout_that_moves_or_finishes_says_so() {
    for (more, said) in [
        (json!({"since": null, "due": null}), "1.4.3 is about to get 10 % (step 1 of 2, wave 1 of 2)"),
        (
            json!({"phase": "smoke", "weight": 0, "due": null}),
            "1.4.3 is tested (step 1 of 2, wave 1 of 2) before it gets traffic",
        ),
        (
            passed(),
            "1.4.3 gets all traffic (wave 1 of 2), has passed its watch, and waits for billing and 1 other of its group",
        ),
        (json!({"finishes": true}), ", and finishes: no wait is longer than until 2026-11-28 17:24:03Z (in 4 min)"),
        (
            json!({"verdict": {"verdict": "quiet", "because": "1.4.3 had 12 of 50 invocations"}}),
            "looked at now: quiet: 1.4.3 had 12 of 50 invocations",
        ),
        (json!({"not_looked_at": "no answer within 10 seconds"}), "not looked at: no answer within 10 seconds"),
    ] {
        let report: StatusReport = serde_json::from_value(rollout(&more)).unwrap();
        let text = plain(&detail::text(&report, now(), None));
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn target_says_in_one_line_which_release_gets_which_share_in_it_now() {
    for (more, said) in [
        (json!({"weight": 10, "serves": 10}), "1.4.3 (version 7) gets 10 %, 1.4.2 (version 6) the rest"),
        (json!({"weight": 100, "serves": 100}), "1.4.3 (version 7) gets all traffic"),
        (
            json!({"weight": 100, "serves": 10, "perhaps": 100, "at": null}),
            "1.4.3 (version 7) gets 10 %, 1.4.2 (version 6) the rest; 1.4.3 (version 7) is about to get 100 %",
        ),
        (
            json!({"weight": 0, "serves": 10, "goes_back": true, "at": null, "because": "denied"}),
            "1.4.3 (version 7) gets 10 %, 1.4.2 (version 6) the rest, until it is back: denied",
        ),
        (
            json!({"weight": 10, "found": "7", "because": "111111111111/eu-west-1: expected 6, found 7"}),
            "1.4.3 (version 7) gets all traffic, by somebody else's change: expected 6, found 7",
        ),
        (
            json!({"old": null, "weight": 100, "serves": 100, "at_once": true}),
            "1.4.3 (version 7) gets all traffic (a new alias: nothing to compare with)",
        ),
        (
            json!({"weight": 0, "goes_back": true, "at": null, "because": "denied"}),
            "goes back to 1.4.2 (version 6): denied",
        ),
    ] {
        let mut target = json!({"account": "111111111111", "region": "eu-west-1", "old": "6", "new": "7",
            "at": "2026-11-28T17:10:03Z"});
        more.as_object().unwrap().iter().for_each(|(name, value)| target[name] = value.clone());
        let mut report = rollout(&json!({"targets": [target]}));
        report["functions"][0]["targets"] =
            json!([{"account": "111111111111", "region": "eu-west-1", "version": "6", "release": "1.4.2"}]);
        let text = plain(&detail::text(&serde_json::from_value(report).unwrap(), now(), None));
        assert!(text.contains(&format!("  target   111111111111/eu-west-1: {said}\n")), "{text}");
        assert_eq!(text.matches("  target ").count(), 1, "{text}");
    }
}

#[test]
fn release_that_was_taken_back_is_seen_until_something_else_is_live() {
    let back = json!({"release": "1.4.3", "deployment": id(5), "at": "2026-11-28T03:10:03Z"});
    let functions = [status("orders-api", "prod", "1.4.2", json!({"taken_back": back}))];
    let mut report: StatusReport = serde_json::from_value(json!({"functions": functions})).unwrap();
    let text = plain(&detail::text(&report, now(), None));
    assert!(text.contains("  back     1.4.3 was taken back at 2026-11-28 03:10:03Z (14 h ago), deployment "), "{text}");
    let text = plain(&table::text(&report, now(), None, "-"));
    assert!(text.contains("1.4.3 was taken back"), "{text}");
    let only = |states: &[State], report: &mut StatusReport| {
        Filter { names: None, states }.keep(report, now());
        report.functions.len()
    };
    assert_eq!(only(&[State::TakenBack], &mut report), 1);
    assert_eq!(only(&[State::Paused], &mut report), 0);
    let mut waits: StatusReport = serde_json::from_value(rollout(&paused())).unwrap();
    assert_eq!(only(&[State::Paused], &mut waits), 1);
}
