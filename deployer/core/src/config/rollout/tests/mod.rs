#![allow(clippy::unwrap_used)]

use super::*;
use crate::id::{EnvironmentName, FunctionName};
use proptest::prelude::*;
use serde_json::json;

const TWENTY: Placement<'static> = Placement { targets: 20, queue_url: Some("https://queue") };

fn parse(value: Value) -> Result<Rollout, String> {
    Rollout::parse(&value, TWENTY).map_err(|error| error.to_string())
}

fn step(weight: u8, lasts: &str) -> Value {
    json!({ "weight": weight, "for": lasts })
}

#[test]
fn empty_rollout_is_the_safe_default() {
    let rollout = parse(json!({})).unwrap();
    assert_eq!(rollout, Rollout::default());
    let steps: Vec<_> = rollout.steps.iter().map(|step| (step.weight, step.lasts.to_string(), step.then)).collect();
    assert_eq!(steps, [(10, "10m".to_owned(), None)]);
    assert_eq!((rollout.watch.to_string(), rollout.pause_expires.to_string()), ("10m".into(), "1d".into()));
    assert_eq!(rollout.waves, [Wave::ALL]);
    assert_eq!((rollout.already_alarming, rollout.when_quiet), (AlreadyAlarming::Disarm, WhenQuiet::Proceed));
    assert_eq!((rollout.when_unshiftable, rollout.on_newer), (WhenUnshiftable::AllAtOnce, OnNewer::Wait));
    assert_eq!((rollout.guard.invocations, rollout.guard.errors), (50, 5));
    assert_eq!((rollout.guard.margin.as_f64(), rollout.guard.significance.as_f64()), (1.0, 0.0005));
    assert_eq!((rollout.alarms, rollout.smoke_tests), (Vec::new(), Vec::new()));
}

#[test]
fn rollout_of_the_design_is_read() {
    let rollout = parse(json!({
        "steps": [{ "weight": 10, "for": "10m" }, { "weight": 50, "for": "10m", "then": "pause" }],
        "watch": "10m", "waves": ["1", "10%", "100%"],
        "alarms": ["{function}-5xx"], "already_alarming": "disarm",
        "guard": { "invocations": 50, "errors": 5, "margin": 1.0, "significance": 0.0005 },
        "when_quiet": "proceed", "when_unshiftable": "all-at-once", "on_newer": "wait", "pause_expires": "1d",
        "smoke_test": { "event": { "ping": true }, "expect": { "ok": true } }
    }))
    .unwrap();
    assert_eq!(rollout.steps[1].then, Some(Then::Pause));
    assert_eq!(rollout.begun_by_wave(20), [1, 2, 20]);
    assert_eq!(rollout.planned_length(20).as_secs(), 3 * 30 * 60);
    let (prod, orders) = (EnvironmentName::parse("prod").unwrap(), FunctionName::parse("orders-api").unwrap());
    assert_eq!(rollout.alarms[0].fill_in(&prod, &orders), "orders-api-5xx");
    assert_eq!(rollout.smoke_tests[0].event, json!({ "ping": true }));
    assert_eq!(rollout.smoke_tests[0].time_to_answer().as_secs(), 60);
}

#[test]
fn null_is_the_same_as_absent() {
    let fields = [
        "steps",
        "watch",
        "waves",
        "alarms",
        "already_alarming",
        "guard",
        "when_quiet",
        "when_unshiftable",
        "on_newer",
        "pause_expires",
        "smoke_test",
    ];
    let nulls: Value = fields.into_iter().map(|field| (field.to_owned(), Value::Null)).collect();
    assert_eq!(parse(nulls), Ok(Rollout::default()));
    let guard = json!({ "guard": { "invocations": null, "errors": null, "margin": null, "significance": null } });
    assert_eq!(parse(guard), Ok(Rollout::default()));
    let tested = json!({ "smoke_test": { "event": 1, "expect": null, "timeout": null } });
    assert_eq!(parse(tested), parse(json!({ "smoke_test": [{ "event": 1 }] })));
    assert!(parse(json!({ "steps": [{ "weight": 10, "for": "10m", "then": null }] })).is_ok());
}

#[test]
fn no_steps_move_all_traffic_at_once() {
    let rollout = parse(json!({ "steps": [] })).unwrap();
    assert_eq!(rollout.planned_length(1).as_secs(), 600, "the watch");
}

