//! `hold` and `release-hold`: a function in an environment takes nothing new, until it is released.

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{self, Head};
use deployer_core::hold_and_reject::Hold;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::identity::Principal;
use deployer_core::status::{FunctionStatus, StatusReport};
use deployer_core::text::PlainText;

use super::caller::Caller;
use super::change_head::change_head;
use super::known::{ExpectedFunction, ensure_known};
use crate::{CommandError, Engine};

impl Engine {
    /// Holds a function in an environment: it takes nothing new until it is released.
    ///
    /// # Errors
    /// [`CommandError`]: no environment knows the function, and the person does not say that it is one to come; or
    /// another try can help.
    pub async fn hold(
        &self,
        environment: &EnvironmentName,
        function: &FunctionName,
        expected: ExpectedFunction,
        reason: PlainText,
        caller: Caller,
    ) -> Result<StatusReport, CommandError> {
        let at = self.at(environment, function)?;
        if expected == ExpectedFunction::Known {
            ensure_known(self, Some(environment), function).await.map_err(|error| match error {
                CommandError::UnknownFunction(because) => CommandError::UnknownFunction(format!(
                    "{because}\n  nothing is held; a hold of a function to come says so: \"new\": true, in deployctl --new"
                )),
                error => error,
            })?;
        }
        let (principal, unproven) = (caller.identity.principal(), caller.identity.unproven());
        let hold = Hold { reason, requested_by: caller.requested_by, principal, unproven, since: self.now() };
        let held = |head: &Head| Some(head::hold(head, hold.clone(), &at, &caller.id, self.now()));
        let head = change_head(self, &at, held).await?;
        let head = head.ok_or_else(|| CommandError::Invalid("this cannot be held".into()))?;
        let principal = hold.principal.as_ref().map(Principal::as_str);
        tracing::warn!(%environment, %function, by = hold.requested_by.as_deref(), principal,
            reason = hold.reason.as_str(), "held");
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
        let Some(head) = head else {
            ensure_known(self, Some(environment), function).await?;
            return Err(CommandError::Invalid(format!(
                "{function} is not held in {environment}: there is nothing to release"
            )));
        };
        let principal = caller.identity.principal();
        tracing::warn!(%environment, %function, by = caller.requested_by.as_deref(),
            principal = principal.as_ref().map(Principal::as_str), "hold released");
        Ok(status_of(self, &at, &head).await)
    }
}

/// Reports the status of a function whose head was just changed. Rejects that cannot be read are left out.
async fn status_of(engine: &Engine, at: &FunctionRef<'_>, head: &Head) -> StatusReport {
    let rejects = engine.store().rejects(&at.function).await.unwrap_or_default();
    let functions = vec![FunctionStatus::of(at, head, &rejects)];
    StatusReport { functions, environments: vec![], groups: vec![], unreadable: vec![] }
}
