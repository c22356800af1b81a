//! Fields and words that a newer deployer has written into a head stay, whatever this one does to it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::format::{self, Unusable};
use crate::record::EndedWaiting;
use crate::rejects::{RejectVerb, Rejects};

const MORE: &str = "more";

/// A head with everything in it, as a newer deployer may have written it.
fn busy() -> Value {
    let text = include_str!("../../../tests/fixtures/ledger/1/head-busy.json");
    let mut head: Value = serde_json::from_str(text).unwrap();
    let fields = head.as_object_mut().unwrap();
    fields.remove("keys");
    fields.remove("newest");
    fields.insert("floor".into(), json!("1970-01-01T00:01:00Z"));
    fields.insert("format".into(), json!(1));
    for request in ["/active/request", "/outbox/0/record"] {
        head.pointer_mut(request).unwrap()["ended_waiting"] = ended_waiting();
    }
    head.pointer_mut("/active/request/cause").unwrap()["recall"] = json!({"release": "3", "reason": "it leaks"});
    head
}

/// Returns two promotions that a request has ended.
fn ended_waiting() -> Value {
    let ended = |deployment: &str| json!({"environment": "dev", "deployment": deployment, "release": "6", "from": "test", "waited": "for an approval"});
    json!([ended("0000002E406GW1PGHGVBEAB74G"), ended("0000002E406GW1PGHGVBEAB74H")])
}

/// Collects the pointers of all objects that could have more fields.
fn objects(value: &Value, at: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            // The keys of these objects are no fields but names.
            if !["versions", "metadata"].iter().any(|map| at.ends_with(map)) {
                into.push(at.to_owned());
            }
            fields.iter().for_each(|(field, value)| objects(value, &format!("{at}/{field}"), into));
        }
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(number, value)| objects(value, &format!("{at}/{number}"), into));
        }
        _ => {}
    }
}

fn with_more_at(mut value: Value, places: &[String]) -> Value {
    for place in places {
        value.pointer_mut(place).unwrap()[MORE] = json!({"said": place});
    }
    value
}

fn all_places(value: &Value) -> Vec<String> {
    let mut all = vec![];
    objects(value, "", &mut all);
    all
}

fn read(value: &Value) -> Head {
    format::read(value.to_string().as_bytes()).unwrap()
}

fn written(head: &Head) -> Value {
    serde_json::from_slice(&format::write(head, &head.as_read).unwrap()).unwrap()
}

/// Returns the value that the newer deployer gave an object of the written head.
fn newer_field<'v>(value: &'v Value, at: &str) -> Option<&'v str> {
    value.pointer(at)?.get(MORE)?.get("said")?.as_str()
}

proptest! {
    #[test]
    fn unknown_fields_stay_where_they_are(chosen in prop::collection::vec(any::<prop::sample::Index>(), 1..12)) {
        let all = all_places(&busy());
        let places: Vec<String> = chosen.iter().map(|index| index.get(&all).clone()).collect();
        let newer = with_more_at(busy(), &places);
        prop_assert_eq!(written(&read(&newer)), newer.clone());
        // A rewrite that changes something else keeps them too.

        let hold = Hold { reason: "stop".into(), requested_by: None, principal: None, unproven: None, since: second(80) };
        let CommandEffect::Write(held) = crate::head::hold(&read(&newer), hold, &at(), "x", second(80)) else { panic!() };
        let held = written(&held);
        for place in places.iter().filter(|place| !place.starts_with("/pending") && !place.starts_with("/hold")) {
            prop_assert_eq!(newer_field(&held, place), Some(place.as_str()), "{}", place);
        }
    }
}

#[test]
fn unknown_fields_of_a_request_or_release_go_with_it() {
    let newer = with_more_at(busy(), &all_places(&busy()));
    let head = read(&newer);
    // The owner of 4 ends it as a rollback has asked; that rollback is active now, and 5 waits on.
    let active = head.active().unwrap().clone();
    let mut end = half_arrived(&active.request, "9", "A");
    end.record.status = Status::Superseded;
    let Finish::Commit { head, .. } = finish(&head, active.claim, &end, &at(), Some(&me("next", 90))) else { panic!() };
    let after = written(&head);
    assert_eq!(newer_field(&after, ""), Some(""));
    assert_eq!(newer_field(&after, "/active/request"), Some("/pending/0"));
    assert_eq!(newer_field(&after, "/active/request/cause"), Some("/pending/0/cause"));
    assert_eq!(newer_field(&after, "/active"), None, "what was known of the claim that is over is over");
    assert_eq!(newer_field(&after, "/pending/0"), Some("/pending/1"));
    let history = after["history"].as_array().unwrap().iter().chain(after["left"].as_array().unwrap());
    let kept: Vec<_> = history.filter_map(|live| live[MORE]["said"].as_str()).collect();
    assert_eq!(kept, ["/history/0", "/history/1", "/left/0"]);
    assert_eq!(newer_field(&after, "/targets/1"), Some("/targets/1"));
}

#[test]
fn resume_keeps_unknown_fields_of_the_deployment() {
    let newer = with_more_at(busy(), &["/active".to_owned(), "/active/request".to_owned()]);
    let (head, then) = read(&newer).acquires(&me("heir", 1_000));
    assert!(matches!(then, Next::Work(active) if active.attempts == 2));
    let after = written(&head);
    assert_eq!(
        (newer_field(&after, "/active"), newer_field(&after, "/active/request")),
        (Some("/active"), Some("/active/request"))
    );
}

