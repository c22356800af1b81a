//! The handler's file, judged against the existing function: in the zip, perhaps in a layer, or missing.

use deployer_core::record::{Code, DeploymentRecord, Status, TargetErrorCode};
use fixtures::Zip;
use world::{DEV, World};

const OTHER: &str = "222222222222";
const MISSING: &str = "the zip has no file for the handler index.handler of nodejs22.x";

/// Returns a world with a working function in Node.js in each of these accounts, with layers in those that name them.
fn world(accounts: &[(&str, bool)]) -> World {
    let world = World::with_targets(&accounts.iter().map(|(account, _)| *account).collect::<Vec<_>>());
    for (account, has_layers) in accounts {
        let zip = Zip::empty().file("index.js", "1.0.0").build().unwrap();
        world.add_function(account, "orders", &zip, |f| {
            f.set(|s| {
                (s.runtime, s.handler) = (Some("nodejs22.x".to_owned()), Some("index.handler".to_owned()));
                if *has_layers {
                    s.layers = vec![format!("arn:aws:lambda:eu-west-1:{account}:layer:code:1")];
                }
            });
            f.publish().point("live", 1)
        });
    }
    world
}

async fn uploaded(world: &World) -> DeploymentRecord {
    world.record("dev/orders/1.1.0.zip", Zip::empty().file("dist/index.js", "1.1.0").build().unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn handler_perhaps_in_a_layer_deploys_with_a_warning() {
    let world = world(&[(DEV, true)]);
    let record = uploaded(&world).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    let because = record.because.unwrap();
    assert!(because.contains(MISSING) && because.contains("unless one of the function's layers has it"), "{because}");
    assert_eq!(world.function(DEV, "orders", |f| f.aliases["live"].version), 2);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn missing_handler_without_layers_is_refused() {
    let world = world(&[(DEV, false)]);
    let record = uploaded(&world).await;
    assert_eq!((record.status, record.code), (Status::Refused, Some(Code::InvalidArtifact)));
    assert!(record.because.clone().unwrap().contains(MISSING), "{:?}", record.because);
    assert_eq!(world.writes(), [""; 0]);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn target_without_layers_fails_and_the_other_succeeds() {
    let world = world(&[(DEV, true), (OTHER, false)]);
    let record = uploaded(&world).await;
    assert_eq!((record.status, record.code), (Status::Failed, Some(Code::TargetFailed)));
    assert_eq!(record.targets[0].status, Status::Succeeded);
    let error = record.targets[1].error.clone().unwrap();
    assert_eq!(error.code, TargetErrorCode::InvalidConfiguration);
    assert!(error.message.contains(MISSING), "{}", error.message);
    let versions = |account| world.function(account, "orders", |f| (f.versions.len(), f.aliases["live"].version));
    assert_eq!((versions(DEV), versions(OTHER)), ((2, 2), (1, 1)));
    world.same_again_changes_nothing().await;
}
