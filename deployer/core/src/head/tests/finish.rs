//! The owner of a claim finishes its deployment, or gives it up.

use super::*;

/// Release 1 is live at version 6, and release 2 is worked on until second 120.
fn replacing() -> (Head, Request) {
    let two = upload("2", 20);
    let head = Head::default().deploys(&upload("1", 10), "6").flushes();
    (head.accepts(&two, &me("two", 20)).0, two)
}

fn variables(head: &Head, number: usize) -> Vec<&str> {
    head.target(target(number)).unwrap().managed.variables.iter().map(String::as_str).collect()
}

#[test]
fn deployment_that_arrived_everywhere_is_live() {
    let (head, two) = replacing();
    let end = arrived(&two, "7", "B");
    let (head, next) = head.commits("two", &end, Some(&me("next", 30)));
    assert_eq!((next, head.active()), (None, None));
    let live = head.live().unwrap();
    assert_eq!((live.release.as_str(), live.deployment, &live.artifact), ("2", two.id, &artifact_of(&two)));
    assert_eq!((live.sha256, live.since), (Some(Sha256::of(b"dev/orders/2.zip")), second(1_000)));
    let versions = [("111111111111/eu-west-1", "7"), ("111111111111/us-east-1", "7")];
    assert_eq!(live.versions, versions.map(|(at, number)| (at.to_owned(), version(number))).into());
    let history: Vec<_> = head.history().iter().map(|live| live.release.as_str()).collect();
    assert_eq!(history, ["2", "1"]);
    for number in [0, 1] {
        let there = head.target(target(number)).unwrap();
        assert_eq!((there.version.as_ref().unwrap().as_str(), there.deployment), ("7", Some(two.id)));
        assert_eq!((there.release.as_ref(), there.sha256), (two.source.release(), live.sha256));
        assert_eq!(variables(&head, number), ["B"]);
    }
    assert_eq!((head.record_of(&two), head.outbox().len()), (&end.record, 1));
    assert_eq!((head.ended.ids[0], head.newest.mark.as_ref()), (two.id, Some(&mark_of(&two))));
}

#[test]
fn failed_deployment_is_live_where_it_has_reached_a_target() {
    let (head, two) = replacing();
    let end = half_arrived(&two, "7", "B");
    let (head, _) = head.commits("two", &end, None);
    assert_eq!((head.live().unwrap().release.as_str(), head.live().unwrap().complete), ("2", false));
    assert_eq!((head.history().len(), head.active(), head.record_of(&two)), (2, None, &end.record));
    let (reached, missed) = (head.target(target(0)).unwrap(), head.target(target(1)).unwrap());
    assert_eq!((reached.version.as_ref().unwrap().as_str(), reached.release.as_ref()), ("7", two.source.release()));
    assert_eq!((missed.version.as_ref().unwrap().as_str(), missed.release.as_ref().unwrap().as_str()), ("6", "1"));
    assert_eq!(variables(&head, 0), ["B"]);
    assert_eq!(variables(&head, 1), ["A", "B"], "it may have set these before it failed");
}

#[test]
fn refused_active_deployment_leaves_everything() {
    let (head, two) = replacing();
    let record = at().record(&two, Status::InProgress).ended(refusal(), second(30));
    let (after, _) = head.commits(
        "two",
        &DeploymentEnd {
            record,
            managed: Some(ManagedKeys::default()),
            written: [].into(),
            kept: [].into(),
            doors: vec![],
            provisioned: [].into(),
            start_unpublished: false,
        },
        None,
    );
    assert_eq!((after.history(), &after.live_state.targets), (head.history(), &head.live_state.targets));
    assert_eq!((after.active(), after.record_of(&two).status), (None, Status::Refused));
}

