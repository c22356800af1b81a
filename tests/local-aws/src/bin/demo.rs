//! `cargo demo`: shows the deployer on this machine. Exits with an error if something is not as it says.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use local_aws::demo::{self, Accounts, Playground, Screen};
use local_aws::{Doing as _, Result};
use tokio::signal::unix::{SignalKind, signal};

/// Shows the deployer at work on this machine, with no AWS account and, after the first run, no network.
///
/// Without options it tells a story of two minutes: an upload, a refusal, a rollback, a promotion with a soak and an
/// approval, a hold, each with the deployctl command that does it.
#[derive(Parser)]
#[command(name = "cargo demo", bin_name = "cargo demo", max_term_width = 100, after_help = NEEDS)]
struct Options {
    /// Show three uploads only, with each step of the deployer
    #[arg(long)]
    quick: bool,
    /// Tell of rollouts instead: a good release gets its traffic in steps, a bad one is taken back by the guard
    ///
    /// With --keep no story is told: the first of the three environments has a rollout.
    #[arg(long, conflicts_with_all = ["quick", "terraform"])]
    rollout: bool,
    /// Keep three environments running until Ctrl-C, in which every verb of deployctl works
    ///
    /// It prints the lines for another shell. Queues, sweep and log run as on AWS. No port is fixed, so several run beside
    /// each other. Ctrl-C removes everything.
    #[arg(long, conflicts_with = "quick")]
    keep: bool,
    /// Let Terraform lay the accounts, by infra/examples/two-accounts, and show three uploads to prod
    ///
    /// The AWS provider waits for a minute or two. With --keep these two environments go on running.
    #[arg(long)]
    terraform: bool,
}

const NEEDS: &str = "\
Needs: Rust, a C compiler, and Python 3.10 to 3.13 with venv. The first run builds the deployer, which takes some minutes, and \
fetches Python packages once; --terraform also fetches Terraform and its AWS provider, where they are missing.
Variables: NO_COLOR prints plain text; DEPLOYER_BOOTSTRAP and DEPLOYER_DEPLOYCTL name programs that are built already.
Exit codes: 0 shown, 1 something is missing or went wrong, 2 wrong options, 130 Ctrl-C before the end.";

/// The exit code of a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;
/// The limit of the time that threads have to notice that what they wait for has ended.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let options = Options::parse();
    local_aws::make_programs_stoppable();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing("starting the demo");
    let shown = runtime.and_then(|runtime| {
        // Dropping the running future ends all processes that it has started, and removes the folder.
        let shown = runtime.block_on(shown_or_stopped(&options));
        local_aws::stop_programs();
        runtime.shutdown_timeout(ENDS_WITHIN);
        shown
    });
    match shown {
        Ok(End::Shown) => ExitCode::SUCCESS,
        Ok(End::Stopped) => end_of_stopped(&options),
        Err(error) => {
            let _told = writeln!(std::io::stderr(), "demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The end of a run without an error.
enum End {
    Shown,
    Stopped,
}

async fn shown_or_stopped(options: &Options) -> Result<End> {
    let screen = Screen::of_stdout();
    tokio::select! {
        // Ctrl-C ends some programs too: the signal is looked at before what comes of their end.
        biased;
        stopped = stopped() => stopped.map(|()| End::Stopped),
        shown = show(options, &screen) => shown.map(|()| End::Shown),
    }
}

async fn show(options: &Options, screen: &Screen) -> Result<()> {
    let playground = if options.terraform {
        let accounts = Accounts::applied(screen).await?;
        demo::show(screen, &accounts).await?;
        if options.keep { Some(Playground::applied(accounts).await?) } else { None }
    } else if options.keep {
        screen.prose("A local AWS with three environments starts, which takes some seconds.");
        Some(if options.rollout { Playground::rolling_out().await? } else { Playground::open().await? })
    } else if options.rollout {
        demo::tell_rollouts(screen).await?;
        None
    } else if options.quick {
        demo::show(screen, &Accounts::laid(screen).await?).await?;
        None
    } else {
        demo::tell(screen).await?;
        None
    };
    let Some(playground) = playground else { return Ok(()) };
    playground.introduce(screen);
    match playground.serve(Some(screen)).await? {}
}

/// Waits for Ctrl-C, for a request to end, or for the end of the terminal.
async fn stopped() -> Result<()> {
    let listening = "listening for signals";
    let (mut terminated, mut hung_up) =
        (signal(SignalKind::terminate()).doing(listening)?, signal(SignalKind::hangup()).doing(listening)?);
    tokio::select! {
        stop = tokio::signal::ctrl_c() => stop.doing(listening),
        _ = terminated.recv() => Ok(()),
        _ = hung_up.recv() => Ok(()),
    }
}

/// Says that it has ended. That is how `--keep` is meant to end.
fn end_of_stopped(options: &Options) -> ExitCode {
    // The terminal may be gone.
    let _told = writeln!(std::io::stdout(), "\nThe demo has ended, and everything of it is removed.");
    if options.keep { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) }
}
