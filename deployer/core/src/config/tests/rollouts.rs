use super::*;

/// Returns the mistakes in a configuration whose prod has this rollout.
fn refused(rollout: Value) -> String {
    refusal("/environments/prod/rollout", rollout)
}

#[test]
fn environment_has_the_rollout_of_the_file_or_none() {
    assert_eq!(parse(&acme()).unwrap().environments[&name("prod")].rollout, None);
    let null = with("/environments/prod/rollout", Value::Null);
    assert_eq!(parse(&null).unwrap().environments[&name("prod")].rollout, None);
    let empty = parse(&with("/environments/prod/rollout", json!({}))).unwrap();
    assert_eq!(empty.environments[&name("prod")].rollout, Some(Rollout::default()));
    let file = with("/environments/dev/rollout", json!({ "steps": [{ "weight": 5, "for": "1h" }], "alarms": ["a"] }));
    let dev = parse(&file).unwrap().environments[&name("dev")].rollout.clone().unwrap();
    assert_eq!((dev.steps[0].weight, dev.alarms[0].as_str()), (5, "a"));
}

#[test]
fn each_mistake_in_a_rollout_is_told_with_its_whole_path() {
    let late = "CloudWatch's counts come about two minutes late";
    for (rollout, message) in [
        (json!({ "wach": "10m" }), "wach: unknown field; did you mean watch?".to_owned()),
        (json!({ "steps": [{ "weight": 10 }] }), "steps[0].for: required, but missing".into()),
        (json!({ "smoke_test": [{}] }), "smoke_test[0].event: required, but missing".into()),
        (json!({ "watch": "1m" }), format!("watch: must be at least 3m, and is 1m: {late}")),
        (
            json!({ "guard": { "errors": 0 } }),
            "guard.errors: must be at least 1: a version without any tells nothing".into(),
        ),
        (json!({ "waves": ["1"] }), "waves[0]: 1 is 1 of 2 targets; the last wave must be all of them: 100%".into()),
        (json!({ "alarms": ["a", "a"] }), "alarms[1]: a is there twice".into()),
    ] {
        assert_eq!(refused(rollout.clone()), format!("environments.prod.rollout.{message}"), "{rollout}");
    }
    assert_eq!(refused(json!("10%")), "environments.prod.rollout: expected a table, found the string \"10%\"");
}

#[test]
fn rollout_longer_than_two_days_is_refused() {
    assert_eq!(
        refused(json!({ "steps": [{ "weight": 10, "for": "24h" }], "waves": ["1", "100%"] })),
        "environments.prod.rollout: takes 48h 20m in all (2 times 24h 10m of steps and watch); at most 48h"
    );
}

#[test]
fn rollout_without_a_queue_is_refused() {
    let mut file = with("/environments/dev/rollout", json!({}));
    file.as_object_mut().unwrap().remove("queue_url");
    file["environments"].as_object_mut().unwrap().remove("prod");
    assert_eq!(
        parse(&file).unwrap_err(),
        "environments.dev.rollout: needs queue_url, and the sweep each minute: without them nothing can wait"
    );
}

/// The configuration whose prod has a rollout of this many minutes a step and these freezes.
fn frozen(minutes: u32, freeze: Value) -> Value {
    let rollout = json!({ "steps": [{ "weight": 10, "for": format!("{minutes}m") }] });
    let mut file = with("/environments/prod/rollout", rollout);
    file["environments"]["prod"]["freeze"] = freeze;
    file
}

const ALL_DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

#[test]
fn rollout_that_fits_between_no_weekly_freezes_is_refused() {
    let nights = json!([{ "days": ALL_DAYS, "from": "12:00", "to": "09:00", "zone": "Europe/Berlin" }]);
    assert!(parse(&frozen(170, nights.clone())).is_ok(), "three hours");
    assert_eq!(
        parse(&frozen(171, nights)).unwrap_err(),
        "environments.prod.rollout: takes 3h 1m in all, and the freezes of each week leave no gap of that length: promotions \
         would never begin. Shorten its steps or its watch, or a freeze"
    );
    let weekdays = json!([{ "days": ["mon", "tue", "wed", "thu", "fri"], "zone": "Europe/Berlin" }]);
    assert!(parse(&frozen(1_440, weekdays)).is_ok(), "the weekend is longer");
}

#[test]
fn rollout_that_fits_after_freezes_by_dates_is_taken_and_warned_of() {
    let holidays = json!([{ "first": "2026-12-18", "last": "2027-01-05", "zone": "UTC" }]);
    let config = parse(&frozen(10, holidays)).unwrap();
    let warnings = |now: &str| config.warnings(now.parse().unwrap());
    assert_eq!(
        warnings("2026-12-18T00:00:00Z"),
        [
            "environments.prod.rollout: takes 20m in all, and the freezes of the next 14 days leave no gap of that length: \
          promotions wait until after them"
        ]
    );
    assert_eq!(warnings("2026-12-17T23:00:00Z"), Vec::<String>::new(), "an hour is left");
    assert_eq!(warnings("2026-12-24T00:00:00Z"), Vec::<String>::new(), "it ends within 14 days");
}

#[test]
fn wave_of_more_targets_than_there_are_is_taken_and_warned_of() {
    let config = parse(&with("/environments/prod/rollout", json!({ "waves": ["1", "5"] }))).unwrap();
    assert_eq!(
        config.warnings(jiff::Timestamp::UNIX_EPOCH),
        ["environments.prod.rollout.waves[1]: 5 is more than there are targets, and means all 2"]
    );
}

#[test]
fn values_of_a_rollout_that_do_not_do_what_they_seem_to_are_warned_of() {
    let warned = |rollout: Value| {
        let config = parse(&with("/environments/prod/rollout", rollout)).unwrap();
        config.warnings(jiff::Timestamp::UNIX_EPOCH)
    };
    let all = json!({ "watch": "3m", "pause_expires": "1s", "smoke_test": { "event": "{\"ping\": true}" } });
    assert_eq!(
        warned(all),
        [
            "environments.prod.rollout.watch: 3m is less than the 8m and the function's timeout that a watch lasts at least: \
             the guard needs so long",
            "environments.prod.rollout.pause_expires: after 1s a paused rollout goes back, before anybody can continue it",
            "environments.prod.rollout.smoke_test.event: is a string with JSON in it, and the function gets that string: write \
             the JSON itself",
        ]
    );
    let meant = json!({ "watch": "8m", "pause_expires": "10m", "smoke_test": { "event": "ping" } });
    assert_eq!(warned(meant), Vec::<String>::new());
}
