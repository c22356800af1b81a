//! `--clean`, and the removal at the end of a run.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use local_aws::{Doing as _, Fault, Result, ci::send};
use rustix::process::Signal;

use crate::harness::{ACCOUNT, Account, REGION, ended};

/// A removal that waits for something looks again for two minutes.
const AT_ONCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn clean_removes_what_a_killed_run_has_left() -> Result<()> {
    let account = Account::start().await?;
    let mut child = account.hanging(&["--yes"]).await?;
    child.kill().await.doing("killing live-check")?;
    account.control.release().await?;
    assert!(!account.left().await?.is_empty(), "a killed run leaves something");
    let cleaned = account.run(&["--clean", "--yes"]).await?;
    assert_eq!(cleaned.exit, Some(0), "{cleaned:?}");
    assert!(cleaned.err.contains("removed role live-check-"), "{cleaned:?}");
    account.nothing_is_left().await?;
    let again = account.run(&["--clean"]).await?;
    assert!(again.exit == Some(0) && again.err.contains("no run has left anything"), "{again:?}");
    Ok(())
}

#[tokio::test]
async fn clean_leaves_what_has_the_name_and_not_the_tag() -> Result<()> {
    let account = Account::start().await?;
    account
        .clients
        .sqs(ACCOUNT, REGION)
        .create_queue()
        .queue_name("live-check-mine")
        .send()
        .await
        .doing("making a queue")?;
    account.clients.sqs(ACCOUNT, REGION).create_queue().queue_name("orders").send().await.doing("making a queue")?;
    let cleaned = account.run(&["--clean", "--yes"]).await?;
    assert_eq!(cleaned.exit, Some(0), "{cleaned:?}");
    assert!(cleaned.err.contains("live-check-mine has no tag `live-check`, and is left as it is"), "{cleaned:?}");
    assert_eq!(account.left().await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn kept_lab_is_listed_and_cleaned_later() -> Result<()> {
    let account = Account::start().await?;
    let run = account.run(&["--yes", "--keep", "--only", "missing-object-is-denied"]).await?;
    assert_eq!(run.exit, Some(0), "{run:?}");
    let left = account.left().await?;
    assert_eq!(left.len(), 2, "a bucket and a function: {left:?}");
    assert!(left.iter().all(|name| run.err.contains(name)), "{run:?}");
    let cleaned = account.run(&["--clean", "--yes"]).await?;
    assert_eq!(cleaned.exit, Some(0), "{cleaned:?}");
    account.nothing_is_left().await
}

#[tokio::test]
async fn removal_that_fails_once_is_repeated() -> Result<()> {
    let account = Account::start().await?;
    account.control.fault(&Fault::new("DeleteRole", 400, "InvalidInput", "planted").times(1)).await?;
    let run = account.run(&["--yes", "--only", "missing-object-is-denied"]).await?;
    assert_eq!(run.exit, Some(0), "{run:?}");
    account.nothing_is_left().await
}

#[tokio::test]
async fn removal_that_is_interrupted_names_what_is_left_and_the_way_out() -> Result<()> {
    let account = Account::start().await?;
    account.control.fault(&Fault::new("DeleteRole", 400, "InvalidInput", "planted").forever()).await?;
    let mut child = account.program(&["--yes", "--only", "missing-object-is-denied"]).spawn().doing("starting")?;
    account.until_told(&mut child, "removed bucket").await?;
    send(&child, Signal::INT)?;
    let run = ended(child).await?;
    assert_eq!(run.exit, Some(3), "{run:?}");
    assert!(run.out.contains("1 confirmed"), "the answers are printed all the same: {run:?}");
    account.control.no_faults().await?;
    let cleaned = account.run(&["--clean", "--yes"]).await?;
    assert_eq!(cleaned.exit, Some(0), "{cleaned:?}");
    account.nothing_is_left().await
}

#[tokio::test]
async fn clean_removes_a_key_that_bears_nothing_but_its_tag() -> Result<()> {
    let account = Account::start().await?;
    let left = account.key("live-check", "abcdefghij").await?;
    let others = account.key("team", "live-check").await?;
    // The right to remove a key depends on a tag, which counts some minutes after the key is made.
    account.control.fault(&Fault::new("ScheduleKeyDeletion", 400, "AccessDeniedException", "planted").times(1)).await?;
    let cleaned = account.run(&["--clean", "--yes"]).await?;
    assert_eq!(cleaned.exit, Some(0), "{cleaned:?}");
    assert!(cleaned.err.contains(&format!("removed key {left}")), "{cleaned:?}");
    assert_eq!(account.key_state(&left).await?, "PendingDeletion");
    assert_eq!(account.key_state(&others).await?, "Enabled");
    let again = account.run(&["--clean"]).await?;
    assert!(again.exit == Some(0) && again.err.contains("no run has left anything"), "{again:?}");
    Ok(())
}

#[tokio::test]
async fn clean_removes_an_empty_bucket_of_a_runs_name_without_its_tag() -> Result<()> {
    let account = Account::start().await?;
    for name in ["live-check-abcdefghij", "live-check-mine", "live-check-full234567"] {
        account.bucket(name).await?;
    }
    let s3 = account.clients.s3(ACCOUNT, REGION);
    let put = s3.put_object().bucket("live-check-full234567").key("a").body(b"1".to_vec().into());
    put.send().await.doing("putting an object")?;
    let cleaned = account.run(&["--clean", "--yes"]).await?;
    assert_eq!(cleaned.exit, Some(0), "{cleaned:?}");
    for kept in ["live-check-mine", "live-check-full234567"] {
        assert!(cleaned.err.contains(&format!("bucket {kept} has no tag `live-check`, and is left")), "{cleaned:?}");
    }
    assert_eq!(
        BTreeSet::from_iter(account.left().await?),
        ["live-check-full234567", "live-check-mine"].map(str::to_owned).into()
    );
    Ok(())
}

#[tokio::test]
async fn clean_without_rights_to_keys_ends_at_once_and_names_the_right() -> Result<()> {
    let account = Account::start().await?;
    account.key("live-check", "abcdefghij").await?;
    for (operation, right) in [("ListKeys", "kms:ListKeys"), ("ListResourceTags", "kms:ListResourceTags")] {
        account.bucket("live-check-abcdefghij").await?;
        let denied = Fault::new(operation, 400, "AccessDeniedException", "planted").forever();
        account.control.fault(&denied).await?;
        let began = Instant::now();
        let cleaned = account.run(&["--clean", "--yes"]).await?;
        assert!(began.elapsed() < AT_ONCE, "it took {:?}: {cleaned:?}", began.elapsed());
        assert_eq!(cleaned.exit, Some(3), "{cleaned:?}");
        let says = format!("({right}): this right is missing: 400 AccessDeniedException: planted");
        assert!(cleaned.err.contains("LEFT: ") && cleaned.err.contains(&says), "{cleaned:?}");
        assert!(cleaned.err.contains("by somebody with these rights removes the rest"), "{cleaned:?}");
        assert_eq!(account.left().await?, Vec::<String>::new(), "everything else is removed");
        let again = account.run(&["--clean", "--yes"]).await?;
        assert!(again.exit == Some(3) && again.err.contains("not all could be looked at"), "{again:?}");
        account.control.no_faults().await?;
    }
    Ok(())
}

#[tokio::test]
async fn removal_that_is_denied_ends_at_once_and_names_the_right() -> Result<()> {
    let account = Account::start().await?;
    account.control.fault(&Fault::new("DeleteRole", 403, "AccessDenied", "planted").forever()).await?;
    let began = Instant::now();
    let run = account.run(&["--yes", "--only", "missing-object-is-denied"]).await?;
    assert!(began.elapsed() < AT_ONCE, "it took {:?}: {run:?}", began.elapsed());
    assert_eq!(run.exit, Some(3), "{run:?}");
    assert!(run.err.contains("removing a role (iam:DeleteRole): this right is missing: 403"), "{run:?}");
    account.control.no_faults().await?;
    let cleaned = account.run(&["--clean", "--yes"]).await?;
    assert_eq!(cleaned.exit, Some(0), "{cleaned:?}");
    account.nothing_is_left().await
}
