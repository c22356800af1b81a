//! The commands that deploy: `deploy`, `redeploy` and `rollback`. Each is a request like an upload: claimed, ordered
//! and recorded.

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{CommandKind, KnownBy, Request, Source, goes_on_where_gone, is_let_in_where_gone};
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::record::{Cause, DeploymentRecord};
use tracing::Instrument as _;

use super::caller::Caller;
use super::known::ensure_known;
use super::progress::{answer_with_record, record_if_known};
use super::used_id::ensure_unused_id;
use crate::gone_environment::at_or_gone;
use crate::group::{Groups, finish_ended};
use crate::promotions::stored_requests::submit_without_queue;
use crate::prove_identity::{Giver, ProofDemand};
use crate::{CommandError, Engine, deployment};

impl Engine {
    /// Deploys the source of a command.
    ///
    /// Once the request stands in the head it is carried out, by this invocation or by others: whatever goes wrong
    /// after that, the answer is its progress.
    ///
    /// # Errors
    /// [`CommandError`]. A deployment that ends as failed or refused is no error: its record says so.
    pub async fn deploy_by_command(
        &self,
        environment: &EnvironmentName,
        function: &FunctionName,
        (cause, source): (Cause, Source),
        caller: Caller,
    ) -> Result<DeploymentRecord, CommandError> {
        let at = at_or_gone(self, environment, function).await?;
        let giver = Giver::new(self, &caller.identity, ProofDemand::Optional)?;
        let kind = cause.kind;
        let mut request = Request::by_command((environment, function), source, cause, (self.now(), self.token()));
        let head = self.store().head(&at).await?.head;
        let is_known = head.id_of(&request).is_some();
        if at.is_gone() {
            match is_known {
                true if !goes_on_where_gone(&head) => {
                    let record = record_if_known(self, &at, &request).await?;
                    return record.ok_or_else(|| self.unknown_environment(environment));
                }
                false if !is_let_in_where_gone(&head, &request) => return Err(self.unknown_environment(environment)),
                _ => {}
            }
        }
        if !is_known {
            ensure_unused_id(self, (&head, &at), &caller.id, CommandKind::Deployment).await?;
            if KnownBy::of(&head).is_none() {
                ensure_known_to_deploy(self, &at, &request.source).await?;
            }
            request.cause = request.cause.by(&giver.identity().await?);
        }
        let span = deployment::span(&at, &request, request.source.release());
        let work = async {
            if let Some(reason) = &request.cause.skip_rollout {
                tracing::warn!(requested_by = request.cause.requested_by.as_deref(), %reason, "rollout skipped");
            }
            tracing::info!(command = ?kind, requested_by = request.cause.requested_by.as_deref(), "command received");
            match is_known {
                true => self.reconciler(&at).answer_known(&request).await,
                false => self.reconciler(&at).submit(&request).await,
            }
        };
        let record = answer_with_record(self, &at, &request, work.instrument(span)).await?;
        if !is_known {
            finish_ended(Groups::of(self), &record).await;
        }
        submit_without_queue(self).await;
        Ok(record)
    }

    /// Finds a function of an environment in deployer.json.
    pub(crate) fn at<'a>(
        &'a self,
        environment: &EnvironmentName,
        function: &FunctionName,
    ) -> Result<FunctionRef<'a>, CommandError> {
        FunctionRef::find(&self.config, environment, function).map_err(|_| self.unknown_environment(environment))
    }

    /// Refuses an environment that deployer.json does not have.
    ///
    /// # Errors
    /// [`CommandError`]: there is none of this name.
    pub(crate) fn ensure_environment(&self, name: &EnvironmentName) -> Result<(), CommandError> {
        self.config.environments.get(name).map(drop).ok_or_else(|| self.unknown_environment(name))
    }

    /// Makes the error that names the environments of deployer.json.
    pub(crate) fn unknown_environment(&self, name: &EnvironmentName) -> CommandError {
        CommandError::Invalid(self.config.unknown_environment(name))
    }
}

/// Refuses a function that no other environment knows either. One that has an upload may be new.
async fn ensure_known_to_deploy(engine: &Engine, at: &FunctionRef<'_>, source: &Source) -> Result<(), CommandError> {
    let known = ensure_known(engine, None, &at.function).await;
    match (&known, source) {
        (Err(CommandError::UnknownFunction(_)), Source::Newest { release }) => {
            match engine.reconciler(at).newest(release).await? {
                Ok(_) => Ok(()),
                Err(_) => known,
            }
        }
        _ => known,
    }
}
