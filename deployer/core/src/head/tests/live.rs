//! The live artifact is that of the deployment that was the last to reach a target, complete or not.

use super::commands::{back_to, redeploy, releases, three};
use super::*;
use crate::as_read::AsRead;

impl Head {
    /// Accepts an upload and ends it on the first target only.
    fn half_deploys(&self, request: &Request, number: &str) -> Self {
        let (claimed, _) = self.accepts(request, &me("half", request.time.as_second()));
        let mut end = half_arrived(request, number, "A");
        end.record.finished_at = Some(second(request.time.as_second() + 1));
        claimed.commits("half", &end, None).0
    }

    fn bare(&self) -> String {
        let resolved =
            resolve_artifact(self, &Source::Earlier(Rollback::to(None)), targets(), &Rejects::default()).unwrap();
        resolved.release.to_string()
    }
}

#[test]
fn deployment_on_some_targets_is_live_and_incomplete() {
    let head = three().half_deploys(&upload("4", 40), "9").flushes();
    let live = head.live().unwrap();
    assert_eq!((live.release.as_str(), live.complete, live.extent(targets())), ("4", false, "1 of 2 targets".into()));
    assert_eq!(live.missing.iter().map(String::as_str).collect::<Vec<_>>(), [target(1).to_string()]);
    assert!(
        !live.is_complete_in(targets()) && live.is_complete_in(&targets()[..1]),
        "a target that is gone is not missed"
    );
    assert_eq!(head.bare(), "3", "one step back, from what is live");
    let five = head.half_deploys(&upload("5", 50), "10").flushes();
    assert_eq!(releases(five.history()), ["5", "4", "3", "2", "1"]);
    assert_eq!(five.bare(), "4");
    let after = five.obeys(&back_to("b", "4", 60), "9");
    assert_eq!((releases(after.history()), after.live().unwrap().complete), (vec!["4", "3", "2", "1"], true));
}

#[test]
fn deployment_on_no_target_leaves_what_is_live() {
    let four = upload("4", 40);
    let (claimed, _) = three().accepts(&four, &me("none", 40));
    let end = ends(&four, "A", |outcome| {
        outcome.status = Status::Failed;
        outcome.error = Some(TargetError::new(TargetErrorCode::AccessDenied, "enter", "may not"));
    });
    assert_eq!(releases(claimed.commits("none", &end, None).0.history()), ["3", "2", "1"]);
    let unsure = ends(&four, "A", |outcome| {
        outcome.status = Status::Failed;
        outcome.reached = outcome.region == target(0).region;
        outcome.error = Some(TargetError::new(TargetErrorCode::TimedOut, "move alias", "no answer"));
    });
    let head = claimed.commits("none", &unsure, None).0;
    let live = head.live().unwrap();
    assert_eq!((live.release.as_str(), live.versions.len(), live.missing.len()), ("4", 0, 2), "it may serve there");
    assert_eq!(head.bare(), "3");
}

#[test]
fn redeploy_completes_what_is_live_and_promotes_once() {
    let half = three().half_deploys(&upload("4", 40), "9");
    assert_eq!(half.outbox().last().unwrap().completed, None, "it is not complete yet");
    let half = half.flushes();
    let id = half.live().unwrap().deployment;
    let again = redeploy("d", 50);
    let (claimed, _) = half.accepts(&again, &me("d", 50));
    let resolved = resolve_artifact(&claimed, &Source::Live { of: Some(id) }, targets(), &Rejects::default()).unwrap();
    let claimed = with_resolved_artifact(&claimed, token("d"), &resolved).unwrap();
    let mut end = arrived(&again, "9", "A");
    (end.record.release, end.record.artifact) = (Some(resolved.release.clone()), Some(resolved.recorded()));
    let whole = claimed.commits("d", &end, None).0;
    let live = whole.live().unwrap();
    assert_eq!((live.deployment, live.complete, live.since), (id, true, second(41)), "a redeploy changes no id");
    let completed = Completed { deployment: id, since: second(41) };
    assert_eq!(whole.outbox().last().unwrap().completed, Some(completed), "soaks count from what brought it");
    let once_more = whole.flushes().ends_command(&redeploy("e", 60), "9", false);
    assert!(once_more.live().unwrap().complete && once_more.outbox().is_empty());
}

#[test]
fn redeploy_of_what_no_present_target_serves_is_refused() {
    let half = three().half_deploys(&upload("4", 40), "9").flushes();
    let other = &targets()[1..];
    let refusal = resolve_artifact(&half, &Source::Live { of: None }, other, &Rejects::default()).unwrap_err();
    let because = "release 4 was never on every target, and no present target serves it: roll back to what was live \
                   before, or deploy a release";
    assert_eq!(refusal, Ending::Refused { code: Code::NotLive, because: because.into() });
    assert!(
        resolve_artifact(&three(), &Source::Live { of: None }, &[], &Rejects::default()).is_ok(),
        "it was complete once"
    );
}

