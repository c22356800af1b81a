#![allow(clippy::unwrap_used)]

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;
use crate::artifact::ArtifactRef;
use crate::config::rollout::{Rollout, SmokeTest};
use crate::config::{Config, Environment};
use crate::id::{AccountId, BucketName, ExternalId, Region, RoleName};
use crate::session_policy::POLICY_LIMIT;

const DEPLOYER: &str = "arn:aws:iam::123456789012:role/deployer";

fn target() -> Target {
    Target { account: AccountId::parse("111111111111").unwrap(), region: Region::parse("eu-west-1").unwrap() }
}

fn on_chain<T>(look: impl FnOnce(&Chain<'_>) -> T) -> T {
    let (environment, role) = (EnvironmentName::parse("dev").unwrap(), RoleName::parse("deployer-target").unwrap());
    let (target, external_id) = (target(), ExternalId::parse("dev-8c1f").unwrap());
    look(&Chain {
        deployer: Some(DEPLOYER),
        environment: &environment,
        target: &target,
        role: &role,
        external_id: Some(&external_id),
    })
}

fn artifact(key: &str) -> ArtifactRef {
    ArtifactRef { bucket: BucketName::parse("acme-artifacts").unwrap(), key: key.into(), version_id: "v1".into() }
}

fn denied(message: &str) -> Refused {
    Refused { kind: Refusal::Denied, message: message.into() }
}

fn throttled() -> Refused {
    Refused { kind: Refusal::Unknown, message: "TooManyRequestsException: Rate Exceeded.".into() }
}

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

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap() + SignedDuration::from_secs(seconds)
}

