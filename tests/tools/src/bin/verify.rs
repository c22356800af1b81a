//! Runs the long searches: more schedules, every mutant of the policies, a crash at every call. A release needs all of
//! them, every change those of `--quick`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser;
use fixtures::error::{Doing as _, Error, Result};
use fixtures::say;

/// Plays the searches that are too long for `cargo test`, and says how long each took.
#[derive(Parser)]
struct Options {
    /// Plays as much as five minutes hold.
    #[arg(long)]
    quick: bool,
}

/// The limit of `--quick`; a search that is not done by then has failed.
const QUICK: Duration = Duration::from_secs(300);
const LOOKS_EVERY: Duration = Duration::from_millis(100);

/// One search: its name, and the program with its arguments.
type Search = (&'static str, &'static [&'static str]);

const SEARCHES_QUICK: &[Search] = &[
    ("schedules", &["simulate", "--schedules", "2000"]),
    ("policies and their mutants", &["policies"]),
    (
        "tests of the local AWS, the runbook",
        &[
            "cargo",
            "test",
            "--locked",
            "--workspace",
            "--test",
            "scenarios",
            "--",
            "--ignored",
            "conformance::",
            "runbook::",
        ],
    ),
];
const SEARCHES: &[Search] = &[
    // Optimized: see the profile in Cargo.toml.
    (
        "schedules",
        &["cargo", "run", "--locked", "--profile", "search", "-p", "simulation", "--", "--schedules", "100000"],
    ),
    ("policies and their mutants", &["policies"]),
    ("readers of zips", &["readers", "--seeds", "6000"]),
    (
        "rollouts under traffic",
        &["cargo", "test", "--locked", "--workspace", "--lib", "--", "--ignored", "--nocapture", "rollout::guard"],
    ),
    ("long scenarios", &["cargo", "test", "--locked", "--workspace", "--test", "scenarios", "--", "--ignored"]),
];

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say!("verify: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<bool> {
    let bins = built()?;
    let began = Instant::now();
    let (searches, until) = match options.quick {
        true => (SEARCHES_QUICK, Some(began + QUICK)),
        false => (SEARCHES, None),
    };
    let mut rows = Vec::new();
    for (name, line) in searches {
        let started = Instant::now();
        let holds = play(&bins, line, until)?;
        rows.push((*name, holds, started.elapsed().as_secs()));
    }
    say!("\n{:36} {:>7}", "search", "seconds");
    for (name, holds, seconds) in &rows {
        say!("{name:36} {seconds:>7}{}", if *holds { "" } else { "  FAILED" });
    }
    Ok(rows.iter().all(|(_, holds, _)| *holds))
}

/// Builds all programs and tests with the features that they have in `cargo test`, and returns the programs' folder.
fn built() -> Result<PathBuf> {
    for arguments in [&["build", "--bins"][..], &["test", "--no-run"]] {
        let mut command = cargo();
        command.args(arguments).args(["--locked", "--workspace", "--quiet"]);
        if !command.status().doing("starting cargo")?.success() {
            return Err(Error::Unexpected(format!("cargo {} fails", arguments.join(" "))));
        }
    }
    let executable = std::env::current_exe().doing("finding this executable")?;
    Ok(executable.parent().unwrap_or(Path::new(".")).to_path_buf())
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The workspace is two folders above this package.
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    // Build scripts that watch cargo's own variables would run again.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_cargos(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command.env_remove("RUSTC_BOOTSTRAP");
    command
}

fn is_cargos(name: &str) -> bool {
    ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PRIMARY_"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Runs a search and returns whether it has succeeded before `until`.
fn play(bins: &Path, line: &[&str], until: Option<Instant>) -> Result<bool> {
    let [program, arguments @ ..] = line else { return Ok(true) };
    say!("\n== {}", line.join(" "));
    let mut command = if *program == "cargo" { cargo() } else { Command::new(bins.join(program)) };
    let mut child = command.args(arguments).spawn().doing(format!("starting {program}"))?;
    while until.is_none_or(|until| Instant::now() < until) {
        if let Some(status) = child.try_wait().doing(format!("waiting for {program}"))? {
            return Ok(status.success());
        }
        std::thread::sleep(LOOKS_EVERY);
    }
    say!("{program} was not ready after {} s, and is ended", QUICK.as_secs());
    end(&mut child)
}

fn end(child: &mut Child) -> Result<bool> {
    child.kill().and_then(|()| child.wait()).doing("ending a search")?;
    Ok(false)
}
