//! `docs/deployctl.md` is made from clap's definition of `deployctl` and from the pages in `docs/deployctl/`.
//!
//! The test of the same name in the package `local-aws` runs the examples and compares their output.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory as _};
use deployer_cli::{Cli, Exit};

/// The first line of each part, for who reads it alone: its links are those of the whole page.
const PART: &str = "> A part of [deployctl](../deployctl.md), where its links lead on.\n\n";
const STALE: &str = "docs/deployctl.md is stale: UPDATE_DOCS=1 cargo test --test deployctl_docs";

/// `UPDATE_DOCS=1 cargo test --test deployctl_docs` rewrites the page.
#[test]
fn deployctl_page_is_current() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let written = |name: &str| {
        let text = std::fs::read_to_string(docs.join(format!("deployctl/{name}.md"))).unwrap_or_default();
        text.strip_prefix(PART).map_or(text.clone(), str::to_owned)
    };
    let (page, text) = (docs.join("deployctl.md"), page(&command(), written));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&page).unwrap_or_default(), text, "{STALE}");
}

#[test]
fn each_page_is_about_an_existing_verb() {
    let command = command();
    let verbs: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/deployctl");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(name == "introduction" || verbs.contains(&name), "{} is about no verb of {verbs:?}", path.display());
    }
}

#[test]
fn each_verb_has_about_exit_codes_and_example() {
    Cli::command().debug_assert();
    for verb in command().get_subcommands().filter(|verb| verb.get_name() != "version") {
        let (name, about) = (verb.get_name(), verb.get_about().unwrap().to_string());
        let below = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(!about.is_empty() && below.contains("Exit codes: 0 "), "{name}: {about}\n{below}");
        assert!(below.contains("deployctl "), "{name} has no example");
    }
}

#[tokio::test]
async fn man_writes_a_page_of_each_verb_with_its_options() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("share/man1");
    let (exit, out) = run(&["man", to.to_str().unwrap()]).await;
    assert_eq!((exit, out.lines().count()), (Exit::Done, 2), "{out}");
    let main = std::fs::read_to_string(to.join("deployctl.1")).unwrap();
    for verb in command().get_subcommands() {
        let name = verb.get_name();
        assert!(main.contains(&format!("deployctl\\-{}", name.replace('-', "\\-"))), "{name} is not in {main}");
        let page = std::fs::read_to_string(to.join(format!("deployctl-{name}.1"))).unwrap();
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{name}: {page}");
        for long in verb.get_arguments().filter_map(Arg::get_long) {
            assert!(page.contains(&format!("\\-\\-{}", long.replace('-', "\\-"))), "{name} --{long}: {page}");
        }
    }
}

#[tokio::test]
async fn man_fails_where_the_folder_is_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (exit, out) = run(&["man", file.path().to_str().unwrap(), "--output", "json"]).await;
    assert!(exit == Exit::Failed && out.contains("name a folder that you may write to"), "{out}");
}

#[tokio::test]
async fn completions_of_each_shell_name_each_verb() {
    for shell in ["bash", "zsh", "fish"] {
        let (exit, script) = run(&["completions", shell]).await;
        assert_eq!(exit, Exit::Done);
        for verb in command().get_subcommands().map(Command::get_name) {
            assert!(script.contains(verb), "{shell} does not complete {verb}");
        }
    }
}

async fn run(arguments: &[&str]) -> (Exit, String) {
    let mut out = Vec::new();
    let all = std::iter::once("deployctl").chain(arguments.iter().copied()).map(Into::into).collect();
    let exit = Cli::main(all, &mut out).await.unwrap();
    (exit, String::from_utf8(out).unwrap())
}

#[test]
fn options_have_same_names_in_every_verb() {
    for verb in command().get_subcommands() {
        for (long, short) in [("environment", 'e'), ("function", 'f'), ("release", 'r')] {
            let found = verb.get_arguments().find(|arg| arg.get_long() == Some(long));
            let name = verb.get_name();
            assert!(found.is_none_or(|arg| arg.get_short() == Some(short)), "{name}: --{long} is not -{short}");
        }
    }
}

