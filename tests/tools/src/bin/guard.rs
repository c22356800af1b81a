//! Measures the guard of rollouts under seeded traffic: prints the tables of `docs/concepts/rollouts.md`, and draws its
//! pictures.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use fixtures::error::{Doing as _, Result};
use fixtures::say;
use tools::guard::{AT_ONCE, DEFAULT, PICTURES, Scenario, WhenQuiet, bad, good, in_steps, measure, outages, table};

/// Measures how many good releases the guard of rollouts stops, and which bad ones it catches and when.
///
/// Each rollout is played with a look each minute, CloudWatch's two minutes of delay, and steps that are lengthened once
/// where they are quiet. The same seed plays the same rollouts.
#[derive(Parser)]
struct Options {
    /// The rollouts of each row for good releases; a fifth of them for the others, a third where there are several targets.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1..))]
    rollouts: u64,
    /// The seed of all rollouts.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The way on where a step is still quiet after it was lengthened. `pause` and `fail` end the rollout there.
    #[arg(long, value_enum, default_value_t = WhenQuiet::Proceed)]
    when_quiet: WhenQuiet,
    /// Draws the pictures into this folder, and prints no tables.
    #[arg(long, value_name = "FOLDER")]
    pictures: Option<PathBuf>,
    /// Fails where the guard stops more than this share of the good releases in steps, in percent.
    #[arg(long, value_name = "PERCENT")]
    at_most: Option<f64>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say!("guard: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<bool> {
    let began = Instant::now();
    let tell = |what: &str| {
        let _closed = writeln!(std::io::stderr(), "{:>5} s  {what}", began.elapsed().as_secs());
    };
    if let Some(folder) = &options.pictures {
        return draw(options, folder, tell).map(|()| true);
    }
    let (seed, few) = (options.seed, (options.rollouts / 5).max(1));
    let print = |title: &str, scenarios: Vec<Scenario>, rollouts: u64| {
        let quiet = |scenario: Scenario| Scenario { when_quiet: options.when_quiet, ..scenario };
        let scenarios: Vec<Scenario> = scenarios.into_iter().map(quiet).collect();
        let text = table(&scenarios, rollouts, seed, |one| tell(&format!("{title}: {}", one.name)));
        say!("{title}\n\n{text}");
    };
    print("Good releases, 10 % then 50 %", good(), options.rollouts);
    print("Good releases, 10 %", in_steps(DEFAULT, good()), options.rollouts);
    print("Good releases, all at once", in_steps(AT_ONCE, good()), few);
    print("Outages", outages(), few);
    print("Bad releases, 10 % then 50 %", bad(), few);
    print("Bad releases, 10 %", in_steps(DEFAULT, bad()), few);
    print("Bad releases, all at once", in_steps(AT_ONCE, bad()), few);
    let Some(most) = options.at_most else { return Ok(true) };
    let mut holds = true;
    for scenario in good() {
        tell(&format!("at most {most} %: {}", scenario.name));
        let stopped = measure(&scenario, few, seed).stopped;
        if stopped > most {
            say!("{}: {stopped:.1} % of good releases are stopped, more than {most} %", scenario.name);
            holds = false;
        }
    }
    Ok(holds)
}

fn draw(options: &Options, folder: &std::path::Path, tell: impl Fn(&str)) -> Result<()> {
    for picture in PICTURES {
        let path = folder.join(picture.file);
        let rollouts = (options.rollouts / 5).max(1);
        let svg = (picture.draw)(rollouts, options.seed, &mut |line| tell(&format!("{}: {line}", picture.file)));
        std::fs::write(&path, svg).doing(format!("writing {}", path.display()))?;
        say!("{} is drawn", path.display());
    }
    Ok(())
}
