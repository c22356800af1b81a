//! The ports of rollouts: what CloudWatch counts of an alias, alarms with their history, and smoke tests by version.

use std::sync::Arc;
use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::config::rollout::SmokeTest;
use deployer_core::id::{AccountId, AliasName, FunctionName, Region, RoleName, Version};
use deployer_core::rollout::guard::Counts;
use deployer_core::rollout::{
    AlarmState, MetricsQuery, RolloutTarget, Served, Shift, SmokeAnswer, SmokeFailure, client_context,
};
use deployer_core::session_policy::{look_policy, read_only_policy, smoke_policy};
use deployer_engine::invoke_when_free;
use deployer_engine::port::{
    CallErrorKind, RolloutCallErrorKind, RolloutSessions, SessionRequest, SmokeCall, SmokeTester, TrafficWatch,
};
use jiff::Timestamp;
use world::zips::code;
use world::{DEV, Op, World};

const MINUTE: Duration = Duration::from_secs(60);

/// A world in which `orders` has the versions 1 and 2, and `live` serves version 1 to 100 callers a minute.
fn world() -> World {
    let world = World::with_orders();
    world.change_function(DEV, "orders", |f| f.code(&code("1.1.0")).publish());
    world.aws(|aws| aws.at(DEV).monitoring.called("orders", "live", 100.0));
    world
}

fn function() -> FunctionName {
    FunctionName::parse("orders").unwrap()
}

fn live() -> AliasName {
    AliasName::parse("live").unwrap()
}

fn version(number: u64) -> Version {
    Version::parse(number.to_string()).unwrap()
}

fn request(policy: impl Fn(&Target, &FunctionName) -> String) -> SessionRequest {
    let target = Target { account: AccountId::parse(DEV).unwrap(), region: Region::parse("eu-west-1").unwrap() };
    let role = RoleName::parse("deployer-target").unwrap();
    let policy = policy(&target, &function());
    let external_id = Some(deployer_core::id::ExternalId::parse("dev-8c1f").unwrap());
    SessionRequest { target, role, external_id, name: "deployer-look".into(), policy }
}

fn sessions(world: &World) -> Arc<dyn RolloutSessions> {
    world.engine(Duration::from_secs(900)).ports.rollouts.unwrap()
}

async fn watch(world: &World) -> Arc<dyn TrafficWatch> {
    sessions(world).open_look_session(&request(look_policy)).await.unwrap()
}

async fn tester(world: &World, number: u64) -> Arc<dyn SmokeTester> {
    let request = request(|target, function| smoke_policy(target, function, &version(number)));
    sessions(world).open_smoke_session(&request).await.unwrap()
}

/// A target that got its first weight at this time.
fn target(began: Timestamp) -> RolloutTarget {
    RolloutTarget {
        target: request(look_policy).target,
        shift: Shift::InSteps,
        old: Some(version(1)),
        replaces: None,
        new: Some(version(2)),
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
        settings: deployer_core::rollout::FunctionSettings::default(),
        former_settings: None,
        disarmed: [].into(),
    }
}

async fn invoke(tester: &Arc<dyn SmokeTester>, number: u64) -> Result<SmokeAnswer, RolloutCallErrorKind> {
    let (function, version) = (function(), version(number));
    let id = deployer_core::id::DeploymentId::of(Timestamp::UNIX_EPOCH, deployer_core::id::RequestHash::of(&["smoke"]));
    let context = client_context(id, "1.1.0");
    let call = SmokeCall {
        function: &function,
        version: &version,
        event: r#"{"ping":true}"#,
        context: &context,
        timeout: MINUTE,
    };
    tester.invoke(&call).await.map_err(|error| error.kind)
}

