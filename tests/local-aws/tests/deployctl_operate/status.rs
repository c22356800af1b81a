//! Status and history, through the deployer and from the ledger alone.

use fixtures::Zip;
use local_aws::{LEDGER, Result, TerminalStreams};
use serde_json::{Value, json};

use super::{DEV, Person, keys, text, validate_answer};

/// Deploys two functions to dev and one of them to prod; makes a rollback, a hold and a rejection.
async fn with_history() -> Result<Person> {
    let person = Person::after(&["1.0.0", "1.1.0"]).await?;
    for key in ["prod/orders/1.0.0.zip", "dev/bills/7.zip"] {
        let result = person.aws.deploy(key, Zip::function("1.0.0")).await?;
        assert_eq!(result["status"], "succeeded", "{result:#}");
    }
    person.run_ok("rollback", &["--yes"]).await?;
    person.run_ok("hold", &["--reason", "black friday"]).await?;
    person.run_json("reject", &["--function", "orders", "--release", "1.0.0", "--reason", "it loses orders"]).await?;
    Ok(person)
}

#[tokio::test]
async fn status_is_a_table_of_functions_by_environments() -> Result<()> {
    let person = Person::operator().await?;
    let said = person.run("status", &[]).await?;
    assert_eq!((said.exit, said.out.as_str()), (Some(0), "nothing was deployed yet\n"), "{said:?}");
    let person = with_history().await?;
    let said = person.run("status", &[]).await?;
    let lines: Vec<Vec<&str>> = said
        .out
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect())
        .collect();
    assert_eq!((said.exit, said.err.as_str()), (Some(0), ""), "{said:?}");
    assert_eq!(lines[0], ["FUNCTION", "dev", "prod"]);
    assert_eq!(lines[1], ["bills", "7 v1", "-"]);
    assert_eq!(lines[3], ["orders", "1.0.0 v1", "1.0.0 v1"], "{}", said.out);
    assert!(lines[4][0].ends_with("ago by ada"), "{}", said.out);
    assert!(lines[5..].concat().contains(&"held") && lines[5..].concat().contains(&"rejected"), "{}", said.out);
    assert!(!said.out.contains('\x1b'), "colours where nobody sees them");

    let only = person.run("status", &["--environment", "prod"]).await?;
    assert!(only.out.starts_with("FUNCTION   prod\n") && !only.out.contains("bills"), "{only:?}");
    let (exit, told) = person.run_json("status", &[]).await?;
    let names: Vec<String> =
        told["functions"].as_array().into_iter().flatten().map(|one| text(one, "/function")).collect();
    assert_eq!((exit, names), (Some(0), ["bills", "orders", "orders"].map(str::to_owned).to_vec()));
    Ok(())
}

#[tokio::test]
async fn status_of_a_function_shows_everything_known_of_it() -> Result<()> {
    let person = with_history().await?;
    let (exit, told) = person.run_json("status", &["orders", "--environment", "dev"]).await?;
    let status = &told["functions"][0];
    assert_eq!((exit, status["live"]["release"].clone()), (Some(0), json!("1.0.0")));
    assert_eq!(status["live"]["sha256"], person.live().await?.sha256);
    assert_eq!((&status["hold"]["reason"], &status["rejected"]), (&json!("black friday"), &json!(true)));
    let said = person.run("status", &["orders", "--environment", "dev"]).await?;
    for words in [
        "orders in dev\n".to_owned(),
        format!("  live     1.0.0, rejected, since {}", text(status, "/live/since").get(..10).unwrap_or_default()),
        format!(" by ada, deployment {}\n", text(status, "/live/deployment")),
        "  target   111111111111/eu-west-1: version 1 (1.0.0), rejected\n".to_owned(),
        "): black friday\n".to_owned(),
        "rejected: release 1.0.0 of orders, since ".to_owned(),
        "): it loses orders\n".to_owned(),
    ] {
        assert!(said.out.contains(&words), "{words:?} is not in:\n{}", said.out);
    }
    let nobody = person.run("status", &["nobody"]).await?;
    assert_eq!((nobody.exit, nobody.out.as_str()), (Some(3), ""));
    assert_eq!(nobody.err, "error: no environment knows a function nobody; known are bills, orders\n");
    Ok(())
}

#[tokio::test]
async fn history_is_newest_first_with_the_cause_of_each() -> Result<()> {
    let person = with_history().await?;
    let mut refused = person.aws.deploy("dev/orders/1.2.0.zip", Zip::function("1.2.0")).await?;
    // The field `format` is in the ledger only.
    let _format = refused.as_object_mut().and_then(|record| record.remove("format"));
    let told = person.run_ok("history", &[]).await?;
    let deployments = told["deployments"].as_array().cloned().unwrap_or_default();
    assert_eq!(deployments.first(), Some(&refused));
    let kinds: Vec<(String, String)> =
        deployments.iter().map(|record| (text(record, "/cause/kind"), text(record, "/release"))).collect();
    let expected = [("upload", "1.2.0"), ("rollback", "1.0.0"), ("upload", "1.1.0"), ("upload", "1.0.0")];
    assert_eq!(kinds, expected.map(|(kind, release)| (kind.to_owned(), release.to_owned())));

    let said = person.run("history", &DEV).await?;
    let lines: Vec<&str> = said.out.lines().collect();
    let words: Vec<Vec<&str>> = lines.iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["STARTED", "WHEN", "STATUS", "RELEASE", "CAUSE", "BY", "DEPLOYMENT"], "{said:?}");
    assert_eq!(words[1][5..8], ["refused", "1.2.0", "upload"], "{said:?}");
    assert!(lines[2].starts_with("    held by ada since ") && lines[2].ends_with("Z: black friday"), "{said:?}");
    assert!(!lines[2].contains('.'), "to the second: {said:?}");
    assert_eq!(words[3][5..10], ["succeeded", "1.0.0", "v1", "rollback", "ada"], "{said:?}");
    assert_eq!(lines.len(), 6, "{said:?}");
    let said = person.run("history", &[&DEV[..], &["--limit", "1"]].concat()).await?;
    assert_eq!(said.out.lines().count(), 3, "{said:?}");
    let said = person.run("history", &["-e", "dev", "-f", "nobody"]).await?;
    assert_eq!((said.exit, said.out.as_str()), (Some(3), ""), "{said:?}");
    let said = person.run("history", &["-e", "prod", "-f", "bills"]).await?;
    assert_eq!((said.exit, said.out.as_str()), (Some(0), "nothing was deployed for bills in prod yet\n"));
    Ok(())
}

