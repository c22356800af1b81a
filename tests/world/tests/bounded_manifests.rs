//! Manifests ask only for what `deployer.json` allows in their environment.
#![allow(clippy::unwrap_used)]

use deployer_core::record::{Code, Status};
use serde_json::{Value, json};
use world::zips::with_manifest;
use world::{DEV, World};

#[tokio::test(start_paused = true)]
async fn resource_not_allowed_by_the_environment_is_refused_first() {
    let config = |bounds: Value| {
        let mut dev = json!({"targets": [{"account": DEV, "region": "eu-west-1"}], "external_id": "dev-8c1f"});
        for (name, value) in bounds.as_object().into_iter().flatten() {
            dev[name] = value.clone();
        }
        json!({
            "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-deployer-ledger",
            "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer", "environments": {"dev": dev},
        })
    };
    let group = |name: &str| format!("logging_config.log_group = \"{name}\"\n");
    let letters = |arn: &str| format!("dead_letter_config.target_arn = \"{arn}\"\n");
    let queue = "arn:aws:sqs:eu-west-1:111111111111:billing-dead";
    for (bounds, manifest, because) in [
        (
            json!({"log_groups": ["/acme/{environment}/{function}", "/shared/*"]}),
            group("/acme/dev/hello"),
            "function.toml: logging_config.log_group: /acme/dev/hello is not one that orders may have in dev: deployer.json's \
             log_groups takes /acme/dev/orders, /shared/*"
                .to_owned(),
        ),
        (
            json!({"log_groups": []}),
            group("/acme/dev/orders"),
            "function.toml: logging_config.log_group: /acme/dev/orders is not one that orders may have in dev: \
             deployer.json's log_groups takes none"
                .to_owned(),
        ),
        (
            json!({"dead_letter_targets": ["arn:aws:sqs:*:111111111111:{function}-dead"]}),
            letters(queue),
            format!(
                "function.toml: dead_letter_config.target_arn: {queue} is not one that orders may have in dev: deployer.json's \
                 dead_letter_targets takes arn:aws:sqs:*:111111111111:orders-dead"
            ),
        ),
    ] {
        let mut world = World::with_orders();
        world.reconfigure(&config(bounds));
        let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", &manifest)).await;
        assert_eq!((record.status, record.code), (Status::Refused, Some(Code::InvalidManifest)), "{manifest}");
        assert_eq!(record.because.unwrap(), because);
        assert_eq!(world.writes(), [""; 0]);
        world.same_again_changes_nothing().await;
    }
    let bounds = json!({"log_groups": ["/acme/{environment}/{function}"], "dead_letter_targets": []});
    for manifest in [group("/acme/dev/orders"), letters("")] {
        let mut world = World::with_orders();
        world.reconfigure(&config(bounds.clone()));
        let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", &manifest)).await;
        assert_ne!(record.status, Status::Refused, "{manifest}: {:?}", record.because);
    }
}
