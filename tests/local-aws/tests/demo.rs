//! `cargo demo`: the story at a narrow terminal, the playground with every verb of `deployctl`, and its end.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use clap::CommandFactory as _;
use deployer_cli::Cli;
use local_aws::ci::send;
use local_aws::demo::Playground;
use local_aws::terminal::Terminal;
use local_aws::{Doing as _, Error, Result};
use rustix::process::Signal;
use tokio::process::{Child, Command};

/// A command line for each verb, in an order in which each has something to do: its exit code and words of its output.
const VERBS: [(&str, &str, i32, &str); 26] = [
    ("version", "deployctl version", 0, "the command line of the deployer"),
    ("completions", "deployctl completions bash", 0, "complete -F _deployctl"),
    ("man", "deployctl man man1 && ls man1", 0, "deployctl-push.1"),
    ("validate", "deployctl validate hello/function.toml deployer.json", 0, "deployer.json"),
    ("init", "deployctl init --from hello --profile dev --out -", 0, "runtime = \"provided.al2023\""),
    ("status", "deployctl status", 0, "1.1.0 wants an approval"),
    ("history", "deployctl history -e prod -f hello", 0, "succeeded"),
    ("plan", "deployctl plan hello -e dev", 0, "move alias"),
    ("diff", "deployctl diff -e dev -f hello 1.0.0 1.1.0", 0, "configuration: 1 field differs"),
    ("logs", "deployctl logs -e dev -f hello", 0, "deployment ended"),
    ("invoke", "deployctl invoke -e dev -f hello --payload '{}' --target-profile dev", 0, "runs no functions"),
    ("open", "deployctl open -e dev -f hello --print", 0, "#/functions/hello/aliases/live"),
    ("doctor", "deployctl doctor", 0, " 0 FAIL"),
    ("redrive", "deployctl redrive --peek", 0, "no message lies there"),
    ("push", "deployctl push hello -e dev -f hello -r 1.2.0 --wait", 0, "dev/hello/1.2.0: succeeded"),
    ("redeploy", "deployctl redeploy -e dev -f hello", 0, "dev/hello/1.2.0: unchanged"),
    ("deploy", "deployctl deploy -e dev -f hello -r 1.1.0", 0, "dev/hello/1.1.0: succeeded"),
    ("rollback", "deployctl rollback -e dev -f hello --yes", 0, "dev/hello/1.2.0: succeeded"),
    ("hold", "deployctl hold -e dev -f hello --reason 'stock-taking'", 0, "stock-taking"),
    ("release-hold", "deployctl release-hold -e dev -f hello", 0, "hello in dev"),
    ("decline", "deployctl decline -e prod -f hello --reason 'not today'", 0, "declined by ada"),
    ("promote", "deployctl promote -f hello --from stage --to prod", 0, "waits for an approval"),
    ("approve", "deployctl approve -e prod -f hello --requested-by bob", 0, "prod/hello/1.1.0: succeeded"),
    ("reject", "deployctl reject -f hello -r 1.2.0 --reason 'loses greetings'", 0, "loses greetings"),
    ("unreject", "deployctl unreject -f hello -r 1.2.0", 0, "hello in dev"),
    ("recall", "deployctl recall -f hello -r 1.1.0 --reason 'rude' --yes", 0, "prod/hello/1.0.0: succeeded"),
];

