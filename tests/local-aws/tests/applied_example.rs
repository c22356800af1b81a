//! Applies `infra/examples/two-accounts` unchanged to the local AWS, and deploys with exactly the resources that it
//! makes. The provider waits for minutes, so that `cargo verify --quick` plays it.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use fixtures::Zip;
use local_aws::terraform::Terraform;
use local_aws::{
    ARTIFACTS, Answer, DEPLOYER_ROLE, Doing as _, Error, LEDGER, LocalAws, REGION, Result, SECOND, TOOLING,
};
use serde_json::{Value, json};

const STRANGER: &str = "999999999999";

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn applied_example_deploys_uploads_without_drift_and_can_be_destroyed() -> Result<()> {
    let Some(terraform) = Terraform::for_applying()? else { return Ok(()) };
    let (aws, applied) = LocalAws::applied(terraform).await?;

    // CI uploads and reads the result with its own credentials.
    let ci = aws.control().session(applied.output("uploader_role_arn")?, "build").await?;
    let ci = aws.clients().session_s3(&ci, REGION);
    for (environment, account) in [("dev", TOOLING), ("prod", SECOND)] {
        let key = format!("{environment}/hello/1.0.0.zip");
        let zip = Zip::function("1.0.0").with("lambda-execution", "lambda/hello").build().doing("zipping")?;
        let put = ci.put_object().bucket(applied.output("artifact_bucket")?).key(&key).body(zip.into());
        let version_id = put.send().await.doing("uploading as CI")?.version_id.unwrap_or_default();
        // CI polls the result, so that a missing one must not be a denial.
        let result = ci.get_object().bucket(applied.output("ledger_bucket")?);
        let result = result.key(format!("results/{environment}/hello/1.0.0/{version_id}.json")).send().await;
        assert!(result.is_err_and(|error| error.code() == Some("NoSuchKey")), "a result that is not there yet");
        aws.deliver().await?;
        let result_key = format!("results/{environment}/hello/1.0.0/{version_id}.json");
        let result = ci.get_object().bucket(applied.output("ledger_bucket")?).key(&result_key).send().await;
        let result =
            result.doing("reading the result as CI")?.body.collect().await.doing("reading the result")?.to_vec();
        let result: Value = serde_json::from_slice(&result).doing("reading the result")?;
        assert_eq!(result["status"], "succeeded", "{result:#}");
        let live = aws.live(account, REGION, "hello").await?;
        assert_eq!(live.map(|live| (live.version, live.versions)), Some(("1".into(), vec!["1".into()])));
    }
    aws.same_events_again_change_nothing().await?;
    assert_eq!(aws.dead_letters().await?, 0);

    // The schedule's command, and a stranger's attempt to assume the deploy role.
    let swept = aws.invoke(&json!({"command": "sweep"})).await?;
    assert!(matches!(swept, Answer::Payload(_)), "{swept:?}");
    let sts = aws_sdk_sts::Client::new(&aws.clients().config(STRANGER, REGION));
    let entering =
        sts.assume_role().role_arn(format!("arn:aws:iam::{SECOND}:role/deployer-target")).role_session_name("x");
    let refused = entering.external_id("prod-acme").source_identity("deployer-x").send().await;
    assert!(refused.is_err(), "a stranger entered prod's deploy role");
    let stranger = aws.clients().s3(STRANGER, REGION);
    for (bucket, key) in [(ARTIFACTS, "prod/hello/1.0.0.zip"), (LEDGER, "heads/prod/hello.json")] {
        assert!(stranger.get_object().bucket(bucket).key(key).send().await.is_err(), "a stranger read {bucket}/{key}");
    }

    let told = aws
        .control()
        .uses()
        .await?
        .into_iter()
        .any(|one| one.role_arn == DEPLOYER_ROLE && one.action == "events:PutEvents");
    assert!(told, "the deployer told its bus nothing");
    promotions_are_asked_for_and_approved(&aws, applied.output("wake_queue_url")?).await?;

    let ending = tokio::task::spawn_blocking(move || {
        let drift = applied.drift()?;
        // A plan and a destroy need no build of the deployer. An apply without it publishes nothing.
        applied.without_package()?;
        Ok::<_, Error>((drift, applied.planned()?, applied.apply_again(), applied.destroy()?))
    });
    let ending = ending.await.doing("destroying the example")?;
    let (drift, planned, applied_again, destroyed) = ending.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(drift, None);
    assert!(planned.contains("There is no file") && !planned.contains("No changes."), "{planned}");
    let refused = applied_again.err().map(|error| error.to_string());
    assert!(refused.as_ref().is_some_and(|error| error.contains("deployer.zip: no such file")), "{refused:?}");
    assert!(destroyed >= 40, "{destroyed} resources");
    let left = aws.clients().s3(TOOLING, REGION).list_buckets().send().await.doing("listing what is left")?;
    assert!(left.buckets().is_empty(), "{left:?}");
    Ok(())
}

