#![allow(clippy::unwrap_used)]
//! The rules of promotions, each by an example. The world's scenarios cover the texts of refusals.

mod frozen;

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::artifact::ArtifactRef;
use crate::config::Config;
use crate::function_ref::FunctionRef;
use crate::head::{Head, Request, ResolvedArtifact};
use crate::id::{EnvironmentName, FunctionName, FunctionPattern, Release, RequestHash, Sha256, Token};
use crate::identity::Identity;
use crate::record::{Approved, Cause, CauseKind, Code, Ending};
use crate::rejects::Rejects;

fn name(text: &str) -> EnvironmentName {
    EnvironmentName::parse(text).unwrap()
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Makes a deployer.json with `qa`, `perf` and `prod`, the last with these rules.
fn config(prod: serde_json::Value) -> Config {
    let target = |account: &str| json!([{"account": account, "region": "eu-west-1"}]);
    let mut prod = prod;
    prod["targets"] = target("333333333333");
    let file = json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger", "queue_url": "https://sqs/deployer",
        "environments": {"qa": {"targets": target("111111111111")}, "perf": {"targets": target("222222222222")}, "prod": prod},
    });
    Config::parse(&file.to_string()).unwrap()
}

fn resolved(release: &str) -> ResolvedArtifact {
    let key = format!("qa/orders/{release}.zip");
    let artifact = ArtifactRef { bucket: config(json!({})).artifact_bucket, key, version_id: "v".into() };
    let sha256 = Some(Sha256::of(release.as_bytes()));
    ResolvedArtifact { sha256, ..ResolvedArtifact::of(Release::parse(release).unwrap(), artifact) }
}

/// Makes a head on which these were live, newest first, since these seconds, and on which others were rolled back.
fn head(history: &[(&str, i64)], left: &[(&str, i64)]) -> Head {
    let live = |(release, since): &(&str, i64)| {
        let ResolvedArtifact { artifact, sha256, .. } = resolved(release);
        json!({"release": release, "deployment": "01JBJ4GZ00ABCDEFGH0123456J", "artifact": artifact, "sha256": sha256,
            "since": second(*since), "versions": {}})
    };
    let lives = |all: &[(&str, i64)]| all.iter().map(live).collect::<Vec<_>>();
    serde_json::from_value(json!({"schema": 1, "revision": 1, "targets": [], "requests": [], "outbox": [], "ended": [],
        "history": lives(history), "left": lives(left)}))
    .unwrap()
}

fn failed(head: &Head, at: i64) -> Head {
    let mut json = serde_json::to_value(head).unwrap();
    json["failure"] = json!({"deployment": "01JBJ4GZ00ABCDEFGH0123456J", "at": second(at)});
    serde_json::from_value(json).unwrap()
}

fn from(head: Head) -> SourceEnvironment {
    SourceEnvironment { head, targets: vec![] }
}

struct Case {
    config: Config,
    here: Head,
    sources: BTreeMap<EnvironmentName, SourceEnvironment>,
}

impl Case {
    fn new(prod: serde_json::Value, qa: Head) -> Self {
        Self { config: config(prod), here: Head::default(), sources: BTreeMap::from([(name("qa"), from(qa))]) }
    }

    fn and_perf(mut self, perf: Head) -> Self {
        self.sources.insert(name("perf"), from(perf));
        self
    }

    fn decision(&self, kind: CauseKind, release: &str, now: i64) -> Decision {
        self.evaluate(kind, promotion_spec(release), now)
    }

    fn evaluate(&self, kind: CauseKind, promoting: PromotionSpec, now: i64) -> Decision {
        self.judge(Cause::new(kind, None, Some("e".into())), promoting, now, |policy, request, spec| {
            policy.evaluate(request, spec)
        })
    }