#[tokio::test]
async fn every_verb_works_in_the_playground() -> Result<()> {
    let playground = Playground::open().await?;
    let verbs = async {
        let mut wrong = Vec::new();
        for (_, line, exit, words) in VERBS {
            let ended = playground.workspace().run_undelivered(line, None).await?;
            if ended.exit != Some(exit) || !ended.said.contains(words) {
                wrong.push(format!(
                    "$ {line}   (expected {exit} and {words:?}, found {:?})\n{}",
                    ended.exit, ended.said
                ));
            }
        }
        Ok::<_, Error>(wrong)
    };
    let wrong = tokio::select! {
        served = playground.serve(None) => match served? {},
        wrong = verbs => wrong?,
    };
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn playground_has_a_row_for_each_verb() {
    let command = Cli::command();
    let verbs: BTreeSet<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    let rows: BTreeSet<&str> = VERBS.iter().map(|(verb, ..)| *verb).collect();
    assert_eq!(rows, verbs, "each verb of deployctl needs a row in VERBS, and works in cargo demo --keep");
    for (verb, line, ..) in VERBS {
        assert!(line.starts_with(&format!("deployctl {verb} ")) || line == format!("deployctl {verb}"), "{line}");
    }
}

#[tokio::test]
async fn story_is_plain_and_wrapped_at_60_columns() -> Result<()> {
    let (terminal, child) = start(60, &[], &[("NO_COLOR", "1")])?;
    let (shown, exit) = end(terminal, child).await?;
    assert_eq!(exit, Some(0), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
    let chapters = ["1. ", "2. ", "3. ", "4. ", "5. ", "What next?"];
    let places: Vec<Option<usize>> = chapters.iter().map(|chapter| shown.find(&format!("\n{chapter}"))).collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{places:?}\n{shown}");
    // A command is never broken, so that it can be copied.
    let is_command = |line: &str| line.trim_start().trim_start_matches("$ ").starts_with("deployctl ");
    for line in shown.lines().filter(|line| line.chars().count() > 60 && !is_command(line)) {
        assert_eq!(line.split_whitespace().count(), 1, "{line}");
    }
    for command in [
        "$ deployctl promote -f hello --from stage --to prod",
        "$ deployctl approve -e prod -f hello --requested-by bob",
        "deployctl recall -f hello -r 1.1.0 --reason \"1.1.0 is bad\"",
    ] {
        assert!(shown.lines().any(|line| line.trim() == command), "{command:?} is not a line of:\n{shown}");
    }
    Ok(())
}

#[tokio::test]
async fn quick_shows_the_steps_of_three_uploads() -> Result<()> {
    let output = demo(&["--quick"]).output().await.doing("running the demo")?;
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(shown.matches("upload received: dev/hello/").count(), 3, "{shown}");
    assert!(shown.contains("planned: update configuration, update code, move alias"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "colours are for terminals");
    Ok(())
}

#[tokio::test]
async fn two_playgrounds_run_beside_each_other_and_ctrl_c_removes_them() -> Result<()> {
    let mut both = Vec::new();
    for signal in [Signal::INT, Signal::TERM] {
        let (mut terminal, child) = start(80, &["--keep"], &[])?;
        terminal.wait_for("What the deployer does:").await?;
        let folder = folder_of(terminal.seen())?;
        assert!(folder.join("hello/function.toml").is_file(), "{}", folder.display());
        both.push((terminal, child, folder, signal));
    }
    assert_ne!(both[0].2, both[1].2);
    for (terminal, child, folder, signal) in both {
        send(&child, signal)?;
        let (shown, exit) = end(terminal, child).await?;
        assert_eq!(exit, Some(0), "{shown}");
        assert!(!folder.exists() && shown.contains("everything of it is removed"), "{}: {shown}", folder.display());
    }
    Ok(())
}

#[tokio::test]
async fn wrong_options_exit_with_2_and_help_tells_all() -> Result<()> {
    for wrong in [&["--quick", "--keep"][..], &["--port", "80"], &["--without-terraform"], &["hello"]] {
        let output = demo(wrong).output().await.doing("running the demo")?;
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{wrong:?}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.starts_with("error: ") && said.contains("--help"), "{said}");
    }
    let help = demo(&["--help"]).output().await.doing("running the demo")?;
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    for words in ["--quick", "--keep", "--terraform", "NO_COLOR", "Exit codes", "Usage: cargo demo"] {
        assert!(text.contains(words), "{words} is missing in:\n{text}");
    }
    Ok(())
}

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true).env_remove("NO_COLOR").env("TERM", "xterm");
    command
}

/// Starts the demo on a terminal with so many columns.
fn start(columns: u16, arguments: &[&str], more: &[(&str, &str)]) -> Result<(Terminal, Child)> {
    let (terminal, theirs) = Terminal::of_columns(columns)?;
    let mut command = demo(arguments);
    command.envs(more.iter().copied());
    command.stdout(theirs);
    // The terminal ends when nobody has it open any more.
    Ok((terminal, command.spawn().doing("starting the demo")?))
}

/// Returns what the demo has shown, and its exit code.
async fn end(terminal: Terminal, mut child: Child) -> Result<(String, Option<i32>)> {
    let status = child.wait().await.doing("waiting for the demo")?;
    Ok((terminal.end().await, status.code()))
}

fn folder_of(shown: &str) -> Result<PathBuf> {
    let line = shown.lines().find_map(|line| line.trim().strip_prefix("cd "));
    line.map(|folder| Path::new(folder).to_path_buf()).ok_or_else(|| Error::Unexpected(format!("no folder in {shown}")))
}
