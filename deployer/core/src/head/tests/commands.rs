//! Commands: their place in the order, the deployments that they ask to stop, and the artifacts that they are about.
//! Holds.

use super::*;
use crate::hold_and_reject::{Hold, Reject};
use crate::rejects::{RejectVerb, Rejects};

/// Releases 1, 2 and 3 were live, the newest first.
pub(super) fn three() -> Head {
    let uploads = [("1", 10, "6"), ("2", 20, "7"), ("3", 30, "8")];
    let deploys = |head: Head, (release, time, number): (&str, i64, &str)| {
        let request = upload(release, time);
        let (claimed, _) = head.accepts(&request, &me("deploys", time));
        let mut end = arrived(&request, number, "A");
        end.record.finished_at = Some(second(time + 1));
        claimed.commits("deploys", &end, None).0.flushes()
    };
    uploads.into_iter().fold(Head::default(), deploys)
}

pub(super) fn redeploy(id: &str, time: i64) -> Request {
    command(id, CauseKind::Redeploy, Source::Live { of: None }, time)
}

pub(super) fn back_to(id: &str, release: &str, time: i64) -> Request {
    command(id, CauseKind::Rollback, Source::Earlier(Rollback::to(Some(Release::parse(release).unwrap()))), time)
}

pub(super) fn releases(lives: &[LiveArtifact]) -> Vec<&str> {
    lives.iter().map(|live| live.release.as_str()).collect()
}

pub(super) fn rejecting(all: &[&str]) -> Rejects {
    let with = |rejects: Rejects, release: &&str| match rejects.with(
        reject(release),
        &at().function,
        (RejectVerb::Reject, release),
    ) {
        Some(CommandEffect::Write(rejects)) => *rejects,
        other => panic!("{other:?}"),
    };
    all.iter().fold(Rejects::default(), with)
}

fn reject(release: &str) -> Reject {
    let release = Release::parse(release).unwrap();
    let requested_by = Some("ann".to_owned());
    Reject {
        release,
        sha256: vec![],
        reason: "it leaks".into(),
        requested_by: requested_by.map(Into::into),
        principal: None,
        unproven: None,
        since: second(40),
    }
}

impl Head {
    /// Accepts a command, resolves its artifact, and ends it well.
    pub(super) fn obeys(&self, request: &Request, number: &str) -> Self {
        self.ends_command(request, number, false)
    }

    fn chooses(&self, to: Option<&str>, rejects: &[&str]) -> Result<String, Ending> {
        let to = to.map(|release| Release::parse(release).unwrap());
        let resolved = resolve_artifact(self, &Source::Earlier(Rollback::to(to)), targets(), &rejecting(rejects))?;
        assert!(!resolved.versions.is_empty(), "it goes back to the versions that served it");
        Ok(resolved.release.to_string())
    }

    fn because_not(&self, to: Option<&str>, rejects: &[&str]) -> (Code, String) {
        match self.chooses(to, rejects) {
            Err(Ending::Refused { code, because }) => (code, because),
            other => panic!("{other:?}"),
        }
    }

    fn holds(&self, reason: &str, id: &str) -> Self {
        let CommandEffect::Write(head) = hold(self, hold_for(reason), &at(), id, second(50)) else {
            panic!("carried out before")
        };
        assert_eq!(head.revision, self.revision + 1);
        *head
    }

    fn without_the_hold(&self, id: &str) -> Self {
        match release_hold(self, &at(), id) {
            Some(CommandEffect::Write(head)) => *head,
            other => panic!("{other:?}"),
        }
    }
}

fn reused(id: &str) -> CommandEffect<Head> {
    CommandEffect::Reused { id: id.to_owned() }
}

fn hold_for(reason: &str) -> Hold {
    Hold { reason: reason.into(), requested_by: Some("ann".into()), principal: None, unproven: None, since: second(50) }
}

#[test]
fn upload_older_than_a_command_comes_too_late_under_any_key() {
    let (head, _) = three().accepts(&rollback("r", 50), &me("r", 50));
    let of_its_key = as_version(upload("3", 49), "v2", Some("FF"));
    let of_its_key = Request { hash: RequestHash::of(&["v2"]), ..of_its_key };
    for late in [upload("4", 49), of_its_key] {
        let (head, then) = head.accepts(&late, &me("late", 51));
        assert_eq!(then, Next::Finished(late.id));
        assert_eq!(
            head.because(&late),
            (
                Status::Superseded,
                "a command or promotion that was given later, at 1970-01-01T00:00:50Z, was accepted before it"
            )
        );
        assert_eq!(head.all_pending(), []);
    }
    let after = upload("4", 51);
    assert_eq!(head.accepts(&after, &me("after", 51)).0.pending(), Some(&after));
}

