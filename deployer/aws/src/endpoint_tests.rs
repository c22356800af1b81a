//! Tests of what every call has: its endpoint (regional, FIPS, dual-stack) and its user agent.

use aws_config::SdkConfig;
use deployer_core::config::Target;
use deployer_core::id::{AccountId, Region};
use deployer_core::partition::{PARTITIONS, Partition};

use super::lambda::Writer;
use super::sts_sessions::{StsSessions, functions};
use super::stub_http::RecordingConnector;
use deployer_engine::port::{Functions as _, Qualifier};

fn target(region: &str) -> Target {
    Target { account: AccountId::parse("111111111111").unwrap(), region: Region::parse(region).unwrap() }
}

/// Returns the hosts of STS, Lambda, S3, SQS and EventBridge for a deployer in `home` and a target in `there`.
async fn called_hosts(home: &str, there: &str, fips: bool, dual_stack: bool) -> [String; 5] {
    let calls = RecordingConnector::default();
    let sdk = calls.config(home, fips, dual_stack);
    call_each_service(&sdk, &calls, there).await
}

/// Calls each service once, Lambda in the region `there`, and returns the hosts.
async fn call_each_service(sdk: &SdkConfig, hosts: &RecordingConnector, there: &str) -> [String; 5] {
    let _ = StsSessions::new(sdk).own_role().await;
    let sts = hosts.last_host();
    let name = deployer_core::id::FunctionName::parse("orders").unwrap();
    let _ = functions(sdk.into(), &target(there), Writer::Deployer).function(&name, Qualifier::Latest).await;
    let lambda = hosts.last_host();
    let _ = aws_sdk_s3::Client::new(sdk).get_object().bucket("artifacts").key("k").send().await;
    let s3 = hosts.last_host();
    let _ = aws_sdk_sqs::Client::new(sdk).get_queue_url().queue_name("deployer").send().await;
    let sqs = hosts.last_host();
    let _ = aws_sdk_eventbridge::Client::new(sdk).put_events().send().await;
    [sts, lambda, s3, sqs, hosts.last_host()]
}

#[tokio::test]
async fn each_service_is_called_at_its_regional_endpoint() {
    assert_eq!(
        called_hosts("eu-west-1", "us-east-2", false, false).await,
        [
            "sts.eu-west-1.amazonaws.com",
            "lambda.us-east-2.amazonaws.com",
            "artifacts.s3.eu-west-1.amazonaws.com",
            "sqs.eu-west-1.amazonaws.com",
            "events.eu-west-1.amazonaws.com",
        ]
    );
    let [sts, ..] = called_hosts("us-east-1", "us-east-1", false, false).await;
    assert_eq!(sts, "sts.us-east-1.amazonaws.com", "not the global one");
}

#[tokio::test]
async fn fips_and_dual_stack_endpoints_are_called_if_set() {
    assert_eq!(
        called_hosts("us-east-1", "us-west-2", true, false).await,
        [
            "sts-fips.us-east-1.amazonaws.com",
            "lambda-fips.us-west-2.amazonaws.com",
            "artifacts.s3-fips.us-east-1.amazonaws.com",
            "sqs-fips.us-east-1.amazonaws.com",
            "events-fips.us-east-1.amazonaws.com",
        ]
    );
    assert_eq!(
        called_hosts("eu-west-1", "eu-west-1", false, true).await,
        [
            "sts.eu-west-1.api.aws",
            "lambda.eu-west-1.api.aws",
            "artifacts.s3.dualstack.eu-west-1.amazonaws.com",
            "sqs.eu-west-1.api.aws",
            "events.eu-west-1.api.aws",
        ]
    );
}

#[tokio::test]
async fn partition_table_matches_sdk() {
    for region in [
        "eu-west-1",
        "mx-central-1",
        "cn-north-1",
        "us-gov-west-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "eu-isoe-west-1",
        "us-isof-south-1",
        "eusc-de-east-1",
    ] {
        let partition = Partition::of(&Region::parse(region).unwrap()).unwrap();
        let [_, lambda, ..] = called_hosts("eu-west-1", region, false, false).await;
        assert_eq!(lambda, format!("lambda.{region}.{}", partition.dns_suffix));
    }
    assert_eq!(PARTITIONS.len(), 8, "each has a region above");
}

#[tokio::test]
async fn every_call_names_the_deployer_unless_the_user_names_an_application() {
    let agents = async |name: Option<&'static str>| {
        let calls = RecordingConnector::default();
        let name = name.map(|name| aws_config::AppName::new(name).unwrap());
        let mut sdk = calls.config("eu-west-1", false, false).into_builder();
        sdk.set_app_name(name);
        call_each_service(&crate::with_app_name(sdk.build()), &calls, "eu-west-1").await;
        calls.take_header("user-agent")
    };
    let ours = agents(None).await;
    assert!(ours.len() == 5 && ours.iter().all(|agent| agent.contains(" app/deployer")), "{ours:?}");
    let theirs = agents(Some("acme")).await;
    assert!(theirs.iter().all(|agent| agent.contains(" app/acme") && !agent.contains("app/deployer")), "{theirs:?}");
}

#[test]
fn clients_of_unusable_settings_can_be_made() {
    let _clients = crate::Clients::new(&crate::unusable());
}
