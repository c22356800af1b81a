//! Names that Rust and Terraform share, each written once, here (ARCHITECTURE.md, law 7).
//!
//! `infra/modules/names.json` is generated from them (`names_json`), and a test compares both. This module must not
//! know any type.

/// The environment variable that holds the location of `deployer.json`.
pub const CONFIG_VARIABLE: &str = "DEPLOYER_CONFIG";
/// The environment variable of the deployer's Lambda that turns on what is not finished: `rollouts`, or nothing.
pub const PREVIEW_VARIABLE: &str = "DEPLOYER_PREVIEW";
/// The value of [`PREVIEW_VARIABLE`] with which the deployer carries rollouts out.
pub const ROLLOUTS_PREVIEW: &str = "rollouts";
/// The key of `deployer.json` in the ledger bucket, if it is kept there.
pub const CONFIG_KEY: &str = "config/deployer.json";
/// The default of `role_name`: the name of the deploy role.
pub const DEPLOY_ROLE: &str = "deployer-target";
/// The default of `alias`: the alias that callers use.
pub const ALIAS: &str = "live";
/// The alias of the deployer's own function: its triggers, its schedule and people call it.
pub const DEPLOYER_ALIAS: &str = "live";
/// The default of `keep_versions`: the number of versions that are kept.
pub const KEEP_VERSIONS: u32 = 10;
/// The default of `traffic_within`: the time that Lambda gets to move an alias's traffic.
pub const TRAFFIC_WITHIN: &str = "15m";
/// The prefix of session names and source identities in target accounts; the deployment's id follows.
pub const SESSION_PREFIX: &str = "deployer-";
/// The suffix of artifacts' object keys.
pub const ARTIFACT_SUFFIX: &str = ".zip";
/// The prefix of heads in the ledger bucket.
pub const HEADS: &str = "heads/";
/// The prefix of records in the ledger bucket.
pub const DEPLOYMENTS: &str = "deployments/";
/// The prefix of results in the ledger bucket.
pub const RESULTS: &str = "results/";
/// The last part of the key of an environment's notice, which is below its results.
pub const ENVIRONMENT_NOTICE: &str = "environment.json";
/// The last part of the key of a function's open uploads, which is below its results.
pub const UPLOAD_PROGRESS: &str = "progress.json";
/// The prefix of the markers of open work in the ledger bucket.
pub const OPEN: &str = "open/";
/// The prefix of requests in the ledger bucket that another function's head does not know yet.
pub const ASKED: &str = "asked/";
/// The prefix of rejected releases in the ledger bucket.
pub const REJECTS: &str = "rejects/";
/// The prefix of groups in the ledger bucket: promotions of several functions together, both open and ended.
pub const GROUPS: &str = "groups/";
/// The prefix under which the sweep writes its time in the ledger bucket.
pub const SWEEPS: &str = "sweeps/";
/// The beginning of the log line that reports a deployment's end.
pub const ENDED_LINE: &str = "deployment ended";
/// The beginning of the log line of an invocation that ends in a function error. An invocation that was called wrongly
/// has another one.
pub const ERROR_LINE: &str = "invocation failed";
/// The beginning of the log line of an invocation that finds a `deployer.json` which cannot be loaded.
pub const CONFIG_LINE: &str = "deployer.json cannot be loaded";
/// The beginning of the log line that reports a queue that does not keep up.
pub const QUEUE_LINE: &str = "a queue does not keep up";
/// The beginning of the log line of a message that failed several times.
pub const AGAIN_LINE: &str = "a message fails again and again";
/// The beginning of the log line of a rollout that should have gone on by now.
pub const OVERDUE_LINE: &str = "a rollout is overdue";
/// The detail-type of events that request a promotion.
pub const PROMOTION_REQUESTED: &str = "Promotion Requested";
/// The detail-type of events that approve a waiting promotion.
pub const PROMOTION_APPROVED: &str = "Promotion Approved";
/// The detail-type of events that decline a waiting promotion.
pub const PROMOTION_DECLINED: &str = "Promotion Declined";
/// The source of the events that the deployer sends.
pub const EVENT_SOURCE: &str = "deployer";
