//! `hold` and `release-hold`: a function in an environment takes nothing new, until it is released.

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{self, Head};
use deployer_core::hold_and_reject::Hold;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::status::{FunctionStatus, StatusReport};
use deployer_core::text::PlainText;

use super::caller::Caller;
use super::change_head::change_head;
use crate::{CommandError, Engine};

impl Engine {
    /// Holds a function in an environment: it takes nothing new until it is released.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn hold(
        &self,
        environment: &EnvironmentName,
        function: &FunctionName,
        reason: PlainText,
        caller: Caller,
    ) -> Result<StatusReport, CommandError> {
        let at = self.at(environment, function)?;
        let hold = Hold { reason, requested_by: caller.requested_by, since: self.now() };
        let held = |head: &Head| Some(head::hold(head, hold.clone(), &at, &caller.id, self.now()));
        let head = change_head(self, &at, held).await?;
        let head = head.ok_or_else(|| CommandError::Invalid("this cannot be held".into()))?;
        tracing::warn!(%environment, %function, by = hold.requested_by.as_deref(), reason = hold.reason.as_str(), "held");
        Ok(status_of(self, &at, &head).await)
    }

    /// Ends a hold.
    ///
    /// # Errors
    /// [`CommandError`]: there is none.
    pub async fn release_hold(
        &self,
        environment: &EnvironmentName,
        function: &FunctionName,
        caller: Caller,
    ) -> Result<StatusReport, CommandError> {
        let at = self.at(environment, function)?;
        let head = change_head(self, &at, |head| head::release_hold(head, &at, &caller.id)).await?;
        let head = head.ok_or_else(|| {
            CommandError::Invalid(format!("{function} is not held in {environment}: there is nothing to release"))
        })?;
        tracing::warn!(%environment, %function, by = caller.requested_by.as_deref(), "hold released");
        Ok(status_of(self, &at, &head).await)
    }
}

/// Reports the status of a function whose head was just changed. Rejects that cannot be read are left out.
async fn status_of(engine: &Engine, at: &FunctionRef<'_>, head: &Head) -> StatusReport {
    let rejects = engine.store().rejects(&at.function).await.unwrap_or_default();
    let functions = vec![FunctionStatus::of(at, head, &rejects)];
    StatusReport { functions, environments: vec![], groups: vec![], unreadable: vec![] }
}
