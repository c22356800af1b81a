//! One rollout under seeded traffic, looked at each minute as the deployer does.
//!
//! Each look has the minutes that are older than CloudWatch's delay. A step that is quiet at its end is lengthened once.

use deployer_core::config::Target;
use deployer_core::config::rollout::Guard;
use deployer_core::id::{AccountId, Region};
use deployer_core::rollout::guard::{Comparison, Counts, Evidence, Look, Releases, Verdict, judge};

/// Minutes after which a minute's counts are complete.
pub const DELAY: usize = 2;
const WATCH: usize = 10;
const RELEASES: Releases<'static> = Releases { new: "1.4.3", old: "1.4.2" };

/// A random number generator (SplitMix64).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Draws the invocations and errors of a minute: each invocation goes to the new version with probability `weight`.
    fn minute(&mut self, per_minute: u32, weight: f64, old: f64, new: f64) -> Comparison {
        let mut counts = [(0, 0), (0, 0)];
        for _ in 0..per_minute {
            let is_new = self.next() < weight;
            let fails = self.next() < if is_new { new } else { old };
            let count = &mut counts[usize::from(is_new)];
            count.0 += 1;
            count.1 += u64::from(fails);
        }
        let [old, new] = counts.map(|(invocations, errors)| Counts::of(invocations, errors));
        Comparison { new, old }
    }
}

/// The error rates of a target's versions.
#[derive(Clone, Copy)]
pub struct Rates {
    /// The old version's.
    pub old: f64,
    /// The new version's.
    pub new: f64,
}

/// The disturbance of both versions beside the rollout.
#[derive(Clone, Copy, PartialEq)]
pub enum Weather {
    /// None.
    Calm,
    /// One minute of twenty has ten times the errors.
    Bursts,
    /// From this minute on, five minutes fail to 30 %.
    Outage(usize),
}

/// The way on where a step is still quiet after it was lengthened.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum WhenQuiet {
    /// The rollout goes on, unproven.
    Proceed,
    /// The rollout waits for a person: it ends here.
    Pause,
    /// The rollout goes back: it ends here.
    Fail,
}

/// A rollout and its traffic.
#[derive(Clone)]
pub struct Scenario {
    /// Its name in a table.
    pub name: &'static str,
    /// The invocations of each target in a minute.
    pub per_minute: u32,
    /// The targets.
    pub targets: Vec<Rates>,
    /// The disturbance.
    pub weather: Weather,
    /// The steps: a share in percent, and its minutes. The watch follows.
    pub steps: &'static [(u8, usize)],
    /// True if the steps are summed up before they are judged, as the guard must not do.
    pub sums_steps: bool,
    /// The guard's thresholds.
    pub guard: Guard,
    /// The way on where it stays quiet.
    pub when_quiet: WhenQuiet,
}

/// The end of a rollout.
pub struct Ended {
    /// The minute of the look that stopped it.
    pub stopped: Option<usize>,
    /// Whether only the test over all targets stopped it.
    pub only_together: bool,
    /// Its length.
    pub minutes: usize,
    /// Whether a step was quiet after it was lengthened.
    pub unproven: bool,
    /// The errors of the new version by then.
    pub failed: u64,
}

impl Scenario {
    /// Makes a rollout of some targets with the same error rates, in two steps.
    #[must_use]
    pub fn of(name: &'static str, per_minute: u32, targets: usize, old: f64, new: f64) -> Self {
        Self {
            name,
            per_minute,
            targets: vec![Rates { old, new }; targets],
            weather: Weather::Calm,
            steps: super::TWO_STEPS,
            sums_steps: false,
            guard: Guard::default(),
            when_quiet: WhenQuiet::Proceed,
        }
    }

    fn rate(&self, rate: f64, minute: usize, burst: bool) -> f64 {
        match self.weather {
            Weather::Bursts if burst => (rate * 10.0).min(1.0),
            Weather::Outage(from) if (from..from + 5).contains(&minute) => rate.max(0.3),
            Weather::Calm | Weather::Bursts | Weather::Outage(_) => rate,
        }
    }

    /// Plays it with this seed.
    #[must_use]
    pub fn play(&self, seed: u64) -> Ended {
        let mut rng = Rng(seed);
        let mut evidence: Vec<Evidence> = self
            .targets
            .iter()
            .map(|rates| Evidence {
                hour_before: rng.minute(self.per_minute * 60, 0.0, rates.old, 0.0).old,
                ..Evidence::default()
            })
            .collect();
        let (mut stage, mut since, mut lengthened, mut unproven) = (0, 0, false, false);
        let mut written: Vec<(u8, Vec<Comparison>)> = Vec::new();
        let mut failed = 0;
        for minute in 0.. {
            let (weight, lasts) = self.steps.get(stage).copied().unwrap_or((100, WATCH));
            let burst = rng.next() < 0.05;
            let counts = self.targets.iter().map(|rates| {
                let (old, new) = (self.rate(rates.old, minute, burst), self.rate(rates.new, minute, burst));
                rng.minute(self.per_minute, f64::from(weight) / 100.0, old, new)
            });
            written.push((weight, counts.collect()));
            failed += written[minute].1.iter().map(|counts| counts.new.errors()).sum::<u64>();
            // The look comes at the end of this minute.
            let Some((of, counts)) = (minute + 1).checked_sub(DELAY + 1).map(|at| &written[at]) else { continue };
            let step = if self.sums_steps { 0 } else { self.steps.iter().position(|step| step.0 == *of).unwrap_or(0) };
            for (evidence, counts) in evidence.iter_mut().zip(counts) {
                if *of == 100 {
                    evidence.alone = evidence.alone + counts.new;
                    evidence.minutes_alone += 1;
                } else {
                    evidence.steps.resize(evidence.steps.len().max(step + 1), Comparison::default());
                    evidence.steps[step] = evidence.steps[step] + *counts;
                }
            }
            let looks: Vec<Look> = evidence
                .iter()
                .zip(1..)
                .map(|(evidence, number)| Look {
                    target: target(number),
                    weight,
                    evidence: Ok(evidence.clone()),
                    unread: None,
                })
                .collect();
            let judgement = judge(&looks, RELEASES, &self.guard);
            let minutes = minute + 1;
            if judgement.verdict == Verdict::Bad {
                let only_together = judgement.targets.iter().all(|target| target.verdict != Verdict::Bad);
                return Ended { stopped: Some(minutes), only_together, minutes, unproven, failed };
            }
            if minutes < since + lasts * if lengthened { 2 } else { 1 } {
                continue;
            }
            if judgement.verdict == Verdict::Quiet && !lengthened {
                lengthened = true;
                continue;
            }
            unproven |= judgement.verdict == Verdict::Quiet;
            if judgement.verdict == Verdict::Quiet && self.when_quiet != WhenQuiet::Proceed {
                return Ended { stopped: None, only_together: false, minutes, unproven, failed };
            }
            (stage, since, lengthened) = (stage + 1, minutes, false);
            if stage > self.steps.len() {
                return Ended { stopped: None, only_together: false, minutes, unproven, failed };
            }
        }
        unreachable!("a rollout ends")
    }
}

fn target(number: u64) -> Target {
    Target { account: AccountId::parse(format!("{number:012}")).unwrap(), region: Region::parse("eu-west-1").unwrap() }
}
