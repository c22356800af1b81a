//! `deployer.json`: the environments, their targets and their rules.
//!
//! A [`Config`] is only made by parsing, which checks everything. So the rest of the program never meets a target
//! twice, a circle of promotions or a soak that nothing would end. The caller reads the file; nothing here knows where
//! it is.

mod approval;
mod deploy_role;
mod environment_rollout;
mod execution_role;
mod file;
mod function_name;
mod of_ledger;
mod placeholders;
mod principal_pattern;
mod promotion;
mod promotion_chain;
mod promotion_order;
mod proven_command;
mod resource_pattern;
pub mod rollout;
mod rules;
mod span;
mod warnings;

pub use approval::{Approval, Approver, SessionNames, Voter};
pub use deploy_role::DeployRole;
pub use execution_role::{ExecutionRolePattern, InvalidPattern};
pub use file::schema;
pub use function_name::{FunctionNameTemplate, InvalidTemplate};
pub use principal_pattern::{InvalidPrincipalPattern, PrincipalPattern};
pub use promotion::{Policy, Promotion, Require, Sources};
pub use proven_command::ProvenCommand;
pub use resource_pattern::{DeadLetterPattern, InvalidDeadLetterPattern, InvalidLogGroupPattern, LogGroupPattern};
pub use span::Span;
pub(crate) use span::{LONGEST_SPAN, UNITS};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostics::{self, Diagnostic, Diagnostics, FieldRules};
use crate::freeze::Freeze;
use crate::id::{AccountId, AliasName, BucketName, EnvironmentName, ExternalId, Region, RoleName};
use file::{ConfigFile, placeholder};
use rollout::Rollout;

/// A checked `deployer.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The bucket that uploads arrive in.
    pub artifact_bucket: BucketName,
    /// The bucket that keeps heads, records and results.
    pub ledger_bucket: BucketName,
    /// The queue through which the deployer wakes itself; without it nothing can be deferred.
    pub queue_url: Option<String>,
    /// The separate queue for the deployer's messages to itself, if there is one: uploads do not delay them.
    pub wake_queue_url: Option<String>,
    /// The bus (name or ARN) that the deployer's events go to; without it none are sent.
    pub event_bus: Option<String>,
    /// The account that the buckets must belong to; without it the deployer's own.
    pub account: Option<AccountId>,
    /// The environments to deploy to.
    pub environments: BTreeMap<EnvironmentName, Environment>,
}

/// An environment: its targets and its policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The accounts and regions: at least one, and none twice.
    pub targets: Vec<Target>,
    /// The role that the deployer assumes in each target account.
    pub role_name: RoleName,
    /// The external id that the roles' trust policies ask for.
    pub external_id: Option<ExternalId>,
    /// The alias through which the function is called.
    pub alias: AliasName,
    /// The template of function names in the target accounts.
    pub function_name: FunctionNameTemplate,
    /// The execution roles that manifests may name; none allows any role.
    pub execution_role: Option<ExecutionRolePattern>,
    /// The log groups that manifests may name; none allows any.
    pub log_groups: Option<Vec<LogGroupPattern>>,
    /// The dead-letter targets that manifests may name; none allows any.
    pub dead_letter_targets: Option<Vec<DeadLetterPattern>>,
    /// Whether uploads and deploy commands may go here without a promotion.
    pub accept_uploads: bool,
    /// Whether an upload may make a function that neither the ledger nor a target knows.
    pub create: bool,
    /// The time that Lambda gets to move the traffic of an alias with provisioned concurrency to the new version.
    pub traffic_within: Span,
    /// The number of published versions that are kept; at least one.
    pub keep_versions: u32,
    /// Whether versions of durable functions are deleted too. A suspended execution continues in the version that it
    /// began in.
    pub prune_durable: bool,
    /// Whether a release is refused that was uploaded before with other bytes.
    pub immutable_releases: bool,
    /// The environments that this one is promoted from, and the rules.
    pub promotion: Option<Promotion>,
    /// The approvals that a promotion needs.
    pub approval: Option<Approval>,
    /// The times in which no promotion goes in.
    pub freeze: Vec<Freeze>,
    /// The treatment of a promotion that is requested in such a time.
    pub when_frozen: WhenFrozen,
    /// The commands that are taken from proven identities only.
    pub proven: Vec<ProvenCommand>,
    /// The rollout of uploads, deploys and promotions; none: all traffic moves at once.
    pub rollout: Option<Rollout>,
}

