#![allow(clippy::unwrap_used)]
//! What becomes of a group, step by step.

use super::*;
use crate::artifact::ArtifactRef;
use crate::id::BucketName;
use crate::promotion::Functions;

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn functions() -> Vec<FunctionName> {
    ["api", "worker"].map(|name| FunctionName::parse(name).unwrap()).to_vec()
}

fn asked(time: i64) -> Asked {
    Asked {
        functions: Functions::Together(functions()),
        from: EnvironmentName::parse("dev").unwrap(),
        to: EnvironmentName::parse("prod").unwrap(),
        release: None,
        requested_by: Some("ann".into()),
        not_after: None,
        freeze_override: None,
        id: "g".into(),
        time: second(time),
        is_replay: false,
    }
}

fn chosen() -> Chosen {
    let bucket = BucketName::parse("acme-artifacts").unwrap();
    let artifact = ArtifactRef { bucket, key: "dev/api/1.zip".into(), version_id: "v".into() };
    Chosen::of(Release::parse("1").unwrap(), artifact)
}

fn moving() -> Group {
    let passes = || (Verdict::Passes, Some(chosen()));
    Group::of(&asked(10), &functions(), second(20)).judged(&[passes(), passes()], second(30))
}

fn record(group: &Group, number: usize, status: Status) -> Option<DeploymentRecord> {
    let member = &group.functions[number];
    let json = serde_json::json!({
        "id": member.deployment, "environment": "prod", "function": member.function, "release": "1", "status": status,
        "code": null, "because": null, "cause": group.cause, "artifact": null, "targets": [],
        "started_at": second(40), "finished_at": second(50),
    });
    Some(serde_json::from_value(json).unwrap())
}

#[test]
fn the_same_request_at_another_time_is_the_same_group() {
    let (one, other) =
        (Group::of(&asked(10), &functions(), second(20)), Group::of(&asked(99), &functions(), second(99)));
    assert_eq!(one.id, other.id);
    assert_eq!(Group::open_key(&one.environment, one.id), format!("groups/open/prod/{}.json", one.id));
}

#[test]
fn the_first_that_may_not_pass_ends_it_before_anything_moves_and_the_first_that_waits_lets_it_wait() {
    let group = Group::of(&asked(10), &functions(), second(20));
    let no = Verdict::Ends(Ending::Refused { code: Code::Rejected, because: "it leaks".into() });
    let ended = group.judged(&[(Verdict::Passes, Some(chosen())), (no, None)], second(30));
    assert_eq!((ended.status, ended.phase, ended.code), (Status::Refused, Phase::Ended, Some(Code::Rejected)));
    assert_eq!(ended.because.as_deref(), Some("worker: it leaks; nothing was moved"));
    let wait = crate::promotion::Wait { approvals_wanted: 1, ..crate::promotion::Wait::over(second(99)) };
    let waits = group.judged(&[(Verdict::Passes, None), (Verdict::Waits(wait), None)], second(30));
    assert_eq!((waits.status, waits.phase), (Status::Pending, Phase::Checking));
    let again = waits.judged(&[(Verdict::Passes, None), (Verdict::Waits(wait_of(&waits)), None)], second(31));
    assert!(!again.differs_from(&waits), "nothing new is written");
}

fn wait_of(_: &Group) -> crate::promotion::Wait {
    crate::promotion::Wait { approvals_wanted: 1, ..crate::promotion::Wait::over(second(99)) }
}

#[test]
fn when_all_have_arrived_it_has_succeeded() {
    let group = moving();
    assert_eq!((group.phase, group.status), (Phase::Moving, Status::InProgress));
    let half = group.moved(&[record(&group, 0, Status::Succeeded), None], second(60));
    assert_eq!((half.phase, half.finished_at), (Phase::Moving, None));
    let all = half.moved(&[record(&group, 0, Status::Succeeded), record(&group, 1, Status::Unchanged)], second(60));
    assert_eq!((all.phase, all.status, all.finished_at), (Phase::Ended, Status::Succeeded, Some(second(60))));
}

#[test]
fn when_one_has_failed_those_that_moved_go_back_and_only_those() {
    let group = moving();
    let turned = group.moved(&[record(&group, 0, Status::Succeeded), record(&group, 1, Status::Failed)], second(60));
    assert_eq!((turned.phase, turned.turned_at), (Phase::GoingBack, Some(second(60))));
    let on_its_way = turned.gone_back(&[record(&group, 0, Status::InProgress), None], second(70));
    assert_eq!(on_its_way.phase, Phase::GoingBack);
    let back = turned.gone_back(&[record(&group, 0, Status::Succeeded), None], second(70));
    let statuses: Vec<_> = back.functions.iter().map(|member| member.status.unwrap()).collect();
    assert_eq!((back.status, statuses), (Status::RolledBack, vec![Status::RolledBack, Status::Failed]));
    let waits = group.moved(&[record(&group, 0, Status::Pending), record(&group, 1, Status::Failed)], second(60));
    let withdrawn: Vec<_> = waits.to_withdraw().map(|member| member.function.as_str().to_owned()).collect();
    assert_eq!((waits.phase, withdrawn), (Phase::Moving, vec!["api".to_owned()]), "what waits need not go any more");
    assert_eq!(group.to_withdraw().count(), 0);
    let none = group.moved(&[record(&group, 0, Status::Refused), record(&group, 1, Status::Failed)], second(60));
    assert_eq!((none.phase, none.status), (Phase::Ended, Status::Failed), "nothing has to go back");
    let stuck = turned.gone_back(&[record(&group, 0, Status::Refused), None], second(70));
    let statuses: Vec<_> = stuck.functions.iter().map(|member| member.status.unwrap()).collect();
    assert_eq!((stuck.status, statuses), (Status::Failed, vec![Status::Succeeded, Status::Failed]));
}

#[test]
fn nobody_approves_their_own_group() {
    let group = Group::of(&asked(10), &functions(), second(20));
    let by = |who: &str| Approved { by: who.into(), account: None, at: second(30) };
    assert!(group.with_approval(&by("ann")).is_err());
    let approved = group.with_approval(&by("bob")).unwrap().unwrap();
    assert_eq!((approved.approvals.len(), approved.with_approval(&by("bob")).unwrap()), (1, None));
}