#[test]
fn upload_older_than_a_command_is_late_despite_greater_sequencer() {
    let first = as_version(upload("1", 10), "v1", Some("01"));
    let head = Head::default().deploys(&first, "6").flushes();
    let (head, _) = head.accepts(&back_to("d", "1", 50), &me("d", 50));
    let mut again = as_version(upload("1", 40), "v2", Some("02"));
    again.hash = RequestHash::of(&["again"]);
    let (head, then) = head.accepts(&again, &me("again", 51));
    assert_eq!((then, head.record_of(&again).status), (Next::Finished(again.id), Status::Superseded));
}

#[test]
fn redeploy_outdates_no_upload() {
    let (head, _) = Head::default().deploys(&upload("1", 10), "6").flushes().accepts(&redeploy("d", 50), &me("d", 50));
    let on_its_way = upload("2", 40);
    assert_eq!(head.accepts(&on_its_way, &me("late", 51)).0.all_pending(), [on_its_way]);
}

#[test]
fn command_keeps_the_mark_and_the_floor_never_falls() {
    let (head, _) = three().accepts(&rollback("r", 60), &me("r", 60));
    let (head, _) = head.accepts(&rollback("s", 55), &me("s", 61));
    assert_eq!((&head.newest.mark, head.newest.floor), (&Some(mark_of(&upload("3", 30))), Some(second(60))));
}

#[test]
fn command_older_than_an_upload_keeps_its_mark() {
    let (head, _) = Head::default().accepts(&upload("1", 90), &me("one", 50));
    let (head, _) = head.accepts(&rollback("r", 60), &me("r", 60));
    assert_eq!(head.newest.mark.as_ref().unwrap().time, second(90));
}

#[test]
fn rollback_displaces_an_upload_and_a_deploy_displaces_a_rollback() {
    let (head, _) = three().accepts(&upload("4", 40), &me("four", 40));
    let (five, back) = (upload("5", 50), rollback("b", 60));
    let (head, _) = head.accepts(&five, &me("five", 50));
    let (head, then) = head.accepts(&back, &me("b", 60));
    let Next::Queued { request: waits, status: Status::Pending, .. } = then else { panic!("{then:?}") };
    assert_eq!((waits.id, head.all_pending()), (back.id, [waits].as_slice()));
    assert_eq!(
        head.because(&five),
        (Status::Superseded, "a rollback, asked for later, took its place before its turn came")
    );
    let six = upload("6", 70);
    let (head, _) = head.accepts(&six, &me("six", 70));
    assert_eq!(head.all_pending()[1], six, "an upload waits behind a rollback");
    let deploy = command("d", CauseKind::Deploy, Source::Newest { release: Release::parse("3").unwrap() }, 80);
    let (head, _) = head.accepts(&deploy, &me("d", 80));
    assert_eq!(head.all_pending(), std::slice::from_ref(&deploy));
    for displaced in [&back, &six] {
        assert_eq!(
            head.because(displaced),
            (Status::Superseded, "a command to deploy release 3, given later, took its place before its turn came")
        );
    }
}

#[test]
fn redeploy_displaces_nothing_and_waits_behind_all() {
    let (head, _) = three().accepts(&upload("4", 40), &me("four", 40));
    let (five, again) = (upload("5", 50), redeploy("d", 60));
    let (head, _) = head.accepts(&five, &me("five", 50));
    let (head, _) = head.accepts(&again, &me("d", 60));
    assert_eq!((&head.all_pending()[0], head.all_pending()[1].id), (&five, again.id));
    assert_eq!(head.active().unwrap().stop, None);
    // An upload whose event is still on its way is not outdated by it either; it takes the redeploy's place.
    let late = upload("6", 55);
    let (head, _) = head.accepts(&late, &me("late", 61));
    assert_eq!(head.all_pending(), [late]);
    assert_eq!(head.record_of(&again).status, Status::Superseded);
}

