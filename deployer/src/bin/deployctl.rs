//! The command line.

use std::process::ExitCode;

use clap::Parser as _;
use deployer::cli::{Cli, Exit};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut out = anstream::stdout();
    match Cli::parse().run(&mut out).await {
        Ok(exit) => exit.into(),
        // Whoever read us has read enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Done.into(),
        Err(_) => Exit::Failed.into(),
    }
}
