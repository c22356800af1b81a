//! Checks of the rights that a session of the deploy role has.

use serde_json::json;

use super::*;
use crate::config::Environment;
use crate::config::rollout::{Rollout, SmokeTest};
use crate::session_policy::POLICY_LIMIT;

/// Outcomes in which every call is allowed except for this one.
fn rights_but(action: ProbedAction, outcome: Result<Attempt, Refused>) -> Vec<Check> {
    rights_where(|tried| if tried == action { outcome.clone() } else { Ok(Attempt::Allowed) })
}

fn rights_where(outcome: impl Fn(ProbedAction) -> Result<Attempt, Refused>) -> Vec<Check> {
    let rollout = Rollout { smoke_tests: vec![smoke_test()], ..Rollout::default() };
    rights_with(&rollout, outcome)
}

fn rights_with(rollout: &Rollout, outcome: impl Fn(ProbedAction) -> Result<Attempt, Refused>) -> Vec<Check> {
    let tried: Vec<Tried> = ProbedAction::ALL.iter().map(|action| (*action, Some(outcome(*action)))).collect();
    on_chain(|chain| checks::rights(chain, Some(rollout), &tried))
}

fn smoke_test() -> SmokeTest {
    SmokeTest::parse_file(br#"{"event": {"ping": true}}"#).unwrap().remove(0)
}

/// The environment `dev`, with this rollout.
fn environment(rollout: Option<Rollout>) -> Environment {
    let text = r#"{"artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger",
        "environments": {"dev": {"targets": [{"account": "111111111111", "region": "eu-west-1"}]}}}"#;
    let mut config = Config::parse(text).unwrap();
    Environment { rollout, ..config.environments.remove(&EnvironmentName::parse("dev").unwrap()).unwrap() }
}

fn right_but(action: ProbedAction, outcome: Result<Attempt, Refused>) -> Check {
    rights_but(action, outcome).into_iter().find(|check| check.check == action.action()).unwrap()
}

#[test]
fn missing_right_is_reported_as_the_modules_statement() {
    let missing = |action| right_but(action, Err(denied("no"))).missing;
    let function = "arn:aws:lambda:eu-west-1:111111111111:function:<functions>";
    assert_eq!(
        missing(ProbedAction::UpdateAlias),
        [Missing {
            belongs: "the policy of the deploy role deployer-target in account 111111111111 (module target, whose \
                      `functions` say what belongs in place of <functions>)"
                .into(),
            statement: json!({"Effect": "Allow", "Action": "lambda:UpdateAlias",
                "Resource": [function, format!("{function}:*")]}),
        }]
    );
    assert_eq!(missing(ProbedAction::TagResource)[0].statement["Resource"], function);
    assert_eq!(missing(ProbedAction::DeleteFunction)[0].statement["Resource"], format!("{function}:*"));
}

#[test]
fn reported_statement_pasted_unchanged_allows_nothing() {
    let named = ProbedAction::ALL.iter().filter(|action| action.names_a_function());
    for action in named.filter(|action| action.switch() != Some("concurrency")) {
        let statement = &right_but(*action, Err(denied("no"))).missing[0].statement;
        let resources = statement["Resource"].to_string();
        assert_eq!(resources.matches("function:").count(), resources.matches("<functions>").count(), "{statement}");
    }
}

#[test]
fn denied_concurrency_is_no_fault() {
    for action in [ProbedAction::PutFunctionConcurrency, ProbedAction::DeleteFunctionConcurrency] {
        let check = right_but(action, Err(denied("with an explicit deny in an identity-based policy")));
        assert_eq!((check.status, check.missing.len()), (CheckStatus::NotChecked, 0));
        let because = check.because.unwrap();
        assert!(because.contains("`concurrency` of module target"), "{because}");
    }
}

#[test]
fn denied_right_of_rollouts_fails_and_names_the_modules_switch() {
    for action in [ProbedAction::DescribeAlarms, ProbedAction::DescribeAlarmHistory, ProbedAction::GetMetricData] {
        let check = right_but(action, Err(denied("no")));
        assert_eq!(check.because.as_deref(), Some("no; rollouts need it (`rollouts` of module target allows it)"));
        assert_eq!(
            check.missing,
            [Missing {
                belongs: "the policy of the deploy role deployer-target in account 111111111111 (module target)".into(),
                statement: json!({"Effect": "Allow", "Action": action.action(), "Resource": "*"}),
            }]
        );
    }
    let check =
        right_but(ProbedAction::GetMetricData, Err(denied("with an explicit deny in an identity-based policy")));
    assert_eq!((check.status, check.missing.len()), (CheckStatus::Fail, 0));
    assert!(check.because.unwrap().contains("`rollouts` of module target"));
}

#[test]
fn denied_invocation_is_a_fault_only_where_the_environment_has_a_smoke_test() {
    let check = |rollout: &Rollout| {
        let checks = rights_with(rollout, |action| match action {
            ProbedAction::InvokeFunction => Err(denied("with an explicit deny in an identity-based policy")),
            _ => Ok(Attempt::Allowed),
        });
        let check = checks.into_iter().find(|check| check.check == "lambda:InvokeFunction").unwrap();
        (check.status, check.because.unwrap().to_string())
    };
    let (status, because) = check(&Rollout::default());
    assert_eq!(status, CheckStatus::NotChecked);
    assert!(
        because.ends_with("only a release with a smoke.json needs it (`smoke_tests` of module target)"),
        "{because}"
    );
    let (status, because) = check(&Rollout { smoke_tests: vec![smoke_test()], ..Rollout::default() });
    assert_eq!(status, CheckStatus::Fail);
    assert!(because.contains("rollouts need it (`smoke_tests` of module target allows it)"), "{because}");
}

