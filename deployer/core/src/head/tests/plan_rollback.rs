//! The preview of a rollback is what the rollback then does.

use super::commands::{rejecting, three};
use super::*;
use crate::head::{PlannedRollback, plan_rollback};

fn planned(head: &Head, to: Option<&str>, rejects: &Rejects) -> Result<PlannedRollback, Ending> {
    plan_rollback(head, &Rollback::to(to.map(|to| to.parse().unwrap())), targets(), rejects)
}

fn release(planned: &PlannedRollback) -> &str {
    planned.artifact.as_ref().map_or("nothing", |artifact| artifact.release.as_str())
}

fn code(planned: Result<PlannedRollback, Ending>) -> Code {
    match planned {
        Err(Ending::Refused { code, .. }) => code,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn planned_rollback_names_the_release_that_the_rollback_brings() {
    let head = three();
    let plan = planned(&head, None, &Rejects::default()).unwrap();
    assert_eq!((release(&plan), plan.stops, plan.joins), ("2", None, None));
    let further = planned(&head, Some("1"), &Rejects::default()).unwrap();
    let artifact = further.artifact.clone().unwrap();
    assert_eq!(
        passed(&head, &artifact, &Rejects::default()),
        [("2".to_owned(), None)],
        "the releases that it passes, and no reason for which it would have to"
    );
    assert_eq!(head.entry_of(&artifact).unwrap().release.as_str(), "1");
    let after = head.ends_command(&rollback("r", 50), "7", false);
    assert_eq!(after.live().unwrap().release.as_str(), release(&plan));
}

fn passed(head: &Head, artifact: &ResolvedArtifact, rejects: &Rejects) -> Vec<(String, Option<String>)> {
    let passed = head.between_live_and(artifact, rejects).into_iter();
    passed.map(|(live, because)| (live.release.to_string(), because.map(|because| because.to_string()))).collect()
}

#[test]
fn planned_rollback_says_why_it_passes_over_a_release() {
    let rejects = rejecting(&["2"]);
    let artifact = planned(&three(), None, &rejects).unwrap().artifact.unwrap();
    assert_eq!(artifact.release.as_str(), "1");
    assert_eq!(passed(&three(), &artifact, &rejects), [("2".to_owned(), Some("rejected: it leaks".to_owned()))]);
}

#[test]
fn planned_rollback_during_a_deployment_stops_it_and_keeps_what_is_live() {
    let (head, _) = three().accepts(&upload("4", 40), &me("four", 40));
    let plan = planned(&head, None, &Rejects::default()).unwrap();
    assert_eq!((release(&plan), plan.stops), ("3", Some(upload("4", 40).id)));
    let nothing_before = Head::default().accepts(&upload("4", 40), &me("four", 40)).0;
    let plan = planned(&nothing_before, None, &Rejects::default()).unwrap();
    assert_eq!((release(&plan), plan.stops), ("nothing", Some(upload("4", 40).id)));
    assert!(plan.because.unwrap().contains("before which nothing was live here"));
}

#[test]
fn planned_rollback_joins_the_open_one() {
    let (head, _) = three().accepts(&upload("4", 40), &me("four", 40));
    let (head, _) = head.accepts(&rollback("r", 50), &me("r", 50));
    let plan = planned(&head, None, &Rejects::default()).unwrap();
    assert_eq!((release(&plan), plan.joins, plan.stops), ("3", Some(rollback("r", 50).id), None));
}

#[test]
fn planned_rollback_without_an_earlier_release_is_refused() {
    let first = Head::default().deploys(&upload("1", 10), "6").flushes();
    assert_eq!(code(planned(&first, None, &Rejects::default())), Code::NothingToRollBack);
    assert_eq!(code(planned(&three(), Some("9"), &Rejects::default())), Code::NothingToRollBack);
    let rejects = rejecting(&["2"]);
    assert_eq!(code(planned(&three(), Some("2"), &rejects)), Code::Rejected);
    assert_eq!(release(&planned(&three(), None, &rejects).unwrap()), "1", "it passes over a rejected release");
}
