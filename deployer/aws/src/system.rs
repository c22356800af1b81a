//! The clock and the source of randomness of the machine that we run on.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use deployer_engine::port::{Clock, Rng};

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The machine's source of randomness.
#[derive(Debug, Clone, Copy)]
pub struct OsRng;

impl Rng for OsRng {
    fn draw(&self) -> u128 {
        let mut bytes = [0; 16];
        // A machine without a source of randomness has no TLS either, and so no AWS.
        getrandom::fill(&mut bytes).map(|()| u128::from_ne_bytes(bytes)).unwrap_or_default()
    }
}
