//! Asks a real AWS account about behaviour that the documentation leaves open.
//!
//! The project believes some things of AWS that no page states. Each belief is a [`Question`], in a file of its own
//! below `questions/`. The program makes a [`lab::Lab`] under a random name, asks each question in it, removes
//! everything, and prints belief and answer (docs/live-check.md).

mod aws;
mod cleanup;
mod confirm;
pub mod lab;
mod options;
mod outcome;
pub mod page;
mod passing;
mod polling;
mod question;
pub mod questions;
mod report;
mod run;
mod signed;

pub use outcome::{Answered, Refusal};
pub use question::{About, Answer, Needs, OnLocalAws, Question, Verdict};
pub use run::main;