#[test]
fn contradicting_options_are_wrong_use() {
    for line in [
        "deploy x -i arn:aws:iam::111111111111:role/a --no-wait",
        "deploy x --direct --timeout 5m",
        "deploy x --direct -i arn:aws:iam::111111111111:role/a",
        "deploy x -i arn:aws:iam::111111111111:role/a --account 111111111111",
        "plan x --release 1.4.2",
        "push x -e dev -f orders -r 1 --bucket b-c-d --timeout 5m",
        "redeploy -e dev -f orders --no-wait --timeout 5m",
        "status orders -f orders",
    ] {
        let parsed = Cli::command().try_get_matches_from(std::iter::once("deployctl").chain(line.split(' ')));
        let error = parsed.err().unwrap_or_else(|| panic!("{line} is taken"));
        assert_eq!(error.exit_code(), 2, "{line}: {error}");
    }
}

fn command() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

/// Makes the page: the introduction, the parts about all verbs, then each verb as `--help` shows it.
fn page(command: &Command, written: impl Fn(&str) -> String) -> String {
    let mut text = written("introduction");
    let _infallible = write!(text, "\n## The verbs\n\n| verb | what it is for |\n|---|---|\n");
    for verb in command.get_subcommands() {
        let name = verb.get_name();
        let _infallible =
            writeln!(text, "| [{name}](#{name}) | {} |", one_line(&verb.get_about().unwrap().to_string()));
    }
    text.push_str("\nOf every verb:\n\n");
    options(&mut text, command.get_arguments());
    below(&mut text, command);
    for verb in command.get_subcommands() {
        let name = verb.get_name();
        let about = verb.get_long_about().or_else(|| verb.get_about()).unwrap().to_string();
        let usage = verb.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ");
        let _infallible = write!(text, "\n## {name}\n\n{}\n\n```text\n{usage}\n```\n\n", about.trim());
        options(&mut text, verb.get_arguments().filter(|arg| arg.get_id() != "output"));
        below(&mut text, verb);
        let written = written(name);
        if !written.is_empty() {
            let _infallible = write!(text, "\n{}\n", written.trim());
        }
    }
    text
}

/// Writes the text below the options.
fn below(text: &mut String, command: &Command) {
    if let Some(words) = command.get_after_help() {
        let _infallible = write!(text, "\n```text\n{}\n```\n", wrapped(words.to_string().trim(), 120));
    }
}

/// Wraps the paragraphs at a width; a line that begins with a space stays whole.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        lines.push(String::new());
        let words = if line.starts_with(' ') { vec![line] } else { line.split(' ').collect() };
        for word in words {
            match lines.last_mut() {
                Some(last) if last.is_empty() => last.push_str(word),
                Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                    last.push(' ');
                    last.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
    }
    lines.join("\n")
}

/// Writes a line for each option, with default and environment variable.
fn options<'a>(text: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    for arg in arguments.filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
        let values = arg.get_value_names().filter(|_| arg.get_action().takes_values()).unwrap_or_default();
        let values = values.iter().map(|name| format!("<{name}>")).collect::<Vec<_>>().join(" ");
        let names = match (arg.get_short(), arg.get_long()) {
            (Some(short), Some(long)) => format!("-{short}, --{long} {values}"),
            (None, Some(long)) => format!("--{long} {values}"),
            (_, None) => values,
        };
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let defaults: Vec<String> = arg.get_default_values().iter().map(|v| v.to_string_lossy().into_owned()).collect();
        let mut notes = Vec::new();
        if arg.is_required_set() {
            notes.push("required".to_owned());
        }
        if !defaults.is_empty() && arg.get_action().takes_values() {
            notes.push(format!("default: `{}`", defaults.join(" ")));
        }
        let possible: Vec<String> = arg.get_possible_values().iter().map(|v| format!("`{}`", v.get_name())).collect();
        if !possible.is_empty() && arg.get_action().takes_values() {
            notes.push(format!("one of {}", possible.join(", ")));
        }
        if let Some(variable) = arg.get_env() {
            notes.push(format!("environment: `{}`", variable.to_string_lossy()));
        }
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
        let _infallible = writeln!(text, "- `{}`: {}{notes}", names.trim(), one_line(&help));
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
