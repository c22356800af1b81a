//! Prunes old versions: deletes them in Lambda at the end of step "apply", so that an account's code storage does not
//! fill up, and during that step if Lambda answers that it is full.
//!
//! It never fails a deployment: versions that could not be deleted are deleted after the next one.

use std::collections::BTreeSet;
use std::time::Duration;

use deployer_core::id::Version;
use deployer_core::plan::{PRUNED_AT_ONCE, surplus};
use deployer_core::record::{TargetError, TargetErrorCode};

use super::claimed_target::ClaimedTarget;
use super::lambda_writer::LambdaWriter;
use crate::port::{CallError, CallErrorKind};

/// The longest time for pruning, because CI waits meanwhile. The rest is deleted after the next deployment.
const LONGEST: Duration = Duration::from_secs(15);

impl ClaimedTarget<'_> {
    /// Deletes the versions beyond `keep_versions` that no alias, no rollback and no caller needs. Callers may still
    /// meet the versions that were served `before`.
    pub async fn prune(self, published: &Version, before: &BTreeSet<Version>) {
        // Numbers only grow: there cannot be more versions than the newest number.
        if published.number() > u64::from(self.deployment.at.environment.keep_versions) {
            Pruning { on: self, deleted: 0 }.run(before).await;
        }
    }

    /// Deletes old versions because the account's code storage is full, and returns whether any was deleted.
    pub async fn make_room(self) -> bool {
        tracing::warn!("the code storage is full: old versions are deleted");
        // The session of a plan may not be allowed to list versions.
        match self.deployment.open_session(&self.deployment.session(self.target)).await {
            Ok(account) => {
                let on = ClaimedTarget { account: &account, ..self };
                Pruning { on, deleted: 0 }.run(&BTreeSet::new()).await > 0
            }
            Err(error) => {
                tracing::warn!("no old version could be deleted: {error}");
                false
            }
        }
    }
}

/// A deletion of one function's old versions.
struct Pruning<'a> {
    on: ClaimedTarget<'a>,
    deleted: usize,
}

impl Pruning<'_> {
    /// Deletes while there is time, and returns the number of deleted versions.
    async fn run(mut self, before: &BTreeSet<Version>) -> usize {
        let timer = self.on.timer();
        let left = timer.left().saturating_sub(timer.retries.record_needs * 3);
        if left.is_zero() {
            return 0;
        }
        let pruned = tokio::select! {
            pruned = self.delete_surplus(before) => pruned,
            () = timer.sleep(LONGEST.min(left)) => {
                Err(TargetError::new(TargetErrorCode::TimedOut, "prune", "it takes too long"))
            }
        };
        if let Err(error) = pruned {
            tracing::warn!("old versions stay for now: {error}");
        }
        self.deleted
    }

    async fn delete_surplus(&mut self, before: &BTreeSet<Version>) -> Result<(), TargetError> {
        let ClaimedTarget { deployment, account, .. } = self.on;
        let (functions, name, environment) =
            (account.functions(), &deployment.at.function_name, &deployment.at.environment);
        let keep = environment.keep_versions;
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
        needed.extend(self.needed_to_go_back(keep));
        // Some versions cannot be deleted (those that Lambda@Edge has copied); the others are, however many of those
        // there are.
        for some in surplus(&all.numbers, keep, &needed).chunks(PRUNED_AT_ONCE) {
            if self.delete(some).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Returns the versions that a rollback would go to: together with the version that was just published, as many as
    /// are kept.
    fn needed_to_go_back(&self, keep: u32) -> Vec<Version> {
        let (head, place) = (self.on.claim.seen().head, self.on.target.to_string());
        let history = head.history().iter().take(usize::try_from(keep.saturating_sub(1)).unwrap_or(usize::MAX));
        let mut needed: Vec<_> = history.filter_map(|live| live.versions.get(&place).cloned()).collect();
        needed.extend(head.target(self.on.target).and_then(|live| live.version.clone()));
        needed
    }

    /// Deletes these versions, in a session for exactly them. Returns whether that is enough for this deployment.
    async fn delete(&mut self, versions: &[Version]) -> Result<bool, TargetError> {
        let ClaimedTarget { deployment, target, .. } = self.on;
        let account = deployment.open_session_with(target, deployment.scope(target).pruning_policy(versions)).await?;
        let on = ClaimedTarget { account: &account, ..self.on };
        for version in versions {
            // The commit and the record after it need more time than a call does.
            if self.deleted == PRUNED_AT_ONCE || !deployment.engine.timer().has_time_to_begin() {
                return Ok(true);
            }
            let deleted = match LambdaWriter::of(on) {
                Ok(writer) => writer.delete_version(version).await,
                Err(late) => Err(late),
            };
            match deleted {
                Ok(()) => {
                    self.deleted += 1;
                    tracing::info!(%version, "old version deleted");
                }
                Err(error) if is_about_all(&error) => return Err(in_step(error)),
                Err(error) => tracing::warn!(%version, "this old version stays: {error}"),
            }
        }
        Ok(self.deleted == PRUNED_AT_ONCE)
    }
}

/// Whether the next call would fail in the same way.
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

fn in_step(error: CallError) -> TargetError {
    error.in_step("prune")
}
