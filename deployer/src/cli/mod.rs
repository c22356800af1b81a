//! The command line, one verb per file: options in, a serializable answer out, printed for people or as JSON.

mod validate;

use std::io::Write;

use clap::{Parser, Subcommand, ValueEnum};

/// Exit codes; 2 is wrong use, and clap's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: what was asked for is so.
    Done,
    /// 1: it failed.
    Failed,
    /// 3: a rule says no.
    Refused,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::from(0),
            Exit::Failed => Self::from(1),
            Exit::Refused => Self::from(3),
        }
    }
}

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Deploy Lambda functions across AWS accounts.
#[derive(Debug, Parser)]
#[command(name = "deployctl", version, about, propagate_version = true)]
pub struct Cli {
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = Output::Text, global = true)]
    output: Output,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check a zip, a manifest or deployer.json, without AWS.
    ///
    /// Says what is wrong and where, by the rules that the deployer applies to uploads. Exit codes: 0 all valid, 3 something is
    /// not, 2 wrong use.
    Validate(validate::Options),
}

impl Cli {
    /// Does what was asked for, and says so on `out`.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn run(self, out: &mut impl Write) -> std::io::Result<Exit> {
        match self.verb {
            Verb::Validate(options) => {
                let report = validate::run(&options);
                match self.output {
                    Output::Text => write!(out, "{report}")?,
                    Output::Json => writeln!(out, "{:#}", serde_json::to_value(&report)?)?,
                }
                Ok(report.exit())
            }
        }
    }
}
