//! Tests of `infra/`: its files are formatted, its modules pass their own tests, the checked-in policies are the
//! rendered ones, the CloudFormation templates make the same ones, and the deployer accepts the written configuration.
//!
//! The module `decisions` tests the policies' meaning.

mod alarms;
mod cloudformation;
mod cloudformation_uploader;
mod configuration;
mod decisions;
mod examples;
mod hcl;
mod keys;
mod limits;
mod misspelt;
mod modules;
mod policies;
mod scale;
mod sixty_accounts;
mod states;
mod tables;

use std::path::PathBuf;

/// Returns the repository's `infra/` folder.
fn infra() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra")
}
