//! Bad input and confirmation.

use local_aws::ci::send;
use local_aws::terminal::Terminal;
use local_aws::{Doing as _, Result};
use rustix::process::Signal;

use crate::harness::{Account, ended};

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
    let child = account.program(&[]).stdin(theirs).spawn().doing("starting live-check")?;
    terminal.type_line("n")?;
    let run = ended(child).await?;
    assert_eq!(run.exit, Some(2), "{run:?}");
    for told in ["Account 123456789012, region eu-west-1", "a bucket, roles below /live-check/", "0.05 USD", "Go on?"] {
        assert!(run.err.contains(told), "{told}: {run:?}");
    }
    assert!(run.err.contains("not confirmed: nothing was made"), "{run:?}");
    account.nothing_is_left().await
}

#[tokio::test]
async fn interrupt_at_the_question_ends_the_run_at_once() -> Result<()> {
    let account = Account::start().await?;
    let (_terminal, theirs) = Terminal::open()?;
    let mut child = account.program(&[]).stdin(theirs).spawn().doing("starting live-check")?;
    account.until_told(&mut child, "Go on?").await?;
    send(&child, Signal::INT)?;
    assert_eq!(ended(child).await?.exit, None, "a signal has ended it");
    account.nothing_is_left().await
}
