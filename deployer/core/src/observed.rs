//! The state of a function in a target account, as it was observed.
//!
//! The adapter over the Lambda client fills these types; the planner compares them with the manifest.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::condition::{Condition, Readiness, Reason};
use crate::function_fields;
use crate::id::{AliasName, Sha256, Version};
use crate::manifest::{
    Architecture, CapacityProviderConfig, DeadLetterConfig, DurableConfig, EphemeralStorage, FileSystemConfig,
    LoggingConfig, Secret, SnapStart, TenancyConfig, TracingConfig, VpcConfig,
};
use crate::record::{Previous, Weight};

/// Lambda's RevisionId: the precondition of a write. A changed one alone proves no foreign change, because it also
/// changes when an update settles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionId(pub String);

/// The variables of a function as Lambda shows them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Variables {
    /// All variables, in clear. They are never logged.
    Known(BTreeMap<String, Secret>),
    /// Lambda could not decrypt them. Merging named variables would then delete all others.
    Unreadable {
        /// The error that Lambda gives.
        because: String,
    },
}

impl Default for Variables {
    fn default() -> Self {
        Self::Known(BTreeMap::new())
    }
}

impl From<BTreeMap<String, Secret>> for Variables {
    fn from(known: BTreeMap<String, Secret>) -> Self {
        Self::Known(known)
    }
}

/// Makes [`Settings`] from the rows of [`function_fields`].
macro_rules! settings {
    ($( $(#[$attribute:meta])* $name:ident: $type:ty { seen: $seen:ty $(, $($rest:tt)*)? } )*) => {
        /// The configuration of `$LATEST` or a version. The default is a function with nothing set.
        #[derive(Debug, Clone, PartialEq, Default)]
        #[allow(missing_docs, reason = "the fields of the manifest; see `manifest::FunctionConfig`")]
        pub struct Settings {
            $( pub $name: $seen, )*
        }

        impl Settings {
            /// Returns each field's name and its value as JSON; the values of variables are masked.
            pub(crate) fn values(&self) -> Vec<(&'static str, Value)> {
                vec![$( (stringify!($name), serde_json::to_value(&self.$name).unwrap_or_default()), )*]
            }
        }
    };
}

function_fields!(settings);

/// A function (`$LATEST`) or one of its versions.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedCode {
    /// The version's number; none for `$LATEST`.
    pub version: Option<Version>,
    /// The hash of its code.
    pub sha256: Option<Sha256>,
    /// Its configuration.
    pub settings: Settings,
    /// The precondition of a write to it.
    pub revision: RevisionId,
    /// Lambda's state of it.
    pub condition: Condition,
    /// The reason of a last update that ended in Failed. The code and the settings that are shown may then not be those
    /// that run.
    pub last_update_failed: Option<Reason>,
}

/// The properties of the function as a whole, which no version has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FunctionMetadata {
    /// The function's tags; none if Lambda did not show them (lambda:ListTags is missing).
    pub tags: Option<BTreeMap<String, String>>,
    /// The reserved concurrent executions, if any are reserved.
    pub reserved_concurrency: Option<i32>,
}

/// The description of each alias that a deployer creates, so that people who move the alias otherwise are warned.
pub const MOVED_BY_DEPLOYER: &str = "moved by deployer (environment and ledger decide what it serves)";

/// An alias.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedAlias {
    /// The alias's name.
    pub name: AliasName,
    /// The alias's FunctionVersion; none if it points to `$LATEST`.
    pub version: Option<Version>,
    /// Further versions with their part of the traffic, between 0 and 1.
    pub weights: BTreeMap<String, f64>,
    /// Whether the alias has provisioned concurrency; none if that was not read.
    pub provisioned: Option<bool>,
    /// The precondition of moving the alias.
    pub revision: RevisionId,
    /// The alias's description; empty if it has none.
    pub description: String,
    /// Whether the description says that a deployer created the alias.
    pub moved_by_deployer: bool,
}

impl ObservedAlias {
    /// Returns what the alias serves, with the hash of its version's code; none if it points to `$LATEST`.
    #[must_use]
    pub fn serves(&self, sha256: Option<Sha256>) -> Option<Previous> {
        let weights = self.weights.iter().map(|(version, part)| (version.clone(), Weight(*part))).collect();
        Some(Previous { version: self.version.clone()?, sha256, weights })
    }
}

/// The provisioned concurrency of an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionedConcurrency {
    /// The number of execution environments that were requested.
    pub requested: i32,
    /// The number of execution environments that are allocated.
    pub allocated: i32,
    /// Lambda's progress.
    pub status: ProvisionedStatus,
}

/// Lambda's progress with provisioned concurrency (an open set in Lambda).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvisionedStatus {
    /// All of it is allocated.
    Ready,
    /// Lambda is at work.
    InProgress,
    /// Lambda gave up.
    Failed {
        /// Lambda's StatusReason.
        because: String,
    },
}

/// Everything that was observed of one function in one target.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// `$LATEST`; none if the function does not exist.
    pub latest: Option<ObservedCode>,
    /// The function's tags and reserved concurrency.
    pub metadata: FunctionMetadata,
    /// The alias; none if it does not exist.
    pub alias: Option<ObservedAlias>,
    /// The version that the alias points to, or `$LATEST`.
    pub serving: Option<ObservedCode>,
    /// Whether `$LATEST` as it is was already published, as a version that failed.
    pub publishing_failed: bool,
}

impl ObservedAlias {
    /// Returns every version that gets any part of the traffic.
    pub fn versions(&self) -> impl Iterator<Item = Version> {
        let weighed = self.weights.keys().filter_map(|number| Version::parse(number.as_str()).ok());
        self.version.iter().cloned().chain(weighed)
    }
}

impl fmt::Display for ObservedAlias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "version {version}")?,
            None => f.write_str("$LATEST")?,
        }
        for (version, weight) in &self.weights {
            write!(f, " and {}% to version {version}", weight * 100.0)?;
        }
        Ok(())
    }
}
