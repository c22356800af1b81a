//! The configuration of which only the ledger tells: for reading the ledger where `deployer.json` cannot be loaded.

use super::file::EnvironmentFile;
use super::{BucketName, Config, Environment, EnvironmentName};

impl Config {
    /// Makes a configuration of environments of which neither targets nor rules are known. A `deployer.json` that is
    /// loaded has no environment without targets, so that the two are told apart. It serves for reading only.
    #[must_use]
    pub fn of_ledger(ledger_bucket: &BucketName, environments: impl IntoIterator<Item = EnvironmentName>) -> Self {
        Self {
            // Nothing that is read in the ledger leads to the artifact bucket.
            artifact_bucket: ledger_bucket.clone(),
            ledger_bucket: ledger_bucket.clone(),
            queue_url: None,
            wake_queue_url: None,
            event_bus: None,
            account: None,
            environments: environments.into_iter().map(|name| (name, Environment::unknown())).collect(),
        }
    }
}

impl Environment {
    /// Makes an environment of which neither targets nor rules are known. It keeps each field's default.
    #[must_use]
    pub(crate) fn unknown() -> Self {
        EnvironmentFile::default().into()
    }
}
