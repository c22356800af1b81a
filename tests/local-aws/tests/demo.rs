//! `cargo demo`: the story at a narrow terminal, the playground with every verb of `deployctl`, and its end.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use clap::CommandFactory as _;
use deployer_cli::Cli;
use local_aws::ci::send;
use local_aws::demo::Playground;
use local_aws::terminal::Terminal;
use local_aws::{Doing as _, Error, LocalAws, Result};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A command line for each verb, in an order in which each has something to do: its exit code and words of its output.
const VERBS: [(&str, &str, i32, &str); 27] = [
    ("version", "deployctl version", 0, "the command line of the deployer"),
    ("completions", "deployctl completions bash", 0, "complete -F _deployctl"),
    ("man", "deployctl man man1 && ls man1", 0, "deployctl-push.1"),
    ("validate", "deployctl validate hello/function.toml deployer.json", 0, "deployer.json"),
    ("init", "deployctl init --from hello --profile dev --out -", 0, "runtime = \"provided.al2023\""),
    ("status", "deployctl status", 0, "1.1.0 wants an approval"),
    ("history", "deployctl history -e prod -f hello", 0, "approved by ada"),
    ("plan", "deployctl plan hello -e dev", 0, "move alias"),
    ("diff", "deployctl diff -e dev -f hello 1.0.0 1.1.0", 0, "configuration: 1 field differs"),
    ("logs", "deployctl logs -e dev -f hello", 0, "deployment ended"),
    ("invoke", "deployctl invoke -e dev -f hello --payload '{}' --target-profile dev", 0, "runs no functions"),
    ("open", "deployctl open -e dev -f hello --print", 0, "#/functions/hello/aliases/live"),
    ("doctor", "deployctl doctor", 0, " 0 FAIL"),
    ("rollout", "deployctl rollout -e dev -f hello", 0, "no rollout of hello is under way in dev"),
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
    ("unreject", "deployctl unreject -f hello -r 1.2.0", 0, "1.2.0 of hello is rejected no more"),
    ("recall", "deployctl recall -f hello -r 1.1.0 --reason 'rude' --yes", 0, "prod/hello, 1.1.0 → 1.0.0: succeeded"),
];

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn every_verb_works_in_the_playground() -> Result<()> {
    let playground = Playground::open().await?;
    status_and_history_agree(playground.workspace().aws()).await?;
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

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn rollouts_can_be_tried_in_the_playground_and_its_deployer_json_edited() -> Result<()> {
    let playground = Playground::rolling_out().await?;
    let workspace = playground.workspace();
    let tried = async {
        workspace.run_undelivered("deployctl push hello -e dev -f hello -r 1.2.0", None).await?;
        said(&playground, "deployctl rollout -e dev -f hello", "1.2.0 gets 50 %").await?;
        said(&playground, "deployctl rollout abort -e dev -f hello --yes", "1.2.0 was taken back; 1.1.0 is live")
            .await?;
        said(&playground, "deployctl status hello -e dev", "1.2.0 was taken back at").await?;
        workspace.edit("deployer.json", "\"weight\": 50", "\"weight\": 20")?;
        said(&playground, "deployctl plan hello -e dev", "20 % for 3m").await
    };
    tokio::select! {
        served = playground.serve(None) => match served? {},
        tried = tried => tried,
    }
}

/// Runs a command until it says these words, for a minute at most.
async fn said(playground: &Playground, line: &str, words: &str) -> Result<()> {
    let until = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let ended = playground.workspace().run_undelivered(line, None).await?;
        if ended.said.contains(words) {
            return Ok(());
        }
        if tokio::time::Instant::now() > until {
            return Err(Error::Unexpected(format!("$ {line}: no {words:?} in\n{}", ended.said)));
        }
    }
}

