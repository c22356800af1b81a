//! One team uploads many slow releases, and another team a single release behind them: measures how long that one
//! waits.
//!
//! It runs in the world fake on virtual time. Event source mappings take messages as SQS and Lambda do: batches of
//! limited size, a limited number at once, and the next batch when a whole one is done.
#![allow(clippy::unwrap_used, reason = "a mistake in a test ends the test")]

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use serde_json::json;

use crate::zips::code;
use crate::{DEV, Trigger, World, tick};

const OTHER: &str = "222222222222";
/// The function's timeout, as the Terraform module sets it.
const TIMEOUT: Duration = Duration::from_secs(300);

/// An event source mapping.
#[derive(Debug, Clone, Copy)]
pub struct Mapping {
    /// The maximal number of messages of an invocation.
    pub batch: usize,
    /// The maximal number of invocations at once.
    pub concurrency: usize,
}

/// The load, and the event source mappings.
#[derive(Debug, Clone, Copy)]
pub struct SlowTeam {
    /// The number of uploads of the slow team, each of another function.
    pub uploads: usize,
    /// The time that Lambda needs for each of their versions.
    pub settles: Duration,
    /// The mapping of the queue of uploads.
    pub mapping: Mapping,
    /// The mapping of the queue of the deployer's own messages, if they have one.
    pub wakes: Option<Mapping>,
}

/// The measured times.
#[derive(Debug, Clone, Copy)]
pub struct QueueTimes {
    /// The time from the other team's upload to the end of its deployment.
    pub other_team: Duration,
    /// The longest time for which a message of the deployer's own was due and not received.
    pub wake: Duration,
    /// The time until all deployments had ended.
    pub all: Duration,
    /// The number of invocations.
    pub invocations: usize,
}

/// A message, and the time from which it can be received.
struct Message(Trigger, Timestamp);

/// A queue and its mapping.
struct Queue {
    mapping: Mapping,
    waiting: VecDeque<Message>,
    busy: usize,
}

impl Queue {
    fn of(mapping: Mapping) -> Self {
        Self { mapping, waiting: VecDeque::new(), busy: 0 }
    }

    fn batch(&mut self) -> Option<Vec<Message>> {
        if self.busy == self.mapping.concurrency || self.waiting.is_empty() {
            return None;
        }
        self.busy += 1;
        Some(self.waiting.drain(..self.mapping.batch.min(self.waiting.len())).collect())
    }
}

impl SlowTeam {
    /// Plays it and returns the measured times. It must run on tokio's paused time.
    ///
    /// # Panics
    /// If a deployment does not succeed.
    pub async fn pass(&self) -> QueueTimes {
        let world = self.world();
        let mut queues = vec![Queue::of(self.mapping)];
        queues.extend(self.wakes.map(Queue::of));
        let began = world.now();
        let slow = (0..self.uploads).map(|number| format!("slow/function-{number:03}/1.1.0.zip"));
        for key in slow.chain(["other/orders/1.1.0.zip".to_owned()]) {
            queues[0].waiting.push_back(Message(Trigger::Upload(world.put(&key, code("1.1.0"))), began));
        }
        let mut waited =
            QueueTimes { other_team: Duration::ZERO, wake: Duration::ZERO, all: Duration::ZERO, invocations: 0 };
        let mut running = FuturesUnordered::new();
        loop {
            let now = world.now();
            let wakes = queues.len() - 1;
            for body in world.aws(|aws| aws.queue.take(now)) {
                queues[wakes].waiting.push_back(Message(Trigger::Tick(tick(&body)), now));
            }
            for (index, queue) in queues.iter_mut().enumerate() {
                while let Some(batch) = queue.batch() {
                    waited.invocations += 1;
                    for Message(_, since) in batch.iter().filter(|Message(work, _)| matches!(work, Trigger::Tick(_))) {
                        waited.wake = waited.wake.max(between(*since, now));
                    }
                    let world = &world;
                    running.push(async move {
                        let runs = batch.into_iter().map(|Message(work, _)| async move {
                            world.invocation().within(TIMEOUT).run(&work).await;
                            matches!(&work, Trigger::Upload(upload) if upload.key.starts_with("other/"))
                                .then(|| world.now())
                        });
                        (index, join_all(runs).await.into_iter().flatten().next())
                    });
                }
            }
            let next = world.aws(|aws| aws.queue.next());
            if running.is_empty() && next.is_none() {
                break;
            }
            let due = next.map_or(Duration::MAX, |next| between(world.now(), next));
            tokio::select! {
                Some((index, other_team)) = running.next() => {
                    queues[index].busy -= 1;
                    if let Some(ended) = other_team {
                        waited.other_team = between(began, ended);
                    }
                }
                () = tokio::time::sleep(due), if next.is_some() => {}
            }
        }
        drop(running);
        assert!(
            world.function(OTHER, "orders", |f| f.aliases["live"].version) == 2,
            "the other team's release is live"
        );
        for number in 0..self.uploads {
            let version = world.function(DEV, &format!("function-{number:03}"), |f| f.aliases["live"].version);
            assert!(version == 2, "function-{number:03} serves version {version}");
        }
        waited.all = between(began, world.now());
        waited
    }

    fn world(&self) -> World {
        let world = World::with(&json!({
            "artifact_bucket": "acme-artifacts",
            "ledger_bucket": "acme-deployer-ledger",
            "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer",
            "environments": {
                "slow": {"targets": [{"account": DEV, "region": "eu-west-1"}]},
                "other": {"targets": [{"account": OTHER, "region": "eu-west-1"}]},
            },
        }));
        for number in 0..self.uploads {
            world.add_function(DEV, &format!("function-{number:03}"), &code("1.0.0"), |f| f.publish().point("live", 1));
        }
        world.add_function(OTHER, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
        world.aws(|aws| aws.at(DEV).settling.time = self.settles);
        world
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}

impl fmt::Display for QueueTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { other_team, wake, all, invocations } = self;
        let seconds = Duration::as_secs_f64;
        write!(
            f,
            "the other team's upload is live after {:.1} s; a wake waits {:.1} s at most; all is live after {:.1} s, by {invocations} \
             invocations",
            seconds(other_team),
            seconds(wake),
            seconds(all)
        )
    }
}
