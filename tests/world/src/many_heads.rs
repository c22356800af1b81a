//! `status` of a large ledger in the world fake, where each call takes 20 ms and computing takes no time: measures what
//! it waits for.
//!
//! A test holds the result to a limit, and the benchmark prints the figures.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a mistake in a test ends the test")]

use std::fmt;
use std::time::{Duration, Instant};

use deployer_core::record::Status;
use serde_json::{Map, json};

use crate::zips::code;
use crate::{DEV, World};

/// The time that each call takes.
const LATENCY: Duration = Duration::from_millis(20);

/// The size of a ledger.
#[derive(Debug, Clone, Copy)]
pub struct ManyHeads {
    /// The number of functions of each environment.
    pub functions: usize,
    /// The number of environments.
    pub environments: usize,
    /// The number of releases that were live of each, one after the other.
    pub releases: usize,
}

/// The cost of one `status`.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The number of functions in the answer.
    pub functions_listed: usize,
    /// The bytes of all heads.
    pub bytes: usize,
    /// The number of calls to the ledger.
    pub calls: usize,
    /// The waiting time, in the time of one request: so many requests followed one another.
    pub waited: u32,
    /// The time that this machine needed to read and answer.
    pub computed: Duration,
}

impl ManyHeads {
    /// Makes the ledger, and asks for the status of everything. It must run on tokio's paused time.
    ///
    /// # Panics
    /// If `status` is not answered.
    pub async fn ask(&self) -> Asked {
        let target =
            json!({"targets": [{"account": DEV, "region": "eu-west-1"}], "function_name": "{environment}_{function}"});
        let environments: Map<_, _> = (0..self.environments).map(|n| (format!("env-{n}"), target.clone())).collect();
        let world = World::with(&json!({
            "artifact_bucket": "acme-artifacts",
            "ledger_bucket": "acme-deployer-ledger",
            "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer",
            "environments": environments,
        }));
        let head = self.head(&world).await;
        world.aws(|aws| {
            for environment in 0..self.environments {
                for function in 0..self.functions {
                    aws.ledger.put(&format!("heads/env-{environment}/function-{function:03}.json"), head.clone());
                }
            }
            aws.ledger.delete("heads/env-0/orders.json");
        });
        let (calls, began, clock) = (world.calls().len(), world.elapsed(), Instant::now());
        let answer = world.command(json!({"command": "status"})).await;
        let (computed, waited) = (clock.elapsed(), world.elapsed() - began);
        Asked {
            functions_listed: answer["functions"].as_array().map_or(0, Vec::len),
            bytes: head.len() * self.functions * self.environments,
            calls: world.calls().len() - calls,
            waited: u32::try_from(waited.as_millis() / LATENCY.as_millis()).unwrap(),
            computed,
        }
    }

    /// Returns the head of a function that has had so many releases.
    async fn head(&self, world: &World) -> Vec<u8> {
        world.add_function(DEV, "env-0_orders", &code("0"), |f| f.publish().point("live", 1));
        for release in 1..=self.releases {
            world.pass(Duration::from_secs(1)).await;
            let record = world.record(&format!("env-0/orders/1.{release}.zip"), code(&release.to_string())).await;
            assert_eq!(record.status, Status::Succeeded, "{record:?}");
        }
        world.aws(|aws| aws.ledger.get("heads/env-0/orders.json").unwrap().to_vec())
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { functions_listed, bytes, calls, waited, computed } = self;
        let (megabytes, seconds) = (*bytes as f64 / 1e6, computed.as_secs_f64());
        write!(
            f,
            "{functions_listed} functions listed, {calls} calls, answered in the time of {waited} requests; \
             {megabytes:.1} MB of heads, read and answered in {seconds:.2} s of computing"
        )
    }
}
