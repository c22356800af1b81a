//! The command line.

use clap::builder::PossibleValuesParser;
use clap::{Parser, ValueEnum};

use crate::passing::FIRST_PAUSE_MS;
use crate::question::Needs;
use crate::questions;

/// Asks an AWS account about behaviour that AWS's documentation leaves open.
///
/// It makes functions, roles, queues and a bucket under a random name, asks AWS each question, prints the project's
/// belief and AWS's answer, and removes everything. Use an account in which nothing else matters.
#[derive(Debug, Parser)]
#[command(
    name = "live-check",
    after_help = "Exit codes: 0: no belief is refuted (unclear answers are listed); 1: one is refuted; 2: wrong use, \
                  or not confirmed; 3: the run could not be done to its end, or something is or may be left in the \
                  account."
)]
pub struct Options {
    /// The profile of the AWS configuration files to use.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// The AWS region [default: as the AWS CLI finds it].
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Ask this question only; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(names()), hide_possible_values = true)]
    pub only: Vec<String>,
    /// List the questions and the beliefs, without asking AWS anything.
    #[arg(long, conflicts_with_all = ["clean", "keep", "slow", "with_key"])]
    pub list: bool,
    /// Ask also the questions that take minutes.
    #[arg(long)]
    pub slow: bool,
    /// Ask also the questions that need a customer key of KMS, which costs 1 USD a month until it is deleted.
    #[arg(long)]
    pub with_key: bool,
    /// Remove the leftovers of runs that were killed, and ask nothing.
    #[arg(long, conflicts_with_all = ["keep", "only", "slow", "with_key"])]
    pub clean: bool,
    /// Leave everything in the account, to look at it; `--clean` removes it.
    #[arg(long)]
    pub keep: bool,
    /// The form of the answers.
    #[arg(long, value_enum, default_value = "text")]
    pub output: Output,
    /// Do not ask for confirmation.
    #[arg(long)]
    pub yes: bool,
    /// The pause before a call is tried again, in milliseconds. Tests shorten it: the local AWS needs none.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = FIRST_PAUSE_MS, hide = true)]
    pub first_pause: u64,
}

/// A form of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

impl Options {
    /// The reason why a question is not asked by these options; none if it is.
    #[must_use]
    pub fn leaves_out(&self, needs: Needs) -> Option<&'static str> {
        match needs {
            Needs::Minutes if !self.slow => Some("it takes minutes: add --slow"),
            Needs::Key if !self.with_key => Some("it needs a customer key, which costs money: add --with-key"),
            _ => None,
        }
    }

    /// Whether a question is among those that were named, or none was named.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|one| one == name)
    }
}

fn names() -> Vec<&'static str> {
    questions::all().iter().map(|question| question.about().name).collect()
}
