//! Whether an upload may make a function: an environment with `"create": false` takes none that nobody knows.

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{Head, KnownBy};
use deployer_core::names::HEADS;
use deployer_core::record::CauseKind;
use tokio::sync::OnceCell;

use crate::Engine;
use crate::known_functions::{hint, is_known};
use crate::port::LedgerError;

/// Whether one deployment may make its function. The heads are listed once, for all targets that do not have it.
#[derive(Default)]
pub(crate) struct Creation(OnceCell<Option<String>>);

impl Creation {
    /// Returns the reason why the deployment may not make the function in a target that does not have it; none if it
    /// may.
    ///
    /// # Errors
    /// [`LedgerError`]: the heads of other environments cannot be listed or fetched.
    pub async fn refusal(
        &self,
        engine: &Engine,
        at: &FunctionRef<'_>,
        kind: CauseKind,
        head: &Head,
    ) -> Result<Option<String>, LedgerError> {
        // Other requests bring something that was live somewhere.
        let brings_new = matches!(kind, CauseKind::Upload | CauseKind::Deploy);
        if at.environment.create || !brings_new || KnownBy::of(head).is_some_and(KnownBy::allows_creation) {
            return Ok(None);
        }
        self.0.get_or_try_init(|| because_not_made(engine, at)).await.cloned()
    }
}

async fn because_not_made(engine: &Engine, at: &FunctionRef<'_>) -> Result<Option<String>, LedgerError> {
    let keys = engine.store().keys(HEADS).await?;
    if is_known(engine, &keys, &at.function, KnownBy::allows_creation).await? {
        return Ok(None);
    }
    Ok(Some(at.not_made(&hint(engine, &keys, &at.function).await?)))
}
