//! The function `orders` in `dev` for tests of commands: the version that it serves, and commands about it.

use std::time::Duration;

use deployer_core::record::{DeploymentRecord, Status};
use serde_json::{Value, json};

use super::zips::code;
use super::{DEV, World};

/// The account of the second target, if there is one.
pub const OTHER: &str = "222222222222";

impl World {
    /// Makes a world with `orders` in two accounts, each with a deploy role, serving 1.0.0 as version 1.
    #[must_use]
    pub fn with_orders_in_two() -> Self {
        let world = Self::with_targets(&[DEV, OTHER]);
        for account in [DEV, OTHER] {
            world.add_function(account, "orders", &code("1.0.0"), |f| f.publish().point("live", 1));
        }
        world
    }
}

/// Returns a command about `orders` in `dev` by ann, with these further fields.
///
/// # Panics
/// If `more` is no object.
#[must_use]
pub fn command(name: &str, more: &Value) -> Value {
    let mut command = json!({"command": name, "environment": "dev", "function": "orders", "requested_by": "ann"});
    for (field, value) in more.as_object().unwrap() {
        command[field] = value.clone();
    }
    command
}

/// Makes `orders` known to the ledger, without a deployment.
pub async fn make_known(world: &World) {
    world.command(command("hold", &json!({"reason": "not yet", "new": true}))).await;
    world.command(command("release-hold", &json!({}))).await;
}

/// Rolls back as ann, a second later.
pub async fn rollback(world: &World) -> DeploymentRecord {
    world.pass(Duration::from_secs(1)).await;
    world.command_record(command("rollback", &json!({}))).await
}

/// Uploads these releases a second apart; each is deployed.
///
/// # Panics
/// If one does not succeed.
pub async fn deploy_all(world: &World, releases: &[&str]) {
    for release in releases {
        world.pass(Duration::from_secs(1)).await;
        let record = world.record(&format!("dev/orders/{release}.zip"), code(release)).await;
        assert_eq!(record.status, Status::Succeeded, "{record:?}");
    }
}

/// Returns the version that the alias serves in an account.
#[must_use]
pub fn serves(world: &World, place: &str) -> u64 {
    world.function(place, "orders", |orders| orders.aliases["live"].version)
}

/// Returns the release that the alias serves in an account.
#[must_use]
pub fn served_in(world: &World, place: &str) -> String {
    world.aws(|aws| {
        let orders = aws.at(place).function("orders");
        let sha256 = orders.versions[&orders.aliases["live"].version].sha256;
        aws.artifacts.label(sha256)
    })
}

/// Returns the release that the alias serves in the first account.
#[must_use]
pub fn served(world: &World) -> String {
    served_in(world, DEV)
}

/// Returns the release of a record.
///
/// # Panics
/// If the record has none.
#[must_use]
pub fn release(record: &DeploymentRecord) -> &str {
    record.release.as_ref().unwrap().as_str()
}
