#![allow(clippy::unwrap_used)]
//! The transitions of a group.

use super::rollouts::word_to;
use super::*;
use jiff::SignedDuration;

use crate::artifact::ArtifactRef;
use crate::id::BucketName;
use crate::promotion::Decision;
use crate::promotion::Functions;
use crate::record::{DeploymentRecord, Ending};
use crate::rollout::GroupWord;

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn functions() -> Vec<FunctionName> {
    ["api", "worker"].map(|name| FunctionName::parse(name).unwrap()).to_vec()
}

fn promotion_request(time: i64) -> PromotionRequest {
    PromotionRequest {
        functions: Functions::Together(functions()),
        from: EnvironmentName::parse("dev").unwrap(),
        to: EnvironmentName::parse("prod").unwrap(),
        release: None,
        requested_by: Some("ann".into()),
        identity: crate::identity::Identity::None,
        not_after: None,
        freeze_override: None,
        skip_rollout: None,
        id: "g".into(),
        time: second(time),
        keeps_its_time: true,
        is_replay: false,
    }
}

fn resolved() -> ResolvedArtifact {
    let bucket = BucketName::parse("acme-artifacts").unwrap();
    let artifact = ArtifactRef { bucket, key: "dev/api/1.zip".into(), version_id: "v".into() };
    ResolvedArtifact::of(Release::parse("1").unwrap(), artifact)
}

fn token() -> Token {
    Token::drawn(second(30), 1)
}

fn pass() -> [CheckedMember; 2] {
    [(); 2].map(|()| (Decision::Allow, Some(resolved())))
}

