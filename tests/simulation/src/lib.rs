//! The simulator plays schedules of a small world, each drawn from a seed, and checks invariants after each.
//!
//! A schedule has a few functions and environments, uploads whose events come several times, late and reordered, and
//! faults of many kinds ([`scenario`]). The runner plays it in the world fake on virtual time until the world heals and
//! comes to rest ([`runner`]). Then the oracles judge it ([`check_schedule`]). The same seed plays the same schedule.
//! Mutants ([`Mutant`]) prove that the oracles would notice a broken rule.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a mistake in a test ends the test")]

mod case;
mod check_schedule;
mod closed_accounts;
mod command_oracle;
mod commands;
mod draw;
mod event_oracle;
mod faulty_functions;
mod faulty_heads;
mod faulty_ports;
mod faulty_readers;
mod faulty_rollouts;
mod faulty_watches;
mod final_state;
mod focus;
mod foreign_changes;
mod format_oracle;
mod group_oracle;
mod incidents;
mod journal_replay;
mod live_oracle;
mod look_oracle;
mod mutants;
mod precondition_oracle;
mod promotion_oracle;
mod promotion_rules;
mod reasons;
mod requests;
mod retention;
mod rollback_oracle;
mod rollout_groups;
mod rollout_oracle;
mod rollouts;
mod rule;
mod runner;
mod scenario;
mod setup;
mod smoke_oracle;
mod taken_out;
mod tally;
mod timeline;
mod traffic_oracle;
mod upload_order;
mod versions;
mod write_order;
mod zips;

use std::time::Duration;

use deployer_engine::Ports;

pub use focus::Focus;
pub use mutants::Mutant;
pub use rule::{Rule, Violation};
pub use tally::Tally;

use faulty_readers::SharedPast;
use fixtures::random::Random;
use runner::Runner;
use scenario::Scenario;
use versions::Versions;
use world::journal::Action;
use world::{Outcome, PortDecorator};

/// The result of a schedule.
#[derive(Debug, Clone)]
pub struct ScheduleResult {
    /// Its seed.
    pub seed: u64,
    /// Its focus.
    pub focus: Focus,
    /// Counts of what happened in it.
    pub tally: Tally,
    /// The broken rules.
    pub violations: Vec<Violation>,
    /// The events and calls of the schedule, line by line; empty unless it was played for its log.
    pub log: Vec<String>,
}

/// Plays the schedule of a seed, with a mutant or without.
///
/// # Panics
/// If no runtime can be made.
#[must_use]
pub fn play(seed: u64, mutant: Option<Mutant>) -> ScheduleResult {
    run(seed, mutant, None, false)
}

/// Plays the schedule of a seed with this focus, whatever focus the seed or the mutant has.
///
/// # Panics
/// If no runtime can be made.
#[must_use]
pub fn play_as(seed: u64, mutant: Option<Mutant>, focus: Focus) -> ScheduleResult {
    run(seed, mutant, Some(focus), false)
}

/// Plays the schedule of a seed through all faulty ports, none of which does anything wrong. A broken rule is then the
/// fault of the ports themselves.
///
/// # Panics
/// If no runtime can be made.
#[must_use]
pub fn play_with_neutral_ports(seed: u64) -> ScheduleResult {
    runtime().block_on(play_and_check(seed, (None, None), Some(with_past(mutants::decorate_neutrally)), false))
}

/// Plays the schedule of a seed, with a mutant or without, and keeps the log. A focus replaces that of the seed or the
/// mutant.
///
/// # Panics
/// If no runtime can be made.
#[must_use]
pub fn replay(seed: u64, mutant: Option<Mutant>, focus: Option<Focus>) -> ScheduleResult {
    run(seed, mutant, focus, true)
}

