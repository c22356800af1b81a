//! Rollouts in a world: environments that have one, and the minutes in which one goes on.

use std::collections::BTreeMap;

use deployer_core::config::Environment;
use deployer_core::config::rollout::{Placement, Rollout};
use deployer_core::id::EnvironmentName;

use super::*;
use crate::run::{Run, Trigger};

/// The traffic of an alias: its version, and further ones with their shares in percent.
pub type Served = (u64, BTreeMap<u64, u64>);

/// A crash in one of the invocations of [`World::roll_out_until_ended`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrashIn {
    /// The invocation, counted from 0.
    pub invocation: usize,
    /// The port call, counted from 1.
    pub call: usize,
    /// The moment.
    pub phase: CallPhase,
}

/// The moves of a rollout so far.
#[derive(Debug, Default)]
pub struct Watched {
    /// The number of port calls of each invocation, and whether it has written a head or a target.
    pub invocations: Vec<(usize, bool)>,
    /// The traffic that the aliases were seen to serve, each time that it had changed.
    pub served: Vec<(Timestamp, Vec<Served>)>,
}

impl World {
    /// Makes a world with an environment `dev` over these accounts, in which `orders` serves 1.0.0 as version 1 to 100
    /// callers a minute.
    #[must_use]
    pub fn with_callers(accounts: &[&str], rollout: &Value) -> Self {
        let world = Self::with_targets(accounts);
        for account in accounts {
            world.add_function(account, "orders", &zips::code("1.0.0"), |f| f.publish().point("live", 1));
            world.aws(|aws| aws.at(account).monitoring.called("orders", "live", 100.0));
        }
        world.set_rollout("dev", Some(rollout));
        world
    }

    /// Gives an environment a rollout, or takes it away.
    ///
    /// # Panics
    /// If the rollout is invalid.
    pub fn set_rollout(&self, environment: &str, rollout: Option<&Value>) {
        let mut config = self.config.lock().unwrap();
        let mut changed = config.as_ref().clone();
        let queue_url = changed.queue_url.clone();
        let environment = changed.environments.get_mut(&EnvironmentName::parse(environment).unwrap()).unwrap();
        let placement = Placement { targets: environment.targets.len(), queue_url: queue_url.as_deref() };
        environment.rollout = rollout.map(|rollout| Rollout::parse(rollout, placement).unwrap());
        *config = Arc::new(changed);
    }

    /// Lets an environment take these commands from proven identities only.
    ///
    /// # Panics
    /// If there is no such environment, or no such command.
    pub fn demand_proof(&self, environment: &str, commands: &[&str]) {
        let mut config = self.config.lock().unwrap();
        let mut changed = config.as_ref().clone();
        let environment = changed.environments.get_mut(&EnvironmentName::parse(environment).unwrap()).unwrap();
        environment.proven = serde_json::from_value(json!(commands)).unwrap();
        *config = Arc::new(changed);
    }

    /// Lets the deployer send its events to a bus.
    pub fn set_event_bus(&self, bus: &str) {
        let mut config = self.config.lock().unwrap();
        let mut changed = config.as_ref().clone();
        changed.event_bus = Some(bus.to_owned());
        *config = Arc::new(changed);
    }

    /// Takes a target out of an environment's configuration.
    ///
    /// # Panics
    /// If there is no such environment.
    pub fn remove_target(&self, environment: &str, account: &str) {
        let mut config = self.config.lock().unwrap();
        let mut changed = config.as_ref().clone();
        let environment = changed.environments.get_mut(&EnvironmentName::parse(environment).unwrap()).unwrap();
        environment.targets.retain(|target| target.account.as_str() != account);
        *config = Arc::new(changed);
    }

    /// Takes an environment out of the configuration, and returns it.
    ///
    /// # Panics
    /// If there is no such environment.
    pub fn remove_environment(&self, environment: &str) -> Environment {
        let mut config = self.config.lock().unwrap();
        let mut changed = config.as_ref().clone();
        let removed = changed.environments.remove(&EnvironmentName::parse(environment).unwrap()).unwrap();
        *config = Arc::new(changed);
        removed
    }

    /// Puts an environment into the configuration, in place of the one with its name.
    ///
    /// # Panics
    /// If the name is none of an environment.
    pub fn put_environment(&self, name: &str, environment: Environment) {
        let mut config = self.config.lock().unwrap();
        let mut changed = config.as_ref().clone();
        changed.environments.insert(EnvironmentName::parse(name).unwrap(), environment);
        *config = Arc::new(changed);
    }

    /// Returns what the alias `live` of `orders` serves.
    #[must_use]
    pub fn served(&self, place: &str) -> Served {
        self.function(place, "orders", |f| {
            let alias = &f.aliases["live"];
            let percent = |part: f64| (part * 100.0).round() as u64;
            (alias.version, alias.weights.iter().map(|(version, part)| (*version, percent(*part))).collect())
        })
    }

    /// Delivers an upload and lets minutes pass, with a sweep each, until nothing is active. The messages of an
    /// invocation that dies are lost; an upload comes again after 20 minutes as long as it was not accepted.
    ///
    /// # Panics
    /// If the rollout does not end.
    pub async fn roll_out_until_ended(&self, upload: &Upload, places: &[&str], crash: Option<CrashIn>) -> Watched {
        let mut watched = Watched::default();
        watched.served.push((self.now(), places.iter().map(|place| self.served(place)).collect()));
        for minute in 0..300 {
            let is_accepted = self.aws(|aws| aws.ledger.get("heads/dev/orders.json").is_some());
            if minute == 0 || (minute % 20 == 0 && !is_accepted) {
                self.watch(&mut watched, &Trigger::Upload(upload.clone()), places, crash).await;
            }
            self.pass(Duration::from_secs(60)).await;
            self.watch(&mut watched, &Trigger::Sweep, places, crash).await;
            let now = self.now();
            for body in self.aws(|aws| aws.queue.take(now)) {
                self.watch(&mut watched, &Trigger::Tick(tick(&body)), places, crash).await;
            }
            if self.aws(|aws| aws.ledger.get("heads/dev/orders.json").is_none()) {
                continue;
            }
            let head = self.head("dev", "orders");
            if head["active"].is_null() && head["outbox"].as_array().is_some_and(Vec::is_empty) {
                return watched;
            }
        }
        panic!("the rollout does not end:\n{:#}", self.head("dev", "orders"));
    }

    async fn watch(&self, watched: &mut Watched, work: &Trigger, places: &[&str], crash: Option<CrashIn>) -> Run {
        let invocation = match crash.filter(|crash| crash.invocation == watched.invocations.len()) {
            Some(crash) => self.invocation().dies_at(crash.call, crash.phase),
            None => self.invocation(),
        };
        let before = self.calls().len();
        let run = invocation.run(work).await;
        let writes = |call: &Call| {
            call.op.is_lambda_write() || (call.op == Op::WriteLedger && call.to_string().contains("heads/"))
        };
        let has_written = self.calls().iter().skip(before).any(writes);
        watched.invocations.push((run.calls, has_written));
        let served: Vec<Served> = places.iter().map(|place| self.served(place)).collect();
        if watched.served.last().is_none_or(|(_, last)| *last != served) {
            watched.served.push((self.now(), served));
        }
        run
    }
}
