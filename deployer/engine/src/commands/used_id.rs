//! A new command under an id that is used already, as that of a deployment, a group or another command, does nothing.

use deployer_core::function_ref::FunctionRef;
use deployer_core::group::{Group, group_id, may_be_group_id, used_as_group, used_by_member};
use deployer_core::head::{CommandKind, Head, UsedId, used_id};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use futures::future::join_all;

use crate::port::LedgerError;
use crate::{CommandError, Engine};

impl From<UsedId> for CommandError {
    fn from(used: UsedId) -> Self {
        Self::Invalid(used.to_string())
    }
}

/// Refuses a new command whose id this head knows otherwise, or that is the id of a group which has this function.
///
/// # Errors
/// [`CommandError`]: the id is used, or the ledger cannot be read.
pub(crate) async fn ensure_unused_id(
    engine: &Engine,
    (head, at): (&Head, &FunctionRef<'_>),
    id: &str,
    kind: CommandKind,
) -> Result<(), CommandError> {
    used_id(head, at, id, kind).map_or(Ok(()), Err)?;
    ensure_no_groups_id(engine, (&at.name, std::slice::from_ref(&at.function)), id).await
}

/// Refuses a new command about these functions under the id of a group that has one of them.
async fn ensure_no_groups_id(
    engine: &Engine,
    (environment, functions): (&EnvironmentName, &[FunctionName]),
    id: &str,
) -> Result<(), CommandError> {
    let group = group_of_id(engine, id, environment).await?;
    group.and_then(|group| used_as_group(&group, functions)).map_or(Ok(()), |used| Err(used.into()))
}

/// Reads the group that has this id.
///
/// # Errors
/// [`LedgerError`]: the ledger cannot be read.
pub(super) async fn group_of_id(
    engine: &Engine,
    id: &str,
    environment: &EnvironmentName,
) -> Result<Option<Group>, LedgerError> {
    match DeploymentId::parse(id).ok().filter(|id| may_be_group_id(*id)) {
        Some(id) => engine.store().group(environment, id).await,
        None => Ok(None),
    }
}

/// Reads the group that a request with this id has opened.
///
/// # Errors
/// [`LedgerError`]: the ledger cannot be read.
pub(super) async fn group_of_request(
    engine: &Engine,
    id: &str,
    to: &EnvironmentName,
) -> Result<Option<Group>, LedgerError> {
    engine.store().group(to, group_id(id, to)).await
}

/// Refuses the promotion of one function under the id of the request that has opened this group with it. The heads of the
/// group's functions do not know that before it is decided.
///
/// # Errors
/// [`CommandError`]: the id is used.
pub(super) fn ensure_no_member(group: Option<&Group>, function: &FunctionName) -> Result<(), CommandError> {
    group.and_then(|group| used_by_member(group, function)).map_or(Ok(()), |used| Err(used.into()))
}

/// Refuses a new command about a function in every environment, whose id one of the heads knows otherwise. A head that
/// cannot be read refuses nothing.
///
/// # Errors
/// As for [`ensure_unused_id`].
pub(super) async fn ensure_unused_anywhere(
    engine: &Engine,
    function: &FunctionName,
    id: &str,
    kind: CommandKind,
) -> Result<(), CommandError> {
    let looks = engine.config.environments.keys().map(|name| async move {
        let Ok(at) = FunctionRef::find(&engine.config, name, function) else { return Ok(()) };
        match engine.store().head(&at).await {
            Ok(seen) => ensure_unused_id(engine, (&seen.head, &at), id, kind).await,
            Err(error) => {
                tracing::error!(environment = %name, "its head cannot be read: {error}");
                Ok(())
            }
        }
    });
    join_all(looks).await.into_iter().collect()
}

/// Refuses a new command about several functions of an environment, whose id one of the heads knows otherwise, or that is
/// the id of a group which has one of the functions. A head that cannot be read refuses nothing but a new group, which would
/// meet the other command later.
///
/// # Errors
/// As for [`ensure_unused_id`].
pub(crate) async fn ensure_unused_by_each(
    engine: &Engine,
    (environment, functions): (&EnvironmentName, &[FunctionName]),
    id: &str,
    kind: CommandKind,
) -> Result<(), CommandError> {
    let looks = functions.iter().map(|function| async move {
        let at = engine.at(environment, function)?;
        match engine.store().head(&at).await {
            Ok(seen) => used_id(&seen.head, &at, id, kind).map_or(Ok(()), |used| Err(used.into())),
            Err(error) if matches!(kind, CommandKind::Group(_)) => Err(error.into()),
            Err(error) => {
                tracing::error!(%environment, %function, "its head cannot be read: {error}");
                Ok(())
            }
        }
    });
    let (used, group) = futures::join!(join_all(looks), ensure_no_groups_id(engine, (environment, functions), id));
    used.into_iter().collect::<Result<(), CommandError>>()?;
    group
}
