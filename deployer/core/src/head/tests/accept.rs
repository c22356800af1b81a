//! Requests are accepted, and work that others have left is acquired.

use super::*;

/// An upload that `one` works on until second 110.
fn worked_on() -> (Head, Request) {
    let one = upload("1", 10);
    (Head::default().accepts(&one, &me("one", 10)).0, one)
}

/// The same, and another upload that waits for it.
fn waited_for() -> (Head, Request, Request) {
    let (head, one) = worked_on();
    let two = upload("2", 20);
    (head.accepts(&two, &me("two", 20)).0, one, two)
}

fn waits(request: &Request, status: Status, behind: &Active) -> Next {
    let behind = (behind.request.id, behind.claim, behind.lease_until);
    Next::Queued { request: request.clone(), status, behind }
}

#[test]
fn new_upload_is_claimed() {
    let one = upload("1", 10);
    let (head, then) = Head::default().accepts(&one, &me("one", 12));
    let active = head.active().unwrap();
    assert_eq!(then, Next::Work(active.clone()));
    assert_eq!((&active.request, active.claim, active.attempts), (&one, token("one"), 1));
    assert_eq!(active.lease_until, second(112));
    assert_eq!((head.newest.mark.as_ref(), head.pending(), head.outbox().len()), (Some(&mark_of(&one)), None, 0));
    assert!(head.queue().is_held_by(token("one")) && !head.queue().is_held_by(token("two")));
}

#[test]
fn duplicate_of_a_leased_deployment_waits_for_it() {
    let (head, one) = worked_on();
    let then = head.answers(&one, &me("again", 109));
    assert_eq!(then, waits(&one, Status::InProgress, head.active().unwrap()));
}

#[test]
fn duplicate_of_a_deployment_with_dead_owner_resumes_it() {
    let (head, one) = worked_on();
    let again = Request { marker: token("other"), accepted_at: second(110), ..one.clone() };
    let (head, then) = head.accepts(&again, &me("again", 110));
    let active = head.active().unwrap();
    assert_eq!(then, Next::Work(active.clone()));
    assert_eq!((&active.request, active.claim, active.attempts), (&one, token("again"), 2));
    assert_eq!((active.lease_until, head.known.requests.len()), (second(210), 1));
    let third = head.accepts(&one, &me("third", 210)).0;
    assert_eq!(third.active().unwrap().attempts, 3);
}

#[test]
fn duplicate_of_a_pending_upload_waits_too() {
    let (head, _, two) = waited_for();
    let then = head.answers(&two, &me("again", 30));
    assert_eq!(then, waits(&two, Status::Pending, head.active().unwrap()));
}

#[test]
fn duplicate_of_a_pending_upload_resumes_the_abandoned_active_one() {
    let (head, one, two) = waited_for();
    let (head, then) = head.accepts(&two, &me("again", 110));
    assert_eq!(then, Next::Work(head.active().unwrap().clone()));
    assert_eq!(head.active().map(|a| (&a.request, a.claim, a.attempts)), Some((&one, token("again"), 2)));
    assert_eq!(head.pending(), Some(&two));
}

#[test]
fn duplicate_of_a_pending_upload_without_active_one_claims_it() {
    let (head, one, two) = waited_for();
    let (head, _) = head.commits("one", &arrived(&one, "6", "A"), None);
    let (head, then) = head.accepts(&two, &me("again", 30));
    assert_eq!(then, Next::Work(head.active().unwrap().clone()));
    assert_eq!(head.active().map(|a| (&a.request, a.attempts)), Some((&two, 1)));
    assert_eq!(head.pending(), None);
}

#[test]
fn duplicate_of_an_ended_deployment_changes_nothing() {
    let one = upload("1", 10);
    let head = Head::default().deploys(&one, "6");
    assert_eq!(head.answers(&one, &me("again", 900)), Next::Finished(one.id));
    assert_eq!(head.flushes().answers(&one, &me("again", 900)), Next::Finished(one.id));
    let (refused, then) = head.refuses(&upload("2", 20), &me("two", 20));
    assert_eq!(then, Next::Finished(upload("2", 20).id));
    let again = accept(&refused, &upload("2", 20), &at(), rules(Some(&refusal())), &me("again", 30));
    assert_eq!(again, Transition { head: None, then });
}

