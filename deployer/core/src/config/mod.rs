//! `deployer.json`: which environments there are, where they are and what may go into them.
//!
//! [`Config::parse`] is the only door, and everything is checked there, so that the rest of the program never meets
//! a target twice, a promotion that goes in a circle or a soak that nothing would end. The file is read by the
//! caller; nothing here knows where it lies.

mod promotion;
mod values;

pub use promotion::{Approval, Policy, Promotion, Require, Sources};
pub use values::{FunctionNameTemplate, InvalidTemplate, Span};
pub(crate) use values::{LONGEST_SPAN, UNITS};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Deserializer, Serialize};

use crate::freeze::Freeze;
use crate::id::{AccountId, AliasName, BucketName, EnvironmentName, ExternalId, FunctionName, Region, RoleName};
use crate::mistake::{self, Mistake, Mistakes, Reading};
use crate::names;

/// A checked `deployer.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where uploads arrive.
    pub artifact_bucket: BucketName,
    /// Where heads, records and results are kept.
    pub ledger_bucket: BucketName,
    /// The queue through which the deployer wakes itself; without it nothing can be deferred.
    pub queue_url: Option<String>,
    /// The bus (name or ARN) that the deployer's events go to; without it none are sent.
    pub event_bus: Option<String>,
    /// The places to deploy to.
    pub environments: BTreeMap<EnvironmentName, Environment>,
}

/// A place to deploy to, and its policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// At least one, and none twice.
    pub targets: Vec<Target>,
    /// The role that is assumed in each target account.
    pub role_name: RoleName,
    /// The external id that the roles' trust policies ask for.
    pub external_id: Option<ExternalId>,
    /// The alias through which the function is called.
    pub alias: AliasName,
    /// What the function is called in the target accounts.
    pub function_name: FunctionNameTemplate,
    /// Whether an upload (or a deploy command) may go here without a promotion.
    pub accept_uploads: bool,
    /// How long Lambda may take to let the traffic of an alias with provisioned concurrency to the new version.
    pub traffic_within: Span,
    /// How many published versions are kept; at least one.
    pub keep_versions: u32,
    /// Whether versions of durable functions are deleted too: an execution that is suspended goes on in the version that it began in.
    pub prune_durable: bool,
    /// Whether the same release may not come again with other bytes.
    pub immutable_releases: bool,
    /// Where this environment's artifacts are promoted from.
    pub promotion: Option<Promotion>,
    /// Whose consent a promotion needs.
    pub approval: Option<Approval>,
    /// When no promotion goes in.
    pub freeze: Vec<Freeze>,
    /// What becomes of one that comes then.
    pub when_frozen: WhenFrozen,
}

/// What becomes of a promotion that comes in a freeze.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WhenFrozen {
    /// It waits until the freeze ends.
    #[default]
    Wait,
    /// It is refused.
    Refuse,
}

/// One AWS account and region of an environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The account that is entered.
    pub account: AccountId,
    /// The region that the function lives in.
    pub region: Region,
}

impl Target {
    /// The ARN of the role with this name in the account, in the partition that follows from the region.
    #[must_use]
    pub fn role_arn(&self, role: &RoleName) -> String {
        format!("arn:{}:iam::{}:role/{role}", self.region.partition(), self.account)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

/// `null` is the same as absent, as everywhere in the file: Terraform's `jsonencode` writes it.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// Why a `deployer.json` cannot be loaded: each mistake with the path of its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct ConfigError(Mistakes);

impl ConfigError {
    /// Each mistake; at least one.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        self.0.all()
    }
}

const READING: Reading = Reading { hidden: &[], also_known: &[] };

impl Config {
    /// Reads and checks the text of a `deployer.json`.
    ///
    /// # Errors
    /// [`ConfigError`] with the path of each field that is wrong.
    pub fn parse(json: &str) -> Result<Self, ConfigError> {
        let text = json.strip_prefix('\u{feff}').unwrap_or(json);
        let value = mistake::json(text).map_err(|m| ConfigError(m.into()))?;
        let (file, mut mistakes) = mistake::read_all::<ConfigFile>(&value, &READING, stand_in);
        let Some(config) = file.map(Self::from) else {
            // Nothing was read, so at least one mistake was found.
            Mistakes::none_of(mistakes).map_err(ConfigError)?;
            return Err(ConfigError(Mistake::new("", "cannot be read").into()));
        };
        // Of an environment that is not as it was written no rules are told: they might be broken only here.
        let told = mistakes.iter().map(|mistake| place(&mistake.path).to_owned()).collect::<BTreeSet<_>>();
        mistakes.extend(config.mistakes().into_iter().filter(|mistake| !told.contains(place(&mistake.path))));
        Mistakes::none_of(mistakes).map_err(ConfigError)?;
        Ok(config)
    }

