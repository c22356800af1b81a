//! What a target account was seen to hold, in our words.
//!
//! The adapter over the Lambda client fills these; the planner compares them with what a manifest names.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::condition::{Condition, Fit, Reason};
use crate::function_fields;
use crate::id::{AliasName, Sha256, Version};
use crate::manifest::{
    Architecture, CapacityProviderConfig, DeadLetterConfig, DurableConfig, EphemeralStorage, FileSystemConfig,
    LoggingConfig, Secret, SnapStart, TenancyConfig, TracingConfig, VpcConfig,
};
use crate::record::{Previous, Weight};

/// Lambda's RevisionId: the precondition of a write. Proves nothing alone (it also changes when an update settles).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionId(pub String);

/// The variables of a function as Lambda shows them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Variables {
    /// All of them, in clear. Never logged.
    Known(BTreeMap<String, Secret>),
    /// Lambda could not decrypt them: merging would wipe them.
    Unreadable {
        /// Lambda's reason.
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

/// Makes the type of what is seen.
macro_rules! settings {
    ($( $(#[$attribute:meta])* $name:ident: $type:ty { seen: $seen:ty $(, $($rest:tt)*)? } )*) => {
        /// The configuration that `$LATEST` or a version has. By default nothing is there.
        #[derive(Debug, Clone, PartialEq, Default)]
        #[allow(missing_docs, reason = "the fields of the manifest; see `manifest::FunctionConfig`")]
        pub struct Settings {
            $( pub $name: $seen, )*
        }

        impl Settings {
            /// Each field's name and its value as JSON; values of variables are masked.
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
    /// `None` for `$LATEST`.
    pub version: Option<Version>,
    /// What it runs.
    pub sha256: Option<Sha256>,
    /// How it is configured.
    pub settings: Settings,
    /// The precondition for writing to it.
    pub revision: RevisionId,
    /// Whether it is settled.
    pub condition: Condition,
    /// The last update ended in Failed, with this reason: what is shown may not be what runs.
    pub last_update_failed: Option<Reason>,
}

/// What belongs to the function as a whole, not to a version.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FunctionMetadata {
    /// Its tags; `None` where Lambda did not show them (lambda:ListTags missing).
    pub tags: Option<BTreeMap<String, String>>,
    /// Reserved concurrent executions, where any are reserved.
    pub reserved_concurrency: Option<i32>,
}

/// What a deployer says in the description of each alias that it makes, so that whoever deploys past it is told.
pub const MOVED_BY_DEPLOYER: &str = "moved by deployer (environment and ledger decide what it serves)";

/// An alias.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedAlias {
    /// Its name.
    pub name: AliasName,
    /// The version it serves; `None` where it points to `$LATEST`.
    pub version: Option<Version>,
    /// Further versions that get a part of the traffic.
    pub weights: BTreeMap<String, f64>,
    /// Whether it has provisioned concurrency; none where nobody has asked.
    pub provisioned: Option<bool>,
    /// The precondition for moving it.
    pub revision: RevisionId,
    /// Its description; empty where none.
    pub description: String,
    /// Whether a deployer has made it, and says so in its description.
    pub moved_by_deployer: bool,
}

impl ObservedAlias {
    /// What it serves, by this code; none where that is `$LATEST`.
    #[must_use]
    pub fn serves(&self, sha256: Option<Sha256>) -> Option<Previous> {
        let weights = self.weights.iter().map(|(version, part)| (version.clone(), Weight(*part))).collect();
        Some(Previous { version: self.version.clone()?, sha256, weights })
    }
}

/// The provisioned concurrency of an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionedConcurrency {
    /// How many environments it shall have.
    pub requested: i32,
    /// How many it has.
    pub allocated: i32,
    /// How far Lambda is.
    pub status: ProvisionedStatus,
}

/// How far Lambda is with provisioned concurrency (an open set in Lambda).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvisionedStatus {
    /// It stands.
    Ready,
    /// Lambda is at work.
    InProgress,
    /// Lambda has given up.
    Failed {
        /// Lambda's StatusReason.
        because: String,
    },
}

/// Everything that was seen of one function in one target.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// `$LATEST`; `None`: there is no such function.
    pub latest: Option<ObservedCode>,
    /// Tags and concurrency.
    pub belongings: FunctionMetadata,
    /// The alias.
    pub alias: Option<ObservedAlias>,
    /// What the alias serves.
    pub serving: Option<ObservedCode>,
    /// Publishing `$LATEST` as it is was tried, and gave a version that has failed.
    pub publishing_failed: bool,
}

impl ObservedAlias {
    /// Every version that it serves, with whatever part of the traffic.
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
