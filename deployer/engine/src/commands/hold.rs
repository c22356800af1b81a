//! `hold` and `release-hold`: a function in an environment takes nothing new, until it is released.

use deployer_core::config::ProvenCommand;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{self, CommandKind, Head, held_by};
use deployer_core::hold_and_reject::{CommandEffect, Hold};
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::identity::Principal;
use deployer_core::record::{EndedWaiting, Ending};
use deployer_core::status::{FunctionStatus, ReleaseWays, StatusReport};
use deployer_core::text::PlainText;

use super::caller::Caller;
use super::change_head::{ChangedHead, change_head};
use super::known::{ExpectedFunction, ensure_known};
use crate::group::Groups;
use crate::prove_identity::{Giver, ProofDemand};
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
        let giver = Giver::new(self, &caller.identity, demand(self, environment))?;
        if expected == ExpectedFunction::Known {
            ensure_known(self, Some(environment), function).await.map_err(|error| match error {
                CommandError::UnknownFunction(because) => CommandError::UnknownFunction(format!(
                    "{because}\n  nothing is held; to hold a function to come, add --new (in a command: \"new\": true)"
                )),
                error => error,
            })?;
        }
        let (requested_by, since) = (caller.requested_by, self.now());
        let hold = Hold { reason, requested_by, principal: None, unproven: None, since };
        let held = |head: &Head, hold: &Hold| head::hold(head, hold.clone(), &at, &caller.id, self.now());
        let change = async |head: &Head| {
            Ok(Some(match held(head, &hold) {
                CommandEffect::Write(_) => {
                    let identity = giver.identity().await?;
                    let (principal, unproven) = (identity.principal(), identity.unproven());
                    held(head, &Hold { principal, unproven, ..hold.clone() })
                }
                known => known,
            }))
        };
        let changed = change_head(self, &at, Some((&caller.id, CommandKind::Hold)), change).await?;
        let changed = changed.ok_or_else(|| CommandError::Invalid("this cannot be held".into()))?;
        if changed.is_written {
            let (by, principal) = (hold.requested_by.as_deref(), giver.identity().await?.principal());
            tracing::warn!(%environment, %function, by, principal = principal.as_ref().map(Principal::as_str),
                reason = hold.reason.as_str(), "held");
        }
        let ended = match changed.head.hold().map(held_by) {
            Some(refusal) => end_groups(self, &at, changed.ended, &refusal).await,
            None => changed.ended,
        };
        Ok(status_of(self, &at, ChangedHead { ended, ..changed }).await)
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
        let giver = Giver::new(self, &caller.identity, demand(self, environment))?;
        let change = async |head: &Head| {
            let effect = head::release_hold(head, &at, &caller.id);
            if let Some(CommandEffect::Write(_)) = effect {
                let _identity = giver.identity().await?;
            }
            Ok(effect)
        };
        let changed = change_head(self, &at, Some((&caller.id, CommandKind::Hold)), change).await?;
        let Some(changed) = changed else {
            ensure_known(self, Some(environment), function).await?;
            return Err(CommandError::Invalid(format!(
                "{function} is not held in {environment}: there is nothing to release"
            )));
        };
        if changed.is_written {
            let (by, principal) = (caller.requested_by.as_deref(), giver.identity().await?.principal());
            let principal = principal.as_ref().map(Principal::as_str);
            tracing::warn!(%environment, %function, by, principal, "hold released");
        }
        Ok(status_of(self, &at, changed).await)
    }
}

/// Ends the groups that wait, are not decided and have the held function as a member. Adds them to what the hold has
/// ended, in the place of their members that held places.
async fn end_groups(
    engine: &Engine,
    at: &FunctionRef<'_>,
    mut ended: Vec<EndedWaiting>,
    refusal: &Ending,
) -> Vec<EndedWaiting> {
    for (group, named) in Groups::of(engine).open().end_refused(&at.name, &at.function, |_| Some(refusal.clone())).await
    {
        ended.retain(|one| group.functions.iter().all(|member| member.deployment != one.deployment));
        ended.push(named);
    }
    ended
}

/// Returns what holding a function of an environment needs of its giver's identity.
fn demand(engine: &Engine, environment: &EnvironmentName) -> ProofDemand {
    ProofDemand::of(engine, ProvenCommand::Hold, Some(environment))
}

/// Reports the status of a function whose head was just changed, and what that has ended. Rejects that cannot be read
/// are left out.
async fn status_of(engine: &Engine, at: &FunctionRef<'_>, changed: ChangedHead) -> StatusReport {
    let ChangedHead { head, ended, replaced_hold, .. } = changed;
    let rejects = engine.store().rejects(&at.function).await.unwrap_or_default();
    let functions = vec![FunctionStatus::of(at, &head, &rejects)];
    let ways = ReleaseWays::of(&engine.config, &at.name);
    StatusReport { functions, ended_waiting: ended, ways, replaced_hold, ..StatusReport::default() }
}
