//! The newest records of a function, as the deployer's `history` has them.

use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::record::DeploymentRecord;
use deployer_core::trigger::Command;
use deployer_engine::History;

use crate::answer::CliError;
use crate::remote::{self, Remote, SendError};

/// The number of records that are looked at.
const RECORDS: u32 = 100;

/// Returns the last records.
///
/// # Errors
/// [`CliError`]: they cannot be read, after some tries where another one may help.
pub(crate) async fn of(
    remote: &Remote,
    environment: &EnvironmentName,
    function: &FunctionName,
) -> Result<Vec<DeploymentRecord>, CliError> {
    let history: History = remote.send(&remote::request(command(environment, function))).await?;
    Ok(history.deployments)
}

/// Returns the last records by one try.
///
/// # Errors
/// [`SendError`], which tells whether another try can help.
pub(crate) async fn by_one_try(
    remote: &Remote,
    environment: &EnvironmentName,
    function: &FunctionName,
) -> Result<Vec<DeploymentRecord>, SendError> {
    let history: History = remote.try_send(&remote::request(command(environment, function))).await?;
    Ok(history.deployments)
}

fn command(environment: &EnvironmentName, function: &FunctionName) -> Command {
    let (environment, function) = (environment.clone(), function.clone());
    Command::History { environment, function, limit: Some(RECORDS) }
}

/// Whether so many records may not be all.
pub(crate) fn may_be_more(records: &[DeploymentRecord]) -> bool {
    u32::try_from(records.len()).is_ok_and(|number| number >= RECORDS)
}
