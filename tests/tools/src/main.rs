//! Lets every reader on this machine read mutated zips that the deployer accepts, and prints the differences.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use fixtures::error::{Error, Result};
use fixtures::say;
use tools::{KNOWN, READERS, Survey, Tally, bases, listed, mutated, seen, survey};

/// Compares readers of zips with what the deployer says is in a zip. Readers are found in PATH.
#[derive(Parser)]
struct Options {
    /// The number of zips to make; about a third of them is accepted and read.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The seed of the first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Makes only this one, and says what is in it and how each reader reads it.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Leaves the zip of --seed in this folder.
    #[arg(long, requires = "seed")]
    keep: Option<PathBuf>,
    /// Takes zips whose directory alone obeys the rules: as if nothing else were looked at. Differences must be found.
    #[arg(long)]
    planted: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match options.seed.map_or_else(|| many(&options), |seed| one(&options, seed)) {
        Ok(unknown) if (unknown > 0) == options.planted => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            say!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, seeds: std::ops::Range<u64>, tell: impl FnMut(&Survey)) -> Result<Survey> {
    survey(&READERS, &bases(), seeds, if options.planted { listed } else { seen }, tell)
}

fn many(options: &Options) -> Result<usize> {
    let began = Instant::now();
    let until = options.from.saturating_add(options.seeds);
    let all = run(options, options.from..until, |so_far| {
        let Survey { made, given, .. } = so_far;
        let (unknown, seconds) = (so_far.unknown(), began.elapsed().as_secs());
        let _closed =
            writeln!(std::io::stderr(), "{made} zips, {given} accepted, {unknown} unknown differences, {seconds} s");
    })?;
    say!("{} zips, of which {} are accepted and read", all.made, all.given);
    for reader in READERS {
        match all.tallies.get(reader.name) {
            Some(tally) => summary(reader.name, tally),
            None => say!("{}: NOT HERE, so it has read nothing", reader.name),
        }
    }
    say!("{} differences are not in the table", all.unknown());
    if all.tallies.is_empty() {
        return Err(Error::Unexpected("no reader of zips is in PATH, so nothing was compared".into()));
    }
    Ok(all.unknown())
}

fn summary(name: &str, tally: &Tally) {
    say!("{name}: {} zips, {} read alike", tally.zips, tally.alike);
    for (row, zips) in &tally.known {
        let zips_with = KNOWN.get(*row).map_or("", |known| known.zips);
        say!("  {zips:>5} known, row {}: {zips_with}", row + 1);
    }
    let mut kinds = BTreeMap::<String, Vec<u64>>::new();
    for (seed, differences) in &tally.unknown {
        differences.iter().for_each(|difference| kinds.entry(difference.to_string()).or_default().push(*seed));
    }
    for (kind, seeds) in kinds {
        let few: Vec<String> = seeds.iter().take(5).map(u64::to_string).collect();
        say!("  {:>5} NOT KNOWN: {kind} (see --seed {})", seeds.len(), few.join(", --seed "));
    }
}

fn one(options: &Options, seed: u64) -> Result<usize> {
    let zip = mutated(&bases(), seed);
    if let Some(folder) = &options.keep {
        keep(folder, seed, &zip);
    }
    match deployer_core::package::inspect(&zip) {
        Ok(_) => say!("{} bytes, accepted", zip.len()),
        Err(error) => say!("{} bytes, refused: {error}", zip.len()),
    }
    for entry in listed(&zip).unwrap_or_default() {
        say!("  {:?} {:?}: {} bytes, checksum {:08x}", entry.kind, entry.name, entry.size, entry.crc32);
    }
    let all = run(options, seed..seed.saturating_add(1), |_| ())?;
    all.tallies.iter().filter(|_| all.given > 0).for_each(|(name, tally)| summary(name, tally));
    Ok(all.unknown())
}

fn keep(folder: &Path, seed: u64, zip: &[u8]) {
    let path = folder.join(format!("{seed}.zip"));
    match std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, zip)) {
        Ok(()) => say!("{} is the zip", path.display()),
        Err(error) => say!("{} could not be written: {error}", path.display()),
    }
}
