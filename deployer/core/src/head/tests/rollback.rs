//! The meaning of a rollback: it is evaluated in the write that accepts it, and once more when it is claimed.

use super::commands::{back_to, redeploy, releases, three};
use super::*;
use crate::hold_and_reject::CommandEffect;
use crate::hold_and_reject::Hold;
use crate::record::RecordedArtifact;

fn seen(id: &str, if_live: Option<&str>, if_active: Option<DeploymentId>, time: i64) -> Request {
    let rollback = Rollback { if_live: if_live.map(Into::into), if_active, ..Rollback::default() };
    command(id, CauseKind::Rollback, Source::Earlier(rollback), time)
}

/// Release 3 is live, and an upload of release 4 is being deployed.
fn under_way() -> Head {
    three().accepts(&upload("4", 40), &me("four", 40)).0
}

/// Release `number` is taken back, as a recall asks for it.
fn undo(number: &str, time: i64) -> Request {
    command(
        &format!("undo {number}"),
        CauseKind::Rollback,
        Source::Undo { release: number.parse().unwrap(), artifact: None, of: None },
        time,
    )
}

impl Head {
    fn resolved_of(&self, active: &Active) -> Result<ResolvedArtifact, Ending> {
        resolve_artifact(self, &active.request.source, targets(), &Rejects::default())
    }

    /// Ends the claimed rollback well.
    fn arrives(&self, claim: &str, active: &Active, number: &str) -> Self {
        let resolved = self.resolved_of(active).unwrap();
        let head = with_resolved_artifact(self, token(claim), &resolved).unwrap();
        let mut end = arrived(&active.request, number, "A");
        (end.record.release, end.record.artifact) = (Some(resolved.release.clone()), Some(resolved.recorded()));
        head.commits(claim, &end, None).0
    }
}

#[test]
fn rollback_during_a_deployment_means_that_deployment() {
    let back = rollback("r", 50);
    let (asked, _) = under_way().accepts(&back, &me("r", 50));
    let waits = asked.pending().unwrap();
    assert_eq!(waits.undoes(), Some(upload("4", 40).id));
    for half in [false, true] {
        let end = match half {
            true => half_arrived(&upload("4", 40), "9", "A"),
            false => ends(&upload("4", 40), "A", |outcome| outcome.status = Status::Superseded),
        };
        let (head, next) = asked.commits("four", &end, Some(&me("next", 60)));
        let record = head.record_of(&upload("4", 40));
        assert_eq!((record.status, record.code), (Status::Superseded, Some(Code::Superseded)), "whatever it reached");
        assert_eq!(head.outbox()[0].completed, None, "it calls for no promotion");
        let head = head.arrives("next", &next.unwrap(), "8");
        assert_eq!(
            (releases(head.history()), releases(head.left())),
            (vec!["3", "2", "1"], vec!["4"]),
            "reached: {half}"
        );
    }
}

#[test]
fn stopped_deployment_that_arrived_everywhere_is_superseded() {
    let (asked, _) = under_way().accepts(&rollback("r", 50), &me("r", 50));
    let (head, _) = asked.commits("four", &arrived(&upload("4", 40), "9", "A"), Some(&me("next", 60)));
    let because = format!(
        "rollback {}, asked for later, has asked it to stop; 2 of 2 targets had got there before",
        rollback("r", 50).id
    );
    assert_eq!(head.because(&upload("4", 40)), (Status::Superseded, because.as_str()));
    assert_eq!(head.live().unwrap().release.as_str(), "4", "until the rollback has ended");
    assert!(head.outbox()[0].completed.is_none() && head.last_failure().is_none());
}

#[test]
fn stopped_deployment_that_ran_out_of_time_has_not_failed() {
    let (asked, _) = under_way().accepts(&rollback("r", 50), &me("r", 50));
    let late = ends(&upload("4", 40), "A", |outcome| {
        outcome.status = Status::Failed;
        outcome.error = Some(TargetError::new(TargetErrorCode::TimedOut, "observe", "frozen"));
    });
    let (head, _) = asked.commits("four", &late, Some(&me("next", 60)));
    let record = head.record_of(&upload("4", 40));
    assert_eq!((record.status, head.last_failure()), (Status::Superseded, None), "it ends no soak");
    assert!(record.targets.iter().all(|outcome| outcome.error.is_none()));
}