    fn mistakes(&self) -> Vec<Mistake> {
        let mut found = Vec::new();
        if self.artifact_bucket == self.ledger_bucket {
            found.push(Mistake::new(
                "ledger_bucket",
                "must be another bucket than artifact_bucket: CI writes to that one",
            ));
        }
        if self.queue_url.as_ref().is_some_and(|url| !is_url(url)) {
            found.push(Mistake::new(
                "queue_url",
                "must be a queue's URL, such as https://sqs.eu-west-1.amazonaws.com/…",
            ));
        }
        if self.event_bus.as_ref().is_some_and(|bus| !is_event_bus(bus)) {
            found.push(Mistake::new("event_bus", "must be an event bus's name or ARN"));
        }
        for (name, environment) in &self.environments {
            let path = format!("environments.{name}");
            found.extend(environment.mistakes(name).into_iter().map(|m| m.under(&path)));
            let promotion = environment.promotion.iter().flat_map(|p| self.mistakes_of_promotion(name, p));
            found.extend(promotion.map(|m| m.under(&path)));
            found.extend(self.mistakes_of_waiting(environment).into_iter().map(|m| m.under(&path)));
        }
        found
    }

    fn mistakes_of_promotion(&self, to: &EnvironmentName, promotion: &Promotion) -> Vec<Mistake> {
        let mut found = Vec::new();
        let all = || self.environments.keys().filter(|name| *name != to).map(EnvironmentName::as_str);
        if promotion.from.count() == 0 {
            found.push(Mistake::new("promotion.from", "must name at least one environment"));
        }
        if let Some(name) = promotion.from.repeated() {
            found.push(Mistake::new("promotion.from", format_args!("{name} is there twice")));
        }
        let unknown: Vec<_> = promotion.from.iter().filter(|from| !self.environments.contains_key(*from)).collect();
        for from in &unknown {
            let hint = mistake::nearest(from.as_str(), all());
            found.push(Mistake::new("promotion.from", format_args!("no environment is called {from}{hint}")));
        }
        if unknown.is_empty()
            && let Some(circle) = self.circle(to)
        {
            found.push(Mistake::new("promotion.from", format_args!("promotions must not go in a circle: {circle}")));
        }
        if !promotion.soak.is_zero() && self.queue_url.is_none() {
            let soak = promotion.soak;
            let sentence = format!("a soak of {soak} needs queue_url: without a queue nothing can wait");
            found.push(Mistake::new("promotion.soak", sentence));
        }
        found
    }

    /// What can only be of use beside a promotion, and with a queue.
    fn mistakes_of_waiting(&self, environment: &Environment) -> Vec<Mistake> {
        let mut found = Vec::new();
        let waits = [
            ("approval", environment.approval.is_some()),
            ("freeze", !environment.freeze.is_empty() && environment.when_frozen == WhenFrozen::Wait),
        ];
        for (field, _) in waits.iter().filter(|(_, waits)| *waits && self.queue_url.is_none()) {
            let sentence = match *field {
                "approval" => "needs queue_url: without a queue nothing can wait",
                _ => "needs queue_url, or when_frozen = refuse: without a queue nothing can wait",
            };
            found.push(Mistake::new(*field, sentence));
        }
        found
    }

