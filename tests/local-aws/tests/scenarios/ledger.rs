//! A ledger that is broken, denied or gone: it stops the functions whose state is unknown, and nothing else.

use fixtures::Zip;
use local_aws::{Answer, Call, DEPLOYER_ROLE, FIRST, Fault, LEDGER, LocalAws, REGION, Result, TOOLING, shown};
use serde_json::{Value, json};

use super::{lambda_writes, serves, statuses, versions};

const HEAD: &str = "heads/dev/orders.json";

/// Delivers one batch with an upload of `orders`, whose head is broken, and one of another function, which must
/// succeed. Returns the version id of the first.
async fn only_orders_stops(aws: &LocalAws, release: &str, words: &[&str]) -> Result<String> {
    let key = format!("dev/orders/{release}.zip");
    let version_id = aws.upload(&key, Zip::function(release)).await?;
    let other = format!("dev/stock/{release}.zip");
    let other_version = aws.upload(&other, Zip::function(release)).await?;
    let (delivery, calls) = aws.calls_of(aws.mapping().deliver_once(aws.deployer())).await?;
    assert_eq!(delivery.map(|delivery| (delivery.bodies.len(), delivery.failed)), Some((2, 1)));
    assert_eq!(aws.mapping().in_queue().await?, 1, "the message is back");
    let result = aws.result(&other, &other_version).await?;
    assert_eq!(result["status"], "succeeded", "{result:#}");
    let to_orders: Vec<_> =
        calls.iter().filter(|call| call.service == "lambda" && call.function.as_deref() == Some("orders")).collect();
    assert!(to_orders.is_empty(), "{}", shown(to_orders));
    let said = aws.logs(|line| {
        let line = line["message"].as_str().unwrap_or_default();
        words.iter().all(|word| line.contains(word))
    });
    assert!(said.await, "{words:?} are not in the log");
    Ok(version_id)
}

#[tokio::test]
async fn unreadable_head_stops_its_function_alone_until_restored() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    let good = aws.ledger_object(HEAD).await?.unwrap_or_default();
    let text = good.to_string();
    let mut foreign = good.clone();
    foreign["schema"] = json!(2);
    let cases = [
        (text[..text.len() / 2].to_owned(), "cannot be read"),
        ("{}".to_owned(), "cannot be read"),
        (foreign.to_string(), "has schema 2, this deployer knows 1"),
    ];
    for (number, (broken, because)) in cases.into_iter().enumerate() {
        let release = format!("2.{number}.0");
        let good = aws.ledger_object(HEAD).await?.unwrap_or_default();
        aws.put_in_ledger(HEAD, broken.into_bytes()).await?;
        let repair = if because == "cannot be read" { "restore its former S3 version" } else { "or a newer one" };
        let version_id = only_orders_stops(&aws, &release, &[HEAD, because, repair]).await?;

        aws.put_in_ledger(HEAD, good.to_string().into_bytes()).await?;
        aws.deliver().await?;
        let result = aws.result(&format!("dev/orders/{release}.zip"), &version_id).await?;
        assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    }
    assert_eq!(aws.dead_letters().await?, 0);
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn repeatedly_failing_message_is_delayed_longer_each_time() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.put_in_ledger(HEAD, b"hello, world".to_vec()).await?;
    aws.upload("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    let (_, calls) = aws.calls_of(aws.deliver()).await?;
    let extend_visibility = calls.iter().filter(|call| call.operation == "ChangeMessageVisibility");
    let extend_visibility = extend_visibility.filter(|call| LocalAws::is_by_deployer(call));
    let seconds: Vec<Option<u64>> =
        extend_visibility.map(|call| call.parameters["VisibilityTimeout"].as_u64()).collect();
    assert_eq!(seconds, [20, 60, 180, 540, 600].map(Some), "{}", shown(&calls));
    assert_eq!(aws.dead_letters().await?, 1);
    Ok(())
}