/// Checks that the queue of wakes gets the events of the roles that may send them to the bus, and no others.
async fn promotions_are_asked_for_and_approved(aws: &LocalAws, queue_url: &str) -> Result<()> {
    let (requested, approved) = ("Promotion Requested", "Promotion Approved");
    for (policy, may, may_not) in [("request", requested, approved), ("approve", approved, requested)] {
        let (roles, arn) = (aws.roles(TOOLING), format!("arn:aws:iam::{TOOLING}:policy/deployer-{policy}"));
        roles.create(("/", policy), &nobody()).await?;
        roles.attach_policy(policy, &arn).await?;
        let keys = aws.control().session(&format!("arn:aws:iam::{TOOLING}:role/{policy}"), policy).await?;
        let bus = aws_sdk_eventbridge::Client::new(&aws.clients().session_config(&keys, REGION));

        for (source, detail_type) in [("acme.tool", may_not), ("deployer", may), ("aws.s3", may)] {
            assert_eq!(sent(&bus, source, detail_type).await, "AccessDeniedException", "{detail_type} of {source}");
        }
        assert_eq!(sent(&bus, "acme.tool", may).await, "sent", "{policy}");
        assert_eq!(received(aws, queue_url).await?, [may]);

        // Terraform cannot delete an attached policy.
        roles.detach_policy(policy, &arn).await?;
    }
    Ok(())
}

/// A trust policy, which the test does not use.
fn nobody() -> Value {
    json!({"Version": "2012-10-17", "Statement": []})
}

/// Sends an event and returns `sent` or the error's code.
async fn sent(bus: &aws_sdk_eventbridge::Client, source: &str, detail_type: &str) -> String {
    let entry = PutEventsRequestEntry::builder().event_bus_name("deployer").detail("{}");
    let entry = entry.source(source).detail_type(detail_type).build();
    match bus.put_events().entries(entry).send().await {
        Ok(answer) if answer.failed_entry_count == 0 => "sent".to_owned(),
        Ok(answer) => format!("{answer:?}"),
        Err(error) => error.code().unwrap_or_default().to_owned(),
    }
}

/// Receives the events in the queue and returns their detail types.
async fn received(aws: &LocalAws, queue_url: &str) -> Result<Vec<Value>> {
    let sqs = aws.clients().sqs(TOOLING, REGION);
    let receive = sqs.receive_message().queue_url(queue_url).max_number_of_messages(10).send().await;
    let mut events = Vec::new();
    for message in receive.doing("receiving what came through the bus")?.messages.unwrap_or_default() {
        let event: Value = serde_json::from_str(message.body().unwrap_or_default()).doing("reading an event")?;
        events.push(event["detail-type"].clone());
        let delete = sqs.delete_message().queue_url(queue_url).set_receipt_handle(message.receipt_handle);
        delete.send().await.doing("deleting what came through the bus")?;
    }
    Ok(events)
}
