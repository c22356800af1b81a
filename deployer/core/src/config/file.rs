//! The form of `deployer.json`: its fields, their defaults and its JSON Schema.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, schema_for};
use serde::Deserialize;

use super::rollout::{self, Rollout};
use super::{
    Approval, Config, DeadLetterPattern, Environment, ExecutionRolePattern, FunctionNameTemplate, LogGroupPattern,
    Promotion, ProvenCommand, Span, Target, WhenFrozen,
};
use crate::freeze::Freeze;
use crate::id::{AccountId, AliasName, BucketName, EnvironmentName, ExternalId, RoleName};
use crate::names;

/// Returns a placeholder for a missing required field, so that the other fields can be read.
pub(super) fn placeholder(field: &str) -> Option<serde_json::Value> {
    Some(match field {
        "artifact_bucket" => "artifacts".into(),
        "ledger_bucket" => "ledger".into(),
        "environments" => serde_json::json!({}),
        "targets" => serde_json::json!([]),
        "account" => "000000000000".into(),
        "region" => "eu-west-1".into(),
        "from" => "dev".into(),
        "required" => 1.into(),
        "zone" => "UTC".into(),
        "arn" => "arn:aws:iam::000000000000:role/name".into(),
        field => return rollout::placeholder(field),
    })
}

/// Returns the JSON Schema of `deployer.json`.
#[must_use]
pub fn schema() -> Schema {
    schema_for!(ConfigFile)
}

/// The deployer's buckets, its queues and the environments that it deploys to.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "deployer.json")]
pub(super) struct ConfigFile {
    /// The bucket that CI uploads to. Versioning must be on, and it must be in the deployer's region.
    artifact_bucket: BucketName,
    /// The bucket of the ledger: heads, records and results. It must differ from the artifact bucket.
    ledger_bucket: BucketName,
    /// The URL of the queue by which the deployer wakes itself. Without it nothing can be deferred: no soak, no approval,
    /// no parking. Default: none.
    #[schemars(regex(pattern = r"^https?://[!-~]+$"))]
    queue_url: Option<String>,
    /// The URL of a separate queue for the messages that the deployer sends to itself, so that they do not wait behind
    /// uploads. Each queue needs an event source mapping. Default: `queue_url`.
    #[schemars(regex(pattern = r"^https?://[!-~]+$"))]
    wake_queue_url: Option<String>,
    /// The name or ARN of the event bus that the deployer sends its events to. Default: none, and no events are sent.
    #[schemars(regex(pattern = r"^[A-Za-z0-9/._:-]{1,1600}$"))]
    event_bus: Option<String>,
    /// The account that both buckets belong to. A bucket of another account is refused, also one that somebody has made
    /// anew under the name of a deleted one. Default: the deployer's own account.
    account: Option<AccountId>,
    /// The environments to deploy to, by name.
    environments: BTreeMap<EnvironmentName, EnvironmentFile>,
}