#[test]
fn rollbacks_without_a_release_join_each_other() {
    let (first, second) = (rollback("r", 50), rollback("s", 51));
    let (head, _) = under_way().accepts(&first, &me("r", 50));
    let (joined, then) = head.accepts(&second, &me("s", 51));
    assert!(matches!(then, Next::Queued { request, .. } if request.id == first.id));
    assert_eq!(joined.all_pending().len(), 1);
    let (head, next) = joined.commits("four", &arrived(&upload("4", 40), "9", "A"), Some(&me("next", 60)));
    let third = rollback("t", 61);
    let (head, then) = head.accepts(&third, &me("t", 61));
    assert!(matches!(then, Next::Queued { request, status: Status::InProgress, .. } if request.id == first.id));
    assert_eq!((head.active().unwrap().stop, head.all_pending()), (None, [].as_slice()));
    let head = head.arrives("next", &next.unwrap(), "8").flushes();
    for again in [&second, &third] {
        assert_eq!(head.answers(again, &me("again", 70)), Next::Finished(first.id), "the same request acts once");
    }
}

#[test]
fn two_rollbacks_of_the_same_go_one_step_back() {
    let first = seen("r", Some("3"), None, 50);
    let head = three().ends_command(&first, "7", false);
    let second = seen("s", Some("3"), None, 52);
    let (head, then) = head.accepts(&second, &me("s", 52));
    assert_eq!((then, head.record_of(&second).code), (Next::Finished(second.id), Some(Code::LiveChanged)));
    let because = format!(
        "release 2 is live since 1970-01-01T00:00:51Z: rollback {} by ann has gone back to it, and you meant to leave release 3: \
         look at the status, and ask again if it is still needed",
        first.id
    );
    assert_eq!(head.record_of(&second).because.as_deref(), Some(because.as_str()));
    assert_eq!(releases(head.history()), ["2", "1"]);
}

#[test]
fn rollback_that_leaves_another_deployment_names_its_release() {
    let head = three().deploys(&upload("4", 40), "9").flushes();
    let three_id = head.history()[1].id().to_string();
    for (seen_live, named) in [
        (three_id.clone(), format!("release 3 (deployment {three_id})")),
        ("01JBJ4GZ00ABCDEFGH0123456J".to_owned(), "deployment 01JBJ4GZ00ABCDEFGH0123456J".to_owned()),
    ] {
        let refused = seen("r", Some(&seen_live), None, 50);
        let (head, _) = head.accepts(&refused, &me("r", 50));
        let because = head.record_of(&refused).because.clone().unwrap();
        let words = format!("and you meant to leave {named}: look at the status");
        assert!(because.starts_with("release 4 is live since ") && because.contains(&words), "{because}");
    }
}

/// Release 3 is live, and this upload has brought the same code as release `3-again`.
fn renamed() -> (Head, Request) {
    let (other, bytes) = (upload("3-again", 40), three().live().unwrap().sha256);
    let (claimed, _) = three().accepts(&other, &me("same", 40));
    let mut end = arrived(&other, "8", "A");
    end.record.finished_at = Some(second(41));
    (end.record.status, end.record.artifact.as_mut().unwrap().sha256) = (Status::Unchanged, bytes);
    (claimed.commits("same", &end, None).0.flushes(), other)
}

fn because_of_refusal(head: &Head, seen_live: &str, time: i64) -> String {
    let refused = seen("r", Some(seen_live), None, time);
    let (head, then) = head.accepts(&refused, &me("r", time));
    assert_eq!(then, Next::Finished(refused.id));
    head.record_of(&refused).because.as_ref().unwrap().to_string()
}

#[test]
fn rollback_that_leaves_renamed_code_takes_either_deployment() {
    let (head, other) = renamed();
    for seen_live in [three().live().unwrap().id(), other.id] {
        let (head, then) = head.accepts(&seen("r", Some(&seen_live.to_string()), None, 50), &me("r", 50));
        assert!(matches!(then, Next::Work(_)), "{:?}", head.outbox());
    }
}