#[test]
fn live_artifact_is_not_twice_in_the_history() {
    let (head, two) = replacing();
    let unchanged = ends(&two, "B", |outcome| {
        outcome.status = Status::Unchanged;
        outcome.version = Some(version("6"));
    });
    let (head, _) = head.commits("two", &unchanged, None);
    assert_eq!(head.history().len(), 2, "another artifact with the same bytes is another artifact");
    assert_eq!(variables(&head, 0), ["B"]);
    let former = head.live().unwrap().deployment;
    let again = Request { hash: RequestHash::of(&["command"]), time: second(30), ..two };
    let again = Request { id: DeploymentId::of(again.time, again.hash), ..again };
    // A command brings it, for an upload of it would meet the mark.
    let active = Active::first(again.clone(), &at(), &me("again", 30));
    let mut head = head.next();
    head.queue.active = Some(active);
    let mut end = arrived(&again, "8", "C");
    end.record.finished_at = Some(second(2_000));
    let (head, _) = head.commits("again", &end, None);
    assert_eq!(head.history().len(), 2);
    let live = head.live().unwrap();
    assert_eq!((live.deployment, live.since), (former, second(1_000)), "it stays what it was");
    assert_eq!(live.versions.values().next(), Some(&version("8")));
}

#[test]
fn finish_with_claimant_claims_the_pending_one() {
    let (head, two) = replacing();
    let three = upload("3", 30);
    let (head, _) = head.accepts(&three, &me("three", 30));
    let (head, next) = head.commits("two", &arrived(&two, "7", "B"), Some(&me("next", 40)));
    let next = next.unwrap();
    assert_eq!((&next.request, next.claim, next.attempts), (&three, token("next"), 1));
    assert_eq!(next.lease_until, second(140));
    assert_eq!((head.active(), head.pending()), (Some(&next), None));
}

#[test]
fn finish_without_claimant_leaves_the_pending_one() {
    let (head, two) = replacing();
    let three = upload("3", 30);
    let (head, _) = head.accepts(&three, &me("three", 30));
    let (head, next) = head.commits("two", &arrived(&two, "7", "B"), None);
    assert_eq!((next, head.active(), head.pending()), (None, None, Some(&three)));
    assert!(has_work(&head, second(40)));
}

#[test]
fn former_owner_cannot_finish() {
    let (head, two) = replacing();
    let end = arrived(&two, "7", "B");
    let (head, _) = head.acquires(&me("w", 120));
    assert_eq!(finish(&head, token("two"), &end, &at(), Some(&me("next", 130))), Finish::Lost);
    let (head, _) = head.commits("w", &end, None);
    assert_eq!(finish(&head, token("two"), &end, &at(), Some(&me("next", 130))), Finish::Over { next: None });
    let (head, _) = head.accepts(&upload("3", 30), &me("three", 130));
    assert_eq!(finish(&head, token("two"), &end, &at(), Some(&me("next", 130))), Finish::Over { next: None });
}

#[test]
fn owner_with_ended_lease_finishes_until_somebody_resumes() {
    let (head, two) = replacing();
    let (head, _) = head.commits("two", &arrived(&two, "7", "B"), Some(&me("next", 500)));
    assert_eq!(head.live().unwrap().release.as_str(), "2");
}

#[test]
fn own_finish_whose_reply_was_lost_is_recognised() {
    let (head, two) = replacing();
    let end = arrived(&two, "7", "B");
    let (alone, _) = head.commits("two", &end, Some(&me("next", 40)));
    assert_eq!(finish(&alone, token("two"), &end, &at(), Some(&me("next", 40))), Finish::Over { next: None });
    let waited = head.accepts(&upload("3", 30), &me("three", 30)).0;
    let (claimed, next) = waited.commits("two", &end, Some(&me("next", 40)));
    assert!(next.is_some());
    assert_eq!(finish(&claimed, token("two"), &end, &at(), Some(&me("next", 40))), Finish::Over { next });
    assert_eq!(finish(&claimed, token("two"), &end, &at(), None), Finish::Over { next: None });
}

#[test]
fn claim_is_given_up_once_and_only_by_its_owner() {
    let (head, two) = replacing();
    assert_eq!(head.gives_up("other", 30), None);
    let released = head.gives_up("two", 30).unwrap();
    assert_eq!((released.revision, released.active().unwrap().lease_until), (head.revision + 1, second(30)));
    assert!(has_work(&released, second(30)) && !has_work(&released, second(29)));
    assert_eq!(released.gives_up("two", 30), None);
    assert_eq!(released.gives_up("two", 31), None);
    let (taken, _) = released.accepts(&two, &me("w", 30));
    assert_eq!(taken.gives_up("two", 30), None, "it is somebody else's now");
    assert_eq!(Head::default().gives_up("two", 30), None);
}