    fn judge(
        &self,
        cause: Cause,
        promoting: PromotionSpec,
        now: i64,
        by: fn(&PromotionPolicy<'_>, &Request, &PromotionSpec) -> Decision,
    ) -> Decision {
        let function = FunctionName::parse("orders").unwrap();
        let to = FunctionRef::find(&self.config, &name("prod"), &function).unwrap();
        let rejects = Rejects::default();
        let marker = Token::drawn(second(0), 0);
        let request = Request::promotion((&to.name, &function), promoting, cause, second(100), (second(100), marker));
        let (here, sources) = (&self.here, &self.sources);
        let policy =
            PromotionPolicy { to: &to, here, sources, rejects: &rejects, groups: &BTreeMap::new(), now: second(now) };
        by(&policy, &request, request.promotion_spec().unwrap())
    }
}

fn promotion_spec(release: &str) -> PromotionSpec {
    PromotionSpec {
        from: name("qa"),
        named: None,
        artifact: Some(resolved(release)),
        not_after: None,
        approvals: vec![],
        unseen_since: None,
        freeze_override: None,
        group: None,
        place_token: None,
    }
}

fn code(decision: &Decision) -> Option<Code> {
    match decision {
        Decision::Deny(Ending::Refused { code, .. }) => Some(*code),
        Decision::Deny(Ending::Superseded { .. }) => Some(Code::Superseded),
        _ => None,
    }
}

fn soaks_until(decision: &Decision) -> Option<i64> {
    match decision {
        Decision::Wait(wait) => Some(wait.soak_until.unwrap().as_second()),
        _ => None,
    }
}

const AUTOMATIC: CauseKind = CauseKind::AutomaticPromotion;

#[test]
fn soak_ends_to_the_second() {
    let case =
        Case::new(json!({"promotion": {"automatic": true, "from": "qa", "soak": "60s"}}), head(&[("1", 100)], &[]));
    assert_eq!(soaks_until(&case.decision(AUTOMATIC, "1", 159)), Some(160));
    assert_eq!(case.decision(AUTOMATIC, "1", 160), Decision::Allow);
    assert_eq!(code(&case.decision(CauseKind::Promotion, "1", 159)), Some(Code::NotPromotable));
    assert_eq!(case.decision(CauseKind::Promotion, "1", 160), Decision::Allow);
}

#[test]
fn failure_within_the_soak_cancels_it() {
    let rules = || json!({"promotion": {"automatic": true, "from": "qa", "soak": "60s"}});
    let live = head(&[("1", 100)], &[]);
    let within = Case::new(rules(), failed(&live, 150));
    assert_eq!(code(&within.decision(AUTOMATIC, "1", 155)), Some(Code::SoakCancelled));
    assert_eq!(code(&within.decision(CauseKind::Promotion, "1", 209)), Some(Code::NotPromotable), "it soaks anew");
    assert_eq!(within.decision(CauseKind::Promotion, "1", 210), Decision::Allow);
    for at in [99, 170] {
        let other = Case::new(rules(), failed(&live, at));
        assert_eq!(other.decision(AUTOMATIC, "1", 180), Decision::Allow, "{at}");
    }
}

#[test]
fn replaced_release_is_superseded_or_continues_by_policy() {
    let replaced = || head(&[("2", 130), ("1", 100)], &[]);
    let newest = Case::new(json!({"promotion": {"automatic": true, "from": "qa", "soak": "60s"}}), replaced());
    assert_eq!(code(&newest.decision(AUTOMATIC, "1", 140)), Some(Code::Superseded));
    let in_order = Case::new(
        json!({"promotion": {"automatic": true, "from": "qa", "soak": "60s", "policy": "in-order"}}),
        replaced(),
    );
    assert_eq!(soaks_until(&in_order.decision(AUTOMATIC, "1", 140)), Some(160));
    assert_eq!(in_order.decision(AUTOMATIC, "1", 160), Decision::Allow);
    assert_eq!(code(&in_order.decision(CauseKind::Promotion, "1", 500)), Some(Code::NotPromotable), "30 s are no 60 s");
    let left = Case::new(json!({"promotion": {"automatic": true, "from": "qa"}}), head(&[("1", 130)], &[("2", 110)]));
    assert_eq!(code(&left.decision(AUTOMATIC, "2", 140)), Some(Code::SoakCancelled));
    assert_eq!(code(&left.decision(CauseKind::Promotion, "2", 140)), Some(Code::NotLive));
    let named = PromotionSpec { named: Some(Release::parse("2").unwrap()), ..promotion_spec("2") };
    assert_eq!(left.evaluate(CauseKind::Promotion, named, 140), Decision::Allow, "whoever names it means it");
}

#[test]
fn last_soak_of_all_sources_or_of_the_one_counts() {
    let both = |require: &str| {
        let rules =
            json!({"promotion": {"automatic": true, "from": ["qa", "perf"], "require": require, "soak": "60s"}});
        Case::new(rules, head(&[("1", 100)], &[])).and_perf(head(&[("1", 150)], &[]))
    };
    assert_eq!(soaks_until(&both("all").decision(AUTOMATIC, "1", 170)), Some(210));
    assert_eq!(both("any").decision(AUTOMATIC, "1", 170), Decision::Allow);
    let missing =
        Case::new(json!({"promotion": {"automatic": true, "from": ["qa", "perf"]}}), head(&[("1", 100)], &[]))
            .and_perf(head(&[], &[]));
    assert_eq!(code(&missing.decision(CauseKind::Promotion, "1", 170)), Some(Code::NotLive));
}

#[test]
fn approval_expires_counted_from_the_end_of_the_soak() {
    let rules = json!({"promotion": {"automatic": true, "from": "qa", "soak": "60s"}, "approval": {"required": 2, "expires": "100s"}});
    let case = Case::new(rules, head(&[("1", 100)], &[]));
    let Decision::Wait(wait) = case.decision(AUTOMATIC, "1", 110) else { panic!() };
    assert_eq!((wait.approvals_wanted, wait.expires_at, wait.soak_until), (2, second(260), Some(second(160))));
    let Decision::Wait(wait) = case.decision(AUTOMATIC, "1", 260) else { panic!() };
    assert_eq!((wait.approvals_wanted, wait.expires_at, wait.soak_until), (2, second(260), None));
    assert_eq!(code(&case.decision(AUTOMATIC, "1", 261)), Some(Code::Expired));
    let approved = |by: &str| Approved {
        by: by.into(),
        account: None,
        at: second(120),
        principal: None,
        unproven: None,
        event_id: None,
    };
    let given = PromotionSpec { approvals: vec![approved("ann"), approved("bob")], ..promotion_spec("1") };
    assert_eq!(case.evaluate(AUTOMATIC, given, 170), Decision::Allow);
}

#[test]
fn requester_is_judged_when_they_ask_and_never_after() {
    let approvers = json!(["arn:aws:iam::123456789012:role/release-*"]);
    for (approval, requested_by, because) in [
        (json!({"required": 1, "proven": true, "approvers": approvers}), Some("ann"), "must prove theirs"),
        (json!({"required": 1}), None, "must be named"),
    ] {
        let case = Case::new(json!({"promotion": {"from": "qa"}, "approval": &approval}), head(&[("1", 100)], &[]));
        let cause = Cause::new(CauseKind::Promotion, requested_by.map(Into::into), Some("e".into()));
        let judged = |case: &Case, cause: &Cause| {
            case.judge(cause.clone(), promotion_spec("1"), 110, |policy, request, spec| {
                policy.evaluate_new(request, spec)
            })
        };
        let Decision::Deny(Ending::Refused { code, because: told }) = judged(&case, &cause) else {
            panic!("{because}");
        };
        assert_eq!(code, Code::NotPromotable);
        assert!(told.contains(because), "{told}");
        let later =
            case.judge(cause.clone(), promotion_spec("1"), 110, |policy, request, spec| policy.evaluate(request, spec));
        assert!(matches!(later, Decision::Wait(wait) if wait.approvals_wanted == 1));
        let automatic = Cause { kind: CauseKind::AutomaticPromotion, ..cause };
        let rules = json!({"promotion": {"from": "qa", "automatic": true}, "approval": approval});
        let case = Case::new(rules, head(&[("1", 100)], &[]));
        assert!(matches!(judged(&case, &automatic), Decision::Wait(_)));
    }
}

#[test]
fn wait_names_all_its_conditions() {
    let wait = Wait {
        soak_until: Some(second(160)),
        frozen_until: Some(second(200)),
        approvals_wanted: 2,
        ..Wait::over(second(500))
    };
    assert_eq!(
        wait.to_string(),
        "waits until 1970-01-01T00:02:40Z for its soak, and for 2 approvals, until 1970-01-01T00:08:20Z at most, and until \
         1970-01-01T00:03:20Z for the freeze to end"
    );
    assert!(!wait.is_over() && Wait::over(second(1)).is_over());
}

#[test]
fn request_from_another_time_is_refused() {
    let asked = |time: i64, is_replay: bool| PromotionRequest {
        functions: Functions::One(FunctionName::parse("orders").unwrap()),
        from: name("qa"),
        to: name("prod"),
        release: None,
        requested_by: None,
        identity: Identity::None,
        not_after: None,
        freeze_override: None,
        skip_rollout: None,
        id: "e".into(),
        time: second(time),
        keeps_its_time: true,
        is_replay,
    };
    let out = |time: i64, is_replay| asked(time, is_replay).refusal_by_time(second(1_000_000));
    assert!(out(1_000_000, true).is_some());
    assert_eq!((out(1_000_300, false), out(913_600, false)), (None, None), "five minutes ahead, a day ago");
    assert!(matches!(out(1_000_301, false), Some(Ending::Refused { code: Code::NotPromotable, .. })));
    assert!(matches!(out(913_599, false), Some(Ending::Refused { code: Code::Expired, .. })));
}

#[test]
fn request_names_one_function_a_pattern_or_a_group() {
    let pattern = |text: &str| Some(FunctionPattern::parse(text).unwrap());
    let names = |all: &[&str]| Some(all.iter().map(|one| FunctionName::parse(*one).unwrap()).collect::<Vec<_>>());
    assert!(matches!(Functions::of(pattern("orders"), None), Ok(Functions::One(_))));
    assert!(matches!(Functions::of(pattern("*"), None), Ok(Functions::Each(_))));
    assert_eq!(Functions::of(None, names(&["b", "a"])).unwrap().to_string(), "a and b");
    let many: Vec<String> = (0..21).map(|number| format!("f{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (function, functions) in [
        (pattern("a"), names(&["a"])),
        (None, None),
        (None, names(&[])),
        (None, names(&["a", "a"])),
        (None, names(&many)),
    ] {
        assert!(Functions::of(function.clone(), functions.clone()).is_err(), "{function:?} {functions:?}");
    }
}

#[test]
fn patterns_match_as_people_expect() {
    let matches = |pattern: &str, name: &str| {
        FunctionPattern::parse(pattern).unwrap().matches(&FunctionName::parse(name).unwrap())
    };
    for (pattern, name) in [
        ("*", "a"),
        ("a", "a"),
        ("orders-*", "orders-api"),
        ("*-api", "orders-api"),
        ("o*-a*i", "orders-api"),
        ("a**", "a"),
    ] {
        assert!(matches(pattern, name), "{pattern} {name}");
    }
    for (pattern, name) in [("a", "ab"), ("orders-*", "order-api"), ("a*a", "a"), ("*b*", "aca"), ("ab*ba", "aba")] {
        assert!(!matches(pattern, name), "{pattern} {name}");
    }
}

proptest! {
    #[test]
    fn nothing_passes_before_its_soak(
        since in 0_i64..100, soak in 1_i64..100, failure in 0_i64..300, now in 0_i64..400, newer in proptest::option::of(0_i64..300),
    ) {
        prop_assume!(newer.is_none_or(|newer| since + newer <= now));
        let mut history = vec![("1", since)];
        if let Some(newer) = newer {
            history.insert(0, ("2", since + newer));
        }
        let qa = failed(&head(&history, &[]), failure);
        let case = Case::new(json!({"promotion": {"automatic": true, "from": "qa", "soak": format!("{soak}s")}}), qa);
        for kind in [AUTOMATIC, CauseKind::Promotion] {
            if case.decision(kind, "1", now) == Decision::Allow {
                let end = newer.map_or(now, |newer| now.min(since + newer));
                prop_assert!(newer.is_none() || kind == CauseKind::Promotion);
                prop_assert!(end - since >= soak, "live from {since} to {end}");
            }
        }
    }

    #[test]
    fn different_requests_have_different_identities(one in "[a-z]{1,3}", other in "[a-z]{1,3}") {
        let hash = |id: &str| RequestHash::of(&["promotion", id, "prod", "orders"]);
        prop_assert_eq!(one == other, hash(&one) == hash(&other));
    }
}

#[test]
fn times_in_sentences_are_to_the_second() {
    let precise = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let soak_until = precise("2026-11-01T10:00:00.123456789Z");
    let frozen_until = precise("2026-11-02T10:00:00.5Z");
    let expires_at = precise("2026-11-03T10:00:00.999999999Z").unwrap();
    let wait = Wait { soak_until, frozen_until, approvals_wanted: 1, ..Wait::over(expires_at) };
    assert_eq!(
        wait.to_string(),
        "waits until 2026-11-01T10:00:01Z for its soak, and for an approval, until 2026-11-03T10:00:00Z at most, and until \
         2026-11-02T10:00:01Z for the freeze to end"
    );
}
