//! `deployctl doctor` against the local AWS: the real command line invokes the real deployer, whose sessions are
//! checked against the policies that Terraform renders.

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use deployer_core::doctor::UNPROBED;
use deployer_core::names::CONFIG_KEY;
use fixtures::Zip;
use local_aws::{
    ARTIFACTS, Answer, Call, DEPLOYER_ROLE, Doing as _, Error, FIRST, LEDGER, LocalAws, REGION, Result, RunOutput,
    SECOND, SessionKeys, TOOLING,
};
use serde_json::{Value, json};

const PROBE: &str = "deployer-doctor-probe";

/// Returns credentials of an operator, who may invoke the deployer.
fn operator() -> SessionKeys {
    let [access_key_id, secret_access_key, session_token] = [TOOLING, "none", "none"].map(str::to_owned);
    SessionKeys { access_key_id, secret_access_key, session_token }
}

/// Starts a local AWS where both environments have a live release and a sweep has run.
async fn healthy() -> Result<LocalAws> {
    let aws = LocalAws::start().await?;
    for key in ["dev/orders/1.0.0.zip", "prod/orders/1.0.0.zip"] {
        let result = aws.deploy(key, Zip::function("1.0.0")).await?;
        assert_eq!(result["status"], "succeeded", "{result:#}");
    }
    let swept = aws.invoke(&json!({"command": "sweep"})).await?;
    assert!(matches!(swept, Answer::Payload(_)), "{swept:?}");
    Ok(aws)
}

async fn doctor(aws: &LocalAws, arguments: &[&str]) -> Result<(RunOutput, Value)> {
    let said = aws.operate(&operator(), &[&["doctor", "--output", "json"], arguments].concat()).await?;
    let report = said.json()?;
    Ok((said, report))
}

/// Returns each check with its place: `deployer`, or environment and region.
fn checks(report: &Value) -> Vec<(String, &Value)> {
    let tooling = report["tooling"].as_array().into_iter().flatten().map(|check| ("deployer".to_owned(), check));
    let targets = report["targets"].as_array().into_iter().flatten().flat_map(|target| {
        let place = format!("{} {}", target["environment"], target["region"]).replace('"', "");
        target["checks"].as_array().into_iter().flatten().map(move |check| (place.clone(), check))
    });
    tooling.chain(targets).collect()
}

fn failed(report: &Value) -> Vec<String> {
    let failed = checks(report).into_iter().filter(|(_, check)| check["status"] == "fail");
    failed.map(|(place, check)| format!("{place}: {}", check["check"]).replace('"', "")).collect()
}

fn check<'r>(report: &'r Value, place: &str, name: &str) -> Result<&'r Value> {
    let found = checks(report).into_iter().find(|(at, check)| at == place && check["check"] == name);
    found.map(|(_, check)| check).ok_or_else(|| Error::Unexpected(format!("{name} of {place} is not in {report:#}")))
}

#[tokio::test]
async fn healthy_accounts_pass_all_checks_and_nothing_is_changed() -> Result<()> {
    let aws = healthy().await?;
    aws.preview_rollouts();
    let rollout = json!({ "smoke_test": { "event": { "ping": true } } });
    aws.configure(|config| config["environments"]["prod"]["rollout"] = rollout).await?;
    let before = aws.snapshot().await?;
    let (said, calls) = aws.calls_of(doctor(&aws, &[])).await?;
    let (said, report) = said;
    assert_eq!((failed(&report), said.exit), (vec![], Some(0)), "{report:#}");
    let unknown: Vec<String> = checks(&report)
        .into_iter()
        .filter(|(_, check)| check["status"] == "not_checked")
        .map(|(place, check)| format!("{place} {}", check["check"]).replace('"', ""))
        .collect();
    let places = ["dev eu-west-1", "prod eu-west-1", "prod us-east-1"];
    let expected: Vec<String> =
        places.iter().flat_map(|place| UNPROBED.map(|(action, _)| format!("{place} {action}"))).collect();
    assert_eq!(unknown, expected);
    for right in [
        "cloudwatch:DescribeAlarms",
        "cloudwatch:DescribeAlarmHistory",
        "cloudwatch:GetMetricData",
        "lambda:InvokeFunction",
    ] {
        assert_eq!(check(&report, "prod us-east-1", right)?["status"], "ok", "{right}");
    }
    assert_eq!(before.changes_to(&aws.snapshot().await?), [""; 0]);
    only_the_probe_was_touched(&calls);
    for account in [FIRST, SECOND] {
        let get = aws.clients().lambda(account, REGION).get_function().function_name(PROBE).send().await;
        assert!(get.is_err(), "there is a function {PROBE} in {account}");
    }
    Ok(())
}