#[test]
fn refused_rollback_names_the_release_that_a_renamed_deployment_brought() {
    let (head, other) = renamed();
    let head = head.deploys(&upload("4", 44), "9").flushes();
    let id = head.history()[1].id();
    for (seen_live, named) in [
        (other.id, format!("release 3-again (deployment {})", other.id)),
        (id, format!("deployment {id}, whose code is release 3-again now")),
    ] {
        let because = because_of_refusal(&head, &seen_live.to_string(), 50);
        assert!(because.contains(&format!("you meant to leave {named}: look")), "{because}");
    }
    // The record is not written yet.
    let head = three().deploys(&upload("4", 40), "9");
    let mut value = serde_json::to_value(&head).unwrap();
    value["history"][0]["release"] = "4-again".into();
    let head: Head = serde_json::from_value(value).unwrap();
    let head = head.deploys(&upload("5", 44), "9");
    let id = upload("4", 40).id;
    let because = because_of_refusal(&head, &id.to_string(), 50);
    let named = format!("release 4 (deployment {id}), whose code is release 4-again now");
    assert!(because.contains(&format!("you meant to leave {named}: look")), "{because}");
}

#[test]
fn refused_rollback_names_what_was_last_done_to_the_live_code() {
    let (head, other) = renamed();
    for (restored_at, words) in [
        (43, "release 3-again is live since 1970-01-01T00:00:31Z: rollback {} has restored it, and".to_owned()),
        (
            39,
            format!("release 3-again is live since 1970-01-01T00:00:41Z: deployment {} has given this name", other.id),
        ),
    ] {
        let restorer = rollback("restorer", restored_at).id.to_string();
        let mut value = serde_json::to_value(&head).unwrap();
        value["history"][0]["restored_by"] = restorer.clone().into();
        let head: Head = serde_json::from_value(value).unwrap();
        let because = because_of_refusal(&head, "9", 50);
        assert!(because.starts_with(&words.replace("{}", &restorer)), "{because}");
    }
}

#[test]
fn rollback_if_active_holds_after_that_deployment_arrived() {
    let four = upload("4", 40).id;
    let (asked, _) = under_way().accepts(&seen("r", Some("nothing"), Some(four), 50), &me("r", 50));
    assert_eq!(asked.pending().unwrap().undoes(), Some(four));
    let head = three().deploys(&upload("4", 40), "9");
    let (head, then) = head.accepts(&seen("r", None, Some(four), 50), &me("r", 50));
    let Next::Work(active) = then else { panic!("{then:?}") };
    assert_eq!((active.request.undoes(), head.resolved_of(&active).unwrap().release.as_str()), (None, "3"));
    let head = head.arrives("r", &active, "8").flushes();
    let (head, _) = head.accepts(&seen("s", None, Some(four), 60), &me("s", 60));
    assert_eq!(head.record_of(&seen("s", None, Some(four), 60)).code, Some(Code::LiveChanged));
}

#[test]
fn rollback_whose_deployment_is_over_and_not_live_goes_no_step_further() {
    let four = upload("4", 40).id;
    let both = seen("r", Some("3"), Some(four), 50);
    let (head, _) = three().accepts(&both, &me("r", 50));
    assert_eq!(head.record_of(&both).code, Some(Code::LiveChanged));
    let because = head.because(&both).1;
    assert!(because.contains(&format!("you saw deployment {four} under way, which is over")), "{because}");
    let Source::Earlier(both) = both.source else { panic!() };
    let named = Rollback { to: Some("2".parse().unwrap()), ..both };
    let named = command("n", CauseKind::Rollback, Source::Earlier(named), 50);
    assert!(matches!(three().accepts(&named, &me("n", 50)).1, Next::Work(_)), "a release by its name is meant anyway");
}

