//! Whether any environment knows a function, read from its heads.

use deployer_core::format;
use deployer_core::head::{Head, KnownBy};
use deployer_core::id::FunctionName;
use deployer_core::known_functions::{FunctionNames, NameHint};
use deployer_core::ledger_keys;
use futures::future::try_join_all;

use crate::Engine;
use crate::port::LedgerError;

/// The number of times that names which turn out to be unknown are replaced in a hint.
const HINTS_TRIED: u32 = 4;

/// Returns the reason why the function of a head is known there; none if it is not, or there is no such head. A head
/// that cannot be read may say that the function was live.
pub(crate) async fn known_by(engine: &Engine, head_key: &str) -> Result<Option<KnownBy>, LedgerError> {
    let Some((body, _)) = engine.ports.ledger.get(head_key).await?.object else { return Ok(None) };
    Ok(format::read::<Head>(&body).map_or(Some(KnownBy::Deployment), |head| KnownBy::of(&head)))
}

/// Whether one of these heads knows the function, also in an environment that deployer.json has no more.
pub(crate) async fn is_known(
    engine: &Engine,
    head_keys: &[String],
    function: &FunctionName,
    counts: fn(KnownBy) -> bool,
) -> Result<bool, LedgerError> {
    let own = head_keys.iter().filter(|key| ledger_keys::parse_head(key).is_some_and(|(_, name)| name == *function));
    let known = try_join_all(own.map(|key| known_by(engine, key))).await?;
    Ok(known.into_iter().flatten().any(counts))
}

/// Finds the known names that may be meant by one that nobody knows.
pub(crate) async fn hint(
    engine: &Engine,
    head_keys: &[String],
    function: &FunctionName,
) -> Result<NameHint, LedgerError> {
    let mut names = FunctionNames::of_head_keys(head_keys);
    for _ in 0..HINTS_TRIED {
        let hint = names.hint(function);
        let looks = hint.names().iter().map(|name| async move {
            let is_known = is_known(engine, head_keys, name, |_| true).await?;
            Ok::<_, LedgerError>((!is_known).then(|| name.clone()))
        });
        let unknown: Vec<FunctionName> = try_join_all(looks).await?.into_iter().flatten().collect();
        if unknown.is_empty() {
            return Ok(hint);
        }
        names = names.without(&unknown);
    }
    Ok(names.hint(function))
}
