//! The plan of one rollout: its waves and steps as they were when it began. A changed configuration counts from the next
//! deployment on.

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::config::Target;
use crate::config::rollout::{
    AlarmName, AlreadyAlarming, Guard, OnNewer, Rollout, SHORTEST_STEP, SHORTEST_WATCH, SmokeTest, Then, WhenQuiet,
};

/// The waves and steps of one rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutPlan {
    /// The targets of each wave; none is empty.
    pub waves: Vec<Vec<Target>>,
    /// The steps before all traffic.
    pub steps: Vec<PlannedStep>,
    /// The time with all traffic, in seconds.
    pub watch_seconds: u32,
    /// The shortest time of the watch, in seconds: what an invocation may take, and the shortest watch beyond it.
    #[serde(default = "shortest_watch_seconds")]
    pub shortest_seconds: u32,
    /// The reaction to a step with too few invocations.
    pub when_quiet: WhenQuiet,
    /// The time after which a pause ends the rollout, in seconds.
    pub pause_seconds: u32,
    /// The thresholds of the guard.
    pub guard: Guard,
    /// The alarms that take it back, in each target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmName>,
    /// The treatment of an alarm that fires before it begins.
    pub already_alarming: AlreadyAlarming,
    /// The effect of a newer request.
    pub on_newer: OnNewer,
    /// The smoke tests of each new version: the release's own, else the environment's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub smoke_tests: Vec<SmokeTest>,
}

/// The shortest time of the watch where a head does not say it.
fn shortest_watch_seconds() -> u32 {
    u32::try_from(SHORTEST_WATCH.as_secs()).unwrap_or(u32::MAX)
}

/// A step of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The new version's share of the traffic, in percent.
    pub weight: u8,
    /// The time for which it lasts, in seconds.
    pub seconds: u32,
    /// The action after the step; none: the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Then>,
}

impl RolloutPlan {
    /// Plans a rollout to these targets, of a function with this timeout.
    ///
    /// CloudWatch counts an error in the minute in which the invocation began. So each step lasts at least as long as an
    /// invocation may take, and the shortest step beyond it; the watch likewise.
    #[must_use]
    pub fn of(rollout: &Rollout, targets: &[Target], timeout: Duration) -> Self {
        let seconds = |lasts: Duration, shortest: Duration| {
            u32::try_from(lasts.max(shortest.saturating_add(timeout)).as_secs()).unwrap_or(u32::MAX)
        };
        let begun = rollout.begun_by_wave(targets.len());
        let begins = [0].into_iter().chain(begun.iter().copied());
        let steps = rollout.steps.iter().map(|step| PlannedStep {
            weight: step.weight,
            seconds: seconds(step.lasts.as_duration(), SHORTEST_STEP),
            then: step.then,
        });
        Self {
            waves: begins.zip(&begun).map(|(begin, end)| targets[begin..*end].to_vec()).collect(),
            steps: steps.collect(),
            watch_seconds: seconds(rollout.watch.as_duration(), SHORTEST_WATCH),
            shortest_seconds: seconds(Duration::ZERO, SHORTEST_WATCH),
            when_quiet: rollout.when_quiet,
            pause_seconds: u32::try_from(rollout.pause_expires.as_duration().as_secs()).unwrap_or(u32::MAX),
            guard: rollout.guard.clone(),
            alarms: rollout.alarms.clone(),
            already_alarming: rollout.already_alarming,
            on_newer: rollout.on_newer,
            smoke_tests: rollout.smoke_tests.clone(),
        }
    }

    /// Returns the weight of a step of a wave in percent: 100 after the last.
    #[must_use]
    pub fn weight(&self, step: usize) -> u8 {
        self.steps.get(step).map_or(100, |step| step.weight)
    }

    /// Returns the time of a step of a wave; after the last it is that of the watch.
    #[must_use]
    pub fn lasts(&self, step: usize) -> SignedDuration {
        SignedDuration::from_secs(self.steps.get(step).map_or(self.watch_seconds, |step| step.seconds).into())
    }

    /// Whether the rollout pauses at the end of this step.
    #[must_use]
    pub fn pauses_after(&self, step: usize) -> bool {
        self.steps.get(step).is_some_and(|step| step.then == Some(Then::Pause))
    }

    /// Returns the time of all waves. Pauses and lengthened steps come on top.
    #[must_use]
    pub fn length(&self) -> SignedDuration {
        let wave: u64 = (0..=self.steps.len()).map(|step| self.lasts(step).as_secs().unsigned_abs()).sum();
        let all = wave.saturating_mul(self.waves.len() as u64);
        SignedDuration::from_secs(i64::try_from(all).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::rollout::Placement;
    use crate::id::{AccountId, Region};
    use serde_json::{Value, json};

    fn targets(count: usize) -> Vec<Target> {
        let target = |number: usize| Target {
            account: AccountId::parse(format!("{number:012}")).unwrap(),
            region: Region::parse("eu-west-1").unwrap(),
        };
        (1..=count).map(target).collect()
    }

    fn plan(rollout: Value, count: usize, timeout: u64) -> RolloutPlan {
        let placement = Placement { targets: count, queue_url: Some("https://queue") };
        RolloutPlan::of(&Rollout::parse(&rollout, placement).unwrap(), &targets(count), Duration::from_secs(timeout))
    }

    #[test]
    fn waves_have_the_targets_in_the_order_of_the_file() {
        let plan = plan(json!({ "waves": ["1", "10%", "100%"] }), 20, 3);
        assert_eq!(plan.waves.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 18]);
        assert_eq!(plan.waves.concat(), targets(20));
        assert_eq!(plan.length(), SignedDuration::from_mins(3 * 20));
    }

    #[test]
    fn step_lasts_at_least_the_timeout_and_three_minutes_and_the_watch_eight() {
        let rollout =
            json!({ "steps": [{ "weight": 10, "for": "3m" }, { "weight": 50, "for": "1h" }], "watch": "10m" });
        let plan = plan(rollout, 1, 900);
        assert_eq!(plan.steps.iter().map(|step| step.seconds).collect::<Vec<_>>(), [18 * 60, 3_600]);
        assert_eq!((plan.watch_seconds, plan.shortest_seconds), (23 * 60, 23 * 60));
        assert_eq!(plan.length(), SignedDuration::from_mins(18 + 60 + 23));
    }

    #[test]
    fn all_at_once_is_watched_only() {
        let plan = plan(json!({ "steps": [] }), 1, 3);
        assert_eq!((plan.weight(0), plan.lasts(0)), (100, SignedDuration::from_mins(10)));
        assert!(!plan.pauses_after(0));
    }

    #[test]
    fn plan_is_read_as_it_was_written() {
        let plan = plan(
            json!({
                "steps": [{ "weight": 10, "for": "10m", "then": "pause" }], "when_quiet": "fail", "alarms": ["a"],
                "guard": { "errors": 7, "significance": 0.001 }, "on_newer": "replace", "already_alarming": "refuse",
                "smoke_test": { "event": { "ping": true }, "timeout": "5s" }
            }),
            2,
            3,
        );
        let written = serde_json::to_value(&plan).unwrap();
        assert_eq!(written["steps"], json!([{ "weight": 10, "seconds": 600, "then": "pause" }]));
        assert_eq!(serde_json::from_value::<RolloutPlan>(written).unwrap(), plan);
    }
}
