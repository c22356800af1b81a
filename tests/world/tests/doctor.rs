//! The doctor against the world fake: it reports each broken link, and changes nothing.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use deployer_core::doctor::{Check, CheckStatus, DoctorReport, PROBE, ProbedAction};
use deployer_core::format::KNOWN;
use deployer_core::id::{AccountId, ExternalId};
use deployer_core::names::{ASKED, DEPLOYMENTS, GROUPS, HEADS, OPEN, REJECTS, RESULTS, SWEEPS};
use deployer_engine::port::CallErrorKind;
use jiff::SignedDuration;
use serde_json::{Value, json};
use world::zips;
use world::{DEV, Op, Trigger, World};

/// Returns a world in which 1.0.0 of `orders` is live and a sweep has run.
async fn healthy_world() -> World {
    let world = World::dev();
    world.upload_until_ended("dev/orders/1.0.0.zip", zips::function("1.0.0")).await;
    sweep(&world).await;
    world
}

async fn sweep(world: &World) {
    world.invocation().run(&Trigger::Sweep).await;
}

fn of_tooling<'r>(report: &'r DoctorReport, check: &str) -> &'r Check {
    report.tooling.iter().find(|one| one.check == check).unwrap()
}

fn of_target<'r>(report: &'r DoctorReport, check: &str) -> &'r Check {
    report.targets[0].checks.iter().find(|one| one.check == check).unwrap()
}

fn failed(report: &DoctorReport) -> Vec<&str> {
    let all = report.tooling.iter().chain(report.targets.iter().flat_map(|target| &target.checks));
    all.filter(|check| !check.is_well()).map(|check| check.check.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn healthy_chain_fails_nothing_and_skips_only_untestable_rights() {
    let world = healthy_world().await;
    let report = world.examine(None).await.unwrap();
    assert!(report.is_well(), "{report:#?}");
    let checks = &report.targets[0].checks;
    let unknown = checks.iter().filter(|check| check.status == CheckStatus::NotChecked);
    assert_eq!(
        unknown.map(|check| check.check.as_str()).collect::<Vec<_>>(),
        ["lambda:CreateFunction", "iam:PassRole", "kms:GenerateDataKey", "lambda:PassCapacityProvider"]
    );
    let read = of_target(&report, "read artifact").because.clone().unwrap();
    assert!(read.starts_with("dev/orders/1.0.0.zip"), "{read}");
}

#[tokio::test(start_paused = true)]
async fn environments_are_in_the_order_of_promotion() {
    let environment = |account: &str, from: Option<&str>| {
        let mut environment = json!({"targets": [{"account": account, "region": "eu-west-1"}]});
        if let Some(from) = from {
            environment["promotion"] = json!({ "from": from });
        }
        environment
    };
    let world = World::with(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger",
        "environments": {
            "prod": environment("333333333333", Some("stage")),
            "dev": environment(DEV, None),
            "stage": environment("222222222222", Some("dev")),
        },
    }));
    let report = world.examine(None).await.unwrap();
    let order: Vec<&str> = report.targets.iter().map(|target| target.environment.as_str()).collect();
    assert_eq!(order, ["dev", "stage", "prod"]);
}

#[tokio::test(start_paused = true)]
async fn report_tells_version_installation_and_formats() {
    let world = healthy_world().await;
    let report = world.examine(None).await.unwrap();
    let installed = of_tooling(&report, "deployer").because.clone().unwrap();
    assert_eq!(installed, format!("build {}, version 7", deployer_core::version::version()));
    let formats = of_tooling(&report, "formats").because.clone().unwrap();
    assert_eq!(formats, format!("this deployer knows formats up to {KNOWN}; 1 of format 1"));
}

#[tokio::test(start_paused = true)]
async fn objects_of_a_newer_format_fail_as_waiting_for_a_newer_deployer() {
    let world = healthy_world().await;
    world.aws(|aws| {
        let mut head: Value = serde_json::from_slice(aws.ledger.get("heads/dev/orders.json").unwrap()).unwrap();
        head["format"] = json!(KNOWN + 1);
        aws.ledger.put("heads/dev/orders.json", head.to_string());
    });
    let report = world.examine(None).await.unwrap();
    assert_eq!(failed(&report), ["formats"]);
    let because = of_tooling(&report, "formats").because.clone().unwrap();
    assert!(
        because.contains(&format!(
            "1 of format {}, which wait until a newer deployer works (heads/dev/orders.json)",
            KNOWN + 1
        )),
        "{because}"
    );
}

