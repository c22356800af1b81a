//! Failures of messages, calls, targets and the deployer itself.

use deployer_core::names::{CONFIG_LINE, ERROR_LINE, QUEUE_LINE};
use fixtures::Zip;
use local_aws::{
    Answer, CONFIG_KEY, Doing as _, Error, FIRST, Fault, LEDGER, LocalAws, REGION, Result, Settle, TOOLING,
};
use serde_json::{Value, json};

use super::{serves, statuses, versions};

#[tokio::test]
async fn broken_message_affects_no_other_and_is_not_retried() -> Result<()> {
    let aws = LocalAws::start().await?;
    let orders = aws.upload("dev/orders/1.0.0.zip", Zip::function("orders")).await?;
    aws.mapping().send("{ this is not JSON").await?;
    let stock = aws.upload("dev/stock/1.0.0.zip", Zip::function("stock")).await?;
    let deliveries = aws.deliver().await?;
    assert_eq!(deliveries.iter().map(|one| (one.bodies.len(), one.failed)).collect::<Vec<_>>(), [(3, 0)]);
    for (key, version_id) in [("dev/orders/1.0.0.zip", orders), ("dev/stock/1.0.0.zip", stock)] {
        let result = aws.result(key, &version_id).await?;
        assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    }
    assert_eq!(aws.dead_letters().await?, 0);
    aws.same_events_again_change_nothing().await
}

/// `DEPLOYER_CONFIG` names the version of deployer.json that a version of the deployer was published with.
#[tokio::test]
async fn deployer_keeps_its_configuration_when_a_newer_one_is_written() -> Result<()> {
    let aws = LocalAws::start().await?;
    let put = aws.clients().s3(TOOLING, REGION).put_object().bucket(LEDGER).key(CONFIG_KEY);
    let newer = br#"{"a field of": "a newer deployer"}"#.to_vec();
    put.body(newer.into()).send().await.doing("writing a newer deployer.json")?;
    aws.deployer().kill();
    let result = aws.deploy("dev/orders/1.0.0.zip", Zip::function("1")).await?;
    assert_eq!(result["status"], "succeeded", "{result:#}");
    Ok(())
}

/// The tooling module's alarm counts by these fields.
#[tokio::test]
async fn late_wake_is_logged_with_its_queue() -> Result<()> {
    let aws = LocalAws::start().await?;
    let mut event = aws.mapping().event_of(&[json!({})]);
    event["Records"][0]["eventSourceARN"] = json!("arn:aws:sqs:eu-west-1:123456789012:deployer-wakes");
    event["Records"][0]["attributes"] = json!({"SentTimestamp": "1700000000000", "ApproximateReceiveCount": "1"});
    aws.invoke(&event).await?;
    let is_told = |line: &Value| {
        line["message"].as_str().is_some_and(|message| message.starts_with(QUEUE_LINE))
            && line["queue"] == "deployer-wakes"
    };
    assert!(aws.logs(is_told).await, "{:?}", aws.deployer().log());
    Ok(())
}

