//! The ownership check: an alias may be written only if the claim is still ours, and nobody has asked it to stop or rejected what it
//! brings. Where doors are to be opened, the head says so first, and that write is the check as well.

use std::time::Duration;

use deployer_core::head::{self, Opening};
use deployer_core::id::Sha256;
use deployer_core::record::{Ending, Status};

use super::target::TargetRollout;
use crate::Transient;
use crate::claim::Stopped;
use crate::port::LedgerError;
use crate::store::{Change, Persistence, Versioned};
use crate::timer::MAX_READ_RETRIES;

/// The time for which a check counts: a version may take minutes, and somebody may ask us to stop meanwhile.
pub(super) const OWNED_FOR: Duration = Duration::from_secs(3);

impl TargetRollout<'_> {
    /// Checks that the claim is still ours; [`Claim::stopped`](crate::Claim::stopped) tells afterwards whether it was asked to stop.
    pub async fn ensure_still_owned(self, brings: Sha256, opening: Option<Opening>) -> Result<(), Transient> {
        let Some(turn) = self.claim.check.turn(brings, opening).await else { return Ok(()) };
        futures::try_join!(self.check_claim(&turn.openings), self.check_rejects())?;
        turn.passed();
        Ok(())
    }

    /// Writes the doors into the head as last seen: nobody else has written it since if that succeeds. Reads it where there is
    /// nothing to write, or somebody was first.
    async fn check_claim(self, openings: &[Opening]) -> Result<(), Transient> {
        let claim = self.claim;
        // It may be long ago that the head was seen: only a write on it shows that it is still so.
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
        // The targets are under way: giving up costs a whole lease.
        let may_try_again = |attempt: u32, error: &LedgerError| {
            tracing::warn!("the head could not be read or written before the alias: {error}");
            attempt < MAX_READ_RETRIES
        };
        let patient = Persistence { errors: &may_try_again, ..Persistence::default() };
        let store = self.rollout.engine.store();
        let (seen, ()) = store.update_head_with(self.rollout.at, last_seen, patient, change).await?;
        claim.sees(seen);
        Ok(())
    }

    async fn check_rejects(self) -> Result<(), Transient> {
        let (claim, store) = (self.claim, self.rollout.engine.store());
        for attempt in 0.. {
            let rejects = match store.rejects(&self.rollout.at.function).await {
                Ok(rejects) => rejects,
                Err(error) if attempt < MAX_READ_RETRIES => {
                    tracing::warn!("what is rejected could not be read again: {error}");
                    store.pause(attempt).await;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let brings = claim.check.brings();
            let rejected = claim.chosen().and_then(|chosen| rejects.refusal(&chosen.release, brings));
            if let Some(Ending::Refused { code, because }) = rejected {
                claim.stop(Stopped { status: Status::Refused, code, because });
            }
            return Ok(());
        }
        Err(Transient::Contended)
    }
}
