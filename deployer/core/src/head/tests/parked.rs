//! A deployment that waits for Lambda gives its invocation back.

use super::*;
use crate::alias_traffic::Awaited;

fn awaited(until: i64) -> Awaited {
    let (version, before) = (version("7"), Some(version("6")));
    Awaited { target: target(0).clone(), version, before, since: second(21), until: second(until) }
}

/// `two` has begun to wait for its traffic at second 21, and was parked at second 45.
pub(super) fn parked(look_at: Option<i64>) -> (Head, Request) {
    let two = upload("2", 20);
    let head = Head::default().deploys(&upload("1", 10), "6").flushes();
    let head = with_awaited(&head.accepts(&two, &me("two", 20)).0, token("two"), &awaited(921)).unwrap();
    (park(&head, "two", 45, look_at), two)
}

fn park(head: &Head, claim: &str, now: i64, look_at: Option<i64>) -> Head {
    let left = Handover { written: [target(0).clone()].into(), ..Handover::default() };
    let how = ClaimRelease::Parked { handover: &left, look_at: look_at.map(second) };
    release_claim(head, token(claim), how, second(now)).unwrap()
}

fn waits(task: LambdaTask, since: i64) -> LambdaWait {
    LambdaWait { target: target(0).clone(), task, since: second(since) }
}

#[test]
fn parking_is_neither_an_attempt_nor_an_extension() {
    let mut head = parked(Some(60)).0;
    for round in 0..20 {
        let active = head.active().unwrap();
        assert_eq!((active.attempts, active.extensions, active.hops), (0, 0, round + 1));
        let now = 60 + 60 * i64::from(round);
        let claim = format!("look{round}");
        head = head.acquires(&me(&claim, now)).0;
        assert_eq!(head.active().unwrap().attempts, 1);
        head = park(&head, &claim, now + 1, None);
    }
}

#[test]
fn owner_that_dies_over_a_parked_deployment_is_counted() {
    let head = parked(Some(60)).0.acquires(&me("a", 60)).0;
    let head = head.acquires(&me("b", 60 + LEASE)).0;
    assert_eq!(head.active().unwrap().attempts, 2);
}

#[test]
fn parked_deployment_gives_way_to_no_newer_upload() {
    let (head, two) = parked(Some(60));
    assert!(head.active().unwrap().is_begun());
    let three = upload("3", 50);
    let (head, then) = head.accepts(&three, &me("three", 50));
    let Next::Work(active) = then else { panic!("{then:?}") };
    assert_eq!((active.request.id, active.awaits(target(0))), (two.id, Some(&awaited(921))));
    assert_eq!(head.pending().map(|pending| pending.id), Some(three.id));
}

#[test]
fn rollback_resumes_a_parked_deployment_at_once_and_stops_it() {
    let (head, two) = parked(Some(60));
    let back = rollback("back", 50);
    let (head, then) = head.accepts(&back, &me("back", 50));
    let Next::Work(active) = then else { panic!("{then:?}") };
    assert_eq!((active.request.id, active.stop), (two.id, Some(back.id)));
    assert_eq!(head.pending().map(|pending| pending.id), Some(back.id));
}

#[test]
fn deployment_parked_before_any_write_gives_way_to_newer_upload() {
    let two = upload("2", 20);
    let head = Head::default().deploys(&upload("1", 10), "6").flushes();
    let head = head.accepts(&two, &me("two", 20)).0;
    let left = Handover { waits: vec![waits(LambdaTask::update(), 21)], ..Handover::default() };
    let how = ClaimRelease::Parked { handover: &left, look_at: Some(second(60)) };
    let head = release_claim(&head, token("two"), how, second(45)).unwrap();
    assert!(!head.active().unwrap().is_begun(), "nobody has written anything for it");
    let three = upload("3", 50);
    let (head, then) = head.accepts(&three, &me("three", 50));
    let Next::Work(active) = then else { panic!("{then:?}") };
    assert_eq!((active.request.id, active.waits), (three.id, vec![]));
    assert!(head.outbox().iter().any(|entry| entry.record.id == two.id && entry.record.status == Status::Superseded));
}

#[test]
fn deployment_stopped_while_it_parks_is_looked_at_at_once() {
    let (two, back) = (upload("2", 20), rollback("back", 30));
    let head = Head::default().deploys(&upload("1", 10), "6").flushes();
    let head = head.accepts(&two, &me("two", 20)).0;
    let head = park(&head.accepts(&back, &me("back", 30)).0, "two", 45, Some(165));
    let next_look_at = head.active().map(|active| (active.stop, active.next_look_at));
    assert_eq!(next_look_at, Some((Some(back.id), Some(second(45)))), "by a tick that is sent now");
    assert!(!head.active().unwrap().has_tick_coming(second(105)), "and if that is lost, by the next sweep");
}