fn moving() -> Group {
    let placing = Group::of(&promotion_request(10), &functions(), second(20)).with_checks(&pass(), token(), second(30));
    placing.with_final_checks(&pass(), second(30))
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

fn member_read(record: &Option<DeploymentRecord>) -> MemberRead {
    MemberRead { record: record.clone(), rollout: None, length: None, is_paused: false }
}

/// Returns the group after these records of its members were read, none of which rolls out.
fn moved(group: &Group, records: &[Option<DeploymentRecord>; 2], now: Timestamp) -> Group {
    group.moved(&records.each_ref().map(|record| Some(member_read(record))), now)
}

#[test]
fn same_request_at_another_time_is_the_same_group() {
    let (one, other) = (
        Group::of(&promotion_request(10), &functions(), second(20)),
        Group::of(&promotion_request(99), &functions(), second(99)),
    );
    assert_eq!(one.id, other.id);
}

#[test]
fn denied_member_ends_the_group_and_waiting_member_lets_it_wait() {
    let group = Group::of(&promotion_request(10), &functions(), second(20));
    let no = Decision::Deny(Ending::Refused { code: Code::Rejected, because: "it leaks".into() });
    let ended = group.with_checks(&[(Decision::Allow, Some(resolved())), (no, None)], token(), second(30));
    assert_eq!((ended.status, ended.phase, ended.code), (Status::Refused, Phase::Ended, Some(Code::Rejected)));
    assert_eq!(ended.because.as_deref(), Some("worker: it leaks; nothing was moved"));
    let wait = crate::promotion::Wait { approvals_wanted: 1, ..crate::promotion::Wait::over(second(99)) };
    let waits = group.with_checks(&[(Decision::Allow, None), (Decision::Wait(wait), None)], token(), second(30));
    assert_eq!((waits.status, waits.phase), (Status::Pending, Phase::Checking));
    let again =
        waits.with_checks(&[(Decision::Allow, None), (Decision::Wait(wait_of(&waits)), None)], token(), second(31));
    assert!(!again.differs_from(&waits), "nothing new is written");
}

#[test]
fn group_that_lost_a_place_to_something_newer_is_superseded() {
    let group = Group::of(&promotion_request(10), &functions(), second(20));
    let placing = group.with_checks(&pass(), token(), second(30));
    for (code, status) in
        [(Some(Code::Superseded), Status::Superseded), (Some(Code::Held), Status::Refused), (None, Status::Refused)]
    {
        let ended = placing.displaced(&placing.functions[0], Some("why"), code, second(40));
        assert_eq!((ended.status, ended.code), (status, Some(code.unwrap_or(Code::NotPromotable))));
    }
}

fn wait_of(_: &Group) -> crate::promotion::Wait {
    crate::promotion::Wait { approvals_wanted: 1, ..crate::promotion::Wait::over(second(99)) }
}

#[test]
fn group_is_decided_after_its_members_hold_places_and_pass_again() {
    let group = Group::of(&promotion_request(10), &functions(), second(20));
    let placing = group.with_checks(&pass(), token(), second(30));
    assert_eq!((placing.phase, placing.status, placing.place_token), (Phase::Placing, Status::Pending, Some(token())));
    assert_eq!(placing.state(), GroupState::Undecided);
    let decided = placing.with_final_checks(&pass(), second(31));
    assert_eq!((decided.phase, decided.state()), (Phase::Moving, GroupState::Decided(second(31))));
    let waits =
        placing.with_final_checks(&[(Decision::Allow, None), (Decision::Wait(wait_of(&group)), None)], second(31));
    assert_eq!((waits.phase, waits.place_token), (Phase::Checking, Some(token())), "the places are given back first");
    let no = Decision::Deny(Ending::Refused { code: Code::Rejected, because: "it leaks".into() });
    let ended = placing.with_final_checks(&[(Decision::Allow, None), (no, None)], second(31));
    assert_eq!((ended.phase, ended.status, ended.decided_at), (Phase::Ended, Status::Refused, None));
}

#[test]
fn member_not_done_after_six_hours_fails_the_group() {
    let group = moving();
    let records = [record(&group, 0, Status::Succeeded), record(&group, 1, Status::Pending)];
    let six_hours = 30 + 6 * 3600;
    assert_eq!(moved(&group, &records, second(six_hours)).phase, Phase::Moving);
    let late = moved(&group, &records, second(six_hours + 1));
    assert_eq!((late.phase, late.functions[1].status), (Phase::RollingBack, Some(Status::Failed)));
    let withdrawn = moved(&group, &records, second(six_hours)).to_withdraw(second(six_hours + 1)).count();
    assert_eq!(withdrawn, 1);
    let active = [record(&group, 0, Status::Pending), record(&group, 1, Status::InProgress)];
    let late = moved(&group, &active, second(six_hours + 1));
    assert_eq!(late.functions.iter().map(Member::has_moved).collect::<Vec<_>>(), [false, true], "it may get there");
}

#[test]
fn failed_member_that_reached_a_target_is_rolled_back() {
    let group = moving();
    let mut failed = record(&group, 1, Status::Failed).unwrap();
    let target = serde_json::json!({"account": "111111111111", "region": "eu-west-1", "status": "succeeded",
        "function_name": "worker", "alias": "live", "version": "7", "previous": null, "error": null});
    failed.targets.push(serde_json::from_value(target).unwrap());
    let turned = moved(&group, &[record(&group, 0, Status::Unchanged), Some(failed)], second(60));
    let moved: Vec<_> = turned.functions.iter().map(Member::has_moved).collect();
    assert_eq!((turned.phase, moved), (Phase::RollingBack, vec![false, true]));
    let back = turned.with_rollbacks(&[None, record(&group, 1, Status::Succeeded)], second(70));
    assert_eq!((back.status, back.functions[1].status), (Status::RolledBack, Some(Status::RolledBack)));
    assert!(back.because.unwrap().starts_with("worker did not get there"));
}

#[test]
fn members_have_their_requests_ids_if_the_event_is_ahead() {
    let group = Group::of(&promotion_request(99), &functions(), second(20));
    for member in &group.functions {
        assert_eq!(group.request(member, group.promotion_spec(member), token()).id, member.deployment);
    }
}

#[test]
fn group_succeeds_when_all_members_have() {
    let group = moving();
    assert_eq!((group.phase, group.status), (Phase::Moving, Status::InProgress));
    let half = moved(&group, &[record(&group, 0, Status::Succeeded), None], second(60));
    assert_eq!((half.phase, half.finished_at), (Phase::Moving, None));
    let all = moved(&half, &[record(&group, 0, Status::Succeeded), record(&group, 1, Status::Unchanged)], second(60));
    assert_eq!((all.phase, all.status, all.finished_at), (Phase::Ended, Status::Succeeded, Some(second(60))));
}

#[test]
fn only_members_that_moved_are_rolled_back() {
    let group = moving();
    let turned = moved(&group, &[record(&group, 0, Status::Succeeded), record(&group, 1, Status::Failed)], second(60));
    assert_eq!((turned.phase, turned.rollback_started_at), (Phase::RollingBack, Some(second(60))));
    let on_its_way = turned.with_rollbacks(&[record(&group, 0, Status::InProgress), None], second(70));
    assert_eq!(on_its_way.phase, Phase::RollingBack);
    let back = turned.with_rollbacks(&[record(&group, 0, Status::Succeeded), None], second(70));
    let statuses: Vec<_> = back.functions.iter().map(|member| member.status.unwrap()).collect();
    assert_eq!((back.status, statuses), (Status::RolledBack, vec![Status::RolledBack, Status::Failed]));
    let waits = moved(&group, &[record(&group, 0, Status::Pending), record(&group, 1, Status::Failed)], second(60));
    let withdrawn: Vec<_> = waits.to_withdraw(second(60)).map(|member| member.function.as_str().to_owned()).collect();
    assert_eq!((waits.phase, withdrawn), (Phase::Moving, vec!["api".to_owned()]), "what waits need not go any more");
    assert_eq!(group.to_withdraw(second(60)).count(), 0);
    let none = moved(&group, &[record(&group, 0, Status::Refused), record(&group, 1, Status::Failed)], second(60));
    assert_eq!((none.phase, none.status), (Phase::Ended, Status::Failed), "nothing has to go back");
    let failed = turned.with_rollbacks(&[record(&group, 0, Status::Refused), None], second(70));
    let statuses: Vec<_> = failed.functions.iter().map(|member| member.status.unwrap()).collect();
    assert_eq!((failed.status, statuses), (Status::Failed, vec![Status::Succeeded, Status::Failed]));
}

#[test]
fn nobody_approves_their_own_group() {
    let group = Group::of(&promotion_request(10), &functions(), second(20));
    let by = |who: &str| Approved {
        by: who.into(),
        account: None,
        at: second(30),
        principal: None,
        unproven: None,
        event_id: None,
    };
    assert!(group.with_approval(&by("ann"), None).is_err());
    let approved = group.with_approval(&by("bob"), None).unwrap().unwrap();
    assert_eq!((approved.approvals.len(), approved.with_approval(&by("bob"), None).unwrap()), (1, None));
}

#[test]
fn wait_of_a_group_is_unpublished_until_noted_and_only_once() {
    let group = Group::of(&promotion_request(10), &functions(), second(20));
    let wait = || crate::promotion::Wait { approvals_wanted: 1, ..crate::promotion::Wait::over(second(99)) };
    let decisions = || [(Decision::Allow, None), (Decision::Wait(wait()), None)];
    let waits = group.with_checks(&decisions(), token(), second(30));
    assert!(waits.wait_unpublished && waits.with_checks(&decisions(), token(), second(31)).wait_unpublished);
    let published = waits.with_wait_published(&waits).unwrap();
    assert!(!published.with_checks(&decisions(), token(), second(31)).wait_unpublished, "it waits on");
    assert_eq!(published.with_wait_published(&waits), None);
    assert!(!waits.with_checks(&pass(), token(), second(31)).wait_unpublished, "it waits no more");
    assert!(!waits.declined((&"bob".into(), "no".into()), second(31)).wait_unpublished);
    // An older deployer does not know the field, and moves the group on.
    let moved_on = Group { phase: Phase::Placing, because: None, ..waits.clone() };
    assert!(!moved_on.is_wait_unpublished());
    let other_wait = Group { because: Some("another".into()), ..waits.clone() };
    assert_eq!(other_wait.with_wait_published(&waits), None);
}

/// Returns the group after its members' records and rollouts were read at this time.
fn read(group: &Group, members: [(Status, Option<MemberRollout>); 2], now: i64) -> Group {
    let records = [0, 1].map(|number| record(group, number, members[number].0));
    let read = |number: usize| MemberRead { rollout: members[number].1, ..member_read(&records[number]) };
    group.moved(&[0, 1].map(|number| Some(read(number))), second(now))
}

const UNDER_WAY: (Status, Option<MemberRollout>) = (Status::InProgress, Some(MemberRollout::UnderWay));
const PASSED: (Status, Option<MemberRollout>) = (Status::InProgress, Some(MemberRollout::Passed));
const GOES_BACK: (Status, Option<MemberRollout>) = (Status::InProgress, Some(MemberRollout::GoesBack));
const BACK: (Status, Option<MemberRollout>) = (Status::RolledBack, None);

fn words(group: &Group) -> [GroupWord; 2] {
    [0, 1].map(|number| word_to(group, &group.functions[number].function))
}

#[test]
fn rollouts_are_released_once_the_last_has_passed() {
    let half = read(&moving(), [PASSED, UNDER_WAY], 60);
    let waits = |names: &[FunctionName]| GroupWord::Wait(names.to_vec());
    assert_eq!((half.passed_at, words(&half)), (None, [waits(&functions()[1..]), waits(&[])]));
    let all = read(&half, [PASSED, PASSED], 120);
    assert_eq!((all.passed_at, words(&all)), (Some(second(120)), [GroupWord::Release, GroupWord::Release]));
    assert!(has_new_word(&all, &half) && !has_new_word(&half, &moving()));
    // One is live by then, and the other is not yet.
    let after = read(&all, [(Status::Succeeded, None), PASSED], 180);
    assert_eq!((after.passed_at, word_to(&after, &functions()[1])), (Some(second(120)), GroupWord::Release));
    let ended = read(&after, [(Status::Succeeded, None), (Status::Succeeded, None)], 240);
    assert_eq!((ended.phase, ended.status, ended.because), (Phase::Ended, Status::Succeeded, None));
}

#[test]
fn unchanged_member_is_not_waited_for() {
    let group = read(&moving(), [(Status::Unchanged, None), PASSED], 60);
    assert_eq!(word_to(&group, &functions()[1]), GroupWord::Release);
    assert_eq!(read(&moving(), [(Status::Unchanged, None), UNDER_WAY], 60).passed_at, None);
}

#[test]
fn first_member_that_goes_back_takes_the_others_back() {
    let (api, worker) = (functions()[0].clone(), functions()[1].clone());
    let group = read(&read(&moving(), [PASSED, UNDER_WAY], 60), [PASSED, GOES_BACK], 120);
    assert_eq!(group.failed_first.as_ref(), Some(&worker));
    assert_eq!(word_to(&group, &api), GroupWord::GoBack("worker of its group did not get there".into()));
    assert!(matches!(word_to(&group, &worker), GroupWord::GoBack(_)), "also one that was only late");
    let both = read(&group, [GOES_BACK, BACK], 180);
    assert_eq!(both.failed_first.as_ref(), Some(&worker), "the other one is no reason");
    let ended = read(&both, [BACK, BACK], 240);
    assert_eq!((ended.phase, ended.status), (Phase::Ended, Status::RolledBack));
    assert_eq!(ended.because.as_deref(), Some("worker did not get there, and the others went back"));
    assert!(matches!(word_to(&ended, &api), GroupWord::GoBack(_)));
}

#[test]
fn member_that_goes_back_after_the_last_has_passed_takes_back_whoever_is_not_live() {
    let (api, worker) = (functions()[0].clone(), functions()[1].clone());
    let released = read(&moving(), [PASSED, PASSED], 60);
    let group = read(&released, [PASSED, GOES_BACK], 120);
    assert!(matches!(word_to(&group, &api), GroupWord::GoBack(_)), "{group:?}");
    assert!(!matches!(word_to(&group, &worker), GroupWord::Release));
    let late = read(&released, [(Status::Succeeded, None), BACK], 120);
    assert_eq!((late.phase, late.status), (Phase::RollingBack, Status::InProgress), "what is live is rolled back");
}

#[test]
fn member_that_fails_in_publishing_takes_back_and_withdraws_the_others() {
    let group = read(&moving(), [(Status::Failed, None), UNDER_WAY], 60);
    assert!(matches!(word_to(&group, &functions()[1]), GroupWord::GoBack(_)));
    let waits = read(&moving(), [GOES_BACK, (Status::Pending, None)], 60);
    assert_eq!(waits.to_withdraw(second(60)).count(), 1);
}

#[test]
fn rollout_is_not_late_and_a_member_that_waits_for_its_turn_is() {
    let seven_hours = 30 + 7 * 3_600;
    let group = read(&moving(), [PASSED, UNDER_WAY], seven_hours);
    assert_eq!((group.phase, group.failed_first.as_ref()), (Phase::Moving, None));
    let late = read(&moving(), [PASSED, (Status::Pending, None)], seven_hours);
    assert_eq!(late.failed_first.as_ref(), functions().last());
}

#[test]
fn group_that_is_gone_or_has_ended_says_so() {
    let (group, api) = (moving(), functions()[0].clone());
    let GroupWord::GoBack(because) = word_of(None, group.id, &api) else { panic!() };
    assert!(because.ends_with("is not in the ledger any more"), "{because}");
    let declined = group.declined((&"bob".into(), "no".to_owned()), second(60));
    assert!(matches!(word_of(Some(&declined), group.id, &api), GroupWord::GoBack(_)));
    let placing = Group { phase: Phase::RollingBack, ..group };
    assert!(matches!(word_to(&placing, &api), GroupWord::GoBack(_)));
}

#[test]
fn only_an_undecided_group_is_abandoned_with_its_environment() {
    let checking = Group::of(&promotion_request(10), &functions(), second(20));
    let placing = checking.with_checks(&pass(), token(), second(30));
    for undecided in [checking, placing] {
        let ended = undecided.abandoned(second(60));
        assert_eq!((ended.phase, ended.status), (Phase::Ended, Status::Refused));
    }
    let released = read(&moving(), [PASSED, PASSED], 60);
    let rolls_back = read(&released, [(Status::Succeeded, None), BACK], 120);
    assert_eq!(rolls_back.phase, Phase::RollingBack);
    for decided in [moving(), released, rolls_back] {
        assert!(!decided.abandoned(second(180)).differs_from(&decided), "{decided:?}");
    }
}

#[test]
fn member_that_cannot_be_read_stays_as_it_was_and_holds_up_no_other() {
    let half = read(&moving(), [PASSED, UNDER_WAY], 60);
    let read_one = |group: &Group, member: (Status, Option<MemberRollout>), now: i64| {
        let read = MemberRead { rollout: member.1, ..member_read(&record(group, 1, member.0)) };
        group.moved(&[None, Some(read)], second(now))
    };
    let unread = read_one(&half, PASSED, 120);
    assert_eq!((unread.passed_at, unread.functions[0].rollout), (None, half.functions[0].rollout), "all were not read");
    assert_eq!(read(&unread, [PASSED, PASSED], 180).passed_at, Some(second(180)));
    let failed = read_one(&half, GOES_BACK, 120);
    assert_eq!(failed.failed_first.as_ref(), functions().last());
    let late = read_one(&moving(), (Status::Succeeded, None), 30 + 7 * 3_600);
    assert_eq!((late.phase, late.functions[0].status), (Phase::Moving, None), "nobody knows whether it is late");
}

#[test]
fn group_that_waits_names_whom_it_waits_for_and_since_when() {
    let because = |group: &Group| GroupStatus::from(group).because.map(|it| it.to_string());
    assert_eq!(because(&read(&moving(), [UNDER_WAY, UNDER_WAY], 60)), None);
    let half = read(&read(&moving(), [PASSED, UNDER_WAY], 60), [PASSED, UNDER_WAY], 120);
    assert_eq!(because(&half).as_deref(), Some("waits for worker since 1970-01-01T00:01:00Z; the others have passed"));
    let released = read(&half, [PASSED, PASSED], 180);
    let live = read(&released, [UNDER_WAY, (Status::Succeeded, None)], 240);
    assert_eq!(
        because(&live).as_deref(),
        Some(
            "all have passed since 1970-01-01T00:03:00Z: worker is live, and api becomes live with the next look that can \
             be judged"
        )
    );
    assert_eq!(because(&read(&half, [PASSED, GOES_BACK], 180)), None);
}

#[test]
fn group_is_overdue_after_its_longest_rollout_and_once_a_released_member_is_not_live() {
    let minutes = |minutes: i64| 60 * minutes;
    let hour = Some(SignedDuration::from_hours(1));
    let overdue = |group: &Group, is_paused: bool, now: i64| {
        let read = MemberRead { length: hour, is_paused, ..member_read(&None) };
        overdue_sentence(group, &[Some(MemberRead { is_paused: false, ..read.clone() }), Some(read)], second(now))
            .is_some()
    };
    let half = read(&moving(), [PASSED, UNDER_WAY], minutes(10));
    assert!(!overdue(&half, false, minutes(10 + 135)) && overdue(&half, false, minutes(10 + 136)));
    assert!(!overdue(&half, true, minutes(600)), "a pause has an end of its own");
    let released = read(&half, [PASSED, PASSED], minutes(20));
    let live = read(&released, [PASSED, (Status::Succeeded, None)], minutes(21));
    assert!(!overdue(&live, false, minutes(35)) && overdue(&live, false, minutes(36)));
    let ended = read(&live, [(Status::Succeeded, None), (Status::Succeeded, None)], minutes(40));
    assert!(!overdue(&ended, false, minutes(500)));
}
