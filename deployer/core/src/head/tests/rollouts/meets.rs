//! The table "What meets a rollout", one test a cell.

use super::*;
use crate::rejects::Rejects;
use crate::rollout::ForeignAlias;

fn going_back() -> Head {
    let LookEffect::Claim { head, .. } = look(&shifting(), Verdict::Bad, "look", 40) else { panic!() };
    *head
}

fn paused() -> Head {
    let head = shifting();
    let id = head.active().unwrap().request.id;
    let pause = |state: RolloutState| state.pause_asked("bob".into(), "wait".into(), second(35)).unwrap();
    match apply_look(&head, (id, rollout_of(&head)), &me("x", 35), pause) {
        LookEffect::Write(head) => *head,
        other => panic!("{other:?}"),
    }
}

fn testing() -> Head {
    intends(json!({ "smoke_test": { "event": {} } }))
}

fn waits(head: &Head, request: &Request) {
    let phase = rollout_of(head).phase;
    let (after, then) = head.accepts(request, &me("new", request.time.as_second()));
    let Next::Queued { status, behind, .. } = then else { panic!("{then:?}") };
    assert_eq!((status, behind.0), (Status::Pending, upload("2", 20).id));
    assert_eq!((rollout_of(&after).phase, rollout_of(&after).abort.clone()), (phase, rollout_of(head).abort.clone()));
    assert_eq!(after.active().unwrap().stop, None);
    assert_eq!(after.pending().unwrap().id, request.id);
}

#[test]
fn newer_upload_waits_in_every_phase() {
    for head in [testing(), shifting(), paused(), going_back()] {
        waits(&head, &upload("3", 50));
    }
}

#[test]
fn newer_upload_replaces_a_rollout_with_traffic_where_the_plan_says_so() {
    let replace = json!({ "on_newer": "replace" });
    let (head, then) = parked_at(replace.clone()).accepts(&upload("3", 50), &me("three", 50));
    let Next::Work(active) = then else { panic!("{then:?}") };
    assert_eq!(active.request.id, upload("2", 20).id, "whoever asks takes it back");
    assert_eq!(rollout_of(&head).phase, Phase::GoingBack);
    let (head, next) = commits(&works(head, "three", 51), "three", 52);
    let (status, because) = head.because(&upload("2", 20));
    assert_eq!((status, head.record_of(&upload("2", 20)).code), (Status::Superseded, Some(Code::Superseded)));
    assert!(because.contains("takes its place") && because.contains("2 was taken back at 10 %"), "{because}");
    assert_eq!(next.unwrap().request.id, upload("3", 50).id);
    let smoke = json!({ "on_newer": "replace", "smoke_test": { "event": {} } });
    waits(&intends(smoke), &upload("3", 50));
    let LookEffect::Claim { head, .. } = look(&parked_at(replace), Verdict::Bad, "look", 40) else { panic!() };
    waits(&head, &upload("3", 50));
}

#[test]
fn rollback_stops_a_rollout_before_its_traffic() {
    let (head, _) = testing().accepts(&rollback("r", 50), &me("r", 50));
    assert_eq!(rollout_of(&head).next_action(), RolloutAction::GoBack(vec![]));
    let (head, next) = commits(&head, "two", 60);
    assert_eq!(head.because(&upload("2", 20)).0, Status::Superseded);
    assert_eq!(next.unwrap().request.undoes(), Some(upload("2", 20).id));
}

#[test]
fn rollback_without_to_means_the_rollout() {
    for before in [shifting(), paused()] {
        let rollback = rollback("r", 50);
        let (head, then) = before.accepts(&rollback, &me("r", 50));
        let Next::Work(active) = then else { panic!("{then:?}") };
        assert_eq!((active.request.id, active.stop), (upload("2", 20).id, Some(rollback.id)));
        let (head, next) = commits(&works(head, "r", 51), "r", 52);
        assert_eq!(head.because(&upload("2", 20)).0, Status::Superseded);
        let next = next.unwrap();
        let back = resolve_artifact(&head, &next.request.source, targets(), &Rejects::default()).unwrap();
        assert_eq!(back.release.as_str(), "1", "never what was before it");
        // The aliases serve it already.
        let unchanged = ends(&next.request, "A", |outcome| {
            (outcome.status, outcome.version) = (Status::Unchanged, Some(version("6")));
        });
        let mut unchanged = unchanged;
        (unchanged.record.release, unchanged.record.artifact) = (Some(back.release.clone()), Some(back.recorded()));
        let head = head.commits("next", &unchanged, None).0;
        assert_eq!(head.because(&rollback), (Status::Succeeded, "2 taken back at 10 %; 1 is live"));
        assert_eq!(head.left()[0].release.as_str(), "2");
        assert_eq!((head.live().unwrap().release.as_str(), head.history().len()), ("1", 1));
    }
}

