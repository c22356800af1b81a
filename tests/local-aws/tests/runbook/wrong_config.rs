//! A wrong deployer.json.

use fixtures::Zip;
use local_aws::Result;
use serde_json::json;

use super::night::{FUNCTION, Night, columns};

pub(super) const CASE: &str = "A wrong deployer.json";
pub(super) const BLOCKS: &[&str] = &[LEDGER_ALONE, BACK, "Does it work, and by which file?", NEWEST, MEANWHILE];

const LEDGER_ALONE: &str = "The ledger tells what is live also while the newest file cannot be loaded";
const BACK: &str = "go back to the version of the deployer that has the former file";
const NEWEST: &str = "See what was wrong with the newest file";
const MEANWHILE: &str = "What was deployed meanwhile stays";

#[tokio::test]
#[ignore = "long: cargo verify"]
async fn wrong_configuration_is_left_and_its_deployment_taken_back() -> Result<()> {
    let Some(mut night) = Night::begin(CASE, BLOCKS).await? else { return Ok(()) };
    let good = night.aws.publish_deployer(|_| ()).await?;
    night.release("1.4.2", &["stage", "prod"]).await?;
    // A file that says the wrong thing lets an upload go to prod past stage; the next one cannot be loaded.
    night.aws.publish_deployer(|config| config["environments"]["prod"]["promotion"] = json!(null)).await?;
    let past = night.aws.deploy(&format!("prod/{FUNCTION}/1.4.3.zip"), Zip::function("1.4.3")).await?;
    assert_eq!(past["status"], "succeeded", "{past:#}");
    night.aws.publish_deployer(|config| config["environments"]["dev"]["targets"] = json!([])).await?;
    let buried = night.aws.upload(&format!("dev/{FUNCTION}/1.4.4.zip"), Zip::function("1.4.4")).await?;
    night.aws.deliver().await?;
    assert_eq!(night.aws.dead_letters().await?, 1);

    night.open(LEDGER_ALONE).await?;
    let status = night.next_exits(1).await?;
    for words in ["live     1.4.3, since", "222222222222/eu-west-1: version 2 (1.4.3)", "environments.dev.targets"] {
        assert!(status.out.contains(words), "{words}: {status:?}");
    }
    let history = night.next().await?;
    assert!(history.out.contains("1.4.3 v2") && history.err.contains("environments.dev.targets"), "{history:?}");
    night.open(BACK).await?;
    let serving = night.next().await?;
    assert_eq!(serving.out.trim(), "3", "{serving:?}");
    let listed = night.next().await?;
    assert_eq!(columns(&listed).len(), 4, "{listed:?}");
    night.put("--function-version 7", &format!("--function-version {good}"));
    night.next().await?;
    night.every_named_right_was_used().await?;
    night.aws.run_live_version().await?;
    // The doctor fails for the dead letter that lies there.
    night.open("Does it work, and by which file?").await?;
    let doctor = night.next_exits(1).await?;
    assert!(doctor.out.contains("dead letter"), "{doctor:?}");
    night.open(NEWEST).await?;
    night.next().await?;
    let invalid = night.next_exits(3).await?;
    assert!(format!("{invalid:?}").contains("targets"), "{invalid:?}");

    night.open(MEANWHILE).await?;
    let history = night.next().await?;
    assert!(history.out.contains("1.4.3"), "{history:?}");
    night.next().await?;
    assert_eq!((night.prod_version().await?.as_str(), night.believed("prod").await?.as_str()), ("1", "1.4.2"));
    let peeked = night.next().await?;
    assert!(peeked.out.contains("1.4.4"), "{peeked:?}");
    night.next().await?;
    night.aws.deliver().await?;
    assert_eq!(night.aws.dead_letters().await?, 0);
    let came = night.aws.result(&format!("dev/{FUNCTION}/1.4.4.zip"), &buried).await?;
    assert_eq!(came["status"], "succeeded", "{came:#}");
    night.aws.same_events_again_change_nothing().await?;
    night.end()
}