#[test]
fn rights_of_rollouts_are_tried_only_where_the_environment_has_one() {
    let tried = |rollout| ProbedAction::of(&environment(rollout)).count();
    assert_eq!((tried(None), tried(Some(Rollout::default()))), (16, 20));
}

#[test]
fn role_limited_to_other_functions_is_not_checked() {
    let checks = rights_where(|action| match action.names_a_function() {
        true => Err(denied("no identity-based policy allows it")),
        false => Ok(Attempt::Allowed),
    });
    let checks: Vec<Check> = checks.into_iter().filter(|check| check.check.starts_with("lambda:")).collect();
    assert!(checks.iter().all(|check| check.status == CheckStatus::NotChecked && check.missing.is_empty()));
    let because = checks[0].because.clone().unwrap();
    assert!(because.contains("Let it name deployer-doctor-probe too"), "{because}");
    assert!(because.starts_with("no identity-based policy allows it"), "{because}");

    let outright = rights_where(|action| match action {
        ProbedAction::InvokeFunction => Err(denied("with an explicit deny in an identity-based policy")),
        action if action.names_a_function() => Err(denied("no identity-based policy allows it")),
        _ => Ok(Attempt::Allowed),
    });
    let invoke = outright.iter().find(|check| check.check == "lambda:InvokeFunction").unwrap();
    assert_eq!(invoke.status, CheckStatus::NotChecked, "{invoke:?}");

    let reads_all = rights_where(|action| match action.only_reads() || !action.names_a_function() {
        true => Ok(Attempt::Allowed),
        false => Err(denied("no")),
    });
    let of = |status| reads_all.iter().filter(|check| check.status == status).count();
    assert_eq!((of(CheckStatus::Ok), of(CheckStatus::NotChecked), of(CheckStatus::Fail)), (9, 11, 0));
}

#[test]
fn explicit_denial_is_not_answered_with_an_allow() {
    let words = "not authorized to perform lambda:UpdateAlias with an explicit deny in a service control policy";
    let check = right_but(ProbedAction::UpdateAlias, Err(denied(words)));
    assert_eq!((check.status, check.missing.len()), (CheckStatus::Fail, 0));
    assert!(check.because.unwrap().contains("a service control policy has to let it through"));
    let words = "not authorized to perform lambda:UpdateAlias because no permissions boundary allows the action";
    let check = right_but(ProbedAction::UpdateAlias, Err(denied(words)));
    assert_eq!((check.status, check.missing.len()), (CheckStatus::Fail, 0));
    assert!(check.because.unwrap().contains("permissions boundary has to allow it too"));
}

#[test]
fn not_found_means_allowed_and_found_fails() {
    assert_eq!(right_but(ProbedAction::GetFunction, Ok(Attempt::Allowed)), Check::ok("lambda:GetFunction"));
    assert_eq!(right_but(ProbedAction::GetFunction, Ok(Attempt::FunctionExists)).status, CheckStatus::Fail);
}

#[test]
fn error_other_than_a_denial_does_not_fail() {
    let words = "TooManyRequestsException: Rate Exceeded.";
    let check = right_but(ProbedAction::ListTags, Err(throttled()));
    assert_eq!(check, Check::not_checked("lambda:ListTags", words));
    let region = Region::parse("eu-west-1").unwrap();
    let bucket = BucketName::parse("acme-artifacts").unwrap();
    let checks = on_chain(|chain| {
        [
            checks::entered(chain, &Err(throttled())),
            checks::read_artifact(chain, &artifact("dev/orders/1.zip"), &region, &Err(throttled())),
            checks::versioning(&bucket, None, &Err(throttled())),
            checks::queue("queue", None, "arn", &Err(throttled())),
            checks::dead_letters("dead letters", None, Some("arn"), &Err(throttled())),
        ]
    });
    for check in checks {
        assert_eq!((check.status, check.because.as_deref()), (CheckStatus::NotChecked, Some(words)), "{}", check.check);
    }
    let gone = Refused { kind: Refusal::Wrong, message: "NoSuchBucket".into() };
    assert_eq!(checks::versioning(&bucket, None, &Err(gone)), Check::fail("artifact versioning", "NoSuchBucket"));
}

#[test]
fn probing_session_can_touch_no_existing_function() {
    let region = Region::parse("eu-west-1").unwrap();
    let environment = environment(Some(Rollout::default()));
    let policy = probe_policy(&target(), &environment, Some(&artifact("dev/orders/1.zip")), &region);
    assert!(policy.len() <= POLICY_LIMIT, "{}", policy.len());
    let policy: serde_json::Value = serde_json::from_str(&policy).unwrap();
    for statement in policy["Statement"].as_array().unwrap() {
        let of_lambda = statement["Action"].to_string().contains("lambda:");
        let resources = statement["Resource"].to_string();
        assert!(
            !of_lambda || resources.matches("function:").count() == resources.matches(PROBE).count(),
            "{statement}"
        );
    }
    let deleting = &policy["Statement"][1];
    assert_eq!(deleting["Action"], json!(["lambda:DeleteFunction", "lambda:InvokeFunction"]));
    assert_eq!(deleting["Resource"], "arn:aws:lambda:eu-west-1:111111111111:function:deployer-doctor-probe:*");
}
