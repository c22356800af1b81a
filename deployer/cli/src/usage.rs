//! The usage of each verb, wrapped at the terminal's width. clap wraps everything else in a help text, and leaves the
//! usage to the terminal, which breaks words.
//!
//! An error of use shows the whole usage too. clap would make one of the options that are there, those that only an
//! environment variable sets among them, and would leave out the other ways to call the verb.

use clap::Command;

use crate::text::width::{width, wrapped};

/// The heading that clap writes before the usage, and the columns before what goes on below.
const HEADING: &str = "Usage: ";
const INDENT: usize = 11;

/// Returns the command line with usages that fit so many columns.
pub(super) fn fitted(mut command: Command, columns: Option<usize>) -> Command {
    let columns = columns.unwrap_or(usize::MAX);
    // The verbs get their whole names.
    command.build();
    let names: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, |verb| of_verb(verb, columns)))
}

fn of_verb(mut verb: Command, columns: usize) -> Command {
    let usage = verb.render_usage().to_string();
    let usage = usage.strip_prefix(HEADING).unwrap_or(&usage);
    let is_long = |(number, line): (usize, &str)| width(line) + if number == 0 { HEADING.len() } else { 0 } > columns;
    if !usage.lines().enumerate().any(is_long) {
        let usage = usage.to_owned();
        return verb.override_usage(usage);
    }
    // An option and its value stay together.
    let text = format!("{HEADING}{}", usage.replace(" <", "\u{a0}<"));
    let lines = wrapped(&text, columns, INDENT).join("\n").replace('\u{a0}', " ");
    verb.override_usage(lines.strip_prefix(HEADING).unwrap_or(&lines).to_owned())
}