#[test]
fn denied_assume_role_names_the_trust_and_the_deployers_statement() {
    let check = on_chain(|chain| checks::entered(chain, &Err(denied("AccessDenied"))));
    assert_eq!(check.status, CheckStatus::Fail);
    let belongs: Vec<&str> = check.missing.iter().map(|missing| missing.belongs.as_str()).collect();
    assert_eq!(
        belongs,
        [
            "the trust policy of the deploy role deployer-target in account 111111111111 (module target; add the path to \
             the deployer's ARN if its role has one)",
            "the trust policy of the deploy role deployer-target in account 111111111111 (module target; add the path to \
             the deployer's ARN if its role has one)",
            "the policy of the deployer's role arn:aws:iam::123456789012:role/deployer (module tooling; add the path if \
             the role has one)",
        ]
    );
    assert_eq!(
        check.missing[0].statement,
        json!({
            "Effect": "Allow", "Principal": {"AWS": DEPLOYER}, "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "dev-8c1f"}, "StringLike": {"sts:SourceIdentity": "deployer-*"}},
        })
    );
    assert_eq!(check.missing[2].statement["Resource"], "arn:aws:iam::111111111111:role/deployer-target");
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
fn only_the_statement_that_awss_message_names_is_proposed() {
    let entering = |words: &str| on_chain(|chain| checks::entered(chain, &Err(denied(words)))).missing;
    let actions = |missing: &[Missing]| -> Vec<serde_json::Value> {
        missing.iter().map(|missing| missing.statement["Action"].clone()).collect()
    };
    let identity = entering("not authorized to perform: sts:SetSourceIdentity on resource: arn");
    assert_eq!(actions(&identity), [json!("sts:SetSourceIdentity"), json!("sts:SetSourceIdentity")]);
    let own = entering("not authorized to perform: sts:AssumeRole because no identity-based policy allows the action");
    assert_eq!(actions(&own), [json!("sts:AssumeRole")]);
    assert!(own[0].belongs.contains("deployer's role"), "{}", own[0].belongs);

    let region = Region::parse("eu-west-1").unwrap();
    let reading = |words: &str| {
        on_chain(|chain| checks::read_artifact(chain, &artifact("dev/orders/1.zip"), &region, &Err(denied(words))))
            .missing
    };
    let of_bucket = reading("because no resource-based policy allows the s3:GetObjectVersion action");
    assert_eq!(of_bucket.len(), 1);
    assert!(of_bucket[0].belongs.contains("artifact bucket"), "{}", of_bucket[0].belongs);
    let of_role = reading("because no identity-based policy allows the s3:GetObjectVersion action");
    assert_eq!(of_role.len(), 1);
    assert!(of_role[0].belongs.contains("deploy role"), "{}", of_role[0].belongs);
}

#[test]
fn other_statements_of_the_refused_call_are_told_at_once() {
    let region = Region::parse("eu-west-1").unwrap();
    let belongs = |check: &Check| check.also_needed.iter().map(|also| also.belongs.clone()).collect::<Vec<_>>();
    let read = |words: &str| {
        on_chain(|chain| checks::read_artifact(chain, &artifact("dev/orders/1.zip"), &region, &Err(denied(words))))
    };
    let of_role = read("because no identity-based policy allows the s3:GetObjectVersion action");
    assert_eq!(belongs(&of_role), ["the policy of the artifact bucket acme-artifacts (module tooling)"]);
    assert_eq!(belongs(&read("denied")), [""; 0], "both are listed as missing");

    let words = "not authorized to perform: sts:AssumeRole because no identity-based policy allows the action";
    let entering = on_chain(|chain| checks::entered(chain, &Err(denied(words))));
    let actions: Vec<_> = entering.also_needed.iter().map(|also| also.statement["Action"].clone()).collect();
    assert_eq!(actions, ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:SetSourceIdentity"]);
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
fn ledger_statement_names_only_the_denied_prefixes() {
    let config = json!({"artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger", "environments": {}});
    let config = Config::parse(&config.to_string()).unwrap();
    let checked = |outcomes: &[(&str, Result<(), Refused>)]| {
        checks::ledger("write ledger", Some(DEPLOYER), &config, "s3:PutObject", outcomes)
    };
    let check = checked(&[("heads/", Ok(())), ("results/", Err(throttled())), ("open/", Err(denied("no")))]);
    assert_eq!(check.status, CheckStatus::Fail);
    assert_eq!(check.missing[0].statement["Resource"], json!(["arn:aws:s3:::acme-ledger/open/*"]));
    assert_eq!(checked(&[("heads/", Ok(())), ("open/", Err(throttled()))]).status, CheckStatus::NotChecked);
    assert_eq!(checked(&[("heads/", Ok(()))]), Check::ok("write ledger"));
}

#[test]
fn unreadable_artifact_names_statements_of_both_accounts_or_the_key() {
    let region = Region::parse("eu-west-1").unwrap();
    let check = |key: &str, message| {
        on_chain(|chain| checks::read_artifact(chain, &artifact(key), &region, &Err(denied(message))))
    };
    let of_bucket = check("dev/orders/1.zip", "AccessDenied");
    let belongs: Vec<&str> = of_bucket.missing.iter().map(|missing| missing.belongs.as_str()).collect();
    assert_eq!(
        belongs,
        [
            "the policy of the deploy role deployer-target in account 111111111111 (module target)",
            "the policy of the artifact bucket acme-artifacts (module tooling)",
        ]
    );
    assert_eq!(of_bucket.missing[1].statement["Principal"]["AWS"], "arn:aws:iam::111111111111:root");
    let promoted = check("staging/orders/1.zip", "AccessDenied");
    assert_eq!(promoted.missing[0].statement["Resource"], "arn:aws:s3:::acme-artifacts/staging/*");
    let of_key = check("dev/orders/1.zip", "not authorized to perform: kms:Decrypt");
    assert_eq!(of_key.missing[0].belongs, "the policy of the artifact bucket's key (module tooling)");
    assert_eq!(
        of_key.missing[0].statement["Condition"]["StringEquals"]["kms:ViaService"],
        "s3.eu-west-1.amazonaws.com"
    );
}

#[test]
fn queue_is_stuck_only_if_messages_wait_at_every_look() {
    let checked = |looks: &[(u64, u64)]| {
        let looks =
            looks.iter().map(|(waiting, in_flight)| QueueLook { waiting: *waiting, in_flight: *in_flight, delayed: 0 });
        checks::queue("queue", None, "arn", &Ok(looks.collect())).status
    };
    assert_eq!(checked(&[(3, 0), (3, 0), (4, 0)]), CheckStatus::Fail);
    assert_eq!(checked(&[(3, 0), (0, 3)]), CheckStatus::Ok);
    assert_eq!(checked(&[(300, 10), (290, 10)]), CheckStatus::Ok, "it is busy");
    assert_eq!(checked(&[(0, 0)]), CheckStatus::Ok);
}

#[test]
fn dead_letters_or_a_missing_dead_letter_queue_fail() {
    let look = |waiting| Ok(QueueLook { waiting, ..QueueLook::default() });
    let arn = Some("arn:aws:sqs:eu-west-1:123456789012:deployer-dead-letters");
    assert_eq!(checks::dead_letters("dead letters", None, arn, &look(0)), Check::ok("dead letters"));
    let because = checks::dead_letters("dead letters", None, arn, &look(2)).because.unwrap();
    assert_eq!(
        because,
        "2 messages could not be handled and lie in deployer-dead-letters: deployctl redrive --peek shows them, and the \
         deployer's log says why; mend it, then send them back by deployctl redrive"
    );
    let because = checks::dead_letters("dead letters", None, arn, &look(1)).because.unwrap();
    assert!(because.starts_with("1 message could not be handled and lies in deployer-dead-letters: "), "{because}");
    assert_eq!(checks::dead_letters("dead letters", None, None, &look(0)).status, CheckStatus::Fail);
    let check = checks::dead_letters("dead letters", Some(DEPLOYER), arn, &Err(denied("no")));
    assert_eq!(
        check.missing[0].statement,
        json!({"Effect": "Allow", "Action": "sqs:GetQueueAttributes", "Resource": arn})
    );
}

#[test]
fn sweep_without_a_recent_trace_fails() {
    let checked = |last: Option<i64>| checks::sweep(at(0), &Ok(last.map(at))).status;
    assert_eq!(checked(Some(-60)), CheckStatus::Ok);
    assert_eq!(checked(Some(-599)), CheckStatus::Ok);
    assert_eq!(checked(Some(-601)), CheckStatus::Fail);
    assert_eq!(checked(Some(700)), CheckStatus::Ok, "another clock is the clocks' matter");
    assert_eq!(checked(None), CheckStatus::Fail);
}

#[test]
fn clocks_agree_within_the_time_of_two_reads() {
    let checked = |before, after, other| {
        checks::clocks("clock", "it", (at(before), at(after)), at(other), Duration::from_secs(5))
    };
    assert_eq!(checked(0, 10, 5).status, CheckStatus::Ok);
    assert_eq!(checked(0, 10, -5).status, CheckStatus::Ok);
    assert_eq!(checked(0, 10, 15).status, CheckStatus::Ok);
    assert_eq!(checked(0, 10, -6).because.unwrap(), "it is 6 seconds ahead: set it right (NTP)");
    assert_eq!(checked(0, 10, 17).because.unwrap(), "it is 7 seconds behind: set it right (NTP)");
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

#[test]
fn unchecked_link_leaves_the_report_well() {
    let report = |checks| DoctorReport { now: None, tooling: checks, targets: vec![] };
    assert!(report(vec![Check::ok("a"), Check::not_checked("b", "because")]).is_well());
    assert!(!report(vec![Check::ok("a"), Check::fail("b", "because")]).is_well());
}
