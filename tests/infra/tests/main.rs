//! `infra/`: its files are as they should be written, its modules keep to their own tests, the policies that are checked in are those
//! that are made, the CloudFormation template makes the same, and what is written for the deployer is what it takes.
//!
//! What the policies allow is not judged here.

mod apply;
mod cloudformation;
mod configuration;
mod decisions;
mod modules;
mod policies;

use std::path::PathBuf;

/// The repository's `infra/` folder.
fn infra() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra")
}
