//! A rollback needs a confirmation at a terminal, or the live release as an option. An approval asks at a terminal only.

use fixtures::Zip;
use local_aws::{Doing as _, FIRST, REGION, Result, TerminalStreams};
use serde_json::json;

use super::promote::{PROMOTE, promoting};
use super::{DEV, Person, text};

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
        asked.terminal.wait_for("on 1 of 1 target").await?;
        asked.terminal.wait_for("back to  a").await?;
        asked.terminal.wait_for("Roll back? [y/N] ").await?;
        asked.terminal.type_line(answer)?;
        let said = asked.end().await?;
        assert_eq!((said.exit, person.serves().await?.as_str()), (Some(exit), serves), "{answer:?}: {said:?}");
    }
    person.aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn rollback_without_a_way_back_is_refused_before_it_asks() -> Result<()> {
    let person = Person::after(&["a"]).await?;
    for (more, because) in [
        (&[][..], "NothingToRollBack: nothing was live here before release a"),
        (&["--to", "8.8"], "NothingToRollBack: release 8.8 is not among the last that were live here (a)"),
    ] {
        let asked = person.on_a_terminal(TerminalStreams::OutAndErr, "rollback", &[&DEV[..], more].concat()).await?;
        let said = asked.end().await?;
        assert_eq!((said.exit, person.serves().await?.as_str()), (Some(3), "1"), "{more:?}: {said:?}");
        let shown = said.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains(because) && shown.contains("nothing was rolled back"), "{more:?}: {shown}");
        assert!(!shown.contains("Roll back?"), "{more:?}: {shown}");
    }
    person.aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn recall_shows_what_it_moves_and_asks_at_a_terminal() -> Result<()> {
    let person = promoting(&json!({"approval": {"required": 1}})).await?;
    for release in ["1", "2"] {
        person.deploy_upload(release, Zip::function(release)).await?;
    }
    person.run_json("promote", &PROMOTE).await?;
    let recall = ["-f", "orders", "-r", "2", "--reason", "it leaks"];
    let said = person.run("recall", &recall).await?;
    assert_eq!(said.exit, Some(2), "{said:?}");
    for (answer, exit, serves) in [("", 3, "2"), ("n", 3, "2"), ("y", 0, "1")] {
        let mut asked = person.on_a_terminal(TerminalStreams::ErrOnly, "recall", &recall).await?;
        asked.terminal.wait_for("2 of orders would be rejected, and rolled back where it is live:").await?;
        asked.terminal.wait_for("dev   2 → 1").await?;
        asked.terminal.wait_for(" from dev, which waits, ends").await?;
        asked.terminal.wait_for("Recall? [y/N] ").await?;
        asked.terminal.type_line(answer)?;
        let said = asked.end().await?;
        assert_eq!((said.exit, person.serves().await?.as_str()), (Some(exit), serves), "{answer:?}: {said:?}");
        let told = said.out.contains(" from dev to prod, which waited for an approval\n");
        assert_eq!(told, answer == "y", "{answer:?}: {said:?}");
    }
    person.aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn what_needs_no_question_or_cannot_be_done_is_not_asked() -> Result<()> {
    let person = Person::after(&["a", "b"]).await?;
    let approve = ["-e", "dev", "--requested-by", "bob", "--deployment", "01M8A5K79RQBSV76AT3ARZPEW6"];
    for (verb, arguments, exit, words) in [
        ("rollback", [&DEV[..], &["--to", "b"]].concat(), 0, "b of orders is live in dev already, on 1 of 1 target: "),
        ("recall", vec!["-f", "orders", "-r", "9.9.9"], 3, "no release 9.9.9 of orders is known in any environment"),
        ("approve", approve.to_vec(), 2, "no promotion and no group 01M8A5K79RQBSV76AT3ARZPEW6 is known in dev"),
        ("approve", [&approve[..], &["-f", "orders"]].concat(), 2, "of orders waits in dev: status tells which do"),
        ("rollback", [&DEV[..], &["--function-name", "nobody"]].concat(), 1, "--ledger BUCKET"),
        ("recall", vec!["-f", "orders", "-r", "b", "--function-name", "nobody"], 1, "--ledger BUCKET"),
    ] {
        let said = person.on_a_terminal(TerminalStreams::OutAndErr, verb, &arguments).await?.end().await?;
        let shown = said.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!((said.exit, person.serves().await?.as_str()), (Some(exit), "2"), "{verb} {arguments:?}: {shown}");
        assert!(shown.contains(words) && !shown.contains("[y/N]") && !shown.contains("--yes"), "{verb}: {shown}");
    }
    person.aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn hold_reject_and_their_ends_are_told_in_a_sentence() -> Result<()> {
    let person = promoting(&json!({"approval": {"required": 1}})).await?;
    person.deploy_upload("1", Zip::function("1")).await?;
    let prod = ["-e", "prod", "-f", "orders"];
    let release = ["-f", "orders", "-r", "1"];
    let reason = ["--reason", "stock-taking"];
    for (verb, arguments, words) in [
        ("hold", [&prod[..], &reason].concat(), "orders in prod is held (stock-taking): nothing is deployed "),
        ("release-hold", prod.to_vec(), "orders in prod is held no more: "),
        ("reject", [&release[..], &reason].concat(), "release 1 of orders is rejected (stock-taking): nothing "),
        ("unreject", release.to_vec(), "release 1 of orders is rejected no more: "),
    ] {
        let (_, record) = person.run_json("promote", &PROMOTE).await?;
        let said = person.run(verb, &arguments).await?;
        assert_eq!((said.exit, said.err.as_str()), (Some(0), ""), "{verb}: {said:?}");
        assert!(said.out.starts_with(words), "{verb}: {said:?}");
        let ended = format!("ended: promotion {} of 1 from dev to prod, ", record["id"].as_str().unwrap_or_default());
        let waited = record["status"] == "pending";
        assert_eq!(
            (waited, said.out.contains(&ended)),
            (!verb.contains("un") && verb != "release-hold", waited),
            "{said:?}"
        );
    }
    Ok(())
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
        asked.terminal.wait_for("then     once it has the one approval that is missing, ").await?;
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

#[tokio::test]
async fn approve_of_what_would_be_refused_asks_for_that_and_says_that_it_has_ended() -> Result<()> {
    let person = promoting(&json!({"approval": {"required": 1}})).await?;
    for release in ["1", "2"] {
        person.deploy_upload(release, Zip::function(release)).await?;
    }
    person.run_json("promote", &PROMOTE).await?;
    let lambda = person.aws.clients().lambda(FIRST, REGION);
    let call = lambda.update_alias().function_name("orders").name("live").function_version("1");
    call.send().await.doing("moving the alias by hand")?;
    let approve = ["-e", "prod", "--requested-by", "bob"];
    let waits = async || {
        let (_, history) = person.run_json("history", &["-e", "prod", "-f", "orders"]).await?;
        Result::Ok(text(&history, "/deployments/0/status"))
    };
    let said = person.run("approve", &approve).await?;
    assert_eq!((said.exit, waits().await?.as_str()), (Some(3), "pending"), "{said:?}");
    let told = "nothing was approved, because the promotion would be refused";
    assert!(said.err.contains("\n  then     the promotion ends as refused") && said.err.contains(told), "{said:?}");
    for (answer, status) in [("n", "pending"), ("y", "refused")] {
        let mut asked = person.on_a_terminal(TerminalStreams::ErrOnly, "approve", &approve).await?;
        asked.terminal.wait_for("then     the promotion ends as refused").await?;
        asked.terminal.wait_for("It would be refused. Approve all the same? [y/N] ").await?;
        asked.terminal.type_line(answer)?;
        let said = asked.end().await?;
        assert_eq!((said.exit, waits().await?.as_str()), (Some(3), status), "{answer:?}: {said:?}");
        let ended = "The promotion has ended, and nothing was deployed.";
        assert_eq!(said.out.contains(ended), answer == "y", "{answer:?}: {said:?}");
    }
    person.aws.same_events_again_change_nothing().await
}
