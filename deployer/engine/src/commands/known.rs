//! A command about a function that no environment knows is refused: a misspelt name does nothing.

use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::known_functions::{KnownFunctions, UnknownFunction};
use deployer_core::ledger_keys;
use deployer_core::names::HEADS;

use crate::{CommandError, Engine};

/// Whether a command may be about a function that no environment knows yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedFunction {
    /// An environment knows it.
    Known,
    /// The person says that it may be one to come.
    MaybeNew,
}

/// Refuses a function that has a head in no environment. The named environment is looked at first, because it knows the
/// function as a rule.
///
/// # Errors
/// [`CommandError`]: nobody knows the function, or the ledger is away.
pub(super) async fn ensure_known(
    engine: &Engine,
    environment: Option<&EnvironmentName>,
    function: &FunctionName,
) -> Result<(), CommandError> {
    if let Some(environment) = environment
        // A head that cannot be read is known.
        && engine.ports.ledger.get(&ledger_keys::head(environment, function)).await?.object.is_some()
    {
        return Ok(());
    }
    // A head counts also in an environment that deployer.json has no more.
    let known = KnownFunctions::of_head_keys(&engine.store().keys(HEADS).await?);
    Ok(known.check(function)?)
}

impl From<UnknownFunction> for CommandError {
    fn from(unknown: UnknownFunction) -> Self {
        Self::UnknownFunction(unknown.to_string())
    }
}
