//! A rollback needs a confirmation at a terminal, or the live release as an option.

use local_aws::{Result, TerminalStreams};

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

    for (answer, exit, serves) in [("", 130, "2"), ("n", 130, "2"), ("y", 0, "1")] {
        let mut asked = person.on_a_terminal(TerminalStreams::OutAndErr, "rollback", &DEV).await?;
        asked.terminal.wait_for("on 1 of 1 targets").await?;
        asked.terminal.wait_for("back to    a").await?;
        asked.terminal.wait_for("Roll back? [y/N] ").await?;
        asked.terminal.type_line(answer)?;
        let said = asked.end().await?;
        assert_eq!((said.exit, person.serves().await?.as_str()), (Some(exit), serves), "{answer:?}: {said:?}");
    }
    person.aws.same_events_again_change_nothing().await
}
