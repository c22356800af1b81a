//! Three environments in a row, `dev`, `stage` and `prod`, each in an account of its own, with `orders` live in all.

use std::time::Duration;

use deployer_core::id::Sha256;
use deployer_core::record::DeploymentRecord;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::orders::served_in;
use super::zips::code;
use super::{DEV, EventOutcome, Outcome, Trigger, World, recorded};

/// The account of `stage`.
pub const STAGE: &str = "222222222222";
/// The account of `prod`.
pub const PROD: &str = "333333333333";

/// Returns a deployer.json with `dev`, `stage` and `prod`; the last two with these further fields.
#[must_use]
pub fn three_environments_config(stage: &Value, prod: &Value) -> Value {
    let environment = |account: &str, more: &Value| {
        let mut environment = json!({"targets": [{"account": account, "region": "eu-west-1"}]});
        for (field, value) in more.as_object().into_iter().flatten() {
            environment[field] = value.clone();
        }
        environment
    };
    json!({
        "artifact_bucket": "acme-artifacts",
        "ledger_bucket": "acme-deployer-ledger",
        "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer",
        "event_bus": "deployer",
        "environments": {
            "dev": environment(DEV, &json!({})),
            "stage": environment(STAGE, stage),
            "prod": environment(PROD, prod),
        }
    })
}

impl World {
    /// Makes a world with `dev`, `stage` and `prod` with these fields, and `orders` and `workers` in each account,
    /// serving 1.0.0.
    #[must_use]
    pub fn three_environments(stage: &Value, prod: &Value) -> Self {
        Self::with(&three_environments_config(stage, prod)).with_functions()
    }

    /// Adds `orders` and `workers` in each account, serving 1.0.0.
    #[must_use]
    pub fn with_functions(self) -> Self {
        for account in [DEV, STAGE, PROD] {
            for function in ["orders", "workers"] {
                self.add_function(account, function, &code("1.0.0"), |f| f.publish().point("live", 1));
            }
        }
        self
    }

    /// Runs a sweep, and delivers the messages that it sends.
    ///
    /// # Panics
    /// If the sweep does not succeed.
    pub async fn sweep_and_deliver(&self) {
        let run = self.invocation().run(&Trigger::Sweep).await;
        assert!(matches!(run.outcome, Outcome::Swept(_)), "{run:?}");
        self.tick().await;
    }

    /// Lets minutes pass, with a sweep each minute.
    pub async fn sweep_minutes(&self, minutes: u64) {
        for _ in 0..minutes {
            self.pass(Duration::from_secs(60)).await;
            self.sweep_and_deliver().await;
        }
    }

    /// Returns the event that requests a promotion now.
    #[must_use]
    pub fn promotion_event(&self, id: &str, detail: &Value) -> Value {
        event("Promotion Requested", id, self.now(), detail)
    }

    /// Delivers an event, and the messages that follow from it.
    ///
    /// # Panics
    /// If the event must come again.
    pub async fn send_event(&self, event: &Value) -> EventOutcome {
        let handled = self.receive(event).await.remove(0);
        self.tick().await;
        handled
    }

    /// Requests a promotion by an event, and returns its record.
    ///
    /// # Panics
    /// If it has no record.
    pub async fn request_promotion(&self, id: &str, detail: &Value) -> DeploymentRecord {
        recorded(self.send_event(&self.promotion_event(id, detail)).await)
    }

    /// Returns the releases that `orders` serves in dev, stage and prod.
    #[must_use]
    pub fn served_releases(&self) -> [String; 3] {
        // Nobody has uploaded the code that was there before.
        [DEV, STAGE, PROD].map(|account| match served_code(self, account, "orders") == Sha256::of(&code("1.0.0")) {
            true => "1.0.0".to_owned(),
            false => served_in(self, account),
        })
    }

    /// Returns the newest record of `orders` in an environment.
    ///
    /// # Panics
    /// If it has none.
    pub async fn newest_in(&self, environment: &str) -> DeploymentRecord {
        let asked = json!({"command": "history", "environment": environment, "function": "orders", "limit": 1});
        serde_json::from_value(self.command(asked).await["deployments"][0].take()).unwrap()
    }
}

/// Returns the code that a function's alias serves in an account.
#[must_use]
pub fn served_code(world: &World, account: &str, function: &str) -> Sha256 {
    world.function(account, function, |f| f.versions[&f.aliases["live"].version].sha256)
}

/// Returns an event of EventBridge.
#[must_use]
pub fn event(kind: &str, id: &str, time: Timestamp, detail: &Value) -> Value {
    let time = Timestamp::from_second(time.as_second()).unwrap();
    json!({"version": "0", "id": id, "detail-type": kind, "source": "acme.release", "account": "999999999999",
        "time": time, "region": "eu-west-1", "resources": [], "detail": detail})
}
