//! Recalls: a bad release is rejected, and rolled back wherever it is live.

use fixtures::Zip;
use local_aws::{FIRST, Fault, Result, SECOND};
use serde_json::json;

use super::promote::{PROMOTE, promoting, serves};
use super::{Person, text};

const RECALL: [&str; 7] = ["-f", "orders", "-r", "2", "--reason", "it loses orders", "--yes"];

/// Makes an operator and brings releases 1 and 2 to dev and prod.
async fn two_everywhere() -> Result<Person> {
    let person = promoting(&json!({})).await?;
    for release in ["1", "2"] {
        person.deploy_upload(release, Zip::function(release)).await?;
        let (exit, record) = person.run_json("promote", &PROMOTE).await?;
        assert_eq!(exit, Some(0), "{record:#}");
    }
    Ok(person)
}

#[tokio::test]
async fn recalled_release_is_rolled_back_everywhere_and_stays_refused() -> Result<()> {
    let person = two_everywhere().await?;
    let said = person.run("recall", &[&RECALL[..], &["--id", "incident-42"]].concat()).await?;
    assert_eq!((said.exit, said.err.as_str()), (Some(0), ""), "{said:?}");
    let lines: Vec<&str> = said.out.lines().map(|line| line.split(" after ").next().unwrap_or_default()).collect();
    assert_eq!(lines[0], "release 2 of orders is rejected, and was live here, the newest first:");
    assert_eq!([lines[1], lines[3]], ["prod/orders, 2 → 1: succeeded", "dev/orders, 2 → 1: succeeded"], "{}", said.out);
    assert_eq!(lines[2], "  222222222222/eu-west-1: succeeded, version 1 (before: 2)");
    let one = serves(&person, FIRST, "orders").await?;
    assert_eq!(one, serves(&person, SECOND, "orders").await?);
    let history = person.run("history", &["-e", "prod", "-f", "orders"]).await?;
    assert!(history.out.contains("    recall of 2: it loses orders\n"), "{history:?}");
    let before = person.aws.snapshot().await?;
    let (exit, again) = person.run_json("recall", &[&RECALL[..], &["--id", "incident-42"]].concat()).await?;
    assert_eq!(exit, Some(0), "{again:#}");
    assert_eq!(
        ["/environments/0/environment", "/environments/1/environment"].map(|at| text(&again, at)),
        ["prod", "dev"]
    );
    assert_eq!(before.changes_to(&person.aws.snapshot().await?), [""; 0]);
    let nowhere = person.run("recall", &RECALL).await?;
    assert_eq!(nowhere.exit, Some(0));
    assert_eq!(nowhere.out, "release 2 of orders is rejected, and is live nowhere\n");
    let again = person.aws.deploy("dev/orders/2-again.zip", Zip::function("2")).await?;
    assert_eq!(again["code"], "Rejected", "{again:#}");
    Ok(())
}

#[tokio::test]
async fn recall_names_failed_rollbacks_and_exits_1() -> Result<()> {
    let person = two_everywhere().await?;
    // A refusal that cannot pass: a denied call is tried again for 15 seconds.
    let refused = Fault::new("UpdateAlias", 400, "InvalidParameterValueException", "not today").in_account(SECOND);
    person.aws.control().fault(&refused.forever()).await?;
    let said = person.run("recall", &RECALL).await?;
    assert_eq!(said.exit, Some(1), "{said:?}");
    for words in [
        "prod/orders, 2 → 1: failed after ",
        "not today",
        "dev/orders, 2 → 1: succeeded after ",
        "\nWhere it is live still:\n  deployctl status orders\n",
    ] {
        assert!(said.out.contains(words), "{words:?} is not in:\n{}", said.out);
    }
    person.aws.control().no_faults().await?;
    let (exit, mended) = person.run_json("recall", &RECALL).await?;
    assert_eq!((exit, text(&mended, "/environments/0/environment")), (Some(0), "prod".into()), "{mended:#}");
    assert_eq!(serves(&person, FIRST, "orders").await?, serves(&person, SECOND, "orders").await?);
    Ok(())
}

#[tokio::test]
async fn recall_of_the_first_release_has_nothing_to_roll_back() -> Result<()> {
    let person = Person::after(&["1"]).await?;
    let (exit, told) = person.run_json("recall", &["-f", "orders", "-r", "1", "--yes"]).await?;
    assert_eq!(
        (exit, text(&told, "/environments/0/deployment/code")),
        (Some(1), "NothingToRollBack".into()),
        "{told:#}"
    );
    let status = person.run_ok("status", &[]).await?;
    assert_eq!(status["functions"][0]["rejected"], json!(true), "{status:#}");
    Ok(())
}
