#![allow(clippy::panic, clippy::unwrap_used)]
//! The status of heads with incomplete, split or failed deployments.

use serde_json::{Value, json};

use super::*;
use crate::config::Config;
use crate::rejects::RejectVerb;

/// Makes an environment with targets in these regions.
fn config(regions: &[&str]) -> Config {
    let targets: Vec<Value> =
        regions.iter().map(|region| json!({"account": "111111111111", "region": region})).collect();
    let environments = json!({"dev": {"targets": targets}});
    let config =
        json!({"artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger", "environments": environments});
    Config::parse(&config.to_string()).unwrap()
}

fn live(release: &str, versions: Value, missing: Value) -> Value {
    let (complete, id) = (missing == json!([]), release.repeat(18));
    json!({
        "release": release, "deployment": format!("01JBJ4GZ{id}"), "since": "2026-11-01T10:00:00Z",
        "artifact": {"bucket": "acme-artifacts", "key": format!("dev/orders/{release}.zip"), "version_id": release},
        "versions": versions, "complete": complete, "missing": missing,
    })
}

fn served(region: &str, release: &str, version: &str) -> Value {
    json!({"account": "111111111111", "region": region, "release": release, "version": version})
}

/// Makes a head on which release 4 followed release 3 and reached only Ireland; Ohio serves 3.
fn half_rolled_out() -> Head {
    let (ireland, ohio) = ("111111111111/eu-west-1", "111111111111/us-east-2");
    serde_json::from_value(json!({
        "schema": 1, "revision": 9, "requests": [], "outbox": [],
        "ended": ["01JBJ4GZ444444444444444444"],
        "failure": {"deployment": "01JBJ4GZ444444444444444444", "at": "2026-11-01T10:00:00Z"},
        "targets": [served("eu-west-1", "4", "40"), served("us-east-2", "3", "30")],
        "history": [live("4", json!({ireland: "40"}), json!([ohio])), live("3", json!({ireland: "39", ohio: "30"}), json!([]))],
    }))
    .unwrap()
}

fn status(regions: &[&str], head: &Head, rejects: &Rejects) -> FunctionStatus {
    let config = config(regions);
    let (environment, function) = (EnvironmentName::parse("dev").unwrap(), FunctionName::parse("orders").unwrap());
    FunctionStatus::of(&FunctionRef::find(&config, &environment, &function).unwrap(), head, rejects)
}

fn names(targets: &[Target]) -> Vec<String> {
    targets.iter().map(ToString::to_string).collect()
}

#[test]
fn half_rolled_out_release_is_live_and_incomplete() {
    let told = status(&["eu-west-1", "us-east-2"], &half_rolled_out(), &Rejects::default());
    let live = told.live.clone().unwrap();
    assert_eq!((live.release.as_str(), live.complete), ("4", false));
    assert_eq!((names(&live.missing), live.added), (vec!["111111111111/us-east-2".to_owned()], vec![]));
    assert_eq!(told.targets.iter().map(|target| target.differs).collect::<Vec<_>>(), [false, true]);
    assert_eq!(told.extent(), "1 of 2 targets");
    assert_eq!(told.split().unwrap().iter().map(|release| release.as_str()).collect::<Vec<_>>(), ["3", "4"]);
    assert_eq!(told.rollback_to.unwrap().as_str(), "3");
    let rollback = told.rollback.unwrap();
    assert_eq!((rollback.release.as_str(), rollback.stops), ("3", None));
    assert_eq!(rollback.deployment.unwrap().to_string(), format!("01JBJ4GZ{}", "3".repeat(18)));
    assert_eq!(told.last_failed.unwrap().deployment, live.deployment);
}

#[test]
fn removed_targets_are_not_shown() {
    let told = status(&["eu-west-1"], &half_rolled_out(), &Rejects::default());
    assert_eq!((told.targets.len(), told.split(), told.extent().as_str()), (1, None, "1 of 1 target"));
    let live = told.live.unwrap();
    assert!(live.complete && live.missing.is_empty() && live.added.is_empty());
}

#[test]
fn added_target_makes_the_live_release_incomplete() {
    let told = status(&["eu-west-1", "eu-north-1"], &half_rolled_out(), &Rejects::default());
    let live = told.live.unwrap();
    assert_eq!(
        (live.complete, live.missing.len(), names(&live.added)),
        (false, 0, vec!["111111111111/eu-north-1".into()])
    );
    let added = &told.targets[1];
    assert_eq!((added.differs, &added.version), (true, &None));
}