/// Checks that all writes to Lambda named the probe's function, and that no write elsewhere succeeded.
fn only_the_probe_was_touched(calls: &[Call]) {
    let of_lambda = calls.iter().filter(|call| call.service == "lambda");
    for call in of_lambda {
        let about = call.function.clone().unwrap_or_else(|| call.parameters.to_string());
        assert!(about.contains(PROBE), "{call:?}");
        assert_eq!(call.status, Some(404), "{call:?}");
    }
    let puts = calls.iter().filter(|call| call.operation == "PutObject");
    let statuses: Vec<u16> = puts.filter_map(|call| call.status).collect();
    assert!(!statuses.is_empty() && statuses.iter().all(|status| *status >= 400), "{statuses:?}");
}

#[tokio::test]
async fn report_for_people_is_a_tree() -> Result<()> {
    let aws = healthy().await?;
    let folded = aws.operate(&operator(), &["doctor", "-e", "dev"]).await?;
    let lines: Vec<&str> = folded.out.lines().collect();
    assert_eq!((folded.exit, lines.len()), (Some(0), 8), "{folded:?}");
    assert_eq!(lines[5], "   └─ OK   19 checks; 4 more show only when a deployment needs them", "{}", folded.out);
    let said = aws.operate(&operator(), &["doctor", "-e", "dev", "--verbose"]).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines[..2], ["deployer", "├─ OK   invoke"], "{}", said.out);
    for line in ["dev", "└─ 111111111111/eu-west-1", "   ├─ OK   enter", "   ├─ OK   lambda:UpdateAlias"] {
        assert!(lines.contains(&line), "{line:?} is not in:\n{}", said.out);
    }
    assert!(!said.out.contains("prod"), "{}", said.out);
    assert!(said.out.ends_with("0 FAIL, 4 not checked\n"), "{}", said.out);
    assert!(!said.out.contains('\u{1b}'), "colours are for terminals");
    Ok(())
}

#[tokio::test]
async fn wrong_external_id_fails_naming_trust_policy_and_external_id() -> Result<()> {
    let aws = healthy().await?;
    aws.configure(|config| config["environments"]["dev"]["external_id"] = json!("dev-0000")).await?;
    let (said, report) = doctor(&aws, &[]).await?;
    assert_eq!((failed(&report), said.exit), (vec!["dev eu-west-1: enter".to_owned()], Some(1)), "{report:#}");
    let enter = check(&report, "dev eu-west-1", "enter")?;
    assert_eq!(
        enter["missing"][0],
        json!({
            "belongs": "the trust policy of the deploy role deployer-target in account 111111111111 (module target; add \
                        the path to the deployer's ARN if its role has one)",
            "statement": {
                "Effect": "Allow",
                "Principal": {"AWS": DEPLOYER_ROLE},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"sts:ExternalId": "dev-0000"},
                    "StringLike": {"sts:SourceIdentity": "deployer-*"},
                },
            },
        })
    );
    let text = aws.operate(&operator(), &["doctor", "--environment", "dev"]).await?.out;
    for words in ["FAIL enter", "in the trust policy of the deploy role", "\"sts:ExternalId\": \"dev-0000\""] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    Ok(())
}

