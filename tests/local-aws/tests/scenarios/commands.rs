//! Commands by hand and by a schedule, and the deployer's own ticks.

use fixtures::Zip;
use local_aws::{Answer, Error, Fault, Interrupted, LocalAws, Moment, Result};
use serde_json::{Value, json};

use super::statuses;

async fn answered(aws: &LocalAws, command: Value) -> Result<Value> {
    match aws.invoke(&command).await? {
        Answer::Payload(payload) => Ok(payload),
        other => Err(Error::Unexpected(format!("{command}: {other:?}"))),
    }
}

async fn refused(aws: &LocalAws, command: Value) -> Result<(String, String)> {
    match aws.invoke(&command).await? {
        Answer::FunctionError { error_type, message } => Ok((error_type, message)),
        other => Err(Error::Unexpected(format!("{command}: {other:?}"))),
    }
}

#[tokio::test]
async fn sweep_over_a_tidy_ledger_does_nothing() -> Result<()> {
    let aws = LocalAws::start().await?;
    let empty = |name: &str| json!({"name": name, "waiting": 0, "in_flight": 0, "delayed": 0});
    let nothing = json!({"looked_at": 0, "woken": 0, "completed": 0, "cleared": 0, "failed": 0,
        "queues": [empty("deployer"), empty("deployer-wakes")]});
    assert_eq!(answered(&aws, json!({"command": "sweep"})).await?, nothing);
    aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    let before = aws.snapshot().await?;
    assert_eq!(answered(&aws, json!({"command": "sweep"})).await?, nothing);
    assert_eq!(before.changes_to(&aws.snapshot().await?), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn sweep_respects_leases_and_deletes_only_old_markers() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.upload("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    assert_eq!(aws.deliver_and_kill_at(Moment::After(12)).await?, Interrupted::Killed);
    aws.take_messages().await?;
    let swept = answered(&aws, json!({"command": "sweep"})).await?;
    assert_eq!((&swept["looked_at"], &swept["woken"], &swept["cleared"]), (&json!(1), &json!(0), &json!(0)));
    aws.end_leases().await?;
    let swept = answered(&aws, json!({"command": "sweep"})).await?;
    assert_eq!((&swept["looked_at"], &swept["woken"]), (&json!(1), &json!(1)));
    aws.deliver().await?;
    assert_eq!(statuses(&aws.record("dev", "orders").await?), ["succeeded", "succeeded"]);
    aws.put_in_ledger("open/dev/stock/01M82G2M5GPN0T1CRNTD2CNZ99", vec![]).await?;
    aws.age_markers().await?;
    assert_eq!(answered(&aws, json!({"command": "sweep"})).await?["cleared"], 1);
    assert_eq!(aws.ledger_keys("open/").await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn history_is_newest_first_up_to_its_limit() -> Result<()> {
    let aws = LocalAws::start().await?;
    for release in ["1.0.0", "1.1.0", "1.2.0"] {
        aws.deploy(&format!("dev/orders/{release}.zip"), Zip::function(release)).await?;
    }
    let ask = |limit: Value| json!({"command": "history", "environment": "dev", "function": "orders", "limit": limit});
    // All records may be of one second, within which ids do not sort by time.
    let mut recorded = aws.records("dev", "orders").await?;
    // The field `format` is in the ledger only.
    for record in &mut recorded {
        let _format = record.as_object_mut().and_then(|record| record.remove("format"));
    }
    recorded.sort_by_key(|record| std::cmp::Reverse(record["release"].as_str().map(str::to_owned)));
    let told = answered(&aws, ask(json!(20))).await?;
    assert_eq!(told, json!({ "deployments": recorded }));
    let told = answered(&aws, ask(json!(2))).await?;
    assert_eq!(told, json!({ "deployments": recorded[..2] }));
    let unknown = json!({"command": "history", "environment": "dev", "function": "nobody"});
    let (error_type, message) = refused(&aws, unknown).await?;
    let words = "no environment knows a function nobody; known are orders";
    assert_eq!((error_type.as_str(), message.as_str()), ("UnknownFunction", words));
    let (error_type, message) =
        refused(&aws, json!({"command": "history", "environment": "prdo", "function": "orders"})).await?;
    let words = "deployer.json has no environment prdo (it has dev, prod); did you mean prod?";
    assert_eq!((error_type.as_str(), message.as_str()), ("InvalidCommand", words));
    Ok(())
}

#[tokio::test]
async fn wrong_command_is_refused_naming_the_mistake() -> Result<()> {
    let aws = LocalAws::start().await?;
    for (command, words) in [
        (json!({"command": "nonsense"}), "unknown command \"nonsense\""),
        (json!({"command": "sweep", "now": true}), "now"),
        (json!({"command": "history"}), "environment"),
        (json!({"command": 1}), "must be a text"),
    ] {
        let (error_type, message) = refused(&aws, command).await?;
        assert_eq!(error_type, "InvalidCommand");
        assert!(message.contains(words), "{words} is not in: {message}");
    }
    Ok(())
}

#[tokio::test]
async fn sweep_with_a_broken_record_fails_and_logs_its_key() -> Result<()> {
    let aws = LocalAws::start().await?;
    let unavailable = Fault::new("PutObject", 503, "ServiceUnavailable", "Please try again");
    aws.control().fault(&unavailable.under("results/").forever()).await?;
    aws.upload("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    aws.deliver().await?;
    aws.control().no_faults().await?;
    let keys = aws.ledger_keys("deployments/").await?;
    aws.put_in_ledger(&keys[0], b"{".to_vec()).await?;
    let (error_type, message) = refused(&aws, json!({"command": "sweep"})).await?;
    assert_eq!(error_type, "LedgerUnavailable");
    assert!(message.starts_with("1 of 1 functions with work open could not be swept"), "{message}");
    let names = |line: &str| line.contains(&keys[0]) && line.contains("restore its former S3 version");
    assert!(aws.logs(|line| line["message"].as_str().is_some_and(names)).await, "{} is not in the log", keys[0]);
    Ok(())
}