#[tokio::test(start_paused = true)]
async fn configuration_that_cannot_be_loaded_fails_with_its_reason() {
    let mut world = healthy_world().await;
    world.outdated =
        Some("s3://ledger/config/deployer.json: environments.prod and dev may mean one function".to_owned());
    let report = world.examine(None).await.unwrap();
    assert_eq!(failed(&report), ["deployer.json"]);
    let because = of_tooling(&report, "deployer.json").because.clone().unwrap();
    assert!(because.contains("prod and dev may mean one function; the last good one is used"), "{because}");
}

#[tokio::test(start_paused = true)]
async fn execution_roles_allowed_to_manifests_are_listed() {
    let mut world = healthy_world().await;
    world.reconfigure(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
        "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer",
        "environments": {"dev": {"targets": [{"account": DEV, "region": "eu-west-1"}], "external_id": "dev-8c1f",
            "execution_role": "lambda/{function}-*"}},
    }));
    let report = world.examine(None).await.unwrap();
    let told = of_target(&report, "execution_role").because.clone().unwrap();
    assert!(told.contains("may name lambda/{function}-* only"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn both_queues_and_their_shared_dead_letters_are_counted_once() {
    let mut world = healthy_world().await;
    let queue = |name: &str| format!("https://sqs.eu-west-1.amazonaws.com/000000000000/{name}");
    world.reconfigure(&json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
        "queue_url": queue("deployer"), "wake_queue_url": queue("deployer-wakes"),
        "environments": {"dev": {"targets": [{"account": DEV, "region": "eu-west-1"}], "external_id": "dev-8c1f"}},
    }));
    let report = world.examine(None).await.unwrap();
    let of_queues = ["queue", "wake queue", "dead letters", "wake dead letters"];
    let seen: Vec<&str> = report.tooling.iter().map(|check| check.check.as_ref()).collect();
    let seen: Vec<&str> = seen.into_iter().filter(|check| of_queues.contains(check)).collect();
    assert_eq!(seen, ["queue", "dead letters", "wake queue"]);
}

#[tokio::test(start_paused = true)]
async fn doctor_changes_nothing() {
    let world = healthy_world().await;
    let before = world.snapshot();
    world.examine(None).await.unwrap();
    assert_eq!(world.snapshot(), before);
    world.aws(|aws| assert!(aws.ledger.keys("").all(|key| !key.contains("nothing"))));
}