#[tokio::test]
async fn missing_permission_fails_with_the_statement_that_mends_it() -> Result<()> {
    let aws = healthy().await?;
    let (roles, role) = (aws.roles(FIRST), "deployer-target");
    let whole = roles.policy(role, role).await?;
    assert!(whole.to_string().contains("lambda:UpdateAlias"), "{whole:#}");
    roles.put_policy(role, role, &not_allowing(&whole, "lambda:UpdateAlias")).await?;
    let (said, report) = doctor(&aws, &[]).await?;
    assert_eq!((failed(&report), said.exit), (vec!["dev eu-west-1: lambda:UpdateAlias".to_owned()], Some(1)));
    let missing = &check(&report, "dev eu-west-1", "lambda:UpdateAlias")?["missing"][0];
    assert_eq!(
        *missing,
        json!({
            "belongs": "the policy of the deploy role deployer-target in account 111111111111 (module target, whose \
                        `functions` say what belongs in place of <functions>)",
            "statement": {
                "Effect": "Allow",
                "Action": "lambda:UpdateAlias",
                "Resource": [
                    "arn:aws:lambda:eu-west-1:111111111111:function:<functions>",
                    "arn:aws:lambda:eu-west-1:111111111111:function:<functions>:*",
                ],
            },
        })
    );
    let mended = json!({"Version": "2012-10-17", "Statement": [missing["statement"]]});
    roles.put_policy(role, "mended", &with(&mended, "<functions>", "*")?).await?;
    let (said, report) = doctor(&aws, &[]).await?;
    assert_eq!((failed(&report), said.exit), (vec![], Some(0)));

    aws.preview_rollouts();
    let rollout = json!({ "smoke_test": { "event": { "ping": true } } });
    aws.configure(|config| config["environments"]["dev"]["rollout"] = rollout).await?;
    roles.put_policy(role, role, &not_allowing(&whole, "cloudwatch:GetMetricData")).await?;
    let (_, report) = doctor(&aws, &["-e", "dev"]).await?;
    assert_eq!(failed(&report), ["dev eu-west-1: cloudwatch:GetMetricData"]);
    let because = &check(&report, "dev eu-west-1", "cloudwatch:GetMetricData")?["because"];
    assert!(because.to_string().contains("`rollouts` of module target"), "{because}");

    let narrow = with(&whole, ":function:*", ":function:orders-*")?;
    roles.put_policy(role, role, &narrow).await?;
    let (said, report) = doctor(&aws, &["-e", "dev"]).await?;
    assert_eq!((failed(&report), said.exit), (vec![], Some(0)), "{narrow}");
    let right = check(&report, "dev eu-west-1", "lambda:GetFunction")?;
    assert_eq!(right["status"], "not_checked", "{right:#}");
    Ok(())
}

#[tokio::test]
async fn dead_letters_suspended_versioning_and_missing_sweep_fail() -> Result<()> {
    let aws = LocalAws::start().await?;
    let off = VersioningConfiguration::builder().status(BucketVersioningStatus::Suspended).build();
    let s3 = aws.clients().s3(TOOLING, REGION);
    let call = s3.put_bucket_versioning().bucket(ARTIFACTS).versioning_configuration(off);
    call.send().await.doing("suspending versioning")?;
    let sqs = aws.clients().sqs(TOOLING, REGION);
    let url = sqs.get_queue_url().queue_name("deployer-dead-letters").send().await.doing("finding the queue")?;
    let send = sqs.send_message().set_queue_url(url.queue_url).message_body("{}");
    send.send().await.doing("giving a message up")?;
    let (said, report) = doctor(&aws, &["--environment", "dev"]).await?;
    let expected = ["deployer: artifact versioning", "deployer: dead letters", "deployer: sweep"];
    assert_eq!((failed(&report), said.exit), (expected.map(str::to_owned).to_vec(), Some(1)), "{report:#}");
    let because = check(&report, "deployer", "dead letters")?["because"].as_str().unwrap_or_default();
    assert!(because.starts_with("1 message could not be handled and lies in deployer-dead-letters"), "{because}");
    let read = check(&report, "dev eu-west-1", "read artifact")?;
    assert_eq!(read["because"], "nothing is live yet in dev");
    Ok(())
}

#[tokio::test]
async fn artifact_denied_by_its_bucket_fails_with_the_buckets_statement() -> Result<()> {
    let aws = healthy().await?;
    aws.remove_policy(ARTIFACTS).await?;
    let (_, report) = doctor(&aws, &[]).await?;
    // The target in another region needs no read right, because it gets the code in the request.
    assert_eq!(failed(&report), ["dev eu-west-1: read artifact", "prod eu-west-1: read artifact"], "{report:#}");
    let missing = &check(&report, "dev eu-west-1", "read artifact")?["missing"];
    let belongs: Vec<&str> = (missing.as_array().into_iter().flatten()).filter_map(|m| m["belongs"].as_str()).collect();
    // AWS names the bucket's policy, because the deploy role lacks nothing.
    assert_eq!(belongs, ["the policy of the artifact bucket acme-artifacts (module tooling)"]);
    aws.add_to_policy(ARTIFACTS, &[missing[0]["statement"].clone()]).await?;
    let (_, report) = doctor(&aws, &["--environment", "dev"]).await?;
    assert_eq!(failed(&report), [""; 0], "{report:#}");
    Ok(())
}

