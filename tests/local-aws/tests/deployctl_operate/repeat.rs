//! Deployments of existing uploads, and their obstacles: holds, rejections, and rules.

use fixtures::Zip;
use local_aws::{Doing as _, FIRST, REGION, Result};
use serde_json::json;

use super::{BACK, DEV, Person, text};

const REJECTED: [&str; 4] = ["--function", "orders", "--release", "2"];

#[tokio::test]
async fn deploy_takes_the_newest_upload_of_a_release() -> Result<()> {
    let person = Person::after(&["1"]).await?;
    person.upload_without_event("2", Zip::function("2")).await?;
    let newest = person.upload_without_event("2", Zip::function("2, again")).await?;
    let said = person.run("deploy", &[&DEV[..], &["--release", "2"]].concat()).await?;
    assert_eq!((said.exit, said.err.as_str()), (Some(0), ""), "{said:?}");
    assert!(said.out.starts_with("dev/orders/2: succeeded after "), "{said:?}");
    assert!(said.out.ends_with("\n  111111111111/eu-west-1: succeeded, version 2 (before: 1)\n"), "{said:?}");
    let record = person.aws.record("dev", "orders").await?;
    assert_eq!(text(&record, "/artifact/version_id"), newest);
    assert_eq!((text(&record, "/artifact/sha256"), "deploy"), (person.live().await?.sha256, "deploy"));
    let again = person.run_ok("deploy", &["--release", "2"]).await?;
    assert_eq!((&again["status"], &again["cause"]["kind"]), (&json!("unchanged"), &json!("deploy")));
    let (code, because) = person.run_refused("deploy", &[&DEV[..], &["--release", "3"]].concat()).await?;
    assert_eq!(
        (code.as_str(), because.as_str()),
        ("ArtifactGone", "s3://acme-artifacts/dev/orders/3.zip does not exist: upload the release first")
    );
    assert_eq!(person.live().await?.versions, ["1", "2"]);
    Ok(())
}

#[tokio::test]
async fn deploy_without_accepted_uploads_is_refused() -> Result<()> {
    let person = Person::operator().await?;
    person.aws.upload("prod/orders/1.zip", Zip::function("1")).await?;
    person.aws.take_messages().await?;
    person.aws.configure(|config| config["environments"]["prod"]["accept_uploads"] = json!(false)).await?;
    let prod = ["-e", "prod", "-f", "orders", "--release", "1"];
    assert_eq!(person.run_refused("deploy", &prod).await?.0, "UploadsNotAccepted");
    Ok(())
}

#[tokio::test]
async fn redeploy_reverts_a_change_by_hand_and_else_is_unchanged() -> Result<()> {
    let person = Person::after(&["1", "2"]).await?;
    assert_eq!(person.run_ok("redeploy", &[]).await?["status"], "unchanged");
    let lambda = person.aws.clients().lambda(FIRST, REGION);
    let call = lambda.update_alias().function_name("orders").name("live").function_version("1");
    call.send().await.doing("moving the alias by hand")?;
    let said = person.run("redeploy", &DEV).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    assert!(said.out.starts_with("dev/orders/2: succeeded after "), "{said:?}");
    assert_eq!(person.serves().await?, "2");
    let rolled_back = person.run_ok("rollback", &["--yes"]).await?;
    assert_eq!(text(&rolled_back, "/release"), "1", "a redeploy is no step of the history");
    let (exit, nobody) = person.run_json("redeploy", &["-e", "dev", "-f", "bills"]).await?;
    assert_eq!((exit, text(&nobody, "/errorType").as_str()), (Some(3), "UnknownFunction"), "{nobody:#}");
    Ok(())
}

#[tokio::test]
async fn hold_stops_new_releases_but_not_rollbacks_until_released() -> Result<()> {
    let person = Person::after(&["1", "2"]).await?;
    let said = person.run("hold", &[&DEV[..], &["--reason", "first"]].concat()).await?;
    assert!(said.exit == Some(0) && said.out.starts_with("orders in dev is held (first): "), "{said:?}");
    let shown = person.run("status", &["orders"]).await?;
    assert!(shown.out.contains(" ago) by ada (arn:aws:sts::") && shown.out.contains("): first\n"), "{shown:?}");
    let held = person.run_ok("hold", &["--reason", "black friday"]).await?;
    let hold = &held["functions"][0]["hold"];
    assert_eq!((&hold["reason"], &hold["requested_by"]), (&json!("black friday"), &json!("ada")), "the newest counts");

    let result = person.aws.deploy("dev/orders/3.zip", Zip::function("3")).await?;
    assert_eq!((&result["status"], &result["code"]), (&json!("refused"), &json!("Held")), "{result:#}");
    for (verb, more) in [("deploy", &["--release", "3"][..]), ("redeploy", &[])] {
        let (code, because) = person.run_refused(verb, &[&DEV[..], more].concat()).await?;
        assert_eq!(code, "Held");
        assert!(because.starts_with("held by ada since ") && because.ends_with(": black friday"), "{because}");
    }
    assert_eq!(text(&person.run_ok("rollback", &["--yes"]).await?, "/release"), "1");
    let released = person.run_ok("release-hold", &[]).await?;
    assert_eq!(released["functions"][0]["hold"], json!(null));
    assert_eq!(text(&person.run_ok("deploy", &["--release", "3"]).await?, "/status"), "succeeded");
    Ok(())
}

#[tokio::test]
async fn rejected_release_is_refused_and_marked_until_unrejected() -> Result<()> {
    let person = Person::after(&["1", "2"]).await?;
    let reject = [&REJECTED[..], &["--reason", "it loses orders"]].concat();
    let (exit, told) = person.run_json("reject", &reject).await?;
    assert_eq!((exit, &told["functions"][0]["rejected"]), (Some(0), &json!(true)), "{told:#}");
    let said = person.run("reject", &reject).await?;
    assert!(said.out.starts_with("release 2 of orders is rejected (it loses orders): "), "{said:?}");
    assert!(said.out.contains("It is live in dev, and stays so. To roll it back there:\n"), "{said:?}");
    let shown = person.run("status", &["orders"]).await?;
    assert!(shown.out.contains("rejected: release 2 of orders, since "), "{shown:?}");
    assert_eq!(person.serves().await?, "2", "what is live stays live");

    let (code, because) = person.run_refused("deploy", &[&DEV[..], &["--release", "2"]].concat()).await?;
    assert_eq!(code, "Rejected");
    assert!(
        because.starts_with("release 2 was rejected by ada at ") && because.ends_with(": it loses orders"),
        "{because}"
    );
    // The same code is refused under another release, too.
    let result = person.aws.deploy("dev/orders/2-again.zip", Zip::function("2")).await?;
    assert_eq!((&result["status"], &result["code"]), (&json!("refused"), &json!("Rejected")), "{result:#}");
    assert_eq!(text(&person.run_ok("rollback", &["--yes"]).await?, "/release"), "1");
    let to = person.run_refused("rollback", &[&BACK[..], &["--to", "2"]].concat()).await?;
    assert_eq!(to.0, "Rejected");

    let (exit, told) = person.run_json("unreject", &REJECTED).await?;
    assert_eq!((exit, &told["functions"][0]["rejected"]), (Some(0), &json!(false)));
    assert_eq!(text(&person.run_ok("rollback", &["--yes", "--to", "2"]).await?, "/status"), "succeeded");
    assert_eq!(person.serves().await?, "2");
    Ok(())
}
