//! Writes to aliases that may take effect late.

use std::collections::BTreeMap;

use super::*;
use crate::id::{AliasName, FunctionName};
use crate::observed::{ObservedAlias, RevisionId};
use crate::record::{Previous, Weight};

/// A door of the active deployment, to version 7.
pub(super) fn door(active: &Active, target: &Target, revision: Option<&str>) -> Door {
    let revision = revision.map(|revision| RevisionId(revision.to_owned()));
    Door::of(active, target, (revision.as_ref(), &version("7")), second(20))
}

pub(super) fn served(number: &str) -> Previous {
    Previous { version: version(number), sha256: None, weights: BTreeMap::new() }
}

fn alias(number: &str, revision: &str) -> ObservedAlias {
    ObservedAlias {
        name: AliasName::parse("live").unwrap(),
        version: Some(version(number)),
        weights: BTreeMap::new(),
        provisioned: None,
        revision: RevisionId(revision.into()),
        description: String::new(),
        moved_by_deployer: true,
    }
}

/// Release 1 is live; release 2 is being deployed.
pub(super) fn deploying() -> (Head, Request) {
    let two = upload("2", 20);
    let head = Head::default().deploys(&upload("1", 10), "6").accepts(&two, &me("two", 20)).0;
    (head, two)
}

pub(super) fn opens(head: &Head, revision: &str, number: &str) -> Option<Head> {
    let door = door(head.active().unwrap(), target(0), Some(revision));
    with_doors(head, token("two"), &[Opening { door, previous: Some(served(number)) }])
}

fn revisions(doors: &[Door]) -> Vec<&str> {
    doors.iter().filter_map(|door| door.revision.as_ref()).map(|revision| revision.0.as_str()).collect()
}

#[test]
fn door_is_shut_by_another_revision_or_by_a_new_alias() {
    let (head, _) = deploying();
    let active = head.active().unwrap();
    let (moves, creates) = (door(active, target(0), Some("r1")), door(active, target(0), None));
    assert!(!moves.is_shut_by(Some(&alias("6", "r1"))));
    assert!(moves.is_shut_by(Some(&alias("6", "r2"))) && moves.is_shut_by(None));
    assert!(!creates.is_shut_by(None) && creates.is_shut_by(Some(&alias("6", "r1"))));
}

#[test]
fn late_write_explains_only_the_version_that_it_names() {
    let (head, _) = deploying();
    let door = door(head.active().unwrap(), target(0), Some("r1"));
    let (before, after) = (alias("6", "r1"), alias("7", "r2"));
    assert!(door.explains(Some(&before), Some(&after)));
    assert!(!door.explains(Some(&before), Some(&alias("8", "r2"))), "somebody else moved it");
    assert!(!door.explains(Some(&alias("6", "r0")), Some(&after)), "the door was shut before");
    let weighed = ObservedAlias { weights: [("6".into(), 0.5)].into(), ..after.clone() };
    assert!(!door.explains(Some(&before), Some(&weighed)), "we send no weights");
    let held_back = ObservedAlias { weights: [("6".into(), 1.0)].into(), ..weighed };
    assert!(door.explains(Some(&before), Some(&held_back)), "Lambda's own, for provisioned concurrency");
}

#[test]
fn version_served_before_the_first_write_stays_known() {
    let (head, _) = deploying();
    let first = opens(&head, "r1", "5").unwrap();
    assert_eq!(opens(&first, "r1", "5"), None, "the head says so already");
    let second_try = opens(&first, "r2", "7").unwrap();
    let active = second_try.active().unwrap();
    assert_eq!(active.previous, [ServedBefore { target: target(0).clone(), previous: Some(served("5")) }]);
    assert_eq!(revisions(active.doors.as_ref().unwrap()), ["r2"], "the alias has another revision by now");
    assert_eq!(with_doors(&head, token("other"), &[]), None, "only the owner");
}

