//! The calls that cost something, counted: the table in `docs/costs.md`.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use fixtures::Zip;
use serde_json::json;
use world::orders::{deploy_all, rollback};
use world::zips::code;
use world::{DEV, Op, Trigger, World};

const BEGIN: &str = "<!-- calls -->\n";
const END: &str = "<!-- /calls -->\n";
const STALE: &str = "docs/costs.md is stale: UPDATE_DOCS=1 cargo test -p world costs::";

/// The calls of one thing that the deployer does.
struct Counted(&'static str, Vec<Op>);

impl Counted {
    async fn of(world: &World, what: &'static str, does: impl Future<Output = ()>) -> Self {
        world.pass(Duration::from_secs(1)).await;
        let before = world.calls().len();
        does.await;
        Self(what, world.calls()[before..].iter().map(|call| call.op).collect())
    }

    fn count(&self, of: impl Fn(Op) -> bool) -> usize {
        self.1.iter().filter(|op| of(**op)).count()
    }

    fn row(&self) -> String {
        let s3_written = self.count(|op| matches!(op, Op::WriteLedger | Op::ListLedger));
        let s3_read = self.count(|op| {
            matches!(op, Op::HeadArtifact | Op::ReadTail | Op::ReadRange | Op::ReadLedger | Op::GetBucketVersioning)
        });
        let s3_deleted = self.count(|op| op == Op::DeleteLedger);
        let sqs = self.count(|op| matches!(op, Op::SendMessage | Op::ChangeMessageVisibility | Op::GetQueueAttributes));
        let events = self.count(|op| op == Op::PutEvents);
        let free = self.count(|op| op >= Op::AssumeRole);
        let all = self.1.len();
        assert_eq!(all, s3_written + s3_read + s3_deleted + sqs + events + free, "{}: {:?}", self.0, self.1);
        format!("| {} | {s3_written} | {s3_read} | {s3_deleted} | {sqs} | {events} | {free} | {all} |", self.0)
    }
}

/// Counts a sweep that comes so many seconds after the one before.
async fn sweep(world: &World, what: &'static str, after: u64) -> Counted {
    world.pass(Duration::from_secs(after)).await;
    let sweep = async {
        world.invocation().run(&Trigger::Sweep).await;
    };
    Counted::of(world, what, sweep).await
}

/// `UPDATE_DOCS=1 cargo test -p world costs::` writes the table anew.
#[tokio::test(start_paused = true)]
async fn cost_page_has_the_counted_calls() {
    let world = World::three_environments(&json!({"promotion": {"from": "dev"}}), &json!({}));
    world.aws(|aws| aws.at(DEV).role("lambda-execution", jiff::Timestamp::UNIX_EPOCH));
    deploy_all(&world, &["1.1.0", "1.2.0"]).await;
    world.markers_are_cleared().await;
    let upload = world.put("dev/orders/1.3.0.zip", code("1.3.0"));
    let promote = json!({"command": "promote", "function": "orders", "from": "dev", "to": "stage"});
    let new_function = Zip::function("1.0.0").build().unwrap();
    let counted = [
        Counted::of(&world, "an upload of new code", async {
            world.deliver(&upload).await.unwrap();
        })
        .await,
        Counted::of(&world, "the same event once more", async {
            world.deliver(&upload).await.unwrap();
        })
        .await,
        Counted::of(&world, "an upload that makes a function", async {
            world.record("dev/hello/1.0.0.zip", new_function).await;
        })
        .await,
        Counted::of(&world, "a promotion, asked for by a command", async {
            world.command_record(promote).await;
        })
        .await,
        Counted::of(&world, "a rollback to a version that is there", async {
            rollback(&world).await;
        })
        .await,
        sweep(&world, "a sweep while nothing is open", 60).await,
        sweep(&world, "that of each five minutes: it compares the notices of three environments", 300).await,
        sweep(&world, "that of each quarter of an hour: it writes them anew", 600).await,
    ];
    let mut table = String::from(
        "| what | S3: PUT, LIST | S3: GET, HEAD | S3: DELETE | SQS | events | STS, Lambda | all |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for counted in &counted {
        let _infallible = writeln!(table, "{}", counted.row());
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/costs.md");
    let found = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = found.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let renewed = format!("{before}{BEGIN}\n{table}\n{END}{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, &renewed).unwrap();
    } else {
        assert_eq!(found, renewed, "{STALE}");
    }
}
