//! A command or an event about a function that no environment knows is refused: a misspelt name does nothing.

use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::known_functions::{FunctionNames, UnknownFunction, UnmatchedPattern};
use deployer_core::ledger_keys;
use deployer_core::names::HEADS;

use crate::known_functions::{hint, is_known, known_by};
use crate::{CommandError, Engine};

/// Whether a command may be about a function that no environment knows yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedFunction {
    /// An environment knows it.
    Known,
    /// The person says that it may be one to come.
    MaybeNew,
}

/// Refuses a function that no environment knows. The named environment is looked at first, because it knows the function
/// as a rule.
///
/// # Errors
/// [`CommandError`]: nobody knows the function, or the ledger is away.
pub(super) async fn ensure_known(
    engine: &Engine,
    environment: Option<&EnvironmentName>,
    function: &FunctionName,
) -> Result<(), CommandError> {
    if let Some(environment) = environment
        && known_by(engine, &ledger_keys::head(environment, function)).await?.is_some()
    {
        return Ok(());
    }
    let keys = engine.store().keys(HEADS).await?;
    if is_known(engine, &keys, function, |_| true).await? {
        return Ok(());
    }
    let hint = hint(engine, &keys, function).await?;
    let has_head = FunctionNames::of_head_keys(&keys).contains(function);
    Err(UnknownFunction { function: function.clone(), hint, has_head }.into())
}

impl From<UnmatchedPattern> for CommandError {
    fn from(unmatched: UnmatchedPattern) -> Self {
        Self::UnknownFunction(unmatched.to_string())
    }
}

impl From<UnknownFunction> for CommandError {
    fn from(unknown: UnknownFunction) -> Self {
        Self::UnknownFunction(unknown.to_string())
    }
}
