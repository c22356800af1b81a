//! Promotions through EventBridge: environment after environment gets the same object.

use std::time::Duration;

use fixtures::Zip;
use local_aws::{Answer, Call, Error, FIRST, LocalAws, OTHER_REGION, REGION, Result, SECOND, Setup};
use serde_json::{Value, json};

use super::statuses;

/// Returns a setup of `dev`, `stage` and `prod`, the last two with these fields besides their targets.
fn row(stage: Value, prod: Value) -> Setup {
    let with = |account: &str, region: &str, mut fields: Value| {
        fields["targets"] = json!([{"account": account, "region": region}]);
        fields["external_id"] = json!("same-id");
        fields
    };
    Setup::default()
        .environment("dev", with(FIRST, REGION, json!({})))
        .environment("stage", with(SECOND, REGION, stage))
        .environment("prod", with(SECOND, OTHER_REGION, prod))
        .with_bus()
}

async fn answered(aws: &LocalAws, command: Value) -> Result<Value> {
    match aws.invoke(&command).await? {
        Answer::Payload(payload) => Ok(payload),
        other => Err(Error::Unexpected(format!("{command}: {other:?}"))),
    }
}

async fn swept(aws: &LocalAws) -> Result<()> {
    answered(aws, json!({"command": "sweep"})).await?;
    aws.deliver().await.map(drop)
}

/// Returns the digest of the code that each environment serves.
async fn serving(aws: &LocalAws) -> Result<Vec<Option<String>>> {
    let mut serving = Vec::new();
    for (account, region) in [(FIRST, REGION), (SECOND, REGION), (SECOND, OTHER_REGION)] {
        serving.push(aws.live(account, region, "orders").await?.map(|live| live.sha256));
    }
    Ok(serving)
}

/// Returns detail type and environment of each event, such as `Deployment Succeeded prod`.
fn kinds(told: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    told.iter()
        .map(|event| format!("{} {}", text(&event["detail-type"]), text(&event["detail"]["environment"])))
        .collect()
}

fn copies(calls: &[Call]) -> usize {
    let names = ["CopyObject", "UploadPartCopy", "CreateMultipartUpload"];
    calls.iter().filter(|call| names.contains(&call.operation.as_str())).count()
}

