//! The simulator: whole lives of a small world, each made from a seed, and what must be so after every one of them.
//!
//! A schedule has a few functions and environments, uploads whose events come several times, late and reordered, and
//! all that can go wrong ([`scene`]); it is played in the world fake on virtual time ([`stage`]), until the world heals
//! and comes to rest, and judged ([`judge`]). The same seed plays the same schedule. That the judge would notice is
//! proved by planted bugs ([`Planted`]).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a mistake in a test ends the test")]

mod bytes;
mod case;
mod closed_accounts;
mod command_oracle;
mod deeds;
mod draw;
mod faulty_functions;
mod faulty_heads;
mod focus;
mod foreign;
mod format_oracle;
mod group_oracle;
mod heard;
mod incidents;
mod journey;
mod judge;
mod kept;
mod live_oracle;
mod misleading;
mod newest_serves;
mod order;
mod orders;
mod passage;
mod planted;
mod precondition_oracle;
mod props;
mod reasons;
mod requests;
mod rollback_oracle;
mod rules;
mod sabotage;
mod scene;
mod stage;
mod story;
mod tally;
mod traffic_oracle;
mod versions;
mod violation;

use std::time::Duration;

use deployer_engine::Ports;

pub use focus::Focus;
pub use planted::Planted;
pub use tally::Tally;
pub use violation::{Rule, Violation};

use fixtures::random::Random;
use misleading::Past;
use scene::Scene;
use stage::Stage;
use versions::Versions;
use world::journal::Action;
use world::{Between, Outcome};

/// What came of a schedule.
#[derive(Debug, Clone)]
pub struct Played {
    /// Its seed.
    pub seed: u64,
    /// What was in it.
    pub tally: Tally,
    /// What was wrong.
    pub violations: Vec<Violation>,
    /// What happened, line by line, where that was asked for.
    pub log: Vec<String>,
}

/// Plays the schedule of a seed, with a planted bug or without.
///
/// # Panics
/// If no runtime can be had.
#[must_use]
pub fn play(seed: u64, planted: Option<Planted>) -> Played {
    run(seed, planted, None, false)
}

/// Plays the schedule of a seed as one of another kind than its own, or than a planted bug asks for.
///
/// # Panics
/// If no runtime can be had.
#[must_use]
pub fn play_as(seed: u64, planted: Option<Planted>, focus: Focus) -> Played {
    run(seed, planted, Some(focus), false)
}

/// Plays the schedule of a seed through all that planted bugs are made with, but without a bug: whatever it breaks is
/// broken by the tools.
///
/// # Panics
/// If no runtime can be had.
#[must_use]
pub fn play_without_a_bug(seed: u64) -> Played {
    runtime().block_on(live(seed, (None, None), Some(through(planted::none)), false))
}

/// The same, with its log.
///
/// # Panics
/// If no runtime can be had.
#[must_use]
pub fn replay(seed: u64, planted: Option<Planted>) -> Played {
    run(seed, planted, None, true)
}

