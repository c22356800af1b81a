//! Uploads that succeed, through every kind of event.

use fixtures::Zip;
use local_aws::{
    Answer, Doing as _, EXECUTION_ROLE, Error, FIRST, LocalAws, OTHER_REGION, REGION, Result, SECOND, Setup, Transport,
};
use serde_json::{Value, json};

use super::{lambda_writes, serves, statuses, versions};

#[tokio::test]
async fn upload_is_live_in_the_target_account() -> Result<()> {
    let aws = LocalAws::start().await?;
    let zip = Zip::function("1.0.0");
    let metadata = [("commit", "4f5c2e1"), ("build-url", "https://ci.example/7"), ("other", "not kept")];
    let version_id = aws.upload_with("dev/orders/1.0.0.zip", &zip, &metadata).await?;
    aws.deliver().await?;

    let result = aws.result("dev/orders/1.0.0.zip", &version_id).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    assert_eq!(result["artifact"]["metadata"], json!({"commit": "4f5c2e1", "build-url": "https://ci.example/7"}));
    assert_eq!(aws.records("dev", "orders").await?, std::slice::from_ref(&result));
    let live = aws.live(FIRST, REGION, "orders").await?.ok_or_else(|| Error::Unexpected("nothing is live".into()))?;
    assert_eq!(json!(live.sha256), result["artifact"]["sha256"]);
    assert_eq!((live.memory, live.timeout, live.description.as_str()), (256, 10, "A sample"));
    assert_eq!(live.variables.get("LOG_LEVEL").map(String::as_str), Some("info"));
    assert_eq!(live.tags.get("team").map(String::as_str), Some("samples"));
    assert_eq!(live.versions, ["1"]);
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn code_and_configuration_change_together_and_become_one_version() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    let zip = Zip::function("1.1.0").with("memory_size = 256", "memory_size = 512").with("\"info\"", "\"warn\"");
    let (result, calls) = aws.calls_of(aws.deploy("dev/orders/1.1.0.zip", zip)).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    assert_eq!(lambda_writes(&calls), ["UpdateFunctionConfiguration", "UpdateFunctionCode", "UpdateAlias"]);
    let live = aws.live(FIRST, REGION, "orders").await?;
    let level = live.as_ref().and_then(|live| live.variables.get("LOG_LEVEL").cloned());
    assert_eq!((live.as_ref().map(|live| live.memory), level.as_deref()), (Some(512), Some("warn")));
    assert_eq!(versions(live), serves("2", &["1", "2"]));
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn all_targets_are_deployed_across_accounts_and_regions() -> Result<()> {
    let targets = json!([{"account": FIRST, "region": REGION}, {"account": SECOND, "region": OTHER_REGION}]);
    let setup = Setup::only("all", &json!({"targets": targets, "external_id": "all-7d2e"}));
    let aws = LocalAws::with(setup).await?;
    let (result, calls) = aws.calls_of(aws.deploy("all/orders/1.0.0.zip", Zip::function("1.0.0"))).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded", "succeeded"], "{result:#}");
    for (account, region, is_inline) in [(FIRST, REGION, false), (SECOND, OTHER_REGION, true)] {
        assert_eq!(versions(aws.live(account, region, "orders").await?), serves("1", &["1"]));
        let creations = calls.iter().filter(|call| call.operation == "CreateFunction" && call.account == account);
        let sent: Vec<Option<bool>> = creations.map(|call| call.parameters["ZipFile"].as_bool()).collect();
        assert_eq!(sent, [Some(is_inline)], "only another region than the bucket's gets the zip inline");
    }
    let second = aws.deploy("all/orders/1.1.0.zip", Zip::function("1.1.0")).await?;
    assert_eq!(statuses(&second), ["succeeded", "succeeded", "succeeded"], "{second:#}");
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn all_eight_event_wrappings_make_the_same_deployment() -> Result<()> {
    let aws = LocalAws::with(Setup::default().through_both_doors()).await?;
    let names =
        ["S3", "EventBridge", "SQS(S3)", "SQS(SNS(S3))", "SQS(EventBridge)", "SNS(S3)", "[SQS(S3)]", "[EventBridge]"];
    for (number, wrapping) in names.iter().enumerate() {
        // Each has its own function: EventBridge's times are whole seconds, so that S3's time of the same second is
        // later.
        let key = format!("dev/orders-{number}/1.0.0.zip");
        let version_id = aws.upload(&key, Zip::function(&key)).await?;
        let told = aws.take_messages().await?;
        let event = |is_eventbridge: bool| {
            let found = told.iter().find(|event| event.get("detail-type").is_some() == is_eventbridge);
            found.cloned().unwrap_or_default()
        };
        let (s3, eventbridge) = (event(false), event(true));
        let queue = |body: Value| aws.mapping().event_of(&[body]);
        let sns = json!({"Type": "Notification", "MessageId": "n", "Message": s3.to_string(),
            "TopicArn": "arn:aws:sns:eu-west-1:123456789012:uploads", "Timestamp": "2026-11-01T10:00:00Z"});
        let wrappings = [
            s3.clone(),
            eventbridge.clone(),
            queue(s3.clone()),
            queue(sns.clone()),
            queue(eventbridge.clone()),
            json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns}]}),
            queue(s3)["Records"].clone(),
            json!([eventbridge]),
        ];
        let answer = aws.invoke(&wrappings[number]).await?;
        assert!(matches!(answer, Answer::Payload(_)), "{wrapping}: {answer:?}");
        let result = aws.result(&key, &version_id).await?;
        assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{wrapping}: {result:#}");

        let before = aws.snapshot().await?;
        for again in &wrappings {
            aws.invoke(again).await?;
        }
        assert_eq!(before.changes_to(&aws.snapshot().await?), [""; 0], "after {wrapping}");
        assert_eq!(aws.records("dev", &format!("orders-{number}")).await?.len(), 1);
    }
    Ok(())
}

#[tokio::test]
async fn upload_through_eventbridge_and_the_queue_is_live() -> Result<()> {
    let aws = LocalAws::with(Setup::default().through_eventbridge()).await?;
    let result = aws.deploy("dev/orders/1.0.0+b7.zip", Zip::function("1.0.0")).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn everything_works_over_tls() -> Result<()> {
    let aws = LocalAws::over(Transport::Tls, Setup::default()).await?;
    let result = aws.deploy("prod/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded", "succeeded"], "{result:#}");
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn existing_function_is_taken_over_with_its_own_configuration() -> Result<()> {
    let aws = LocalAws::start().await?;
    let lambda = aws.clients().lambda(FIRST, REGION);
    let zip = Zip::code("by hand").build().doing("zipping")?;
    let code = aws_sdk_lambda::types::FunctionCode::builder().zip_file(zip.into()).build();
    let made = lambda
        .create_function()
        .function_name("orders")
        .role(format!("arn:aws:iam::{FIRST}:role/{EXECUTION_ROLE}"))
        .runtime("provided.al2023".into())
        .handler("bootstrap")
        .memory_size(1024)
        .code(code);
    made.send().await.doing("making a function by hand")?;
    let result = aws.deploy("dev/orders/1.0.0.zip", Zip::code("1.0.0")).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    let live = aws.live(FIRST, REGION, "orders").await?;
    assert_eq!(live.map(|live| (live.memory, live.versions)), Some((1024, vec!["1".to_owned()])));
    aws.same_events_again_change_nothing().await
}