    /// The circle of promotions that starts here, told once: by the first of its environments.
    fn circle(&self, start: &EnvironmentName) -> Option<String> {
        let sources = |name| self.environments.get(name).and_then(|environment| environment.promotion.as_ref());
        let mut ways: Vec<Vec<&EnvironmentName>> = vec![vec![start]];
        while let Some(way) = ways.pop() {
            for next in sources(*way.last()?).into_iter().flat_map(|promotion| promotion.from.iter()) {
                if next == start {
                    let names = way.iter().chain([&start]).map(|name| name.as_str());
                    return Some(names.collect::<Vec<_>>().join(" from "));
                }
                if next > start && !way.contains(&next) {
                    ways.push(way.iter().copied().chain([next]).collect());
                }
            }
        }
        None
    }
}

impl Environment {
    fn mistakes(&self, name: &EnvironmentName) -> Vec<Mistake> {
        let mut found = Vec::new();
        if self.targets.is_empty() {
            found.push(Mistake::new("targets", "must name at least one account and region"));
        }
        let mut seen = BTreeSet::new();
        for (index, target) in self.targets.iter().enumerate() {
            if !seen.insert(target) {
                found.push(Mistake::new(format!("targets[{index}]"), format_args!("{target} is there twice")));
            }
        }
        if self.keep_versions == 0 {
            found.push(Mistake::new("keep_versions", "must be at least 1: the live version is one of those kept"));
        }
        if self.traffic_within.is_zero() {
            found.push(Mistake::new("traffic_within", "must be longer than 0s: Lambda needs time to move the traffic"));
        }
        for (field, is_there) in [("approval", self.approval.is_some()), ("freeze", !self.freeze.is_empty())] {
            if is_there && self.promotion.is_none() {
                found.push(Mistake::new(field, "is about promotions, and there is no promotion here"));
            }
        }
        if self.approval.as_ref().is_some_and(|approval| !(1..=10).contains(&approval.required)) {
            found.push(Mistake::new("approval.required", "must be 1 to 10"));
        }
        if self.approval.as_ref().and_then(|approval| approval.expires).is_some_and(Span::is_zero) {
            found.push(Mistake::new("approval.expires", "must be longer than 0s: nobody could approve anything"));
        }
        for (index, freeze) in self.freeze.iter().enumerate() {
            found.extend(freeze.mistakes().into_iter().map(|m| m.under(&format!("freeze[{index}]"))));
        }
        let shortest = FunctionName::parse("f").and_then(|function| self.function_name.name(name, &function));
        if shortest.is_err() {
            found.push(Mistake::new(
                "function_name",
                "leaves no room for a function: Lambda allows 64 characters in all",
            ));
        }
        found
    }
}

/// `environments.prod` of `environments.prod.targets[1].account`; of others the field itself.
fn place(path: &str) -> &str {
    let end =
        if path.starts_with("environments.") { path.match_indices('.').nth(1) } else { path.match_indices('.').next() };
    end.map_or(path, |(end, _)| &path[..end])
}

/// What stands in for a required field, so that the others can be read.
fn stand_in(field: &str) -> Option<serde_json::Value> {
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
        _ => return None,
    })
}

/// An address; http too, for a local AWS.
fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty()) && text.chars().all(|c| c.is_ascii_graphic())
}

/// EventBridge API Reference, PutEvents, EventBusName.
fn is_event_bus(text: &str) -> bool {
    (1..=1600).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "/.-_:".contains(c))
}

/// The JSON Schema of `deployer.json`.
#[must_use]
pub fn schema() -> Schema {
    schema_for!(ConfigFile)
}

/// What the deployer knows about its buckets, its queue and the environments that it deploys to.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "deployer.json")]
struct ConfigFile {
    /// The bucket that CI uploads to. Versioning must be on.
    artifact_bucket: BucketName,
    /// The bucket of the ledger: heads, records and results. Another one than the artifact bucket.
    ledger_bucket: BucketName,
    /// The queue by which the deployer wakes itself. Without it nothing can be deferred.
    #[schemars(regex(pattern = r"^https?://[!-~]+$"))]
    queue_url: Option<String>,
    /// The name or ARN of the event bus that the deployer's events go to. Without it none are sent.
    #[schemars(regex(pattern = r"^[A-Za-z0-9/._:-]{1,1600}$"))]
    event_bus: Option<String>,
    /// The places to deploy to, by name.
    environments: BTreeMap<EnvironmentName, EnvironmentFile>,
}

