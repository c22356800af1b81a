//! Rollbacks to releases that were live before.

use std::collections::BTreeMap;

use fixtures::Zip;
use local_aws::{Doing as _, FIRST, REGION, Result, SECOND, Setup};
use serde_json::{Value, json};

use super::{BACK, DEV, Person, configured, text};

/// Rolls back and returns the release.
async fn roll_back(person: &Person) -> Result<String> {
    let record = person.run_ok("rollback", &["--yes"]).await?;
    assert_eq!((&record["status"], &record["cause"]["kind"]), (&json!("succeeded"), &json!("rollback")), "{record:#}");
    Ok(text(&record, "/release"))
}

/// Deletes a version by hand.
async fn delete_version(person: &Person, version: &str) -> Result<()> {
    let lambda = person.aws.clients().lambda(FIRST, REGION);
    let call = lambda.delete_function().function_name("orders").qualifier(version).send().await;
    call.doing(format!("deleting version {version}")).map(drop)
}

#[tokio::test]
async fn rollbacks_walk_back_through_releases_that_were_really_live() -> Result<()> {
    let person = Person::after(&["a", "b", "c"]).await?;
    let said = person.run("rollback", &BACK).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    assert!(said.err.contains(", on 1 of 1 target as the ledger has it\n  back to  b\n"), "{said:?}");
    let record = person.aws.record("dev", "orders").await?;
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].starts_with("dev/orders/b: succeeded after "), "{said:?}");
    assert!(lines[0].ends_with(&format!(" s, deployment {}", text(&record, "/id"))), "{said:?}");
    assert_eq!(lines[1], "  111111111111/eu-west-1: succeeded, version 2 (before: 3)");
    assert_eq!(lines[3], "now: orders in dev", "{said:?}");
    for words in [
        "\n  target   111111111111/eu-west-1: version 2 (b)\n  before   a: a rollback goes back to it\n",
        "\nc is live in no other environment\n",
        "\n  deployctl hold -e dev -f orders --reason \"c is bad\"\n",
        "\n  deployctl recall -f orders -r c --reason \"c is bad\"\n",
    ] {
        assert!(said.out.contains(words), "{words:?} is not in:\n{}", said.out);
    }
    assert_eq!((&record["cause"]["requested_by"], person.serves().await?.as_str()), (&json!("ada"), "2"));
    assert!(text(&record, "/cause/event_id").starts_with("deployctl-"), "{record:#}");

    assert_eq!((roll_back(&person).await?.as_str(), person.serves().await?.as_str()), ("a", "1"));
    person.deploy_upload("d", Zip::function("d")).await?;
    assert_eq!((roll_back(&person).await?.as_str(), person.serves().await?.as_str()), ("a", "1"), "and not c");
    let end = person.run_refused("rollback", &BACK).await?;
    assert_eq!(end, ("NothingToRollBack".into(), "nothing was live here before release a".into()));
    assert_eq!(person.live().await?.versions, ["1", "2", "3", "4"], "no code was sent for it");
    person.aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn rollback_to_a_release_requires_that_it_was_live() -> Result<()> {
    let person = Person::after(&["a", "b", "c"]).await?;
    for (to, version) in [("a", "1"), ("c", "3")] {
        let record = person.run_ok("rollback", &["--yes", "--to", to]).await?;
        assert_eq!((text(&record, "/release").as_str(), person.serves().await?.as_str()), (to, version));
    }
    let before = person.live().await?;
    let said = person.run("rollback", &[&BACK[..], &["--to", "z"]].concat()).await?;
    assert_eq!(said.exit, Some(3), "{said:?}");
    let because = "error: NothingToRollBack: release z is not among the last that were live here (c, a, b)\n  nothing was rolled back\n";
    assert_eq!((said.out.as_str(), said.err.as_str()), ("", because));
    assert_eq!(person.live().await?, before);
    Ok(())
}

#[tokio::test]
async fn version_deleted_by_hand_is_republished_with_its_configuration() -> Result<()> {
    let person = Person::operator().await?;
    person.deploy_upload("a", configured("a", 256, "GREETING = \"hello\"")).await?;
    let of_a = person.live().await?;
    person.deploy_upload("b", configured("b", 512, "FAREWELL = \"bye\"")).await?;
    delete_version(&person, "1").await?;
    assert_eq!(roll_back(&person).await?, "a");
    let live = person.live().await?;
    assert_eq!((live.version.as_str(), &live.sha256, live.memory), ("3", &of_a.sha256, 256));
    assert_eq!(live.variables, BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]));
    person.aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn configuration_is_rolled_back_with_the_code() -> Result<()> {
    let person = Person::operator().await?;
    person.deploy_upload("a", configured("a", 256, "GREETING = \"hello\"")).await?;
    let of_a = person.live().await?;
    person.deploy_upload("b", configured("b", 512, "FAREWELL = \"bye\"")).await?;
    assert_eq!(person.live().await?.memory, 512);
    assert_eq!(roll_back(&person).await?, "a");
    let live = person.live().await?;
    assert_eq!((&live.version, live.memory, &live.variables), (&of_a.version, 256, &of_a.variables));
    // A new release sets its own configuration.
    person.deploy_upload("c", configured("c", 128, "GREETING = \"hi\"")).await?;
    let live = person.live().await?;
    assert_eq!((live.memory, live.variables), (128, BTreeMap::from([("GREETING".to_owned(), "hi".to_owned())])));
    Ok(())
}

