//! The wall clock of a world: tokio's paused time, so that waiting costs nothing, plus jumps.
//!
//! A frozen process meets a jump when it thaws: the wall clock has moved on, its timers have not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use deployer_engine::port::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The time at which every world begins: 2026-11-01T10:00:00.250Z. It is not a whole second, because S3's times hardly
/// ever are, while EventBridge's always are.
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

    /// Returns the wall-clock time that has passed since the world began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed() + *self.jumped.lock().unwrap()
    }

    /// Moves the wall clock on, without the timers.
    pub fn jump(&self, by: Duration) {
        *self.jumped.lock().unwrap() += by;
    }

    /// Returns the wall clock's time after so much has passed since the world began.
    #[must_use]
    pub fn at(elapsed: Duration) -> Timestamp {
        Timestamp::from_millisecond(BEGINNING).unwrap() + elapsed
    }
}

/// A deployer's clock that is wrong: ahead of the world's, or behind it.
pub struct WrongClock {
    /// The right clock.
    pub clock: Arc<dyn Clock>,
    /// The time by which it is ahead of the right one.
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
