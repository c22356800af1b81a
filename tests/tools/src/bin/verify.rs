//! Runs the long searches: more schedules, every mutant of the policies, a crash at every call. A release needs all of
//! them, every change those of `--quick`.

use std::fs::File;
use std::io::{Read as _, Seek as _};
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

/// The limit of `--quick`, twice what it takes at most on two cores; a search that is not done by then hangs, and has failed.
const QUICK: Duration = Duration::from_secs(600);
const LOOKS_EVERY: Duration = Duration::from_millis(100);

/// One search: its name, and the program with its arguments.
type Search = (&'static str, &'static [&'static str]);

/// The programs that compute, one after another. [`QUICK_TESTS`] run beside them.
const QUICK_COMPUTING: &[Search] = &[
    ("schedules", &["simulate", "--schedules", "600"]),
    ("rollouts", &["simulate", "--focus", "rollouts", "--schedules", "100"]),
    ("rollouts of groups", &["simulate", "--focus", "rollout-groups", "--schedules", "40"]),
    ("policies and their mutants", &["policies"]),
];
/// Tests that mostly wait, all beside each other: a line is one call of `cargo test`, which plays its binaries in turn.
const QUICK_TESTS: &[Search] = &[
    (
        "examples, docs, demo, local AWS, runbook",
        &[
            "cargo",
            "test",
            "--locked",
            "--workspace",
            "--test",
            "scenarios",
            "--",
            "--ignored",
            "applied_example::",
            "applied_examples::target_account",
            "demo::",
            "deployctl_docs::",
            "pictures::",
            "scenarios::rollouts::",
            "scenarios::traffic::",
            "conformance::",
            "runbook::",
        ],
    ),
    (
        "deployctl's real waits, groups",
        &[
            "cargo",
            "test",
            "--locked",
            "--workspace",
            "--test",
            "machine",
            "--test",
            "scenarios",
            "--",
            "--ignored",
            "promotions::groups::",
            "push::",
        ],
    ),
];
const SEARCHES: &[Search] = &[
    // Optimized: see the profile in Cargo.toml.
    (
        "schedules",
        &["cargo", "run", "--locked", "--profile", "search", "-p", "simulation", "--", "--schedules", "100000"],
    ),
    (
        "schedules of rollouts",
        &[
            "cargo",
            "run",
            "--locked",
            "--profile",
            "search",
            "-p",
            "simulation",
            "--",
            "--focus",
            "rollouts",
            "--schedules",
            "5000",
        ],
    ),
    (
        "schedules of rollouts of groups",
        &[
            "cargo",
            "run",
            "--locked",
            "--profile",
            "search",
            "-p",
            "simulation",
            "--",
            "--focus",
            "rollout-groups",
            "--schedules",
            "2000",
        ],
    ),
    ("policies and their mutants", &["policies"]),
    ("readers of zips", &["readers", "--seeds", "6000"]),
    ("rollouts under traffic", &["guard", "--at-most", "1"]),
    (
        "long scenarios",
        &["cargo", "test", "--locked", "--workspace", "--test", "scenarios", "--test", "machine", "--", "--ignored"],
    ),
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
    let rows = match options.quick {
        true => played_beside_each_other(&bins, Some(Instant::now() + QUICK))?,
        false => played(&bins, SEARCHES, None)?,
    };
    say!("\n{:48} {:>7}", "search", "seconds");
    for Row { name, holds, seconds } in &rows {
        say!("{name:48} {seconds:>7}{}", if *holds { "" } else { "  FAILED" });
    }
    Ok(rows.iter().all(|row| row.holds))
}

/// A search that has ended.
struct Row {
    name: &'static str,
    holds: bool,
    seconds: u64,
}

/// Plays all of `--quick` at once. The output of the tests comes after that of the programs.
fn played_beside_each_other(bins: &Path, until: Option<Instant>) -> Result<Vec<Row>> {
    let beside = |search: &'static Search| -> Result<(Row, Vec<u8>)> {
        let mut output = tempfile::tempfile().doing("making a file for the output of a search")?;
        let row = played_one(bins, search, until, Some(&output))?;
        let mut text = Vec::new();
        output.rewind().and_then(|()| output.read_to_end(&mut text)).doing("reading the output of a search")?;
        Ok((row, text))
    };
    let (computed, tested) = std::thread::scope(|scope| {
        let tests: Vec<_> = QUICK_TESTS.iter().map(|search| scope.spawn(move || beside(search))).collect();
        let computed = played(bins, QUICK_COMPUTING, until);
        (computed, tests.into_iter().map(|test| test.join()).collect::<Vec<_>>())
    });
    let mut rows = computed?;
    for test in tested {
        let (row, text) = test.map_err(|_| Error::Unexpected("a search panics".to_owned()))??;
        say!("{}", String::from_utf8_lossy(&text));
        rows.push(row);
    }
    Ok(rows)
}

/// Plays searches one after another.
fn played(bins: &Path, searches: &[Search], until: Option<Instant>) -> Result<Vec<Row>> {
    searches.iter().map(|search| played_one(bins, search, until, None)).collect()
}

/// Plays one search; it prints to `output`, or to this program's own.
fn played_one(bins: &Path, (name, line): &Search, until: Option<Instant>, output: Option<&File>) -> Result<Row> {
    let started = Instant::now();
    let holds = play(bins, line, until, output)?;
    Ok(Row { name, holds, seconds: started.elapsed().as_secs() })
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
fn play(bins: &Path, line: &[&str], until: Option<Instant>, output: Option<&File>) -> Result<bool> {
    let [program, arguments @ ..] = line else { return Ok(true) };
    say!("\n== {}{}", line.join(" "), if output.is_some() { ", beside the others" } else { "" });
    let mut command = if *program == "cargo" { cargo() } else { Command::new(bins.join(program)) };
    if let Some(output) = output {
        let both = output.try_clone().and_then(|out| Ok((out, output.try_clone()?)));
        let (out, err) = both.doing("opening the output of a search")?;
        command.stdout(out).stderr(err);
    }
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