/// Checks that each release is live since its record's end, though the demo has dated both back, and after its upload.
async fn status_and_history_agree(aws: &LocalAws) -> Result<()> {
    let mut since = Vec::new();
    for (environment, releases) in [("dev", 2), ("stage", 2), ("prod", 1)] {
        let head = aws.ledger_object(&format!("heads/{environment}/hello.json")).await?.unwrap_or_default();
        let history = head["history"].as_array().cloned().unwrap_or_default();
        assert_eq!(history.len(), releases, "{head:#}");
        for live in history {
            let id = live["deployment"].as_str().unwrap_or_default();
            let record = aws.ledger_object(&format!("deployments/{environment}/hello/{id}.json")).await?;
            assert_eq!(record.unwrap_or_default()["finished_at"], live["since"], "{live:#}");
            assert_eq!(live["by"], "bob", "{live:#}");
            let at = live["since"].as_str().unwrap_or_default();
            since.push((live["release"].clone(), at.parse::<jiff::Timestamp>().doing("reading a time")?));
        }
    }
    let in_order = |release: &str| since.iter().filter(|(of, _)| *of == release).map(|(_, at)| at).is_sorted();
    assert!(in_order("1.0.0") && in_order("1.1.0"), "dev, stage and prod come after each other: {since:?}");
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
#[ignore = "long: cargo verify"]
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
#[ignore = "long: cargo verify"]
async fn rollout_shows_a_good_release_go_through_and_a_bad_one_come_back() -> Result<()> {
    let output = demo(&["--rollout"]).output().await.doing("running the demo")?;
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    let story = ["1.1.0 gets 10 %", "1.1.0 gets 50 %", "1.1.0 gets all traffic", "1.2.0 gets 10 %", "1.2.0 failed"];
    let places: Vec<Option<usize>> = story.iter().map(|words| shown.find(words)).collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{places:?}\n{shown}");
    Ok(())
}

#[tokio::test]
#[ignore = "long: cargo verify"]
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
#[ignore = "long: cargo verify"]
async fn two_playgrounds_run_beside_each_other_and_ctrl_c_removes_them() -> Result<()> {
    let mut both = Vec::new();
    for signal in [Signal::INT, Signal::TERM] {
        let (mut terminal, child) = start(80, &["--keep"], &[])?;
        terminal.wait_for("What the deployer does").await?;
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
async fn ctrl_c_while_cargo_builds_ends_the_build_at_once() -> Result<()> {
    let place = tempfile::tempdir().doing("making a folder")?;
    let (cargo, pid) = (place.path().join("cargo"), place.path().join("pid"));
    let made = std::process::Command::new("mkfifo").arg(&pid).status().doing("making a pipe")?;
    assert!(made.success());
    std::fs::write(&cargo, format!("#!/bin/sh\necho $$ > {}\nexec tail -f /dev/null\n", pid.display()))
        .doing("writing")?;
    std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).doing("making a program")?;
    let mut command = demo(&[]);
    command.env("CARGO", &cargo).env_remove("DEPLOYER_BOOTSTRAP").stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().doing("starting the demo")?;
    // Reading ends when the build has told its number.
    let building = tokio::task::spawn_blocking(move || std::fs::read_to_string(pid)).await.doing("waiting")?;
    let building: i32 = building.doing("reading")?.trim().parse().doing("reading a number")?;
    send(&child, Signal::INT)?;
    let ended = child.wait_with_output().await.doing("waiting for the demo")?;
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(130), 0), "{ended:?}");
    assert!(String::from_utf8_lossy(&ended.stdout).contains("everything of it is removed"), "{ended:?}");
    let building = Pid::from_raw(building).ok_or_else(|| Error::Unexpected("it has no number".into()))?;
    assert_eq!(test_kill_process(building), Err(rustix::io::Errno::SRCH), "the build goes on");
    Ok(())
}

#[tokio::test]
async fn ctrl_c_and_a_reader_that_leaves_end_all_processes_and_folders() -> Result<()> {
    let starting = interrupted(&["--keep"], "with three environments starts", 0);
    let deploying = interrupted(&[], "waiting for its deployment", 130);
    let (starting, deploying, left) = tokio::join!(starting, deploying, left_by_its_reader());
    starting.and(deploying).and(left)
}

