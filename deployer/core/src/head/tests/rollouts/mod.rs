//! Rollouts in the head: each transition, and what comes in while one is under way.

mod commands;
mod ended;
mod gone;
mod meets;
mod together;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::config::rollout::{Placement, Rollout as RolloutConfig};
use crate::format;
use crate::rollout::guard::Verdict;
use crate::rollout::{
    Gone, Phase, Progress, RolloutAction, RolloutEnd, RolloutPlan, RolloutState, RolloutVerb, Shift, end_of_way_back,
    pause_where_gone,
};

/// The time at which rollouts begin here.
const BEGIN: i64 = 30;

fn state(rollout: Value) -> RolloutState {
    let placement = Placement { targets: 2, queue_url: Some("https://queue") };
    let rollout = RolloutConfig::parse(&rollout, placement).unwrap();
    let plan = RolloutPlan::of(&rollout, targets(), std::time::Duration::from_secs(3));
    let state = RolloutState::begin(plan, |_| (Shift::InSteps, Some(version("6"))));
    targets().iter().fold(state, |state, target| match state.published(target, &version("7")) {
        Progress::Continues(state) => *state,
        Progress::Ended { end, .. } => panic!("{end:?}"),
    })
}

/// Returns a head on which 1 is live and whose claim `two` has published 2.
fn published() -> Head {
    Head::default().deploys(&upload("1", 10), "6").flushes().accepts(&upload("2", 20), &me("two", 20)).0
}

fn begun(rollout: Value) -> BegunRollout {
    let previous = targets()
        .iter()
        .map(|target| ServedBefore { target: target.clone(), previous: Some(super::doors::served("6")) });
    BegunRollout {
        state: state(rollout),
        brings: Brings { artifact: brought(), managed: None },
        done: vec![],
        previous: previous.collect(),
        written: targets().iter().cloned().collect(),
        created: [].into(),
        role: at().environment.deploy_role(),
        start_unpublished: false,
    }
}

/// Returns the artifact of release 2, as it was read.
fn brought() -> crate::record::RecordedArtifact {
    let artifact = artifact_of(&upload("2", 20));
    let sha256 = Some(Sha256::of(artifact.key.as_bytes()));
    crate::record::RecordedArtifact { sha256, size: Some(7), ..(&artifact).into() }
}

/// Returns a head whose claim `two` is about to move the aliases to 10 %.
fn intends(rollout: Value) -> Head {
    begin_rollout(&published(), token("two"), &begun(rollout), second(BEGIN)).unwrap()
}

/// Does what the rollout asks for, under this claim, until it asks to look or goes back nowhere.
fn works(mut head: Head, claim: &str, now: i64) -> Head {
    loop {
        let Some(active) = head.active().filter(|active| active.claim == token(claim)) else { return head };
        let one = |target: &Target, state: &RolloutState| {
            state.targets.iter().find(|one| one.target == *target).unwrap().weight
        };
        let action = active.rollout.as_ref().unwrap().next_action();
        let change = |state: RolloutState| match &action {
            RolloutAction::Smoke(of) => state.smoke_passed(&of[0], second(now)),
            RolloutAction::Move(of) => {
                let weight = one(&of[0], &state);
                state.moved(&of[0], weight, second(now))
            }
            RolloutAction::GoBack(of) => state.returned(&of[0], second(now)),
            other => panic!("{other:?}"),
        };
        match &action {
            RolloutAction::GoBack(of) if of.is_empty() => return head,
            RolloutAction::Look { .. } => return head,
            _ => head = advance_rollout(&head, token(claim), second(now), change).unwrap(),
        }
    }
}

/// Returns a head with a rollout that is parked at 10 %.
fn parked_at(rollout: Value) -> Head {
    works(intends(rollout), "two", BEGIN)
}

fn shifting() -> Head {
    parked_at(json!({}))
}

/// Returns a head with a rollout that is parked with all traffic.
fn watching(rollout: Value) -> Head {
    let LookEffect::Claim { head, .. } = look(&parked_at(rollout), Verdict::Ok, "look", BEGIN + 600) else { panic!() };
    works(*head, "look", BEGIN + 601)
}

fn rollout_of(head: &Head) -> &RolloutState {
    head.active().unwrap().rollout.as_ref().unwrap()
}

fn look(head: &Head, verdict: Verdict, claim: &str, now: i64) -> LookEffect {
    let id = head.active().unwrap().request.id;
    let state = rollout_of(head).clone();
    apply_look(head, (id, &state), &me(claim, now), |state| state.looked(verdict, "because", second(now)))
}

/// Ends the rollout under a claim, by what its state says.
fn commits(head: &Head, claim: &str, now: i64) -> (Head, Option<Active>) {
    let active = head.active().unwrap().clone();
    let end = end_of_way_back(rollout_of(head)).unwrap();
    let end = ended_by(&active, rollout_ending(&active, &end, &at()), now);
    head.commits(claim, &end, Some(&me("next", now)))
}