#[test]
fn duplicate_of_a_parked_deployment_does_not_resume_it() {
    let (head, two) = parked(Some(60));
    let Next::Queued { request, status, behind } = head.answers(&two, &me("again", 50)) else { panic!("it is woken") };
    assert_eq!((request.id, status, behind.2), (two.id, Status::InProgress, second(60)));
    // Its tick was lost.
    assert!(matches!(head.accepts(&two, &me("again", 120)).1, Next::Work(_)));
}

#[test]
fn awaited_traffic_is_written_once_and_only_by_the_owner() {
    let two = upload("2", 20);
    let head = Head::default().accepts(&two, &me("two", 20)).0;
    assert_eq!(with_awaited(&head, token("other"), &awaited(921)), None);
    let written = with_awaited(&head, token("two"), &awaited(921)).unwrap();
    assert_eq!(with_awaited(&written, token("two"), &awaited(921)), None, "the head knows already");
    let again = with_awaited(&written, token("two"), &awaited(930)).unwrap();
    assert_eq!(again.active().unwrap().awaits, [awaited(930)], "one for each target");
}

#[test]
fn alias_that_somebody_moved_meanwhile_is_described() {
    let alias = |serves: &str| crate::observed::ObservedAlias {
        name: crate::id::AliasName::parse("live").unwrap(),
        version: Some(version(serves)),
        weights: [].into(),
        provisioned: None,
        revision: crate::observed::RevisionId("r".into()),
        moved_by_deployer: true,
        description: String::new(),
    };
    let active = parked(Some(60)).0.active().unwrap().clone();
    let since = |serves: &str| active.moved_since(target(0), Some(&alias(serves)));
    assert_eq!((since("7"), since("6")), (None, None));
    assert_eq!(since("3").unwrap(), "expected the alias to serve version 7, found version 3");
    // An owner that has only begun has not moved the alias yet.
    let begun = Active { hops: 0, ..active.clone() };
    assert_eq!(begun.moved_since(target(0), Some(&alias("3"))), None);
}

#[test]
fn pauses_grow_until_the_last_hop() {
    let mut active = parked(Some(60)).0.active().unwrap().clone();
    let mut pauses = Vec::new();
    for hops in 0..=HOPS {
        active.hops = hops;
        pauses.push(active.next_look(second(100), None).map(Timestamp::as_second));
    }
    let expected = [115, 130, 160, 220, 220, 220, 220, 220].map(Some);
    assert_eq!(pauses[..8], expected);
    assert_eq!(pauses[8], None, "then the sweep looks after it");
    active.hops = 5;
    assert_eq!(active.next_look(second(900), None), Some(second(921)));
    assert_eq!(active.next_look(second(900), Some(second(910))), Some(second(910)));
    assert_eq!(active.next_look(second(900), Some(second(890))), Some(second(900)), "what is over is looked at now");
}

#[test]
fn sweep_leaves_a_parked_deployment_to_its_tick_until_overdue() {
    let head = parked(Some(60)).0;
    assert!(head.active().unwrap().has_tick_coming(second(50)) && head.active().unwrap().has_tick_coming(second(119)));
    assert!(has_work(&head, second(120)) && !head.active().unwrap().has_tick_coming(second(120)));
    assert!(!parked(None).0.active().unwrap().has_tick_coming(second(50)), "beyond the last hop no tick is sent");
}

#[test]
fn sweep_that_has_sent_a_tick_waits_five_minutes() {
    let head = parked(None).0;
    let sent = with_tick_sent(&head, second(60)).unwrap();
    assert!(sent.active().unwrap().has_tick_coming(second(61)) && sent.active().unwrap().has_tick_coming(second(359)));
    assert!(!sent.active().unwrap().has_tick_coming(second(360)));
    let taken = sent.acquires(&me("a", 61)).0;
    assert_eq!(taken.active().unwrap().next_look_at, None, "it has come");
    assert_eq!(with_tick_sent(&taken, second(62)), None, "somebody works on it");
}