#[test]
fn rollback_that_saw_another_under_way_goes_no_step_further_than_that() {
    let first = rollback("r", 50);
    let second = seen("s", Some("3"), Some(first.id), 60);
    let done = three().ends_command(&first, "7", false).flushes();
    assert_eq!(done.live().unwrap().release.as_str(), "2");
    let (head, _) = done.accepts(&second, &me("s", 60));
    assert_eq!(head.record_of(&second).code, Some(Code::LiveChanged));
    let half = three().ends_command(&first, "7", true).flushes();
    let (head, then) = half.accepts(&second, &me("s", 60));
    let Next::Work(active) = then else { panic!("{then:?}") };
    assert_eq!(head.resolved_of(&active).unwrap().release.as_str(), "2", "it completes the first");
}

#[test]
fn rollback_takes_back_what_came_after_the_deployment_that_was_seen() {
    let (head, _) = under_way().accepts(&upload("5", 45), &me("five", 45));
    let (four, five) = (upload("4", 40).id, upload("5", 45).id);
    let record = at().record(&upload("4", 40), Status::InProgress).ended(refusal(), second(46));
    let end = DeploymentEnd { record, ..arrived(&upload("4", 40), "9", "B") };
    let (head, _) = head.commits("four", &end, Some(&me("five", 46)));
    let (head, _) = head.accepts(&seen("r", Some("3"), Some(four), 50), &me("r", 50));
    assert_eq!(head.pending().unwrap().undoes(), Some(five));
}

#[test]
fn if_live_is_checked_again_when_the_rollback_is_claimed() {
    // A redeploy of what is live is no deployment that the rollback could mean.
    let (head, _) = three().accepts(&redeploy("d", 40), &me("d", 40));
    let (head, _) = head.accepts(&seen("r", Some("3"), None, 50), &me("r", 50));
    let (asked, stop) = (head.pending().unwrap().clone(), head.active().unwrap().stop);
    assert_eq!((asked.undoes(), stop), (None, Some(asked.id)));
    let changed = three().deploys(&upload("4", 60), "9");
    assert!(matches!(
        resolve_artifact(&changed, &asked.source, targets(), &Rejects::default()),
        Err(Ending::Refused { code: Code::LiveChanged, .. })
    ));
}

#[test]
fn impossible_rollback_stops_and_displaces_nothing() {
    let four = upload("4", 40);
    for (request, code) in
        [(back_to("a", "9", 50), Code::NothingToRollBack), (seen("b", Some("2"), None, 50), Code::LiveChanged)]
    {
        let (head, then) = under_way().accepts(&request, &me("x", 50));
        assert_eq!((then, head.record_of(&request).code), (Next::Finished(request.id), Some(code)));
        assert_eq!((head.active().unwrap().stop, head.all_pending()), (None, [].as_slice()));
    }
    let one = Head::default().deploys(&upload("1", 10), "6").flushes();
    let (redeploying, _) = one.accepts(&redeploy("d", 20), &me("d", 20));
    let (head, _) = redeploying.accepts(&rollback("r", 30), &me("r", 30));
    assert_eq!(head.record_of(&rollback("r", 30)).code, Some(Code::NothingToRollBack));
    assert_eq!(head.active().unwrap().stop, None, "{}", four.id);
}

#[test]
fn rollback_before_anything_is_live_only_stops_the_deployment() {
    let (head, _) = Head::default().accepts(&upload("1", 10), &me("one", 10));
    let (head, _) = head.accepts(&rollback("r", 20), &me("r", 20));
    let (head, next) = head.commits("one", &half_arrived(&upload("1", 10), "1", "A"), Some(&me("next", 30)));
    let ending = head.resolved_of(&next.unwrap()).unwrap_err();
    let because = format!(
        "it stopped deployment {}, before which nothing was live here; the aliases that it had made stay, and serve version \
         1 in {}",
        upload("1", 10).id,
        target(0)
    );
    assert_eq!(ending, Ending::OnlyStopped { because });
    let record = at().record(&rollback("r", 20), Status::InProgress).ended(ending, second(40));
    assert_eq!((record.status, record.code), (Status::Succeeded, None));
}

