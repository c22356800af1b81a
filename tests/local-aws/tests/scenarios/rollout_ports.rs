//! The ports of rollouts over AWS's protocols: a look and smoke tests, each in a session with its own policy, under the
//! rights that Terraform gives the deploy role.
#![allow(clippy::expect_used, reason = "a mistake in a test ends the test")]

use std::sync::Arc;
use std::time::Duration;

use deployer_aws::{StsRolloutSessions, StsSessions};
use deployer_core::config::Target;
use deployer_core::id::{
    AccountId, AliasName, DeploymentId, ExternalId, FunctionName, Region, RequestHash, RoleName, Version,
};
use deployer_core::rollout::guard::Counts;
use deployer_core::rollout::{
    AlarmState, FunctionSettings, MetricsQuery, RolloutTarget, Served, Shift, SmokeAnswer, client_context,
};
use deployer_core::session_policy::{look_policy, read_only_policy, session_name, smoke_policy};
use deployer_engine::port::{
    RolloutCallErrorKind, RolloutSessions as _, SessionRequest, SmokeCall, SmokeTester, TrafficWatch,
};
use fixtures::Zip;
use jiff::{SignedDuration, Timestamp};
use local_aws::{DEPLOYER_FUNCTION, DEPLOYER_ROLE, Doing as _, FIRST, Fault, LocalAws, REGION, Result, Signed};
use serde_json::{Value, json};

const CLOUDWATCH: Signed<'static> = Signed { account: FIRST, region: REGION, service: "monitoring" };

/// A local AWS in which `orders` has the versions 1 and 2.
async fn two_versions() -> Result<LocalAws> {
    let aws = LocalAws::start().await?;
    for release in ["1.0.0", "1.1.0"] {
        aws.deploy(&format!("dev/orders/{release}.zip"), Zip::function(release)).await?;
    }
    Ok(aws)
}

async fn sessions(aws: &LocalAws) -> Result<StsRolloutSessions> {
    let keys = aws.control().function_session(DEPLOYER_ROLE, "deployer", DEPLOYER_FUNCTION).await?;
    let sdk = aws.clients().session_config(&keys, REGION);
    Ok(StsRolloutSessions::new(Arc::new(StsSessions::new(&sdk))))
}

fn function() -> FunctionName {
    "orders".parse().expect("a name")
}

fn version(number: &str) -> Version {
    number.parse().expect("a number")
}

fn deployment() -> DeploymentId {
    DeploymentId::of(Timestamp::UNIX_EPOCH, RequestHash::of(&["rollout"]))
}

fn request(policy: impl Fn(&Target, &FunctionName) -> String) -> SessionRequest {
    let account: AccountId = FIRST.parse().expect("an account");
    let region: Region = REGION.parse().expect("a region");
    let target = Target { account, region };
    let role: RoleName = "deployer-target".parse().expect("a name");
    let external_id: ExternalId = "dev-8c1f".parse().expect("an external id");
    let policy = policy(&target, &function());
    SessionRequest { target, role, external_id: Some(external_id), name: session_name(deployment()), policy }
}

async fn watch(aws: &LocalAws) -> Result<Arc<dyn TrafficWatch>> {
    sessions(aws).await?.open_look_session(&request(look_policy)).await.doing("opening a session that looks")
}

async fn tester(aws: &LocalAws, number: &str) -> Result<Arc<dyn SmokeTester>> {
    let request = request(|target, function| smoke_policy(target, function, &version(number)));
    sessions(aws).await?.open_smoke_session(&request).await.doing("opening a session for smoke tests")
}

async fn invoke(tester: &Arc<dyn SmokeTester>, number: &str) -> std::result::Result<SmokeAnswer, RolloutCallErrorKind> {
    let (function, version, context) = (function(), version(number), client_context(deployment(), "1.1.0"));
    let call = SmokeCall {
        function: &function,
        version: &version,
        event: "{}",
        context: &context,
        timeout: Duration::from_secs(10),
    };
    tester.invoke(&call).await.map_err(|error| error.kind)
}

