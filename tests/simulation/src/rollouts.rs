//! The rollouts of a scenario: their steps and waves, what people say about them, and the traffic that they share.
//!
//! Must not know how a rollout is played or judged.

use std::time::Duration;

use deployer_engine::port::CallErrorKind;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::commands::{CommandKind, Look, PlannedCommand};
use super::rollout_groups;
use super::scenario::{Fault, FaultKind, PlannedUpload, Scenario};
use super::taken_out::TakenOut;
use fixtures::random::Random;
use world::{Op, World};

/// The number of uploads that roll out: each takes an hour.
const MOST_UPLOADS: usize = 3;
/// The number of faults of looks and smoke tests.
const MOST_FAULTS: usize = 2;
/// The faults of looks and smoke tests.
const FAULTS: [(Op, FaultKind); 4] = [
    (Op::GetMetricData, FaultKind::Fails(CallErrorKind::Throttled)),
    (Op::GetMetricData, FaultKind::Fails(CallErrorKind::Unknown)),
    (Op::Invoke, FaultKind::LosesAnswer),
    (Op::Invoke, FaultKind::Fails(CallErrorKind::Throttled)),
];

/// The rollout of an environment.
#[derive(Debug, Clone)]
pub struct PlannedRollout {
    /// The steps: a share in percent, the time in minutes, and whether it pauses then.
    pub steps: Vec<(u8, u64, bool)>,
    /// The time with all traffic, in minutes.
    pub watch: u64,
    /// True if the first target is a wave of its own.
    pub in_waves: bool,
    /// The reaction to too few invocations.
    pub when_quiet: &'static str,
    /// The time after which a pause ends the rollout, in minutes.
    pub pause_expires: u64,
    /// The invocations of each function, per minute and target.
    pub per_minute: f64,
    /// The versions that fail, each with the share of its invocations.
    pub failing: Vec<(u64, f64)>,
    /// The time by which CloudWatch is late, in seconds.
    pub counts_come_after: i64,
    /// True if each version is tested before its first request.
    pub is_smoke_tested: bool,
}

impl PlannedRollout {
    fn draw(random: &mut Random) -> Self {
        let minutes = |random: &mut Random| random.one_of(&[3, 3, 5, 8]);
        let weights: &[u8] = [&[][..], &[10], &[10, 50], &[1, 30, 99]][random.index(4)];
        let step = |weight: &u8, random: &mut Random| (*weight, minutes(random), random.percent(12));
        let steps = weights.iter().map(|weight| step(weight, random)).collect();
        let mut failing = Vec::new();
        for version in 2..6 {
            if random.percent(20) {
                failing.push((version, random.one_of(&[0.2, 1.0])));
            }
        }
        Self {
            failing,
            steps,
            watch: minutes(random),
            in_waves: random.percent(50),
            when_quiet: random.one_of(&["proceed", "proceed", "pause", "fail"]),
            pause_expires: random.one_of(&[10, 30]),
            per_minute: random.one_of(&[0.0, 5.0, 100.0, 100.0]),
            counts_come_after: random.one_of(&[0, 60, 120, 180]),
            is_smoke_tested: random.percent(40),
        }
    }

    /// Returns it as in deployer.json.
    pub(super) fn json(&self) -> Value {
        let step = |(weight, minutes, pauses): &(u8, u64, bool)| match pauses {
            true => json!({"weight": weight, "for": format!("{minutes}m"), "then": "pause"}),
            false => json!({"weight": weight, "for": format!("{minutes}m")}),
        };
        let mut rollout = json!({
            "steps": self.steps.iter().map(step).collect::<Vec<_>>(),
            "watch": format!("{}m", self.watch),
            "waves": if self.in_waves { json!(["1", "100%"]) } else { json!(["100%"]) },
            "when_quiet": self.when_quiet,
            "pause_expires": format!("{}m", self.pause_expires),
        });
        if self.is_smoke_tested {
            rollout["smoke_test"] = json!({ "event": { "ping": true } });
        }
        rollout
    }
}