#[test]
fn rollback_of_a_rollout_checks_what_the_person_saw() {
    let asks = |seen: &str| {
        let source = Rollback { if_live: Some(seen.to_owned()), ..Rollback::default() };
        command("r", CauseKind::Rollback, Source::Earlier(source), 50)
    };
    let (refused, _) = shifting().accepts(&asks("2"), &me("r", 50));
    assert_eq!(refused.record_of(&asks("2")).code, Some(Code::LiveChanged), "2 is not live yet");
    assert_eq!(rollout_of(&refused).phase, Phase::Shifting);
    assert_eq!(rollout_of(&shifting().accepts(&asks("1"), &me("r", 50)).0).phase, Phase::GoingBack);
}

#[test]
fn rollback_joins_a_way_back_that_goes_on() {
    let rollback = rollback("r", 50);
    let (head, _) = going_back().accepts(&rollback, &me("r", 50));
    assert_eq!(head.active().unwrap().stop, None);
    let (head, next) = commits(&works(head, "look", 51), "look", 52);
    let record = head.record_of(&upload("2", 20));
    assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Unhealthy)), "the guard was first");
    assert_eq!(next.unwrap().request.rollback().unwrap().took_back.as_deref(), Some("2 taken back at 10 %; 1 is live"));
}

#[test]
fn rollback_with_to_takes_the_rollout_back_and_goes_on() {
    let to = command("r", CauseKind::Rollback, Source::Earlier(Rollback::to(Some(Release::parse("1").unwrap()))), 50);
    let (head, _) = shifting().accepts(&to, &me("r", 50));
    assert_eq!(rollout_of(&head).phase, Phase::GoingBack);
    let (head, next) = commits(&works(head, "r", 51), "r", 52);
    assert_eq!(head.because(&upload("2", 20)).0, Status::Superseded);
    let next = next.unwrap().request;
    assert_eq!(next.id, to.id);
    assert_eq!(next.rollback().unwrap().took_back.as_deref(), Some("2 taken back at 10 %; 1 is live"));
    let (head, _) = going_back().accepts(&to, &me("r", 50));
    let (_, next) = commits(&works(head, "look", 51), "look", 52);
    assert_eq!(next.unwrap().request.id, to.id);
}

pub(super) fn rejecting() -> Rejects {
    let reject = serde_json::from_value(json!({
        "release": "2", "sha256": [], "reason": "bad", "requested_by": "ann", "since": "1970-01-01T00:00:00Z"
    }));
    let function = FunctionName::parse("orders").unwrap();
    let effect = Rejects::default().with(reject.unwrap(), &function, (crate::rejects::RejectVerb::Reject, "id"));
    match effect {
        Some(CommandEffect::Write(rejects)) => *rejects,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reject_takes_a_rollout_back() {
    for before in [shifting(), paused()] {
        let head = reject_rollout(&before, &rejecting(), second(50)).unwrap();
        assert!(matches!(super::next(&head, 50), NextAction::Resume(_)));
        assert_eq!(reject_rollout(&head, &rejecting(), second(50)), None, "once");
        let (head, _) = commits(&works(head.acquires(&me("a", 50)).0, "a", 51), "a", 52);
        let record = head.record_of(&upload("2", 20));
        assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Rejected)));
    }
    assert_eq!(reject_rollout(&shifting(), &Rejects::default(), second(50)), None);
}

#[test]
fn reject_stops_a_rollout_before_its_traffic_and_changes_no_way_back() {
    let (head, _) = commits(&reject_rollout(&testing(), &rejecting(), second(50)).unwrap(), "two", 60);
    let record = head.record_of(&upload("2", 20));
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::Rejected)));
    assert_eq!(reject_rollout(&going_back(), &rejecting(), second(50)), None);
}

#[test]
fn hold_refuses_what_waits_and_leaves_the_rollout_alone() {
    let held = Hold { reason: "audit".into(), requested_by: None, principal: None, unproven: None, since: second(60) };
    for before in [testing(), shifting(), paused(), going_back()] {
        let waiting = before.accepts(&upload("3", 50), &me("three", 50)).0;
        let CommandEffect::Write(head) = hold(&waiting, held.clone(), &at(), "h", second(60)) else { panic!() };
        assert_eq!(head.because(&upload("3", 50)).0, Status::Refused);
        assert_eq!(rollout_of(&head), rollout_of(&waiting));
        let asked = head.accepts(&rollback("r", 70), &me("r", 70)).0;
        assert_eq!(rollout_of(&asked).phase, Phase::GoingBack, "a rollback still works");
    }
}

#[test]
fn redeploy_waits_in_every_phase() {
    let redeploy = command("d", CauseKind::Redeploy, Source::Live { of: None }, 50);
    for head in [testing(), shifting(), paused(), going_back()] {
        waits(&head, &redeploy);
    }
    waits(&parked_at(json!({ "on_newer": "replace" })), &redeploy);
}