#[tokio::test]
async fn unwritable_ledger_fails_with_the_deployers_statement() -> Result<()> {
    let aws = healthy().await?;
    let deny = json!({"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "Resource": format!("arn:aws:s3:::{LEDGER}/results/*")});
    aws.add_to_policy(LEDGER, &[deny]).await?;
    let (_, report) = doctor(&aws, &["--environment", "dev"]).await?;
    assert_eq!(failed(&report), ["deployer: write ledger"], "{report:#}");
    Ok(())
}

#[tokio::test]
async fn function_with_the_probes_name_is_left_alone() -> Result<()> {
    let aws = healthy().await?;
    let result = aws.deploy(&format!("dev/{PROBE}/1.0.0.zip"), Zip::function("1.0.0")).await?;
    assert_eq!(result["status"], "succeeded", "{result:#}");
    let before = aws.snapshot().await?;
    let (_, report) = doctor(&aws, &["--environment", "dev"]).await?;
    assert_eq!(failed(&report), ["dev eu-west-1: lambda:GetFunction"], "{report:#}");
    assert_eq!(check(&report, "dev eu-west-1", "lambda:DeleteFunction")?["status"], "not_checked");
    assert_eq!(before.changes_to(&aws.snapshot().await?), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn unreachable_deployer_is_the_first_failed_check() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (said, report) = doctor(&aws, &["--function-name", "deplyoer"]).await?;
    assert_eq!((failed(&report), said.exit), (vec!["deployer: invoke".to_owned()], Some(1)), "{report:#}");
    let because = report["tooling"][0]["because"].as_str().unwrap_or_default();
    assert!(because.contains("--function-name"), "{because}");

    aws.configure(|config| config["environments"] = json!(7)).await?;
    let (said, report) = doctor(&aws, &[]).await?;
    assert_eq!((failed(&report), said.exit), (vec!["deployer: deployer.json".to_owned()], Some(1)), "{report:#}");
    Ok(())
}

#[tokio::test]
async fn newer_configuration_than_the_one_in_use_fails_unless_its_bytes_are_the_same() -> Result<()> {
    let aws = healthy().await?;
    let s3 = aws.clients().s3(TOOLING, REGION);
    let read = s3.get_object().bucket(LEDGER).key(CONFIG_KEY).send().await.doing("reading deployer.json")?;
    let config = read.body.collect().await.doing("reading deployer.json")?.to_vec();
    let longer = [&config[..], b"\n"].concat();
    for (body, fails) in [(config, &[][..]), (longer, &["deployer: deployer.json"])] {
        let put = s3.put_object().bucket(LEDGER).key(CONFIG_KEY).body(body.into());
        put.send().await.doing("writing deployer.json")?;
        let (_, report) = doctor(&aws, &["--environment", "dev"]).await?;
        assert_eq!(failed(&report), fails, "{report:#}");
    }
    Ok(())
}

#[tokio::test]
async fn doctor_of_an_unknown_environment_is_a_usage_error() -> Result<()> {
    let aws = LocalAws::start().await?;
    let (said, answer) = doctor(&aws, &["--environment", "prdo"]).await?;
    assert_eq!((said.exit, &answer["errorType"]), (Some(2), &json!("InvalidCommand")), "{answer:#}");
    assert_eq!(answer["errorMessage"], "deployer.json has no environment prdo (it has dev, prod); did you mean prod?");
    Ok(())
}

/// Returns a policy whose Allows leave this action out; its Denies stay as they are.
fn not_allowing(policy: &Value, action: &str) -> Value {
    let mut policy = policy.clone();
    let statements = policy["Statement"].as_array_mut().into_iter().flatten();
    for statement in statements.filter(|statement| statement["Effect"] == "Allow") {
        if let Some(actions) = statement["Action"].as_array_mut() {
            actions.retain(|one| one != action);
        }
    }
    policy
}

/// Returns the policy with one string in place of another.
fn with(policy: &Value, old: &str, new: &str) -> Result<Value> {
    serde_json::from_str(&policy.to_string().replace(old, new)).doing("changing a policy")
}