#[test]
fn each_mistake_names_the_path_of_its_field_and_the_rule() {
    let after = "after the last step the new version gets 100";
    let late = "CloudWatch's counts come about two minutes late";
    let alarms = |count: usize| json!((0..count).map(|n| format!("a{n}")).collect::<Vec<_>>());
    for (rollout, message) in [
        (json!({ "steps": [step(0, "10m")] }), format!("steps[0].weight: must be 1 to 99, and is 0: {after}")),
        (json!({ "steps": [step(100, "10m")] }), format!("steps[0].weight: must be 1 to 99, and is 100: {after}")),
        (json!({ "steps": [{ "weight": 300, "for": "10m" }] }), "steps[0].weight: 300 is out of range".into()),
        (json!({ "steps": [{ "weight": -1, "for": "10m" }] }), "steps[0].weight: -1 is out of range".into()),
        (
            json!({ "steps": [{ "weight": 2.5, "for": "10m" }] }),
            "steps[0].weight: expected a whole number, found the number 2.5".into(),
        ),
        (
            json!({ "steps": [step(50, "10m"), step(10, "10m")] }),
            "steps[1].weight: must be more than the 50 of the step before, and is 10".into(),
        ),
        (
            json!({ "steps": [step(10, "10m"), step(10, "10m")] }),
            "steps[1].weight: must be more than the 10 of the step before, and is 10".into(),
        ),
        (json!({ "steps": [step(10, "1m")] }), format!("steps[0].for: must be at least 3m, and is 1m: {late}")),
        (json!({ "steps": [step(10, "179s")] }), format!("steps[0].for: must be at least 3m, and is 179s: {late}")),
        (json!({ "watch": "0s" }), format!("watch: must be at least 3m, and is 0s: {late}")),
        (json!({ "steps": [{ "weight": 10 }] }), "steps[0].for: required, but missing".into()),
        (
            json!({ "steps": [{ "wieght": 10, "for": "10m" }] }),
            "steps[0].wieght: unknown field; did you mean weight?".into(),
        ),
        (
            json!({ "steps": [{ "weight": 10, "for": "10m", "then": "stop" }] }),
            "steps[0].then: expected pause, found the string \"stop\"".into(),
        ),
        (json!({ "steps": step(10, "10m") }), "steps: expected a list, found a table".into()),
        (
            json!({ "steps": [step(10, "47h"), step(50, "1h")] }),
            "takes 48h 10m in all (1 times 48h 10m of steps and watch); at most 48h".into(),
        ),
        (
            json!({ "steps": [step(10, "16h")], "waves": ["1", "10%", "100%"] }),
            "takes 48h 30m in all (3 times 16h 10m of steps and watch); at most 48h".into(),
        ),
        (json!({ "waves": [] }), "waves: must name at least one wave, such as 100%".into()),
        (
            json!({ "waves": ["1", "50%"] }),
            "waves[1]: 50% is 10 of 20 targets; the last wave must be all of them: 100%".into(),
        ),
        (json!({ "waves": ["19"] }), "waves[0]: 19 is 19 of 20 targets; the last wave must be all of them: 100%".into()),
        (
            json!({ "waves": ["10%", "10%", "100%"] }),
            "waves[1]: 10% of 20 targets must be more than the 10% of the wave before".into(),
        ),
        (
            json!({ "waves": ["5", "10%", "100%"] }),
            "waves[1]: 10% of 20 targets must be more than the 5 of the wave before".into(),
        ),
        (json!({ "waves": ["5", "2", "100%"] }), "waves[1]: 2 of 20 targets must be more than the 5 of the wave before".into()),
        (json!({ "waves": [1] }), "waves[0]: expected a string, found the number 1; put it in quotes".into()),
        (json!({ "alarms": ["a", "b", "a"] }), "alarms[2]: a is there twice".into()),
        (json!({ "alarms": alarms(21) }), "alarms: are 21 alarms; at most 20".into()),
        (
            json!({ "alarms": ["{function}-{release}"] }),
            "alarms[0]: {release} cannot be in \"{function}-{release}\": an alarm keeps its name from one release to the next"
                .into(),
        ),
        (
            json!({ "alarms": ["{fn}-5xx"] }),
            "alarms[0]: {fn} in \"{fn}-5xx\" is not known; {function} and {environment} are".into(),
        ),
        (
            json!({ "alarms": ["arn:aws:cloudwatch:eu-west-1:1:alarm:x"] }),
            "alarms[0]: \"arn:aws:cloudwatch:eu-west-1:1:alarm:x\" is an ARN: give the alarm's name, which each target has \
             in its own account and region"
                .into(),
        ),
        (
            json!({ "alarms": [""] }),
            "alarms[0]: \"\" is not an alarm's name: 1 to 255 characters, and no braces beside {function} and {environment}"
                .into(),
        ),
        (
            json!({ "already_alarming": "ignore" }),
            "already_alarming: expected disarm or refuse, found the string \"ignore\"".into(),
        ),
        (
            json!({ "on_newer": "abort" }),
            "on_newer: expected wait or replace, found the string \"abort\"".into(),
        ),
        (
            json!({ "when_unshiftable": "all_at_once" }),
            "when_unshiftable: expected all-at-once or refuse, found the string \"all_at_once\"".into(),
        ),
        (
            json!({ "guard": { "errors": 0 } }),
            "guard.errors: must be at least 1: a version without any tells nothing".into(),
        ),
        (
            json!({ "guard": { "invocations": 0 } }),
            "guard.invocations: must be at least 1: a version without any tells nothing".into(),
        ),
        (json!({ "guard": { "margin": 101 } }), "guard.margin: 101 is out of range: 0 to 100 percentage points".into()),
        (json!({ "guard": { "margin": -1 } }), "guard.margin: -1 is out of range: 0 to 100 percentage points".into()),
        (
            json!({ "guard": { "significance": 0 } }),
            "guard.significance: 0 is out of range: above 0 and at most 0.05".into(),
        ),
        (
            json!({ "guard": { "significance": 0.1 } }),
            "guard.significance: 0.1 is out of range: above 0 and at most 0.05".into(),
        ),
        (json!({ "guard": { "marign": 1 } }), "guard.marign: unknown field; did you mean margin?".into()),
        (json!({ "guard": false }), "guard: expected a table, found the boolean false".into()),
        (
            json!({ "pause_expires": "0s" }),
            "pause_expires: must be longer than 0s: nobody could continue a paused rollout".into(),
        ),
        (json!({ "smoke_test": {} }), "smoke_test.event: required, but missing".into()),
        (
            json!({ "smoke_test": { "event": {}, "timeout": "61s" } }),
            "smoke_test.timeout: must be 1s to 60s, and is 61s".into(),
        ),
        (
            json!({ "smoke_test": [{ "event": {} }, { "event": {}, "timeout": "0s" }] }),
            "smoke_test[1].timeout: must be 1s to 60s, and is 0s".into(),
        ),
        (
            json!({ "smoke_test": (0..6).map(|n| json!({ "event": n })).collect::<Vec<_>>() }),
            "smoke_test: are 6 smoke tests; at most 5".into(),
        ),
        (
            json!({ "smoke_test": { "event": {}, "expects": {} } }),
            "smoke_test.expects: unknown field; did you mean expect?".into(),
        ),
        (json!({ "wach": "10m" }), "wach: unknown field; did you mean watch?".into()),
        (json!([]), "expected a table, found a list".into()),
    ] {
        assert_eq!(parse(rollout.clone()), Err(message), "{rollout}");
    }
}

