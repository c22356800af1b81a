//! A new command under an id that is used already, as that of a deployment, a group or another command, does nothing.

use deployer_core::function_ref::FunctionRef;
use deployer_core::group::{group_id, may_be_group_id, used_id_of};
use deployer_core::head::{CommandKind, Head, UsedId, used_id};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use futures::future::join_all;

use crate::{CommandError, Engine, Transient};

impl From<UsedId> for CommandError {
    fn from(used: UsedId) -> Self {
        match used {
            UsedId::Deployment { .. } | UsedId::Group { .. } => Self::Refused(used.to_string()),
            UsedId::Command { .. } => Self::Invalid(used.to_string()),
        }
    }
}

/// Refuses a new command whose id this head knows otherwise, or that is the id of a group to this environment.
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
    let environment = at.name.clone();
    match DeploymentId::parse(id).ok().filter(|id| may_be_group_id(*id)) {
        Some(id) if engine.store().group(&environment, id).await?.is_some() => {
            Err(UsedId::Group { id, environment }.into())
        }
        _ => Ok(()),
    }
}

/// Refuses the promotion of one function under the id of a request that has opened a group. The heads of the group's
/// functions do not know that before it is decided.
///
/// # Errors
/// As for [`ensure_unused_id`].
pub(super) async fn ensure_no_group(engine: &Engine, id: &str, to: &EnvironmentName) -> Result<(), CommandError> {
    match engine.store().group(to, group_id(id, to)).await? {
        Some(group) => Err(used_id_of(&group).into()),
        None => Ok(()),
    }
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

/// Refuses a new command about several functions of an environment, whose id one of the heads knows otherwise.
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
        let head = engine.store().head(&at).await.map_err(Transient::from)?.head;
        ensure_unused_id(engine, (&head, &at), id, kind).await
    });
    join_all(looks).await.into_iter().collect()
}