/// Returns the command that plays a schedule again and prints its log.
#[must_use]
pub fn command(played: &ScheduleResult, mutant: Option<Mutant>) -> String {
    let mut command = format!("cargo simulate --seed {}", played.seed);
    if mutant.and_then(Mutant::focus).unwrap_or(Focus::of(played.seed)) != played.focus {
        command += &format!(" --focus {}", played.focus.name());
    }
    if let Some(mutant) = mutant {
        command += &format!(" --planted {mutant}");
    }
    command
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// Returns a decorator of ports that shares the past of this one schedule among all invocations.
fn with_past(decorate: impl Fn(Ports, &SharedPast) -> Ports + Send + Sync + 'static) -> PortDecorator {
    let past = SharedPast::default();
    Box::new(move |ports| decorate(ports, &past))
}

fn run(seed: u64, mutant: Option<Mutant>, focus: Option<Focus>, verbose: bool) -> ScheduleResult {
    let decorate = mutant.map(|mutant| with_past(move |ports, past| mutant.decorate(ports, past)));
    runtime().block_on(play_and_check(seed, (mutant, focus), decorate, verbose))
}

async fn play_and_check(
    seed: u64,
    (mutant, focus): (Option<Mutant>, Option<Focus>),
    decorate: Option<PortDecorator>,
    verbose: bool,
) -> ScheduleResult {
    let mut random = Random::new(seed);
    let focus = focus.or(mutant.and_then(Mutant::focus)).unwrap_or(Focus::of(seed));
    let scenario = Scenario::of(&mut random, focus);
    let mut world = setup::world(&scenario, &mut random);
    let versions = scenario.versions.map(|raises| Versions::new(raises, &mut random));
    world.decorate_ports = match versions.clone() {
        None => decorate,
        // A mutant stands between the engine and the ports of either version.
        Some(versions) => Some(Box::new(move |ports| {
            let ports = versions.next(ports);
            decorate.as_ref().map_or_else(|| ports.clone(), |decorate| decorate(ports.clone()))
        })),
    };
    let mut runner = Runner::new(&world, &scenario, &mut random, mutant);
    runner.versions = versions;
    runner.notes = verbose.then(Vec::new);
    runner.run().await;
    if !runner.never_ends {
        runner.expire_markers().await;
    }
    let journal = world.aws(|aws| std::mem::take(&mut aws.journal));
    let check_schedule::Findings { found: mut violations, accepted, promoted } =
        check_schedule::check(&runner, &journal);
    runner.tally.promoted = promoted;
    if violations.is_empty() {
        // A snapshot is slow. The journal has every lasting write; the snapshot checks now and then that it does.
        let snapshot = seed.is_multiple_of(32).then(|| world.snapshot());
        let outcomes = runner.repeat_everything(&accepted).await;
        let mut report = |found| violations.push(Violation { rule: Rule::RepeatChangesNothing, found });
        for (number, outcome) in outcomes.uploads {
            let ended = |record: &deployer_core::record::DeploymentRecord| record.status.is_ended();
            if !matches!(&outcome, Outcome::EventOutcome(deployer_engine::EventOutcome::Recorded(record)) if ended(record))
            {
                report(format!("upload {number} once more ended otherwise: {outcome:?}"));
            }
        }
        for (number, before, outcome) in outcomes.commands {
            let is_invalid = |error_type: &str| {
                matches!(error_type, "InvalidCommand" | "UnknownRelease" | "NotPromotable" | "Refused")
            };
            let is_invalid = matches!(&outcome, Outcome::Refused { error_type, .. } if is_invalid(error_type));
            if is_invalid && runner.has_used_up_id(number) {
                continue;
            }
            if !matches!(&outcome, Outcome::Answered(answer) if before.is_none_or(|before| *answer == before)) {
                report(format!("{} once more ended otherwise: {outcome:?}", commands::name(number)));
            }
        }
        for (number, before, outcome) in outcomes.requests {
            let same = |now: &deployer_core::record::DeploymentRecord| now.id == before.id && now.status.is_ended();
            if !matches!(&outcome, Outcome::EventOutcome(deployer_engine::EventOutcome::Recorded(now)) if same(now)) {
                report(format!("{} once more ended otherwise: {outcome:?}", requests::name(number)));
            }
        }
        for entry in world.aws(|aws| aws.journal.clone()).into_iter().filter(|entry| entry.action != Action::Read) {
            let what = match entry.action {
                Action::Wrote(_) => "Wrote".to_owned(),
                other => format!("{other:?}"),
            };
            report(format!("the same again did {what} to {} in {}", entry.object, entry.place));
        }
        if snapshot.is_some_and(|before| before != world.snapshot()) {
            report("the same again changed something".to_owned());
        }
    }
    let log = runner.notes.take().map(|notes| log(&world, focus, &scenario, notes)).unwrap_or_default();
    ScheduleResult { seed, focus, tally: runner.tally, violations, log }
}

fn log(world: &world::World, focus: Focus, scenario: &Scenario, notes: Vec<(Duration, String)>) -> Vec<String> {
    let mut lines: Vec<(Duration, String)> = notes;
    lines.extend(world.calls().into_iter().map(|call| {
        let took = call.ended.map_or("-".to_owned(), |ended| format!("{:.3}", (ended - call.began).as_secs_f64()));
        let answer = if call.answer.is_empty() { "no answer" } else { &call.answer };
        (call.began, format!("  [{}] {} {} {} ({took} s): {answer}", call.invocation, call.op, call.place, call.what))
    }));
    lines.sort_by_key(|(at, _)| *at);
    let mut log = vec![format!(
        "focus {focus:?}, {} s for each invocation, updates take {:?}, two versions: {:?}",
        scenario.time.as_secs(),
        scenario.settling,
        scenario.versions
    )];
    log.extend(scenario.taken_out.iter().map(|taken| format!("{taken:?}")));
    log.extend(scenario.closed.iter().map(|closed| format!("closed {closed:?}")));
    log.extend(scenario.provisioned.iter().map(|one| format!("provisioned {one:?}")));
    log.extend(scenario.faults.iter().map(|fault| format!("fault {fault:?}")));
    log.extend(
        scenario.commands.iter().enumerate().map(|(number, command)| format!("{} {command:?}", commands::name(number))),
    );
    log.extend(scenario.foreign_changes.iter().map(|foreign| format!("foreigner {foreign:?}")));
    log.extend(lines.into_iter().map(|(at, text)| format!("{:9.3} {text}", at.as_secs_f64())));
    log
}