/// A place to deploy to, and its policy.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Environment")]
struct EnvironmentFile {
    /// The accounts and regions to deploy to.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    targets: Vec<Target>,
    /// The name of the role that the deployer assumes in each target account.
    #[schemars(extend("default" = names::DEPLOY_ROLE))]
    role_name: Option<RoleName>,
    /// The external id that the roles' trust policies ask for.
    external_id: Option<ExternalId>,
    /// The alias that points at the live version.
    #[schemars(extend("default" = names::ALIAS))]
    alias: Option<AliasName>,
    /// What a function is called in the target accounts; `{function}` and `{environment}` stand for their names.
    #[schemars(extend("default" = "{function}"))]
    function_name: Option<FunctionNameTemplate>,
    /// Whether uploads may go here directly. By default so, unless there is a `promotion`.
    accept_uploads: Option<bool>,
    /// How long Lambda may take to let the traffic of an alias with provisioned concurrency to the new version. Then the
    /// alias is put back.
    #[schemars(extend("default" = names::TRAFFIC_WITHIN))]
    traffic_within: Option<Span>,
    /// How many published versions are kept.
    #[schemars(range(min = 1), extend("default" = names::KEEP_VERSIONS))]
    keep_versions: Option<u32>,
    /// Whether old versions of durable functions (`DurableConfig`) are deleted too: executions that wait go on in the version that
    /// they began in.
    #[schemars(extend("default" = false))]
    prune_durable: Option<bool>,
    /// Whether a release uploaded again with other bytes is refused.
    #[schemars(extend("default" = false))]
    immutable_releases: Option<bool>,
    /// Which environments this one is promoted from, and how.
    promotion: Option<Promotion>,
    /// Whose consent a promotion into this environment needs.
    approval: Option<Approval>,
    /// When no promotion goes into this environment.
    freeze: Option<Vec<Freeze>>,
    /// Whether a promotion that comes in a freeze waits, or is refused.
    #[schemars(extend("default" = "wait"))]
    when_frozen: Option<WhenFrozen>,
}

impl From<ConfigFile> for Config {
    fn from(file: ConfigFile) -> Self {
        Self {
            artifact_bucket: file.artifact_bucket,
            ledger_bucket: file.ledger_bucket,
            queue_url: file.queue_url,
            event_bus: file.event_bus,
            environments: file.environments.into_iter().map(|(name, file)| (name, file.into())).collect(),
        }
    }
}

impl From<EnvironmentFile> for Environment {
    fn from(file: EnvironmentFile) -> Self {
        Self {
            targets: file.targets,
            role_name: file.role_name.unwrap_or_else(default_role),
            external_id: file.external_id,
            alias: file.alias.unwrap_or_else(default_alias),
            function_name: file.function_name.unwrap_or_default(),
            accept_uploads: file.accept_uploads.unwrap_or(file.promotion.is_none()),
            traffic_within: file.traffic_within.unwrap_or_else(default_traffic_within),
            keep_versions: file.keep_versions.unwrap_or(names::KEEP_VERSIONS),
            prune_durable: file.prune_durable.unwrap_or(false),
            immutable_releases: file.immutable_releases.unwrap_or(false),
            promotion: file.promotion,
            approval: file.approval,
            freeze: file.freeze.unwrap_or_default(),
            when_frozen: file.when_frozen.unwrap_or_default(),
        }
    }
}

#[expect(clippy::expect_used, reason = "a literal, parsed by the test of the defaults")]
fn default_role() -> RoleName {
    RoleName::parse(names::DEPLOY_ROLE).expect("a role name")
}

/// `traffic_within`, where an environment says nothing.
#[must_use]
#[expect(clippy::expect_used, reason = "a literal, parsed by the test of the defaults")]
pub fn default_traffic_within() -> Span {
    Span::parse(names::TRAFFIC_WITHIN).expect("a length of time")
}

#[expect(clippy::expect_used, reason = "a literal, parsed by the test of the defaults")]
fn default_alias() -> AliasName {
    AliasName::parse(names::ALIAS).expect("an alias")
}

#[cfg(test)]
mod tests;
