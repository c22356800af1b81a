//! Whether a head makes its function known.

use super::*;
use crate::head::KnownBy;

#[test]
fn function_is_known_by_what_was_live_by_a_hold_and_by_an_open_request() {
    let one = upload("1", 10);
    let (claimed, _) = Head::default().accepts(&one, &me("a", 10));
    assert_eq!(KnownBy::of(&claimed), Some(KnownBy::OpenRequest));
    let (live, _) = claimed.commits("a", &arrived(&one, "7", "A"), None);
    assert_eq!(KnownBy::of(&live), Some(KnownBy::Deployment));
    let by = Hold { reason: "new".into(), requested_by: None, principal: None, unproven: None, since: second(5) };
    let CommandEffect::Write(held) = hold(&Head::default(), by, &at(), "h", second(5)) else { panic!() };
    assert_eq!(KnownBy::of(&held), Some(KnownBy::Hold));
    let Some(CommandEffect::Write(released)) = release_hold(&held, &at(), "r") else { panic!() };
    assert_eq!((released.hold(), KnownBy::of(&released)), (None, Some(KnownBy::Hold)), "the name is still right");
    assert!(KnownBy::Deployment.allows_creation() && KnownBy::Hold.allows_creation());
    assert!(!KnownBy::OpenRequest.allows_creation(), "an upload does not vouch for its own name");
}

#[test]
fn refused_request_makes_no_function_known_and_a_failed_one_makes_none_new() {
    let one = upload("1", 10);
    let (refused, _) = Head::default().refuses(&one, &me("a", 10));
    assert_eq!((refused.id_of(&one), KnownBy::of(&refused)), (Some(one.id), None));
    let (claimed, _) = Head::default().accepts(&one, &me("a", 10));
    let fails = |outcome: &mut TargetOutcome| {
        outcome.status = Status::Failed;
        outcome.error = Some(TargetError::new(TargetErrorCode::AccessDenied, "enter", "may not"));
    };
    let (failed, _) = claimed.commits("a", &ends(&one, "A", fails), None);
    assert_eq!(KnownBy::of(&failed), Some(KnownBy::Attempt));
    assert!(!KnownBy::Attempt.allows_creation());
}

#[test]
fn known_request_is_answered_and_a_forgotten_one_is_not_accepted() {
    let one = upload("1", 10);
    assert_eq!(answer_known(&Head::default(), &one, &at(), &me("a", 10)), Transition::none(Next::Nothing));
    let ended = Head::default().deploys(&one, "7");
    assert_eq!(answer_known(&ended, &one, &at(), &me("a", 20)), Transition::none(Next::Finished(one.id)));
}
