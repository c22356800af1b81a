//! Decides when the log tells that AWS throttles a call: a wait is visible without a line for each of its pauses.

use std::time::Duration;

use jiff::Timestamp;

/// The time for which a call is throttled before the first line.
const TOLD_AFTER: Duration = Duration::from_secs(3);
/// The time between two lines about the same call.
const TOLD_EVERY: Duration = Duration::from_secs(30);

/// The lines about one call.
#[derive(Debug)]
pub struct ThrottleNotice {
    since: Timestamp,
    told: Option<Timestamp>,
}

impl ThrottleNotice {
    /// Begins with the first attempt of the call. The SDK's own attempts count too.
    #[must_use]
    pub fn of_call_since(since: Timestamp) -> Self {
        Self { since, told: None }
    }

    /// Returns the time of the first attempt.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Returns how long the call has been tried, if the log is to tell it now.
    pub fn due(&mut self, now: Timestamp) -> Option<Duration> {
        let passed = |since: Timestamp| Duration::try_from(now.duration_since(since)).unwrap_or_default();
        let is_due = match self.told {
            None => passed(self.since) >= TOLD_AFTER,
            Some(told) => passed(told) >= TOLD_EVERY,
        };
        is_due.then(|| {
            self.told = Some(now);
            passed(self.since)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttled_call_is_told_after_three_seconds_and_then_every_thirty() {
        let second = |second| Timestamp::from_second(second).unwrap();
        let mut notice = ThrottleNotice::of_call_since(second(100));
        let told: Vec<u64> = (100..=170).filter_map(|now| Some(notice.due(second(now))?.as_secs())).collect();
        assert_eq!(told, [3, 33, 63]);
    }
}
