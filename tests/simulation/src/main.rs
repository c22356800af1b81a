//! `cargo simulate`: plays seeded schedules of the whole deployer in the world fake, and judges each.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use fixtures::say;
use simulation::{Focus, Mutant, ScheduleResult, Tally, command, play, play_as, replay};

/// Plays random schedules of the whole deployer (uploads, commands, promotions, faults) and reports each broken rule
#[derive(Parser)]
struct Options {
    /// The number of schedules to play
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    schedules: u64,
    /// The seed of the first schedule
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Plays only the schedule of this seed, and prints every event and call in it
    #[arg(long, conflicts_with_all = ["schedules", "from", "threads"])]
    seed: Option<u64>,
    /// Plays only schedules with this focus: promotions, deaths… With --planted or --seed, and for rollouts, gives this
    /// focus to every schedule
    #[arg(long)]
    focus: Option<Focus>,
    #[arg(long = "planted", value_name = "BUG", help = format!("Plants this bug, which must be found: {}", names()))]
    mutant: Option<Mutant>,
    /// The number of schedules to play at once; one per core if it is not given
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match options.seed {
        Some(seed) => play_one(&replay(seed, options.mutant, options.focus), options.mutant),
        None => play_many(&options),
    }
}

fn play_one(played: &ScheduleResult, mutant: Option<Mutant>) -> ExitCode {
    played.log.iter().for_each(|line| say!("{line}"));
    say!("{}", played.tally);
    print_violations(played, mutant);
    exit_code(usize::from(!played.violations.is_empty()), mutant)
}

#[derive(Default)]
struct Found {
    tally: Tally,
    schedules: u64,
    failed: usize,
}

fn play_many(options: &Options) -> ExitCode {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = options.threads.unwrap_or(cores).max(1);
    let (next, end) = (AtomicU64::new(options.from), options.from.saturating_add(options.schedules));
    let found: Mutex<Found> = Mutex::default();
    let began = Instant::now();
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            let played = match (options.focus, options.mutant) {
                (Some(focus), None) if Focus::ALL.contains(&focus) && focus != Focus::of(seed) => continue,
                (Some(focus), mutant) if mutant.is_some() || !Focus::ALL.contains(&focus) => {
                    play_as(seed, mutant, focus)
                }
                (_, mutant) => play(seed, mutant),
            };
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.tally += played.tally;
            found.schedules += 1;
            if !played.violations.is_empty() {
                found.failed += 1;
                print_violations(&played, options.mutant);
                if options.mutant.is_some() {
                    next.store(end, Ordering::Relaxed);
                }
            }
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let Found { tally, schedules, failed } = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let seconds = began.elapsed().as_secs_f64();
    let per_second = schedules as f64 / seconds;
    say!("{schedules} schedules in {seconds:.1} s ({per_second:.0} a second, {threads} threads)");
    say!("{tally}");
    if schedules == 0 {
        say!("nothing was played: no seed from {} to {end} has this focus", options.from);
        return ExitCode::FAILURE;
    }
    exit_code(failed, options.mutant)
}

fn names() -> String {
    Mutant::ALL.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Prints the rules that a schedule has broken, and the command that plays it again.
fn print_violations(played: &ScheduleResult, mutant: Option<Mutant>) {
    if !played.violations.is_empty() {
        say!("seed {}:", played.seed);
        played.violations.iter().for_each(|violation| say!("  {violation}"));
        say!("  {}", command(played, mutant));
    }
}

fn exit_code(failed: usize, mutant: Option<Mutant>) -> ExitCode {
    match mutant {
        Some(mutant) if failed > 0 => say!("the planted bug {mutant} was found"),
        Some(mutant) => say!("the planted bug {mutant} was NOT found"),
        None => say!("{failed} schedules broke a rule"),
    }
    if (failed == 0) == mutant.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