#[tokio::test]
async fn only_the_failed_message_of_a_batch_is_retried() -> Result<()> {
    let aws = LocalAws::start().await?;
    // The fault lasts longer than the SDK's retries and shorter than the queue's deliveries.
    let unavailable = Fault::new("PutObject", 503, "ServiceUnavailable", "Please try again");
    aws.control().fault(&unavailable.under("heads/dev/orders").times(3)).await?;
    let orders = aws.upload("dev/orders/1.0.0.zip", Zip::function("orders")).await?;
    let stock = aws.upload("dev/stock/1.0.0.zip", Zip::function("stock")).await?;
    let deliveries = aws.deliver().await?;
    assert_eq!(deliveries.iter().map(|one| (one.bodies.len(), one.failed)).collect::<Vec<_>>(), [(2, 1), (1, 0)]);
    for (key, version_id) in [("dev/orders/1.0.0.zip", orders), ("dev/stock/1.0.0.zip", stock)] {
        let result = aws.result(key, &version_id).await?;
        assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    }
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn record_names_a_role_that_requires_another_external_id() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.configure(|config| config["environments"]["dev"]["external_id"] = json!("wrong-0000")).await?;
    let (result, calls) = aws.calls_of(aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0"))).await?;
    assert_eq!(statuses(&result), ["failed", "failed"], "{result:#}");
    assert_eq!(result["code"], "TargetFailed");
    let error = &result["targets"][0]["error"];
    assert_eq!((&error["code"], &error["step"]), (&json!("AssumeRoleDenied"), &json!("enter")));
    let session = format!("deployer-{}", result["id"].as_str().unwrap_or_default());
    let message = error["message"].as_str().unwrap_or_default();
    for part in ["arn:aws:iam::111111111111:role/deployer-target", "account 111111111111", session.as_str()] {
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
    assert!(calls.iter().all(|call| call.service != "lambda"), "nothing is done without a session");
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn messages_are_delayed_and_kept_while_configuration_is_unreadable() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.configure(|config| config["environments"]["dev"]["targets"] = json!([])).await?;
    let version_id = aws.upload("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    let mut pauses = Vec::new();
    for _ in 0..2 {
        let (delivery, calls) = aws.calls_of(aws.mapping().deliver_once(aws.deployer())).await?;
        let delivery = delivery.map(|delivery| (delivery.answer, delivery.failed));
        let Some((Answer::Payload(_), 1)) = delivery else {
            return Err(Error::Unexpected(format!("{delivery:?}")));
        };
        let ours = calls.iter().filter(|call| LocalAws::is_by_deployer(call));
        let extend_visibility = ours.filter(|call| call.operation == "ChangeMessageVisibility");
        pauses.extend(extend_visibility.map(|call| call.parameters["VisibilityTimeout"].as_u64()));
    }
    assert_eq!(pauses, [Some(20), Some(60)]);
    let said = |line: &serde_json::Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.starts_with(CONFIG_LINE) && message.contains("environments.dev.targets")
    };
    assert!(aws.logs(said).await, "{:#?}", aws.deployer().log());
    let by_hand = aws.invoke(&json!({"command": "status"})).await?;
    let Answer::FunctionError { error_type, message } = by_hand else {
        return Err(Error::Unexpected(format!("{by_hand:?}")));
    };
    assert_eq!(error_type, "InvalidConfig");
    assert!(message.contains("environments.dev.targets"), "{message}");
    let failed = |line: &serde_json::Value| {
        line["error_type"] == "InvalidConfig"
            && line["message"].as_str().is_some_and(|text| text.starts_with(ERROR_LINE))
    };
    assert!(aws.logs(failed).await, "{:#?}", aws.deployer().log());

    aws.configure(|_| ()).await?;
    aws.deliver().await?;
    let result = aws.result("dev/orders/1.0.0.zip", &version_id).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn failure_within_an_array_of_a_pipe_is_a_function_error() -> Result<()> {
    let aws = LocalAws::start().await?;
    let mut pipe = Vec::new();
    for key in ["dev/orders/1.0.0.zip", "dev/stock/1.0.0.zip"] {
        aws.upload(key, Zip::function(key)).await?;
        let told = aws.take_messages().await?;
        let batch = aws.mapping().event_of(&told);
        pipe.extend(batch["Records"].as_array().cloned().unwrap_or_default());
    }
    let pipe = json!(pipe);
    aws.configure(|config| config["environments"]["dev"]["targets"] = json!([])).await?;
    let answer = aws.invoke(&pipe).await?;
    assert!(matches!(&answer, Answer::FunctionError { error_type, .. } if error_type == "InvalidConfig"), "{answer:?}");
    aws.configure(|_| ()).await?;
    let unavailable = Fault::new("PutObject", 503, "ServiceUnavailable", "Please try again");
    aws.control().fault(&unavailable.under("heads/dev/stock").forever()).await?;
    let answer = aws.invoke(&pipe).await?;
    let is_ledgers = |error_type: &str| error_type == "LedgerUnavailable";
    assert!(matches!(&answer, Answer::FunctionError { error_type, .. } if is_ledgers(error_type)), "{answer:?}");
    assert_eq!(aws.records("dev", "orders").await?.len(), 1, "the other message of the array is handled all the same");
    aws.control().no_faults().await?;
    let answer = aws.invoke(&pipe).await?;
    assert!(matches!(&answer, Answer::Payload(_)), "{answer:?}");
    assert_eq!((aws.records("dev", "orders").await?.len(), aws.records("dev", "stock").await?.len()), (1, 1));
    let before = aws.snapshot().await?;
    aws.invoke(&pipe).await?;
    assert_eq!(before.changes_to(&aws.snapshot().await?), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn mistyped_command_is_an_error_that_no_alarm_counts() -> Result<()> {
    let aws = LocalAws::start().await?;
    for payload in [json!({"command": "dance"}), json!({"command": "status", "environment": "nowhere"})] {
        let answer = aws.invoke(&payload).await?;
        assert!(
            matches!(&answer, Answer::FunctionError { error_type, .. } if error_type == "InvalidCommand"),
            "{answer:?}"
        );
    }
    let refused = |line: &serde_json::Value| line["message"].as_str().is_some_and(|text| text.contains("nowhere"));
    assert!(aws.logs(refused).await);
    let counted = |line: &serde_json::Value| line["message"].as_str().is_some_and(|text| text.starts_with(ERROR_LINE));
    assert!(!aws.deployer().log().iter().any(counted), "{:#?}", aws.deployer().log());
    Ok(())
}

#[tokio::test]
async fn unhandleable_message_becomes_a_dead_letter() -> Result<()> {
    let aws = LocalAws::start().await?;
    let unavailable = Fault::new("PutObject", 503, "ServiceUnavailable", "Please try again");
    aws.control().fault(&unavailable.under("heads/").forever()).await?;
    aws.upload("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    let deliveries = aws.deliver().await?;
    assert_eq!(deliveries.iter().map(|one| one.failed).collect::<Vec<_>>(), [1; 5]);
    assert_eq!(aws.dead_letters().await?, 1);
    assert_eq!(aws.live(FIRST, REGION, "orders").await?, None, "nothing is done without the ledger");
    Ok(())
}

#[tokio::test]
async fn conflicts_and_throttling_are_retried() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    aws.control().settle(&Settle::after_reads("publish", 2)).await?;
    aws.control().fault(&Fault::busy("UpdateFunctionCode").times(2)).await?;
    aws.control().fault(&Fault::throttled("GetFunction").times(2)).await?;
    aws.control().fault(&Fault::throttled("UpdateAlias").times(4)).await?;
    let (result, calls) = aws.calls_of(aws.deploy("dev/orders/1.1.0.zip", Zip::function("1.1.0"))).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    let tries = |name: &str| calls.iter().filter(|call| call.operation == name).count();
    assert_eq!((tries("UpdateFunctionCode"), tries("UpdateAlias")), (3, 5));
    assert_eq!(versions(aws.live(FIRST, REGION, "orders").await?), serves("2", &["1", "2"]));
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn values_of_variables_are_in_neither_log_nor_ledger() -> Result<()> {
    const SECRET: &str = "hunter2-correct-horse";
    let aws = LocalAws::start().await?;
    let with = |content: &str, more: &str| {
        let manifest = format!("TOKEN = \"{SECRET}-{content}\"\n{more}");
        Zip::function(content).with("[environment.variables]", &format!("[environment.variables]\n{manifest}"))
    };
    let created = aws.deploy("dev/orders/1.0.0.zip", with("1.0.0", "")).await?;
    assert_eq!(statuses(&created), ["succeeded", "succeeded"], "{created:#}");
    // A change that Lambda refuses and an invalid one: both messages go into the record.
    let refused = Fault::new("UpdateFunctionConfiguration", 400, "InvalidParameterValueException", "no");
    aws.control().fault(&refused).await?;
    let failed = aws.deploy("dev/orders/1.1.0.zip", with("1.1.0", "")).await?;
    assert_eq!(statuses(&failed), ["failed", "failed"], "{failed:#}");
    let wrong = aws.deploy("dev/orders/1.2.0.zip", with("1.2.0", &format!("LIST = [\"{SECRET}\"]\n"))).await?;
    assert_eq!(wrong["code"], "InvalidManifest", "{wrong:#}");

    for key in aws.ledger_keys("").await? {
        let object = aws.ledger_object(&key).await?.unwrap_or_default().to_string();
        assert!(!object.contains(SECRET), "{key} has it");
    }
    for line in aws.deployer().log() {
        assert!(!line.to_string().contains(SECRET), "{line}");
    }
    let lambda = aws.clients().lambda(FIRST, REGION);
    let live = lambda.get_function_configuration().function_name("orders").qualifier("live").send().await;
    let variables = live.doing("looking")?.environment.and_then(|environment| environment.variables);
    assert!(variables.unwrap_or_default().values().any(|value| value.contains(SECRET)), "it did arrive");
    Ok(())
}

#[tokio::test]
async fn unreadable_2xx_is_an_unknown_answer() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    for (number, operation) in
        ["AssumeRole", "GetFunction", "GetAlias", "UpdateFunctionCode", "UpdateAlias"].iter().enumerate()
    {
        aws.control().fault(&Fault::new(operation, 200, "", "moved").although_done()).await?;
        let release = format!("1.{}.0", number + 1);
        let result = aws.deploy(&format!("dev/orders/{release}.zip"), Zip::function(&release)).await?;
        assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{operation}: {result:#}");
    }
    aws.same_events_again_change_nothing().await
}
