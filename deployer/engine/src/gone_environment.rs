//! Rollouts whose environment deployer.json does not have any more. Each goes by its frozen plan, which its head has; for
//! everything else the environment does not exist.

use std::collections::BTreeSet;

use deployer_core::function_ref::{FunctionRef, gone_function};
use deployer_core::head::{Head, NextAction, goes_on_where_gone};
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::ledger_keys;
use deployer_core::names::OPEN;
use futures::stream::{self, StreamExt as _};

use crate::port::LedgerError;
use crate::store::{READ_AT_ONCE, Versioned};
use crate::{CommandError, Engine};

/// A function whose environment is gone, and its head.
pub(crate) struct GoneFunction {
    pub at: FunctionRef<'static>,
    pub seen: Versioned,
}

/// Reads the head of a function whose environment deployer.json does not have.
pub(crate) async fn read_gone(
    engine: &Engine,
    name: &EnvironmentName,
    function: &FunctionName,
) -> Result<GoneFunction, LedgerError> {
    let seen = engine.store().head(&gone_function(name, function, None)).await?;
    Ok(GoneFunction { at: gone_function(name, function, seen.head.active()), seen })
}

/// Finds a function whose environment is gone, and whose rollout goes on. None: there is nothing to do there.
pub(crate) async fn find_gone(
    engine: &Engine,
    name: &EnvironmentName,
    function: &FunctionName,
) -> Result<Option<GoneFunction>, LedgerError> {
    Ok(Some(read_gone(engine, name, function).await?).filter(|gone| goes_on_where_gone(&gone.seen.head)))
}

/// Lists all of them, of one function or of all. The markers of open work lead to them, which only the deployer may list. An
/// engine that carries no rollouts out finds none.
pub(crate) async fn all_gone(
    engine: &Engine,
    function: Option<&FunctionName>,
) -> Result<Vec<GoneFunction>, LedgerError> {
    if engine.ports.rollouts.is_none() || engine.ports.queue.is_none() {
        return Ok(vec![]);
    }
    let keys = engine.store().keys(OPEN).await?;
    let marked =
        keys.iter().filter_map(|key| ledger_keys::parse_marker(key)).map(|(name, function, _)| (name, function));
    let gone: BTreeSet<(EnvironmentName, FunctionName)> = marked
        .filter(|(name, _)| !engine.config.environments.contains_key(name))
        .filter(|(_, marked)| function.is_none_or(|function| function == marked))
        .collect();
    let read = stream::iter(gone).map(|(name, function)| async move { find_gone(engine, &name, &function).await });
    let read: Vec<Result<Option<GoneFunction>, LedgerError>> = read.buffered(READ_AT_ONCE).collect().await;
    Ok(read.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Finds a function in deployer.json, or in the ledger where deployer.json does not have its environment any more.
///
/// # Errors
/// [`CommandError`]: nobody knows the environment, or the ledger is away.
pub(crate) async fn at_or_gone<'e>(
    engine: &'e Engine,
    name: &EnvironmentName,
    function: &FunctionName,
) -> Result<FunctionRef<'e>, CommandError> {
    let unknown = match engine.at(name, function) {
        Ok(at) => return Ok(at),
        Err(unknown) => unknown,
    };
    let GoneFunction { at, seen } = read_gone(engine, name, function).await?;
    if seen.etag.is_some() { Ok(at) } else { Err(unknown) }
}

/// Whether this action is done here: all of them where the environment is configured. Where it is gone, ended
/// deployments are written down and the rollout goes on, and what waits stays as it is.
pub(crate) fn is_done_here(at: &FunctionRef<'_>, head: &Head, action: &NextAction) -> bool {
    !at.is_gone()
        || match action {
            NextAction::FlushOutbox => true,
            NextAction::Resume(_) | NextAction::Look { .. } | NextAction::Wait { .. } => goes_on_where_gone(head),
            NextAction::Nothing => head.waiting().is_empty(),
            NextAction::Evaluate | NextAction::Deploy(_) => false,
        }
}