/// The treatment of a promotion that is requested in a freeze.
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
    /// The AWS account.
    pub account: AccountId,
    /// The region of the function.
    pub region: Region,
}

impl Target {
    /// Returns the ARN of the role with this name in the account, in the region's partition.
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

/// The mistakes for which a `deployer.json` cannot be loaded, each with the path of its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct ConfigError(Diagnostics);

impl ConfigError {
    /// Returns the mistakes; at least one.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        self.0.all()
    }
}

const READING: FieldRules = FieldRules { hidden: &["external_id"], also_known: &[], explain_unknown: |_| None };

impl Config {
    /// Reads and checks the text of a `deployer.json`. The deployer's own region is not known.
    ///
    /// # Errors
    /// [`ConfigError`] with the path of each field that is wrong.
    pub fn parse(json: &str) -> Result<Self, ConfigError> {
        Self::parse_in(json, None)
    }

    /// Reads and checks the bytes of a `deployer.json`. The deployer's own region is not known.
    ///
    /// # Errors
    /// [`ConfigError`] with the path of each field that is wrong, or the reason why the bytes are no text.
    pub fn read(bytes: &[u8]) -> Result<Self, ConfigError> {
        Self::parse(diagnostics::text(bytes).map_err(|diagnostic| ConfigError(diagnostic.into()))?)
    }

    /// Reads and checks the text of a `deployer.json` for a deployer that runs in region `own`. Targets must be in that
    /// region's partition.
    ///
    /// # Errors
    /// [`ConfigError`] with the path of each field that is wrong.
    pub fn parse_in(json: &str, own: Option<&Region>) -> Result<Self, ConfigError> {
        let text = json.strip_prefix('\u{feff}').unwrap_or(json);
        let value = diagnostics::parse_json(text).map_err(|m| ConfigError(m.into()))?;
        let (file, mut diagnostics) = diagnostics::read_all::<ConfigFile>(&value, &READING, placeholder);
        let Some(config) = file.map(Self::from) else {
            // Nothing was read, so there is at least one mistake.
            Diagnostics::error_if_any(diagnostics).map_err(ConfigError)?;
            return Err(ConfigError(Diagnostic::new("", "cannot be read").into()));
        };
        // Rules are not checked in an environment with mistakes of form: a rule may be broken there only by a
        // placeholder.
        let reported =
            diagnostics.iter().map(|diagnostic| environment_path(&diagnostic.path).to_owned()).collect::<BTreeSet<_>>();
        diagnostics.extend(
            config
                .diagnostics(own)
                .into_iter()
                .filter(|diagnostic| !reported.contains(environment_path(&diagnostic.path))),
        );
        Diagnostics::error_if_any(diagnostics).map_err(ConfigError)?;
        Ok(config)
    }
}

impl Config {
    /// Returns an environment that takes a command from proven identities only: the named one, or any of all where the
    /// command concerns them all.
    #[must_use]
    pub fn asks_for_proof(&self, command: ProvenCommand, in_: Option<&EnvironmentName>) -> Option<&EnvironmentName> {
        let concerned = self.environments.iter().filter(|(name, _)| in_.is_none_or(|only| only == *name));
        concerned.filter(|(_, environment)| environment.proven.contains(&command)).map(|(name, _)| name).next()
    }
}

/// Returns `environments.prod` of `environments.prod.targets[1].account`, and of other paths the first field.
fn environment_path(path: &str) -> &str {
    let end =
        if path.starts_with("environments.") { path.match_indices('.').nth(1) } else { path.match_indices('.').next() };
    end.map_or(path, |(end, _)| &path[..end])
}

#[cfg(test)]
mod tests;