#[test]
fn rejected_release_is_marked_on_the_targets_that_serve_it() {
    let rejects = reject("3", b"3");
    let told = status(&["eu-west-1", "us-east-2"], &half_rolled_out(), &rejects);
    assert_eq!((told.rejected, told.rollback_to), (false, None), "4 is not rejected, and there is nothing else");
    assert_eq!(told.targets.iter().map(|target| target.rejected).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn last_failure_is_shown_until_another_deployment_ends() {
    let mut head = serde_json::to_value(half_rolled_out()).unwrap();
    head["ended"] = json!(["01JBJ4GZ555555555555555555", "01JBJ4GZ444444444444444444"]);
    let head: Head = serde_json::from_value(head).unwrap();
    assert_eq!(status(&["eu-west-1", "us-east-2"], &head, &Rejects::default()).last_failed, None);
}

#[test]
fn status_without_a_configuration_has_the_targets_that_the_head_knows() {
    let bucket = crate::id::BucketName::parse("acme-ledger").unwrap();
    let (environment, function) = (EnvironmentName::parse("dev").unwrap(), FunctionName::parse("orders").unwrap());
    let config = Config::of_ledger(&bucket, [environment.clone()]);
    let mut head = serde_json::to_value(half_rolled_out()).unwrap();
    // The function and the alias have names of their own, and an earlier target is in the environment no more.
    for live in head["history"].as_array_mut().unwrap() {
        live["function_name"] = json!("dev-orders");
        live["alias"] = json!("serving");
    }
    let targets = head["targets"].as_array_mut().unwrap();
    for target in targets.iter_mut() {
        target["function_name"] = json!("dev-orders");
        target["alias"] = json!("serving");
    }
    targets.push(served("sa-east-1", "1", "7"));
    let head: Head = serde_json::from_value(head).unwrap();
    let at = FunctionRef::find(&config, &environment, &function).unwrap().or_as_recorded(&head);
    let told = FunctionStatus::of(&at, &head, &Rejects::default());
    let versions: Vec<_> = told.targets.iter().map(|one| one.version.as_ref().map(Version::as_str)).collect();
    assert_eq!(versions, [Some("40"), Some("30")]);
    assert_eq!((told.live.unwrap().release.as_str(), told.rollback_to.unwrap().as_str()), ("4", "3"));
    let known = self::config(&["eu-west-1"]);
    let at = FunctionRef::find(&known, &environment, &function).unwrap().or_as_recorded(&head);
    assert_eq!(names(&at.environment.targets), ["111111111111/eu-west-1"]);
}

/// Makes the history of an environment that had these releases live, the newest first.
fn history(environment: &str, releases: &[&str], rejects: &Rejects) -> SourceHistory {
    history_with_left(environment, (releases, &[]), rejects)
}

/// Makes the history of an environment that has rolled back from some releases too. The code of `2:b` is `b`, that of `2` is
/// `2`, and that of `2:` is not known.
fn history_with_left(environment: &str, (releases, left): (&[&str], &[&str]), rejects: &Rejects) -> SourceHistory {
    let entry = |named: &&str| {
        let (release, code) = named.split_once(':').unwrap_or((named, named));
        let mut entry = live(release, json!({}), json!([]));
        entry["sha256"] = json!(Some(code).filter(|code| !code.is_empty()).map(|code| Sha256::of(code.as_bytes())));
        entry
    };
    let entries: Vec<Value> = releases.iter().map(entry).collect();
    let left: Vec<Value> = left.iter().map(entry).collect();
    let head: Head = serde_json::from_value(
        json!({"schema": 1, "revision": 9, "requests": [], "outbox": [], "ended": [], "targets": [], "history": entries,
            "left": left}),
    )
    .unwrap();
    let told = FunctionStatus { environment: environment.parse().unwrap(), ..status(&["eu-west-1"], &head, rejects) };
    SourceHistory::of(&told, &head)
}

fn reject(release: &str, by_code: &[u8]) -> Rejects {
    let reject = Reject {
        release: Release::parse(release).unwrap(),
        sha256: vec![Sha256::of(by_code)],
        reason: "it leaks".into(),
        requested_by: None,
        principal: None,
        unproven: None,
        since: "2026-11-01T11:00:00Z".parse().unwrap(),
    };
    let function = FunctionName::parse("orders").unwrap();
    match Rejects::default().with(reject, &function, (RejectVerb::Reject, "r")) {
        Some(crate::hold_and_reject::CommandEffect::Write(rejects)) => *rejects,
        other => panic!("{other:?}"),
    }
}

#[test]
fn environment_is_behind_by_what_it_has_not_and_not_where_it_is_ahead() {
    let none = Rejects::default();
    for (stage, prod, behind) in [
        (&["3", "2", "1"][..], &["1"][..], Some(2)),
        (&["2", "1"], &[], Some(2)),
        (&["2", "1"], &["2", "1"], None),
        // Stage was rolled back, and prod has had its live release before.
        (&["1"], &["2", "1"], None),
        // Stage has gone on to what it had before; prod has what came here last but one.
        (&["1", "2", "1"], &["2", "1"], Some(1)),
        // Prod was rolled back: what it has left is not in its history.
        (&["2", "1"], &["1"], Some(1)),
        // Prod's live release came another way, and stage's never was in prod.
        (&["2", "1"], &["4"], Some(2)),
    ] {
        let found = history("stage", stage, &none).lead_over(&history("prod", prod, &none));
        assert_eq!(found.map(|behind| behind.releases), behind, "{stage:?} {prod:?}");
    }
}

#[test]
fn release_that_was_rolled_back_here_is_marked_where_this_is_behind() {
    let none = Rejects::default();
    let lead = |stage: &[&str], left: &[&str]| {
        let prod = history_with_left("prod", (&["1"], left), &none);
        let behind = history("stage", stage, &none).lead_over(&prod).unwrap();
        serde_json::to_value(behind).unwrap().get("rolled_back").cloned()
    };
    assert_eq!((lead(&["2", "1"], &["2"]), lead(&["3", "2", "1"], &["2"])), (Some(json!(true)), None));
    assert_eq!(lead(&["3:2", "1"], &["2"]), Some(json!(true)), "the same code under another label");
    assert_eq!(lead(&["2:rebuilt", "1"], &["2"]), None, "other code under the same label");
    for (stage, left) in [("2:rebuilt", "2:"), ("2:", "2")] {
        assert_eq!(lead(&[stage, "1"], &[left]), Some(json!(true)), "without both codes the label counts");
    }
}

#[test]
fn rejected_release_that_others_are_behind_is_marked() {
    let lead = |rejects: &Rejects| {
        let behind = history("stage", &["2", "1"], rejects).lead_over(&history("prod", &["1"], rejects)).unwrap();
        serde_json::to_value(behind).unwrap().get("rejected").cloned()
    };
    assert_eq!((lead(&Rejects::default()), lead(&reject("2", b"2"))), (None, Some(json!(true))));
}
