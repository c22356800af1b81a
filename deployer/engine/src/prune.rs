//! Old versions in Lambda are deleted after a deployment, so that an account's code storage does not fill up; and before that where
//! it is full.
//!
//! It never fails a deployment: what could not be deleted is deleted after the next one.

use std::collections::BTreeSet;
use std::time::Duration;

use deployer_core::config::Target;
use deployer_core::id::Version;
use deployer_core::plan::{PRUNED_AT_ONCE, surplus};
use deployer_core::record::{TargetError, TargetErrorCode};

use super::deploy::Job;
use super::{Claim, Engine};
use crate::port::{Account, CallError, CallErrorKind};

/// CI waits meanwhile: what is not deleted by then is deleted after the next deployment.
const LONGEST: Duration = Duration::from_secs(15);

/// Whether the next call would fare no better.
fn is_about_all(error: &CallError) -> bool {
    matches!(
        error.kind,
        CallErrorKind::Denied
            | CallErrorKind::RegionNotEnabled
            | CallErrorKind::Throttled
            | CallErrorKind::Expired
            | CallErrorKind::Unknown
    )
}

impl Engine {
    /// Deletes what is beyond `keep_versions` and needed neither by an alias, nor for going back, nor by callers that still meet what
    /// was served `before`.
    pub(super) async fn prune(
        &self,
        job: &Job<'_>,
        claim: &Claim,
        target: &Target,
        account: &Account,
        published: &Version,
        before: &BTreeSet<Version>,
    ) {
        // Numbers only grow: there cannot be more versions than the newest number.
        if published.number() > u64::from(job.at.environment.keep_versions) {
            self.prune_in_time(job, claim, target, account, before).await;
        }
    }

    /// Deletes the same because the account's code storage is full. Whether anything went.
    pub(super) async fn make_room(&self, job: &Job<'_>, claim: &Claim, target: &Target) -> bool {
        tracing::warn!("the code storage is full: old versions are deleted");
        // The session of a plan need not be one that may list versions.
        match self.enter(&self.session(job, target)).await {
            Ok(account) => self.prune_in_time(job, claim, target, &account, &BTreeSet::new()).await > 0,
            Err(error) => {
                tracing::warn!("no old version could be deleted: {error}");
                false
            }
        }
    }

    /// How many were deleted.
    async fn prune_in_time(
        &self,
        job: &Job<'_>,
        claim: &Claim,
        target: &Target,
        account: &Account,
        before: &BTreeSet<Version>,
    ) -> usize {
        let left = self.left().saturating_sub(self.patience.record_needs * 3);
        if left.is_zero() {
            return 0;
        }
        let mut deleted = 0;
        let pruned = tokio::select! {
            pruned = self.prune_to(job, claim, target, account, before, &mut deleted) => pruned,
            () = self.ports.clock.sleep(LONGEST.min(left)) => Err(TargetError::new(TargetErrorCode::TimedOut, "prune", "it takes too long")),
        };
        if let Err(error) = pruned {
            tracing::warn!("old versions stay for now: {error}");
        }
        deleted
    }

    async fn prune_to(
        &self,
        job: &Job<'_>,
        claim: &Claim,
        target: &Target,
        account: &Account,
        before: &BTreeSet<Version>,
        deleted: &mut usize,
    ) -> Result<(), TargetError> {
        let (functions, name, environment) = (account.functions(), &job.at.function_name, &job.at.environment);
        let keep = environment.keep_versions;
        let in_step = |error: CallError| error.in_step("prune");
        let all = functions.versions(name).await.map_err(in_step)?;
        if all.is_durable && !environment.prune_durable {
            tracing::info!("old versions of a durable function stay (prune_durable)");
            return Ok(());
        }
        if surplus(&all.numbers, keep, &BTreeSet::new()).is_empty() {
            return Ok(());
        }
        let mut needed = before.clone();
        needed.extend(functions.aliased(name).await.map_err(in_step)?);
        // What a rollback would go to: with the version that was just published, as many as are kept.
        let head = claim.seen().head;
        let place = target.to_string();
        let history = head.history().iter().take(usize::try_from(keep.saturating_sub(1)).unwrap_or(usize::MAX));
        needed.extend(history.filter_map(|live| live.versions.get(&place).cloned()));
        needed.extend(head.target(target).and_then(|live| live.version.clone()));
        // Some cannot be deleted (those that Lambda@Edge has copied): the others are, however many of those there are.
        for some in surplus(&all.numbers, keep, &needed).chunks(PRUNED_AT_ONCE) {
            let acting = self.enter_with(job, target, self.scope(job, target).pruning_policy(some)).await?;
            for version in some {
                if *deleted == PRUNED_AT_ONCE || !self.has_time_to_begin() {
                    return Ok(());
                }
                match self.delete_version(job, claim, &acting, version).await {
                    Ok(()) => {
                        *deleted += 1;
                        tracing::info!(%version, "old version deleted");
                    }
                    Err(error) if is_about_all(&error) => return Err(in_step(error)),
                    Err(error) => tracing::warn!(%version, "this old version stays: {error}"),
                }
            }
            if *deleted == PRUNED_AT_ONCE {
                return Ok(());
            }
        }
        Ok(())
    }
}
