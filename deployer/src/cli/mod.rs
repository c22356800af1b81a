//! The command line, one verb per file: options in, a serializable answer out, printed for people or as JSON.
//!
//! A verb decides nothing about printing but its words: [`Answer`] has both forms and the exit code. What is drawn while
//! people wait goes to standard error, and only where that is a terminal.

mod answer;
mod doctor;
mod init;
mod remote;
mod validate;

use std::io::Write;

use clap::{Parser, Subcommand, ValueEnum};

pub use answer::{Answer, Exit, Stopped};

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Deploy Lambda functions across AWS accounts.
///
/// Exit codes: 0 done, 1 failed, 2 wrong use, 3 refused, 4 timed out waiting.
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
    /// Walk the whole chain of trust, and say where it is broken and what mends it.
    ///
    /// The deployer itself looks at its ledger, its queue and its sweep, and enters each target; there it tries each right out on
    /// a function that does not exist. Nothing is changed. Of each right that is missing it says the statement, and where that
    /// belongs. Exit codes: 0 nothing fails, 1 something does, 2 wrong use.
    Doctor(doctor::Options),
    /// Write function.toml from a live function.
    ///
    /// Deploying with it changes nothing of how the function is configured. The values of variables are not written unless asked
    /// for. Exit codes: 0 written, 1 it cannot be described, 3 a file is in the way or the function is an image.
    Init(init::Options),
}

impl Cli {
    /// Does what was asked for, and says so on `out`.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub async fn run(self, out: &mut impl Write) -> std::io::Result<Exit> {
        let answer: Result<Answer, Stopped> = match self.verb {
            Verb::Validate(options) => Ok(validate::run(&options)),
            Verb::Doctor(options) => doctor::run(&options).await,
            Verb::Init(options) => init::run(&options).await,
        };
        let answer = answer.unwrap_or_else(Answer::from);
        answer.print(self.output, out)?;
        Ok(answer.exit)
    }
}
