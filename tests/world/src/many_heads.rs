//! `status` of a large ledger in the world fake, where each call takes 20 ms and computing takes no time: what it waits for.
//!
//! Shared by a test, which holds it to a limit, and the benchmark, which tells the figures.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a mistake in a test ends the test")]

use std::fmt;
use std::time::{Duration, Instant};

use deployer_core::record::Status;
use serde_json::{Map, json};

use crate::zips::code;
use crate::{DEV, World};

/// What each call takes.
const LATENCY: Duration = Duration::from_millis(20);

/// A ledger.
#[derive(Debug, Clone, Copy)]
pub struct ManyHeads {
    /// Functions of each environment.
    pub functions: usize,
    /// Environments.
    pub environments: usize,
    /// Releases that were live of each, one after the other.
    pub releases: usize,
}

/// What asking took.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Functions that were told of.
    pub told: usize,
    /// The bytes of all heads.
    pub bytes: usize,
    /// Calls of the ledger.
    pub calls: usize,
    /// In how many requests' time it was answered: so many followed one another.
    pub waited: u32,
    /// What reading and answering took this machine.
    pub computed: Duration,
}

impl ManyHeads {
    /// Makes it, and asks for the status of everything. On tokio's paused time.
    ///
    /// # Panics
    /// If it does not answer.
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
            told: answer["functions"].as_array().map_or(0, Vec::len),
            bytes: head.len() * self.functions * self.environments,
            calls: world.calls().len() - calls,
            waited: u32::try_from(waited.as_millis() / LATENCY.as_millis()).unwrap(),
            computed,
        }
    }

    /// A head that so many releases have gone through.
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
        let Self { told, bytes, calls, waited, computed } = self;
        let (megabytes, seconds) = (*bytes as f64 / 1e6, computed.as_secs_f64());
        write!(
            f,
            "{told} functions told, {calls} calls, answered in the time of {waited} requests; {megabytes:.1} MB of heads, read \
             and answered in {seconds:.2} s of computing"
        )
    }
}
