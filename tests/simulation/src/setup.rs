//! Makes the world that a scene is played in: its environments and functions, its latencies, and what goes wrong in it.

use jiff::Timestamp;

use super::foreign;
use super::scene::{Mishap, Scene, When};
use fixtures::random::Random;
use world::{UpdateOutcome, Latency, Settling, World};

/// The deployer.json of a scene, without the targets that were taken out of it.
pub(super) fn config(scene: &Scene, without: &[String]) -> serde_json::Value {
    let environments: serde_json::Map<_, _> = scene
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
            (e.name.clone(), environment)
        })
        .collect();
    let mut config = serde_json::json!({
        "artifact_bucket": "acme-artifacts",
        "ledger_bucket": "acme-deployer-ledger",
        "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer",
        "environments": environments,
    });
    if scene.has_bus {
        config["event_bus"] = "deployer".into();
    }
    config
}

/// Makes the world of a scene.
pub(super) fn world(scene: &Scene, random: &mut Random) -> World {
    let mut world = World::with(&config(scene, &[]));
    world.time = scene.time;
    world.latency(latency(random.fork()));
    world.aws(|aws| {
        for place in scene.environments.iter().flat_map(|environment| &environment.targets) {
            let lambda = aws.at(place);
            lambda.role("lambda-execution", Timestamp::UNIX_EPOCH);
            lambda.settling = Settling { reads: 0, time: scene.settling };
        }
        for (place, function) in &scene.there {
            aws.at(place).add_function(function, b"what was there before").publish().point("live", 1);
        }
    });
    for one in &scene.provisioned {
        let fate = match one.fails {
            true => UpdateOutcome::Fails("the new version cannot be started".to_owned()),
            false => UpdateOutcome::Settles,
        };
        world.change_function(&one.place, &one.function, |function| function.provision("live", one.takes, fate));
    }
    for fault in &scene.faults {
        let rule = world.on(fault.op).call(fault.call).times(fault.times);
        match fault.mishap {
            Mishap::Fails(kind) => rule.fail(kind),
            Mishap::LosesAnswer => rule.lose_the_answer(),
            Mishap::Twice => rule.twice(),
            Mishap::Held(time) => rule.hold_for(time),
            Mishap::EndsFailed => rule.end_failed("InvalidRuntime: no such thing"),
        }
    }
    for one in &scene.foreigners {
        if let When::Before(op, call) = one.when {
            let act = one.clone();
            let rule = world.on(op).at(&one.place).about(&one.function).call(call);
            rule.meanwhile(move |state| foreign::acts(state, &act));
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
