//! The system's clock and the system's source of randomness.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use deployer_engine::port::{Clock, Rng};

/// The system's clock.
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

/// The system's source of randomness.
#[derive(Debug, Clone, Copy)]
pub struct OsRng;

impl Rng for OsRng {
    fn draw(&self) -> u128 {
        let mut bytes = [0; 16];
        // A machine without a source of randomness has no TLS and so never reaches AWS.
        getrandom::fill(&mut bytes).map(|()| u128::from_ne_bytes(bytes)).unwrap_or_default()
    }
}
