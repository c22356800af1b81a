//! Random schedules: the same event several times, with random delays of every call and random deaths.
//!
//! The seed of a schedule that fails is in its message. Only one event: the order of several needs the head.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use acceptance::world::zips::with_manifest;
use acceptance::world::{DEV, Invocation, Moment, World, recorded};
use deployer_core::record::Status;

/// SplitMix64: the same seed gives the same schedule.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

fn perhaps_dying<'w>(world: &'w World, random: &mut Random) -> Invocation<'w> {
    let invocation = world.invocation();
    match random.below(4) {
        0 => invocation,
        moment => {
            let moment = if moment == 1 { Moment::Before } else { Moment::After };
            invocation.dies_at(usize::try_from(random.below(25)).unwrap() + 1, moment)
        }
    }
}

/// One event, three invocations that may die, then one that may not.
async fn schedule(seed: u64, side_by_side: bool) {
    let mut random = Random(seed);
    let world = World::with_orders();
    let mut delays = Random(seed ^ 0xffff);
    world.latency(move |_| Duration::from_millis(delays.below(400)));
    let manifest = "timeout = 20\n[tags]\nteam = \"orders\"\n";
    let upload = world.put("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest));
    let mut runs = Vec::new();
    for _ in 0..3 {
        let (delay, invocation) = (random.below(2_000), perhaps_dying(&world, &mut random));
        let (world, upload) = (&world, &upload);
        runs.push(async move {
            world.pass(Duration::from_millis(delay)).await;
            invocation.upload(upload).await;
        });
    }
    if side_by_side {
        futures::future::join_all(runs).await;
    } else {
        for run in runs {
            run.await;
        }
    }
    let record = recorded(world.deliver(&upload).await.unwrap());
    assert_eq!(record.status, Status::Succeeded, "seed {seed}: {:?}", record.because);
    world.function(DEV, "orders", |f| {
        let served = &f.versions[&f.aliases["live"].version];
        assert_eq!(Some(served.sha256), record.artifact.as_ref().unwrap().sha256, "seed {seed}");
        assert_eq!(served.settings.timeout, 20, "seed {seed}");
    });
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn one_event_that_comes_again_after_each_death_converges_in_every_schedule() {
    for seed in 0..500 {
        schedule(seed, false).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_event_that_comes_three_times_side_by_side_converges_in_every_schedule() {
    for seed in 0..500 {
        schedule(seed, true).await;
    }
}