fn ended_by(active: &Active, ending: Ending, now: i64) -> DeploymentEnd {
    let mut record = at().record_of(active, Status::InProgress);
    if let Some(artifact) = &mut record.artifact {
        artifact.sha256 = Some(Sha256::of(artifact.key.as_bytes()));
    }
    DeploymentEnd {
        record: record.ended(ending, second(now)),
        managed: None,
        written: targets().iter().cloned().collect(),
        kept: [].into(),
        doors: vec![],
        provisioned: [].into(),
        start_unpublished: false,
    }
}

fn next(head: &Head, now: i64) -> NextAction {
    head.next_action(second(now), SkippedWork::default())
}

fn written_format(head: &Head) -> u64 {
    let written = format::write(head, &head.as_read).unwrap();
    serde_json::from_slice::<Value>(&written).unwrap()["format"].as_u64().unwrap()
}

#[test]
fn rollout_begins_with_the_intent_of_its_first_move() {
    let head = intends(json!({}));
    let rollout = rollout_of(&head);
    assert_eq!((rollout.phase, rollout.targets[1].weight), (Phase::Shifting, 10));
    assert_eq!(rollout.next_action(), RolloutAction::Move(targets().to_vec()));
    assert!(matches!(next(&head, 60), NextAction::Wait { .. }), "its owner works on it");
    assert!(matches!(next(&head, 120), NextAction::Resume(_)), "its owner has died");
    assert_eq!(begin_rollout(&head, token("two"), &begun(json!({})), second(40)), None, "it begins once");
    assert_eq!(begin_rollout(&published(), token("other"), &begun(json!({})), second(40)), None);
}

#[test]
fn smoke_tests_come_before_the_first_move() {
    let head = intends(json!({ "smoke_test": { "event": {} } }));
    assert_eq!(rollout_of(&head).next_action(), RolloutAction::Smoke(targets().to_vec()));
    assert_eq!(rollout_of(&works(head, "two", 40)).targets[0].weight, 10);
}

#[test]
fn rollback_that_came_while_targets_published_stops_the_rollout_before_traffic() {
    let asked = published().accepts(&rollback("r", 25), &me("r", 25)).0;
    let head = begin_rollout(&asked, token("two"), &begun(json!({})), second(BEGIN)).unwrap();
    assert_eq!(rollout_of(&head).next_action(), RolloutAction::GoBack(vec![]));
    let (head, next) = commits(&head, "two", 40);
    let (status, because) = head.because(&upload("2", 20));
    assert!(status == Status::Superseded && because.contains("has asked it to stop"), "{because}");
    assert_eq!(next.unwrap().request.id, rollback("r", 25).id);
    assert_eq!(head.live().unwrap().release.as_str(), "1");
}

#[test]
fn rollout_raises_the_format_until_it_ends() {
    let head = shifting();
    assert_eq!((written_format(&published()), written_format(&head)), (1, 4));
    let again: Head = format::read(&format::write(&head, &head.as_read).unwrap()).unwrap();
    assert_eq!(again, head);
    let LookEffect::Claim { head, .. } = look(&head, Verdict::Bad, "look", 40) else { panic!() };
    assert_eq!(written_format(&commits(&works(*head, "look", 41), "look", 42).0.flushes()), 1);
}

#[test]
fn head_without_a_rollout_is_written_without_the_field() {
    let written = format::write(&published(), &published().as_read).unwrap();
    assert!(serde_json::from_slice::<Value>(&written).unwrap()["active"].get("rollout").is_none());
}

#[test]
fn rollout_waits_without_a_claim_between_moves() {
    let head = shifting();
    let active = head.active().unwrap();
    assert_eq!((active.lease_until, active.attempts, active.extensions, active.hops), (second(BEGIN), 0, 0, 0));
    let on = Wakeup { id: active.request.id, claim: Some(token("two")) };
    let due = Some(second(BEGIN + 600));
    assert_eq!(next(&head, BEGIN), NextAction::Look { on, due });
    assert_eq!(next(&head, BEGIN + 9_000), NextAction::Look { on, due }, "only a look or a person moves it on");
    assert_eq!(acquire(&head, &at(), &me("x", 9_000)), Transition::none(Next::Nothing));
}

#[test]
fn same_upload_again_leaves_a_rollout_that_waits_alone() {
    let Next::Queued { request, status, .. } = shifting().answers(&upload("2", 20), &me("again", 60)) else { panic!() };
    assert_eq!((request.id, status), (upload("2", 20).id, Status::InProgress));
}

#[test]
fn look_that_moves_nothing_writes_nothing() {
    let head = shifting();
    assert_eq!(look(&head, Verdict::Ok, "look", 60), LookEffect::Nothing);
    let LookEffect::Write(quiet) = look(&head, Verdict::Quiet, "look", BEGIN + 600) else { panic!() };
    assert_eq!(rollout_of(&quiet).due, Some(second(BEGIN + 1_200)), "the step is lengthened");
    assert_eq!(quiet.active().unwrap().claim, token("two"), "nobody needs the claim for that");
}

