//! Rollouts under seeded traffic: how many good releases the guard stops, which bad ones it catches, and when.
//!
//! Each look has the minutes that are older than CloudWatch's delay. A step that is quiet at its end is lengthened once.

use std::fmt::Write as _;

use super::*;

/// Minutes after which a minute's counts are complete.
const DELAY: usize = 2;
/// Ten percent for ten minutes: the default.
const DEFAULT: &[(u8, usize)] = &[(10, 10)];
/// All at once: only the watch.
const AT_ONCE: &[(u8, usize)] = &[];
/// Ten percent, then half, ten minutes each.
const TWO_STEPS: &[(u8, usize)] = &[(10, 10), (50, 10)];
const WATCH: usize = 10;

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
struct Rates {
    old: f64,
    new: f64,
}

/// The disturbance of both versions beside the rollout.
#[derive(Clone, Copy, PartialEq)]
enum Weather {
    Calm,
    /// One minute of twenty has ten times the errors.
    Bursts,
    /// From this minute on, five minutes fail to 30 %.
    Outage(usize),
}

#[derive(Clone)]
struct Scenario {
    name: &'static str,
    per_minute: u32,
    targets: Vec<Rates>,
    weather: Weather,
    steps: &'static [(u8, usize)],
    sums_steps: bool,
}

/// The end of a rollout.
struct Ended {
    /// The minute of the look that stopped it.
    stopped: Option<usize>,
    /// Whether only the test over all targets stopped it.
    only_together: bool,
    minutes: usize,
    unproven: bool,
    /// The errors of the new version by then.
    failed: u64,
}

impl Scenario {
    fn of(name: &'static str, per_minute: u32, targets: usize, old: f64, new: f64) -> Self {
        let targets = vec![Rates { old, new }; targets];
        Self { name, per_minute, targets, weather: Weather::Calm, steps: TWO_STEPS, sums_steps: false }
    }

    fn rate(&self, rate: f64, minute: usize, burst: bool) -> f64 {
        match self.weather {
            Weather::Bursts if burst => (rate * 10.0).min(1.0),
            Weather::Outage(from) if (from..from + 5).contains(&minute) => rate.max(0.3),
            Weather::Calm | Weather::Bursts | Weather::Outage(_) => rate,
        }
    }

    fn play(&self, seed: u64) -> Ended {
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
            let judgement = judge(&looks, RELEASES, &Guard::default());
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
            (stage, since, lengthened) = (stage + 1, minutes, false);
            if stage > self.steps.len() {
                return Ended { stopped: None, only_together: false, minutes, unproven, failed };
            }
        }
        unreachable!("a rollout ends")
    }
}

/// The measurements of many rollouts of one scenario.
struct Measured {
    stopped: f64,
    only_together: f64,
    failed: u64,
    median: Option<usize>,
    late: Option<usize>,
    unproven: f64,
    minutes: f64,
}

fn measure(scenario: &Scenario, rollouts: u64) -> Measured {
    let ended: Vec<Ended> = (0..rollouts).map(|seed| scenario.play(seed * 7_919 + 1)).collect();
    let share = |of: fn(&Ended) -> bool| ended.iter().filter(|one| of(one)).count() as f64 / rollouts as f64 * 100.0;
    let mut stopped: Vec<usize> = ended.iter().filter_map(|one| one.stopped).collect();
    stopped.sort_unstable();
    let mut failed: Vec<u64> = ended.iter().map(|one| one.failed).collect();
    failed.sort_unstable();
    Measured {
        stopped: share(|one| one.stopped.is_some()),
        only_together: share(|one| one.stopped.is_some() && one.only_together),
        failed: failed[failed.len() / 2],
        median: stopped.get(stopped.len() / 2).copied(),
        late: stopped.get(stopped.len() * 9 / 10).copied(),
        unproven: share(|one| one.unproven),
        minutes: ended.iter().map(|one| one.minutes as f64).sum::<f64>() / rollouts as f64,
    }
}

fn table(scenarios: &[Scenario], rollouts: u64) -> String {
    let mut text = String::from(
        "| releases | steps | rollouts | stopped % | by the test over targets only % | median minute | 90 % by | failed by then, median | unproven % | mean length |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for scenario in scenarios {
        let rollouts = if scenario.targets.len() > 1 { rollouts / 3 } else { rollouts };
        let Measured { stopped, only_together, failed, median, late, unproven, minutes } = measure(scenario, rollouts);
        let weights: Vec<String> = scenario.steps.iter().map(|(weight, _)| format!("{weight} %")).collect();
        let minute = |minute: Option<usize>| minute.map_or("–".to_owned(), |minute| minute.to_string());
        let _infallible = writeln!(
            text,
            "| {} | {} | {rollouts} | {stopped:.1} | {only_together:.1} | {} | {} | {failed} | {unproven:.0} | {minutes:.0} |",
            scenario.name,
            if weights.is_empty() { "none".to_owned() } else { weights.join(", ") },
            minute(median),
            minute(late)
        );
    }
    text
}

