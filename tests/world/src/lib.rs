//! The world fake: an in-memory implementation of every port with AWS's strict semantics, on virtual time.
//!
//! A test makes a [`World`] from a deployer.json, adds what exists already ([`World::aws`]) and what goes wrong
//! ([`World::on`]), delivers uploads, and compares [`World::render`] with what it expects. Each invocation is separate
//! ([`World::invocation`]): several can run side by side, and each can die at any of its port calls. Nothing here knows
//! the engine's steps. A world must run on tokio's paused time (`#[tokio::test(start_paused = true)]`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a mistake in a test ends the test")]

mod alias;
mod artifacts;
mod assertions;
mod call;
mod clock;
mod events;
mod fault;
mod fault_errors;
mod function;
mod held_calls;
pub mod identities;
pub mod journal;
mod lambda;
mod ledger;
pub mod many_heads;
mod monitoring;
pub mod newer;
pub mod orders;
mod passing_time;
pub mod payloads;
mod policy;
pub mod promotions;
mod queue;
mod render;
mod rollout_session;
pub mod rollouts;
mod run;
mod self_diagnostics;
mod session;
pub mod slow_team;
mod stale_alias;
mod state;
mod sts;
pub mod zips;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deployer_core::artifact::Upload;
use deployer_core::config::Config;
use deployer_core::id::Region;
use deployer_core::record::DeploymentRecord;
use deployer_core::trigger::Tick;
use deployer_engine::port::Clock as _;
use deployer_engine::{EventOutcome, Ports, RetryPolicy, Transient};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

pub use alias::{Alias, Provisioned};
pub use call::{Call, CallPhase, Crash, Freeze, Latency, Op};
pub use clock::{VirtualClock, WrongClock};
pub use fault::On;
pub use function::{Build, Function, Settling, State as Condition, UpdateOutcome, defaults};
pub use lambda::Lambda;
pub use monitoring::{Monitoring, SmokeInvocation};
pub use policy::{Need, Policy};
pub use queue::Messages;
pub use run::{Invocation, Outcome, Run, Trigger};
pub use state::State;
pub use sts::{Role, Sts};

use call::{Shared, most_at_once};
use fault::Plan;

/// The account of [`World::dev`].
pub const DEV: &str = "111111111111";

/// A world with a deployer in it.
pub struct World {
    shared: Arc<Shared>,
    config: Mutex<Arc<Config>>,
    region: Region,
    /// The engine's retry policy.
    pub retries: RetryPolicy,
    /// The reason why the configuration is the last good one, if the present deployer.json cannot be loaded.
    pub outdated: Option<String>,
    /// The time limit of an invocation.
    pub time: Duration,
    /// A decorator of the engine's ports, if a test wants one.
    pub decorate_ports: Option<PortDecorator>,
    delivered: Mutex<Vec<Upload>>,
}

impl Drop for World {
    /// A held call owns the connection of its invocation, and so the world: the circle is broken here.
    fn drop(&mut self) {
        self.shared.state.lock().unwrap().held.clear();
    }
}

/// A decorator of the engine's ports.
pub type PortDecorator = Box<dyn Fn(Ports) -> Ports + Send + Sync>;

impl World {
    /// Makes a world for this deployer.json: empty, with a deploy role in each account. Updates take 100 ms, calls 20
    /// ms.
    ///
    /// # Panics
    /// If the deployer.json is invalid.
    #[must_use]
    pub fn with(config: &Value) -> Self {
        let config = Config::parse(&config.to_string()).unwrap_or_else(|error| panic!("{error}"));
        let region = Region::parse("eu-west-1").unwrap();
        let state = State::new(&config, &region, Settling { reads: 0, time: Duration::from_millis(100) });
        Self {
            shared: Arc::new(Shared {
                clock: VirtualClock::start(),
                state: Mutex::new(state),
                log: Mutex::default(),
                faults: Mutex::new(Plan::default()),
                latency: Mutex::new(Box::new(|_| Duration::from_millis(20))),
                inline_body: Arc::new(Semaphore::new(1)),
                chance: Mutex::new(0),
                invocations: AtomicUsize::new(0),
            }),
            config: Mutex::new(Arc::new(config)),
            region,
            retries: RetryPolicy::default(),
            outdated: None,
            time: Duration::from_secs(900),
            decorate_ports: None,
            delivered: Mutex::default(),
        }
    }