#[test]
fn rollback_without_release_completes_an_incomplete_rollback() {
    let half = three().ends_command(&rollback("r", 50), "7", true);
    assert_eq!((releases(half.history()), half.live().unwrap().complete), (vec!["2", "1"], false));
    let resolved =
        resolve_artifact(&half, &Source::Earlier(Rollback::to(None)), targets(), &Rejects::default()).unwrap();
    assert_eq!(resolved.release.as_str(), "2");
    assert!(resolved.because.unwrap().starts_with("it completes rollback"));
    assert_eq!(resolved.versions.len(), 2, "the target that it has not reached goes back to its version too");
    let whole = half.ends_command(&rollback("s", 60), "7", false);
    assert_eq!((releases(whole.history()), whole.live().unwrap().complete), (vec!["2", "1"], true));
    assert_eq!(whole.live().unwrap().deployment, half.live().unwrap().deployment);
    let further = half.ends_command(&back_to("t", "1", 60), "6", false);
    assert_eq!(releases(further.history()), ["1"]);
}

#[test]
fn rollback_skips_the_same_bytes_under_another_label() {
    let mut json = serde_json::to_value(three()).unwrap();
    json["history"][1]["sha256"] = json["history"][0]["sha256"].clone();
    let head: Head = serde_json::from_value(json).unwrap();
    let resolved =
        resolve_artifact(&head, &Source::Earlier(Rollback::to(None)), targets(), &Rejects::default()).unwrap();
    assert_eq!(resolved.release.as_str(), "1");
}

#[test]
fn stopped_deployment_that_is_displaced_untouched_is_left() {
    let (asked, _) = under_way().accepts(&rollback("r", 50), &me("r", 50));
    let given_up = release_claim(&asked, token("four"), ClaimRelease::Untouched, second(51)).unwrap();
    let Transition { head, then } = acquire(&given_up, &at(), &me("next", 60));
    assert!(matches!(&then, Next::Work(active) if active.request.id == rollback("r", 50).id), "{then:?}");
    let head = head.unwrap();
    assert_eq!(head.record_of(&upload("4", 40)).status, Status::Superseded);
    assert_eq!((releases(head.history()), releases(head.left())), (vec!["3", "2", "1"], vec!["4"]));
}

#[test]
fn stopped_deployment_that_is_held_untouched_is_superseded_and_left() {
    let (asked, _) = under_way().accepts(&rollback("r", 50), &me("r", 50));
    let given_up = release_claim(&asked, token("four"), ClaimRelease::Untouched, second(51)).unwrap();
    let hold = Hold { reason: "stop".into(), requested_by: None, principal: None, unproven: None, since: second(52) };
    let CommandEffect::Write(head) = crate::head::hold(&given_up, hold, &at(), "h", second(52)) else { panic!() };
    assert_eq!(head.record_of(&upload("4", 40)).status, Status::Superseded);
    assert_eq!((releases(head.history()), releases(head.left())), (vec!["3", "2", "1"], vec!["4"]));
    assert_eq!(head.pending().map(|waits| waits.id), Some(rollback("r", 50).id), "it goes on");
}

#[test]
fn rollback_during_a_deployment_joins_no_undo_of_earlier_artifact() {
    let undo = undo("3", 45);
    let (recalled, _) = under_way().accepts(&undo, &me("u", 45));
    assert_eq!(recalled.active().unwrap().stop, None, "the undo means another release");
    let (asked, then) = recalled.accepts(&rollback("r", 50), &me("r", 50));
    assert!(matches!(then, Next::Queued { .. }), "{then:?}");
    assert_eq!(asked.active().unwrap().stop, Some(rollback("r", 50).id));
    let waits: Vec<_> = asked.all_pending().iter().map(|waits| (waits.id, waits.undoes())).collect();
    assert_eq!(waits, [(undo.id, None), (rollback("r", 50).id, Some(upload("4", 40).id))]);
}

#[test]
fn rollback_without_active_deployment_joins_an_undo_of_what_is_live() {
    let (recalled, _) = three().accepts(&undo("3", 45), &me("u", 45));
    let again = rollback("r", 50);
    let (asked, _) = recalled.accepts(&again, &me("r", 50));
    assert_eq!((asked.id_of(&again), asked.all_pending().len()), (Some(undo("3", 45).id), 0));
}

