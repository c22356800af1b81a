//! Sets up three accounts as `infra/` does: the tooling account and two target accounts.
//!
//! The names are those of the contract's example.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Event, EventBridgeConfiguration,
    NotificationConfiguration, QueueConfiguration, VersioningConfiguration,
};
use aws_sdk_sqs::types::QueueAttributeName;
use deployer_core::names::{CONFIG_VARIABLE, DEPLOYER_ALIAS};
use serde_json::{Value, json};

use super::bus::{self, BUS};
use super::clients::Clients;
use super::control::{Control, Signed};
use super::rights::{Rights, TargetAccount};
use super::roles::Roles;
use crate::terraform::Applied;
use fixtures::error::{Doing as _, Result};

/// The deployer's account.
pub const TOOLING: &str = "123456789012";
/// The account of `dev`.
pub const FIRST: &str = "111111111111";
/// The account of `prod`.
pub const SECOND: &str = "222222222222";
/// The region of the deployer and of its buckets.
pub const REGION: &str = "eu-west-1";
/// The second region of `prod`.
pub const OTHER_REGION: &str = "us-east-1";
/// The bucket that CI uploads to.
pub const ARTIFACTS: &str = "acme-artifacts";
/// The ledger bucket, which the deployer writes to.
pub const LEDGER: &str = "acme-deployer-ledger";
/// The key of deployer.json in the ledger bucket.
pub const CONFIG_KEY: &str = deployer_core::names::CONFIG_KEY;
/// The deployer's role.
pub const DEPLOYER_ROLE: &str = "arn:aws:iam::123456789012:role/deployer";
/// The version of the deployer's function that runs.
pub const DEPLOYER_FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:deployer:$LATEST";
/// The name of the deployed functions' role in each target account.
pub const EXECUTION_ROLE: &str = "lambda-execution";

const QUEUE: &str = "deployer";
const WAKE_QUEUE: &str = "deployer-wakes";

/// The environments, notifications and bus of the accounts.
#[derive(Debug, Clone)]
pub struct Setup {
    environments: Value,
    notifications: Notifications,
    has_bus: bool,
}

/// The services through which S3 reports uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notifications {
    Queue,
    EventBridge,
    Both,
}

impl Default for Setup {
    /// Makes `dev` with one target and `prod` with one account in two regions; both accept uploads.
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
            has_bus: false,
        }
    }
}

impl Setup {
    /// Returns a setup with this environment only, given as its part of deployer.json. Two environments must not share
    /// a target.
    #[must_use]
    pub fn only(name: &str, part: &Value) -> Self {
        Self { environments: json!({ name: part }), ..Self::default() }
    }

    /// Adds or replaces an environment, given as its part of deployer.json. The trust in its accounts is made from it.
    #[must_use]
    pub fn environment(mut self, name: &str, part: Value) -> Self {
        self.environments[name] = part;
        self
    }

    /// Lets S3 send events to EventBridge, where a rule sends them to the queue.
    #[must_use]
    pub fn through_eventbridge(mut self) -> Self {
        self.notifications = Notifications::EventBridge;
        self
    }

    /// Lets S3 report each upload twice: to the queue and to EventBridge.
    #[must_use]
    pub fn through_both_doors(mut self) -> Self {
        self.notifications = Notifications::Both;
        self
    }

    /// Adds an event bus, for requests for promotions and for the deployer's events.
    #[must_use]
    pub fn with_bus(mut self) -> Self {
        self.has_bus = true;
        self
    }

    /// Returns each target account with its environments.
    fn target_accounts(&self) -> BTreeMap<String, TargetAccount> {
        let mut target_accounts: BTreeMap<String, TargetAccount> = BTreeMap::new();
        for (name, environment) in self.environments.as_object().into_iter().flatten() {
            for target in environment["targets"].as_array().into_iter().flatten() {
                let target_account =
                    target_accounts.entry(target["account"].as_str().unwrap_or_default().into()).or_default();
                target_account.environments.insert(name.clone());
                self.before(name, &mut target_account.promoted_from);
                target_account.external_ids.extend(environment["external_id"].as_str().map(str::to_owned));
                target_account.regions.extend(target["region"].as_str().map(str::to_owned));
            }
        }
        target_accounts
    }

