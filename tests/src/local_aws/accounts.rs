//! Three accounts as `infra/` would lay them: the tooling account and two that are deployed to.
//!
//! Names are those of the contract's example.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Event, EventBridgeConfiguration,
    NotificationConfiguration, QueueConfiguration, VersioningConfiguration,
};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

use super::clients::Clients;
use super::control::{Control, Signed};
use super::error::{Doing as _, Result};

/// The account that the deployer runs in.
pub const TOOLING: &str = "123456789012";
/// `dev` is here.
pub const FIRST: &str = "111111111111";
/// `prod` is here.
pub const SECOND: &str = "222222222222";
/// The deployer's region, and its buckets'.
pub const REGION: &str = "eu-west-1";
/// The second region of `prod`.
pub const OTHER_REGION: &str = "us-east-1";
/// Where CI uploads.
pub const ARTIFACTS: &str = "acme-artifacts";
/// Where the deployer writes.
pub const LEDGER: &str = "acme-deployer-ledger";
/// Where deployer.json is, in the ledger bucket.
pub const CONFIG_KEY: &str = "config/deployer.json";
/// The role that the deployer runs under.
pub const DEPLOYER_ROLE: &str = "arn:aws:iam::123456789012:role/deployer";
/// The role that deployed functions run under, in each target account.
pub const EXECUTION_ROLE: &str = "lambda-execution";

const QUEUE: &str = "deployer";

/// How the accounts are laid.
#[derive(Debug, Clone)]
pub struct Setup {
    environments: Value,
    notifications: Notifications,
}

/// How S3 tells of uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notifications {
    Queue,
    EventBridge,
    Both,
}

impl Default for Setup {
    /// `dev` is one target, `prod` one account in two regions; both take uploads.
    fn default() -> Self {
        Self {
            environments: json!({
                "dev": {"targets": [{"account": FIRST, "region": REGION}], "external_id": "dev-8c1f"},
                "prod": {
                    "targets": [{"account": SECOND, "region": REGION}, {"account": SECOND, "region": OTHER_REGION}],
                    "external_id": "prod-51aa",
                },
            }),
            notifications: Notifications::Queue,
        }
    }
}

impl Setup {
    /// Adds an environment, or replaces it: its part of deployer.json. Trust in its accounts follows from it.
    #[must_use]
    pub fn environment(mut self, name: &str, part: Value) -> Self {
        self.environments[name] = part;
        self
    }

    /// S3 tells EventBridge, and a rule tells the queue.
    #[must_use]
    pub fn through_eventbridge(mut self) -> Self {
        self.notifications = Notifications::EventBridge;
        self
    }

    /// Each upload is told through both doors.
    #[must_use]
    pub fn through_both_doors(mut self) -> Self {
        self.notifications = Notifications::Both;
        self
    }

    /// Each target account with the external ids that the environments there ask with.
    fn trusted(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut accounts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for environment in self.environments.as_object().into_iter().flat_map(|all| all.values()) {
            for target in environment["targets"].as_array().into_iter().flatten() {
                let ids = accounts.entry(target["account"].as_str().unwrap_or_default().into()).or_default();
                ids.extend(environment["external_id"].as_str().map(str::to_owned));
            }
        }
        accounts
    }
}

/// What was laid.
#[derive(Debug, Clone)]
pub struct Laid {
    /// The queue that wakes the deployer.
    pub queue_url: String,
    /// Its dead-letter queue.
    pub dead_letter_url: String,
    /// deployer.json as it stands in the ledger bucket.
    pub config: Value,
}

/// Lays the accounts.
pub(super) async fn lay(setup: &Setup, clients: &Clients, control: &Control) -> Result<Laid> {
    let (dead_letter_url, dead_letter_arn) = queue(clients, "deployer-dead-letters", None).await?;
    let (queue_url, queue_arn) = queue(clients, QUEUE, Some(&dead_letter_arn)).await?;
    for bucket in [ARTIFACTS, LEDGER] {
        versioned_bucket(clients, bucket).await?;
    }
    if setup.notifications != Notifications::Queue {
        rule(control, &queue_arn).await?;
    }
    notify(clients, setup.notifications, &queue_arn).await?;
    role(clients, TOOLING, "deployer", &json!([service_trust()])).await?;
    for (account, external_ids) in setup.trusted() {
        role(clients, &account, "deployer-target", &deployer_trust(&external_ids)).await?;
        role(clients, &account, EXECUTION_ROLE, &json!([service_trust()])).await?;
    }
    let config = json!({
        "artifact_bucket": ARTIFACTS,
        "ledger_bucket": LEDGER,
        "queue_url": queue_url,
        "environments": setup.environments,
    });
    configure(clients, &config).await?;
    // What S3 sent to try the notification out was taken by the mapping before any test began.
    clients.sqs(TOOLING, REGION).purge_queue().queue_url(&queue_url).send().await.doing("emptying the queue")?;
    Ok(Laid { queue_url, dead_letter_url, config })
}

