//! `deployctl completions`: the script by which a shell completes verbs and options.

use clap_complete::Shell;
use serde_json::json;

use crate::answer::{Answer, Exit};

/// The options of `completions`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(options: &Options, mut command: clap::Command) -> Answer {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command, name, &mut script);
    let text = String::from_utf8_lossy(&script).into_owned();
    let json = json!({ "shell": options.shell.to_string(), "script": text });
    Answer { text, json, exit: Exit::Done }
}
