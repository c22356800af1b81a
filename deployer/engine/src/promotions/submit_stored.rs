//! Promotions that the end of a deployment elsewhere has asked for.

use deployer_core::format;
use deployer_core::head::{Head, Request};
use deployer_core::id::DeploymentId;
use deployer_core::ledger_keys;
use deployer_core::promotion::Dispatch;
use deployer_core::record::DeploymentRecord;
use deployer_core::stored_request::StoredRequest;
use futures::future::try_join_all;
use jiff::Timestamp;

use super::policy::PolicyInputs;
use crate::Transient;
use crate::claim::SubmitOutcome;
use crate::function_handles::Promotions;
use crate::group::Groups;
use crate::port::LedgerError;

impl Promotions<'_> {
    /// Follows a hint: submits the promotions that were asked for here, or reconciles the group of a member that has
    /// ended. `None`: the hint fits neither.
    pub(crate) async fn follow_hint(self, id: DeploymentId) -> Result<Option<DeploymentRecord>, Transient> {
        let keys = self.engine.store().keys(&ledger_keys::asked_of(&self.at.name, &self.at.function)).await?;
        let mut found = None;
        for key in self.in_order_of_time(keys).await? {
            let submitted = self.submit_stored(&key, Dispatch::Inline).await?;
            found = found.or(submitted.filter(|record| record.id == id));
        }
        if found.is_some() {
            return Ok(found);
        }
        let record = self.engine.store().record(self.at, id).await?;
        let group = record.as_ref().and_then(|record| record.promotion.as_ref()?.group);
        if let Some(group) = group {
            Groups::of(self.engine).reconcile(&self.at.name, group).await?;
        }
        Ok(record.filter(|_| group.is_some()))
    }

    /// Sorts the keys of what was asked for here, the earliest first: a later promotion of code that is live already is
    /// dropped, and must not be judged before an earlier one that brings other code. What is not understood comes last.
    pub(crate) async fn in_order_of_time(self, keys: Vec<String>) -> Result<Vec<String>, Transient> {
        if keys.len() < 2 {
            return Ok(keys);
        }
        let reads = keys.into_iter().map(|key| async move {
            let object = self.engine.ports.ledger.get(&key).await?.object;
            let stored = object.and_then(|(body, _)| format::read::<StoredRequest>(&body).ok());
            Ok::<_, LedgerError>((stored.map_or(Timestamp::MAX, |stored| stored.request.time), key))
        });
        let mut keys = try_join_all(reads).await?;
        keys.sort();
        Ok(keys.into_iter().map(|(_, key)| key).collect())
    }

    /// Submits a promotion that was asked for, and then deletes its object.
    pub(crate) async fn submit_stored(
        self,
        key: &str,
        dispatch: Dispatch,
    ) -> Result<Option<DeploymentRecord>, Transient> {
        let Some((stored, _)) = self.engine.store().object::<StoredRequest>(key).await? else { return Ok(None) };
        // The request gets a marker of its own: another invocation may do the same at the same time.
        let request = Request { marker: self.engine.token(), ..stored.request };
        let head = async { Ok::<_, Transient>(self.engine.store().head(self.at).await?) };
        let (seen, inputs) = futures::try_join!(head, self.inputs(None))?;
        let outcome = match self.is_still_wanted(&seen.head, &request, &inputs) {
            true => self.submit(dispatch, &request, &inputs, None).await?,
            false => SubmitOutcome::Nothing,
        };
        self.engine.store().delete(key).await;
        let is_submitted = !matches!(outcome, SubmitOutcome::Nothing);
        if let SubmitOutcome::Deferred { waiting, is_duplicate: false } = &outcome {
            tracing::info!(to = %self.at.name, deployment = %request.id, "promotion asked for: {}", waiting.wait);
        }
        if is_submitted { Box::pin(self.reconciler().handle_outcome(&request, outcome)).await } else { Ok(None) }
    }

    /// Whether the promotion is still wanted: the head does not know it yet, and the artifact is not there already.
    pub(crate) fn is_still_wanted(self, head: &Head, request: &Request, inputs: &PolicyInputs) -> bool {
        let Some(promoting) = request.promotion_spec() else { return true };
        let policy = self.policy(head, inputs);
        let is_known = head.id_of(request).is_some();
        !is_known
            && !policy.needs_other_sources(promoting)
            && !policy.is_live_already(request, promoting)
            && !policy.soaks_already(promoting)
    }
}