#[test]
fn pending_redeploy_is_joined_by_the_next_one() {
    let (head, _) = three().accepts(&upload("4", 40), &me("four", 40));
    let (first, second) = (redeploy("d", 50), redeploy("e", 60));
    let (head, _) = head.accepts(&first, &me("d", 50));
    let (head, then) = head.accepts(&second, &me("e", 60));
    assert!(matches!(then, Next::Queued { request, status: Status::Pending, .. } if request.id == first.id));
    assert_eq!((head.all_pending().len(), head.outbox().len()), (1, three().outbox().len()), "it displaces nothing");
    assert_eq!(head.id_of(&second), Some(first.id), "the same command again is answered with it too");
}

#[test]
fn redeploy_joins_no_active_one_and_none_of_another_artifact() {
    let (first, second) = (redeploy("d", 40), redeploy("e", 50));
    let (worked_on, _) = three().accepts(&first, &me("d", 40));
    let (head, _) = worked_on.accepts(&second, &me("e", 50));
    assert_eq!((head.active().unwrap().request.id, head.pending().unwrap().id), (first.id, second.id));
    // Another artifact has become live since the first of the redeploys that wait was asked for.
    let (head, _) = three().accepts(&upload("4", 40), &me("four", 40));
    let (head, _) = head.accepts(&upload("5", 41), &me("five", 41));
    let (head, _) = head.accepts(&redeploy("f", 50), &me("f", 50));
    let (head, _) = head.commits("four", &arrived(&upload("4", 40), "9", "A"), Some(&me("next", 60)));
    let (head, _) = head.accepts(&redeploy("g", 70), &me("g", 70));
    let waits: Vec<_> = head.all_pending().iter().map(|request| request.id).collect();
    assert_eq!(waits, [redeploy("f", 50).id, redeploy("g", 70).id]);
}

#[test]
fn redeploy_is_superseded_after_something_newer_reached_a_target() {
    let (head, _) = three().accepts(&upload("4", 40), &me("four", 40));
    let again = redeploy("d", 60);
    let (head, _) = head.accepts(&again, &me("d", 60));
    let (head, next) = head.commits("four", &half_arrived(&upload("4", 40), "9", "A"), Some(&me("next", 70)));
    let ending = resolve_artifact(&head, &next.unwrap().request.source, targets(), &Rejects::default()).unwrap_err();
    assert!(
        matches!(ending, Ending::Superseded { because, .. } if because.starts_with("release 4 was rolled out after"))
    );
}

#[test]
fn given_up_upload_yields_to_a_command_but_not_vice_versa() {
    let (one, back) = (upload("1", 10), rollback("r", 40));
    let given_up = Head::default().accepts(&one, &me("one", 10)).0.gives_up("one", 20).unwrap();
    let (head, then) = given_up.accepts(&back, &me("r", 40));
    assert!(matches!(then, Next::Work(active) if active.request.id == back.id && active.stop.is_none()));
    assert_eq!(head.record_of(&one).status, Status::Superseded);
    let (head, then) = head.gives_up("r", 50).unwrap().accepts(&upload("2", 60), &me("two", 60));
    assert!(matches!(then, Next::Work(active) if active.request.id == back.id), "first the command");
    assert_eq!(head.pending(), Some(&upload("2", 60)));
}

#[test]
fn rollback_stops_the_active_deployment_and_a_redeploy_does_not() {
    let (one, back) = (upload("4", 40), rollback("r", 50));
    let (worked_on, _) = three().accepts(&one, &me("one", 40));
    let (again, _) = worked_on.accepts(&redeploy("d", 50), &me("d", 50));
    assert_eq!(again.active().unwrap().stop, None, "a redeploy waits");
    let (head, _) = worked_on.accepts(&back, &me("r", 50));
    assert_eq!(head.active().unwrap().stop, Some(back.id));
    assert!(head.queue().is_held_by(token("one")), "it is its owner who stops");
    // The owner may have died: its successor knows as well.
    let (taken_over, then) = head.acquires(&me("w", 140));
    assert!(matches!(then, Next::Work(active) if active.request == one && active.stop == Some(back.id)));
    let (dead, then) = worked_on.accepts(&back, &me("r", 140));
    assert!(matches!(then, Next::Work(active) if active.request == one && active.stop == Some(back.id)));
    for (head, claim) in [(taken_over, "w"), (dead, "r")] {
        let (_, next) = head.commits(claim, &half_arrived(&one, "9", "A"), Some(&me("next", 150)));
        assert_eq!(next.as_ref().map(|next| (next.request.id, next.stop)), Some((back.id, None)));
    }
}

