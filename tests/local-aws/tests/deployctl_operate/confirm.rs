//! A rollback needs a confirmation at a terminal, or the live release as an option. An approval asks at a terminal only.

use fixtures::Zip;
use local_aws::{Result, TerminalStreams};
use serde_json::json;

use super::promote::{PROMOTE, promoting};
use super::{DEV, Person};

#[tokio::test]
async fn rollback_requires_a_confirmation_or_the_live_release() -> Result<()> {
    let person = Person::after(&["a", "b"]).await?;
    let said = person.run("rollback", &DEV).await?;
    assert_eq!((said.exit, said.out.as_str()), (Some(2), ""), "{said:?}");
    assert!(said.err.contains("nobody is at a terminal") && said.err.contains("--leaving RELEASE"), "{said:?}");

    let (code, because) = person.run_refused("rollback", &[&DEV[..], &["--leaving", "a"]].concat()).await?;
    assert_eq!(code, "LiveChanged");
    assert!(because.starts_with("release b is live since "), "{because}");

    for (answer, exit, serves) in [("", 3, "2"), ("n", 3, "2"), ("y", 0, "1")] {
        let mut asked = person.on_a_terminal(TerminalStreams::OutAndErr, "rollback", &DEV).await?;
        asked.terminal.wait_for("on 1 of 1 targets").await?;
        asked.terminal.wait_for("back to  a").await?;
        asked.terminal.wait_for("Roll back? [y/N] ").await?;
        asked.terminal.type_line(answer)?;
        let said = asked.end().await?;
        assert_eq!((said.exit, person.serves().await?.as_str()), (Some(exit), serves), "{answer:?}: {said:?}");
    }
    person.aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn approve_shows_its_plan_and_asks_at_a_terminal_only() -> Result<()> {
    let person = promoting(&json!({"approval": {"required": 1}})).await?;
    person.deploy_upload("1", Zip::function("1")).await?;
    person.run_json("promote", &PROMOTE).await?;
    let approve = ["-e", "prod", "--requested-by", "bob"];
    for (answer, exit) in [("n", 3), ("y", 0)] {
        let mut asked = person.on_a_terminal(TerminalStreams::ErrOnly, "approve", &approve).await?;
        asked.terminal.wait_for("orders in prod, release 1, promoted from dev").await?;
        asked.terminal.wait_for("1. create function").await?;
        asked.terminal.wait_for("Approve? [y/N] ").await?;
        asked.terminal.type_line(answer)?;
        let said = asked.end().await?;
        assert_eq!(said.exit, Some(exit), "{answer:?}: {said:?}");
    }
    person.deploy_upload("2", Zip::function("2")).await?;
    person.run_json("promote", &PROMOTE).await?;
    let said = person.run("approve", &approve).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    assert!(said.err.contains("\n  live     1, since ") && said.err.contains("\n  brings   2, since "), "{said:?}");
    assert!(!said.err.contains("Approve?"), "{said:?}");
    Ok(())
}
