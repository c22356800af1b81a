//! Freezes that the rollout of a promotion would reach into.

use super::*;

/// Prod rolls out in 20 minutes, and is frozen from 16:00 to 08:00 each night.
fn before_the_night(more: serde_json::Value) -> Case {
    let days = json!(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
    let night = json!([{"days": days, "from": "16:00", "to": "08:00", "zone": "UTC"}]);
    let mut prod = json!({"promotion": {"from": "qa"}, "freeze": night, "rollout": {}});
    prod.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Case::new(prod, head(&[("1", 100)], &[]))
}

#[test]
fn promotion_whose_rollout_would_reach_into_a_freeze_waits_until_after_it() {
    let case = before_the_night(json!({}));
    let at = |time: &str| format!("1970-01-05T{time}Z").parse::<Timestamp>().unwrap().as_second();
    let decide = |time: &str| case.decision(CauseKind::Promotion, "1", at(time));
    assert_eq!(decide("15:40:00"), Decision::Allow, "it ends when the freeze begins");
    let Decision::Wait(wait) = decide("15:40:01") else { panic!("it would reach into the freeze") };
    assert_eq!(
        wait.to_string(),
        "waits until 1970-01-06T08:00:00Z for the freeze from 1970-01-05T16:00:00Z on to end, which its rollout would \
         reach into"
    );
    let Decision::Wait(wait) = decide("16:00:00") else { panic!("it is frozen") };
    assert_eq!(wait.to_string(), "waits until 1970-01-06T08:00:00Z for the freeze to end");
    let hurry = Cause { skip_rollout: Some("down".into()), ..Cause::new(CauseKind::Promotion, None, Some("e".into())) };
    let judge = |time: &str| {
        case.judge(hurry.clone(), promotion_spec("1"), at(time), |policy, request, spec| policy.evaluate(request, spec))
    };
    assert_eq!(judge("15:50:00"), Decision::Allow, "it is watched for ten minutes");
    assert!(matches!(judge("15:51:00"), Decision::Wait(_)));
    let overridden = PromotionSpec { freeze_override: Some("urgent".into()), ..promotion_spec("1") };
    assert_eq!(case.evaluate(CauseKind::Promotion, overridden, at("15:50:00")), Decision::Allow);
}

#[test]
fn promotion_into_a_freeze_is_refused_where_freezes_refuse() {
    let case = before_the_night(json!({"when_frozen": "refuse"}));
    let at = "1970-01-05T15:50:00Z".parse::<Timestamp>().unwrap().as_second();
    let Decision::Deny(Ending::Refused { code, because }) = case.decision(CauseKind::Promotion, "1", at) else {
        panic!("it would reach into the freeze")
    };
    assert_eq!(code, Code::NotPromotable);
    assert_eq!(
        because,
        "prod is frozen from 1970-01-05T16:00:00Z until 1970-01-06T08:00:00Z, its rollout takes 20m and would reach into \
         that, and refuses promotions meanwhile: promote then, or give a reason to override the freeze"
    );
}
