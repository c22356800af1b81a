//! The deployer as a Lambda function: an invocation's payload in, its answer out.
//!
//! `deployer_core::trigger` decodes payloads and `deployer_engine` deploys. This package has the clients, the settings
//! and the logs.

mod deployer;
pub mod logging;
mod settings;

pub use deployer::{Deployer, LambdaContext};
pub use settings::Settings;
