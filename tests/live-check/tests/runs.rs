//! Runs to the end, with failures, and with interrupts.

use live_check::{Needs, questions};
use local_aws::{Doing as _, Fault, Result, Roles, ci::send};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Account, ended};

#[tokio::test]
async fn each_question_has_its_row_and_everything_is_removed() -> Result<()> {
    let account = Account::start().await?;
    let run = account.run(&["--yes", "--slow", "--with-key", "--output", "json"]).await?;
    let json = run.json()?;
    let verdicts: Vec<(Value, Value)> = json["questions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| (row["name"].clone(), row["verdict"].clone()))
        .collect();
    let expected: Vec<(Value, Value)> = questions::all()
        .iter()
        .map(|question| question.about())
        .map(|about| (json!(about.name), json!(about.on_local_aws.verdict())))
        .collect();
    assert_eq!(verdicts, expected, "{json:#}\n{}", run.err);
    assert_eq!(run.exit, Some(i32::from(verdicts.iter().any(|(_, verdict)| verdict == "refuted"))));
    assert_eq!(json["left"], json!([]));
    account.nothing_is_left().await
}

#[tokio::test]
async fn without_options_neither_minutes_nor_a_key_are_spent() -> Result<()> {
    let account = Account::start().await?;
    let run = account.run(&["--yes"]).await?;
    assert!(run.out.contains("\nnot asked  replayed-event-is-marked\n"), "{run:?}");
    assert!(run.out.contains("add --slow") && run.out.contains("add --with-key"), "{run:?}");
    let calls = account.control.calls_since(0).await?;
    assert!(calls.iter().all(|call| call.service != "kms"), "a run without a key needs none of KMS's rights");
    account.nothing_is_left().await
}

#[tokio::test]
async fn policy_of_the_page_suffices() -> Result<()> {
    let account = Account::start().await?;
    let roles = Roles::of(&account.control, ACCOUNT);
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "ec2.amazonaws.com"}}]});
    let rights: Value = serde_json::from_str(live_check::page::RIGHTS).doing("reading the rights")?;
    roles.create_with(("/", "asker"), &trust, &rights).await?;
    let keys = account.control.session(&format!("arn:aws:iam::{ACCOUNT}:role/asker"), "asker").await?;
    // The local AWS knows no tags of keys, by which the policy allows the use of them.
    let command = account.program_of(&keys, &["--yes", "--slow", "--output", "json"]).spawn();
    let run = ended(command.doing("starting live-check")?).await?;
    let all = questions::all();
    for about in all.iter().map(|question| question.about()).filter(|about| about.needs != Needs::Key) {
        let expected = json!(about.on_local_aws.verdict());
        assert_eq!(json!(run.verdict(about.name)?), expected, "{}: {}", about.name, run.out);
    }
    assert_eq!(run.json()?["left"], json!([]));
    Ok(())
}

#[tokio::test]
async fn failing_question_stops_no_other() -> Result<()> {
    let account = Account::start().await?;
    account
        .control
        .fault(&Fault::new("CreateAlias", 400, "InvalidParameterValueException", "planted").forever())
        .await?;
    let asked = ["missing-object-is-denied", "same-alias-write-changes-revision", "tags-need-list-tags"];
    let only = asked.iter().flat_map(|name| ["--only", *name]);
    let run = account.run(&["--yes", "--output", "json"].into_iter().chain(only).collect::<Vec<_>>()).await?;
    assert_eq!(run.exit, Some(0), "{run:?}");
    let verdicts = [run.verdict(asked[0])?, run.verdict(asked[1])?, run.verdict(asked[2])?];
    assert_eq!(verdicts, ["confirmed", "unclear", "confirmed"], "{run:?}");
    assert!(run.out.contains("planted"), "{run:?}");
    account.nothing_is_left().await
}

#[tokio::test]
async fn refuted_belief_ends_with_1_and_names_the_code_that_relies_on_it() -> Result<()> {
    let account = Account::start().await?;
    account.control.fault(&Fault::new("GetObject", 403, "AccessDenied", "planted").forever()).await?;
    let run = account.run(&["--yes", "--only", "missing-object-is-denied"]).await?;
    assert_eq!(run.exit, Some(1), "{run:?}");
    assert!(run.out.starts_with("REFUTED    missing-object-is-denied\n"), "{run:?}");
    assert!(run.out.contains("relied on in: deployer/aws/src/ledger.rs, "), "{run:?}");
    assert!(run.out.ends_with("0 confirmed, 1 refuted, 0 unclear, 0 not asked\n"), "{run:?}");
    account.nothing_is_left().await
}

#[tokio::test]
async fn lab_that_cannot_be_made_is_removed_as_far_as_it_went() -> Result<()> {
    let account = Account::start().await?;
    account.control.fault(&Fault::new("CreateRole", 403, "AccessDenied", "planted").forever()).await?;
    let run = account.run(&["--yes", "--output", "json"]).await?;
    assert_eq!(run.exit, Some(3), "{run:?}");
    assert!(run.err.contains("iam:CreateRole") && run.err.contains("planted"), "{run:?}");
    assert_eq!(run.verdict("missing-object-is-denied")?, "not_asked");
    account.nothing_is_left().await
}

#[tokio::test]
async fn run_that_ends_before_it_hangs_fails_its_test() -> Result<()> {
    let account = Account::start().await?;
    let error = account.hanging(&["--only", "nothing"]).await.unwrap_err().to_string();
    assert!(error.contains("before it hung"), "{error}");
    Ok(())
}

#[tokio::test]
async fn interrupted_run_removes_everything_and_tells_what_was_not_asked() -> Result<()> {
    for signal in [Signal::INT, Signal::TERM] {
        let account = Account::start().await?;
        let child = account.hanging(&["--yes", "--output", "json"]).await?;
        send(&child, signal)?;
        let run = ended(child).await?;
        account.control.release().await?;
        assert_eq!(run.exit, Some(3), "{run:?}");
        assert_eq!(run.verdict("missing-object-is-denied")?, "not_asked", "{run:?}");
        account.nothing_is_left().await?;
    }
    Ok(())
}
