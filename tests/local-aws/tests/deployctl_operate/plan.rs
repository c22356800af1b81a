//! Plans of releases and files.

use std::path::PathBuf;

use fixtures::{MANIFEST, Zip};
use local_aws::{Doing as _, REGION, Result, SECOND};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::promote::{PROMOTE, promoting};
use super::{DEV, Person, configured, text};

const SECRET: &str = "hunter2-hunter2";

fn steps(plan: &Value) -> Vec<&str> {
    let steps = plan["targets"][0]["steps"].as_array().into_iter().flatten();
    steps.filter_map(|step| step["step"].as_str()).collect()
}

fn zip(folder: &TempDir, zip: &Zip) -> Result<PathBuf> {
    let path = folder.path().join("orders.zip");
    std::fs::write(&path, zip.build().doing("zipping")?).doing("writing a zip")?;
    Ok(path)
}

#[tokio::test]
async fn plan_of_a_release_matches_its_deployment() -> Result<()> {
    let person = Person::after(&["1"]).await?;
    person.upload_without_event("2", configured("2", 512, "LOG_LEVEL = \"info\"")).await?;
    let before = person.aws.snapshot().await?;
    let release = [&DEV[..], &["--release", "2"]].concat();
    let (exit, plan) = person.run_json("plan", &release).await?;
    assert_eq!((exit, &plan["unchanged"], &plan["release"]), (Some(0), &json!(false), &json!("2")));
    assert_eq!(steps(&plan), ["update configuration", "update code", "move alias"], "{plan:#}");
    let (exit, _) = person.run_json("plan", &[&release[..], &["--exit-code"]].concat()).await?;
    assert_eq!(exit, Some(5));
    let said = person.run("plan", &release).await?;
    assert_eq!((said.exit, said.err.as_str()), (Some(0), ""), "{said:?}");
    for words in [
        "orders in dev, release 2\n  live     1, since ",
        "\n  brings   2\n111111111111/eu-west-1: version 1 → a new version\n",
        "  ~ memory_size: 256 → 512\n",
        "  1. update configuration",
    ] {
        assert!(said.out.contains(words), "{words:?} is not in:\n{}", said.out);
    }
    assert_eq!(before.changes_to(&person.aws.snapshot().await?), [""; 0]);

    person.run_ok("deploy", &["--release", "2"]).await?;
    for arguments in [&release[..], &DEV] {
        let (exit, plan) = person.run_json("plan", &[arguments, &["--exit-code"]].concat()).await?;
        assert_eq!((exit, &plan["unchanged"], &plan["release"]), (Some(0), &json!(true), &json!("2")), "{plan:#}");
    }
    let (exit, plan) = person.run_json("plan", &[&DEV[..], &["--release", "3", "--exit-code"]].concat()).await?;
    assert_eq!((exit, text(&plan, "/refused/code").as_str()), (Some(3), "ArtifactGone"), "{plan:#}");
    Ok(())
}

#[tokio::test]
async fn plan_of_a_file_masks_variables_and_uploads_nothing() -> Result<()> {
    let person = Person::operator().await?;
    person.deploy_upload("1", configured("1", 256, &format!("TOKEN = \"{SECRET}-old\""))).await?;
    let folder = TempDir::new().doing("making a folder")?;
    let variables = format!("TOKEN = \"{SECRET}\"\nOTHER = \"{SECRET}\"");
    let path = zip(&folder, &configured("2", 256, &variables))?;
    let file = path.to_string_lossy();
    let before = person.aws.snapshot().await?;
    let arguments = [&file, "--environment", "dev"];
    let said = person.run("plan", &[&arguments[..], &["--exit-code"]].concat()).await?;
    assert_eq!(said.exit, Some(5), "{said:?}");
    for words in ["  ~ environment.variables.TOKEN: ", "  + environment.variables.OTHER: "] {
        assert!(said.out.contains(words), "{words:?} is not in:\n{}", said.out);
    }
    let (exit, plan) = person.run_json("plan", &arguments).await?;
    assert_eq!((exit, &plan["release"], &plan["unchanged"]), (Some(0), &json!(null), &json!(false)));
    assert!(!format!("{said:?}{plan}").contains(SECRET), "a variable's value is shown: {said:?} {plan:#}");
    let log = person.aws.deployer().log();
    assert!(!log.iter().any(|line| line.to_string().contains(SECRET)), "a variable's value is logged");
    assert_eq!(before.changes_to(&person.aws.snapshot().await?), [""; 0]);

    // A file with the live code and configuration changes nothing.
    let path = zip(&folder, &configured("1", 256, &format!("TOKEN = \"{SECRET}-old\"")))?;
    let (exit, plan) = person.run_json("plan", &[&path.to_string_lossy(), "-e", "dev", "--exit-code"]).await?;
    assert_eq!((exit, &plan["unchanged"]), (Some(0), &json!(true)), "{plan:#}");
    Ok(())
}

