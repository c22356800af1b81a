//! One ownership check for many targets that ask at about the same time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use deployer_core::head::Opening;
use deployer_core::id::Sha256;
use tokio::sync::MutexGuard;

use crate::lock::locked;

/// A check that does for all targets that have asked before it began.
#[derive(Default)]
pub(crate) struct SharedCheck {
    asked: AtomicU64,
    brings: Mutex<Option<Sha256>>,
    openings: Mutex<Vec<Opening>>,
    answered: tokio::sync::Mutex<u64>,
}

/// The permission to make the check for all who have asked.
pub(crate) struct Turn<'c> {
    check: &'c SharedCheck,
    answered: MutexGuard<'c, u64>,
    asked: u64,
    /// The doors that the head shall know.
    pub openings: Vec<Opening>,
}

impl SharedCheck {
    /// Asks for a check before this code serves, and for a door to be written down. `None`: another target's check, begun later,
    /// has answered.
    pub async fn turn(&self, brings: Sha256, opening: Option<Opening>) -> Option<Turn<'_>> {
        *locked(&self.brings) = Some(brings);
        locked(&self.openings).extend(opening);
        let mine = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let answered = self.answered.lock().await;
        if *answered >= mine {
            return None;
        }
        let asked = self.asked.load(Ordering::Relaxed);
        let openings = locked(&self.openings).clone();
        Some(Turn { check: self, answered, asked, openings })
    }

    /// The code that is about to serve.
    pub fn brings(&self) -> Option<Sha256> {
        *locked(&self.brings)
    }
}

impl Turn<'_> {
    /// All who had asked are answered: the claim is ours, and the head knows the doors.
    pub fn passed(mut self) {
        *self.answered = self.asked;
        let openings = &self.openings;
        locked(&self.check.openings).retain(|opening| !openings.contains(opening));
    }
}
