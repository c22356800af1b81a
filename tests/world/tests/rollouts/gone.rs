//! A target, or the whole environment, is taken out of deployer.json while a rollout is under way.

use deployer_core::config::{Config, Environment};
use deployer_core::doctor::CheckStatus;
use deployer_core::id::{AliasName, ExternalId};
use deployer_core::names::OVERDUE_LINE;
use fixtures::lines;
use world::{CallPhase, Outcome, Trigger};

use super::words::says;
use super::*;

const PLACES: [&str; 2] = ["111111111111/eu-west-1", "222222222222/eu-west-1"];

/// The part that is taken out of deployer.json.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Target,
    Environment,
}

const BOTH_KINDS: [Taken; 2] = [Taken::Target, Taken::Environment];

impl Taken {
    /// Takes it out, and returns the environment as it was.
    fn out_of(self, world: &World) -> Environment {
        let environment = world.remove_environment("dev");
        if self == Self::Target {
            world.put_environment("dev", environment.clone());
            world.remove_target("dev", OTHER);
        }
        environment
    }

    fn sentence(self) -> String {
        let gone = if self == Self::Target { PLACES[1] } else { "environment dev" };
        format!("deployer.json does not have {gone} any more")
    }
}

fn phase(world: &World) -> Value {
    world.head("dev", "orders")["active"]["rollout"]["phase"].clone()
}

fn pause(world: &World) -> Value {
    world.head("dev", "orders")["active"]["rollout"]["paused"]["reason"].clone()
}

fn served(world: &World) -> [Served; 2] {
    BOTH.map(|place| world.served(place))
}

/// Sweeps, and returns what the log and the answer say that failed.
async fn failures_of_a_sweep(world: &World) -> String {
    let (run, lines) = lines::of(async { world.invocation().run(&Trigger::Sweep).await }).await;
    let failed = lines.iter().filter(|line| line["level"] == "ERROR" || line["level"] == "WARN");
    let messages: Vec<&str> = failed.filter_map(|line| line["message"].as_str()).collect();
    format!("{:?}; {}", run.outcome, messages.join("; "))
}