#[test]
fn owner_that_resumes_a_deployment_knows_its_doors() {
    let (head, _) = deploying();
    let (taken_over, _) = opens(&head, "r1", "6").unwrap().acquires(&me("three", 120));
    assert_eq!(revisions(&list_open_doors(&taken_over, second(121))), ["r1"]);
    assert_eq!(taken_over.active().unwrap().previous.len(), 1);
    let much_later = head.active().unwrap().lease_until + super::super::open_doors::TAKES_EFFECT_WITHIN;
    assert_eq!(
        revisions(&list_open_doors(&taken_over, much_later)),
        ["r1"],
        "that it cannot come any more is not that it has not"
    );
}

#[test]
fn open_door_outlives_its_deployment_until_its_time_is_over() {
    let (head, two) = deploying();
    let head = opens(&head, "r1", "6").unwrap();
    let end = DeploymentEnd { doors: list_open_doors(&head, second(30)), ..half_arrived(&two, "7", "B") };
    let (mut head, _) = head.commits("two", &DeploymentEnd { doors: vec![], ..end.clone() }, None);
    assert_eq!(head.doors(), [], "shut");
    let mut record = end.record.clone();
    record.finished_at = Some(second(40));
    super::super::open_doors::keep_doors(&mut head, &end.doors, second(40));
    assert_eq!(revisions(head.doors()), ["r1"]);
    assert_eq!(revisions(&list_open_doors(&head, second(50))), ["r1"], "the next one knows it");
    super::super::open_doors::keep_doors(&mut head, &end.doors, end.doors[0].until);
    assert_eq!(head.doors(), []);
}

#[test]
fn failed_target_with_open_door_counts_as_reached() {
    let (head, two) = deploying();
    let end = half_arrived(&two, "7", "B");
    let failed = |head: &Head, doors: Vec<Door>| {
        let head = head.commits("two", &DeploymentEnd { doors, ..end.clone() }, None).0;
        let outcome = head.record_of(&two).targets.iter().find(|outcome| !outcome.serves()).unwrap().clone();
        (outcome.reached, head)
    };
    assert!(!failed(&head, vec![]).0);
    let active = head.active().unwrap();
    let of_this = door(active, target(1), Some("r1"));
    let (reached, after) = failed(&head, vec![of_this.clone()]);
    assert!(reached && !after.live().unwrap().complete);
    let because = after.record_of(&two).because.clone().unwrap();
    assert!(because.contains("may still move to version 7 until"), "{because}");
    let of_another = Door { deployment: upload("0", 5).id, ..of_this };
    assert!(!failed(&head, vec![of_another]).0, "that one may bring an earlier release");
}

#[test]
fn door_that_another_owner_opens_again_stays_open_longer() {
    let (head, _) = deploying();
    let first = opens(&head, "r1", "6").unwrap();
    let until = |head: &Head| head.active().unwrap().doors.as_ref().unwrap()[0].until;
    let (taken_over, _) = first.acquires(&me("three", 120));
    let door = door(taken_over.active().unwrap(), target(0), Some("r1"));
    let again = with_doors(&taken_over, token("three"), &[Opening { door, previous: None }]).unwrap();
    assert!(until(&again) > until(&first), "{} {}", until(&again), until(&first));
    assert_eq!(again.active().unwrap().doors.as_ref().unwrap().len(), 1);
}

#[test]
fn deployment_given_up_keeps_only_its_open_doors() {
    let (head, _) = deploying();
    let open = opens(&head, "r1", "6").unwrap();
    let doors = list_open_doors(&open, second(30));
    let given_back = |doors: &[Door]| {
        let left = Handover { doors: doors.to_vec(), ..Handover::default() };
        release_claim(&open, token("two"), ClaimRelease::OutOfTime(&left), second(30))
            .unwrap()
            .active()
            .unwrap()
            .doors
            .clone()
            .unwrap()
    };
    assert_eq!(revisions(&given_back(&doors)), ["r1"]);
    assert_eq!(given_back(&[]), [], "it was refused, or shut");
}