    /// Changes deployer.json: invocations that begin from now on use it.
    ///
    /// # Panics
    /// If the deployer.json is invalid.
    pub fn reconfigure(&mut self, config: &Value) {
        self.reconfigure_meanwhile(config);
    }

    /// Changes deployer.json while invocations are under way: those keep the one that they began with.
    ///
    /// # Panics
    /// If the deployer.json is invalid.
    pub fn reconfigure_meanwhile(&self, config: &Value) {
        let config = Config::parse(&config.to_string()).unwrap_or_else(|error| panic!("{error}"));
        *self.config.lock().unwrap() = Arc::new(config);
    }

    /// Makes a world with one environment `dev` that has these targets: `111111111111/eu-west-1`.
    #[must_use]
    pub fn with_targets(targets: &[&str]) -> Self {
        let target = |text: &&str| {
            let (account, region) = text.split_once('/').unwrap_or((*text, "eu-west-1"));
            json!({"account": account, "region": region})
        };
        let targets: Vec<Value> = targets.iter().map(target).collect();
        Self::with(&json!({
            "artifact_bucket": "acme-artifacts",
            "ledger_bucket": "acme-deployer-ledger",
            "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer",
            "environments": {"dev": {"targets": targets, "external_id": "dev-8c1f"}},
        }))
    }

    /// Makes a world with one environment `dev` with one target, [`DEV`] in eu-west-1, whose account has the role
    /// `lambda-execution`.
    #[must_use]
    pub fn dev() -> Self {
        let world = Self::with_targets(&[DEV]);
        world.aws(|aws| aws.at(DEV).role("lambda-execution", Timestamp::UNIX_EPOCH));
        world
    }

    /// Makes the world of [`World::dev`] with a function `orders` that serves 1.0.0 as version 1.
    #[must_use]
    pub fn with_orders() -> Self {
        let world = Self::dev();
        world.add_function(DEV, "orders", &zips::code("1.0.0"), |f| f.publish().point("live", 1));
        world
    }