/// An environment: its targets and its policy.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Environment")]
pub(super) struct EnvironmentFile {
    /// The accounts and regions to deploy to, all in the deployer's own partition of AWS.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    targets: Vec<Target>,
    /// The name of the role that the deployer assumes in each target account, with its path before it where it has one.
    #[schemars(extend("default" = names::DEPLOY_ROLE))]
    role_name: Option<RoleName>,
    /// The external id that the deploy roles' trust policies ask for. Default: none.
    external_id: Option<ExternalId>,
    /// The alias that callers use. The deployer makes it where it is missing, and moves it to the live version.
    #[schemars(extend("default" = names::ALIAS))]
    alias: Option<AliasName>,
    /// The name of a function in the target accounts; `{function}` and `{environment}` stand for their names. Two
    /// environments that share an account and region need templates that never give one name to two functions.
    #[schemars(extend("default" = "{function}"))]
    function_name: Option<FunctionNameTemplate>,
    /// The execution roles that a manifest may name, as path and name without the account: `{function}` and
    /// `{environment}` stand for their names, and a `*` at the end for any characters but `/`. Default: any role.
    execution_role: Option<ExecutionRolePattern>,
    /// The log groups that a manifest may name: `{function}` and `{environment}` stand for their names, and a `*` for
    /// any characters. `[]` allows none. Default: any log group.
    log_groups: Option<Vec<LogGroupPattern>>,
    /// The dead-letter targets that a manifest may name, as the ARNs of queues and topics: `{function}` and
    /// `{environment}` stand for their names, and a `*` for any characters. `[]` allows none. Default: any target.
    dead_letter_targets: Option<Vec<DeadLetterPattern>>,
    /// Whether uploads and the command `deploy` are taken here. Default: `true`, or `false` where there is a `promotion`.
    accept_uploads: Option<bool>,
    /// Whether an upload may make a function that neither the ledger nor a target knows. Where it may not, the upload
    /// of a misspelt name is refused.
    #[schemars(extend("default" = true))]
    create: Option<bool>,
    /// The time that Lambda gets to move the traffic of an alias with provisioned concurrency to the new version. After
    /// it, the alias is put back.
    #[schemars(extend("default" = names::TRAFFIC_WITHIN))]
    traffic_within: Option<Span>,
    /// The number of published versions that are kept. Older ones are deleted after a deployment, but never one that an
    /// alias points to.
    #[schemars(range(min = 1), extend("default" = names::KEEP_VERSIONS))]
    keep_versions: Option<u32>,
    /// Whether old versions of durable functions (`DurableConfig`) are deleted too. A suspended execution continues in
    /// the version that it began in.
    #[schemars(extend("default" = false))]
    prune_durable: Option<bool>,
    /// Whether a release that was deployed here is refused when it is uploaded again with other bytes.
    #[schemars(extend("default" = false))]
    immutable_releases: Option<bool>,
    /// The environments that this one is promoted from, and the rules of promotion. Default: none, and nothing is promoted
    /// into it.
    promotion: Option<Promotion>,
    /// The approvals that a promotion into this environment needs. Default: none.
    approval: Option<Approval>,
    /// The times in which no promotion goes into this environment. Default: none.
    freeze: Option<Vec<Freeze>>,
    /// Whether a promotion that is requested in a freeze waits or is refused.
    #[schemars(extend("default" = "wait"))]
    when_frozen: Option<WhenFrozen>,
    /// The commands that are taken here only from somebody whose identity AWS has proven: `hold` and `reject` (and what
    /// ends them), `recall`, `override-freeze`, and `rollout` with each of its actions. Default: none.
    proven: Option<Vec<ProvenCommand>>,
    /// The way in which uploads, deploys and promotions get traffic here: in steps, tested before, watched, and taken back.
    /// Default: none, and all traffic moves at once.
    rollout: Option<Rollout>,
}

impl From<ConfigFile> for Config {
    fn from(file: ConfigFile) -> Self {
        Self {
            artifact_bucket: file.artifact_bucket,
            ledger_bucket: file.ledger_bucket,
            queue_url: file.queue_url,
            wake_queue_url: file.wake_queue_url,
            event_bus: file.event_bus,
            account: file.account,
            environments: file.environments.into_iter().map(|(name, file)| (name, file.into())).collect(),
        }
    }
}

impl From<EnvironmentFile> for Environment {
    fn from(file: EnvironmentFile) -> Self {
        Self {
            targets: file.targets,
            role_name: file.role_name.unwrap_or_default(),
            external_id: file.external_id,
            alias: file.alias.unwrap_or_default(),
            function_name: file.function_name.unwrap_or_default(),
            execution_role: file.execution_role,
            log_groups: file.log_groups,
            dead_letter_targets: file.dead_letter_targets,
            accept_uploads: file.accept_uploads.unwrap_or(file.promotion.is_none()),
            create: file.create.unwrap_or(true),
            traffic_within: file.traffic_within.unwrap_or(Span::TRAFFIC_WITHIN),
            keep_versions: file.keep_versions.unwrap_or(names::KEEP_VERSIONS),
            prune_durable: file.prune_durable.unwrap_or(false),
            immutable_releases: file.immutable_releases.unwrap_or(false),
            promotion: file.promotion,
            approval: file.approval,
            freeze: file.freeze.unwrap_or_default(),
            when_frozen: file.when_frozen.unwrap_or_default(),
            proven: file.proven.unwrap_or_default(),
            rollout: file.rollout,
        }
    }
}