#[test]
fn unknown_words_are_carried_and_not_acted_on() {
    let mut newer = busy();
    newer["outbox"][0]["todo"] = json!(["record", "page somebody", "promotions", "wave"]);
    newer["outbox"][0]["record"]["cause"]["kind"] = json!("canary");
    newer["outbox"][0]["record"]["code"] = json!("TooWarm");
    newer["outbox"][0]["record"][MORE] = json!(1);
    let head = read(&newer);
    let mut same = written(&head);
    let todo = same["outbox"][0]["todo"].as_array_mut().unwrap();
    todo.sort_by_key(Value::to_string);
    assert_eq!(*todo, [json!("page somebody"), json!("promotions"), json!("record"), json!("wave")]);
    same["outbox"][0]["todo"] = newer["outbox"][0]["todo"].clone();
    assert_eq!(same, newer);
    // All side effects that this deployer knows are done. The others are left for a deployer that knows them.
    let entry = &head.outbox()[0];
    let settled = with_side_effects_done(&head, &done(&[entry.record.id])).unwrap();
    assert_eq!(written(&settled)["outbox"][0]["todo"], json!(["page somebody", "wave"]));
    // The record that CI reads has the newer deployer's words.
    let record: Value = serde_json::from_slice(&format::write(&entry.record, &entry.as_read).unwrap()).unwrap();
    assert_eq!(
        (&record["cause"]["kind"], &record["code"], &record[MORE]),
        (&json!("canary"), &json!("TooWarm"), &json!(1))
    );
}

#[test]
fn head_with_an_unknown_open_request_is_left_alone() {
    for (at, kind) in [("/pending/0/subject", "canary"), ("/active/request/cause", "webhook")] {
        let mut newer = busy();
        newer.pointer_mut(at).unwrap()["kind"] = json!(kind);
        let refused = format::read::<Head>(newer.to_string().as_bytes());
        assert!(matches!(refused, Err(Unusable::NotUnderstood)), "{at}: {refused:?}");
    }
}

#[test]
fn object_of_a_newer_format_is_not_parsed() {
    let newer = json!({"schema": 1, "format": format::KNOWN + 1, "all": "else"}).to_string();
    let unusable = [
        format::read::<Head>(newer.as_bytes()).err(),
        format::read::<Rejects>(newer.as_bytes()).err(),
        format::read::<crate::group::Group>(newer.as_bytes()).err(),
        format::read::<DeploymentRecord>(newer.as_bytes()).err(),
    ];
    for refused in unusable {
        let is_newer = matches!(refused, Some(Unusable::Newer(read)) if read == u64::from(format::KNOWN) + 1);
        assert!(is_newer, "{refused:?}");
    }
    let other = json!({"schema": 2, "all": "else"}).to_string();
    assert!(matches!(format::read::<Head>(other.as_bytes()), Err(Unusable::Schema(2))));
    assert!(matches!(format::read::<Head>(b"{}"), Err(Unusable::Broken(_))));
}

#[test]
fn rejects_keep_unknown_fields_of_each_reject() {
    let text = include_str!("../../../tests/fixtures/ledger/1/rejects.json");
    let mut newer: Value = serde_json::from_str(text).unwrap();
    (newer["format"], newer[MORE], newer["rejects"][0][MORE]) = (json!(1), json!("a"), json!("b"));
    let rejects: Rejects = format::read(newer.to_string().as_bytes()).unwrap();
    let another = crate::hold_and_reject::Reject {
        release: Release::parse("9").unwrap(),
        sha256: vec![],
        reason: "it fails".into(),
        requested_by: None,
        principal: None,
        unproven: None,
        since: second(100),
    };
    let orders = FunctionName::parse("orders").unwrap();
    let Some(CommandEffect::Write(with)) = rejects.with(another, &orders, (RejectVerb::Reject, "other")) else {
        panic!()
    };
    let after: Value =
        serde_json::from_slice(&format::write(&*with, &format::LedgerObject::as_read(&*with)).unwrap()).unwrap();
    assert_eq!(
        (&after[MORE], &after["rejects"][0][MORE], &after["rejects"][1][MORE]),
        (&json!("a"), &Value::Null, &json!("b"))
    );
}

#[test]
fn unknown_fields_of_ended_promotions_stay_whatever_is_put_before_them() {
    let mut newer: Value =
        serde_json::from_str(include_str!("../../../tests/fixtures/ledger/1/head-ended-waiting.json")).unwrap();
    let ended = "/waiting/0/request/ended_waiting";
    newer.pointer_mut(ended).unwrap()[0][MORE] = json!("kept");
    let mut head = read(&newer);
    let another: EndedWaiting = serde_json::from_value(ended_waiting()[1].clone()).unwrap();
    head.queue.waiting[0].request.ended_waiting.insert(0, another);
    let after = written(&head);
    let after = after.pointer(ended).unwrap();
    assert_eq!((&after[0][MORE], &after[1][MORE]), (&Value::Null, &json!("kept")), "{after:#}");
}
