//! The deployer: wakes when CI uploads a zip, and makes it live in the target accounts.
//!
//! Imports point down only: bins → lambda, cli → trigger, engine → port → `deployer_core`; `aws` implements the ports.

pub mod aws;
pub mod cli;
pub mod direct;
pub mod engine;
pub mod lambda;
pub mod logging;
pub mod machine;
pub mod masking;
pub mod obey;
pub mod port;
pub mod settings;
pub mod trigger;