#[test]
fn upload_in_another_event_keeps_the_id_in_the_head() {
    let (head, one, two) = waited_for();
    for late in [19, 21, 99] {
        let other_door = upload("2", late);
        assert_ne!(other_door.id, two.id);
        let then = head.answers(&other_door, &me("again", 99));
        assert_eq!(then, waits(&two, Status::Pending, head.active().unwrap()), "neither superseded nor a newer one");
    }
    let then = head.answers(&upload("1", 50), &me("again", 99));
    assert_eq!(then, waits(&one, Status::InProgress, head.active().unwrap()));
    let ended = head.commits("one", &arrived(&one, "6", "A"), None).0;
    assert_eq!(ended.answers(&upload("1", 50), &me("again", 99)), Next::Finished(one.id));
}

#[test]
fn older_upload_is_superseded() {
    let (head, one) = worked_on();
    let zero = upload("0", 9);
    let (head, then) = head.accepts(&zero, &me("zero", 11));
    assert_eq!(then, Next::Finished(zero.id));
    let because = "dev/orders/1.zip, uploaded later, was accepted before it";
    assert_eq!(head.because(&zero), (Status::Superseded, because));
    assert_eq!(head.record_of(&zero).code, Some(Code::Superseded));
    assert_eq!(head.record_of(&zero).finished_at, Some(second(11)));
    assert!(head.record_of(&zero).targets.iter().all(|target| target.status == Status::Superseded));
    assert_eq!(head.newest.mark, Some(mark_of(&one)));
    assert_eq!((head.active().unwrap().claim, head.pending()), (token("one"), None));
}

#[test]
fn upload_older_than_a_pending_or_failed_one_is_superseded() {
    let (waiting, one, _) = waited_for();
    let between = upload("between", 15);
    let (head, _) = waiting.accepts(&between, &me("x", 21));
    assert_eq!(head.record_of(&between).status, Status::Superseded);
    let (failed, _) = worked_on().0.commits("one", &half_arrived(&one, "6", "A"), None);
    let (head, _) = failed.accepts(&upload("0", 9), &me("x", 21));
    assert_eq!(head.record_of(&upload("0", 9)).status, Status::Superseded);
}

#[test]
fn older_upload_whose_artifact_is_live_is_unchanged() {
    let one = upload("1", 10);
    let mut head = Head::default().deploys(&one, "6").flushes();
    let (failing, _) = head.accepts(&upload("2", 20), &me("two", 20));
    let failed = ends(&upload("2", 20), "A", |outcome| outcome.status = Status::Failed);
    head = failing.commits("two", &failed, None).0.flushes();
    for number in 0..REQUESTS {
        head = head.refuses(&upload(&format!("x{number}"), 30), &me("x", 30)).0.flushes();
    }
    let (head, then) = head.accepts(&one, &me("again", 40));
    assert_eq!(then, Next::Finished(one.id));
    let record = head.record_of(&one);
    assert_eq!((record.status, record.code, &record.because), (Status::Unchanged, None, &None));
    assert_eq!(record.artifact.as_ref().unwrap().sha256, Some(Sha256::of(b"dev/orders/1.zip")));
    let outcomes: Vec<_> = record.targets.iter().map(|t| (t.status, t.version.as_ref().unwrap().as_str())).collect();
    assert_eq!(outcomes, [(Status::Unchanged, "6"), (Status::Unchanged, "6")]);
    assert_eq!(head.live().unwrap().since, second(1_000), "what is live stays as it is");
}

#[test]
fn of_two_uploads_at_one_time_the_greater_key_is_later() {
    let (a, b) = (upload("a", 10), upload("b", 10));
    let head = Head::default().accepts(&a, &me("a", 10)).0;
    let (head, _) = head.accepts(&b, &me("b", 10));
    assert_eq!(head.pending(), Some(&b));
    let head = Head::default().accepts(&b, &me("b", 10)).0;
    let (head, then) = head.accepts(&a, &me("a", 10));
    assert_eq!((then, head.record_of(&a).status), (Next::Finished(a.id), Status::Superseded));
}

#[test]
fn same_key_at_one_time_goes_by_sequencer_then_version() {
    let again = |version: &str, sequencer: Option<&str>| {
        let mut request = as_version(upload("1", 10), version, sequencer);
        request.hash = RequestHash::of(&[version]);
        request.id = DeploymentId::of(request.time, request.hash);
        request
    };
    for (earlier, later) in [
        (again("v2", Some("0A")), again("v1", Some("0B"))),
        (again("v1", None), again("v2", Some("0A"))),
        (again("v1", Some("0A0")), again("v2", Some("0A"))),
    ] {
        let (head, _) = Head::default().accepts(&earlier, &me("a", 10)).0.accepts(&later, &me("b", 10));
        assert_eq!(head.pending(), Some(&later));
        let (head, _) = Head::default().accepts(&later, &me("b", 10)).0.accepts(&earlier, &me("a", 10));
        assert_eq!(head.record_of(&earlier).status, Status::Superseded);
    }
}

