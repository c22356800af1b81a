//! The command line.

use std::process::ExitCode;

use clap::Parser as _;
use deployer::cli::{Cli, Exit};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut out = anstream::stdout();
    match Cli::parse().run(&mut out).await {
        Ok(exit) => exit.into(),
        Err(_) => Exit::Failed.into(),
    }
}
