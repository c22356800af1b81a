//! The newest records of a function, as the deployer's `history` has them.

use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::record::DeploymentRecord;
use deployer_core::trigger::Command;
use deployer_engine::History;

use super::remote::{self, Remote};

/// The number of records that are looked at.
const RECORDS: u32 = 100;

/// Returns the last records; none if they cannot be read.
pub(super) async fn of(
    remote: &Remote,
    environment: &EnvironmentName,
    function: &FunctionName,
) -> Option<Vec<DeploymentRecord>> {
    let (environment, function) = (environment.clone(), function.clone());
    let command = Command::History { environment, function, limit: Some(RECORDS) };
    let history = remote.send::<History>(&remote::request(command)).await.ok()?;
    Some(history.deployments)
}

/// Whether so many records may not be all.
pub(super) fn may_be_more(records: &[DeploymentRecord]) -> bool {
    u32::try_from(records.len()).is_ok_and(|number| number >= RECORDS)
}