#[tokio::test]
async fn upload_reaches_stage_and_after_its_soak_prod() -> Result<()> {
    let aws = LocalAws::with(row(
        json!({"promotion": {"from": "dev", "automatic": true}}),
        json!({"promotion": {"from": "stage", "automatic": true, "soak": "30m"}}),
    ))
    .await?;
    let (result, calls) = aws.calls_of(aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0"))).await?;
    let sha256 = result["artifact"]["sha256"].as_str().map(str::to_owned);
    assert_eq!(serving(&aws).await?, [sha256.clone(), sha256.clone(), None], "prod waits for its soak");
    let waits = aws.record("prod", "orders").await?;
    assert_eq!((&waits["status"], &waits["code"]), (&json!("pending"), &json!("Waiting")), "{waits:#}");
    swept(&aws).await?;
    assert_eq!(serving(&aws).await?[2], None);
    aws.let_soaks_pass("stage", Duration::from_secs(31 * 60)).await?;
    let ((), later) = aws.calls_of(swept(&aws)).await?;
    assert_eq!(serving(&aws).await?, [sha256.clone(), sha256.clone(), sha256]);
    assert_eq!(copies(&calls) + copies(&later), 0, "no artifact is copied");
    let record = aws.record("prod", "orders").await?;
    assert_eq!(statuses(&record), ["succeeded", "succeeded"], "{record:#}");
    assert_eq!((&record["id"], &record["artifact"]["key"]), (&waits["id"], &json!("dev/orders/1.0.0.zip")));
    assert_eq!(
        kinds(&aws.published_events().await?),
        [
            "Deployment Started dev",
            "Deployment Succeeded dev",
            "Deployment Started stage",
            "Deployment Succeeded stage",
            "Promotion Waiting prod",
            "Deployment Started prod",
            "Deployment Succeeded prod",
        ]
    );
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn promotion_is_requested_and_approved_through_the_bus() -> Result<()> {
    let rules = json!({"promotion": {"from": "dev"}, "approval": {"required": 1}});
    let aws = LocalAws::with(row(json!({}), rules)).await?;
    let result = aws.deploy("dev/orders/1.0.0.zip", Zip::function("1.0.0")).await?;
    let request = json!({"function": "orders", "from": "dev", "to": "prod", "requested_by": "ann"});
    aws.put_event("Promotion Requested", &request).await?;
    aws.deliver().await?;
    let waits = aws.record("prod", "orders").await?;
    assert_eq!(waits["status"], json!("pending"), "{waits:#}");
    let told = aws.published_events().await?;
    let waiting = &told.last().ok_or_else(|| Error::Unexpected("nothing was told".into()))?;
    assert_eq!(
        (&waiting["detail-type"], &waiting["detail"]["approvals_wanted"]),
        (&json!("Promotion Waiting"), &json!(1))
    );
    assert_eq!(waiting["detail"]["artifact"].get("bucket"), None);
    let word =
        |by: &str| json!({"environment": "prod", "function": "orders", "deployment": waits["id"], "approved_by": by});
    aws.put_event("Promotion Approved", &word("ann")).await?;
    aws.deliver().await?;
    assert_eq!(aws.record("prod", "orders").await?["status"], json!("pending"), "nobody approves their own");
    aws.put_event("Promotion Approved", &word("bob")).await?;
    aws.deliver().await?;
    let record = aws.record("prod", "orders").await?;
    assert_eq!(statuses(&record), ["succeeded", "succeeded"], "{record:#}");
    assert_eq!(record["promotion"]["approvals"][0]["by"], json!("bob"));
    assert_eq!(serving(&aws).await?[2].as_deref(), result["artifact"]["sha256"].as_str());
    aws.same_events_again_change_nothing().await
}

#[tokio::test]
async fn group_is_promoted_whole_and_recall_rolls_back_everywhere() -> Result<()> {
    let aws = LocalAws::with(row(json!({}), json!({"promotion": {"from": "dev"}}))).await?;
    for (function, release) in [("orders", "1.0.0"), ("workers", "1.0.0"), ("orders", "1.1.0"), ("workers", "1.1.0")] {
        aws.deploy(&format!("dev/{function}/{release}.zip"), Zip::function(&format!("{function} {release}"))).await?;
    }
    let together = |id: &str, release: Option<&str>| {
        let mut order =
            json!({"command": "promote", "functions": ["orders", "workers"], "from": "dev", "to": "prod", "id": id});
        release.into_iter().for_each(|release| order["release"] = json!(release));
        order
    };
    for (id, release) in [("g1", Some("1.0.0")), ("g2", None)] {
        answered(&aws, together(id, release)).await?;
        aws.deliver().await?;
        let group = answered(&aws, together(id, release)).await?;
        assert_eq!(group["status"], json!("succeeded"), "{group:#}");
    }
    let recall =
        json!({"command": "recall", "function": "orders", "release": "1.1.0", "reason": "it leaks", "id": "r"});
    let recalled = answered(&aws, recall).await?;
    let told: Vec<_> = recalled["environments"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| format!("{} {}", one["environment"], one["deployment"]["status"]))
        .collect();
    assert_eq!(told, ["\"prod\" \"succeeded\"", "\"dev\" \"succeeded\""], "{recalled:#}");
    let old = aws.records("dev", "orders").await?[0]["artifact"]["sha256"].as_str().map(str::to_owned);
    assert_eq!(serving(&aws).await?, [old.clone(), None, old]);
    aws.same_events_again_change_nothing().await
}
