//! Heads that older deployers wrote: they are read as they are, and keep their meaning. The files are never changed.

use std::collections::BTreeMap;

use super::*;
use crate::format;
use crate::rejects::Rejects;

/// Every file of a format, by its name.
fn files(number: u32) -> BTreeMap<String, String> {
    let folder = format!("{}/tests/fixtures/ledger/{number}", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let name = |path: &std::path::Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    files.map(|path| (name(&path), std::fs::read_to_string(&path).unwrap())).collect()
}

fn head(name: &str) -> Head {
    format::read(files(1)[name].as_bytes()).unwrap()
}

fn record(name: &str) -> DeploymentRecord {
    format::read(files(1)[name].as_bytes()).unwrap()
}

fn releases(lives: &[LiveArtifact]) -> Vec<&str> {
    lives.iter().map(|live| live.release.as_str()).collect()
}

fn goes_back(head: &Head) -> Result<String, Ending> {
    resolve_artifact(head, &Source::Earlier(Rollback::default()), &at().environment.targets, &Rejects::default())
        .map(|resolved| resolved.release.to_string())
}

fn reads_again<T: format::LedgerObject + PartialEq + std::fmt::Debug>(name: &str, text: &str) -> u32 {
    let read: T = format::read(text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(read.as_read().is_known(), "{name}: nothing in it is unknown to this deployer");
    let written = format::write(&read, &read.as_read()).unwrap();
    let again: T = format::read(&written).unwrap();
    assert_eq!(again, read, "{name}");
    serde_json::from_slice::<serde_json::Value>(&written).unwrap()["format"].as_u64().unwrap().try_into().unwrap()
}

#[test]
fn every_object_of_every_format_is_read_and_written_in_it() {
    for number in format::FIRST..=format::KNOWN {
        for (name, text) in files(number) {
            let written = match name.split('-').next().unwrap() {
                "head" => reads_again::<Head>(&name, &text),
                "record" => reads_again::<DeploymentRecord>(&name, &text),
                "rejects" => reads_again::<Rejects>(&name, &text),
                "group" => reads_again::<crate::group::Group>(&name, &text),
                "tick" => {
                    let tick: serde_json::Value = serde_json::from_str(&text).unwrap();
                    serde_json::from_value::<crate::trigger::Tick>(tick["tick"].clone()).unwrap();
                    number
                }
                other => panic!("{other} is no object of the ledger"),
            };
            // Format 3 is that of rollouts before the first release: they are written in format 4.
            assert_eq!(written, if number == 3 { 4 } else { number }, "{name}");
        }
    }
}

#[test]
fn plain_old_head_has_its_history_and_no_pending() {
    for name in ["head-plain", "head-of-before-commands"] {
        let head = head(name);
        assert_eq!((releases(head.history()), missing_live(&head)), (vec!["3", "2", "1"], None));
        assert_eq!((goes_back(&head).unwrap().as_str(), head.all_pending()), ("2", [].as_slice()));
        assert_eq!((head.newest.mark.as_ref(), head.newest.floor), (Some(&mark_of(&upload("3", 30))), None));
    }
}

#[test]
fn upload_before_an_old_heads_command_still_comes_too_late() {
    // At 40 release 3 was rolled back, and at 60 another rollback was asked for; 4 is stopped, and 5 came at 70.
    let head = head("head-busy");
    assert_eq!((releases(head.history()), releases(head.left())), (vec!["2", "1"], vec!["3"]));
    assert_eq!(head.newest, newest::Newest { mark: Some(mark_of(&upload("5", 70))), floor: None });
    assert!(head.active().unwrap().stop.is_some() && missing_live(&head).is_none());
    let held = self::head("head-held");
    assert_eq!(held.newest, newest::Newest { mark: None, floor: Some(second(40)) });
    assert_eq!(held.hold().unwrap().reason, "audit");
    let Some(CommandEffect::Write(head)) = release_hold(&held, &at(), "released") else { panic!() };
    let late = head.accepts(&upload("6", 39), &me("late", 50)).0;
    assert_eq!(late.record_of(&upload("6", 39)).status, Status::Superseded);
    assert!(matches!(head.accepts(&upload("6", 41), &me("six", 50)).1, Next::Work(_)));
}

#[test]
fn old_promotion_waits_on_with_its_approvals() {
    let head = head("head-waiting");
    let waiting = &head.waiting()[0];
    let promoting = waiting.request.promotion_spec().unwrap();
    assert_eq!((waiting.wait.soak_until, promoting.approvals[0].by.as_str()), (Some(second(500)), "bob"));
}

#[test]
fn end_in_an_old_head_still_calls_for_its_promotions() {
    let with_end = |kind: &str, status: &str| {
        let mut busy: serde_json::Value = serde_json::from_str(&files(1)["head-busy"]).unwrap();
        let record = &mut busy["outbox"][0]["record"];
        (record["cause"]["kind"], record["status"]) = (kind.into(), status.into());
        format::read::<Head>(busy.to_string().as_bytes()).unwrap()
    };
    for (kind, status, calls) in [
        ("upload", "succeeded", true),
        ("automatic_promotion", "unchanged", true),
        ("upload", "failed", false),
        ("redeploy", "succeeded", false),
        ("rollback", "succeeded", false),
    ] {
        let head = with_end(kind, status);
        let OutboxEntry { record, completed, .. } = &head.outbox()[0];
        let since = record.finished_at.unwrap();
        let wanted = calls.then_some(Completed { deployment: record.id, since });
        assert_eq!(*completed, wanted, "{kind}, {status}");
        let again: Head = format::read(&format::write(&head, &head.as_read).unwrap()).unwrap();
        assert_eq!(again.outbox()[0].completed, wanted, "it is written down");
    }
    // Its promotions are asked for already.
    let mut busy: serde_json::Value = serde_json::from_str(&files(1)["head-busy"]).unwrap();
    busy["outbox"][0]["record"]["cause"]["kind"] = "upload".into();
    busy["outbox"][0]["todo"] = serde_json::json!(["ended"]);
    assert_eq!(format::read::<Head>(busy.to_string().as_bytes()).unwrap().outbox()[0].completed, None);
}

#[test]
fn old_heads_artifact_on_some_targets_is_live_and_incomplete() {
    let (head, record) = (head("head-partly-failed"), record("record-partly-failed"));
    assert_eq!((releases(head.history()), missing_live(&head)), (vec!["3", "2", "1"], Some(record.id)));
    let recovered = with_recovered_live(&head, Some(&record));
    assert_eq!((releases(recovered.history()), missing_live(&recovered)), (vec!["4", "3", "2", "1"], None));
    let live = recovered.live().unwrap();
    assert_eq!(live.versions, BTreeMap::from([(target(0).to_string(), version("9"))]));
    assert_eq!((live.deployment, goes_back(&recovered).unwrap().as_str()), (record.id, "3"));
}

#[test]
fn old_rollback_on_some_targets_leaves_what_it_left() {
    let (plain, record) = (head("head-plain"), record("record-rollback"));
    let mut before = plain.clone();
    before.live_state.targets[0].deployment = Some(record.id);
    before.ended.ids.insert(0, record.id);
    let recovered = with_recovered_live(&before, Some(&record));
    assert_eq!((releases(recovered.history()), releases(recovered.left())), (vec!["2", "1"], vec!["3"]));
}

#[test]
fn rollback_is_refused_while_what_is_live_is_unknown() {
    let head = head("head-partly-failed");
    let lost = with_recovered_live(&head, None);
    let four = missing_live(&head).unwrap();
    let because = format!(
        "what was last rolled out here, by deployment {four}, is not known any more, for its record is gone: name the \
         release to go back to"
    );
    assert_eq!(goes_back(&lost), Err(Ending::Refused { code: Code::NothingToRollBack, because: because.clone() }));
    let (refused, _) = lost.accepts(&rollback("r", 60), &me("r", 60));
    assert_eq!(
        refused.because(&rollback("r", 60)),
        (Status::Refused, because.as_str()),
        "before it displaces anything"
    );
    let with_release = Source::Earlier(Rollback::to(Some(Release::parse("2").unwrap())));
    assert_eq!(
        resolve_artifact(&lost, &with_release, &at().environment.targets, &Rejects::default())
            .unwrap()
            .release
            .as_str(),
        "2"
    );
    // It stays so when it is written, in a format that older deployers do not touch.
    let written = format::write(&lost, &lost.as_read).unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&written).unwrap()["format"], 2);
    let again: Head = format::read(&written).unwrap();
    assert!(goes_back(&again).is_err());
    let (live, _) = again.accepts(&upload("5", 70), &me("five", 70));
    let (live, _) = live.commits("five", &arrived(&upload("5", 70), "10", "A"), None);
    assert_eq!(goes_back(&live).unwrap(), "3");
    let written = format::write(&live, &live.as_read).unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&written).unwrap()["format"], 1, "it sinks again");
}