#[test]
fn rollback_of_an_upload_of_the_live_bytes_goes_by_history() {
    // CI uploads the same bytes once more, under another label.
    for seen in [None, Some("3")] {
        let back = self::seen("r", seen, Some(upload("4", 40).id), 50);
        let (asked, _) = under_way().accepts(&back, &me("r", 50));
        assert_eq!(asked.pending().unwrap().undoes(), Some(upload("4", 40).id));
        let mut end = ends(&upload("4", 40), "A", |outcome| outcome.status = Status::Superseded);
        let live = asked.live().unwrap().clone();
        end.record.artifact =
            Some(RecordedArtifact { sha256: live.sha256, ..(&upload("4", 40).artifact().unwrap().artifact).into() });
        let (head, next) = asked.commits("four", &end, Some(&me("next", 60)));
        assert_eq!((head.record_of(&upload("4", 40)).status, releases(head.left())), (Status::Superseded, vec![]));
        let head = head.arrives("next", &next.unwrap(), "8");
        assert_eq!((releases(head.history()), releases(head.left())), (vec!["2", "1"], vec!["3"]));
    }
}

#[test]
fn rollback_to_a_release_survives_what_its_stopped_deployment_did() {
    let back = Rollback { if_live: Some("3".into()), ..Rollback::to(Some("2".parse().unwrap())) };
    let back = command("r", CauseKind::Rollback, Source::Earlier(back), 50);
    let (asked, _) = under_way().accepts(&back, &me("r", 50));
    let (head, next) = asked.commits("four", &half_arrived(&upload("4", 40), "9", "A"), Some(&me("next", 60)));
    assert_eq!(head.live().unwrap().release.as_str(), "4", "it had got to a target");
    let head = head.arrives("next", &next.unwrap(), "7");
    assert_eq!(releases(head.history()), ["2", "1"]);
}

#[test]
fn undo_of_another_deployments_artifact_leaves_what_is_live() {
    let head = three();
    let undo = |of| Source::Undo { release: "3".parse().unwrap(), artifact: None, of };
    let resolved = |of| resolve_artifact(&head, &undo(of), targets(), &Rejects::default()).unwrap().release.to_string();
    let brought = head.live().unwrap().deployment;
    assert_eq!((resolved(None), resolved(Some(brought))), ("2".into(), "2".into()));
    assert_eq!(resolved(Some(upload("4", 40).id)), "3", "a member of a group that found it live already");
}

#[test]
fn rollback_on_some_targets_is_completed_by_the_next_one() {
    let half = half_arrived(&upload("4", 40), "9", "A");
    let (base, _) = under_way().commits("four", &half, None);
    let seen_live = base.live().unwrap().id().to_string();
    let (head, _) = base.accepts(&upload("5", 50), &me("five", 50));
    let (asked, _) = head.accepts(&rollback("r", 60), &me("r", 60));
    let stopped = ends(&upload("5", 50), "A", |outcome| outcome.status = Status::Superseded);
    let (head, next) = asked.commits("five", &stopped, Some(&me("next", 70)));
    let next = next.unwrap();
    let resolved = head.resolved_of(&next).unwrap();
    let mut end = half_arrived(&next.request, "9", "A");
    (end.record.release, end.record.artifact) = (Some(resolved.release.clone()), Some(resolved.recorded()));
    let (head, _) = with_resolved_artifact(&head, token("next"), &resolved).unwrap().commits("next", &end, None);
    assert_eq!(releases(head.history()), ["4", "3", "2", "1"]);
    assert_eq!(head.live().unwrap().id(), next.request.id, "it changes the id that people see");
    // Another person saw the same incident, and comes later.
    let second = seen("s", Some(&seen_live), Some(upload("5", 50).id), 80);
    let (refused, then) = head.accepts(&second, &me("s", 80));
    assert_eq!(then, Next::Finished(second.id));
    assert_eq!(refused.record_of(&second).code, Some(Code::LiveChanged));
    let (head, then) = head.accepts(&rollback("t", 90), &me("t", 90));
    let Next::Work(active) = then else { panic!("{then:?}") };
    let resolved = head.resolved_of(&active).unwrap();
    assert_eq!(resolved.release.as_str(), "4", "{resolved:?}");
    assert!(resolved.because.unwrap().starts_with(&format!("it completes rollback {}", next.request.id)));
}