#[test]
fn version_served_before_the_deployer_is_known_from_first_end() {
    let (head, _) = Head::default().accepts(&upload("1", 10), &me("one", 10));
    let seen = head.sees(target(0), "3").unwrap();
    assert_eq!((seen.revision, seen.live_state.targets.len()), (head.revision + 1, 0));
    assert_eq!(seen.sees(target(0), "4"), None);
    assert!(seen.sees(target(1), "4").is_some());
    let (ended, _) = seen.commits("one", &arrived(&upload("1", 10), "5", "A"), None);
    let [first, second] = [0, 1].map(|number| ended.target(target(number)).unwrap());
    assert_eq!((first.before.as_ref(), first.version.as_ref()), (Some(&version("3")), Some(&version("5"))));
    assert_eq!((second.before.as_ref(), second.version.as_ref()), (None, Some(&version("5"))));
    let (failed, _) = seen.commits("one", &half_arrived(&upload("1", 10), "5", "A"), None);
    assert!(failed.target(target(1)).is_some_and(|there| there.version.is_none()), "nothing was seen there");
}

#[test]
fn only_written_entries_leave_the_outbox() {
    let (head, two) = replacing();
    let (head, _) = head.commits("two", &arrived(&two, "7", "B"), None);
    let zero = upload("0", 5);
    let (head, _) = head.accepts(&zero, &me("zero", 40));
    let less = with_side_effects_done(&head, &done(&[two.id])).unwrap();
    assert_eq!((less.revision, less.outbox().len()), (head.revision + 1, 1));
    assert_eq!(less.record_of(&zero).status, Status::Superseded);
    assert_eq!(with_side_effects_done(&less, &done(&[two.id])), None, "the head knows already");
    assert_eq!(with_side_effects_done(&less, &[]), None);
    assert_eq!(with_side_effects_done(&less, &done(&[zero.id, two.id])).unwrap().outbox(), []);
    assert_eq!(less.answers(&two, &me("x", 50)), Next::Finished(two.id), "and is known all the same");
}

#[test]
fn owner_that_gives_up_in_good_order_is_not_counted() {
    let (head, two) = replacing();
    let untouched = release_claim(&head, token("two"), ClaimRelease::Untouched, second(30)).unwrap();
    let active = untouched.active().unwrap();
    assert_eq!((active.attempts, active.extensions, active.lease_until), (0, 0, second(30)));
    let done = half_arrived(&two, "7", "B").record.targets;
    let written = [target(1).clone()].into();
    let left = Handover { done: done.clone(), written, ..Handover::default() };
    let saved = release_claim(&head, token("two"), ClaimRelease::OutOfTime(&left), second(30)).unwrap();
    let active = saved.active().unwrap();
    assert_eq!((active.attempts, active.extensions, &active.done), (0, 1, &done));
    assert!(release_claim(&saved, token("two"), ClaimRelease::Untouched, second(31)).is_none(), "given up once");
    let (taken_over, _) = saved.acquires(&me("three", 40));
    let active = taken_over.active().unwrap();
    assert_eq!((&active.done, &active.written), (&done, &left.written), "what is done stays done");
}

#[test]
fn owner_that_gives_up_a_begun_deployment_is_counted() {
    let (head, _) = replacing();
    let given_up = |head: &Head, claim: &str, now| {
        release_claim(head, token(claim), ClaimRelease::Untouched, second(now)).unwrap()
    };
    // The first owner has died, or its time was up.
    let died = head.acquires(&me("a", 120)).0;
    let left = Handover::default();
    let saved = release_claim(&head, token("two"), ClaimRelease::OutOfTime(&left), second(30))
        .unwrap()
        .acquires(&me("a", 120))
        .0;
    for (mut head, attempts) in [(died, 2), (saved, 1)] {
        for number in 0..3 {
            head = given_up(&head, ["a", "b", "c"][number], 130);
            assert_eq!(head.active().unwrap().attempts, attempts + u32::try_from(number).unwrap());
            head = head.acquires(&me(["b", "c", "d"][number], 130)).0;
        }
    }
}