#[test]
fn newer_upload_waits_for_the_active_one() {
    let (head, one, two) = waited_for();
    let (_, then) = worked_on().0.accepts(&two, &me("two", 20));
    assert_eq!(then, waits(&two, Status::Pending, head.active().unwrap()));
    assert_eq!(head.active().map(|a| (&a.request, a.claim, a.attempts)), Some((&one, token("one"), 1)));
    assert_eq!((head.pending(), head.newest.mark.as_ref()), (Some(&two), Some(&mark_of(&two))));
}

#[test]
fn newer_upload_displaces_the_pending_one_which_names_it() {
    let (head, one, two) = waited_for();
    let three = upload("3", 30);
    let (head, then) = head.accepts(&three, &me("three", 30));
    assert_eq!(then, waits(&three, Status::Pending, head.active().unwrap()));
    assert_eq!((head.pending(), &head.active().unwrap().request), (Some(&three), &one));
    let because = "release 3, uploaded later, took its place before its turn came";
    assert_eq!(head.because(&two), (Status::Superseded, because));
    assert_eq!(head.answers(&two, &me("again", 31)), Next::Finished(two.id));
}

#[test]
fn pending_upload_without_active_one_is_displaced_by_a_newer_one() {
    let (head, one, two) = waited_for();
    let (head, _) = head.commits("one", &arrived(&one, "6", "A"), None);
    let three = upload("3", 30);
    let (head, then) = head.accepts(&three, &me("three", 30));
    assert_eq!(then, Next::Work(head.active().unwrap().clone()));
    assert_eq!((&head.active().unwrap().request, head.pending()), (&three, None));
    assert_eq!(head.record_of(&two).status, Status::Superseded);
}

#[test]
fn deployment_with_dead_owner_is_resumed_before_a_newer_upload() {
    let (head, one, two) = waited_for();
    let three = upload("3", 30);
    let (head, then) = head.accepts(&three, &me("three", 110));
    assert_eq!(then, Next::Work(head.active().unwrap().clone()));
    assert_eq!(head.active().map(|a| (&a.request, a.claim, a.attempts)), Some((&one, token("three"), 2)));
    assert_eq!((head.pending(), head.record_of(&two).status), (Some(&three), Status::Superseded));
}

#[test]
fn refusal_is_recorded_and_touches_nothing_else() {
    let (head, _, two) = waited_for();
    let three = upload("3", 30);
    let (refused, then) = head.refuses(&three, &me("three", 110));
    assert_eq!(then, Next::Finished(three.id));
    assert_eq!(refused.because(&three), (Status::Refused, "takes no uploads"));
    assert_eq!(refused.record_of(&three).code, Some(Code::UploadsNotAccepted));
    assert_eq!(refused.newest.mark, Some(mark_of(&two)), "an upload between them still is newer than the mark");
    assert_eq!((refused.active(), refused.pending()), (head.active(), head.pending()));
    assert_eq!((refused.history(), &refused.live_state.targets), (head.history(), &head.live_state.targets));
    let older = upload("0", 5);
    assert_eq!(head.refuses(&older, &me("x", 30)).0.record_of(&older).status, Status::Refused, "whatever its time");
}

#[test]
fn acquire_resumes_a_deployment_with_dead_owner() {
    let (head, one, two) = waited_for();
    assert!(!has_work(&head, second(109)));
    assert_eq!(acquire(&head, &at(), &me("w", 109)), Transition { head: None, then: Next::Nothing });
    assert!(has_work(&head, second(110)));
    let (head, then) = head.acquires(&me("w", 110));
    assert_eq!(then, Next::Work(head.active().unwrap().clone()));
    assert_eq!(head.active().map(|a| (&a.request, a.claim, a.attempts)), Some((&one, token("w"), 2)));
    assert_eq!((head.active().unwrap().lease_until, head.pending()), (second(210), Some(&two)));
}

#[test]
fn acquire_claims_a_pending_upload_without_active_one() {
    let (head, one, two) = waited_for();
    let (head, _) = head.commits("one", &arrived(&one, "6", "A"), None);
    assert!(has_work(&head, second(30)));
    let (head, then) = head.acquires(&me("w", 30));
    assert_eq!(then, Next::Work(head.active().unwrap().clone()));
    assert_eq!(head.active().map(|a| (&a.request, a.claim, a.attempts)), Some((&two, token("w"), 1)));
    assert_eq!(head.pending(), None);
}