fn good() -> Vec<Scenario> {
    let mixed = |name| {
        let mut scenario = Scenario::of(name, 20, 20, 0.0, 0.0);
        for (number, rates) in scenario.targets.iter_mut().enumerate() {
            let rate = [0.001, 0.01, 0.05, 0.1, 0.3][number % 5];
            *rates = Rates { old: rate, new: rate };
        }
        scenario
    };
    let one = |name, rate| Scenario::of(name, 100, 1, rate, rate);
    let twenty = |name, rate| Scenario::of(name, 20, 20, rate, rate);
    vec![
        one("1 %, 100/min", 0.01),
        one("5 %, 100/min", 0.05),
        one("30 %, 100/min", 0.3),
        twenty("1 %, 20 targets at 20/min", 0.01),
        twenty("5 %, 20 targets at 20/min", 0.05),
        twenty("30 %, 20 targets at 20/min", 0.3),
        mixed("0.1 to 30 %, 20 targets at 20/min"),
        Scenario { weather: Weather::Bursts, ..one("1 %, 100/min, bursts", 0.01) },
    ]
}

fn outages() -> Vec<Scenario> {
    let one = |name, at, sums_steps| Scenario {
        weather: Weather::Outage(at),
        sums_steps,
        ..Scenario::of(name, 100, 1, 0.01, 0.01)
    };
    vec![
        one("1 %, 100/min, both fail to 30 % for 5 min of step 1", 2, false),
        one("1 %, 100/min, both fail to 30 % for 5 min of step 2", 12, false),
        one("the same, steps summed up", 12, true),
        one("1 %, 100/min, fails to 30 % for 5 min of the watch", 22, false),
    ]
}

fn bad() -> Vec<Scenario> {
    vec![
        Scenario::of("always, 100/min", 100, 1, 0.01, 1.0),
        Scenario::of("always, 10/min", 10, 1, 0.01, 1.0),
        Scenario::of("always, 5/min", 5, 1, 0.01, 1.0),
        Scenario::of("always, 2/min", 2, 1, 0.01, 1.0),
        Scenario::of("20 % against 1 %, 20/min", 20, 1, 0.01, 0.2),
        Scenario::of("5 % against 1 %, 100/min", 100, 1, 0.01, 0.05),
        Scenario::of("5 % against 1 %, 20 targets at 5/min", 5, 20, 0.01, 0.05),
        Scenario::of("10 % against 5 %, 100/min", 100, 1, 0.05, 0.1),
        Scenario::of("2 % against 1 %, 1000/min", 1_000, 1, 0.01, 0.02),
    ]
}

fn in_steps(steps: &'static [(u8, usize)], scenarios: Vec<Scenario>) -> Vec<Scenario> {
    scenarios.into_iter().map(|scenario| Scenario { steps, ..scenario }).collect()
}

#[test]
fn few_good_releases_are_stopped() {
    for scenario in good().into_iter().filter(|scenario| scenario.targets.len() == 1) {
        let Measured { stopped, .. } = measure(&scenario, 60);
        assert!(stopped <= 3.4, "{}: {stopped} % of 60", scenario.name);
    }
    for scenario in good().into_iter().filter(|scenario| scenario.targets.len() > 1) {
        let Measured { stopped, .. } = measure(&Scenario { targets: scenario.targets[..10].to_vec(), ..scenario }, 5);
        assert!(stopped <= 0.0, "{stopped} % of 5");
    }
}

#[test]
fn dead_release_is_stopped_within_minutes() {
    let Measured { stopped, late, .. } = measure(&Scenario::of("always, 100/min", 100, 1, 0.01, 1.0), 40);
    assert_eq!(stopped, 100.0);
    assert!(late.unwrap() <= 2 + DELAY, "{late:?}");
    let Measured { stopped, late, .. } = measure(&Scenario::of("always, 10/min", 10, 1, 0.01, 1.0), 40);
    assert_eq!(stopped, 100.0);
    assert!(late.unwrap() <= 13 + DELAY, "{late:?}");
}

#[test]
fn release_that_fails_more_often_is_stopped_before_all_traffic_is_on_it() {
    let Measured { stopped, median, .. } = measure(&Scenario::of("20 % against 1 %, 20/min", 20, 1, 0.01, 0.2), 40);
    assert!(stopped >= 95.0 && median.unwrap() <= 15, "{stopped} % by {median:?}");
}

#[test]
fn outage_behind_both_versions_stops_no_rollout_before_its_watch() {
    for scenario in
        outages().into_iter().filter(|scenario| scenario.weather != Weather::Outage(22) && !scenario.sums_steps)
    {
        let Measured { stopped, .. } = measure(&scenario, 40);
        assert!(stopped <= 2.5, "{}: {stopped} %", scenario.name);
    }
}

/// Prints the tables of the documentation.
#[test]
#[ignore = "long: cargo verify"]
fn guard_catches_and_spares_as_the_tables_say() {
    println!("Good releases\n\n{}", table(&good(), 3_000));
    println!("{}", table(&in_steps(DEFAULT, good()), 3_000));
    println!("{}", table(&in_steps(AT_ONCE, good()), 600));
    println!("Outages\n\n{}", table(&outages(), 600));
    println!("Bad releases\n\n{}", table(&bad(), 600));
    println!("{}", table(&in_steps(DEFAULT, bad()), 600));
    println!("{}", table(&in_steps(AT_ONCE, bad()), 600));
    for scenario in good() {
        let Measured { stopped, .. } = measure(&scenario, 600);
        assert!(stopped <= 1.0, "{}: {stopped} %", scenario.name);
    }
}
