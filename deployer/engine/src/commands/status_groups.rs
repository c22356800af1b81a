//! Groups in the status: the open ones, or one by its id.

use deployer_core::group::GroupStatus;
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::ledger_keys;
use deployer_core::status::StatusReport;
use futures::stream::{self, StreamExt as _};

use crate::group::Groups;
use crate::{CommandError, Engine, Transient};

/// The number of groups that are read at once.
const READ_AT_ONCE: usize = 32;

/// Reports one group, open or ended, as it is: a look brings it no further.
///
/// # Errors
/// [`CommandError`]: there is none of this id in the environment, or the ledger is away.
pub(super) async fn status_of_group(
    engine: &Engine,
    environment: &EnvironmentName,
    id: DeploymentId,
) -> Result<StatusReport, CommandError> {
    match Groups::of(engine).find(environment, id).await? {
        Some(group) => Ok(StatusReport { group: Some(Box::new(group.public_view())), ..StatusReport::default() }),
        None => Err(CommandError::Refused(format!("no group {id} is known in {environment}"))),
    }
}

/// Reads the open groups of these environments, all or those that have a function. Adds the reasons why some cannot be
/// read.
pub(super) async fn open_groups(
    engine: &Engine,
    environments: &[&EnvironmentName],
    function: Option<&FunctionName>,
    unreadable: &mut Vec<String>,
) -> Result<Vec<GroupStatus>, Transient> {
    let keys = engine.store().keys(&ledger_keys::open_groups()).await?;
    let is_asked = |key: &String| {
        let place = ledger_keys::parse_open_group(key);
        place.is_some_and(|(environment, _)| environments.iter().any(|asked| **asked == environment))
    };
    let reads = keys.iter().filter(|key| is_asked(key)).map(|key| Groups::of(engine).read(key));
    let mut reading = stream::iter(reads).buffered(READ_AT_ONCE);
    let mut groups = Vec::new();
    while let Some(read) = reading.next().await {
        match read {
            Ok(Some(group)) => groups.push(GroupStatus::from(&group)),
            // It has ended meanwhile.
            Ok(None) => {}
            Err(error) => unreadable.push(error.to_string()),
        }
    }
    groups.retain(|group| function.is_none_or(|function| group.has(function)));
    Ok(groups)
}