#[tokio::test(start_paused = true)]
async fn look_counts_both_versions_by_their_weights_since_the_rollout_began() {
    let world = world();
    world.aws(|aws| aws.at(DEV).monitoring.fails("orders", 2, 0.5));
    world.pass(60 * MINUTE).await;
    world.change_function(DEV, "orders", |f| f.shift("live", 2, 0.1));
    let target = target(world.now());
    world.aws(|aws| aws.at(DEV).monitoring.called_around("orders", 7.0));
    world.pass(20 * MINUTE).await;

    let watch = watch(&world).await;
    let query = MetricsQuery::of(&function(), &live(), &target, world.now()).unwrap();
    let evidence = watch.metrics(&query).await.unwrap().evidence(&target, None, world.now());
    assert_eq!(evidence.steps.len(), 1);
    let (new, old) = (evidence.steps[0].new, evidence.steps[0].old);
    assert!((160..=180).contains(&new.invocations()), "{new}: 10 of 100 in 17 or 18 full minutes");
    assert!((new.error_rate() - 0.5).abs() < 0.02, "{new}");
    assert!((1_500..=1_620).contains(&old.invocations()) && old.errors() == 0, "{old}");
    assert!((5_800..=6_000).contains(&evidence.hour_before.invocations()), "{}", evidence.hour_before);
    assert!((110..=126).contains(&evidence.around_alias), "{}", evidence.around_alias);

    let seen = watch.alias(&function(), &live()).await.unwrap().unwrap();
    assert_eq!(seen.weights.get("2"), Some(&0.1));
    assert!(watch.has_version(&function(), &version(2)).await.unwrap());
    assert!(!watch.has_version(&function(), &version(9)).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn counts_of_a_minute_are_what_the_test_put_into_the_table() {
    let world = world();
    world.aws(|aws| aws.at(DEV).monitoring.called("orders", "live", 0.0));
    let target = target(world.now());
    world.pass(10 * MINUTE).await;
    let minute = target.served[0].at + 5 * MINUTE;
    world.aws(|aws| {
        aws.at(DEV).monitoring.count(("orders", "live", 2), minute, (12, 3));
        aws.at(DEV).monitoring.count(("orders", "live", 1), minute, (80, 1));
    });
    let query = MetricsQuery::of(&function(), &live(), &target, world.now()).unwrap();
    let evidence = watch(&world).await.metrics(&query).await.unwrap().evidence(&target, None, world.now());
    assert_eq!((evidence.steps[0].new, evidence.steps[0].old), (Counts::of(12, 3), Counts::of(80, 1)));
}

#[tokio::test(start_paused = true)]
async fn late_metrics_are_missing_and_not_wrong() {
    let world = world();
    let target = target(world.now());
    world.aws(|aws| aws.at(DEV).monitoring.metrics_come_after = jiff::SignedDuration::from_mins(30));
    world.pass(20 * MINUTE).await;
    let query = MetricsQuery::of(&function(), &live(), &target, world.now()).unwrap();
    let evidence = watch(&world).await.metrics(&query).await.unwrap().evidence(&target, None, world.now());
    assert!(evidence.steps.is_empty(), "{evidence:?}");
}

#[tokio::test(start_paused = true)]
async fn alarm_that_flapped_between_two_looks_is_in_its_history() {
    let world = world();
    let began = world.now();
    world.pass(MINUTE).await;
    let mut now = world.now();
    world.aws(|aws| {
        let monitoring = &mut aws.at(DEV).monitoring;
        for state in [AlarmState::Ok, AlarmState::Alarm, AlarmState::Ok] {
            monitoring.alarm("orders-5xx", state, now);
            now += MINUTE;
        }
    });
    let watch = watch(&world).await;
    let names = ["orders-5xx".to_owned(), "orders-5xy".to_owned()];
    let states = watch.alarms(&names).await.unwrap();
    assert_eq!(states.found["orders-5xx"], AlarmState::Ok);
    assert!(states.missing.contains("orders-5xy"));
    let changes = watch.alarm_changes("orders-5xx", began).await.unwrap();
    assert_eq!(changes.iter().map(|change| change.to).collect::<Vec<_>>(), [AlarmState::Ok, AlarmState::Alarm]);
    let changes = [("orders-5xx".to_owned(), changes)].into();
    assert!(!states.judge(&[].into(), &changes).fired.is_empty());
}

#[tokio::test(start_paused = true)]
async fn smoke_test_invokes_its_version_once_and_judges_the_answer() {
    let world = world();
    world.aws(|aws| {
        let answers = [SmokeAnswer::Payload(br#"{"ok":true}"#.to_vec()), SmokeAnswer::function_error(b"{}")];
        aws.at(DEV).monitoring.answers("orders", 2, answers);
    });
    let tester = tester(&world, 2).await;
    let test: SmokeTest = serde_json::from_str(r#"{"event": {"ping": true}, "expect": {"ok": true}}"#).unwrap();
    assert_eq!(test.judge(&invoke(&tester, 2).await.unwrap()), Ok(()));
    let failure = test.judge(&invoke(&tester, 2).await.unwrap()).unwrap_err();
    assert_eq!(failure, SmokeFailure::FunctionError { lambdas_type: None });
    let invoked = world.aws(|aws| aws.at(DEV).monitoring.smoke_invocations.clone());
    assert_eq!(invoked.len(), 2);
    assert_eq!((invoked[0].version, invoked[0].event.as_str()), (2, r#"{"ping":true}"#));
    assert!(invoked[0].context.contains(r#""release":"1.1.0""#), "{}", invoked[0].context);
}

#[tokio::test(start_paused = true)]
async fn late_version_has_answered_when_its_time_is_over() {
    let world = world();
    world.aws(|aws| aws.at(DEV).monitoring.answers("orders", 2, [SmokeAnswer::TimedOut]));
    let before = world.elapsed();
    assert_eq!(invoke(&tester(&world, 2).await, 2).await.unwrap(), SmokeAnswer::TimedOut);
    assert!(world.elapsed() - before >= MINUTE);
}

#[tokio::test(start_paused = true)]
async fn faults_of_rollout_calls_keep_their_kinds() {
    let world = world();
    let (watch, tester) = (watch(&world).await, tester(&world, 2).await);
    let query = MetricsQuery::of(&function(), &live(), &target(world.now()), world.now()).unwrap();
    world.on(Op::GetMetricData).fail(CallErrorKind::Throttled);
    assert_eq!(watch.metrics(&query).await.unwrap_err().kind, RolloutCallErrorKind::Throttled);
    assert!(watch.metrics(&query).await.is_ok());
    world.on(Op::DescribeAlarms).lose_the_answer();
    assert_eq!(watch.alarms(&[]).await.unwrap_err().kind, RolloutCallErrorKind::Unavailable);
    world.on(Op::Invoke).fail(CallErrorKind::Throttled);
    assert_eq!(invoke(&tester, 2).await.unwrap_err(), RolloutCallErrorKind::Throttled);
    assert!(world.aws(|aws| aws.at(DEV).monitoring.smoke_invocations.is_empty()), "nothing was invoked");
}

#[tokio::test(start_paused = true)]
async fn throttled_smoke_test_is_waited_out_and_runs_once() {
    let world = world();
    let (tester, engine) = (tester(&world, 2).await, world.engine(Duration::from_secs(900)));
    let (function, version) = (function(), version(2));
    let call = SmokeCall { function: &function, version: &version, event: "{}", context: "{}", timeout: MINUTE };
    let until = world.now() + MINUTE;
    let run = || invoke_when_free(tester.as_ref(), engine.ports.clock.as_ref(), &engine.retries, &call, until);
    world.on(Op::Invoke).times(4).fail(CallErrorKind::Throttled);
    assert_eq!(run().await.unwrap(), SmokeAnswer::Payload(b"null".to_vec()));
    let runs = || world.aws(|aws| aws.at(DEV).monitoring.smoke_invocations.len());
    assert_eq!(runs(), 1);

    world.on(Op::Invoke).lose_the_answer();
    assert_eq!(run().await.unwrap_err().kind, RolloutCallErrorKind::Unavailable);
    assert_eq!(runs(), 2, "nobody knows whether it ran, so it is not sent again");

    world.on(Op::Invoke).always().fail(CallErrorKind::Throttled);
    assert_eq!(run().await.unwrap_err().kind, RolloutCallErrorKind::Throttled);
    assert!(world.now() <= until, "{}", world.now());
}

#[tokio::test(start_paused = true)]
async fn session_of_another_policy_may_neither_look_nor_invoke() {
    let world = world();
    let tester = tester(&world, 2).await;
    assert_eq!(invoke(&tester, 1).await.unwrap_err(), RolloutCallErrorKind::Denied, "another version");
    let reading = sessions(&world).open_look_session(&request(read_only_policy)).await.unwrap();
    let query = MetricsQuery::of(&function(), &live(), &target(world.now()), world.now()).unwrap();
    assert_eq!(reading.metrics(&query).await.unwrap_err().kind, RolloutCallErrorKind::Denied);
    assert_eq!(reading.alarms(&["a".into()]).await.unwrap_err().kind, RolloutCallErrorKind::Denied);
    let smoke = request(|target, function| smoke_policy(target, function, &version(9)));
    let missing = sessions(&world).open_smoke_session(&smoke).await.unwrap();
    assert_eq!(invoke(&missing, 9).await.unwrap_err(), RolloutCallErrorKind::NotFound);
}
