//! Promotions that wait: they are admitted, end, or make way for newer ones.

use super::*;
use crate::head::known_requests::DECISIONS;
use crate::promotion::{ApprovalDecision, Decision, Dispatch, PromotionSpec, Wait};
use crate::record::Approved;

static ROW: LazyLock<Config> = LazyLock::new(|| row("newest"));
static IN_ORDER: LazyLock<Config> = LazyLock::new(|| row("in-order"));

pub(super) fn row_config() -> &'static Config {
    &ROW
}

fn row(policy: &str) -> Config {
    let file = serde_json::json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger",
        "environments": {
            "dev": {"targets": [{"account": "111111111111", "region": "eu-west-1"}]},
            "prod": {"targets": [{"account": "222222222222", "region": "eu-west-1"}],
                "promotion": {"from": "dev", "automatic": true, "policy": policy}},
        },
    });
    Config::parse(&file.to_string()).unwrap()
}

pub(super) fn prod(config: &'static Config) -> FunctionRef<'static> {
    let (environment, function) = (EnvironmentName::parse("prod").unwrap(), FunctionName::parse("orders").unwrap());
    FunctionRef::find(config, &environment, &function).unwrap()
}

pub(super) fn promotion(release: &str, kind: CauseKind, time: i64) -> Request {
    let upload = upload(release, time);
    let promoting = PromotionSpec {
        from: EnvironmentName::parse("dev").unwrap(),
        named: None,
        artifact: upload.artifact(),
        not_after: None,
        approvals: vec![],
        unseen_since: None,
        freeze_override: None,
        group: None,
        place_token: None,
    };
    let at = prod(&ROW);
    let cause = Cause::new(kind, Some("ann".into()), Some(format!("p{release}").into()));
    let drawn = (second(time), token(&format!("p{release}")));
    Request::promotion((&at.name, &at.function), promoting, cause, second(time), drawn)
}

pub(super) fn automatic(release: &str, time: i64) -> Request {
    promotion(release, CauseKind::AutomaticPromotion, time)
}

fn soaks(until: i64) -> Decision {
    let wait = Wait { soak_until: Some(second(until)), ..Wait::over(second(9_999)) };
    Decision::Wait(wait)
}

fn no() -> Decision {
    Decision::Deny(refusal())
}

impl Head {
    fn submits(&self, request: &Request, decision: &Decision, now: i64) -> (Self, Next) {
        self.submits_in(&ROW, request, decision, now)
    }

    fn submits_in(&self, config: &'static Config, request: &Request, decision: &Decision, now: i64) -> (Self, Next) {
        let name = format!("w{now}");
        self.writes(accept_promotion(self, (request, Dispatch::Inline), decision, &prod(config), &me(&name, now)))
    }

    fn goes_on(&self, request: &Request, decision: &Decision, now: i64) -> (Self, Next) {
        let name = format!("g{now}");
        self.writes(apply_decision(self, request.id, decision, &prod(&ROW), &me(&name, now)))
    }

    fn waits(&self) -> Vec<DeploymentId> {
        self.waiting().iter().map(|waiting| waiting.request.id).collect()
    }
}

#[test]
fn promotion_waits_for_its_soak_and_is_claimed_afterwards() {
    let one = automatic("1", 10);
    let (head, then) = Head::default().submits(&one, &soaks(100), 10);
    assert!(matches!(then, Next::Deferred(_)) && head.active().is_none() && !has_work(&head, second(10)));
    assert!(head.needs(one.marker) && head.deployments() == [one.id]);
    let Transition { head: none, then } =
        accept_promotion(&head, (&one, Dispatch::Inline), &soaks(100), &prod(&ROW), &me("x", 11));
    assert!(none.is_none() && matches!(then, Next::Deferred(_)), "a duplicate meets it");
    let same = apply_decision(&head, one.id, &soaks(100), &prod(&ROW), &me("x", 12));
    assert!(same.head.is_none(), "nothing new is written");
    let (later, _) = head.goes_on(&one, &soaks(200), 20);
    assert_eq!(later.waiting()[0].wait.soak_until, Some(second(200)));
    let (head, then) = later.goes_on(&one, &Decision::Allow, 200);
    let Next::Work(active) = then else { panic!("{then:?}") };
    assert_eq!((active.request, head.waits()), (one.clone(), vec![]));
    let own_write = apply_decision(&head, one.id, &Decision::Allow, &prod(&ROW), &me("g200", 200));
    assert!(matches!(own_write, Transition { head: None, then: Next::Work(_) }), "our own write");
}

#[test]
fn refusal_during_a_soak_cancels_the_soak() {
    let one = automatic("1", 10);
    let (head, _) = Head::default().submits(&one, &soaks(100), 10);
    let rejected = Decision::Deny(Ending::Refused { code: Code::Rejected, because: "it leaks".into() });
    let (ended, then) = head.goes_on(&one, &rejected, 20);
    assert_eq!((then, ended.record_of(&one).code), (Next::Finished(one.id), Some(Code::SoakCancelled)));
    let by_hand = promotion("2", CauseKind::Promotion, 10);
    let (head, _) = Head::default().submits(&by_hand, &soaks(100), 10);
    assert_eq!(head.goes_on(&by_hand, &rejected, 20).0.record_of(&by_hand).code, Some(Code::Rejected));
}

#[test]
fn newer_promotion_displaces_a_waiting_one_and_an_older_is_late() {
    let (one, two, three) = (automatic("1", 10), automatic("2", 20), automatic("3", 30));
    let (head, _) = Head::default().submits(&two, &soaks(100), 20);
    let (late, then) = head.submits(&one, &soaks(90), 25);
    assert_eq!(
        (then, late.record_of(&one).status, late.waits()),
        (Next::Finished(one.id), Status::Superseded, vec![two.id])
    );
    let (head, _) = late.submits(&three, &soaks(110), 30);
    assert_eq!((head.record_of(&two).status, head.waits()), (Status::Superseded, vec![three.id]));
    let same = Request { id: automatic("3", 40).id, hash: RequestHash::of(&["other"]), ..automatic("3", 40) };
    let (head, _) = head.submits(&same, &soaks(120), 40);
    assert_eq!(
        (head.record_of(&same).status, head.waits()),
        (Status::Superseded, vec![three.id]),
        "the first of both waits on"
    );
}

#[test]
fn same_release_that_skips_its_rollout_displaces_the_one_that_waits() {
    let (careful, mut hurried) = (promotion("1", CauseKind::Promotion, 10), promotion("1", CauseKind::Promotion, 20));
    hurried = Request { id: promotion("2", CauseKind::Promotion, 20).id, hash: RequestHash::of(&["other"]), ..hurried };
    let (waits, _) = Head::default().submits(&careful, &soaks(100), 10);
    let (same, _) = waits.submits(&hurried, &soaks(100), 20);
    assert_eq!((same.record_of(&hurried).status, same.waits()), (Status::Superseded, vec![careful.id]));
    hurried.cause.skip_rollout = Some("prod is down".into());
    let (head, _) = waits.submits(&hurried, &soaks(100), 20);
    assert_eq!((head.record_of(&careful).status, head.waits()), (Status::Superseded, vec![hurried.id]));
}

#[test]
fn promotions_in_order_wait_side_by_side_up_to_a_number() {
    let mut head = Head::default();
    for number in 0..WAITING {
        let release = number.to_string();
        head = head.submits_in(&IN_ORDER, &automatic(&release, 10 + i64::try_from(number).unwrap()), &soaks(500), 50).0;
    }
    assert_eq!(head.waits().len(), WAITING);
    let more = automatic("more", 60);
    let (head, _) = head.submits_in(&IN_ORDER, &more, &soaks(500), 60);
    assert_eq!((head.record_of(&more).status, head.waits().len()), (Status::Refused, WAITING));
}

#[test]
fn waiting_promotion_is_superseded_by_what_was_admitted_later() {
    let one = automatic("1", 10);
    let (head, _) = Head::default().submits(&one, &soaks(100), 10);
    let newer = command("d", CauseKind::Deploy, Source::Newest { release: Release::parse("2").unwrap() }, 50);
    let (head, _) = head.accepts(&newer, &me("d", 50));
    let (head, _) = head.goes_on(&one, &Decision::Allow, 100);
    assert_eq!(head.record_of(&one).status, Status::Superseded);
    let (rolled, _) = Head::default().submits(&one, &soaks(100), 10);
    let rolled = rolled.deploys(&upload("0", 5), "5").deploys(&upload("x", 6), "6");
    let (rolled, _) = rolled.accepts(&rollback("r", 50), &me("r", 50));
    assert_eq!(
        (rolled.record_of(&one).status, rolled.waiting().len()),
        (Status::Superseded, 0),
        "a rollback ends what waits"
    );
}

#[test]
fn promotion_within_the_second_of_a_command_goes_by_time() {
    let floor = Timestamp::from_millisecond(10_500).unwrap();
    let back = Request { time: floor, ..rollback("r", 10) };
    let head = Head::default().deploys(&upload("0", 5), "5").deploys(&upload("x", 6), "6");
    let (head, _) = head.accepts(&back, &me("r", 10));
    let at_millis = |millis| Request { time: Timestamp::from_millisecond(millis).unwrap(), ..automatic("1", 10) };
    let (earlier, later) = (at_millis(10_000), at_millis(10_501));
    assert_eq!(head.submits(&earlier, &soaks(100), 11).0.record_of(&earlier).status, Status::Superseded);
    assert_eq!(head.submits(&later, &soaks(100), 11).0.waits(), [later.id]);
}

#[test]
fn command_is_never_displaced_by_a_promotion() {
    let head = Head::default().deploys(&upload("0", 5), "5").accepts(&upload("1", 10), &me("one", 10)).0;
    let back = rollback("r", 20);
    let (head, _) = head.accepts(&back, &me("r", 20));
    let (head, _) = head.submits(&promotion("2", CauseKind::Promotion, 30), &Decision::Allow, 30);
    let ids: Vec<_> = head.all_pending().iter().map(|pending| pending.id).collect();
    assert_eq!(ids, [back.id, promotion("2", CauseKind::Promotion, 30).id]);
}

#[test]
fn active_promotion_that_must_wait_is_put_back() {
    let one = promotion("1", CauseKind::Promotion, 10);
    let (head, _) = Head::default().submits(&one, &Decision::Allow, 10);
    let Decision::Wait(wait) = soaks(300) else { panic!() };
    assert!(put_back(&head, token("stranger"), &wait, &prod(&ROW), second(20)).is_none());
    let (stopped, _) = head.accepts(&rollback("r", 15), &me("r", 15));
    let stopped = put_back(&stopped, token("w10"), &wait, &prod(&ROW), second(20)).unwrap();
    assert_eq!(stopped.then, Next::Finished(one.id));
    let stopped = stopped.head.unwrap();
    assert_eq!(
        (stopped.record_of(&one).status, stopped.waits()),
        (Status::Superseded, vec![]),
        "a rollback has asked for it"
    );
    let back = put_back(&head, token("w10"), &wait, &prod(&ROW), second(20)).unwrap();
    let head = *back.head.unwrap();
    assert_eq!((head.active(), head.waits(), head.waiting()[0].notified), (None, vec![one.id], false));
    assert_eq!(head.goes_on(&one, &Decision::Allow, 300).0.active().unwrap().request, one);
}

#[test]
fn approvals_count_once_and_the_requesters_own_never() {
    let one = promotion("1", CauseKind::Promotion, 10);
    let (head, _) = Head::default().submits(&one, &soaks(100), 10);
    let by = |who: &str| Approved {
        by: who.into(),
        account: None,
        at: second(20),
        principal: None,
        unproven: None,
        event_id: None,
    };
    let own = approve(&head, one.id, &by("ann"), None);
    assert!(matches!(own, ApprovalEffect::Ineligible(because) if because.starts_with("ann has asked")));
    let ApprovalEffect::Write(approved) = approve(&head, one.id, &by("bob"), None) else { panic!() };
    assert_eq!(approve(&approved, one.id, &by("bob"), None), ApprovalEffect::Duplicate(None));
    let ApprovalEffect::Write(twice) = approve(&approved, one.id, &by("carl"), None) else { panic!() };
    assert_eq!(twice.waiting()[0].request.promotion_spec().unwrap().approvals.len(), 2);
    let other = automatic("9", 90);
    assert_eq!(approve(&head, other.id, &by("bob"), None), ApprovalEffect::NotWaiting);
    let bob = (Some(&"bob".into()), "declined by bob".to_owned());
    let ApprovalEffect::Write(declined) = decline(&head, one.id, bob.clone(), &prod(&ROW), second(30)) else {
        panic!()
    };
    let record = declined.record_of(&one);
    assert_eq!((record.code, declined.waits()), (Some(Code::NotPromotable), vec![]));
    assert_eq!(record.promotion.as_ref().unwrap().declined_by, Some("bob".into()));
    assert_eq!(decline(&declined, one.id, bob, &prod(&ROW), second(30)), ApprovalEffect::NotWaiting);
}

#[test]
fn approvals_under_ever_new_ids_make_the_head_forget_no_request() {
    let one = promotion("1", CauseKind::Promotion, 10);
    let (mut head, _) = Head::default().submits(&one, &soaks(100), 10);
    let requests = head.known.requests.clone();
    let decision = ApprovalDecision::Approve;
    for number in 0..=DECISIONS {
        let id = format!("a{number}");
        let decided = DecisionId { id: &id, decision: &decision };
        let effect = ApprovalEffect::Duplicate(None).remembering(&head, decided, &prod(&ROW), one.id);
        let ApprovalEffect::Duplicate(Some(next)) = effect else { panic!("{effect:?}") };
        head = *next;
    }
    assert_eq!((&head.known.requests, head.known.decisions.len()), (&requests, DECISIONS));
    let about = |head: &Head, id: &str| DecisionId { id, decision: &decision }.about(head, &prod(&ROW));
    assert_eq!((about(&head, "a0"), about(&head, "a1")), (None, Some(one.id)), "the oldest is forgotten");
    // An older deployer has put them among the requests.
    let mut older = serde_json::to_value(&head).unwrap();
    older["requests"] = older["decisions"].take();
    older.as_object_mut().unwrap().remove("decisions");
    let older: Head = serde_json::from_value(older).unwrap();
    assert_eq!(about(&older, "a1"), Some(one.id));
    let same = DecisionId { id: "a1", decision: &decision };
    assert_eq!(
        ApprovalEffect::Duplicate(None).remembering(&older, same, &prod(&ROW), one.id),
        ApprovalEffect::Duplicate(None)
    );
}

#[test]
fn refused_promotion_ends_at_once_and_a_held_one_while_waiting() {
    let one = automatic("1", 10);
    let (head, then) = Head::default().submits(&one, &no(), 10);
    assert_eq!((then, head.record_of(&one).status, head.waits()), (Next::Finished(one.id), Status::Refused, vec![]));
    let two = automatic("2", 20);
    let (head, _) = head.submits(&two, &soaks(100), 20);
    let hold = Hold { reason: "audit".into(), requested_by: None, principal: None, unproven: None, since: second(30) };
    let CommandEffect::Write(held) = crate::head::hold(&head, hold, &prod(&ROW), "h", second(30)) else { panic!() };
    assert_eq!((held.record_of(&two).code, held.waits()), (Some(Code::SoakCancelled), vec![]));
}

#[test]
fn waiting_is_announced_once() {
    let one = automatic("1", 10);
    let (head, _) = Head::default().submits(&one, &soaks(100), 10);
    let notified = with_notified(&head, &[one.id]).unwrap();
    assert!(notified.waiting()[0].notified && with_notified(&notified, &[one.id]).is_none());
    assert!(with_notified(&head, &[automatic("9", 90).id]).is_none());
}

#[test]
fn oldest_unsent_events_are_dropped_and_unwritten_records_never() {
    let mut head = Head::default();
    let unwritten = automatic("unwritten", 1);
    head = head.submits(&unwritten, &no(), 1).0;
    for number in 0..OUTBOX + 10 {
        let one = automatic(&format!("r{number}"), 10);
        head = head.submits(&one, &no(), 10).0;
        head = with_side_effects_done(&head, &[(one.id, [SideEffect::Record, SideEffect::Promotions].into())]).unwrap();
    }
    assert!(!head.is_overfull() && head.outbox().len() <= OUTBOX + 2);
    assert_eq!(head.outbox()[0].record.id, unwritten.id);
    assert!(head.needs(automatic("r55", 10).marker) && !head.needs(automatic("r1", 10).marker));
}