#[test]
fn command_is_known_by_its_id() {
    let back = rollback("r", 50);
    let head = three().obeys(&back, "7");
    let again = rollback("r", 60);
    assert_ne!(again.id, back.id);
    assert_eq!(head.answers(&again, &me("again", 60)), Next::Finished(back.id));
    let (_, then) = head.accepts(&rollback("s", 60), &me("s", 60));
    assert!(matches!(then, Next::Work(_)));
}

#[test]
fn hold_refuses_all_but_rollbacks_until_it_is_released() {
    let held = three().holds("black friday", "h");
    let because = "held by ann since 1970-01-01T00:00:50Z: black friday";
    for request in [upload("4", 60), redeploy("d", 60)] {
        let (head, then) = held.accepts(&request, &me("x", 60));
        assert_eq!((then, head.because(&request)), (Next::Finished(request.id), (Status::Refused, because)));
        assert_eq!((head.record_of(&request).code, &head.newest), (Some(Code::Held), &held.newest));
    }
    assert!(matches!(held.accepts(&rollback("r", 60), &me("r", 60)).1, Next::Work(_)));
    let still = held.holds("still", "i");
    assert_eq!(still.hold().unwrap().reason, "still");
    let free = still.without_the_hold("released");
    assert!(free.hold().is_none() && matches!(free.accepts(&upload("4", 60), &me("x", 60)).1, Next::Work(_)));
    assert_eq!(release_hold(&free, &at(), "released"), Some(CommandEffect::Duplicate));
    assert_eq!(release_hold(&free, &at(), "again"), None);
}

#[test]
fn hold_ends_pending_requests_and_the_active_deployment_goes_on() {
    let (one, two) = (upload("1", 10), upload("2", 40));
    let (head, _) = Head::default().accepts(&one, &me("one", 10));
    let (waiting, _) = head.accepts(&redeploy("d", 20), &me("d", 20));
    let held = waiting.holds("stop", "h");
    let again = redeploy("d", 20);
    assert_eq!((held.record_of(&again).status, held.record_of(&again).code), (Status::Refused, Some(Code::Held)));
    assert_eq!((held.all_pending(), &held.active().unwrap().request), ([].as_slice(), &one));
    let (waiting, _) = head.accepts(&rollback("r", 20), &me("r", 20));
    let held = waiting.accepts(&two, &me("two", 40)).0.holds("stop", "h");
    assert_eq!(held.all_pending().len(), 1);
    assert_eq!(held.all_pending()[0].id, rollback("r", 20).id, "going back is always possible");
    assert_eq!(held.commits("one", &arrived(&one, "6", "A"), None).0.live().unwrap().release.as_str(), "1");
}

#[test]
fn same_hold_again_does_nothing_while_it_stands() {
    let held = three().holds("stop", "h");
    let again = |head: &Head, reason: &str, id: &str| hold(head, hold_for(reason), &at(), id, second(70));
    assert_eq!(again(&held, "stop", "h"), CommandEffect::Duplicate);
    let still = held.holds("still", "i");
    assert_eq!(
        (again(&still, "stop", "h"), again(&still, "still", "i")),
        (CommandEffect::Duplicate, CommandEffect::Duplicate)
    );
    assert_eq!(again(&still, "other words", "i"), reused("i"), "other words are another command");
    let mut head = still;
    for number in 0..60 {
        head = head.holds("more", &number.to_string());
    }
    assert_eq!(head.known.carried_out.len(), 50);
}

#[test]
fn id_of_a_released_hold_is_refused() {
    let again = |head: &Head, id: &str| hold(head, hold_for("stop"), &at(), id, second(70));
    let free = three().holds("stop", "h").without_the_hold("free");
    assert_eq!(again(&free, "h"), reused("h"));
    let held = free.holds("once more", "i");
    assert_eq!(again(&held, "h"), reused("h"), "another hold stands");
    assert_eq!(
        release_hold(&held, &at(), "free"),
        Some(reused("free")),
        "and is not released by the same release again"
    );
    assert_eq!(release_hold(&held, &at(), "i"), Some(reused("i")), "nor by the id of the hold");
    assert_eq!(again(&held.without_the_hold("at last"), "at last"), reused("at last"));
}