/// Checks that nothing is done and the message waits until `mend` has repaired the ledger, and that it is done then.
async fn nothing_is_done_until(aws: &LocalAws, mend: impl AsyncFnOnce() -> Result<()>, word: &str) -> Result<()> {
    let version_id = aws.upload("dev/orders/2.0.0.zip", Zip::function("2.0.0")).await?;
    let (delivery, calls) = aws.calls_of(aws.mapping().deliver_once(aws.deployer())).await?;
    assert_eq!(delivery.map(|delivery| delivery.failed), Some(1));
    assert_eq!(lambda_writes(&calls), [""; 0], "{}", shown(&calls));
    assert_eq!(aws.mapping().in_queue().await?, 1, "the message is back");
    let said = aws.logs(|line| line["message"].as_str().is_some_and(|line| line.contains(word)));
    assert!(said.await, "{word} is not in the log");
    mend().await?;
    aws.deliver().await?;
    let result = aws.result("dev/orders/2.0.0.zip", &version_id).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn nothing_is_written_to_lambda_while_the_ledger_denies() -> Result<()> {
    for (actions, word) in [("s3:GetObject", "reading s3://"), ("s3:PutObject", "writing s3://")] {
        let aws = LocalAws::start().await?;
        aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
        let deny = json!({"Sid": "No", "Effect": "Deny", "Principal": {"AWS": DEPLOYER_ROLE}, "Action": actions,
            "Resource": format!("arn:aws:s3:::{LEDGER}/heads/*")});
        aws.add_to_policy(LEDGER, &[deny]).await?;
        nothing_is_done_until(&aws, async || aws.restore_policy(LEDGER).await, word).await?;
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_written_to_lambda_while_the_ledger_is_gone() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    aws.configure(|config| config["ledger_bucket"] = json!("acme-gone")).await?;
    let back = async || aws.configure(|_| ()).await;
    nothing_is_done_until(&aws, back, "s3://acme-gone/").await
}

#[tokio::test]
async fn nothing_is_written_while_the_buckets_are_another_accounts() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    aws.configure(|config| config["account"] = json!(FIRST)).await?;
    let back = async || aws.configure(|config| config["account"] = json!(TOOLING)).await;
    nothing_is_done_until(&aws, back, "or the bucket does not belong to account 111111111111").await
}

#[tokio::test]
async fn sweep_writes_the_record_of_a_dead_lettered_message() -> Result<()> {
    let aws = LocalAws::start().await?;
    let unavailable = Fault::new("PutObject", 503, "ServiceUnavailable", "Please try again");
    for prefix in ["deployments/", "results/"] {
        aws.control().fault(&unavailable.clone().under(prefix).forever()).await?;
    }
    let version_id = aws.upload("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    let deliveries = aws.deliver().await?;
    assert_eq!(deliveries.iter().map(|one| one.failed).collect::<Vec<_>>(), [1; 5]);
    assert_eq!(aws.dead_letters().await?, 1);
    assert!(!aws.has_result("dev/orders/1.0.0.zip", &version_id).await?);
    aws.control().no_faults().await?;

    let swept = aws.invoke(&json!({"command": "sweep"})).await?;
    assert!(matches!(&swept, Answer::Payload(swept) if swept["completed"] == 1), "{swept:?}");
    let result = aws.result("dev/orders/1.0.0.zip", &version_id).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    assert_eq!(versions(aws.live(FIRST, REGION, "orders").await?), serves("1", &["1"]));
    let head: Value = aws.ledger_object(HEAD).await?.unwrap_or_default();
    assert_eq!((&head["active"], &head["outbox"]), (&Value::Null, &json!([])));
    Ok(())
}

#[tokio::test]
async fn end_is_committed_once_the_head_is_writable_again() -> Result<()> {
    let aws = LocalAws::start().await?;
    let unavailable = Fault::new("PutObject", 503, "ServiceUnavailable", "Please try again");
    // The first two writes of the head succeed, and the next fail for longer than the SDK retries.
    aws.control().fault(&unavailable.under("heads/").after(2).times(5)).await?;
    let result = aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    assert_eq!(statuses(&result), ["succeeded", "succeeded"], "{result:#}");
    let said = aws.logs(|line| line["message"].as_str().is_some_and(|line| line.contains("not committed yet")));
    assert!(said.await, "the log does not tell of it");
    assert_eq!(versions(aws.live(FIRST, REGION, "orders").await?), serves("1", &["1"]));
    aws.same_events_again_change_nothing().await
}

fn is_of_a_head(call: &Call) -> bool {
    call.key.as_deref().is_some_and(|key| key.starts_with("heads/"))
}

/// Returns the statuses of the writes of heads.
fn answers_to_heads(calls: &[Call]) -> Vec<u16> {
    let writes = calls.iter().filter(|call| call.operation == "PutObject" && is_of_a_head(call));
    writes.filter_map(|call| call.status).collect()
}

/// Deploys by one delivery, which must not fail, and returns its calls.
async fn deployed_at_once(aws: &LocalAws, key: &str, zip: Zip) -> Result<Vec<Call>> {
    let version_id = aws.upload(key, zip).await?;
    let (deliveries, calls) = aws.calls_of(aws.deliver()).await?;
    assert_eq!(deliveries.iter().map(|one| one.failed).collect::<Vec<_>>(), [0], "{}", shown(&calls));
    assert_eq!(statuses(&aws.result(key, &version_id).await?), ["succeeded", "succeeded"]);
    Ok(calls)
}

#[tokio::test]
async fn conflicting_write_of_a_head_is_sent_again() -> Result<()> {
    let aws = LocalAws::start().await?;
    let conflict = Fault::new("PutObject", 409, "ConditionalRequestConflict", "Try again");
    aws.control().fault(&conflict.under("heads/").times(2)).await?;
    let calls = deployed_at_once(&aws, "dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    let answers = answers_to_heads(&calls);
    assert_eq!(answers[..3], [409, 409, 200], "{answers:?}");
    assert!(answers[3..].iter().all(|status| *status == 200), "{answers:?}");
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn head_gone_at_its_write_is_read_again() -> Result<()> {
    let aws = LocalAws::start().await?;
    aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    let gone = Fault::new("PutObject", 404, "NoSuchKey", "The specified key does not exist.");
    aws.control().fault(&gone.under("heads/")).await?;
    let calls = deployed_at_once(&aws, "dev/orders/1.1.0.zip", Zip::function("1.1.0")).await?;
    assert_eq!(answers_to_heads(&calls)[..2], [404, 200], "{}", shown(&calls));
    let lost = calls.iter().position(|call| call.operation == "PutObject" && call.status == Some(404));
    let is_read_again = |call: &Call| call.operation == "GetObject" && is_of_a_head(call);
    assert!(calls.iter().skip(lost.unwrap_or_default()).any(is_read_again), "{}", shown(&calls));
    aws.same_events_again_change_nothing().await
}