    /// Reads the state of the world, or changes it as somebody other than the deployer.
    pub fn aws<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.shared.state.lock().unwrap();
        let now = self.shared.clock.now();
        state.catch_up(now);
        state.settle(now);
        act(&mut state)
    }

    /// Adds a function of somebody else with this code and no update under way, and changes it further.
    pub fn add_function(
        &self,
        place: &str,
        name: &str,
        zip: &[u8],
        and: impl for<'f> FnOnce(&'f mut Function) -> &'f mut Function,
    ) {
        self.aws(|aws| {
            and(aws.at(place).add_function(name, zip));
        });
    }

    /// Changes a function as somebody else.
    pub fn change_function(
        &self,
        place: &str,
        name: &str,
        does: impl for<'f> FnOnce(&'f mut Function) -> &'f mut Function,
    ) {
        self.aws(|aws| {
            does(aws.at(place).function(name));
        });
    }

    /// Reads a function.
    pub fn function<T>(&self, place: &str, name: &str, look: impl FnOnce(&Function) -> T) -> T {
        self.aws(|aws| look(aws.at(place).function(name)))
    }

    /// Returns the head of a function, as JSON.
    ///
    /// # Panics
    /// If there is no head.
    #[must_use]
    pub fn head(&self, environment: &str, function: &str) -> Value {
        let key = format!("heads/{environment}/{function}.json");
        self.aws(|aws| serde_json::from_slice(aws.ledger.get(&key).expect("a head")).unwrap())
    }

    /// Returns the wall clock's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Returns the time that has passed since the world began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.shared.clock.elapsed()
    }

    /// Lets time pass.
    pub async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Begins a rule of the fault plan for the next call of this operation.
    #[must_use = "nothing goes wrong before it is said what"]
    pub fn on(&self, op: Op) -> On<'_> {
        On::new(self, op)
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// Sets the time that each call takes from now on.
    pub fn latency(&self, latency: impl FnMut(&Call) -> Duration + Send + 'static) {
        *self.shared.latency.lock().unwrap() = Box::new(latency);
    }

    /// Uploads a zip, and delivers events, ticks and sweeps until the deployment has ended.
    ///
    /// # Panics
    /// If the deployment does not end.
    pub async fn upload_until_ended(&self, key: &str, zip: Vec<u8>) -> DeploymentRecord {
        let upload = self.put(key, zip);
        let _ = self.deliver(&upload).await;
        self.tick().await;
        self.until_ended(&upload).await
    }

    /// Puts a zip into the artifact bucket, and returns the event that S3 would send.
    pub fn put(&self, key: &str, zip: Vec<u8>) -> Upload {
        self.put_with(key, zip, &[])
    }

    /// Puts a zip with user metadata into the artifact bucket, and returns the event that S3 would send.
    pub fn put_with(&self, key: &str, zip: Vec<u8>, metadata: &[(&str, &str)]) -> Upload {
        let metadata: BTreeMap<_, _> = metadata.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let (bucket, version) = self.aws(|aws| (aws.artifacts.name.to_string(), aws.artifacts.put(key, zip, metadata)));
        let sequencer = format!("{:018X}", self.now().as_millisecond());
        Upload {
            bucket,
            key: key.to_owned(),
            event_id: Some(format!("event-{version}")),
            version_id: Some(version),
            sequencer: Some(sequencer),
            time: self.now(),
        }
    }

    /// Returns the number of invocations that have begun: the next one has the number after it.
    #[must_use]
    pub fn invocations(&self) -> usize {
        self.shared.invocations.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Makes an invocation that is about to begin.
    pub fn invocation(&self) -> Invocation<'_> {
        Invocation::new(self)
    }

    /// Delivers the event of an upload to the deployer.
    ///
    /// # Errors
    /// If the event must come again.
    ///
    /// # Panics
    /// If the invocation does not answer in time.
    pub async fn deliver(&self, upload: &Upload) -> Result<EventOutcome, Transient> {
        match self.invocation().upload(upload).await.outcome {
            Outcome::EventOutcome(handled) => Ok(handled),
            Outcome::Transient(transient) => Err(transient),
            other @ (Outcome::Swept(_) | Outcome::Answered(_) | Outcome::Refused { .. }) => panic!("{other:?}"),
            Outcome::Died => panic!("the invocation did not answer in time"),
        }
    }

    /// Puts a zip into the bucket and delivers its event.
    ///
    /// # Panics
    /// If the event must come again.
    pub async fn upload(&self, key: &str, zip: Vec<u8>) -> EventOutcome {
        let upload = self.put(key, zip);
        self.deliver(&upload).await.unwrap_or_else(|transient| panic!("{transient}"))
    }

    /// Uploads a zip, and returns its record.
    ///
    /// # Panics
    /// If it has no record.
    pub async fn record(&self, key: &str, zip: Vec<u8>) -> DeploymentRecord {
        recorded(self.upload(key, zip).await)
    }
}

/// Parses one of the deployer's own messages.
///
/// # Panics
/// If it is no tick.
#[must_use]
pub fn tick(body: &str) -> Tick {
    let mut body: Value = serde_json::from_str(body).unwrap();
    serde_json::from_value(body["tick"].take()).unwrap()
}

/// Returns the record of a handled event.
///
/// # Panics
/// If it has none.
#[must_use]
pub fn recorded(handled: EventOutcome) -> DeploymentRecord {
    match handled {
        EventOutcome::Recorded(record) => *record,
        other => panic!("not recorded: {other:?}"),
    }
}

/// Returns the reason why an event was ignored.
///
/// # Panics
/// If it was not ignored.
#[must_use]
pub fn ignored(handled: EventOutcome) -> String {
    match handled {
        EventOutcome::Ignored { because } => because,
        other => panic!("not ignored: {other:?}"),
    }
}
