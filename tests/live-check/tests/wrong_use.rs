//! Bad input and confirmation.

use std::fs::File;

use local_aws::ci::send;
use local_aws::terminal::Terminal;
use local_aws::{Doing as _, Result};
use rustix::process::Signal;
use tokio::process::{Child, Command};

use crate::harness::{Account, ended};

/// Starts the program for a person at a terminal.
fn on_terminal(mut command: Command, theirs: File) -> Result<Child> {
    let keyboard = theirs.try_clone().doing("sharing a terminal")?;
    command.stdin(keyboard).stderr(theirs).spawn().doing("starting live-check")
}

#[tokio::test]
async fn wrong_use_is_refused_before_anything_is_made() -> Result<()> {
    let account = Account::start().await?;
    for (arguments, says) in [
        (&["--only", "missing-object-is-denyed", "--yes"][..], "missing-object-is-denied"),
        (&["--only", "replayed-event-is-marked", "--yes"], "replayed-event-is-marked would not be asked: it takes"),
        (&["--clean", "--keep"], "cannot be used with"),
        (&["--list", "--with-key"], "cannot be used with"),
        (&[], "there is no terminal to ask on: add --yes"),
        (&["--region", "eu_west 1", "--yes"], "reading the region"),
    ] {
        let run = account.run(arguments).await?;
        assert_eq!(run.exit, Some(2), "{arguments:?}: {run:?}");
        assert!(run.err.contains(says), "{arguments:?}: {run:?}");
    }
    let calls = account.control.calls_since(0).await?;
    assert!(calls.iter().all(|call| call.operation == "GetCallerIdentity"), "{calls:?}");
    Ok(())
}

#[tokio::test]
async fn missing_credentials_and_region_are_named() -> Result<()> {
    let account = Account::start().await?;
    let run = account.program_without_keys(&["--yes"]).spawn().doing("starting live-check")?;
    let run = ended(run).await?;
    assert_eq!(run.exit, Some(2), "{run:?}");
    assert!(run.err.contains("finding the account (sts:GetCallerIdentity)"), "{run:?}");
    let run = account.program(&["--yes"]).env_remove("AWS_REGION").spawn().doing("starting live-check")?;
    let run = ended(run).await?;
    assert!(run.exit == Some(2) && run.err.contains("no region is set: add --region"), "{run:?}");
    Ok(())
}

#[tokio::test]
async fn person_who_does_not_confirm_gets_nothing_made() -> Result<()> {
    let account = Account::start().await?;
    let (mut terminal, theirs) = Terminal::open()?;
    let child = on_terminal(account.program(&[]), theirs)?;
    terminal.type_line("n")?;
    let run = ended(child).await?;
    assert_eq!(run.exit, Some(2), "{run:?}");
    let seen = terminal.end().await;
    for told in ["Account 123456789012, region eu-west-1", "a bucket, roles below /live-check/", "0.05 USD", "Go on?"] {
        assert!(seen.contains(told), "{told}: {seen}");
    }
    assert!(seen.contains("not confirmed: nothing was made"), "{seen}");
    account.nothing_is_left().await
}

#[tokio::test]
async fn question_that_nobody_can_see_or_answer_is_not_asked() -> Result<()> {
    let account = Account::start().await?;
    let (mut terminal, theirs) = Terminal::open()?;
    terminal.type_line("y")?;
    let only_answers = theirs.try_clone().doing("sharing a terminal")?;
    let unseen = account.program(&[]).stdin(only_answers).spawn().doing("starting live-check")?;
    let unseen = ended(unseen).await?;
    assert_eq!(unseen.exit, Some(2), "{unseen:?}");
    assert!(unseen.err.contains("there is no terminal to ask on: add --yes"), "{unseen:?}");
    assert!(!unseen.err.contains("Go on?"), "{unseen:?}");
    let unanswered = account.program(&[]).stderr(theirs).spawn().doing("starting live-check")?;
    assert_eq!(ended(unanswered).await?.exit, Some(2));
    let seen = terminal.end().await;
    assert!(seen.contains("there is no terminal to ask on: add --yes") && !seen.contains("Go on?"), "{seen}");
    account.nothing_is_left().await
}

#[tokio::test]
async fn interrupt_at_the_question_ends_the_run_at_once() -> Result<()> {
    let account = Account::start().await?;
    let (mut terminal, theirs) = Terminal::open()?;
    let child = on_terminal(account.program(&[]), theirs)?;
    terminal.wait_for("Go on?").await?;
    send(&child, Signal::INT)?;
    assert_eq!(ended(child).await?.exit, None, "a signal has ended it");
    account.nothing_is_left().await
}