#[tokio::test]
async fn role_that_may_only_look_reads_the_same_from_the_ledger() -> Result<()> {
    let person = with_history().await?;
    let looker = keys(&person.aws, "look").await?;
    let before = person.aws.snapshot().await?;
    for (verb, arguments) in [
        ("status", &[][..]),
        ("status", &["orders"]),
        ("status", &["--environment", "prod"]),
        ("status", &["nobody"]),
        ("history", &DEV),
        ("history", &["-e", "prod", "-f", "orders", "--limit", "1"]),
    ] {
        let (exit, told) = person.run_json(verb, arguments).await?;
        // The deployer cannot be invoked in this run.
        let straight = [&[verb], arguments, &["--ledger", LEDGER, "--output", "json"]].concat();
        let (said, calls) = person.aws.calls_of(person.aws.deployctl(&looker, &straight)).await?;
        let seen: Value = said.json()?;
        validate_answer(verb, &seen)?;
        assert_eq!((said.exit, seen), (exit, told), "{verb} {arguments:?}");
        assert!(calls.iter().all(|call| call.service == "s3"), "{calls:?}");
    }
    let unknown = person.aws.deployctl(&looker, &["status", "-e", "prdo", "--ledger", LEDGER]).await?;
    assert_eq!(unknown.exit, Some(2), "{unknown:?}");
    assert!(unknown.err.contains("deployer.json has no environment prdo (it has dev, prod)"), "{unknown:?}");
    let elsewhere = person.aws.deployctl(&looker, &["status", "--ledger", "acme-artifacts"]).await?;
    assert_eq!(elsewhere.exit, Some(1), "{elsewhere:?}");
    assert!(elsewhere.err.contains("it takes the policy \"look\""), "{elsewhere:?}");
    assert_eq!(before.changes_to(&person.aws.snapshot().await?), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn status_is_filtered_by_names_and_states() -> Result<()> {
    let person = with_history().await?;
    let found = async |arguments: &[&str]| -> Result<Vec<String>> {
        let told = person.run_json("status", arguments).await?.1;
        validate_answer("status", &told)?;
        let functions = told["functions"].as_array().into_iter().flatten();
        Ok(functions.map(|one| format!("{}/{}", text(one, "/environment"), text(one, "/function"))).collect())
    };
    assert_eq!(found(&["b*"]).await?, ["dev/bills"]);
    assert_eq!(found(&["-f", "*r*"]).await?, ["dev/orders", "prod/orders"]);
    assert_eq!(found(&["--state", "held"]).await?, ["dev/orders"]);
    assert_eq!(found(&["--state=held,rejected", "orders"]).await?, ["dev/orders", "prod/orders"]);
    let table = person.run("status", &["--state", "failed,behind"]).await?;
    assert_eq!((table.exit, table.out.as_str()), (Some(0), "no function is in one of these states: failed, behind\n"));

    let wrong = person.run("status", &["--state", "held,borken"]).await?;
    assert_eq!(wrong.exit, Some(2), "{wrong:?}");
    let states =
        "deploying, paused, taken-back, pending, waiting, held, failed, rejected, incomplete, split, behind, late";
    assert!(
        wrong.err.contains("borken") && wrong.err.split_whitespace().collect::<Vec<_>>().join(" ").contains(states)
    );
    let seconds = person.run("status", &["--watch", "2"]).await?;
    assert_eq!(seconds.exit, Some(2), "{seconds:?}");
    assert!(seconds.err.contains("--watch takes its seconds as --watch=2"), "{seconds:?}");
    Ok(())
}

#[tokio::test]
async fn watch_is_redrawn_in_place_until_ctrl_c() -> Result<()> {
    let person = Person::after(&["1.0.0"]).await?;
    let mut watching = person.on_a_terminal(TerminalStreams::OutAndErr, "status", &["--watch=1"]).await?;
    watching.terminal.wait_for("\x1b[H\x1b[2J").await?;
    watching.terminal.wait_for("1.0.0 v1").await?;
    watching.terminal.wait_for("again every 1 s; Ctrl-C ends it").await?;
    person.deploy_upload("1.1.0", Zip::function("1.1.0")).await?;
    watching.terminal.wait_for("1.1.0 v2").await?;
    watching.interrupt()?;
    let ended = watching.end().await?;
    assert_eq!(ended.exit, Some(130), "{ended:?}");
    assert!(ended.err.contains("\x1b[38;5;28m1.1.0 v2"), "on a terminal it is green: {ended:?}");
    assert!(!ended.err.contains("error"), "{ended:?}");
    Ok(())
}