/// Gives every environment of a scenario a rollout, fewer uploads with more time between them, and people who say
/// something about the rollouts. The faults last as long as the first rollouts.
pub(super) fn add(random: &mut Random, scenario: &mut Scenario) {
    for environment in &mut scenario.environments {
        let mut rollout = PlannedRollout::draw(random);
        rollout.in_waves &= environment.targets.len() > 1;
        environment.rollout = Some(rollout);
    }
    if scenario.odds.groups {
        rollout_groups::add(random, scenario);
    } else {
        scenario.uploads.truncate(MOST_UPLOADS);
    }
    for number in 1..scenario.uploads.len() * usize::from(!scenario.odds.groups) {
        let later = random.within(&[20_000, 600_000, 1_800_000]);
        scenario.uploads[number..].iter_mut().for_each(|upload| upload.at += later);
    }
    scenario.commands = commands(random, scenario);
    let asked = scenario.requests.last().map_or(Duration::ZERO, |request| request.at);
    let last = scenario.uploads.last().map_or(Duration::ZERO, |upload| upload.at).max(asked);
    scenario.heals = last + random.within(&[300_000, 1_200_000, 2_700_000]);
    for _ in 0..random.count(0, MOST_FAULTS) {
        let (op, kind) = random.one_of(&FAULTS);
        // A rollout has a few tests, and looks as long as it lasts.
        let last = if op == Op::GetMetricData && random.percent(50) { 100 } else { 12 };
        let (call, times) = (random.count(1, last), random.one_of(&[1, 2, 20]));
        scenario.faults.push(Fault { op, call, times, kind });
    }
    scenario.taken_out = TakenOut::draw(scenario);
}

fn commands(random: &mut Random, scenario: &Scenario) -> Vec<PlannedCommand> {
    let mut all = Vec::new();
    if !random.percent(scenario.odds.commanded) {
        return all;
    }
    for _ in 0..random.count(1, scenario.odds.max_commands) {
        let (near, environment) = near(random, scenario);
        let action = random.one_of(&["pause", "continue", "continue", "finish", "finish", "abort"]);
        let kind = match random.below(100) {
            0..75 => CommandKind::Rollout { action },
            75..88 => CommandKind::Rollback { to: None },
            88..95 => CommandKind::Reject { release: near.release.clone() },
            _ => CommandKind::Redeploy,
        };
        let look = matches!(kind, CommandKind::Rollout { .. })
            .then(|| Look { before: random.within(&[10, 2_000, 300_000]), by_release: false });
        let planned = PlannedCommand {
            at: near.at + random.within(&[3_000, 300_000, 1_500_000]),
            environment,
            function: near.function.clone(),
            kind,
            again: if random.percent(30) { vec![random.within(&[5_000, 300_000])] } else { vec![] },
            is_lost: random.percent(scenario.odds.loss),
            look,
        };
        // Somebody changes their mind.
        if planned.kind == (CommandKind::Rollout { action: "finish" }) && random.percent(50) {
            let (at, kind) = (planned.at + random.within(&[3_000, 120_000]), CommandKind::Rollout { action: "abort" });
            all.push(PlannedCommand { at, kind, again: vec![], ..planned.clone() });
        }
        all.push(planned);
    }
    all.sort_by_key(|command| command.at);
    all
}

/// Draws an upload, and the environment in which it rolls out. A group rolls out after its request.
fn near(random: &mut Random, scenario: &Scenario) -> (PlannedUpload, usize) {
    let near = scenario.uploads[random.index(scenario.uploads.len())].clone();
    match scenario.requests.iter().find(|request| request.at > near.at) {
        Some(request) => (PlannedUpload { at: request.at, ..near }, scenario.environments.len() - 1),
        None => {
            let environment = near.environment;
            (near, environment)
        }
    }
}

/// Returns the share of its invocations in which a version of a function fails; none if it does not. Of a group it is one
/// function whose version fails.
pub(super) fn failing_share(
    scenario: &Scenario,
    rollout: &PlannedRollout,
    (function, version): (&str, u64),
) -> Option<f64> {
    let number = usize::try_from(version).unwrap_or_default() % scenario.functions.len();
    let may_fail = !scenario.odds.groups || scenario.functions[number] == function;
    let (_, share) = rollout.failing.iter().find(|(failing, _)| *failing == version && may_fail)?;
    Some(*share)
}

/// Lets the functions be called, and some of their versions fail.
pub(super) fn call_functions(scenario: &Scenario, world: &World) {
    for environment in &scenario.environments {
        let Some(rollout) = &environment.rollout else { continue };
        world.aws(|aws| {
            for place in &environment.targets {
                let monitoring = &mut aws.at(place).monitoring;
                monitoring.metrics_come_after = SignedDuration::from_secs(rollout.counts_come_after);
                for function in &scenario.functions {
                    monitoring.called(function, "live", rollout.per_minute);
                    for (version, _) in &rollout.failing {
                        if let Some(share) = failing_share(scenario, rollout, (function, *version)) {
                            monitoring.fails(function, *version, share);
                        }
                    }
                }
            }
        });
    }
}
