//! Tests of `infra/`: its files are formatted, its modules pass their own tests, the checked-in policies are the
//! rendered ones, the CloudFormation template makes the same ones, and the deployer accepts the written configuration.
//!
//! The module `decisions` tests the policies' meaning.

mod cloudformation;
mod configuration;
mod decisions;
mod limits;
mod modules;
mod policies;

use std::path::PathBuf;

/// Returns the repository's `infra/` folder.
fn infra() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra")
}
