//! Names that Rust and the infrastructure share (ARCHITECTURE.md, law 7): each is written here once.
//!
//! `infra/modules/names.json` is made from [`shared`], and a test holds it to that. Where a name is part of a type's
//! grammar, the pattern is the type's own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::config::{FunctionNameTemplate, LONGEST_SPAN, Span, UNITS};
use crate::id::{AccountId, AliasName, BucketName, EnvironmentName, ExternalId, FunctionName, Region, RoleName};

/// The environment variable that says where `deployer.json` is.
pub const CONFIG_VARIABLE: &str = "DEPLOYER_CONFIG";
/// Where `deployer.json` is in the ledger bucket, when it is kept there.
pub const CONFIG_KEY: &str = "config/deployer.json";
/// The deploy role's name, unless `deployer.json` says another.
pub const DEPLOY_ROLE: &str = "deployer-target";
/// The alias that serves, unless `deployer.json` says another.
pub const ALIAS: &str = "live";
/// How many versions are kept, unless `deployer.json` says another number.
pub const KEEP_VERSIONS: u32 = 10;
/// The names and source identities of sessions in target accounts begin so; the deployment's id follows.
pub const SESSION_PREFIX: &str = "deployer-";
/// Keys of objects in the artifact bucket end so.
pub const ARTIFACT_SUFFIX: &str = ".zip";
/// Where heads are in the ledger bucket.
pub const HEADS: &str = "heads/";
/// Where records are in the ledger bucket.
pub const DEPLOYMENTS: &str = "deployments/";
/// Where results are in the ledger bucket.
pub const RESULTS: &str = "results/";
/// Where markers of open work are in the ledger bucket.
pub const OPEN: &str = "open/";
/// The log line by which a deployment's end is told begins so.
pub const ENDED_LINE: &str = "deployment ended";
/// The detail-type of the events by which a promotion is asked for.
pub const PROMOTION_REQUESTED: &str = "Promotion Requested";

/// What the infrastructure must know: the names, and the patterns of what users choose.
#[must_use]
pub fn shared() -> Value {
    json!({
        "config_variable": CONFIG_VARIABLE,
        "config_key": CONFIG_KEY,
        "deploy_role": DEPLOY_ROLE,
        "session_prefix": SESSION_PREFIX,
        "artifact_suffix": ARTIFACT_SUFFIX,
        "ledger": { "heads": HEADS, "deployments": DEPLOYMENTS, "results": RESULTS, "open": OPEN },
        "ended_line": ENDED_LINE,
        "failed_status": crate::record::Status::Failed.to_string(),
        "promotion_requested": PROMOTION_REQUESTED,
        "sweep": { "command": "sweep" },
        "spans": { "seconds": BTreeMap::from(UNITS), "longest": LONGEST_SPAN },
        "patterns": {
            "account": AccountId::PATTERN,
            "region": Region::PATTERN,
            "environment": EnvironmentName::PATTERN,
            "function": FunctionName::PATTERN,
            "role": RoleName::PATTERN,
            "function_name": FunctionNameTemplate::PATTERN,
            "span": Span::PATTERN,
            // Terraform's regular expressions (RE2) do not look ahead: that it is not only digits is for Terraform to check.
            "alias": AliasName::PATTERN.replace("(?!^[0-9]+$)", ""),
            // And they count to 1,000 at most.
            "external_id": ExternalId::PATTERN.replace("{2,1224}", "{2,}"),
            "bucket": BucketName::PATTERN,
        },
    })
}
