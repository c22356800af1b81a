//! Names that Rust and the infrastructure share (ARCHITECTURE.md, law 7): each is written here once.
//!
//! `infra/modules/names.json` is made from them (`infrastructure`), and a test holds it to that. Must not know any type.

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
/// How long Lambda may take to let an alias's traffic over, unless `deployer.json` says another time.
pub const TRAFFIC_WITHIN: &str = "15m";
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
/// Where what concerns another function waits in the ledger bucket, until that function's head knows it.
pub const ASKED: &str = "asked/";
/// Where rejected releases are in the ledger bucket.
pub const REJECTS: &str = "rejects/";
/// Where promotions of several functions together are in the ledger bucket: those that are open, and those that have ended.
pub const GROUPS: &str = "groups/";
/// Where the sweep leaves its time in the ledger bucket.
pub const SWEEPS: &str = "sweeps/";
/// The log line by which a deployment's end is told begins so.
pub const ENDED_LINE: &str = "deployment ended";
/// The log line of an invocation that ends in a function error begins so, unless somebody has called it wrongly.
pub const ERROR_LINE: &str = "invocation failed";
/// The log line of each invocation that finds a `deployer.json` which it cannot load begins so.
pub const CONFIG_LINE: &str = "deployer.json cannot be loaded";
/// The log line by which is told that a queue does not keep up begins so.
pub const QUEUE_LINE: &str = "a queue does not keep up";
/// The log line of a message that could not be handled in several tries begins so.
pub const AGAIN_LINE: &str = "a message fails again and again";
/// The detail-type of the events by which a promotion is asked for.
pub const PROMOTION_REQUESTED: &str = "Promotion Requested";
/// The detail-type of the events by which a promotion that waits for it is approved.
pub const PROMOTION_APPROVED: &str = "Promotion Approved";
/// The detail-type of the events by which it is declined.
pub const PROMOTION_DECLINED: &str = "Promotion Declined";
/// The source of the events that the deployer sends.
pub const EVENT_SOURCE: &str = "deployer";