#[test]
fn old_hold_stands_by_every_known_id() {
    let held = three().holds("stop", "h").without_the_hold("free").holds("stop", "i");
    let mut of_before = serde_json::to_value(&held).unwrap();
    of_before["hold"].as_object_mut().unwrap().remove("asked_by");
    let head: Head = serde_json::from_value(of_before.clone()).unwrap();
    assert_eq!(serde_json::to_value(&head).unwrap(), of_before);
    for id in ["h", "i"] {
        assert_eq!(hold(&head, hold_for("stop"), &at(), id, second(70)), CommandEffect::Duplicate);
    }
    assert_eq!(hold(&head.without_the_hold("r"), hold_for("stop"), &at(), "i", second(70)), reused("i"));
}

#[test]
fn rollback_walks_back_and_a_new_release_goes_on_there() {
    let head = three().obeys(&rollback("a", 50), "7");
    assert_eq!((releases(head.history()), releases(head.left())), (vec!["2", "1"], vec!["3"]));
    let head = head.obeys(&rollback("b", 60), "6");
    assert_eq!((releases(head.history()), releases(head.left())), (vec!["1"], vec!["2", "3"]));
    assert_eq!(head.because_not(None, &[]), (Code::NothingToRollBack, "nothing was live here before release 1".into()));
    let head = head.deploys(&upload("4", 70), "9").obeys(&rollback("c", 80), "6");
    assert_eq!((releases(head.history()), releases(head.left())), (vec!["1"], vec!["4", "2", "3"]));
    for number in [0, 1] {
        assert_eq!(head.target(target(number)).unwrap().version, Some(version("6")));
    }
    assert_eq!(Head::default().because_not(None, &[]).1, "nothing was ever live here");
}

#[test]
fn rollback_to_a_release_finds_artifacts_that_were_left() {
    let head = three().obeys(&back_to("a", "1", 50), "6");
    assert_eq!((releases(head.history()), releases(head.left())), (vec!["1"], vec!["3", "2"]));
    let head = head.obeys(&back_to("b", "3", 60), "8");
    assert_eq!((releases(head.history()), releases(head.left())), (vec!["3", "1"], vec!["2"]));
    assert_eq!(head.live().unwrap().since, second(61), "it is live anew");
    let (code, because) = head.because_not(Some("9"), &[]);
    assert_eq!(code, Code::NothingToRollBack);
    assert_eq!(because, "release 9 is not among the last that were live here (3, 1, 2)");
    assert_eq!(head.because_not(Some("1"), &["1"]).0, Code::Rejected);
    assert_eq!(
        Head::default().because_not(Some("1"), &[]).1,
        "release 1 is not among the last that were live here (nothing was)"
    );
}

#[test]
fn rollback_to_a_release_means_its_newest_artifact() {
    let again = |version: &str, time| {
        let mut request = as_version(upload("main", time), version, None);
        request.hash = RequestHash::of(&[version]);
        request.id = DeploymentId::of(request.time, request.hash);
        request
    };
    let mut head = Head::default();
    for (request, since) in [(again("v1", 10), 11), (again("v2", 20), 21), (upload("x", 30), 31)] {
        let (claimed, _) = head.accepts(&request, &me("c", since));
        let mut end = arrived(&request, "6", "A");
        end.record.finished_at = Some(second(since));
        head = claimed.commits("c", &end, None).0;
    }
    let to = Source::Earlier(Rollback::to(Some(Release::parse("main").unwrap())));
    assert_eq!(resolve_artifact(&head, &to, targets(), &Rejects::default()).unwrap().artifact.version_id, "v2");
}

#[test]
fn rollback_skips_rejected_artifacts() {
    let head = three();
    let goes = |rejects: &[&str]| head.chooses(None, rejects).ok();
    assert_eq!(goes(&[]).as_deref(), Some("2"));
    assert_eq!(goes(&["2"]).as_deref(), Some("1"));
    assert_eq!(goes(&["1", "2"]), None);
    let because = "whatever was live here before release 3 is rejected";
    assert_eq!(head.because_not(None, &["1", "2"]), (Code::NothingToRollBack, because.into()));
}

