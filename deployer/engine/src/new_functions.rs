//! Whether an upload may make a function: an environment with `"create": false` takes none that nobody knows.

use deployer_core::format;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::Head;
use deployer_core::known_functions::KnownFunctions;
use deployer_core::ledger_keys;
use deployer_core::names::HEADS;
use deployer_core::record::CauseKind;
use futures::future::try_join_all;

use crate::Engine;
use crate::port::LedgerError;

/// Returns the reason why a deployment may not make the function in a target that does not have it; none if it may.
///
/// # Errors
/// [`LedgerError`]: the heads of other environments cannot be listed or fetched.
pub(crate) async fn because_not_made(
    engine: &Engine,
    at: &FunctionRef<'_>,
    kind: CauseKind,
    head: &Head,
) -> Result<Option<String>, LedgerError> {
    // What other requests bring was live somewhere.
    if at.environment.create || !matches!(kind, CauseKind::Upload | CauseKind::Deploy) || head.live_state().has_served()
    {
        return Ok(None);
    }
    let keys = engine.store().keys(HEADS).await?;
    let others = keys.iter().filter(|key| {
        ledger_keys::parse_head(key).is_some_and(|(name, function)| function == at.function && name != at.name)
    });
    let served = try_join_all(others.map(|key| has_served(engine, key))).await?;
    if served.contains(&true) {
        return Ok(None);
    }
    Ok(Some(at.not_made(&KnownFunctions::of_head_keys(&keys).hint(&at.function))))
}

/// Whether the function of a head was ever live there. A head that cannot be read may say so.
async fn has_served(engine: &Engine, key: &str) -> Result<bool, LedgerError> {
    let Some((body, _)) = engine.ports.ledger.get(key).await?.object else { return Ok(false) };
    Ok(format::read::<Head>(&body).map_or(true, |head| head.live_state().has_served()))
}