    /// Adds the environments that an environment is promoted from, directly or through others.
    fn before(&self, name: &str, found: &mut BTreeSet<String>) {
        let from = &self.environments[name]["promotion"]["from"];
        let several = from.as_array().map_or(std::slice::from_ref(from), Vec::as_slice);
        for one in several.iter().filter_map(Value::as_str) {
            if found.insert(one.to_owned()) {
                self.before(one, found);
            }
        }
    }
}

/// The resources that a setup has made.
#[derive(Debug, Clone)]
pub struct Resources {
    /// The queue of uploads.
    pub queue_url: String,
    /// The queue of the deployer's wakes and of requests for promotions.
    pub wake_queue_url: String,
    /// The dead-letter queue of both.
    pub dead_letter_url: String,
    /// deployer.json, as in the ledger bucket.
    pub config: Value,
    /// The place of this version of it: `DEPLOYER_CONFIG`.
    pub config_source: String,
    /// The buckets' policies.
    pub buckets: BTreeMap<&'static str, Value>,
}

/// Sets up the accounts.
pub(super) async fn set_up(setup: &Setup, clients: &Clients, control: &Control) -> Result<Resources> {
    let rights = Rights::of(setup.target_accounts())?;
    let (dead_letter_url, dead_letter_arn) = queue(clients, "deployer-dead-letters", None).await?;
    let (queue_url, queue_arn) = queue(clients, QUEUE, Some((&dead_letter_arn, &rights.queue()))).await?;
    let wakes = Some((dead_letter_arn.as_str(), &rights.wake_queue()));
    let (wake_queue_url, wake_queue_arn) = queue(clients, WAKE_QUEUE, wakes).await?;
    let buckets = BTreeMap::from([(ARTIFACTS, rights.artifact_bucket()), (LEDGER, rights.ledger_bucket())]);
    for (bucket, policy) in &buckets {
        versioned_bucket(clients, bucket).await?;
        bucket_policy(clients, bucket, policy).await?;
    }
    if setup.notifications != Notifications::Queue {
        rule(control, &queue_arn).await?;
    }
    notify(clients, setup.notifications, &queue_arn).await?;
    let of_lambda = rights.deployer_trust();
    Roles::of(control, TOOLING).create_with(("/", "deployer"), &of_lambda, &rights.deployer()).await?;
    for (account, target_account) in rights.target_accounts() {
        let permissions = rights.permissions(account, target_account);
        let roles = Roles::of(control, account);
        roles.create_with(("/", "deployer-target"), &rights.trust(target_account), &permissions).await?;
        for name in [("/", EXECUTION_ROLE), ("/lambda/", "hello")] {
            roles.create(name, &of_lambda).await?;
        }
    }
    control.enforce_role_policies().await?;
    let mut config = json!({
        "artifact_bucket": ARTIFACTS,
        "ledger_bucket": LEDGER,
        "queue_url": queue_url,
        "wake_queue_url": wake_queue_url,
        "environments": setup.environments,
    });
    if setup.has_bus {
        bus::set_up(clients, control, &wake_queue_arn).await?;
        config["event_bus"] = json!(BUS);
    }
    let config_source = configure(clients, &config).await?;
    // S3 has sent a test event for the new notification, which no test expects.
    clients.sqs(TOOLING, REGION).purge_queue().queue_url(&queue_url).send().await.doing("emptying the queue")?;
    Ok(Resources { queue_url, wake_queue_url, dead_letter_url, config, config_source, buckets })
}