#[test]
fn rollback_never_goes_to_what_is_live() {
    let mut head = three();
    // A command brings release 2 once more.
    let (claimed, _) = head.accepts(&command("d", CauseKind::Deploy, Source::Live { of: None }, 40), &me("d", 40));
    let resolved = ResolvedArtifact::from(&head.history()[1]);
    let claimed = with_resolved_artifact(&claimed, token("d"), &resolved).unwrap();
    let mut end = arrived(&command("d", CauseKind::Deploy, Source::Live { of: None }, 40), "9", "A");
    (end.record.release, end.record.artifact) = (Some(resolved.release.clone()), Some(resolved.recorded()));
    head = claimed.commits("d", &end, None).0.flushes();
    assert_eq!(releases(head.history()), ["2", "3", "2", "1"]);
    assert_eq!(head.chooses(None, &[]).unwrap(), "3");
    assert_eq!(head.chooses(None, &["3"]).unwrap(), "1");
    let head = head.obeys(&back_to("r", "1", 50), "6");
    assert_eq!((releases(head.history()), releases(head.left())), (vec!["1"], vec!["2", "3"]));
}

#[test]
fn redeploy_brings_what_is_live_and_is_no_step_of_history() {
    let head = three();
    let resolved = resolve_artifact(&head, &Source::Live { of: None }, targets(), &Rejects::default()).unwrap();
    assert_eq!((resolved.release.as_str(), resolved.versions.len()), ("3", 0), "by its manifest, not by a version");
    assert!(matches!(
        resolve_artifact(&head, &Source::Live { of: None }, targets(), &rejecting(&["3"])),
        Err(Ending::Refused { code: Code::Rejected, .. })
    ));
    let nothing = resolve_artifact(&Head::default(), &Source::Live { of: None }, targets(), &Rejects::default());
    assert!(matches!(nothing, Err(Ending::Refused { code: Code::NotLive, .. })));
    let head = head.obeys(&redeploy("d", 50), "9");
    assert_eq!((releases(head.history()), head.live().unwrap().since), (vec!["3", "2", "1"], second(31)));
    assert_eq!(head.live().unwrap().versions.values().next(), Some(&version("9")));
}

#[test]
fn resolved_artifact_is_written_once_and_only_by_the_owner() {
    let (head, _) = three().accepts(&rollback("r", 50), &me("r", 50));
    assert_eq!(head.active().unwrap().artifact, None);
    let resolved =
        resolve_artifact(&head, &Source::Earlier(Rollback::to(None)), targets(), &Rejects::default()).unwrap();
    assert_eq!(with_resolved_artifact(&head, token("other"), &resolved), None);
    let known = with_resolved_artifact(&head, token("r"), &resolved).unwrap();
    assert_eq!((known.revision, known.active().unwrap().artifact.as_ref()), (head.revision + 1, Some(&resolved)));
    assert_eq!(with_resolved_artifact(&known, token("r"), &resolved), None);
    let (taken_over, _) = known.acquires(&me("w", 150));
    assert_eq!(taken_over.active().unwrap().artifact.as_ref(), Some(&resolved), "whoever goes on means the same");
}

#[test]
fn head_with_commands_and_head_from_before_commands_are_read() {
    let head = three().obeys(&rollback("a", 50), "7").holds("stop", "h");
    let (head, _) = head.accepts(&rollback("b", 60), &me("b", 60));
    let (head, _) = head.accepts(&back_to("c", "1", 61), &me("c", 61));
    assert!(head.hold().is_some() && !head.left().is_empty() && head.pending().is_some());
    let json = serde_json::to_string(&head).unwrap();
    assert_eq!(serde_json::from_str::<Head>(&json).unwrap(), head);
    let mut before = serde_json::to_value(three()).unwrap();
    before["pending"] = serde_json::Value::Null;
    for field in ["hold", "left", "obeyed"] {
        before.as_object_mut().unwrap().remove(field);
    }
    let read: Head = serde_json::from_value(before).unwrap();
    assert_eq!((read.all_pending(), read.hold(), releases(read.history())), ([].as_slice(), None, vec!["3", "2", "1"]));
    assert_eq!(read.chooses(None, &[]).unwrap(), "2");
}
