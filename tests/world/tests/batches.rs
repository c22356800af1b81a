//! A batch: each message gets an answer of its own, whatever happens to its neighbours.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use deployer_core::artifact::{ArtifactRef, Upload};
use deployer_core::doctor::QueueLook;
use deployer_core::id::BucketName;
use deployer_core::trigger::{Delivery, Invocation, Message, decode};
use deployer_engine::Engine;
use deployer_engine::batch::{handle_batch, put_back};
use deployer_engine::port::{ArtifactStore, Chunks, Queue, QueueError, ReadError, Tail};
use serde_json::json;
use world::payloads::notification;
use world::zips::code;
use world::{DEV, Op, World};

/// The behaviour of the artifact bucket towards a read of a key with "bad" in it.
#[derive(Clone, Copy)]
enum Trap {
    Panics,
    NeverAnswers,
}

struct Trapped {
    trap: Trap,
    store: Arc<dyn ArtifactStore>,
}

#[async_trait]
impl ArtifactStore for Trapped {
    async fn newest(&self, bucket: &BucketName, key: &str) -> Result<Option<ArtifactRef>, ReadError> {
        self.store.newest(bucket, key).await
    }

    async fn tail(&self, artifact: &ArtifactRef, window: u64) -> Result<Tail, ReadError> {
        match self.trap {
            _ if !artifact.key.contains("bad") => self.store.tail(artifact, window).await,
            Trap::Panics => panic!("a defect"),
            Trap::NeverAnswers => std::future::pending().await,
        }
    }

    async fn range(&self, artifact: &ArtifactRef, range: Range<u64>) -> Result<Chunks, ReadError> {
        self.store.range(artifact, range).await
    }
}

/// Returns the messages of a batch, numbered from 0, as Lambda delivers them.
fn batch(uploads: &[Upload]) -> Vec<Message> {
    let record = |(number, upload): (usize, &Upload)| json!({"messageId": number.to_string(), "eventSource": "aws:sqs", "body": notification(upload).to_string()});
    let records: Vec<_> = uploads.iter().enumerate().map(record).collect();
    match decode(&json!({ "Records": records })) {
        Invocation::Batch(messages) => messages,
        other => panic!("no batch: {other:?}"),
    }
}

async fn failed(engine: &Engine, messages: Vec<Message>) -> Vec<String> {
    // Time is virtual, so a missed deadline shows at once.
    let answer = tokio::time::timeout(Duration::from_secs(900), handle_batch(engine, messages));
    answer.await.expect("an answer, however late")
}