/// Puts deployer.json where the deployer reads it.
pub(super) async fn configure(clients: &Clients, config: &Value) -> Result<()> {
    let body = serde_json::to_vec_pretty(config).doing("writing deployer.json")?;
    let put = clients.s3(TOOLING, REGION).put_object().bucket(LEDGER).key(CONFIG_KEY).body(body.into());
    put.send().await.doing("putting deployer.json into the ledger bucket").map(drop)
}

async fn queue(clients: &Clients, name: &str, dead_letters: Option<&str>) -> Result<(String, String)> {
    let sqs = clients.sqs(TOOLING, REGION);
    // Six times the function's timeout (Lambda Developer Guide, "Configuring a queue to use with Lambda").
    let call = sqs.create_queue().queue_name(name).attributes(QueueAttributeName::VisibilityTimeout, "1800");
    let url = call.send().await.doing(format!("making queue {name}"))?.queue_url.unwrap_or_default();
    let arn = format!("arn:aws:sqs:{REGION}:{TOOLING}:{name}");
    if let Some(dead_letters) = dead_letters {
        let redrive = json!({"deadLetterTargetArn": dead_letters, "maxReceiveCount": 5});
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Sid": "Uploads", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn,
            "Principal": {"Service": ["s3.amazonaws.com", "events.amazonaws.com"]},
            "Condition": {"StringEquals": {"aws:SourceAccount": TOOLING}},
        }]});
        let call = sqs
            .set_queue_attributes()
            .queue_url(&url)
            .attributes(QueueAttributeName::RedrivePolicy, redrive.to_string())
            .attributes(QueueAttributeName::Policy, policy.to_string());
        call.send().await.doing(format!("setting up queue {name}"))?;
    }
    Ok((url, arn))
}

async fn versioned_bucket(clients: &Clients, name: &str) -> Result<()> {
    let s3 = clients.s3(TOOLING, REGION);
    let place =
        CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(REGION)).build();
    let call = s3.create_bucket().bucket(name).create_bucket_configuration(place);
    call.send().await.doing(format!("making bucket {name}"))?;
    let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let call = s3.put_bucket_versioning().bucket(name).versioning_configuration(versioning);
    call.send().await.doing(format!("turning versioning on for {name}")).map(drop)
}

async fn notify(clients: &Clients, how: Notifications, queue_arn: &str) -> Result<()> {
    let mut notifications = NotificationConfiguration::builder();
    if how != Notifications::EventBridge {
        let to =
            QueueConfiguration::builder().id("uploads").queue_arn(queue_arn).events(Event::from("s3:ObjectCreated:*"));
        notifications = notifications.queue_configurations(to.build().doing("describing a notification")?);
    }
    if how != Notifications::Queue {
        notifications = notifications.event_bridge_configuration(EventBridgeConfiguration::builder().build());
    }
    let s3 = clients.s3(TOOLING, REGION);
    let call = s3.put_bucket_notification_configuration().bucket(ARTIFACTS);
    let call = call.notification_configuration(notifications.build());
    call.send().await.doing("setting up the notification of uploads").map(drop)
}

/// A rule on the default bus, where S3's events arrive.
async fn rule(control: &Control, queue_arn: &str) -> Result<()> {
    let signed = Signed { account: TOOLING, region: REGION, service: "events" };
    let pattern = json!({"source": ["aws.s3"], "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [ARTIFACTS]}}});
    let rule = json!({"Name": "uploads", "EventPattern": pattern.to_string(), "State": "ENABLED"});
    control.json_call(&signed, "AWSEvents.PutRule", &rule).await?;
    let targets = json!({"Rule": "uploads", "Targets": [{"Id": "queue", "Arn": queue_arn}]});
    control.json_call(&signed, "AWSEvents.PutTargets", &targets).await.map(drop)
}

async fn role(clients: &Clients, account: &str, name: &str, trust: &Value) -> Result<()> {
    let document = json!({"Version": "2012-10-17", "Statement": trust}).to_string();
    let call = clients.iam(account).create_role().role_name(name).assume_role_policy_document(document);
    call.send().await.doing(format!("making role {name} in account {account}")).map(drop)
}

fn service_trust() -> Value {
    json!({"Sid": "Lambda", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole"})
}

/// IAM User Guide, "Monitor and control actions taken with assumed roles": the external id belongs to AssumeRole only, so setting the source identity is a statement apart.
fn deployer_trust(external_ids: &BTreeSet<String>) -> Value {
    let identity = json!({"StringLike": {"sts:SourceIdentity": "deployer-*"}});
    let mut conditions = identity.clone();
    if !external_ids.is_empty() {
        conditions["StringEquals"] = json!({ "sts:ExternalId": external_ids });
    }
    json!([
        {"Sid": "Deployer", "Effect": "Allow", "Principal": {"AWS": DEPLOYER_ROLE}, "Action": "sts:AssumeRole",
            "Condition": conditions},
        {"Sid": "NamesItsDeployment", "Effect": "Allow", "Principal": {"AWS": DEPLOYER_ROLE},
            "Action": "sts:SetSourceIdentity", "Condition": identity},
    ])
}
