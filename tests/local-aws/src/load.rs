//! A load: many uploads to many functions, delivered out of order and some twice, to several deployers at once.
//!
//! A test asserts its final state, and the benchmark measures its time and calls.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Call, FIRST, LocalAws, REGION, Result};
use fixtures::Zip;

/// SQS's longest delay of a message, which is longer than any lease.
const LONG: Duration = Duration::from_secs(900);

/// The size of the load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The number of functions in `dev`.
    pub functions: usize,
    /// The number of releases of each function, one after the other.
    pub releases: usize,
    /// One of so many messages is delivered twice.
    pub twice_in: u64,
    /// The number of processes that run at the same time.
    pub deployers: usize,
    /// The seed of the order and of the duplicates.
    pub seed: u64,
}

/// One upload.
#[derive(Debug, Clone)]
struct Sent {
    function: String,
    key: String,
    version_id: String,
}

/// The measurements and the final state.
#[derive(Debug, Clone)]
pub struct LoadReport {
    /// The time from the first delivery to the last answer.
    pub took: Duration,
    /// The number of messages, with duplicates.
    pub messages: usize,
    /// The number of invocations, with those by ticks.
    pub invocations: usize,
    /// The number of messages that failed and were delivered again.
    pub failed: usize,
    /// The reasons of failures, from the deployers' logs.
    pub because: Vec<String>,
    /// The number of uploads by result.
    pub ends: BTreeMap<String, usize>,
    /// The number of the deployer's calls by kind.
    pub calls: BTreeMap<String, usize>,
    /// The wrong states, a line for each.
    pub wrong: Vec<String>,
}

impl Load {
    /// Uploads everything, shuffles and doubles the messages, delivers them, and checks the final state.
    ///
    /// # Errors
    /// The harness fails. A wrong state is no error but in [`LoadReport::wrong`].
    pub async fn pass(&self, aws: &LocalAws) -> Result<LoadReport> {
        let mut sent = Vec::new();
        for release in 0..self.releases {
            for function in 0..self.functions {
                let function = format!("function-{function:03}");
                let key = format!("dev/{function}/1.{release}.0.zip");
                let version_id = aws.upload(&key, Zip::function(&key)).await?;
                sent.push(Sent { function, key, version_id });
            }
        }
        let mut chance = Rng(self.seed);
        let mut messages = aws.take_messages().await?;
        let twice: Vec<Value> = messages.iter().filter(|_| chance.below(self.twice_in) == 0).cloned().collect();
        messages.extend(twice);
        chance.shuffle(&mut messages);
        for message in &messages {
            aws.mapping().send(&message.to_string()).await?;
        }

        let since = aws.last_call().await?;
        let began = Instant::now();
        let mut deliveries = aws.deliver_concurrently(self.deployers).await?;
        let took = began.elapsed();
        while aws.mapping().delayed().await? > 0 {
            aws.end_leases().await?;
            aws.advance_queue_time(LONG).await?;
            deliveries.extend(aws.deliver_concurrently(self.deployers).await?);
        }
        let mut calls = BTreeMap::new();
        for call in aws.control().calls_since(since).await?.iter().filter(|call| LocalAws::is_by_deployer(call)) {
            *calls.entry(kind(call)).or_default() += 1;
        }
        let mut passed = LoadReport {
            took,
            messages: messages.len(),
            invocations: deliveries.len(),
            failed: deliveries.iter().map(|delivery| delivery.failed).sum(),
            because: (aws.deployer().log().iter().filter_map(|line| line["message"].as_str()))
                .filter(|line| line.starts_with("not done"))
                .map(str::to_owned)
                .collect(),
            ends: BTreeMap::new(),
            calls,
            wrong: Vec::new(),
        };
        self.look(aws, &sent, &mut passed).await?;
        Ok(passed)
    }

    /// Checks that every upload has a result, every function serves its newest, and no work is open.
    async fn look(&self, aws: &LocalAws, sent: &[Sent], passed: &mut LoadReport) -> Result<()> {
        let mut newest = BTreeMap::new();
        for Sent { function, key, version_id } in sent {
            if !aws.has_result(key, version_id).await? {
                passed.wrong.push(format!("{key} has no result"));
                continue;
            }
            let result = aws.result(key, version_id).await?;
            *passed.ends.entry(result["status"].as_str().unwrap_or("none").to_owned()).or_default() += 1;
            newest.insert(function, result);
        }
        for (function, result) in newest {
            let served = aws.live(FIRST, REGION, function).await?.map(|live| live.sha256);
            if result["status"] != "succeeded" || served.as_deref() != result["artifact"]["sha256"].as_str() {
                passed.wrong.push(format!("{function} serves {served:?}, not its newest upload: {result}"));
            }
            let head = aws.ledger_object(&format!("heads/dev/{function}.json")).await?.unwrap_or_default();
            let is_open = !head["active"].is_null()
                || head["pending"] != Value::Array(vec![])
                || head["outbox"] != Value::Array(vec![]);
            if is_open {
                passed.wrong.push(format!("{function} has work open: {head}"));
            }
        }
        let dead = aws.dead_letters().await?;
        if dead > 0 {
            passed.wrong.push(format!("{dead} messages are among the dead letters"));
        }
        Ok(())
    }
}

/// Returns a call's kind: its operation, and the kind of S3 object.
fn kind(call: &Call) -> String {
    let folder = call.key.as_ref().and_then(|key| key.split_once('/')).map(|(folder, _)| folder);
    match (call.bucket.as_deref(), folder) {
        (Some(crate::LEDGER), Some(folder)) => format!("{} {folder}/", call.operation),
        (Some(crate::ARTIFACTS), _) => format!("{} artifact", call.operation),
        _ => call.operation.clone(),
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uploads: usize = self.ends.values().sum();
        let deployed = self.ends.get("succeeded").copied().unwrap_or_default().max(1);
        let seconds = self.took.as_secs_f64();
        writeln!(
            f,
            "{uploads} uploads in {} messages, {} invocations: {seconds:.1} s",
            self.messages, self.invocations
        )?;
        writeln!(f, "  {} messages had to come again", self.failed)?;
        for because in &self.because {
            writeln!(f, "    {because}")?;
        }
        for (status, count) in &self.ends {
            writeln!(f, "  {count:>6} {status}")?;
        }
        let all: usize = self.calls.values().sum();
        writeln!(f, "{all} calls of AWS, {:.1} for each deployment that succeeded:", all as f64 / deployed as f64)?;
        for (kind, count) in &self.calls {
            writeln!(f, "  {count:>6} {:>6.2}  {kind}", *count as f64 / deployed as f64)?;
        }
        for wrong in &self.wrong {
            writeln!(f, "WRONG: {wrong}")?;
        }
        Ok(())
    }
}

/// A random generator with a seed: SplitMix64.
#[derive(Debug)]
struct Rng(u64);

impl Rng {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.draw() % limit.max(1)
    }

    /// Shuffles by the algorithm of Fisher and Yates.
    fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap_or_default();
            all.swap(last, other);
        }
    }
}
