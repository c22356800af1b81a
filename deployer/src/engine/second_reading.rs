//! The second reading of the head and of the rejected releases, right before an alias moves: "the moment" of every rule.
//!
//! Must not know: Lambda.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use deployer_core::config::Target;
use deployer_core::destination::Destination;
use deployer_core::id::{Sha256, Version};
use deployer_core::record::{Ending, Status};

use super::book::RACES;
use super::claim::{Claim, Halted, locked};
use super::waiting::UNANSWERED;
use super::{Engine, Transient};

/// The targets of a deployment ask for the second reading of the head at about the same time: one reading, begun after
/// all of them have asked, does for all.
#[derive(Default)]
pub(super) struct SecondReading {
    asked: AtomicU64,
    /// The code that is about to serve.
    sha256: Mutex<Option<Sha256>>,
    /// What aliases serve that the head does not know yet.
    serves: Mutex<Vec<(Target, Version, Option<Sha256>)>>,
    /// How many of those who asked are answered.
    answered: tokio::sync::Mutex<u64>,
}

impl Engine {
    /// The second reading: an alias may move only if the claim is still ours, and nobody has asked it to stop or rejected
    /// what it brings; [`Claim::halted`] tells the latter. For a target that the head does not know, what its alias serves
    /// is written down first.
    pub(super) async fn confirm(
        &self,
        at: &Destination<'_>,
        claim: &Claim,
        target: &Target,
        serves: Option<(&Version, Option<Sha256>)>,
        brings: Sha256,
    ) {
        let reading = &claim.second_reading;
        *locked(&reading.sha256) = Some(brings);
        if let Some((version, sha256)) = serves {
            locked(&reading.serves).push((target.clone(), version.clone(), sha256));
        }
        let mine = reading.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let mut answered = reading.answered.lock().await;
        if *answered >= mine {
            return;
        }
        let asked = reading.asked.load(Ordering::Relaxed);
        match self.read_again(at, claim).await {
            Ok(()) => *answered = asked,
            Err(transient) => claim.stop(transient).await,
        }
    }

    async fn read_again(&self, at: &Destination<'_>, claim: &Claim) -> Result<(), Transient> {
        for attempt in 0..RACES {
            let read = futures::try_join!(self.read_head(at), self.read_rejects(&at.function));
            let (seen, (rejects, _)) = match read {
                Ok(read) => read,
                // The targets are under way: giving up costs a whole lease.
                Err(error) if attempt < UNANSWERED => {
                    tracing::warn!("the head could not be read a second time: {error}");
                    self.after_a_lost_race(attempt).await;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let Some(active) = seen.head.active().filter(|active| active.claim == claim.token()) else {
                return Err(Transient::TakenOver);
            };
            if let Some(rollback) = active.stop {
                claim.halt(Halted::by(rollback));
            }
            let brings = *locked(&claim.second_reading.sha256);
            let rejected = claim.chosen().and_then(|chosen| rejects.refusal(&chosen.release, brings));
            if let Some(Ending::Refused { code, because }) = rejected {
                claim.halt(Halted { status: Status::Refused, code, because });
            }
            let serves = locked(&claim.second_reading.serves).clone();
            let Some(head) = seen.head.with_seen(&serves) else {
                claim.sees(seen);
                return Ok(());
            };
            if let Some(written) = self.write_head(at, seen.etag, head).await? {
                claim.sees(written);
                return Ok(());
            }
            self.after_a_lost_race(attempt).await;
        }
        Err(Transient::Contended)
    }
}