/// The command that plays a schedule once more, with its log.
#[must_use]
pub fn command(seed: u64, planted: Option<Planted>) -> String {
    let planted = planted.map(|planted| format!(" --planted {planted}")).unwrap_or_default();
    format!("cargo simulate --seed {seed}{planted}")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// What stands between the engine and its ports, with the past of this one schedule.
fn through(between: impl Fn(Ports, &Past) -> Ports + Send + Sync + 'static) -> Between {
    let past = Past::default();
    Box::new(move |ports| between(ports, &past))
}

fn run(seed: u64, planted: Option<Planted>, focus: Option<Focus>, verbose: bool) -> Played {
    let between = planted.map(|planted| through(move |ports, past| planted.between(ports, past)));
    runtime().block_on(live(seed, (planted, focus), between, verbose))
}

async fn live(
    seed: u64,
    (planted, focus): (Option<Planted>, Option<Focus>),
    between: Option<Between>,
    verbose: bool,
) -> Played {
    let mut random = Random::new(seed);
    let focus = focus.or(planted.and_then(Planted::focus)).unwrap_or(Focus::of(seed));
    let scene = Scene::of(&mut random, focus);
    let mut world = props::world(&scene, &mut random);
    let versions = scene.versions.map(|raises| Versions::new(raises, &mut random));
    world.between = match versions.clone() {
        None => between,
        // A planted bug stands before either version.
        Some(versions) => Some(Box::new(move |ports| {
            let ports = versions.next(ports);
            between.as_ref().map_or_else(|| ports.clone(), |between| between(ports.clone()))
        })),
    };
    let mut stage = Stage::new(&world, &scene, &mut random, planted);
    stage.versions = versions;
    stage.notes = verbose.then(Vec::new);
    stage.play().await;
    if !stage.never_ends {
        stage.clear_away().await;
    }
    let journal = world.aws(|aws| std::mem::take(&mut aws.journal));
    let judge::Judged { found: mut violations, accepted, promoted } = judge::judge(&stage, &journal);
    stage.tally.promoted = promoted;
    if violations.is_empty() {
        // A snapshot is slow: the journal has every lasting write, and the snapshot proves that now and then.
        let snapshot = seed.is_multiple_of(32).then(|| world.snapshot());
        let outcomes = stage.play_again(&accepted).await;
        let mut say = |found| violations.push(Violation { rule: Rule::SameAgain, found });
        for (number, outcome) in outcomes.uploads {
            let ended = |record: &deployer_core::record::DeploymentRecord| record.status.is_ended();
            if !matches!(&outcome, Outcome::EventOutcome(deployer_engine::EventOutcome::Recorded(record)) if ended(record))
            {
                say(format!("upload {number} once more ended otherwise: {outcome:?}"));
            }
        }
        for (number, before, outcome) in outcomes.orders {
            let is_invalid = matches!(&outcome, Outcome::Refused { error_type, .. } if error_type == "InvalidCommand");
            if is_invalid && stage.is_used_up(number) {
                continue;
            }
            if !matches!(&outcome, Outcome::Answered(answer) if before.is_none_or(|before| *answer == before)) {
                say(format!("{} once more ended otherwise: {outcome:?}", orders::name(number)));
            }
        }
        for (number, before, outcome) in outcomes.requests {
            let same = |now: &deployer_core::record::DeploymentRecord| now.id == before.id && now.status.is_ended();
            if !matches!(&outcome, Outcome::EventOutcome(deployer_engine::EventOutcome::Recorded(now)) if same(now)) {
                say(format!("{} once more ended otherwise: {outcome:?}", requests::name(number)));
            }
        }
        for deed in world.aws(|aws| aws.journal.clone()).into_iter().filter(|deed| deed.what != Action::Read) {
            let what = match deed.what {
                Action::Wrote(_) => "Wrote".to_owned(),
                other => format!("{other:?}"),
            };
            say(format!("the same again did {what} to {} in {}", deed.about, deed.place));
        }
        if snapshot.is_some_and(|before| before != world.snapshot()) {
            say("the same again changed something".to_owned());
        }
    }
    let log = stage.notes.take().map(|notes| log(&world, focus, &scene, notes)).unwrap_or_default();
    Played { seed, tally: stage.tally, violations, log }
}

fn log(world: &world::World, focus: Focus, scene: &Scene, notes: Vec<(Duration, String)>) -> Vec<String> {
    let mut lines: Vec<(Duration, String)> = notes;
    lines.extend(world.calls().into_iter().map(|call| {
        let took = call.ended.map_or("-".to_owned(), |ended| format!("{:.3}", (ended - call.began).as_secs_f64()));
        let answer = if call.answer.is_empty() { "no answer" } else { &call.answer };
        (call.began, format!("  [{}] {} {} {} ({took} s): {answer}", call.invocation, call.op, call.place, call.what))
    }));
    lines.sort_by_key(|(at, _)| *at);
    let mut log = vec![format!(
        "focus {focus:?}, {} s for each invocation, updates take {:?}, two versions: {:?}",
        scene.time.as_secs(),
        scene.settling,
        scene.versions
    )];
    log.extend(scene.closed.iter().map(|closed| format!("closed {closed:?}")));
    log.extend(scene.provisioned.iter().map(|one| format!("provisioned {one:?}")));
    log.extend(scene.faults.iter().map(|fault| format!("fault {fault:?}")));
    log.extend(scene.orders.iter().enumerate().map(|(number, order)| format!("{} {order:?}", orders::name(number))));
    log.extend(scene.foreigners.iter().map(|foreign| format!("foreigner {foreign:?}")));
    log.extend(lines.into_iter().map(|(at, text)| format!("{:9.3} {text}", at.as_secs_f64())));
    log
}
