//! The deployer as a Lambda function: an invocation's payload in, its answer out.
//!
//! `deployer_core::trigger` decodes, `deployer_engine` deploys; here are the clients, the settings and the logs.

mod deployer;
pub mod logging;
mod settings;

pub use deployer::Deployer;
pub use settings::Settings;
