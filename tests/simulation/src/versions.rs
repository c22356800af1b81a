//! Deployers of two versions on one ledger: decides which invocations of a schedule are the newer deployer's.
//!
//! Must not know which behaviour is right.

use std::sync::{Arc, Mutex};

use deployer_engine::Ports;

use fixtures::random::Random;
use world::newer::{Raises, newer};

/// The invocations so far, each an older or a newer deployer's.
#[derive(Clone)]
pub(super) struct Versions {
    raises: Raises,
    drawn: Arc<Mutex<(Random, Vec<bool>)>>,
}

impl Versions {
    pub fn new(raises: Raises, random: &mut Random) -> Self {
        Self { raises, drawn: Arc::new(Mutex::new((random.fork(), Vec::new()))) }
    }

    /// Returns the ports of the next invocation: half of them, on average, are a newer deployer's.
    pub fn next(&self, ports: Ports) -> Ports {
        let mut drawn = self.drawn.lock().unwrap();
        let is_newer = drawn.0.percent(50);
        drawn.1.push(is_newer);
        if is_newer { newer(ports, self.raises) } else { ports }
    }

    /// Whether the invocation of this number, counted from 1, is a newer deployer's.
    pub fn is_newer(&self, invocation: usize) -> bool {
        self.drawn.lock().unwrap().1.get(invocation - 1).copied().unwrap_or(false)
    }
}
