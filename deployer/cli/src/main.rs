//! The main of `deployctl`.

use std::io::Write as _;
use std::process::ExitCode;

use deployer_cli::{Cli, Exit, stderr, stdout};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut out = stdout();
    match Cli::main(std::env::args_os().collect(), &mut out).await {
        Ok(exit) => exit.into(),
        Err(error) => {
            // A failed write to standard error cannot be reported.
            let _unread = writeln!(stderr(), "error: standard output cannot be written: {error}");
            Exit::Failed.into()
        }
    }
}
