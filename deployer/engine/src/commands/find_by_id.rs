//! An id without a function: a group's, or that of a deployment of some function in an environment.

use deployer_core::function_ref::FunctionRef;
use deployer_core::group::{Group, may_be_group_id};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::ledger_keys;
use futures::stream::{self, StreamExt as _};

use crate::group::Groups;
use crate::store::READ_AT_ONCE;
use crate::{Engine, Transient};

/// The subject of an id.
pub(super) enum FoundById {
    /// A group, open or ended.
    Group(Box<Group>),
    /// The member of a group that is open, by its function.
    Member(Box<Group>, FunctionName),
    /// A deployment of this function, open or ended. It may be a member of a group that has ended.
    Deployment(FunctionName),
}

/// Finds what has this id in an environment. None: nothing is known by it there.
///
/// # Errors
/// [`Transient`]: the ledger cannot be read.
pub(super) async fn find_by_id(
    engine: &Engine,
    environment: &EnvironmentName,
    id: DeploymentId,
) -> Result<Option<FoundById>, Transient> {
    if may_be_group_id(id) {
        let group = Groups::of(engine).find(environment, id).await?;
        return Ok(group.map(|group| FoundById::Group(Box::new(group))));
    }
    // A group that cannot be read matters only where nothing else knows the id.
    let in_group = Groups::of(engine).open().with_member(environment, id).await;
    if let Ok(Some((group, member))) = in_group {
        return Ok(Some(FoundById::Member(Box::new(group), member.function)));
    }
    let keys = engine.store().keys(&ledger_keys::heads_in(environment)).await?;
    let functions: Vec<FunctionName> = keys.iter().filter_map(|key| Some(ledger_keys::parse_head(key)?.1)).collect();
    // The heads name what is open, before it has a record, and the last that have ended. All others have a record.
    let is_in_head = async |function: &FunctionName| {
        let Some(at) = function_ref(engine, environment, function) else { return Ok(false) };
        Ok(engine.store().head(&at).await?.head.deployments().contains(&id))
    };
    let has_record = async |function: &FunctionName| {
        let Some(at) = function_ref(engine, environment, function) else { return Ok(false) };
        Ok(engine.store().record(&at, id).await?.is_some())
    };
    let by_head = first(&functions, &is_in_head).await;
    let found = match by_head {
        Ok(Some(function)) => Some(function),
        unknown => match first(&functions, &has_record).await? {
            Some(function) => Some(function),
            None => {
                in_group?;
                unknown?
            }
        },
    };
    Ok(found.map(FoundById::Deployment))
}

fn function_ref<'e>(
    engine: &'e Engine,
    environment: &EnvironmentName,
    function: &FunctionName,
) -> Option<FunctionRef<'e>> {
    FunctionRef::find(&engine.config, environment, function).ok()
}

/// Finds the first function for which this holds. A look that fails ends nothing, but is an error where none holds.
async fn first(
    functions: &[FunctionName],
    holds: &impl AsyncFn(&FunctionName) -> Result<bool, Transient>,
) -> Result<Option<FunctionName>, Transient> {
    let looks = stream::iter(functions).map(|function| async move { (function, holds(function).await) });
    let mut looks = std::pin::pin!(looks.buffer_unordered(READ_AT_ONCE));
    let mut failed = None;
    while let Some((function, found)) = looks.next().await {
        match found {
            Ok(true) => return Ok(Some(function.clone())),
            Ok(false) => {}
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(None), Err)
}
