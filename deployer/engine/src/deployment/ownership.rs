//! The ownership check: an alias may be written only if the claim is still ours, nobody has asked it to stop, and
//! nobody has rejected the artifact. If doors are to be opened, they are first written into the head, and that write is
//! the check as well.

use std::time::Duration;

use deployer_core::head::{self, Opening};
use deployer_core::id::Sha256;
use deployer_core::ledger_keys;
use deployer_core::record::{Ending, Status};
use deployer_core::rejects::Rejects;

use super::Deployment;
use super::claimed_target::ClaimedTarget;
use crate::Transient;
use crate::claim::{Claim, Stopped};
use crate::port::LedgerError;
use crate::store::{Change, Persistence, Versioned};
use crate::timer::MAX_READ_RETRIES;

/// The time for which a check counts: a version may take minutes, and somebody may ask us to stop meanwhile.
pub(super) const OWNED_FOR: Duration = Duration::from_secs(3);

/// The persistence of the check. The targets are under way: giving up would cost a whole lease.
const PERSISTENCE: Persistence<'static> = Persistence { errors: &may_try_again, ..Persistence::DEFAULT };

fn may_try_again(attempt: u32, error: &LedgerError) -> bool {
    tracing::warn!("the ledger could not be read or written before the alias: {error}");
    attempt < MAX_READ_RETRIES
}

impl ClaimedTarget<'_> {
    /// Checks that the claim is still ours. [`Claim::stopped`] tells afterwards whether it was asked to stop.
    pub async fn ensure_still_owned(self, new_code: Sha256, opening: Option<Opening>) -> Result<(), Transient> {
        let Self { deployment, claim, .. } = self;
        Ownership { deployment, claim }.ensure(new_code, opening).await
    }
}

/// The ownership of a deployment's claim.
#[derive(Clone, Copy)]
pub(super) struct Ownership<'a> {
    pub deployment: &'a Deployment<'a>,
    pub claim: &'a Claim,
}

impl Ownership<'_> {
    /// Reads the head and the rejects once more, as [`ensure`](Self::ensure) does, for the code that the deployment brings.
    pub async fn ensure_for_its_code(self) -> Result<(), Transient> {
        let code = self.claim.active_now().brings.and_then(|brings| brings.artifact.sha256);
        match code.or(self.deployment.resolved.sha256) {
            Some(code) => self.ensure(code, None).await,
            None => Ok(()),
        }
    }

    /// Checks that the claim is still ours. [`Claim::stopped`] tells afterwards whether it was asked to stop.
    pub async fn ensure(self, new_code: Sha256, opening: Option<Opening>) -> Result<(), Transient> {
        let Some(turn) = self.claim.check.turn(new_code, opening).await else { return Ok(()) };
        futures::try_join!(self.check_claim(&turn.openings), self.check_rejects())?;
        turn.complete();
        Ok(())
    }

    /// Writes the doors into the head as last seen. If that succeeds, nobody else has written the head since. It reads
    /// the head if there is nothing to write, or another writer was first.
    async fn check_claim(self, openings: &[Opening]) -> Result<(), Transient> {
        let claim = self.claim;
        // The head may have been seen long ago: only a write over it shows that it is unchanged.
        let last_seen = Some(claim.seen()).filter(|seen| {
            !openings.is_empty()
                && claim.stopped().is_none()
                && head::with_doors(&seen.head, claim.token(), openings).is_some()
        });
        let change = async |seen: &mut Versioned| {
            let Some(active) = seen.head.active().filter(|active| active.claim == claim.token()) else {
                return Err(Transient::TakenOver);
            };
            if let Some(rollback) = active.stop {
                claim.stop(Stopped::by(rollback));
            }
            let with_doors = head::with_doors(&seen.head, claim.token(), openings);
            Ok(match with_doors.filter(|_| claim.stopped().is_none()) {
                Some(head) => Change::Write(Box::new(head), ()),
                None => Change::Keep(()),
            })
        };
        let store = self.deployment.engine.store();
        let (seen, ()) = store.update_head_with(self.deployment.at, last_seen, PERSISTENCE, change).await?;
        claim.set_seen(seen);
        Ok(())
    }

    async fn check_rejects(self) -> Result<(), Transient> {
        let (claim, store) = (self.claim, self.deployment.engine.store());
        let check = async |rejects: Option<&Rejects>| {
            let new_code = claim.check.new_code();
            let rejected = claim
                .resolved_artifact()
                .zip(rejects)
                .and_then(|(resolved, all)| all.refusal(&resolved.release, new_code));
            if let Some(Ending::Refused { code, because }) = rejected {
                claim.stop(Stopped { status: Status::Refused, code, because });
            }
            Ok::<_, Transient>(Change::Keep(()))
        };
        store.update_with(&ledger_keys::rejects(&self.deployment.at.function), PERSISTENCE, check).await
    }
}