#[tokio::test(start_paused = true)]
async fn panic_or_endless_read_fails_only_its_own_message() {
    for trap in [Trap::Panics, Trap::NeverAnswers] {
        let world = World::with_orders();
        world.add_function(DEV, "bad", &code("1.0.0"), |f| f.publish().point("live", 1));
        let uploads = [world.put("dev/bad/1.1.0.zip", code("1.1.0")), world.put("dev/orders/1.1.0.zip", code("1.1.0"))];
        let mut engine = world.engine(Duration::from_secs(300));
        let store = engine.ports.artifacts.clone();
        engine.ports.artifacts = Arc::new(Trapped { trap, store: store.clone() });
        assert_eq!(failed(&engine, batch(&uploads)).await, ["0"]);
        assert!(world.now() < engine.deadline, "it answered in time");
        assert_eq!(world.function(DEV, "orders", |f| f.aliases["live"].version), 2);
        assert_eq!(world.function(DEV, "bad", |f| f.aliases["live"].version), 1);

        // The message comes again. A read without end has written nothing; the claim lasts until its lease ends,
        // because the process might have been frozen.
        world.pass(Duration::from_secs(311)).await;
        let engine = world.engine(Duration::from_secs(300));
        assert!(failed(&engine, batch(&uploads)).await.is_empty());
        assert_eq!(world.function(DEV, "bad", |f| f.aliases["live"].version), 2);
        assert_eq!(world.function(DEV, "orders", |f| f.aliases["live"].version), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn deployment_that_could_not_end_in_time_is_not_begun() {
    let world = World::with_orders();
    let uploads = [world.put("dev/orders/1.1.0.zip", code("1.1.0"))];
    assert_eq!(failed(&world.engine(Duration::from_secs(40)), batch(&uploads)).await, ["0"]);
    assert!(world.calls().is_empty(), "{:?}", world.calls());
    assert!(failed(&world.engine(Duration::from_secs(300)), batch(&uploads)).await.is_empty());
    assert_eq!(world.function(DEV, "orders", |f| f.aliases["live"].version), 2);
}

/// A queue that records for how long messages stay away, or never answers.
struct Pausing {
    pauses: Mutex<Vec<(String, u64)>>,
    answers: bool,
}

#[async_trait]
impl Queue for Pausing {
    async fn send(&self, body: String, _: Duration) -> Result<(), QueueError> {
        panic!("a message: {body}")
    }

    async fn extend_visibility(&self, _: Option<&str>, receipt: &str, delay: Duration) -> Result<(), QueueError> {
        self.pauses.lock().unwrap().push((receipt.to_owned(), delay.as_secs()));
        if self.answers { Ok(()) } else { std::future::pending().await }
    }

    async fn lengths(&self) -> Vec<(String, Result<QueueLook, QueueError>)> {
        vec![]
    }
}

#[tokio::test(start_paused = true)]
async fn batch_without_a_configuration_comes_again_with_growing_pauses() {
    let world = World::with_orders();
    for answers in [true, false] {
        let engine = world.engine(Duration::from_secs(300));
        let queue = Pausing { pauses: Mutex::default(), answers };
        let delivery = |received: u32| Delivery {
            receipt: format!("r{received}"),
            received,
            queue: None,
            due: None,
            first_received: None,
        };
        let mut messages: Vec<_> = (1..=6).map(|received| (format!("m{received}"), Some(delivery(received)))).collect();
        messages.push(("unread".to_owned(), None));
        let (clock, left) = (engine.ports.clock.as_ref(), Duration::from_secs(300));
        let response = put_back(Some(&queue), (clock, left), messages.clone()).await;
        let named = response;
        assert_eq!(named, ["m1", "m2", "m3", "m4", "m5", "m6", "unread"]);
        let pauses: Vec<u64> = queue.pauses.lock().unwrap().iter().map(|(_, pause)| *pause).collect();
        assert_eq!(pauses, [20, 60, 180, 540, 600, 600]);
        assert!(world.now() < engine.deadline, "it answers in time");
        let without = put_back(None, (clock, left), messages).await;
        assert_eq!(without.len(), 7, "without a queue they come after its own timeout");
    }
}

#[tokio::test(start_paused = true)]
async fn two_uploads_of_one_function_in_a_batch_follow_each_other() {
    let world = World::with_orders();
    let uploads = ["1.1.0", "1.2.0"].map(|release| world.put(&format!("dev/orders/{release}.zip"), code(release)));
    assert!(failed(&world.engine(Duration::from_secs(300)), batch(&uploads)).await.is_empty());
    assert_eq!(world.function(DEV, "orders", |f| (f.aliases["live"].version, f.versions.len())), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn deployment_that_waits_for_the_zip_permit_is_saved_in_time() {
    let world = World::with_targets(&["111111111111/us-east-1"]);
    for name in ["bills", "orders"] {
        world.add_function("111111111111/us-east-1", name, &code("1.0.0"), |f| f.publish().point("live", 1));
    }
    // The one zip that may be in memory is sent for longer than the invocation has.
    world.latency(|call| match call.op == Op::UpdateFunctionCode && call.what.starts_with("bills") {
        true => Duration::from_secs(400),
        false => Duration::from_millis(20),
    });
    let uploads = [
        world.put("dev/bills/1.1.0.zip", code("bills 1.1.0")),
        world.put("dev/orders/1.1.0.zip", code("orders 1.1.0")),
    ];
    assert_eq!(failed(&world.engine(Duration::from_secs(100)), batch(&uploads)).await, ["0"]);
    let active = world.head("dev", "orders")["active"].clone();
    assert_eq!((&active["attempts"], &active["extensions"]), (&json!(0), &json!(1)), "{active}");
    assert_eq!(world.aws(|aws| aws.queue.count()), 1, "a tick goes on with it");
}