#[tokio::test(start_paused = true)]
async fn unknown_environment_is_reported() {
    assert!(healthy_world().await.examine(Some("prod")).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn wrong_external_id_denies_entry_and_skips_the_rest() {
    let world = healthy_world().await;
    world.aws(|aws| aws.sts.role(DEV).external_id = Some(ExternalId::parse("other").unwrap()));
    let report = world.examine(None).await.unwrap();
    assert_eq!(failed(&report), ["enter"]);
    let trust = &of_target(&report, "enter").missing[0];
    assert_eq!(trust.statement["Condition"]["StringEquals"]["sts:ExternalId"], "dev-8c1f");
    assert_eq!(of_target(&report, "lambda:UpdateAlias").status, CheckStatus::NotChecked);
}

#[tokio::test(start_paused = true)]
async fn session_in_a_wrong_account_is_reported_and_probes_nothing() {
    let world = healthy_world().await;
    world.aws(|aws| aws.sts.role(DEV).answers_as = AccountId::parse("999999999999").unwrap());
    let report = world.examine(None).await.unwrap();
    assert_eq!(failed(&report), ["account"]);
    assert!(of_target(&report, "account").because.clone().unwrap().contains("999999999999"));
}

#[tokio::test(start_paused = true)]
async fn each_missing_right_is_reported_alone() {
    let world = healthy_world().await;
    world.set_rollout("dev", Some(&json!({"smoke_test": {"event": {}}})));
    for action in ProbedAction::ALL.iter().skip(1) {
        world.aws(|aws| aws.sts.role(DEV).may_not = [action.to_string()].into());
        let report = world.examine(None).await.unwrap();
        if action.needed_only_by(None) == Some("a manifest with reserved_concurrent_executions") {
            // The target module leaves it out unless a manifest needs it.
            assert!(report.is_well(), "{report:#?}");
            assert_eq!(of_target(&report, action.action()).status, CheckStatus::NotChecked);
            continue;
        }
        assert_eq!(failed(&report), [action.action()]);
        let missing = &of_target(&report, action.action()).missing[0];
        assert_eq!(missing.statement["Action"], action.action());
    }
}

#[tokio::test(start_paused = true)]
async fn rights_of_rollouts_are_tried_where_the_environment_has_one() {
    let world = healthy_world().await;
    let before = world.examine(None).await.unwrap();
    let rights = |report: &DoctorReport| {
        let names = report.targets[0].checks.iter().map(|check| check.check.clone());
        names.filter(|name| name.starts_with("cloudwatch:") || name == "lambda:InvokeFunction").collect::<Vec<_>>()
    };
    assert_eq!(rights(&before), [""; 0]);
    world.set_rollout("dev", Some(&json!({})));
    let report = world.examine(None).await.unwrap();
    assert_eq!(
        rights(&report),
        [
            "cloudwatch:DescribeAlarms",
            "cloudwatch:DescribeAlarmHistory",
            "cloudwatch:GetMetricData",
            "lambda:InvokeFunction"
        ]
    );
    assert!(report.is_well(), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn no_right_is_probed_on_an_existing_or_invisible_function() {
    let world = healthy_world().await;
    world.add_function(DEV, PROBE, &zips::code("probe"), |function| function);
    // The fake panics where a writing call meets a function.
    let report = world.examine(None).await.unwrap();
    assert_eq!(failed(&report), ["lambda:GetFunction"]);
    assert_eq!(of_target(&report, "lambda:UpdateFunctionCode").status, CheckStatus::NotChecked);
    world.aws(|aws| aws.sts.role(DEV).may_not = ["lambda:GetFunction".to_owned()].into());
    let report = world.examine(None).await.unwrap();
    // The other reading calls are made, and each meets the function.
    let reads: Vec<&str> = ProbedAction::ALL.iter().filter(|action| action.only_reads()).map(|a| a.action()).collect();
    assert_eq!(failed(&report), reads);
    assert_eq!(of_target(&report, "lambda:DeleteFunction").status, CheckStatus::NotChecked);
}

#[tokio::test(start_paused = true)]
async fn artifact_unreadable_to_the_target_names_both_policies() {
    let world = healthy_world().await;
    world.aws(|aws| aws.artifacts.closed_to.insert(AccountId::parse(DEV).unwrap()));
    let report = world.examine(None).await.unwrap();
    assert_eq!(failed(&report), ["read artifact"]);
    assert_eq!(of_target(&report, "read artifact").missing.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_artifact_is_read_before_anything_is_live() {
    let world = World::dev();
    sweep(&world).await;
    let report = world.examine(None).await.unwrap();
    assert!(report.is_well(), "{report:#?}");
    let because = of_target(&report, "read artifact").because.clone();
    assert_eq!(because.as_deref(), Some("nothing is live yet in dev"));
}

#[tokio::test(start_paused = true)]
async fn versioning_dead_letters_and_clocks_are_reported_with_their_fault() {
    let world = healthy_world().await;
    world.aws(|aws| {
        aws.artifacts.versioning_is_off = true;
        aws.queue.dead = 3;
        aws.clocks_differ = SignedDuration::from_secs(90);
    });
    let report = world.examine(None).await.unwrap();
    assert_eq!(failed(&report), ["artifact versioning", "dead letters", "clock"]);
    let said = |check| of_tooling(&report, check).because.clone().unwrap();
    assert!(said("dead letters").starts_with("3 messages could not be handled"));
    assert!(said("clock").contains("behind"), "{}", said("clock"));
}

#[tokio::test(start_paused = true)]
async fn unreceived_message_fails_unless_it_is_received_meanwhile() {
    let world = healthy_world().await;
    world.aws(|aws| aws.queue.put("{}"));
    assert_eq!(failed(&world.examine(None).await.unwrap()), ["queue"]);
    let taken = async {
        world.pass(Duration::from_millis(1500)).await;
        let now = world.now();
        world.aws(|aws| aws.queue.take(now));
    };
    let (report, ()) = futures::join!(world.examine(None), taken);
    assert_eq!(failed(&report.unwrap()), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn sweep_is_seen_by_its_trace_and_missed_without_it() {
    let world = healthy_world().await;
    let writes =
        || world.calls().iter().filter(|call| call.op == Op::WriteLedger && call.what.starts_with("sweeps/")).count();
    let before = writes();
    for _ in 0..10 {
        world.pass(Duration::from_secs(60)).await;
        sweep(&world).await;
    }
    assert_eq!(writes() - before, 2, "a write every five minutes");
    assert!(world.examine(None).await.unwrap().is_well());
    world.pass(Duration::from_secs(601)).await;
    assert_eq!(failed(&world.examine(None).await.unwrap()), ["sweep"]);
}

#[tokio::test(start_paused = true)]
async fn many_targets_are_examined_side_by_side_and_reported_in_order() {
    let accounts: Vec<String> = (1..=30).map(|number| format!("{number:012}")).collect();
    let world = World::with_targets(&accounts.iter().map(String::as_str).collect::<Vec<_>>());
    sweep(&world).await;
    let before = world.elapsed();
    let report = world.examine(None).await.unwrap();
    let told: Vec<&str> = report.targets.iter().map(|target| target.target.account.as_str()).collect();
    assert_eq!(told, accounts);
    // 17 calls of 20 ms and 14 pauses of 200 ms each, 16 targets at a time.
    assert!(world.elapsed() - before < Duration::from_secs(8), "{:?}", world.elapsed() - before);
}

#[tokio::test(start_paused = true)]
async fn environments_in_one_account_and_region_are_examined_slowly() {
    let [shared, apart] =
        [json!({"account": DEV, "region": "eu-west-1"}), json!({"account": DEV, "region": "us-east-1"})];
    let environment = |targets: Value| json!({"targets": targets, "external_id": "dev-8c1f", "function_name": "{environment}_{function}"});
    let world = World::with(&json!({
        "artifact_bucket": "acme-artifacts",
        "ledger_bucket": "acme-deployer-ledger",
        "environments": {
            "dev": environment(json!([shared, apart])),
            "qa": environment(json!([shared])),
            "staging": environment(json!([shared])),
        },
    }));
    sweep(&world).await;
    let report = world.examine(None).await.unwrap();
    assert!(report.is_well(), "{report:#?}");
    let told = report.targets.iter().map(|target| format!("{} {}", target.environment, target.target.region));
    assert_eq!(
        told.collect::<Vec<_>>(),
        ["dev eu-west-1", "dev us-east-1", "qa eu-west-1", "staging eu-west-1"],
        "in their order"
    );
    let calls: Vec<_> = world.calls().into_iter().filter(|call| call.op.is_lambda()).collect();
    let began = |region| {
        let there = calls.iter().filter(move |call| call.place == format!("{DEV}/{region}"));
        there.map(|call| call.began).collect::<Vec<_>>()
    };
    let shared = began("eu-west-1");
    assert_eq!(shared.len(), 3 * 16, "without a rollout");
    for seven in shared.windows(7) {
        assert!(seven[6] - seven[0] > Duration::from_secs(1), "{seven:?}");
    }
    assert!(began("us-east-1")[0] < shared[14], "another region does not wait");
}

#[tokio::test(start_paused = true)]
async fn throttled_or_unanswered_call_fails_no_check() {
    let world = healthy_world().await;
    for kind in [CallErrorKind::Throttled, CallErrorKind::Unknown, CallErrorKind::Other] {
        for op in
            [Op::AssumeRole, Op::GetFunction, Op::UpdateAlias, Op::ReadTail, Op::GetQueueAttributes, Op::WriteLedger]
        {
            world.on(op).always().fail(kind);
            let report = world.examine(None).await.unwrap();
            assert_eq!(failed(&report), [""; 0], "{op} {kind:?}");
            assert!(!world.aws(|aws| aws.ledger.keys("").any(|key| key.contains("nothing"))));
            world.heal();
        }
    }
    world.on(Op::UpdateAlias).always().fail(CallErrorKind::Throttled);
    let report = world.examine(None).await.unwrap();
    let check = of_target(&report, "lambda:UpdateAlias");
    assert_eq!(check.because.as_deref(), Some("UpdateAlias of deployer-doctor-probe: Throttled, says the fault plan"));
    assert_eq!(of_target(&report, "lambda:CreateAlias").status, CheckStatus::Ok, "the others are tried");
}

#[tokio::test(start_paused = true)]
async fn role_for_other_functions_is_not_reported_as_lacking_rights() {
    let world = healthy_world().await;
    world.aws(|aws| aws.sts.role(DEV).may_not = ProbedAction::ALL.iter().map(ToString::to_string).collect());
    let report = world.examine(None).await.unwrap();
    assert_eq!(failed(&report), [""; 0]);
    let because = of_target(&report, "lambda:GetFunction").because.clone().unwrap();
    assert!(because.contains("for other functions only"), "{because}");
    let tried: Vec<Op> = world.calls().iter().map(|call| call.op).filter(|op| op.is_lambda_write()).collect();
    assert_eq!(tried[tried.len() - 1], Op::CreateAlias, "of the deployment: {tried:?}");
}

#[tokio::test(start_paused = true)]
async fn every_prefix_of_the_ledger_is_checked_for_reads_and_writes() {
    let world = healthy_world().await;
    for prefix in [HEADS, DEPLOYMENTS, RESULTS, REJECTS, OPEN, ASKED, GROUPS, SWEEPS] {
        for (op, check, action) in
            [(Op::ReadLedger, "read ledger", "s3:GetObject"), (Op::WriteLedger, "write ledger", "s3:PutObject")]
        {
            world.on(op).about(&format!("{prefix}-/")).always().fail_saying(CallErrorKind::Denied, "AccessDenied");
            let report = world.examine(None).await.unwrap();
            assert_eq!(failed(&report), [check], "{prefix}");
            let statement = &of_tooling(&report, check).missing[0].statement;
            let objects = json!([format!("arn:aws:s3:::acme-deployer-ledger/{prefix}*")]);
            assert_eq!((&statement["Action"], &statement["Resource"]), (&json!(action), &objects));
            world.heal();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rollouts_that_the_deployer_does_not_carry_out_fail_where_they_are_asked_for() {
    let mut world = healthy_world().await;
    world.decorate_ports = Some(Box::new(|ports| deployer_engine::Ports { rollouts: None, ..ports }));
    assert_eq!(failed(&world.examine(None).await.unwrap()), [""; 0]);
    world.set_rollout("dev", Some(&json!({})));
    let report = world.examine(None).await.unwrap();
    assert_eq!(failed(&report), ["rollouts"]);
    let because = of_tooling(&report, "rollouts").because.clone().unwrap();
    assert!(because.contains("DEPLOYER_PREVIEW") && because.starts_with("dev asks for a rollout"), "{because}");
}

#[tokio::test(start_paused = true)]
async fn alarm_that_a_function_lacks_fails_until_it_is_made() {
    let world = healthy_world().await;
    world.set_rollout("dev", Some(&json!({ "alarms": ["{function}-5xx"] })));
    let report = world.examine(None).await.unwrap();
    assert_eq!(failed(&report), ["alarms"]);
    let because = of_target(&report, "alarms").because.clone().unwrap();
    assert!(because.starts_with("there is no alarm orders-5xx here"), "{because}");
    let now = world.now();
    world.aws(|aws| aws.at(DEV).monitoring.alarm("orders-5xx", deployer_core::rollout::AlarmState::Ok, now));
    assert_eq!(failed(&world.examine(None).await.unwrap()), [""; 0]);
}
