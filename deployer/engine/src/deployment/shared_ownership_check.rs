//! One ownership check for many targets that ask at about the same time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use deployer_core::head::Opening;
use deployer_core::id::Sha256;
use tokio::sync::MutexGuard;

use crate::mutex::locked;

/// A check that answers all targets that have asked before it began.
#[derive(Default)]
pub(crate) struct SharedOwnershipCheck {
    requested: AtomicU64,
    new_code: Mutex<Option<Sha256>>,
    openings: Mutex<Vec<Opening>>,
    answered: tokio::sync::Mutex<u64>,
}

/// The permission to make the check for all who have asked.
pub(crate) struct Turn<'c> {
    check: &'c SharedOwnershipCheck,
    answered: MutexGuard<'c, u64>,
    requested: u64,
    /// The doors to be written into the head.
    pub openings: Vec<Opening>,
}

impl SharedOwnershipCheck {
    /// Asks for a check before this code serves, and for a door to be written down. `None`: the check of another target
    /// has answered, which began later.
    pub async fn turn(&self, new_code: Sha256, opening: Option<Opening>) -> Option<Turn<'_>> {
        *locked(&self.new_code) = Some(new_code);
        locked(&self.openings).extend(opening);
        let number = self.requested.fetch_add(1, Ordering::Relaxed) + 1;
        let answered = self.answered.lock().await;
        if *answered >= number {
            return None;
        }
        let requested = self.requested.load(Ordering::Relaxed);
        let openings = locked(&self.openings).clone();
        Some(Turn { check: self, answered, requested, openings })
    }

    /// Returns the code that is about to serve.
    pub fn new_code(&self) -> Option<Sha256> {
        *locked(&self.new_code)
    }
}

impl Turn<'_> {
    /// Answers all who had asked: the claim is ours, and the head knows the doors.
    pub fn complete(mut self) {
        *self.answered = self.requested;
        let openings = &self.openings;
        locked(&self.check.openings).retain(|opening| !openings.contains(opening));
    }
}