/// Makes each call of a rollout's look and of its smoke tests once, about the version that is live.
pub(super) async fn look_and_test(aws: &LocalAws) -> Result<()> {
    let (watch, name) = (watch(aws).await?, "a".to_owned());
    watch.metrics(&query(&target())).await.doing("reading metrics")?;
    watch.alarms(std::slice::from_ref(&name)).await.doing("reading alarms")?;
    watch.alarm_changes(&name, Timestamp::UNIX_EPOCH).await.doing("reading the history of an alarm")?;
    let alias = watch.alias(&function(), &"live".parse().doing("naming an alias")?).await.doing("reading the alias")?;
    let live = alias.and_then(|alias| alias.version).expect("a live version");
    let tested = invoke(&tester(aws, live.as_str()).await?, live.as_str()).await;
    assert!(matches!(tested, Ok(SmokeAnswer::Payload(_))), "{tested:?}");
    Ok(())
}

/// The target, whose alias got its first weight half an hour ago.
fn target() -> RolloutTarget {
    let began = Timestamp::now() - SignedDuration::from_mins(30);
    RolloutTarget {
        target: request(look_policy).target,
        shift: Shift::InSteps,
        old: Some(version("1")),
        replaces: None,
        new: Some(version("2")),
        weight: 10,
        meant_at: Some(began),
        at: Some(began),
        served: vec![Served { weight: 10, meant_at: began, at: began }],
        smoked: true,
        smoke_failure: None,
        way_back: None,
        held_up: None,
        held_up_since: None,
        last_try: None,
        unconfirmed: None,
        changed: None,
        settings: FunctionSettings::default(),
        former_settings: None,
        disarmed: [].into(),
    }
}

fn query(target: &RolloutTarget) -> MetricsQuery {
    let alias: AliasName = "live".parse().expect("a name");
    MetricsQuery::of(&function(), &alias, target, Timestamp::now()).expect("a target that has begun")
}

async fn count(aws: &LocalAws, minutes_ago: i64, version: &str, counts: (u64, u64)) -> Result<()> {
    let minute = (Timestamp::now() - SignedDuration::from_mins(minutes_ago)).as_second();
    let counted = json!({
        "account": FIRST, "region": REGION, "function": "orders", "resource": "live", "version": version,
        "minute": minute, "invocations": counts.0, "errors": counts.1,
    });
    aws.control().count_invocations(&counted).await
}

async fn cloudwatch(aws: &LocalAws, operation: &str, body: Value) -> Result<()> {
    let target = format!("GraniteServiceVersion20100801.{operation}");
    aws.control().json_call(&CLOUDWATCH, &target, &body).await.map(drop)
}