/// Finds the resources that Terraform has made.
pub(super) async fn find_applied(applied: &Applied, clients: &Clients, control: &Control) -> Result<Resources> {
    let s3 = clients.s3(TOOLING, REGION);
    let mut buckets = BTreeMap::new();
    for bucket in [ARTIFACTS, LEDGER] {
        let policy =
            s3.get_bucket_policy().bucket(bucket).send().await.doing(format!("reading the policy of {bucket}"))?;
        let policy = serde_json::from_str(policy.policy().unwrap_or_default());
        buckets.insert(bucket, policy.doing(format!("reading the policy of {bucket}"))?);
    }
    let config = s3.get_object().bucket(LEDGER).key(CONFIG_KEY).send().await.doing("reading deployer.json")?;
    let config = config.body.collect().await.doing("reading deployer.json")?.to_vec();
    let (queue_url, dead_letter_url) = (applied.output("queue_url")?, applied.output("dead_letters_url")?);
    clients.sqs(TOOLING, REGION).purge_queue().queue_url(queue_url).send().await.doing("emptying the queue")?;
    control.enforce_role_policies().await?;
    Ok(Resources {
        queue_url: queue_url.to_owned(),
        wake_queue_url: applied.output("wake_queue_url")?.to_owned(),
        dead_letter_url: dead_letter_url.to_owned(),
        config: serde_json::from_slice(&config).doing("reading deployer.json")?,
        config_source: source_of_the_live_version(clients).await?,
        buckets,
    })
}

/// Returns the `DEPLOYER_CONFIG` of the version of the deployer that its alias serves.
pub(super) async fn source_of_the_live_version(clients: &Clients) -> Result<String> {
    let call = clients.lambda(TOOLING, REGION).get_function_configuration();
    let live = call.function_name("deployer").qualifier(DEPLOYER_ALIAS).send().await.doing("reading the deployer")?;
    let variables = live.environment().and_then(|environment| environment.variables());
    Ok(variables.and_then(|variables| variables.get(CONFIG_VARIABLE)).cloned().unwrap_or_default())
}

/// Writes deployer.json into the ledger bucket and returns the place of this version of it.
pub(super) async fn configure(clients: &Clients, config: &Value) -> Result<String> {
    let body = serde_json::to_vec_pretty(config).doing("writing deployer.json")?;
    let put = clients.s3(TOOLING, REGION).put_object().bucket(LEDGER).key(CONFIG_KEY).body(body.into());
    let put = put.send().await.doing("putting deployer.json into the ledger bucket")?;
    Ok(config_source(put.version_id()))
}

/// Returns the place of a version of deployer.json, as the module tooling gives it to the function.
fn config_source(version_id: Option<&str>) -> String {
    format!("s3://{LEDGER}/{CONFIG_KEY}?versionId={}", version_id.unwrap_or_default())
}

async fn queue(clients: &Clients, name: &str, with: Option<(&str, &Value)>) -> Result<(String, String)> {
    let sqs = clients.sqs(TOOLING, REGION);
    // Six times the function's timeout (Lambda Developer Guide, "Configuring a queue to use with Lambda").
    let call = sqs.create_queue().queue_name(name).attributes(QueueAttributeName::VisibilityTimeout, "1800");
    let url = call.send().await.doing(format!("making queue {name}"))?.queue_url.unwrap_or_default();
    let arn = format!("arn:aws:sqs:{REGION}:{TOOLING}:{name}");
    if let Some((dead_letters, policy)) = with {
        let redrive = json!({"deadLetterTargetArn": dead_letters, "maxReceiveCount": 5});
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
    let target_account =
        CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(REGION)).build();
    let call = s3.create_bucket().bucket(name).create_bucket_configuration(target_account);
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

/// Makes a rule on the default bus, which gets S3's events, that sends them to the queue.
async fn rule(control: &Control, queue_arn: &str) -> Result<()> {
    let signed = Signed { account: TOOLING, region: REGION, service: "events" };
    let pattern = json!({"source": ["aws.s3"], "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [ARTIFACTS]}}});
    let rule = json!({"Name": "uploads", "EventPattern": pattern.to_string(), "State": "ENABLED"});
    control.json_call(&signed, "AWSEvents.PutRule", &rule).await?;
    let targets = json!({"Rule": "uploads", "Targets": [{"Id": "queue", "Arn": queue_arn}]});
    control.json_call(&signed, "AWSEvents.PutTargets", &targets).await.map(drop)
}

/// Sets a bucket's policy.
pub(super) async fn bucket_policy(clients: &Clients, bucket: &str, policy: &Value) -> Result<()> {
    let call = clients.s3(TOOLING, REGION).put_bucket_policy().bucket(bucket).policy(policy.to_string());
    call.send().await.doing(format!("setting the policy of bucket {bucket}")).map(drop)
}