#[test]
fn look_at_the_end_of_a_step_claims_the_next_move() {
    let LookEffect::Claim { head, active, end: None } = look(&shifting(), Verdict::Ok, "look", BEGIN + 600) else {
        panic!()
    };
    assert_eq!((active.claim, active.attempts), (token("look"), 1));
    assert_eq!(rollout_of(&head).targets[0].weight, 100);
    let watching = works(*head, "look", BEGIN + 601);
    assert_eq!(watching, self::watching(json!({})));
    assert_eq!(
        (rollout_of(&watching).phase, rollout_of(&watching).due),
        (Phase::Watching, Some(second(BEGIN + 1_201)))
    );
    let again = look(&watching, Verdict::Ok, "end", BEGIN + 1_201);
    let LookEffect::Claim { head, active, end: Some(end) } = again else { panic!("{again:?}") };
    let ended = ended_by(&active, rollout_ending(&active, &end, &at()), BEGIN + 1_202);
    let head = head.commits("end", &ended, None).0;
    assert_eq!(head.because(&upload("2", 20)).0, Status::Succeeded);
    assert_eq!(
        (head.live().unwrap().release.as_str(), head.target(target(1)).unwrap().version.as_ref()),
        ("2", Some(&version("7")))
    );
    assert!(head.outbox()[0].completed.is_some(), "promotions start from the commit");
}

#[test]
fn look_at_what_has_moved_on_changes_nothing() {
    let head = shifting();
    let before = RolloutState { step: 1, ..rollout_of(&head).clone() };
    let id = head.active().unwrap().request.id;
    let bad = |state: RolloutState| state.looked(Verdict::Bad, "because", second(60));
    assert_eq!(apply_look(&head, (id, &before), &me("look", 60), bad), LookEffect::Nothing);
    assert_eq!(apply_look(&head, (upload("9", 9).id, rollout_of(&head)), &me("look", 60), bad), LookEffect::Nothing);
    let intends = intends(json!({}));
    assert_eq!(look(&intends, Verdict::Bad, "look", 60), LookEffect::Nothing, "its owner moves an alias");
}

#[test]
fn owners_that_die_over_one_move_do_not_count_for_the_next() {
    let (again, _) = intends(json!({})).acquires(&me("b", 120));
    assert_eq!(again.active().unwrap().attempts, 2);
    let confirmed = advance_rollout(&again, token("b"), second(121), |state| state.moved(target(0), 10, second(121)));
    assert_eq!(confirmed.as_ref().unwrap().active().unwrap().attempts, 1);
    let parked = works(confirmed.unwrap(), "b", 122);
    assert_eq!((parked.active().unwrap().attempts, rollout_of(&parked).due), (0, Some(second(722))));
}

#[test]
fn owner_out_of_time_leaves_the_move_to_another() {
    let left = leave_rollout(&intends(json!({})), token("two"), RolloutLeave::OutOfTime, second(50)).unwrap();
    let active = left.active().unwrap();
    assert_eq!((active.attempts, active.extensions, active.lease_until), (0, 1, second(50)));
    assert!(matches!(next(&left, 50), NextAction::Resume(_)));
    let waits = RolloutLeave::AwaitsTraffic(Some(second(70)));
    let waits = leave_rollout(&intends(json!({})), token("two"), waits, second(50)).unwrap();
    assert!(matches!(next(&waits, 60), NextAction::Wait { .. }), "a tick looks at the traffic");
    assert_eq!(leave_rollout(&shifting(), token("two"), RolloutLeave::OutOfTime, second(50)), None, "it has left");
}

#[test]
fn confirmation_meets_an_abort_that_came_meanwhile() {
    let intends = intends(json!({}));
    let (asked, _) = intends.accepts(&rollback("r", 40), &me("r", 40));
    let confirmed = advance_rollout(&asked, token("two"), second(50), |state| state.moved(target(0), 10, second(50)));
    let head = confirmed.unwrap();
    assert_eq!(rollout_of(&head).phase, Phase::GoingBack);
    assert_eq!(head.active().unwrap().lease_until, intends.active().unwrap().lease_until, "its owner goes on");
}

#[test]
fn paused_rollout_expires_by_a_look() {
    let paused = |head: &Head| {
        let by = |state: RolloutState| state.pause_asked("bob".into(), "wait".into(), second(40)).unwrap();
        let id = head.active().unwrap().request.id;
        apply_look(head, (id, rollout_of(head)), &me("x", 40), by)
    };
    let LookEffect::Write(head) = paused(&parked_at(json!({ "pause_expires": "1h" }))) else { panic!() };
    let after = second(40) + SignedDuration::from_hours(1);
    let expires = |state: RolloutState| state.expired(after);
    let id = head.active().unwrap().request.id;
    let me = Claimant { now: after, lease_until: after + SignedDuration::from_secs(100), ..me("look", 0) };
    let LookEffect::Claim { head, .. } = apply_look(&head, (id, rollout_of(&head)), &me, expires) else { panic!() };
    assert_eq!(rollout_of(&head).phase, Phase::GoingBack);
}