#[tokio::test]
async fn look_reads_alias_metrics_and_alarms_under_its_policy() -> Result<()> {
    let aws = two_versions().await?;
    count(&aws, 10, "2", (12, 3)).await?;
    count(&aws, 10, "1", (80, 1)).await?;
    count(&aws, 60, "1", (500, 4)).await?;
    let metric = json!({
        "AlarmName": "orders-5xx", "Namespace": "AWS/ApiGateway", "MetricName": "5XXError", "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold", "Period": 60, "Threshold": 1.0, "Statistic": "Sum",
    });
    cloudwatch(&aws, "PutMetricAlarm", metric).await?;
    cloudwatch(&aws, "PutCompositeAlarm", json!({ "AlarmName": "all", "AlarmRule": "ALARM(orders-5xx)" })).await?;
    for state in ["OK", "ALARM", "OK"] {
        let set = json!({ "AlarmName": "all", "StateValue": state, "StateReason": "a test" });
        cloudwatch(&aws, "SetAlarmState", set).await?;
    }

    let (watch, target) = (watch(&aws).await?, target());
    let metrics = watch.metrics(&query(&target)).await.doing("reading metrics")?;
    let evidence = metrics.evidence(&target, None, Timestamp::now());
    assert_eq!((evidence.steps[0].new, evidence.steps[0].old), (Counts::of(12, 3), Counts::of(80, 1)));
    assert_eq!(evidence.hour_before, Counts::of(500, 4));

    let names = ["orders-5xx", "all", "nothing"].map(str::to_owned);
    let states = watch.alarms(&names).await.doing("reading alarms")?;
    let expected = [("all", AlarmState::Ok), ("orders-5xx", AlarmState::InsufficientData)];
    assert_eq!(states.found, expected.map(|(name, state)| (name.to_owned(), state)).into());
    assert_eq!(states.missing, ["nothing".to_owned()].into());
    let began = Timestamp::now() - SignedDuration::from_mins(30);
    let changes = watch.alarm_changes("all", began).await.doing("reading the history of an alarm")?;
    let changes: Vec<AlarmState> = changes.into_iter().map(|change| change.to).collect();
    assert_eq!(changes, [AlarmState::Ok, AlarmState::Alarm, AlarmState::Ok]);

    let alias = watch.alias(&function(), &"live".parse().doing("naming an alias")?).await.doing("reading the alias")?;
    assert_eq!(alias.and_then(|alias| alias.version), Some(version("2")));
    assert!(watch.has_version(&function(), &version("1")).await.doing("looking for a version")?);
    assert!(!watch.has_version(&function(), &version("9")).await.doing("looking for a version")?);
    Ok(())
}

#[tokio::test]
async fn smoke_test_invokes_the_version_of_its_session_once() -> Result<()> {
    let aws = two_versions().await?;
    aws.control().fail_invocations_of("orders", "2").await?;
    let tester = tester(&aws, "2").await?;
    let failed = SmokeAnswer::FunctionError { lambdas_type: Some("Runtime.ExitError".into()) };
    assert_eq!(invoke(&tester, "2").await, Ok(failed));
    assert_eq!(invoke(&tester, "1").await, Err(RolloutCallErrorKind::Denied), "another version");
    aws.control().answer_invocations(&json!({ "ok": true })).await?;
    assert_eq!(invoke(&tester, "2").await, Ok(SmokeAnswer::Payload(br#"{"ok": true}"#.to_vec())));

    let before = aws.control().calls_since(0).await?.len();
    aws.control().fault(&Fault::new("Invoke", 429, "TooManyRequestsException", "Rate exceeded")).await?;
    assert_eq!(invoke(&tester, "2").await, Err(RolloutCallErrorKind::Throttled));
    aws.control().fault(&Fault::lost_answer("Invoke")).await?;
    assert_eq!(invoke(&tester, "2").await, Err(RolloutCallErrorKind::Unavailable));
    let calls = aws.control().calls_since(0).await?;
    assert_eq!(calls[before..].iter().filter(|call| call.operation == "Invoke").count(), 2, "none is sent again");
    Ok(())
}

#[tokio::test]
async fn look_without_the_right_or_an_answer_says_why() -> Result<()> {
    let aws = two_versions().await?;
    let reading = sessions(&aws).await?.open_look_session(&request(read_only_policy)).await;
    let denied = reading.doing("opening a session")?.metrics(&query(&target())).await;
    let denied = denied.err().map(|error| (error.kind, error.message)).unwrap_or_else(|| panic!("it was allowed"));
    assert_eq!(denied.0, RolloutCallErrorKind::Denied);
    assert!(denied.1.contains("not authorized to perform: cloudwatch:GetMetricData"), "{}", denied.1);

    let watch = watch(&aws).await?;
    aws.control().fault(&Fault::new("DescribeAlarms", 400, "Throttling", "Rate exceeded").times(3)).await?;
    let throttled = watch.alarms(&["a".to_owned()]).await.err().map(|error| error.kind);
    assert_eq!(throttled, Some(RolloutCallErrorKind::Throttled));
    aws.control().fault(&Fault::new("DescribeAlarms", 503, "ServiceUnavailable", "later")).await?;
    assert!(watch.alarms(&["a".to_owned()]).await.doing("reading alarms")?.missing.contains("a"));
    Ok(())
}
