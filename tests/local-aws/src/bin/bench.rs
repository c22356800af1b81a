//! Measures the deployer's CPU time from its start to its first answer, over TLS with a real trust store, and its
//! memory for a large zip. Build it with `--release`: it measures the bootstrap of its own profile.
//!
//! `bench uploads`: sends 1,000 uploads to 200 functions, out of order and some of them twice, to four deployers at
//! once, and counts results and calls. Most of the time is spent by the local AWS, which executes one call after the
//! other.
//!
//! `bench push`: memory and time of `deployctl push` for a small and a large folder.
//!
//! `bench queue`: the time that one team's upload waits behind 300 slow uploads of another, for two ways of polling the
//! queues.
//!
//! `bench zip`: CPU time for a zip of 60 MB, with few files and with very many. It measures the bootstrap of its own
//! profile, too.
//!
//! `bench status`: the time that `status` needs for a large ledger, in requests that follow one another and in CPU
//! time.
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use fixtures::Zip;
use fixtures::large_zips;
use local_aws::ci::{Ci, WaitingPush};
use local_aws::load::Load;
use local_aws::{ARTIFACTS, Doing as _, Error, LEDGER, LocalAws, Result, Setup, Transport};
use rustix::process::Signal;
use tempfile::TempDir;
use world::many_heads::ManyHeads;
use world::slow_team::{Mapping, SlowTeam};

const RUNS: usize = 20;
const ZIP_RUNS: usize = 5;
const MEGABYTE: f64 = 1_000_000.0;

#[derive(Debug, Parser)]
#[command(about = "Measures what the deployer costs")]
struct Options {
    /// The measurement.
    #[arg(default_value = "process")]
    measurement: Measurement,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Measurement {
    /// CPU time from start to first answer over TLS, and memory for a large zip.
    Process,
    /// 1,000 uploads to 200 functions through the queue.
    Uploads,
    /// CPU time for a zip of 60 MB.
    Zip,
    /// Memory and time of `deployctl push`.
    Push,
    /// One team's upload behind 300 slow ones of another.
    Queue,
    /// `status` of 500 functions in 5 environments.
    Status,
}

#[tokio::main]
async fn main() -> Result<()> {
    match Options::parse().measurement {
        Measurement::Process => process().await,
        Measurement::Uploads => uploads().await,
        Measurement::Zip => zip().await,
        Measurement::Push => push().await,
        Measurement::Queue => queue(),
        Measurement::Status => status(),
    }
}

async fn uploads() -> Result<()> {
    let aws = LocalAws::start().await?;
    let load = Load { functions: 200, releases: 5, twice_in: 5, deployers: 4, seed: 1 };
    let passed = load.pass(&aws).await?;
    print!("{passed}");
    if passed.wrong.is_empty() { Ok(()) } else { Err(Error::Unexpected("it did not end as it must".into())) }
}

async fn zip() -> Result<()> {
    let aws = LocalAws::start().await?;
    succeeded(&aws.deploy("dev/large/first.zip", &Zip::function("first")).await?)?;
    for files in [24, 40_000] {
        let zip = large_zips::of_files(files).doing("packing")?;
        let mut runs = Vec::new();
        for run in 1..=ZIP_RUNS {
            aws.deployer().kill();
            let name = format!("{files}-{run}");
            let zip = large_zips::release(&zip, &name).doing("packing")?;
            succeeded(&aws.deploy(&format!("dev/large/{name}.zip"), zip).await?)?;
            runs.push(aws.deployer().cpu_time()?);
        }
        runs.sort();
        let [least, most] = [runs[0], runs[ZIP_RUNS - 1]].map(|run| run.as_secs_f64());
        println!("CPU for a zip of {:.0} MB and {files} files, {ZIP_RUNS} runs:", zip.len() as f64 / MEGABYTE);
        println!("  {least:.2} s least, {most:.2} s most");
    }
    Ok(())
}

async fn push() -> Result<()> {
    let aws = LocalAws::start().await?;
    let ci = Ci::of(&aws).await?;
    let mut peaks = Vec::new();
    for megabytes in [1, 200] {
        let folder = TempDir::new().doing("making a folder")?;
        let ballast = Zip::empty().ballast(megabytes).build().doing("making ballast")?;
        std::fs::write(folder.path().join("ballast.bin"), ballast).doing("making a folder")?;
        let to = ("dev", "orders-api");
        let options = ["--bucket", ARTIFACTS, "--ledger", LEDGER, "--wait"];
        let began = Instant::now();
        let waiting = WaitingPush::start(ci.push(to, folder.path(), &megabytes.to_string(), &options)?).await?;
        let (took, peak) = (began.elapsed().as_secs_f64(), waiting.peak_memory()?);
        waiting.signal(Signal::INT)?;
        waiting.end().await?;
        println!("a folder of {megabytes} MB pushed: {took:.1} s, peak memory {:.1} MB", peak as f64 / MEGABYTE);
        peaks.push(peak);
    }
    println!("  {:.1} MB more", (peaks[1] as f64 - peaks[0] as f64) / MEGABYTE);
    Ok(())
}

fn status() -> Result<()> {
    for releases in [1, 50] {
        let asked =
            in_a_world(move || async move { ManyHeads { functions: 500, environments: 5, releases }.ask().await })?;
        println!("histories of {releases}: {asked}");
    }
    Ok(())
}

fn queue() -> Result<()> {
    let (one_by_one, wakes) = (Mapping { batch: 1, concurrency: 100 }, Mapping { batch: 1, concurrency: 20 });
    for (how, mapping, wakes) in [
        ("one queue, 10 batches of 10 at once", Mapping { batch: 10, concurrency: 10 }, None),
        ("one queue, 100 at once", one_by_one, None),
        ("two queues, 100 uploads and 20 wakes at once", one_by_one, Some(wakes)),
    ] {
        let settles = Duration::from_secs(300);
        let waited =
            in_a_world(move || async move { SlowTeam { uploads: 300, settles, mapping, wakes }.pass().await })?;
        println!("{how}: {waited}");
    }
    Ok(())
}

/// Runs something in the fake world, whose virtual time passes only while it waits.
fn in_a_world<T: Send + 'static, F: Future<Output = T>>(play: impl FnOnce() -> F + Send + 'static) -> Result<T> {
    let played = std::thread::spawn(move || -> Result<_> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().doing("starting a world")?;
        Ok(runtime.block_on(play()))
    });
    played.join().map_err(|_| Error::Unexpected("the world ended".into()))?
}

