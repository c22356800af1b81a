//! A rollout over two targets, with a crash at each call.

use super::*;
use world::CallPhase;
use world::rollouts::{CrashIn, Watched};

/// The end of a rollout: what the aliases serve, and the status of its deployment.
fn end(world: &World) -> (Vec<Served>, Vec<String>) {
    let rendered = world.render();
    let deployments = rendered.lines().filter(|line| line.starts_with("dev/"));
    let without_versions = |line: &str| line.split(", version").next().unwrap().to_owned();
    (BOTH.map(|place| world.served(place)).to_vec(), deployments.map(without_versions).collect())
}

/// Checks that each alias went through these states only, one after the other, and held each share for its time.
fn check_steps(watched: &Watched, steps: &[Served], died: CrashIn) {
    for number in 0..BOTH.len() {
        let mut states: Vec<(jiff::Timestamp, &Served)> = Vec::new();
        for (at, served) in &watched.served {
            if states.last().is_none_or(|(_, last)| *last != &served[number]) {
                states.push((*at, &served[number]));
            }
        }
        let seen: Vec<&Served> = states.iter().map(|(_, served)| *served).collect();
        assert_eq!(seen, steps.iter().collect::<Vec<_>>(), "died in {died:?}");
        for pair in states.windows(2).filter(|pair| !pair[0].1.1.is_empty() && pair[1].1.0 != 1) {
            let held = pair[1].0.duration_since(pair[0].0).as_secs();
            assert!(held >= 9 * 60, "10 % is held for {held} s: died in {died:?}");
        }
    }
}

/// Lets every nth crash happen, each in a world of its own.
async fn sweep(make: impl Fn() -> World, steps: &[Served], nth: usize) -> usize {
    let world = make();
    let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
    let undisturbed = world.roll_out_until_ended(&upload, &BOTH, None).await;
    let expected = end(&world);
    let (mut crashes, mut number) = (0, 0);
    let calls = undisturbed.invocations.iter().enumerate().filter(|(_, (_, writes))| *writes);
    for (invocation, (calls, _)) in calls {
        for call in 1..=*calls {
            for phase in [CallPhase::Before, CallPhase::After] {
                number += 1;
                if number % nth != 0 {
                    continue;
                }
                let crash = CrashIn { invocation, call, phase };
                let world = make();
                let upload = world.put("dev/orders/1.1.0.zip", code("1.1.0"));
                let watched = world.roll_out_until_ended(&upload, &BOTH, Some(crash)).await;
                assert_eq!(end(&world), expected, "died in {crash:?}");
                check_steps(&watched, steps, crash);
                crashes += 1;
            }
        }
    }
    crashes
}

async fn go_through(nth: usize) -> usize {
    let steps = [whole(1), split(1, 2, 10), whole(2)];
    sweep(|| super::world(&one_step()), &steps, nth).await
}

async fn go_back(nth: usize) -> usize {
    let make = || {
        let world = super::world(&one_step());
        world.aws(|aws| aws.at(DEV).monitoring.fails("orders", 2, 1.0));
        world
    };
    let steps = [whole(1), split(1, 2, 10), whole(1)];
    sweep(make, &steps, nth).await
}

#[tokio::test(start_paused = true)]
async fn rollout_with_a_crash_at_every_thirteenth_call_is_completed_and_holds_its_steps() {
    let crashes = go_through(13).await;
    assert!(crashes > 10, "only {crashes} crashes were tried");
}

#[tokio::test(start_paused = true)]
async fn way_back_with_a_crash_at_every_seventh_call_is_completed() {
    let crashes = go_back(7).await;
    assert!(crashes > 14, "only {crashes} crashes were tried");
}

#[tokio::test(start_paused = true)]
#[ignore = "long: cargo verify"]
async fn rollout_with_a_crash_at_any_call_is_completed() {
    let crashes = (go_through(1).await, go_back(1).await);
    assert!(crashes.0 > 150 && crashes.1 > 100, "only {crashes:?} crashes were tried");
}
