//! A misspelt name does nothing, and an unreadable object is told.

use fixtures::Zip;
use local_aws::{LEDGER, Result};
use serde_json::json;

use super::Person;

#[tokio::test]
async fn misspelt_name_exits_3_with_the_nearest_one_and_changes_nothing() -> Result<()> {
    let person = Person::after(&["a"]).await?;
    let before = person.aws.snapshot().await?;
    let place = ["-e", "dev", "-f", "ordesr"];
    let release = ["-f", "ordesr", "-r", "a"];
    let because = ["--reason", "no"];
    for (verb, arguments) in [
        ("hold", [&place[..], &because].concat()),
        ("release-hold", place.to_vec()),
        ("reject", [&release[..], &because].concat()),
        ("unreject", release.to_vec()),
        ("recall", [&release[..], &["--yes"]].concat()),
        ("status", vec!["ordesr"]),
        ("status", vec!["ordesr", "--ledger", LEDGER]),
        ("history", place.to_vec()),
        ("history", [&place[..], &["--ledger", LEDGER]].concat()),
        ("redeploy", place.to_vec()),
        ("rollback", [&place[..], &["--yes"]].concat()),
        ("rollback", [&place[..], &["--leaving", "a"]].concat()),
        ("deploy", [&place[..], &["-r", "a"]].concat()),
        ("plan", place.to_vec()),
        ("approve", place.to_vec()),
        ("decline", place.to_vec()),
        ("promote", vec!["-f", "ordesr", "--from", "dev", "--to", "prod"]),
    ] {
        let (exit, told) = person.run_json(verb, &arguments).await?;
        assert_eq!((exit, &told["errorType"]), (Some(3), &json!("UnknownFunction")), "{verb} {arguments:?}: {told:#}");
        let said = told["errorMessage"].as_str().unwrap_or_default();
        let nearest = "no environment knows a function ordesr; did you mean orders?";
        assert!(said.starts_with(nearest), "{verb} {arguments:?}: {said}");
    }
    assert_eq!(person.aws.snapshot().await?, before);
    Ok(())
}

#[tokio::test]
async fn hold_of_a_function_to_come_is_said_to_be_one() -> Result<()> {
    let person = Person::operator().await?;
    let hold = ["-e", "dev", "-f", "bills", "--reason", "not yet"];
    let said = person.run("hold", &hold).await?;
    assert!(said.exit == Some(3) && said.err.contains("add --new"), "{said:?}");
    let (exit, told) = person.run_json("hold", &[&hold[..], &["--new"]].concat()).await?;
    assert_eq!((exit, &told["functions"][0]["hold"]["reason"]), (Some(0), &json!("not yet")));
    let refused = person.aws.deploy("dev/bills/1.zip", Zip::function("1")).await?;
    assert_eq!(refused["code"], "Held", "{refused:#}");
    Ok(())
}

#[tokio::test]
async fn unreadable_head_is_told_and_exits_1() -> Result<()> {
    let person = Person::after(&["a"]).await?;
    person.aws.put_in_ledger("heads/dev/broken.json", b"{".to_vec()).await?;
    for arguments in [&["broken"][..], &[], &["--ledger", LEDGER]] {
        let said = person.run("status", arguments).await?;
        assert_eq!(said.exit, Some(1), "{said:?}");
        let told = "unreadable: heads/dev/broken.json in the ledger bucket cannot be read (";
        assert!(said.out.contains(told) && !said.out.contains("nothing"), "{said:?}");
    }
    let said = person.run("status", &["broken", "-e", "dev"]).await?;
    assert!(said.exit == Some(1) && said.err.contains("heads/dev/broken.json"), "{said:?}");
    Ok(())
}