async fn process() -> Result<()> {
    let mut runs = Vec::new();
    let aws = LocalAws::over(Transport::Tls, Setup::default()).await?;
    succeeded(&aws.deploy("dev/orders/0.zip", &Zip::function("0")).await?)?;
    for run in 1..=RUNS {
        // The next delivery starts a new process, whose first answer is an update of code.
        aws.deployer().kill();
        let zip = Zip::function(&run.to_string());
        succeeded(&aws.deploy(&format!("dev/orders/{run}.zip"), &zip).await?)?;
        runs.push(aws.deployer().cpu_time()?);
    }
    runs.sort();
    let [least, median, most] = [runs[0], runs[RUNS / 2], runs[RUNS - 1]].map(milliseconds);
    println!("CPU from spawn to first answer, an update of code over TLS, {RUNS} runs:");
    println!("  {least:.1} ms least, {median:.1} ms median, {most:.1} ms most");

    let aws = LocalAws::start().await?;
    let mut peaks = Vec::new();
    for megabytes in [1, 200] {
        aws.deployer().kill();
        let zip = Zip::function("large").ballast(megabytes);
        succeeded(&aws.deploy(&format!("dev/large/{megabytes}.zip"), &zip).await?)?;
        let peak = aws.deployer().peak_memory()?;
        println!("peak memory for a zip of {megabytes} MB: {:.1} MB", peak as f64 / MEGABYTE);
        peaks.push(peak);
    }
    println!("  {:.1} MB more", (peaks[1] as f64 - peaks[0] as f64) / MEGABYTE);
    Ok(())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn succeeded(result: &serde_json::Value) -> Result<()> {
    if result["status"] == "succeeded" { Ok(()) } else { Err(Error::Unexpected(format!("{result:#}"))) }
}