#[tokio::test(start_paused = true)]
async fn deployment_fails_where_it_is_gone_while_the_targets_publish() {
    let died_at = |world: &World| {
        1 + world.calls().iter().position(|call| call.op == Op::UpdateFunctionCode).expect("the code is updated")
    };
    for taken in BOTH_KINDS {
        let other = world(&one_step());
        begins(&other).await;
        let world = world(&one_step());
        let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
        let run = world.invocation().dies_at(died_at(&other), CallPhase::After).upload(&upload).await;
        assert!(matches!(run.outcome, Outcome::Died), "{taken:?}");
        assert_eq!(world.head("dev", "orders")["active"]["rollout"], Value::Null, "{taken:?}");
        let id = world.head("dev", "orders")["active"]["request"]["id"].as_str().unwrap().to_owned();
        taken.out_of(&world);
        world.leases_run_out().await;
        world.sweep_minutes(3).await;
        assert_eq!(world.head("dev", "orders")["active"], Value::Null, "{taken:?}");
        assert_eq!(served(&world), [whole(1), whole(1)], "{taken:?}");
        let key = format!("deployments/dev/orders/{id}.json");
        let record: DeploymentRecord = world.aws(|aws| serde_json::from_slice(aws.ledger.get(&key).unwrap()).unwrap());
        let because = record.because.as_deref().unwrap_or_default();
        assert_eq!((record.status, record.code), (Status::Failed, Some(Code::TargetFailed)), "{taken:?}: {record:?}");
        assert!(because.contains(&taken.sentence()), "{taken:?}: {because}");
        assert!(!failures_of_a_sweep(&world).await.contains("work may be open"), "{taken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn deployment_fails_where_it_is_gone_while_the_version_is_tested() {
    let smoke = json!({ "smoke_test": { "event": { "ping": true } } });
    for taken in BOTH_KINDS {
        let world = world(&smoke);
        world.on(Op::Invoke).at(OTHER).always().fail(CallErrorKind::Throttled);
        let begun = begins(&world).await;
        assert_eq!(phase(&world), "smoke", "{taken:?}");
        taken.out_of(&world);
        world.heal();
        world.sweep_minutes(2).await;
        let record = record_of(&world, &begun).await;
        let because = record.because.as_deref().unwrap_or_default();
        assert_eq!((record.status, record.code), (Status::Failed, Some(Code::TargetFailed)), "{taken:?}: {record:?}");
        assert!(because.contains(&taken.sentence()), "{taken:?}: {because}");
        assert_eq!(served(&world), [whole(1), whole(1)], "{taken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn release_goes_back_where_it_is_gone_while_the_second_wave_is_tested() {
    let smoke = json!({
        "steps": [], "watch": "8m", "waves": ["1", "100%"], "smoke_test": { "event": { "ping": true } }
    });
    for taken in BOTH_KINDS {
        let world = world(&smoke);
        let begun = begins(&world).await;
        world.on(Op::Invoke).at(OTHER).always().fail(CallErrorKind::Throttled);
        world.sweep_minutes(8).await;
        world.pass(Duration::from_secs(60)).await;
        world.invocation().run(&Trigger::Sweep).await;
        let now = world.now();
        for body in world.aws(|aws| aws.queue.take(now)) {
            world.invocation().run(&Trigger::Tick(world::tick(&body))).await;
        }
        assert_eq!((phase(&world), served(&world)), (json!("smoke"), [whole(2), whole(1)]), "{taken:?}");
        taken.out_of(&world);
        world.heal();
        world.sweep_minutes(2).await;
        let record = record_of(&world, &begun).await;
        assert_eq!(record.status, Status::RolledBack, "{taken:?}: {record:?}");
        assert!(record.because.as_deref().unwrap().contains(&taken.sentence()), "{taken:?}: {record:?}");
        assert_eq!(served(&world), [whole(1), whole(1)], "{taken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rollout_that_shifts_is_paused_before_its_next_step_and_aborted_by_its_plan() {
    for taken in BOTH_KINDS {
        let world = world(&one_step());
        let begun = begins(&world).await;
        world.sweep_minutes(8).await;
        taken.out_of(&world);
        // The next look comes after the step is due.
        world.pass(Duration::from_secs(180)).await;
        world.sweep_and_deliver().await;
        assert_eq!(served(&world), [split(1, 2, 10), split(1, 2, 10)], "{taken:?}");
        assert_eq!(pause(&world), "not_configured", "{taken:?}");
        let because = record_of(&world, &begun).await.because.unwrap_or_default();
        let told = format!("the rollout is paused at 10 %: {}: put it back and continue, or abort", taken.sentence());
        assert_eq!(because, told, "{taken:?}");
        world.sweep_minutes(5).await;
        assert_eq!(served(&world), [split(1, 2, 10), split(1, 2, 10)], "{taken:?}");
        says(&world, "abort", &begun).await;
        assert_eq!(served(&world), [whole(1), whole(1)], "{taken:?}: within the command");
        let record = record_of(&world, &begun).await;
        assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Aborted)), "{taken:?}: {record:?}");
        assert_eq!(world.head("dev", "orders")["active"], Value::Null, "{taken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rollout_that_is_continued_while_a_target_is_gone_is_paused_again() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    world.sweep_minutes(3).await;
    Taken::Target.out_of(&world);
    world.sweep_minutes(2).await;
    for action in ["continue", "finish"] {
        says(&world, action, &begun).await;
        assert_eq!(pause(&world), Value::Null, "{action}");
        world.sweep_minutes(12).await;
        assert_eq!(pause(&world), "not_configured", "{action}");
        assert_eq!(served(&world), [split(1, 2, 10), split(1, 2, 10)], "{action}");
    }
}

/// Whether a word needs a proof of identity is said where the environment is configured.
#[tokio::test(start_paused = true)]
async fn only_an_abort_is_taken_where_the_environment_is_gone() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    world.sweep_minutes(3).await;
    Taken::Environment.out_of(&world);
    world.sweep_minutes(2).await;
    let head = world.head("dev", "orders");
    for action in ["pause", "continue", "finish"] {
        let fields = json!({ "deployment": begun.id.to_string(), "action": action });
        let (kind, message) = world.command_error(command("rollout", &fields)).await;
        assert_eq!(kind, "Refused", "{message}");
        let says = format!("{}: put it back first, or abort the rollout", Taken::Environment.sentence());
        assert!(message.ends_with(&says), "{action}: {message}");
    }
    assert_eq!(world.head("dev", "orders"), head);
    says(&world, "abort", &begun).await;
    assert_eq!(served(&world), [whole(1), whole(1)]);
}

#[tokio::test(start_paused = true)]
async fn paused_rollout_is_still_looked_at_and_goes_back_by_itself() {
    for taken in BOTH_KINDS {
        let world = world(&one_step());
        let begun = begins(&world).await;
        says(&world, "pause", &begun).await;
        taken.out_of(&world);
        world.sweep_minutes(4).await;
        assert_eq!((pause(&world), served(&world)), (json!("asked"), [split(1, 2, 10), split(1, 2, 10)]), "{taken:?}");
        world.aws(|aws| aws.at(DEV).monitoring.fails("orders", 2, 1.0));
        world.sweep_minutes(8).await;
        let record = record_of(&world, &begun).await;
        let ended = (record.status, record.code);
        assert_eq!(ended, (Status::RolledBack, Some(Code::Unhealthy)), "{taken:?}: {record:?}");
        assert_eq!(served(&world), [whole(1), whole(1)], "{taken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pause_that_nobody_ends_takes_the_release_back() {
    for taken in BOTH_KINDS {
        let mut rollout = one_step();
        rollout["pause_expires"] = json!("30m");
        let world = world(&rollout);
        let begun = begins(&world).await;
        taken.out_of(&world);
        world.sweep_minutes(33).await;
        let record = record_of(&world, &begun).await;
        assert_eq!((record.status, record.code), (Status::RolledBack, Some(Code::Expired)), "{taken:?}: {record:?}");
        assert_eq!(served(&world), [whole(1), whole(1)], "{taken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rollout_that_watches_is_paused_and_ends_once_all_is_back_and_it_is_continued() {
    for taken in BOTH_KINDS {
        let world = world(&one_step());
        let begun = begins(&world).await;
        world.sweep_minutes(13).await;
        assert_eq!((phase(&world), served(&world)), (json!("watching"), [whole(2), whole(2)]), "{taken:?}");
        let before = taken.out_of(&world);
        world.sweep_minutes(20).await;
        assert_eq!(pause(&world), "not_configured", "{taken:?}");
        assert!(world.head("dev", "orders")["history"].as_array().unwrap().is_empty(), "{taken:?}: not live");
        world.put_environment("dev", before);
        says(&world, "continue", &begun).await;
        world.sweep_minutes(12).await;
        assert_eq!(record_of(&world, &begun).await.status, Status::Succeeded, "{taken:?}");
        assert_eq!(served(&world), [whole(2), whole(2)], "{taken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn release_that_goes_back_goes_on() {
    for taken in BOTH_KINDS {
        let world = world(&one_step());
        let begun = begins(&world).await;
        world.on(Op::AssumeRole).at(OTHER).always().fail(CallErrorKind::Denied);
        says(&world, "abort", &begun).await;
        assert_eq!((phase(&world), served(&world)), (json!("going_back"), [whole(1), split(1, 2, 10)]), "{taken:?}");
        taken.out_of(&world);
        world.heal();
        world.sweep_minutes(3).await;
        assert_eq!(record_of(&world, &begun).await.status, Status::RolledBack, "{taken:?}");
        assert_eq!(served(&world), [whole(1), whole(1)], "{taken:?}");
    }
}

/// Nothing newer is kept waiting by it, so nobody gives the alias up before the day is over.
#[tokio::test(start_paused = true)]
async fn way_back_that_is_held_up_where_the_environment_is_gone_is_tried_again_and_overdue() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    world.on(Op::AssumeRole).at(OTHER).always().fail(CallErrorKind::Denied);
    says(&world, "abort", &begun).await;
    Taken::Environment.out_of(&world);
    world.sweep_minutes(8).await;
    assert_eq!((phase(&world), served(&world)), (json!("going_back"), [whole(1), split(1, 2, 10)]));
    let failures = failures_of_a_sweep(&world).await;
    assert!(failures.contains(OVERDUE_LINE) && failures.contains(&Taken::Environment.sentence()), "{failures}");
    world.heal();
    world.sweep_minutes(2).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::RolledBack);
}

#[tokio::test(start_paused = true)]
async fn reject_takes_the_release_back_at_once_where_the_environment_is_gone() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    // The release is known there.
    let mut other = Taken::Environment.out_of(&world);
    other.rollout = None;
    world.put_environment("stage", other);
    let key = "results/stage/orders/1.1.0/v.json";
    let record = serde_json::to_vec(&record_of(&world, &begun).await).unwrap();
    world.aws(|aws| aws.ledger.put(key, record));
    let reject = json!({
        "command": "reject", "function": "orders", "release": "1.1.0", "reason": "bad", "requested_by": "ann"
    });
    world.command(reject).await;
    assert_eq!(served(&world), [whole(1), whole(1)], "within the command");
    assert_eq!(record_of(&world, &begun).await.code, Some(Code::Rejected));
}

#[tokio::test(start_paused = true)]
async fn newer_upload_waits_until_the_environment_is_back() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    world.pass(Duration::from_secs(1)).await;
    let waits = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
    assert_eq!(waits.status, Status::Pending);
    let before = Taken::Environment.out_of(&world);
    says(&world, "abort", &begun).await;
    world.sweep_minutes(3).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::RolledBack);
    assert_eq!(record_of(&world, &waits).await.status, Status::Pending);
    assert_eq!(served(&world), [whole(1), whole(1)]);
    assert!(failures_of_a_sweep(&world).await.contains("work may be open for environment dev"));
    world.put_environment("dev", before);
    world.sweep_minutes(2).await;
    assert_eq!(served(&world), [split(1, 3, 10), split(1, 3, 10)], "its turn has come");
}

#[tokio::test(start_paused = true)]
async fn status_history_and_doctor_tell_that_the_environment_is_gone() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    Taken::Environment.out_of(&world);
    let gone = Taken::Environment.sentence();
    for fields in [json!({}), json!({ "look": true })] {
        let status = world.command(command("status", &fields)).await;
        let rollout = &status["functions"][0]["rollout"];
        assert_eq!((&rollout["gone"], &rollout["phase"]), (&json!(gone), &json!("shifting")), "{status:#}");
        assert_eq!(status["environments"], json!(["dev"]));
    }
    let all = world.command(json!({ "command": "status" })).await;
    assert_eq!(all["functions"][0]["rollout"]["gone"], json!(gone), "{all:#}");
    let history = world.command(command("history", &json!({}))).await;
    assert!(history["deployments"][0]["because"].as_str().unwrap().ends_with(&gone), "{history:#}");
    let report = world.examine(None).await.unwrap();
    let check = report.tooling.iter().find(|check| check.check == "rollouts").unwrap();
    assert_eq!(check.status, CheckStatus::Fail);
    let abort = format!("deployctl rollout abort -e dev -f orders --deployment {}", begun.id);
    assert!(check.because.as_deref().unwrap().contains(&abort), "{check:?}");

    says(&world, "abort", &begun).await;
    let report = world.examine(None).await.unwrap();
    assert!(report.tooling.iter().all(|check| check.check != "rollouts"), "{report:#?}");
    let history = world.command(command("history", &json!({}))).await;
    assert_eq!(history["deployments"][0]["status"], "rolled_back", "{history:#}");
}

#[tokio::test(start_paused = true)]
async fn other_commands_are_refused_where_the_environment_is_gone_and_a_word_is_once_the_rollout_has_ended() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    Taken::Environment.out_of(&world);
    let unknown = async |given: Value| {
        let (kind, message) = world.command_error(given).await;
        assert_eq!(kind, "InvalidCommand");
        assert!(message.starts_with("deployer.json has no environment dev"), "{message}");
    };
    unknown(command("deploy", &json!({ "release": "1.1.0" }))).await;
    unknown(command("redeploy", &json!({}))).await;
    unknown(command("rollback", &json!({ "to": "1.0.0" }))).await;
    unknown(command("hold", &json!({ "reason": "no" }))).await;
    assert_eq!(served(&world), [split(1, 2, 10), split(1, 2, 10)]);

    let abort = json!({ "deployment": begun.id.to_string(), "action": "abort", "id": "abort-1" });
    world.command(command("rollout", &abort)).await;
    let again = world.command(command("rollout", &abort)).await;
    assert_eq!(again["functions"][0]["rollout"], Value::Null, "the same command again: {again:#}");
    assert_eq!(served(&world), [whole(1), whole(1)]);
    let late = json!({ "deployment": begun.id.to_string(), "action": "abort" });
    unknown(command("rollout", &late)).await;
    unknown(command("status", &json!({}))).await;
}

#[tokio::test(start_paused = true)]
async fn head_without_the_role_waits_until_the_environment_is_back() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    let mut head = world.head("dev", "orders");
    assert!(head["active"].as_object_mut().unwrap().remove("role").is_some());
    world.aws(|aws| aws.ledger.put("heads/dev/orders.json", serde_json::to_vec(&head).unwrap()));
    let before = Taken::Environment.out_of(&world);
    world.sweep_minutes(5).await;
    assert!(failures_of_a_sweep(&world).await.contains("work may be open for environment dev"));
    let abort = json!({ "deployment": begun.id.to_string(), "action": "abort" });
    let (_, message) = world.command_error(command("rollout", &abort)).await;
    assert!(message.starts_with("deployer.json has no environment dev"), "{message}");
    world.put_environment("dev", before);
    world.sweep_minutes(30).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::Succeeded);
}

/// An external id is rotated in the trust policies and in deployer.json while deployments are under way.
#[tokio::test(start_paused = true)]
async fn rotated_external_id_counts_as_long_as_the_environment_is_there() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    let mut environment = world.remove_environment("dev");
    environment.external_id = Some(ExternalId::parse("dev-77fe").unwrap());
    for account in BOTH {
        let rotated = environment.external_id.clone();
        world.aws(|aws| aws.sts.role(account).external_id = rotated);
    }
    world.put_environment("dev", environment);
    world.sweep_minutes(26).await;
    assert_eq!(record_of(&world, &begun).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn alias_and_function_name_of_the_plan_count_where_the_configuration_has_others() {
    for change in [
        (|environment: &mut Environment| environment.alias = AliasName::parse("main").unwrap()) as fn(&mut Environment),
        |environment| {
            let file = json!({
                "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger",
                "environments": { "dev": {
                    "targets": [{ "account": DEV, "region": "eu-west-1" }], "function_name": "acme-{function}"
                } },
            });
            let config = Config::parse(&file.to_string()).unwrap();
            environment.function_name = config.environments.into_values().next().unwrap().function_name;
        },
    ] {
        let world = world(&one_step());
        let begun = begins(&world).await;
        let mut environment = world.remove_environment("dev");
        change(&mut environment);
        world.put_environment("dev", environment);
        world.sweep_minutes(13).await;
        assert_eq!(served(&world), [whole(2), whole(2)]);
        says(&world, "abort", &begun).await;
        assert_eq!(served(&world), [whole(1), whole(1)]);
        assert_eq!(record_of(&world, &begun).await.status, Status::RolledBack);
    }
}

#[tokio::test(start_paused = true)]
async fn target_that_moves_to_another_account_pauses_the_rollout() {
    let world = world(&one_step());
    let begun = begins(&world).await;
    let mut environment = world.remove_environment("dev");
    environment.targets[1].account = deployer_core::id::AccountId::parse("333333333333").unwrap();
    world.put_environment("dev", environment);
    world.sweep_minutes(12).await;
    assert_eq!((pause(&world), served(&world)), (json!("not_configured"), [split(1, 2, 10), split(1, 2, 10)]));
    says(&world, "abort", &begun).await;
    assert_eq!(served(&world), [whole(1), whole(1)]);
}

#[tokio::test(start_paused = true)]
async fn rollback_means_the_rollout_where_the_environment_is_gone() {
    for is_going_back in [false, true] {
        let world = world(&one_step());
        let begun = begins(&world).await;
        world.sweep_minutes(26).await;
        assert_eq!(record_of(&world, &begun).await.status, Status::Succeeded);
        let second = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
        assert_eq!(served(&world), [split(2, 3, 10), split(2, 3, 10)]);
        Taken::Environment.out_of(&world);
        if is_going_back {
            world.on(Op::AssumeRole).at(OTHER).always().fail(CallErrorKind::Denied);
            says(&world, "abort", &second).await;
        }
        let planned = world.command(command("plan", &json!({ "rollback": true }))).await;
        assert_eq!(planned["refused"], Value::Null, "{planned:#}");
        let record = rollback(&world).await;
        world.heal();
        world.sweep_minutes(2).await;
        let record = record_of(&world, &record).await;
        assert_eq!(served(&world), [whole(2), whole(2)], "{is_going_back}");
        assert_eq!(record.status, Status::Succeeded, "{is_going_back}: {record:?}");
        let rolled_out = record_of(&world, &second).await.status;
        let expected = if is_going_back { Status::RolledBack } else { Status::Superseded };
        assert_eq!(rolled_out, expected, "{is_going_back}");
        let head = world.head("dev", "orders");
        assert_eq!(
            (&head["active"], &head["history"][0]["release"]),
            (&Value::Null, &json!("1.1.0")),
            "{is_going_back}"
        );
        assert!(!failures_of_a_sweep(&world).await.contains("work may be open"), "{is_going_back}");
        let (_, message) = world.command_error(command("rollback", &json!({}))).await;
        assert!(message.starts_with("deployer.json has no environment dev"), "{message}");
    }
}