#[test]
fn each_wait_for_lambda_counts_from_its_own_start() {
    let (here, there) = (target(0), target(1));
    let mut all = WaitTracker::default();
    let (update, role) = (LambdaTask::update(), LambdaTask::call("create function"));
    assert_eq!(all.begin(here, &update, second(10)).own, second(10));
    assert_eq!(all.begin(here, &update, second(20)).own, second(10));
    assert_eq!(all.begin(there, &update, second(30)).own, second(30), "another target's");
    assert_eq!(all.begin(here, &role, second(40)).own, second(40), "for something else");
    all.end(here, &update);
    assert_eq!(all.begin(here, &update, second(50)).own, second(50), "the one before is over");
    assert_eq!(all.begin(there, &update, second(60)).own, second(30));
    let done = [TargetOutcome::untouched(there, at().function_name, at().environment.alias.clone(), Status::Failed)];
    let over = LambdaWait { task: serde_json::from_value("done".into()).unwrap(), ..waits(update.clone(), 10) };
    assert_eq!(all.without(&done), [waits(role, 40), over, waits(update.clone(), 50)]);
    for round in 6..9 {
        all.end(here, &update);
        let since = all.begin(here, &update, second(round * 10));
        assert_eq!(since, WaitStart { own: second(round * 10), first: second(10) }, "all of them count together");
    }
}

#[test]
fn update_seen_while_a_version_is_made_is_the_same_wait() {
    let here = target(0);
    let task = |number: &str| LambdaTask::version(&version(number));
    let mut all = WaitTracker::default();
    all.begin(here, &task("7"), second(10));
    assert_eq!(all.begin(here, &LambdaTask::update(), second(50)).own, second(10));
    all.end(here, &LambdaTask::update());
    assert_eq!(all.begin(here, &task("7"), second(60)).own, second(10), "the version itself is not made yet");
    let eight = all.begin(here, &task("8"), second(70));
    assert_eq!(eight, WaitStart { own: second(70), first: second(10) }, "7 has failed, and 8 is new");
    assert_eq!(all.begin(here, &LambdaTask::update(), second(80)), eight);
    assert_eq!(all.versions(here), 2);
    all.end(here, &task("8"));
    assert_eq!(all.versions(here), 0);
}

#[test]
fn waits_pass_to_the_next_owner_and_old_ones_are_read() {
    let two = upload("2", 20);
    let head = Head::default().accepts(&two, &me("two", 20)).0;
    let left = Handover { waits: vec![waits(LambdaTask::update(), 21)], ..Handover::default() };
    for how in [ClaimRelease::OutOfTime(&left), ClaimRelease::Parked { handover: &left, look_at: None }] {
        let active = release_claim(&head, token("two"), how, second(45)).unwrap().active().unwrap().clone();
        assert_eq!(WaitTracker::of(&active).without(&[]), left.waits);
        let written = serde_json::to_value(&active).unwrap();
        assert_eq!(written["waits"][0]["for"], "update");
        assert!(written.get("waiting_since").is_none());
    }
    let mut before = head.active().unwrap().clone();
    before.waiting_since = Some(second(21));
    let mut waits = WaitTracker::of(&before);
    assert_eq!(waits.begin(target(0), &LambdaTask::update(), second(50)).own, second(21));
    // An older deployer leaves a field that it does not know as it was.
    before.waits = left.waits;
    before.waiting_since = Some(second(40));
    let mut waits = WaitTracker::of(&before);
    assert_eq!(waits.begin(target(0), &LambdaTask::update(), second(50)).own, second(40));
}

#[test]
fn start_that_was_announced_late_is_not_announced_again() {
    let two = upload("2", 20);
    let mut head = Head::default().accepts(&two, &me("two", 20)).0;
    for (claim, next, unpublished) in [("two", "three", true), ("three", "four", false)] {
        let left = Handover { start_unpublished: unpublished, ..Handover::default() };
        head = release_claim(&head, token(claim), ClaimRelease::OutOfTime(&left), second(30)).unwrap();
        assert_eq!(head.active().unwrap().start_unpublished, unpublished);
        head = head.acquires(&me(next, 30)).0;
    }
}

#[test]
fn missing_provisioned_concurrency_is_known_for_a_day() {
    let one = upload("1", 10);
    let claimed = Head::default().accepts(&one, &me("one", 10)).0;
    let commits = |has: bool| {
        let end = DeploymentEnd { provisioned: [(target(0).clone(), has)].into(), ..arrived(&one, "6", "A") };
        claimed.commits("one", &end, None).0
    };
    let known = |head: &Head, now: i64| head.target(target(0)).unwrap().is_unprovisioned(second(now));
    let without = commits(false);
    assert!(known(&without, 1_001) && known(&without, 1_000 + 86_399));
    assert!(!known(&without, 1_000 + 86_400));
    assert!(!known(&commits(true), 1_001));
}