#[test]
fn owner_that_has_tried_nothing_is_not_counted_after_a_death() {
    let (head, two) = replacing();
    let mut head = head.acquires(&me("a", 120)).0;
    for (claim, next) in [("a", "b"), ("b", "c"), ("c", "d")] {
        head = release_claim(&head, token(claim), ClaimRelease::Untried, second(130)).unwrap();
        let active = head.active().unwrap();
        assert_eq!((active.request.id, active.attempts), (two.id, 1), "the owner that died");
        head = head.acquires(&me(next, 130)).0;
        assert!(head.active().unwrap().is_begun(), "the dead owner may have written anything");
    }
}

#[test]
fn keys_set_by_earlier_owners_are_remembered_after_a_failure() {
    let (head, two) = replacing();
    let fails = |written: &[usize]| {
        let mut end = half_arrived(&two, "7", "B");
        for outcome in &mut end.record.targets {
            (outcome.status, outcome.version) = (Status::Failed, None);
        }
        DeploymentEnd { written: written.iter().map(|number| target(*number).clone()).collect(), ..end }
    };
    let remembers = |head: &Head, claim: &str, written: &[usize]| {
        let head = head.commits(claim, &fails(written), None).0;
        [0, 1].map(|number| variables(&head, number).contains(&"B"))
    };
    let saves = |head: &Head, claim: &str, done: &[TargetOutcome], written: &[usize]| {
        let written = written.iter().map(|number| target(*number).clone()).collect();
        let left = Handover { done: done.to_vec(), written, ..Handover::default() };
        release_claim(head, token(claim), ClaimRelease::OutOfTime(&left), second(130)).unwrap()
    };
    let saves_first = |done: &[TargetOutcome], written: &[usize]| {
        let written = written.iter().map(|number| target(*number).clone()).collect();
        let left = Handover { done: done.to_vec(), written, ..Handover::default() };
        release_claim(&head, token("two"), ClaimRelease::OutOfTime(&left), second(30)).unwrap()
    };
    let first_done = &fails(&[]).record.targets[..1];
    assert_eq!(remembers(&head, "two", &[]), [false, false]);
    // The first owner's time was up.
    let saved = saves_first(first_done, &[]);
    assert_eq!(remembers(&saved.acquires(&me("a", 30)).0, "a", &[1]), [false, true]);
    let saved = saves_first(first_done, &[0]);
    assert_eq!(remembers(&saved.acquires(&me("a", 30)).0, "a", &[]), [true, false]);
    // The first owner has died, and may have written anything; the second owner was done with a target.
    let died = head.acquires(&me("a", 120)).0;
    assert_eq!(remembers(&died, "a", &[]), [true, true]);
    let saved = saves(&died, "a", first_done, &[]).acquires(&me("b", 130)).0;
    assert_eq!(remembers(&saved, "b", &[]), [true, true]);
    // The first owner was done with a target, and the second owner has died.
    let saved = saves_first(first_done, &[]);
    let died = saved.acquires(&me("a", 30)).0.acquires(&me("b", 130)).0;
    assert_eq!(remembers(&died, "b", &[]), [false, true]);
}

#[test]
fn keys_that_a_failed_deployment_never_wrote_are_not_remembered() {
    for (written, remembered) in [(vec![], false), (vec![target(0).clone()], true)] {
        let one = upload("1", 10);
        let (head, _) = Head::default().accepts(&one, &me("one", 10));
        let mut end = half_arrived(&one, "7", "B");
        end.record.targets.iter_mut().for_each(|outcome| {
            outcome.status = Status::Failed;
            outcome.version = None;
        });
        end.written = written.into_iter().collect();
        let (head, _) = head.commits("one", &end, None);
        let there = head.target(target(0));
        assert_eq!(there.is_some_and(|there| there.managed.variables.contains("B")), remembered);
        assert!(there.is_none_or(|there| there.version.is_none()), "it is not live");
        assert!(head.target(target(1)).is_none());
    }
}
