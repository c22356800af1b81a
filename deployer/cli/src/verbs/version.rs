//! `deployctl version`: prints the build.

use std::fmt;

use serde::Serialize;

use crate::answer::{Answer, Exit};
use deployer_core::version::version;

/// The program's name and build.
#[derive(Debug, Serialize)]
struct Program {
    name: &'static str,
    version: &'static str,
    description: &'static str,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, description } = self;
        writeln!(f, "{name} {version}: {description}")
    }
}

pub(crate) fn run() -> Answer {
    let description = "the command line of the deployer, which deploys Lambda functions across AWS accounts";
    Answer::of(&Program { name: "deployctl", version: version(), description }, Exit::Done)
}