#[tokio::test]
async fn rollback_with_one_broken_account_reverts_and_reports_both_accounts() -> Result<()> {
    let targets = json!([{"account": FIRST, "region": REGION}, {"account": SECOND, "region": REGION}]);
    let both = json!({"targets": targets, "external_id": "both-77c0"});
    let person = Person::in_accounts(Setup::only("both", &both)).await?;
    for release in ["a", "b"] {
        let result = person.aws.deploy(&format!("both/orders/{release}.zip"), Zip::function(release)).await?;
        assert_eq!(result["status"], "succeeded", "{result:#}");
    }
    let deny = json!({"Version": "2012-10-17", "Statement":
        [{"Effect": "Deny", "Action": "lambda:UpdateAlias", "Resource": "*"}]});
    person.aws.roles(SECOND).put_policy("deployer-target", "no", &deny).await?;

    let both = ["--environment", "both", "--function", "orders", "--yes"];
    let said = person.run("rollback", &both).await?;
    assert_eq!(said.exit, Some(1), "{said:?}");
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].starts_with("both/orders/a: failed after "), "{said:?}");
    assert_eq!(lines[1], "  111111111111/eu-west-1: succeeded, version 1 (before: 2)");
    assert!(lines[2].starts_with("  222222222222/eu-west-1: failed"), "{said:?}");
    assert!(lines[2].contains("AccessDenied") && lines[2].contains("move alias"), "{said:?}");
    assert_eq!(serving(&person).await?, ["1", "2"]);
    let (_, status) = person.run_json("status", &["orders"]).await?;
    let releases: Vec<&Value> =
        status["functions"][0]["targets"].as_array().into_iter().flatten().map(|target| &target["release"]).collect();
    assert_eq!(releases, ["a", "b"], "{status:#}");

    // With the permission restored, another rollback completes the half-done one.
    person.aws.roles(SECOND).delete_policy("deployer-target", "no").await?;
    let (exit, record) = person.run_json("rollback", &both).await?;
    assert_eq!((exit, text(&record, "/release").as_str()), (Some(0), "a"), "{record:#}");
    assert_eq!(serving(&person).await?, ["1", "1"]);
    person.aws.same_events_again_change_nothing().await
}

async fn serving(person: &Person) -> Result<Vec<String>> {
    let mut versions = Vec::new();
    for account in [FIRST, SECOND] {
        versions.extend(person.aws.live(account, REGION, "orders").await?.map(|live| live.version));
    }
    Ok(versions)
}

#[tokio::test]
async fn rollback_of_a_never_deployed_function_is_refused() -> Result<()> {
    let person = Person::operator().await?;
    person.run_ok("hold", &["--new", "--reason", "not yet"]).await?;
    person.run_ok("release-hold", &[]).await?;
    let said = person.run("rollback", &BACK).await?;
    assert_eq!(said.exit, Some(3), "{said:?}");
    assert_eq!(said.err, "error: NothingToRollBack: nothing was ever live here\n  nothing was rolled back\n");
    assert_eq!(said.out, "");
    assert_eq!(person.aws.live(FIRST, REGION, "orders").await?, None);
    let (_, status) = person.run_json("status", &[]).await?;
    assert_eq!(status["functions"], json!([]));
    Ok(())
}

#[tokio::test]
async fn rollback_names_the_environments_where_the_left_release_is_still_live() -> Result<()> {
    let person = Person::after(&["a", "b"]).await?;
    let result = person.aws.deploy("prod/orders/b.zip", Zip::function("b")).await?;
    assert_eq!(result["status"], "succeeded", "{result:#}");
    let said = person.run("rollback", &[&DEV[..], &["--leaving", "b", "--region", REGION]].concat()).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    for words in [
        "\nb is still live in prod\n",
        "\n  deployctl recall -f orders -r b --reason \"b is bad\" --region eu-west-1\n",
    ] {
        assert!(said.out.contains(words), "{words:?} is not in:\n{}", said.out);
    }
    Ok(())
}
