//! Bad input: a sentence with the remedy, a stable exit code or errorType, and no change.

use local_aws::{Answer, Error, Result};
use serde_json::{Value, json};

use super::{DEV, Person};

#[tokio::test]
async fn unknown_environment_is_reported_with_the_known_ones() -> Result<()> {
    let person = Person::after(&["1"]).await?;
    let before = person.aws.snapshot().await?;
    let prdo = ["-e", "prdo", "-f", "orders"];
    for (verb, more) in [
        ("status", &[][..]),
        ("history", &[]),
        ("deploy", &["--release", "1"]),
        ("redeploy", &[]),
        ("rollback", &[]),
        ("rollback", &["--yes"]),
        ("plan", &[]),
        ("hold", &["--reason", "x"]),
        ("release-hold", &[]),
        ("approve", &[]),
        ("decline", &[]),
    ] {
        let said = person.run(verb, &[&prdo, more].concat()).await?;
        assert_eq!((said.exit, said.out.as_str()), (Some(2), ""), "{verb}: {said:?}");
        let told = "error: deployer.json has no environment prdo (it has dev, prod); did you mean prod?\n";
        assert_eq!(said.err, told, "{verb}");
        let (exit, told) = person.run_json(verb, &[&prdo, more].concat()).await?;
        assert_eq!((exit, &told["errorType"]), (Some(2), &json!("InvalidCommand")), "{verb}: {told:#}");
    }
    assert_eq!(before.changes_to(&person.aws.snapshot().await?), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn impossible_command_is_refused_with_the_reason() -> Result<()> {
    let person = Person::after(&["1"]).await?;
    let before = person.aws.snapshot().await?;
    let release = |release| ["--function", "orders", "--release", release];
    for (verb, arguments, words) in [
        ("release-hold", DEV.to_vec(), "orders is not held in dev: there is nothing to release"),
        (
            "reject",
            [&release("9")[..], &["--reason", "x"]].concat(),
            "no release 9 of orders is known in any environment: status and history tell which are",
        ),
        ("unreject", release("1").to_vec(), "release 1 of orders is not rejected: there is nothing to undo"),
        (
            "promote",
            vec!["--function", "orders", "--from", "dev", "--to", "dev"],
            "command promote: from and to must be two environments",
        ),
        (
            "approve",
            DEV.to_vec(),
            "no promotion of orders waits in dev: status and history tell what became of it; name a group by --deployment, \
             without --function",
        ),
        (
            "decline",
            ["-e", "dev", "--deployment", "01M8A5K79RQBSV76AT3ARZPEW6"].to_vec(),
            "no promotion and no group 01M8A5K79RQBSV76AT3ARZPEW6 is known in dev: deployctl status -e dev lists the \
             promotions that wait there, those of groups too",
        ),
        (
            "recall",
            [&release("9")[..], &["--yes"]].concat(),
            "no release 9 of orders is known in any environment: status and history tell which are",
        ),
        ("hold", [&DEV[..], &["--reason", " "]].concat(), "command hold: reason must not be empty"),
        (
            "hold",
            [&DEV[..], &["--reason", "two\nlines"]].concat(),
            "command hold: reason must be one line of at most 500 characters",
        ),
    ] {
        let said = person.run(verb, &arguments).await?;
        // A release that nobody knows is refused, as a function that nobody knows is.
        let exit = if words.starts_with("no release ") { 3 } else { 2 };
        assert_eq!((said.exit, said.out.as_str()), (Some(exit), ""), "{verb}: {said:?}");
        assert_eq!(said.err, format!("error: {words}\n"), "{verb}");
    }
    assert_eq!(before.changes_to(&person.aws.snapshot().await?), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn usage_error_is_reported_before_the_deployer_is_invoked() -> Result<()> {
    let person = Person::operator().await?;
    for (arguments, words) in [
        (&["rollback", "-e", "Prod", "-f", "orders"][..], "is not an environment"),
        (&["rollback", "-e", "dev", "-f", "a b"], "is not a function name"),
        (&["rollback", "-e", "dev", "-f", "orders", "--to", ".1"], "is not a release"),
        (&["rollback", "-e", "dev"], "--function"),
        (&["rollback", "-e", "dev", "-f", "orders", "--timeout", "soon"], "is not a duration"),
        (&["rollback", "-e", "dev", "-f", "orders", "--no-wait", "--timeout", "1s"], "cannot be used with"),
        (&["history", "-e", "dev", "-f", "orders", "--limit", "101"], "101 is not in 1..=100"),
        (&["hold", "-e", "dev", "-f", "orders"], "--reason"),
        (&["deploy", "-e", "dev", "-f", "orders"], "--release"),
        (&["plan", "-f", "orders"], "--environment"),
        (&["status", "--watch=0"], "--watch"),
        (&["promote", "--from", "dev", "--to", "prod"], "--function"),
        (&["promote", "-f", "a", "--from", "dev", "--to", "prod", "--wait", "--no-wait"], "cannot be used with"),
        (&["promote", "-f", "a", "--from", "dev", "--to", "prod", "--not-after", "soon"], "is neither a time, such as"),
        (&["promote", "-f", "a*", "--from", "dev", "--to", "prod", "-r", "1"], "--release belongs to one function"),
        (&["promote", "-f", "a*", "-f", "b", "--from", "dev", "--to", "prod"], "a* stands for each that is ready"),
        (&["promote", "-f", "a,a", "--from", "dev", "--to", "prod"], "--function names one of them twice"),
        (&["approve", "-f", "orders"], "--environment"),
        (&["plan", "-e", "dev", "-f", "orders", "--to", "1"], "--rollback"),
        (&["plan", "-e", "dev", "-f", "orders", "--rollback", "--promote-from", "stage"], "--promote-from"),
        (&["approve", "-e", "prod", "--deployment", "7"], "is not a deployment id"),
        (&["recall", "-f", "orders"], "--release"),
        (&["rolback"], "rollback"),
    ] {
        let (said, calls) = person.aws.calls_of(person.aws.operate(&person.keys, arguments)).await?;
        assert_eq!((said.exit, said.out.as_str()), (Some(2), ""), "{arguments:?}: {said:?}");
        assert!(said.err.contains(words), "{words:?} is not in: {said:?}");
        assert!(calls.is_empty(), "{arguments:?}: {calls:?}");
    }
    assert!(person.aws.deployer().log().is_empty(), "nobody has invoked it");
    Ok(())
}

#[tokio::test]
async fn wrong_function_name_of_the_deployer_is_reported_with_options() -> Result<()> {
    let person = Person::operator().await?;
    let said = person.run("status", &["--function-name", "depolyer"]).await?;
    assert_eq!((said.exit, said.out.as_str()), (Some(1), ""), "{said:?}");
    for words in [
        "\"depolyer:live\" could not be invoked",
        "ResourceNotFoundException",
        "--function-name, --region and --profile",
    ] {
        assert!(said.err.contains(words), "{words:?} is not in: {said:?}");
    }
    Ok(())
}

#[tokio::test]
async fn wrong_payload_is_refused_naming_the_field() -> Result<()> {
    let person = Person::after(&["1"]).await?;
    let before = person.aws.snapshot().await?;
    let with = |name: &str, field: &str, value: Value| {
        let mut command = json!({"command": name, "environment": "dev", "function": "orders"});
        command[field] = value;
        command
    };
    for (payload, words) in [
        (with("rollback", "version", json!("3")), "unknown field `version`"),
        (with("redeploy", "release", json!("1")), "unknown field `release`"),
        (with("status", "verbose", json!(true)), "unknown field `verbose`"),
        (with("deploy", "releas", json!("1")), "unknown field `releas`"),
        (with("deploy", "release", json!(1)), "command deploy: release: "),
        (with("rollback", "environment", json!(["dev"])), "command rollback: environment: "),
        (with("rollback", "function", json!(null)), "command rollback: function: "),
        (with("rollback", "id", json!(7)), "id must be a text"),
        (with("rollback", "requested_by", json!({})), "requested_by must be a text"),
        (with("history", "limit", json!("20")), "command history: limit: "),
        (with("history", "limit", json!(-1)), "command history: limit: "),
        (with("hold", "reason", json!(1)), "command hold: reason: "),
        (with("hold", "requested_by", json!("ada")), "missing field `reason`"),
        (json!({"command": "reject", "function": "orders", "release": "1"}), "missing field `reason`"),
        (json!({"command": "rollback", "function": "orders"}), "missing field `environment`"),
        (json!({"command": "rolback"}), "unknown command \"rolback\"; this deployer knows deploy, redeploy, rollback"),
        (json!({"command": ["rollback"]}), "\"command\" must be a text"),
    ] {
        match person.aws.invoke(&payload).await? {
            Answer::FunctionError { error_type, message } => {
                assert_eq!(error_type, "InvalidCommand", "{payload}: {message}");
                assert!(message.contains(words), "{words:?} is not in: {message} ({payload})");
            }
            answer => return Err(Error::Unexpected(format!("{payload} was taken: {answer:?}"))),
        }
    }
    assert_eq!(before.changes_to(&person.aws.snapshot().await?), [""; 0]);
    Ok(())
}