#[test]
fn acquire_finds_nothing_where_nothing_is_open() {
    for head in [Head::default(), Head::default().deploys(&upload("1", 10), "6")] {
        assert!(!has_work(&head, second(900)));
        assert_eq!(acquire(&head, &at(), &me("w", 900)), Transition { head: None, then: Next::Nothing });
    }
}

#[test]
fn own_write_whose_reply_was_lost_is_recognised() {
    let (one, two) = (upload("1", 10), upload("2", 20));
    let (claimed, then) = Head::default().accepts(&one, &me("one", 10));
    // The reply may come so late that the lease is over. The head does not decide whether to go on.
    for now in [10, 500] {
        let own_write = accept(&claimed, &one, &at(), rules(None), &Claimant { now: second(now), ..me("one", 10) });
        assert_eq!(own_write, Transition { head: None, then: then.clone() });
    }
    let waiting = claimed.accepts(&two, &me("two", 20)).0;
    assert_eq!(waiting.answers(&two, &me("two", 20)), waits(&two, Status::Pending, claimed.active().unwrap()));
    let (succeeded, then) = waiting.accepts(&upload("3", 30), &me("three", 110));
    assert_eq!(succeeded.answers(&upload("3", 30), &me("three", 110)), then, "on what the dead owner has left");
    let (woken, then) = waiting.acquires(&me("w", 110));
    for now in [110, 500] {
        let own_write = acquire(&woken, &at(), &Claimant { now: second(now), ..me("w", 110) });
        assert_eq!(own_write, Transition { head: None, then: then.clone() });
    }
}

#[test]
fn upload_open_while_many_came_is_known_after_its_end() {
    let (mut head, one, two) = waited_for();
    for number in 0..REQUESTS {
        let other = upload(&format!("x{number}"), 30);
        head = head.refuses(&other, &me("x", 30)).0.flushes();
    }
    let then = head.answers(&two, &me("again", 40));
    assert_eq!(then, waits(&two, Status::Pending, head.active().unwrap()));
    let (head, _) = head.commits("one", &arrived(&one, "6", "A"), None);
    assert_eq!(head.answers(&one, &me("again", 40)), Next::Finished(one.id));
    assert_eq!(head.answers(&upload("1", 11), &me("again", 40)), Next::Finished(one.id), "through another door, too");
    let (head, _) = head.accepts(&upload("3", 30), &me("three", 40));
    assert_eq!(head.answers(&two, &me("again", 40)), Next::Finished(two.id), "displaced, and known");
    assert_eq!((head.outbox().len(), head.known.requests.len()), (2, REQUESTS));
}

#[test]
fn of_three_uploads_the_same_one_stays_in_any_order() {
    let upload_at = |release: &str, millis: i64, sequencer: &str| {
        let time = Timestamp::from_millisecond(millis).unwrap();
        let request = as_version(upload(release, 0), sequencer, Some(sequencer));
        Request { time, id: DeploymentId::of(time, request.hash), ..request }
    };
    // Two come by S3, and one by EventBridge, which gives the start of its second.
    let (a, b, c) = (upload_at("a", 10_200, "02"), upload_at("b", 10_000, "03"), upload_at("c", 10_100, "01"));
    for order in [[&a, &b, &c], [&a, &c, &b], [&b, &a, &c], [&b, &c, &a], [&c, &a, &b], [&c, &b, &a]] {
        let name = |upload: &Request| me(upload.source.release().unwrap().as_str(), 11);
        let head = order.iter().fold(Head::default(), |head, upload| head.accepts(upload, &name(upload)).0);
        let last = head.pending().or(head.active().map(|active| &active.request));
        assert_eq!(last, Some(&a));
    }
}

#[test]
fn deployment_given_up_untouched_makes_way_for_a_newer_one() {
    let (one, two) = (upload("1", 10), upload("2", 20));
    let (head, _) = Head::default().accepts(&one, &me("one", 10));
    // The newer upload waits already, or it comes now.
    let waits = head.accepts(&two, &me("two", 20)).0.gives_up("one", 30).unwrap();
    let (woken, then) = waits.acquires(&me("three", 40));
    assert!(matches!(then, Next::Work(active) if active.request == two));
    let (taken, then) = head.gives_up("one", 30).unwrap().accepts(&two, &me("two", 40));
    assert!(matches!(then, Next::Work(active) if active.request == two));
    for head in [woken, taken] {
        let because = "release 2, uploaded later, took its place before it had written anything";
        assert_eq!((head.because(&one), head.pending()), ((Status::Superseded, because), None));
    }
    // If it is alone, it is tried again.
    let (_, then) = head.gives_up("one", 30).unwrap().acquires(&me("three", 40));
    assert!(matches!(then, Next::Work(active) if active.request == one && active.attempts == 1));
}