/// Starts the demo, and types Ctrl-C once its terminal shows these words.
async fn interrupted(arguments: &[&str], words: &str, exit: i32) -> Result<()> {
    let place = tempfile::tempdir().doing("making a folder")?;
    let (mut terminal, theirs) = Terminal::of_columns(80)?;
    let mut command = in_a_session(arguments, place.path());
    command.stdout(theirs.try_clone().doing("sharing a terminal")?).stderr(theirs);
    let child = command.spawn().doing("starting the demo")?;
    drop(command);
    terminal.wait_for(words).await?;
    let session = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let session = session.ok_or_else(|| Error::Unexpected("it has ended already".into()))?;
    kill_process_group(session, Signal::INT).doing("typing Ctrl-C")?;
    let (shown, code) = end(terminal, child).await?;
    assert_eq!(code, Some(exit), "{shown}");
    let last = shown.trim_end().lines().last().unwrap_or_default();
    assert_eq!(last, "The demo has ended, and everything of it is removed.", "{shown}");
    for trace in ["Traceback", "panicked", "demo: ", "error: "] {
        assert!(!shown.contains(trace), "{shown}");
    }
    nothing_is_left(place.path(), session).await
}

/// Starts the demo with a reader that takes the first lines only, as `head` does.
async fn left_by_its_reader() -> Result<()> {
    let place = tempfile::tempdir().doing("making a folder")?;
    let mut command = in_a_session(&[], place.path());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().doing("starting the demo")?;
    let session = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let mut lines = child.stdout.take().map(|out| BufReader::new(out).lines());
    while let Some(lines) = &mut lines
        && let Some(line) = lines.next_line().await.doing("reading")?
    {
        if line.contains("deployctl push") {
            break;
        }
    }
    drop(lines);
    child.wait().await.doing("waiting for the demo")?;
    nothing_is_left(place.path(), session.ok_or_else(|| Error::Unexpected("it never started".into()))?).await
}

/// The demo as the leader of a session and a process group, with this folder for its temporary files.
fn in_a_session(arguments: &[&str], place: &Path) -> Command {
    let mut command = Command::new("setsid");
    command.arg(env!("CARGO_BIN_EXE_demo")).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.env("TMPDIR", place).env("TERM", "xterm");
    command
}

/// Waits until no process of the session is left, which the kernel may still be ending, and looks for files.
async fn nothing_is_left(place: &Path, session: Pid) -> Result<()> {
    let ended = async {
        while !processes_of(session)?.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok::<_, Error>(())
    };
    match tokio::time::timeout(Duration::from_secs(20), ended).await {
        Ok(ended) => ended?,
        Err(_) => return Err(Error::Unexpected(format!("processes are left: {:?}", processes_of(session)?))),
    }
    let files: Vec<_> = std::fs::read_dir(place).doing("reading a folder")?.flatten().map(|one| one.path()).collect();
    assert!(files.is_empty(), "{files:?}");
    Ok(())
}

/// Returns the command and the state of each process of a session that runs (proc(5), `/proc/pid/stat`).
fn processes_of(session: Pid) -> Result<Vec<String>> {
    let session = session.as_raw_nonzero().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").doing("reading /proc")?.flatten() {
        // A process may end while it is read.
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((command, rest)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = rest.split(' ').collect();
        if fields.get(3) == Some(&session.as_str()) && fields[0] != "Z" {
            found.push(command.to_owned());
        }
    }
    Ok(found)
}

#[tokio::test]
async fn missing_program_is_named_with_what_to_install() -> Result<()> {
    let nothing = tempfile::tempdir().doing("making a folder")?;
    let cases: [(&[&str], &str, &str); 2] = [
        (&[], "PATH", "the local AWS needs Python 3.10 or newer, and there is none in PATH: install it"),
        (&["--terraform"], "DEPLOYER_TERRAFORM", "infra/ needs Terraform or OpenTofu 1.9 or newer"),
    ];
    for (arguments, variable, words) in cases {
        let mut command = demo(arguments);
        command.env_remove("DEPLOYER_PYTHON").env(variable, nothing.path());
        let output = command.output().await.doing("running the demo")?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("demo: ") && said.contains(words), "{said}");
        assert_eq!(said.contains("cargo demo --quick"), !arguments.is_empty(), "{said}");
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
