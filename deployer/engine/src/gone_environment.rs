//! Rollouts whose environment deployer.json does not have any more. Each goes by its frozen plan, which its head has; for
//! everything else the environment does not exist.

use std::collections::BTreeSet;

use deployer_core::function_ref::{FunctionRef, gone_function};
use deployer_core::head::{Head, NextAction, goes_on_where_gone, place_where_gone};
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::ledger_keys;
use deployer_core::names::{HEADS, OPEN};
use futures::stream::{self, StreamExt as _};

use crate::port::LedgerError;
use crate::store::{READ_AT_ONCE, Versioned};
use crate::{CommandError, Engine};

/// The most heads that are read. Where the heads themselves are listed, an environment that is gone for good may have left
/// many.
const READ_AT_MOST: usize = 500;

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
    Ok(GoneFunction { at: gone_function(name, function, place_where_gone(&seen.head)), seen })
}

/// Finds a function whose environment is gone, and whose rollout goes on. None: there is nothing to do there.
pub(crate) async fn find_gone(
    engine: &Engine,
    name: &EnvironmentName,
    function: &FunctionName,
) -> Result<Option<GoneFunction>, LedgerError> {
    Ok(Some(read_gone(engine, name, function).await?).filter(|gone| goes_on_where_gone(&gone.seen.head)))
}

/// The findings about the environments that are gone.
#[derive(Default)]
pub(crate) struct GoneFunctions {
    /// The functions, by environment and name.
    pub functions: Vec<GoneFunction>,
    /// The reasons why some could not be read.
    pub unreadable: Vec<String>,
}

/// Finds all of them, of one environment or of all, of one function or of all. The markers of open work lead to them.
/// Whoever may not list those is led by the heads. What cannot be read is named, and hides nothing else.
pub(crate) async fn all_gone(
    engine: &Engine,
    environment: Option<&EnvironmentName>,
    function: Option<&FunctionName>,
) -> GoneFunctions {
    let mut found = GoneFunctions::default();
    let mut gone = match marked_or_with_head(engine, environment).await {
        Ok(places) => places,
        Err(error) => {
            let of = environment.map_or_else(|| "environments".to_owned(), |name| format!("environment {name}"));
            found.unreadable.push(format!("rollouts of {of} that deployer.json does not have: {error}"));
            return found;
        }
    };
    gone.retain(|(name, marked)| {
        let is_asked = environment.is_none_or(|one| one == name) && function.is_none_or(|function| function == marked);
        is_asked && !engine.config.environments.contains_key(name)
    });
    let left_out = gone.len().saturating_sub(READ_AT_MOST);
    if left_out > 0 {
        found.unreadable.push(format!(
            "{left_out} functions of environments that deployer.json does not have are not looked at: name one with -f"
        ));
    }
    let read = stream::iter(gone.into_iter().take(READ_AT_MOST)).map(|(name, function)| async move {
        find_gone(engine, &name, &function).await.map_err(|error| format!("{name}/{function}: {error}"))
    });
    let mut reading = read.buffered(READ_AT_ONCE);
    while let Some(read) = reading.next().await {
        match read {
            Ok(one) => found.functions.extend(one),
            Err(because) => found.unreadable.push(because),
        }
    }
    found
}

/// Lists the functions that have markers, or else heads.
async fn marked_or_with_head(
    engine: &Engine,
    environment: Option<&EnvironmentName>,
) -> Result<BTreeSet<(EnvironmentName, FunctionName)>, LedgerError> {
    let because = match engine.store().keys(OPEN).await {
        Ok(keys) => {
            let marked = keys.iter().filter_map(|key| ledger_keys::parse_marker(key));
            return Ok(marked.map(|(name, function, _)| (name, function)).collect());
        }
        Err(because) => because,
    };
    tracing::debug!("the heads lead to rollouts of environments that are gone, for the markers do not: {because}");
    let heads = environment.map_or_else(|| HEADS.to_owned(), ledger_keys::heads_in);
    Ok(engine.store().keys(&heads).await?.iter().filter_map(|key| ledger_keys::parse_head(key)).collect())
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
/// deployments are written down and the rollout goes on, with the rollback that takes it back, and what waits stays as it
/// is.
pub(crate) fn is_done_here(at: &FunctionRef<'_>, head: &Head, action: &NextAction) -> bool {
    !at.is_gone()
        || match action {
            NextAction::FlushOutbox => true,
            NextAction::Resume(_) | NextAction::Look { .. } | NextAction::Wait { .. } => goes_on_where_gone(head),
            NextAction::Nothing => head.waiting().is_empty(),
            NextAction::Deploy(_) => goes_on_where_gone(head),
            NextAction::Evaluate => false,
        }
}
