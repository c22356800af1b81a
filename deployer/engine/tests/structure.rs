//! What the packages `deployer-core` and `deployer-engine` may depend on.

#![allow(clippy::unwrap_used)]

use std::path::Path;

fn dependencies(package: &str) -> String {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(package).join("Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let (_, dependencies) = manifest.split_once("[dependencies]").unwrap();
    dependencies.split_once("\n[").unwrap().0.to_owned()
}

#[test]
fn core_depends_on_nothing_async_and_nothing_of_aws() {
    let found = dependencies("core");
    for forbidden in ["tokio", "aws-", "aws_", "futures", "async"] {
        assert!(!found.contains(forbidden), "{forbidden} has no place in core");
    }
}

#[test]
fn engine_depends_on_core_and_not_on_the_sdk() {
    let found = dependencies("engine");
    assert!(found.contains("deployer-core"), "{found}");
    for forbidden in ["aws-", "aws_", "lambda_runtime", "deployer-aws", "hyper", "features"] {
        assert!(!found.contains(forbidden), "{forbidden} has no place in engine");
    }
}