#[test]
fn undo_of_what_is_live_waits() {
    let at = at();
    let cause = Cause::new(CauseKind::Rollback, None, Some("u".into()));
    let undone = (Release::parse("1").unwrap(), None, None);
    let undo = Request::undo((&at.name, &at.function), undone, cause, second(50), (second(50), token("u")));
    waits(&parked_at(json!({ "on_newer": "replace" })), &undo);
}

#[test]
fn changed_configuration_does_not_change_the_plan() {
    let head = shifting();
    let FunctionRef { environment, .. } = at();
    assert_eq!(head.active().unwrap().claimed_for.as_ref().unwrap().targets, environment.targets);
    let id = head.active().unwrap().request.id;
    let gone = Gone::Targets(vec![target(1).clone()]);
    let pause = |state: RolloutState| pause_where_gone(state, &gone, second(40));
    let LookEffect::Write(head) = apply_look(&head, (id, rollout_of(&head)), &me("x", 40), pause) else { panic!() };
    let because = &rollout_of(&head).paused.as_ref().unwrap().because;
    assert!(because.starts_with("deployer.json does not have 111111111111/us-east-1 any more"), "{because}");
    let aborted = head.accepts(&rollback("r", 50), &me("r", 50)).0;
    assert_eq!(rollout_of(&aborted).phase, Phase::GoingBack, "it still goes back by the frozen plan");
}

#[test]
fn alias_that_somebody_has_put_back_to_the_old_version_is_back() {
    let LookEffect::Claim { head, .. } = look(&shifting(), Verdict::Ok, "look", BEGIN + 600) else { panic!() };
    let changed = ForeignAlias { said: "found version 6".into(), alone: Some(version("6")) };
    let foreign = |state: RolloutState| state.changed_by_others(target(0), &changed);
    let head = advance_rollout(&head, token("look"), second(700), foreign).unwrap();
    assert_eq!(rollout_of(&head).next_action(), RolloutAction::GoBack(vec![target(1).clone(), target(0).clone()]));
    let (head, _) = commits(&works(head, "look", 701), "look", 702);
    let record = head.record_of(&upload("2", 20));
    assert_eq!((record.status, record.targets[0].status), (Status::RolledBack, Status::RolledBack));
    assert!(record.because.as_deref().unwrap().starts_with("somebody else has put the alias back: "));
    assert_eq!(head.target(target(0)).unwrap().version, Some(version("6")));
}

#[test]
fn foreign_change_leaves_that_target_and_takes_the_others_back() {
    let LookEffect::Claim { head, .. } = look(&shifting(), Verdict::Ok, "look", BEGIN + 600) else { panic!() };
    let changed = ForeignAlias { said: "found version 7".into(), alone: Some(version("7")) };
    let foreign = |state: RolloutState| state.changed_by_others(target(0), &changed);
    let head = advance_rollout(&head, token("look"), second(700), foreign).unwrap();
    assert_eq!(rollout_of(&head).next_action(), RolloutAction::GoBack(vec![target(1).clone()]));
    let (head, _) = commits(&works(head, "look", 701), "look", 702);
    let record = head.record_of(&upload("2", 20));
    assert_eq!((record.status, record.code), (Status::Failed, Some(Code::TargetFailed)));
    assert_eq!(record.targets[0].error.as_ref().unwrap().code, TargetErrorCode::ForeignChange);
    assert_eq!((record.targets[0].reached, record.targets[1].status), (true, Status::RolledBack));
    assert_eq!(head.live().unwrap().release.as_str(), "1", "a rollout that goes back never becomes live");
    let serves = |number: usize| {
        let there = head.target(target(number)).unwrap();
        (there.version.clone().unwrap(), there.release.clone().unwrap().to_string())
    };
    assert_eq!((serves(0), serves(1)), ((version("7"), "2".to_owned()), (version("6"), "1".to_owned())), "as found");
    let error = record.targets[0].error.as_ref().unwrap();
    assert!(error.message.starts_with("the alias gives version 7 all traffic: "), "{error:?}");
    assert!(
        record
            .because
            .as_deref()
            .unwrap()
            .contains("a redeploy brings what is live to the targets that did not go back")
    );
    assert_eq!(head.left()[0].release.as_str(), "2");
}

#[test]
fn rollback_that_was_confirmed_while_the_rollout_was_under_way_goes_no_step_further() {
    let two = upload("2", 20).id;
    let (back, _) = commits(&works(going_back(), "look", 41), "look", 42);
    let rollback = Rollback { if_live: Some("1".into()), if_active: Some(two), ..Rollback::default() };
    let confirmed = Request { source: Source::Earlier(rollback), ..super::rollback("r", 50) };
    let (head, then) = back.flushes().accepts(&confirmed, &me("r", 50));
    assert_eq!((then, head.record_of(&confirmed).code), (Next::Finished(confirmed.id), Some(Code::LiveChanged)));
    assert_eq!(head.live().unwrap().release.as_str(), "1");
}