#[test]
fn smoke_event_above_64_kilobytes_is_refused() {
    let event = |bytes: usize| json!({ "smoke_test": { "event": "x".repeat(bytes - 2) } });
    assert!(parse(event(65_536)).is_ok());
    assert_eq!(parse(event(65_537)).unwrap_err(), "smoke_test.event: is 65537 bytes long; at most 65536 (64 KB)");
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let rollout = json!({ "steps": [step(0, "1m")], "waves": [], "alarms": ["a", "a"] });
    let message = parse(rollout).unwrap_err();
    let paths: Vec<&str> = message.split(" | ").map(|mistake| mistake.split(':').next().unwrap()).collect();
    assert_eq!(paths, ["steps[0].weight", "steps[0].for", "waves", "alarms[1]"]);
}

#[test]
fn rollout_needs_a_queue() {
    let error = Rollout::parse(&json!({}), Placement { targets: 1, queue_url: None }).unwrap_err();
    assert_eq!(error.to_string(), "needs queue_url, and the sweep each minute: without them nothing can wait");
}

#[test]
fn rollout_of_exactly_two_days_is_taken() {
    assert!(parse(json!({ "steps": [step(10, "47h")], "watch": "1h" })).is_ok());
}

#[test]
fn wave_is_a_number_or_a_share() {
    for (text, of_twenty) in [("1", 1), ("20", 20), ("21", 20), ("9999", 20), ("1%", 1), ("11%", 3), ("100%", 20)] {
        assert_eq!(Wave::parse(text).unwrap().of(20), of_twenty, "{text}");
    }
    for wrong in ["", "0", "0%", "101%", "%", "01", "1.5", "-1", "10000", "10 %", "all", "+1", "1%%", "65546%"] {
        assert_eq!(
            Wave::parse(wrong).unwrap_err().to_string(),
            format!(
                "{wrong:?} is not a wave: a number of targets such as 1, or a share of them such as 10%, up to 100%"
            )
        );
    }
}