#[tokio::test]
async fn plan_names_a_forbidding_rule_and_refuses_a_wrong_file_locally() -> Result<()> {
    let person = Person::after(&["1"]).await?;
    person.run_ok("hold", &["--reason", "black friday"]).await?;
    person.upload_without_event("2", Zip::function("2")).await?;
    let (exit, plan) = person.run_json("plan", &[&DEV[..], &["--release", "2"]].concat()).await?;
    assert_eq!((exit, text(&plan, "/refused/code").as_str()), (Some(3), "Held"), "{plan:#}");

    let folder = TempDir::new().doing("making a folder")?;
    let bad = MANIFEST.replace("memory_size", "memroy_size");
    let path = zip(&folder, &Zip::function("3").manifest(&bad))?;
    let said = person.run("plan", &[&path.to_string_lossy(), "-e", "dev"]).await?;
    assert_eq!(said.exit, Some(3), "{said:?}");
    assert!(said.err.contains("memroy_size") && said.err.contains("did you mean memory_size?"), "{said:?}");
    Ok(())
}

#[tokio::test]
async fn plan_of_a_rollback_shows_versions_and_configuration() -> Result<()> {
    let person = Person::operator().await?;
    person.deploy_upload("1", configured("1", 256, "LOG_LEVEL = \"info\"")).await?;
    person.deploy_upload("2", configured("2", 512, &format!("TOKEN = \"{SECRET}\""))).await?;
    let before = person.aws.snapshot().await?;
    let back = [&DEV[..], &["--rollback"]].concat();
    let (exit, plan) = person.run_json("plan", &[&back[..], &["--exit-code"]].concat()).await?;
    assert_eq!((exit, &plan["release"], &plan["live"]["release"]), (Some(5), &json!("1"), &json!("2")), "{plan:#}");
    assert_eq!(steps(&plan), ["move alias"], "{plan:#}");
    let said = person.run("plan", &back).await?;
    assert_eq!(said.exit, Some(0), "{said:?}");
    for words in [
        "orders in dev, release 1\n  live     2, since ",
        "\n111111111111/eu-west-1: version 2 → version 1\n",
        "\n  ~ memory_size: 512 → 256\n",
        "\n  - environment.variables.TOKEN: ***\n",
        "\n  1. move alias (from version 2)\n",
    ] {
        assert!(said.out.contains(words), "{words:?} is not in:\n{}", said.out);
    }
    assert!(!format!("{said:?}{plan}").contains(SECRET), "a variable's value is shown: {said:?} {plan:#}");
    let never = person.run("plan", &[&back[..], &["--to", "9"]].concat()).await?;
    assert_eq!(never.exit, Some(3), "{never:?}");
    assert!(never.out.contains("would be refused (NothingToRollBack): release 9 is not among"), "{never:?}");
    assert_eq!(before.changes_to(&person.aws.snapshot().await?), [""; 0]);
    let record = person.run_ok("rollback", &["--yes"]).await?;
    assert_eq!((&record["targets"][0]["version"], &record["release"]), (&json!("1"), &plan["release"]));
    Ok(())
}

#[tokio::test]
async fn plan_of_a_promotion_and_drift_work_where_uploads_are_not_accepted() -> Result<()> {
    let person = promoting(&json!({"accept_uploads": false})).await?;
    person.deploy_upload("1", configured("1", 256, "LOG_LEVEL = \"info\"")).await?;
    let prod = ["-e", "prod", "-f", "orders"];
    let nothing = person.run("plan", &prod).await?;
    let because = "would be refused (NotLive): nothing of orders is live in prod, so there is nothing that could have \
                   changed there\n";
    assert_eq!((nothing.exit, nothing.out.contains(because)), (Some(3), true), "{nothing:?}");
    let (exit, plan) =
        person.run_json("plan", &[&prod[..], &["--promote-from", "dev", "--exit-code"]].concat()).await?;
    assert_eq!((exit, &plan["promote_from"], &plan["release"]), (Some(5), &json!("dev"), &json!("1")), "{plan:#}");
    assert_eq!(steps(&plan), ["create function", "create alias"], "{plan:#}");
    let (exit, _) = person.run_json("promote", &PROMOTE).await?;
    assert_eq!(exit, Some(0));
    let (exit, same) = person.run_json("plan", &[&prod[..], &["--exit-code"]].concat()).await?;
    assert_eq!((exit, &same["unchanged"]), (Some(0), &json!(true)), "{same:#}");
    let lambda = person.aws.clients().lambda(SECOND, REGION);
    lambda.delete_alias().function_name("orders").name("live").send().await.doing("deleting the alias")?;
    let (exit, drift) = person.run_json("plan", &[&prod[..], &["--exit-code"]].concat()).await?;
    assert_eq!((exit, steps(&drift).last()), (Some(5), Some(&"create alias")), "{drift:#}");
    Ok(())
}