#[test]
fn stopped_deployment_says_which_alias_may_still_move() {
    let (head, two) = deploying();
    let stopped = head.accepts(&rollback("r", 25), &me("r", 25)).0;
    let doors = vec![door(head.active().unwrap(), target(1), None)];
    let head = stopped.commits("two", &DeploymentEnd { doors, ..half_arrived(&two, "7", "B") }, None).0;
    let because = head.record_of(&two).because.clone().unwrap();
    assert!(because.contains("has asked it to stop") && because.contains("may still move"), "{because}");
}

#[test]
fn old_heads_have_no_doors_and_are_read_unchanged() {
    let (head, _) = deploying();
    let mut json = serde_json::to_value(opens(&head, "r1", "6").unwrap()).unwrap();
    assert_eq!(json["active"]["doors"][0]["region"], "eu-west-1");
    let active = json["active"].as_object_mut().unwrap();
    assert!(active.remove("doors").is_some() && active.remove("previous").is_some());
    let old: Head = serde_json::from_value(json).unwrap();
    assert_eq!((old.active().unwrap().doors.as_ref(), old.doors()), (None, [].as_slice()));
    assert_eq!(head.active().unwrap().doors, Some(vec![]), "this one says that there are none");
}

#[test]
fn turned_description_differs_in_its_last_word_within_256_characters() {
    let (one, two) = (token("a"), token("b"));
    let described = with_shut_token("moved by hand", one);
    assert_eq!(described, format!("moved by hand turned:{one}"));
    assert_eq!(with_shut_token(&described, two), format!("moved by hand turned:{two}"));
    assert_eq!(
        (with_shut_token("", one), without_shut_token(&with_shut_token("", one))),
        (format!("turned:{one}"), "")
    );
    assert_eq!(without_shut_token(&described), "moved by hand");
    let long = "ü".repeat(256);
    assert_eq!(with_shut_token(&long, one).chars().count(), 256);
}

#[test]
fn unknown_versions_and_removed_weights_are_said() {
    let (head, two) = deploying();
    let with = |previous: Previous| {
        let mut end = arrived(&two, "9", "B");
        end.record.targets[0].previous = Some(previous);
        super::super::drift::describe_drift(&head.live_state, &end.record)
    };
    let weighed = |number: &str, other: &str, part| Previous {
        weights: [(other.to_owned(), Weight(part))].into(),
        ..served(number)
    };
    assert_eq!(with(served("6")), None, "as the ledger knew");
    let place = target(0);
    assert_eq!(
        with(served("8")).unwrap(),
        format!("{place} served version 8 before, and not version 6 as the ledger knew")
    );
    assert_eq!(
        with(weighed("6", "8", 0.1)).unwrap(),
        format!("{place} served version 6 and 10% to version 8 before: the weights were taken away")
    );
    assert!(with(weighed("8", "6", 0.5)).unwrap().contains("and not version 6 as the ledger knew: the weights"));
    assert_eq!(with(weighed("6", "5", 1.0)), None, "Lambda itself does that for provisioned concurrency");
}

#[test]
fn version_of_another_alias_is_not_compared_with_this_one() {
    let head = Head::default().deploys(&upload("1", 10), "6").flushes();
    let served = |alias: &str| {
        let mut record = at().record(&upload("2", 20), Status::Succeeded);
        record.targets[0].alias = crate::id::AliasName::parse(alias).unwrap();
        record.targets[0].previous =
            Some(crate::record::Previous { version: version("3"), sha256: None, weights: Default::default() });
        record
    };
    assert!(super::super::drift::describe_drift(&head.live_state, &served("live")).is_some());
    assert_eq!(super::super::drift::describe_drift(&head.live_state, &served("main")), None);
}

#[test]
fn version_of_another_function_has_no_known_code() {
    let head = Head::default().deploys(&upload("1", 10), "6");
    let code = |name: &str| head.live_state().code_of(&FunctionName::parse(name).unwrap(), target(0), &version("6"));
    assert!(code("orders").is_some());
    assert_eq!(code("orders-api"), None);
}