#[test]
fn waves_without_targets_of_their_own_are_left_out() {
    let waves = parse(json!({ "waves": ["1", "10%", "50%", "100%"] })).unwrap();
    assert_eq!(waves.begun_by_wave(20), [1, 2, 10, 20]);
    assert_eq!(waves.begun_by_wave(3), [1, 2, 3]);
    assert_eq!(waves.begun_by_wave(1), [1]);
    assert_eq!(waves.planned_length(1).as_secs(), 20 * 60);
}

#[test]
fn each_field_of_the_schema_has_a_sentence_about_it() {
    for schema in [schemars::schema_for!(Rollout), schemars::schema_for!(crate::manifest::StricterRollout)] {
        let value = schema.as_value();
        assert_eq!(value["additionalProperties"], json!(false));
        let kinds = value["$defs"].as_object().unwrap().values();
        for object in kinds.chain([value]).filter_map(|kind| kind["properties"].as_object()) {
            for (field, about) in object {
                let text = about["description"].as_str().unwrap_or_default();
                assert!(text.ends_with('.') && text.contains(' '), "{field}: {text:?} is no sentence");
            }
        }
    }
}

proptest! {
    /// Each wave begins at least as many targets as the one before, and the last all of them.
    #[test]
    fn waves_rise_to_all_targets(targets in 1..200_usize, shares in proptest::collection::vec(1..100_u8, 0..6)) {
        let mut shares = shares;
        shares.sort_unstable();
        shares.dedup();
        let waves: Vec<String> = shares.iter().map(|share| format!("{share}%")).chain(["100%".to_owned()]).collect();
        let rollout = Rollout::parse(&json!({ "waves": waves }), Placement { targets, ..TWENTY }).unwrap();
        let begun = rollout.begun_by_wave(targets);
        prop_assert!(begun.windows(2).all(|two| two[0] < two[1]));
        prop_assert_eq!(begun.last(), Some(&targets));
        prop_assert!(begun[0] >= 1);
    }
}

#[test]
fn file_of_a_release_has_one_smoke_test_or_several() {
    let read = |text: &str| SmokeTest::parse_file(text.as_bytes());
    let one = read(r#"{"event": {"ping": true}, "expect": {"ok": true}, "timeout": "5s"}"#).unwrap();
    assert_eq!((one.len(), &one[0].event), (1, &json!({ "ping": true })));
    assert_eq!(read(r#"[{"event": 1}, {"event": 2}]"#).unwrap().len(), 2);
    assert_eq!(read("\u{feff}{\"event\": 1}").unwrap().len(), 1);
}

#[test]
fn file_of_a_release_that_is_wrong_is_refused_with_the_path() {
    let six = json!((0..6).map(|n| json!({ "event": n })).collect::<Vec<_>>()).to_string();
    for (text, message) in [
        (r#"{"evnt": 1}"#, "evnt: unknown field; did you mean event?"),
        (r#"[{"event": 1}, {"event": 2, "timeout": "61s"}]"#, "[1].timeout: must be 1s to 60s, and is 61s"),
        ("[]", "has no smoke test: put one in, or leave the file out"),
        ("7", "expected a table or a list, found the number 7"),
        (six.as_str(), "are 6 smoke tests; at most 5"),
    ] {
        assert_eq!(SmokeTest::parse_file(text.as_bytes()).unwrap_err().to_string(), message, "{text}");
    }
    for text in ["{\"event\": 1", ""] {
        let message = SmokeTest::parse_file(text.as_bytes()).unwrap_err().to_string();
        assert!(message.contains("JSON"), "{message}");
    }
}
