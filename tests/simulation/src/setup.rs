//! Sets up the world of a scenario: its environments and functions, its latencies, and its faults.

use jiff::Timestamp;

use super::foreign_changes;
use super::rollouts;
use super::scenario::{FaultKind, Scenario, When};
use fixtures::random::Random;
use world::{Latency, Settling, UpdateOutcome, World};

/// Returns the deployer.json of a scenario, without the targets that have left it.
pub(super) fn config(scenario: &Scenario, without: &[String]) -> serde_json::Value {
    let environments: serde_json::Map<_, _> = scenario
        .environments
        .iter()
        .map(|e| {
            let target = |text: &String| {
                let (account, region) = text.split_once('/').unwrap_or((text, "eu-west-1"));
                serde_json::json!({"account": account, "region": region})
            };
            let targets: Vec<_> = e.targets.iter().filter(|target| !without.contains(target)).map(target).collect();
            let mut environment = serde_json::json!({
                "targets": targets, "accept_uploads": e.accepts, "immutable_releases": e.immutable,
                "keep_versions": e.keep_versions, "external_id": "x-1",
            });
            if let Some(rules) = &e.rules {
                rules.write_into(&mut environment);
            }
            if let Some(rollout) = &e.rollout {
                environment["rollout"] = rollout.json();
            }
            (e.name.clone(), environment)
        })
        .collect();
    let mut config = serde_json::json!({
        "artifact_bucket": "acme-artifacts",
        "ledger_bucket": "acme-deployer-ledger",
        "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer",
        "environments": environments,
    });
    if scenario.has_bus {
        config["event_bus"] = "deployer".into();
    }
    config
}

/// Makes the world of a scenario.
pub(super) fn world(scenario: &Scenario, random: &mut Random) -> World {
    let mut world = World::with(&config(scenario, &[]));
    world.time = scenario.time;
    world.latency(latency(random.fork()));
    world.aws(|aws| {
        for place in scenario.environments.iter().flat_map(|environment| &environment.targets) {
            let lambda = aws.at(place);
            lambda.role("lambda-execution", Timestamp::UNIX_EPOCH);
            lambda.settling = Settling { reads: 0, time: scenario.settling };
        }
        for (place, function) in &scenario.existing {
            aws.at(place).add_function(function, b"what was there before").publish().point("live", 1);
        }
    });
    for one in &scenario.provisioned {
        let fate = match one.fails {
            true => UpdateOutcome::Fails("the new version cannot be started".to_owned()),
            false => UpdateOutcome::Settles,
        };
        world.change_function(&one.place, &one.function, |function| function.provision("live", one.takes, fate));
    }
    rollouts::call_functions(scenario, &world);
    for fault in &scenario.faults {
        let rule = world.on(fault.op).call(fault.call).times(fault.times);
        match fault.kind {
            FaultKind::Fails(kind) => rule.fail(kind),
            FaultKind::LosesAnswer => rule.lose_the_answer(),
            FaultKind::Twice => rule.twice(),
            FaultKind::Held(time) => rule.hold_for(time),
            FaultKind::EndsFailed => rule.end_failed("InvalidRuntime: no such thing"),
        }
    }
    for one in &scenario.foreign_changes {
        if let When::Before(op, call) = one.when {
            let act = one.clone();
            let rule = world.on(op).at(&one.place).about(&one.function).call(call);
            rule.meanwhile(move |state| foreign_changes::apply(state, &act));
        }
    }
    world
}

fn latency(mut random: Random) -> Box<Latency> {
    Box::new(move |_| match random.below(100) {
        0..4 => random.milliseconds(500, 6_000),
        4..20 => random.milliseconds(50, 500),
        _ => random.milliseconds(2, 60),
    })
}
