//! Old versions in Lambda are deleted after a deployment, so that an account's code storage does not fill up.
//!
//! It never fails a deployment: what could not be deleted is deleted after the next one.

use std::collections::BTreeSet;
use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::id::Version;
use deployer_core::plan::surplus;
use deployer_core::record::{Previous, TargetError, TargetErrorCode};

use super::deploy::Job;
use super::{Claim, Engine};
use crate::port::{Account, CallError, CallErrorKind};

/// CI waits meanwhile: what is not deleted by then is deleted after the next deployment.
const LONGEST: Duration = Duration::from_secs(15);

/// Whether the next call would fare no better.
fn is_about_all(error: &CallError) -> bool {
    matches!(
        error.kind,
        CallErrorKind::Denied | CallErrorKind::Throttled | CallErrorKind::Expired | CallErrorKind::Unknown
    )
}

impl Engine {
    /// Deletes what is beyond `keep_versions` and needed neither by an alias nor for going back.
    pub(super) async fn prune(
        &self,
        job: &Job<'_>,
        claim: &Claim,
        target: &Target,
        account: &Account,
        (published, before): (&Version, Option<&Previous>),
    ) {
        // Numbers only grow: there cannot be more versions than the newest number.
        let keep = job.at.environment.keep_versions;
        if published.number() <= u64::from(keep) {
            return;
        }
        let left = self.left().saturating_sub(self.patience.record_needs * 3);
        if left.is_zero() {
            return;
        }
        let pruned = tokio::select! {
            pruned = self.prune_to(job, claim, target, account, (keep, before)) => pruned,
            () = self.ports.clock.sleep(LONGEST.min(left)) => Err(TargetError::new(TargetErrorCode::TimedOut, "prune", "it takes too long")),
        };
        if let Err(error) = pruned {
            tracing::warn!("old versions stay for now: {error}");
        }
    }

    async fn prune_to(
        &self,
        job: &Job<'_>,
        claim: &Claim,
        target: &Target,
        account: &Account,
        (keep, before): (u32, Option<&Previous>),
    ) -> Result<(), TargetError> {
        let (functions, name) = (account.functions(), &job.at.function_name);
        let in_step = |error: CallError| error.in_step("prune");
        let all = functions.versions(name).await.map_err(in_step)?;
        if surplus(&all, keep, &BTreeSet::new()).is_empty() {
            return Ok(());
        }
        let mut needed: BTreeSet<Version> = functions.aliased(name).await.map_err(in_step)?.into_iter().collect();
        // What a rollback would go to: with the version that was just published, as many as are kept.
        let head = claim.seen().head;
        let place = target.to_string();
        let history = head.history().iter().take(usize::try_from(keep.saturating_sub(1)).unwrap_or(usize::MAX));
        needed.extend(history.filter_map(|live| live.versions.get(&place).cloned()));
        needed.extend(head.target(target).and_then(|live| live.version.clone()));
        // Callers still meet it for some seconds.
        needed.extend(before.map(|before| before.version.clone()));
        let surplus = surplus(&all, keep, &needed);
        if surplus.is_empty() {
            return Ok(());
        }
        let acting = self.enter_with(job, target, self.scope(job, target).pruning_policy(&surplus)).await?;
        for version in &surplus {
            if !self.has_time_to_begin() {
                break;
            }
            match self.delete_version(job, claim, &acting, version).await {
                Ok(()) => tracing::info!(%version, "old version deleted"),
                Err(error) if is_about_all(&error) => return Err(in_step(error)),
                // One that cannot be deleted shall not keep all others.
                Err(error) => tracing::warn!(%version, "this old version stays: {error}"),
            }
        }
        Ok(())
    }
}
