//! `deployer.json`: which environments there are, where they are and what may go into them.
//!
//! [`Config::parse`] is the only door, and everything is checked there, so that the rest of the program never meets
//! a target twice, a promotion that goes in a circle or a soak that nothing would end. The file is read by the
//! caller; nothing here knows where it lies.

mod execution_role;
mod file;
mod function_name;
mod placeholders;
mod promotion;
mod rules;
mod span;

pub use execution_role::{ExecutionRolePattern, InvalidPattern};
pub use file::schema;
pub use function_name::{FunctionNameTemplate, InvalidTemplate};
pub use promotion::{Approval, Policy, Promotion, Require, Sources};
pub use span::Span;
pub(crate) use span::{LONGEST_SPAN, UNITS};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostics::{self, Diagnostic, Diagnostics, Reading};
use crate::freeze::Freeze;
use crate::id::{AccountId, AliasName, BucketName, EnvironmentName, ExternalId, Region, RoleName};
use file::{ConfigFile, stand_in};

/// A checked `deployer.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where uploads arrive.
    pub artifact_bucket: BucketName,
    /// Where heads, records and results are kept.
    pub ledger_bucket: BucketName,
    /// The queue through which the deployer wakes itself; without it nothing can be deferred.
    pub queue_url: Option<String>,
    /// The queue for what the deployer sends to itself, where that is another one: uploads do not stand before it.
    pub wake_queue_url: Option<String>,
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
    /// Which execution roles its manifests may name; any where there is none.
    pub execution_role: Option<ExecutionRolePattern>,
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

/// Why a `deployer.json` cannot be loaded: each mistake with the path of its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct ConfigError(Diagnostics);

impl ConfigError {
    /// Each mistake; at least one.
    #[must_use]
    pub fn mistakes(&self) -> &[Diagnostic] {
        self.0.all()
    }
}

const READING: Reading = Reading { hidden: &["external_id"], also_known: &[], elsewhere: |_| None };

impl Config {
    /// Reads and checks the text of a `deployer.json`, wherever its deployer may be.
    ///
    /// # Errors
    /// [`ConfigError`] with the path of each field that is wrong.
    pub fn parse(json: &str) -> Result<Self, ConfigError> {
        Self::parse_in(json, None)
    }

    /// Reads and checks the bytes of a `deployer.json`, wherever its deployer may be.
    ///
    /// # Errors
    /// [`ConfigError`] with the path of each field that is wrong, or why the bytes are no text.
    pub fn read(bytes: &[u8]) -> Result<Self, ConfigError> {
        Self::parse(diagnostics::text(bytes).map_err(|mistake| ConfigError(mistake.into()))?)
    }

    /// Reads and checks the text of a `deployer.json` of a deployer in this region.
    ///
    /// # Errors
    /// [`ConfigError`] with the path of each field that is wrong.
    pub fn parse_in(json: &str, own: Option<&Region>) -> Result<Self, ConfigError> {
        let text = json.strip_prefix('\u{feff}').unwrap_or(json);
        let value = diagnostics::json(text).map_err(|m| ConfigError(m.into()))?;
        let (file, mut mistakes) = diagnostics::read_all::<ConfigFile>(&value, &READING, stand_in);
        let Some(config) = file.map(Self::from) else {
            // Nothing was read, so at least one mistake was found.
            Diagnostics::none_of(mistakes).map_err(ConfigError)?;
            return Err(ConfigError(Diagnostic::new("", "cannot be read").into()));
        };
        // Of an environment that is not as it was written no rules are told: they might be broken only here.
        let told = mistakes.iter().map(|mistake| place(&mistake.path).to_owned()).collect::<BTreeSet<_>>();
        mistakes.extend(config.mistakes(own).into_iter().filter(|mistake| !told.contains(place(&mistake.path))));
        Diagnostics::none_of(mistakes).map_err(ConfigError)?;
        Ok(config)
    }
}

/// `environments.prod` of `environments.prod.targets[1].account`; of others the field itself.
fn place(path: &str) -> &str {
    let end =
        if path.starts_with("environments.") { path.match_indices('.').nth(1) } else { path.match_indices('.').next() };
    end.map_or(path, |(end, _)| &path[..end])
}

#[cfg(test)]
mod tests;
