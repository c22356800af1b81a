//! A deployment that several invocations work on, one after the other: what the last of them must still know.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::time::Duration;

use acceptance::world::zips::with_manifest;
use acceptance::world::{DEV, Moment, Op, Outcome, World, recorded};
use deployer_core::record::{DeploymentRecord, Status, TargetErrorCode};
use jiff::Timestamp;

const OTHER: &str = "222222222222";

/// Two accounts, in each of which `orders` serves 1.0.0 as version 1.
fn two_accounts() -> World {
    let world = World::of(&[DEV, OTHER]);
    for account in [DEV, OTHER] {
        world.given(account, "orders", &zip("1.0.0", "AA"), |f| f.publish().point("live", 1));
    }
    world
}

/// A release that sets this variable, and no other.
fn zip(release: &str, variable: &str) -> Vec<u8> {
    with_manifest(release, &format!("[environment.variables]\n{variable} = \"1\"\n"))
}

fn codes(record: &DeploymentRecord) -> Vec<Option<TargetErrorCode>> {
    record.targets.iter().map(|target| target.error.as_ref().map(|error| error.code)).collect()
}

/// Everything is allowed again, and a release that sets only CC takes BB away: it is remembered who has set that.
async fn the_next_release_takes_it_away(world: &World, accounts: &[&str]) {
    world.heal();
    world.pass(Duration::from_secs(1)).await;
    let variables = |place: &str| world.function(place, "orders", |f| format!("{:?}", f.latest.settings.variables));
    assert!(variables(DEV).contains("\"BB\""), "{}", variables(DEV));
    for account in accounts {
        world.aws(|aws| aws.gate.role(account).may_not.clear());
    }
    let record = world.record("dev/orders/1.2.0.zip", zip("1.2.0", "CC")).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    for account in accounts {
        assert!(
            variables(account).contains("\"CC\"") && !variables(account).contains("\"BB\""),
            "{}",
            variables(account)
        );
    }
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_invocation_has_set_before_its_time_was_up_is_remembered_by_the_one_that_goes_on() {
    let world = two_accounts();
    world.aws(|aws| aws.gate.role(DEV).may_not.insert("lambda:UpdateFunctionCode".into()));
    world.somebody(OTHER, "orders", |f| f.busy(0, Timestamp::MAX));
    let saved = world.record("dev/orders/1.1.0.zip", zip("1.1.0", "BB")).await;
    assert_eq!(saved.status, Status::InProgress, "the second account ran out of time");
    world.somebody(OTHER, "orders", |f| f.busy(0, Timestamp::UNIX_EPOCH));
    let Some(Outcome::Handled(handled)) = world.tick().await.pop().map(|run| run.outcome) else { panic!() };
    let record = recorded(handled);
    assert_eq!(codes(&record), [Some(TargetErrorCode::AccessDenied), None], "{record:#?}");
    the_next_release_takes_it_away(&world, &[DEV, OTHER]).await;
}

#[tokio::test(start_paused = true)]
async fn what_an_invocation_has_set_before_it_died_is_remembered_by_the_one_that_comes_no_further_than_the_door() {
    let world = World::with_orders();
    let upload = world.put("dev/orders/1.1.0.zip", zip("1.1.0", "BB"));
    let configured = {
        let world = World::with_orders();
        world.upload("dev/orders/1.1.0.zip", zip("1.1.0", "BB")).await;
        1 + world.calls().iter().position(|call| call.op == Op::UpdateFunctionConfiguration).unwrap()
    };
    let died = world.invocation().dies_at(configured, Moment::After).upload(&upload).await;
    assert!(matches!(died.outcome, Outcome::Died), "{died:?}");
    world.leases_run_out().await;
    let known_from = world.aws(|aws| aws.gate.role(DEV).known_from);
    world.aws(|aws| aws.gate.role(DEV).known_from = Timestamp::MAX);
    let record = recorded(world.deliver(&upload).await.unwrap());
    assert_eq!(codes(&record), [Some(TargetErrorCode::AssumeRoleDenied)]);
    world.aws(|aws| aws.gate.role(DEV).known_from = known_from);
    the_next_release_takes_it_away(&world, &[DEV]).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_set_by_a_call_that_met_its_own_echo_is_remembered() {
    let world = World::with_orders();
    world.aws(|aws| aws.gate.role(DEV).may_not.insert("lambda:UpdateFunctionCode".into()));
    // The SDK sends it again, and meets its own success as 412.
    world.on(Op::UpdateFunctionConfiguration).twice();
    let record = world.record("dev/orders/1.1.0.zip", zip("1.1.0", "BB")).await;
    assert_eq!(codes(&record), [Some(TargetErrorCode::AccessDenied)], "{record:#?}");
    the_next_release_takes_it_away(&world, &[DEV]).await;
}