#[test]
fn same_bytes_again_make_no_entry_and_promote_nothing() {
    let head = three();
    let bytes = head.live().unwrap().sha256;
    let other = upload("3-again", 40);
    let (claimed, _) = head.accepts(&other, &me("same", 40));
    let mut end = arrived(&other, "8", "A");
    end.record.status = Status::Unchanged;
    end.record.artifact.as_mut().unwrap().sha256 = bytes;
    let head = claimed.commits("same", &end, None).0;
    assert_eq!(releases(head.history()), ["3-again", "2", "1"]);
    let live = head.live().unwrap();
    assert_eq!((live.since, live.artifact.key.as_str()), (second(31), "dev/orders/3-again.zip"));
    assert_eq!(head.outbox().last().unwrap().completed, None);
    assert_eq!(head.bare(), "2");
}

#[test]
fn same_bytes_under_another_label_tell_since_when_they_have_it() {
    let (other, bytes) = (upload("3-again", 40), three().live().unwrap().sha256);
    let brought = three().live().unwrap().since;
    let (claimed, _) = three().accepts(&other, &me("same", 40));
    let mut end = arrived(&other, "8", "A");
    end.record.finished_at = Some(second(41));
    (end.record.status, end.record.artifact.as_mut().unwrap().sha256) = (Status::Unchanged, bytes);
    let head = claimed.commits("same", &end, None).0.flushes();
    let renamed = head.live().unwrap().renamed().unwrap();
    assert_eq!((renamed.release.as_str(), renamed.deployment, renamed.since), ("3-again", other.id, second(41)));
    assert_eq!(renamed.first.as_ref().map(|first| first.as_str()), Some("3"));
    let told = crate::status::FunctionStatus::of(&at(), &head, &Rejects::default()).live.unwrap();
    assert_eq!((told.since, told.named_since().0, told.renamed.as_ref()), (brought, second(41), Some(renamed)));
    let planned = crate::plan::PlannedRelease::of(head.live().unwrap());
    assert_eq!((planned.since, planned.deployment), (Some(second(41)), Some(other.id)), "a plan says what status says");
    let left = Rollback { if_live: Some("9".into()), ..Rollback::default() };
    let (refused, _) =
        head.accepts(&command("r", CauseKind::Rollback, Source::Earlier(left.clone()), 50), &me("r", 50));
    let because = refused.outbox().last().unwrap().record.because.clone().unwrap();
    let words =
        format!("release 3-again is live since 1970-01-01T00:00:41Z: deployment {} has given this name", other.id);
    assert!(because.starts_with(&words), "{because}");
    // A redeploy gives no name.
    let head = head.ends_command(&redeploy("d", 60), "8", true);
    assert_eq!(head.live().unwrap().renamed().unwrap().since, second(41));
}

#[test]
fn older_deployer_keeps_the_rename_until_it_renames_the_code_itself() {
    let (other, bytes) = (upload("3-again", 40), three().live().unwrap().sha256);
    let (claimed, _) = three().accepts(&other, &me("same", 40));
    let mut end = arrived(&other, "8", "A");
    (end.record.status, end.record.artifact.as_mut().unwrap().sha256) = (Status::Unchanged, bytes);
    let read = serde_json::to_value(claimed.commits("same", &end, None).0.flushes()).unwrap();
    let mut known = read.clone();
    known["history"][0].as_object_mut().unwrap().remove("renamed").unwrap();
    let as_read = AsRead::of(read, &known, &[]).unwrap();
    let written = |known: serde_json::Value| serde_json::from_value::<Head>(as_read.with(known)).unwrap();
    let live = written(known.clone()).live().unwrap().clone();
    assert_eq!(live.renamed().map(|renamed| renamed.deployment), Some(other.id));
    let first = &mut known["history"][0];
    (first["release"], first["artifact"]["version_id"]) = ("3-older".into(), "v-older".into());
    let live = written(known).live().unwrap().clone();
    assert_eq!((live.release.as_str(), live.renamed), ("3-older", None));
}

#[test]
fn upload_that_completes_at_once_calls_for_its_promotions() {
    let four = upload("4", 40);
    let head = three().deploys(&four, "9");
    let completed = head.outbox().last().unwrap().completed.clone().unwrap();
    assert_eq!(completed.deployment, four.id);
}

#[test]
fn older_upload_of_an_incomplete_artifact_says_its_extent() {
    let head = three().half_deploys(&upload("4", 40), "9").flushes();
    // The head has forgotten the request, and its event comes late.
    let mut json = serde_json::to_value(&head).unwrap();
    json["requests"] = serde_json::json!([]);
    let head: Head = serde_json::from_value(json).unwrap();
    let (head, _) = head.accepts(&rollback("r", 50), &me("r", 50));
    let (head, then) = head.accepts(&upload("4", 40), &me("late", 60));
    assert_eq!(then, Next::Finished(upload("4", 40).id));
    let because = "this version of dev/orders/4.zip was accepted before; it is live on 1 of 2 targets";
    assert_eq!(head.because(&upload("4", 40)), (Status::Superseded, because));
}
