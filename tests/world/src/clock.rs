//! The wall clock of a world: tokio's paused time, so that waiting costs nothing, plus jumps.
//!
//! A jump is what a frozen process meets when it thaws: the wall clock has moved on, its timers have not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use deployer_engine::port::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// When every world begins: 2026-11-01T10:00:00.250Z. Not at a whole second: EventBridge tells such times, S3 hardly ever.
const BEGINNING: i64 = 1_793_527_200_250;

/// A clock that shows the world's time.
pub struct VirtualClock {
    began: Instant,
    jumped: Mutex<Duration>,
}

impl VirtualClock {
    pub(super) fn start() -> Self {
        Self { began: Instant::now(), jumped: Mutex::default() }
    }

    /// How much wall-clock time has passed since the world began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed() + *self.jumped.lock().unwrap()
    }

    /// The wall clock moves on, timers do not.
    pub fn jump(&self, by: Duration) {
        *self.jumped.lock().unwrap() += by;
    }

    /// What a wall clock that shows so much since the world's beginning shows.
    #[must_use]
    pub fn at(elapsed: Duration) -> Timestamp {
        Timestamp::from_millisecond(BEGINNING).unwrap() + elapsed
    }
}

/// The clock of a deployer that is wrong: ahead of the world's by so much, or behind it.
pub struct WrongClock {
    /// The right one.
    pub clock: Arc<dyn Clock>,
    /// How much it is ahead of that.
    pub ahead: SignedDuration,
}

#[async_trait]
impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        self.clock.now() + self.ahead
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Self::at(self.elapsed())
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
