//! Compares a manifest with a function's configuration: the part to send, and each difference in words.
//!
//! A field that the manifest does not name is left as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::function_fields;
use crate::id::RoleArn;
use crate::manifest::{
    CapacityProviderConfig, DeadLetterConfig, DurableConfig, EphemeralStorage, ExecutionRole, FileSystemConfig,
    FunctionConfig, LogFormat, LoggingConfig, Runtime, Secret, SnapStart, TracingConfig, VpcConfig,
};
use crate::observed::{Settings, Variables};

/// The type that is sent: the manifest's, unless the row names another one.
macro_rules! sent {
    ($type:ty) => {
        $type
    };
    ($type:ty, $sent:ty) => {
        $sent
    };
}

/// Makes [`Configuration`] from the rows, and the functions that handle its fields.
macro_rules! configuration {
    ($( $(#[$attribute:meta])* $name:ident: $type:ty {
        seen: $seen:ty
        $(, lambda: $lambda:ident)?
        $(, sent: $set:ident, by: $by:ident $(($complete:ident))? $(, as: $sent:ty)?)?
    } )*) => {
        /// The fields that a write sends. `None` is not sent.
        ///
        /// AWS checks PassRole whenever a role is sent, so it is sent only if it changes. The variables are all that
        /// the function shall have, because Lambda replaces them as a whole.
        #[derive(Debug, Clone, PartialEq, Default)]
        #[allow(missing_docs, reason = "the fields of the manifest; see `manifest::FunctionConfig`")]
        pub struct Configuration {
            $( $( #[doc = concat!("Sent by `", stringify!($set), "`.")] pub $name: Option<sent!($type $(, $sent)?)>, )? )*
            /// The customer key that the function already has. It is not sent; the session that sends variables must be
            /// allowed to use it.
            pub variables_key: Option<String>,
        }

        impl Configuration {
            /// Finds for each named field the value to send, if the function does not have it.
            fn compared(
                differences: &mut Differences<'_>,
                desired: &FunctionConfig,
                seen: &Settings,
            ) -> Result<Self, UnmergeableVariables> {
                Ok(Self {
                    $( $( $name: differences.$by(stringify!($name), desired.$name.as_ref(), &seen.$name $(, $complete)?)?, )? )*
                    variables_key: None,
                })
            }

            /// Applies the sent fields to a function's settings, as Lambda does. Fields that are not sent stay, and an
            /// empty text or queue removes the setting.
            pub fn overlay(&self, settings: &mut Settings) {
                $( $(
                    let sent: &Option<sent!($type $(, $sent)?)> = &self.$name;
                    if let Some(sent) = sent {
                        settings.$name = sent.clone().into();
                    }
                )? )*
                settings.kms_key_arn.take_if(|key| key.is_empty());
                settings.dead_letter_config.take_if(|dead| dead.target_arn.is_empty());
            }
        }
    };
}

function_fields!(configuration);

/// Converts to the type in [`Settings`].
impl From<Runtime> for Option<String> {
    fn from(runtime: Runtime) -> Self {
        Some(runtime.into())
    }
}

/// Converts to the type in [`Settings`].
impl From<RoleArn> for Option<String> {
    fn from(role: RoleArn) -> Self {
        Some(role.to_string())
    }
}

impl Configuration {
    /// Whether nothing is sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Makes the configuration of a new function: everything that the manifest names except for the role.
    ///
    /// # Errors
    /// [`UnmergeableVariables::TooLarge`] if the variables exceed `VARIABLES_LIMIT`.
    pub fn all_of(desired: &FunctionConfig) -> Result<Self, UnmergeableVariables> {
        differences(desired, &BTreeSet::new(), None, &Settings::default()).map(|(all, _)| all)
    }
}

/// One side of a change. It compares by value, and prints a secret as `***`.
#[derive(Clone, PartialEq)]
pub enum Shown {
    /// No value.
    Absent,
    /// A value that anyone may read.
    Plain(String),
    /// A variable's value: equal only to the same value, and printed as `***`.
    Masked(Secret),
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("(none)"),
            Self::Plain(text) => f.write_str(text),
            Self::Masked(_) => f.write_str("***"),
        }
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Shown {
    /// Returns the text that anyone may read; none if there is no value.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Absent => None,
            shown => Some(shown.to_string()),
        }
    }
}

/// One field that a plan changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The manifest's path of the field, or `code`.
    pub field: String,
    /// The present value.
    pub from: Shown,
    /// The wanted value.
    pub to: Shown,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, from, to } = self;
        match (from, to) {
            (Shown::Absent, _) => write!(f, "+ {field}: {to}"),
            (_, Shown::Absent) => write!(f, "- {field}: {from}"),
            _ => write!(f, "~ {field}: {from} → {to}"),
        }
    }
}

/// The most bytes of variables as JSON, 4 KB (Lambda Developer Guide, "Lambda quotas"). Lambda's own error quotes all
/// variables, so it must never occur.
pub const VARIABLES_LIMIT: usize = 4096;

/// The named variables cannot be merged with those of the function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnmergeableVariables {
    /// Lambda could not decrypt the present ones. Sending the named ones would delete all others.
    #[error(
        "the variables of the function cannot be read ({because}), so those that the manifest names cannot be merged \
         with the others: repair the key's policy, or set them all by hand once"
    )]
    Unreadable {
        /// The error that Lambda gives.
        because: String,
    },
    /// All variables together exceed `VARIABLES_LIMIT`.
    #[error(
        "the variables that the manifest names and those that the function has take {found} bytes as JSON, and Lambda \
         takes {VARIABLES_LIMIT}: name fewer, or keep large values elsewhere"
    )]
    TooLarge {
        /// Their size in bytes.
        found: usize,
    },
}

/// Checks the size of variables as Lambda measures it, as JSON.
fn check_size(variables: &BTreeMap<String, Secret>) -> Result<(), UnmergeableVariables> {
    let clear: BTreeMap<&str, &str> = variables.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    let found = serde_json::to_string(&clear).map_or(0, |json| json.len());
    if found <= VARIABLES_LIMIT { Ok(()) } else { Err(UnmergeableVariables::TooLarge { found }) }
}

/// Returns the fields to send so that a function with the settings `seen` gets the `desired` ones, and each
/// difference. The `previously_managed` variables that are no longer named are removed.
///
/// # Errors
/// [`UnmergeableVariables`] if variables are named and cannot be merged with the present ones.
pub fn differences(
    desired: &FunctionConfig,
    previously_managed: &BTreeSet<String>,
    role: Option<&RoleArn>,
    seen: &Settings,
) -> Result<(Configuration, Vec<Change>), UnmergeableVariables> {
    let mut differences = Differences { previously_managed, role, changes: Vec::new() };
    let mut sent = Configuration::compared(&mut differences, desired, seen)?;
    if sent.variables.is_some() && sent.kms_key_arn.is_none() {
        sent.variables_key = seen.kms_key_arn.clone();
    }
    Ok((sent, differences.changes))
}

/// Completes a VPC configuration. The lists replace the present ones; they are sets, so they are sorted for the
/// comparison.
fn complete_vpc(named: &VpcConfig, seen: &VpcConfig) -> VpcConfig {
    let sorted = |ids: &[String]| {
        let mut ids = ids.to_vec();
        ids.sort();
        ids
    };
    VpcConfig {
        subnet_ids: sorted(&named.subnet_ids),
        security_group_ids: sorted(&named.security_group_ids),
        ipv6_allowed_for_dual_stack: named.ipv6_allowed_for_dual_stack.or(seen.ipv6_allowed_for_dual_stack),
    }
}

/// Completes mounts. The S3 settings of the same file system stay if the manifest does not name them, because Lambda
/// replaces mounts as a whole.
#[allow(clippy::ptr_arg, reason = "the type of the field")]
fn complete_mounts(named: &Vec<FileSystemConfig>, seen: &Vec<FileSystemConfig>) -> Vec<FileSystemConfig> {
    let with_its_reading = |mount: &FileSystemConfig| {
        let there = seen.iter().find(|there| there.arn == mount.arn).and_then(|there| there.s3_files_config.clone());
        FileSystemConfig { s3_files_config: mount.s3_files_config.clone().or(there), ..mount.clone() }
    };
    named.iter().map(with_its_reading).collect()
}

fn complete_durable(named: &DurableConfig, seen: &Option<DurableConfig>) -> DurableConfig {
    let seen = seen.as_ref();
    DurableConfig {
        execution_timeout: named.execution_timeout,
        retention_period: named.retention_period.or(seen.and_then(|seen| seen.retention_period)),
        kms_key_arn: named.kms_key_arn.clone().or_else(|| seen.and_then(|seen| seen.kms_key_arn.clone())),
    }
}

/// Completes a capacity provider. Numbers that are not named stay, unless it is another provider.
fn complete_capacity(named: &CapacityProviderConfig, seen: &Option<CapacityProviderConfig>) -> CapacityProviderConfig {
    let of = |config: &CapacityProviderConfig| config.lambda_managed_instances_capacity_provider_config.clone();
    let mut managed = of(named);
    let same = seen.as_ref().map(of).filter(|seen| seen.capacity_provider_arn == managed.capacity_provider_arn);
    if let Some(seen) = same {
        let (memory, most) =
            (seen.execution_environment_memory_gib_per_vcpu, seen.per_execution_environment_max_concurrency);
        managed.execution_environment_memory_gib_per_vcpu =
            managed.execution_environment_memory_gib_per_vcpu.or(memory);
        managed.per_execution_environment_max_concurrency = managed.per_execution_environment_max_concurrency.or(most);
    }
    CapacityProviderConfig { lambda_managed_instances_capacity_provider_config: managed }
}

/// Completes a logging configuration. Log levels exist in the JSON format only, so a change to text drops them.
fn complete_logging(named: &LoggingConfig, seen: &Option<LoggingConfig>) -> LoggingConfig {
    let Some(seen) = seen else { return named.clone() };
    let log_format = named.log_format.or(seen.log_format);
    let json = log_format == Some(LogFormat::Json);
    LoggingConfig {
        log_format,
        application_log_level: named.application_log_level.or(seen.application_log_level.filter(|_| json)),
        system_log_level: named.system_log_level.or(seen.system_log_level.filter(|_| json)),
        log_group: named.log_group.clone().or_else(|| seen.log_group.clone()),
    }
}

/// Compares fields by the methods that the rows of [`function_fields`] name. Each method returns the value to send if
/// it differs, and notes the change.
struct Differences<'a> {
    /// The names of the variables that the last deployment set.
    previously_managed: &'a BTreeSet<String>,
    /// The execution role that the manifest names, in the target's account.
    role: Option<&'a RoleArn>,
    changes: Vec<Change>,
}

type Difference<T> = Result<Option<T>, UnmergeableVariables>;

impl Differences<'_> {
    /// Compares two values by their form in a manifest.
    fn value<T: Clone + Serialize>(&mut self, field: &str, named: Option<&T>, seen: &impl Serialize) -> Difference<T> {
        let Some(named) = named else { return Ok(None) };
        let (from, to) = (show(seen), show(named));
        if from == to {
            return Ok(None);
        }
        self.changes.push(Change { field: field.to_owned(), from, to });
        Ok(Some(named.clone()))
    }

    /// Compares a value of which an empty one removes the setting: it equals an absent one.
    fn emptiable<T: Clone + Default + Serialize>(
        &mut self,
        field: &str,
        named: Option<&T>,
        seen: &Option<T>,
    ) -> Difference<T> {
        self.value(field, named, &seen.clone().unwrap_or_default())
    }

    /// Compares after completing the named value with the present one, because it may leave parts open.
    fn merged<T: Clone + Serialize, S: Serialize>(
        &mut self,
        field: &str,
        named: Option<&T>,
        seen: &S,
        complete: fn(&T, &S) -> T,
    ) -> Difference<T> {
        self.value(field, named.map(|named| complete(named, seen)).as_ref(), seen)
    }

    fn role(&mut self, field: &str, _: Option<&ExecutionRole>, seen: &Option<String>) -> Difference<RoleArn> {
        self.value(field, self.role, seen)
    }

    /// Returns all variables that the function shall have, if any of the named differs.
    fn variables(
        &mut self,
        _: &str,
        named: Option<&BTreeMap<String, Secret>>,
        seen: &Variables,
    ) -> Difference<BTreeMap<String, Secret>> {
        let none = BTreeMap::new();
        let (desired, previously_managed) = (named.unwrap_or(&none), self.previously_managed);
        if desired.is_empty() && previously_managed.is_empty() {
            return Ok(None);
        }
        let seen = match seen {
            Variables::Known(seen) => seen,
            Variables::Unreadable { because } => {
                return Err(UnmergeableVariables::Unreadable { because: because.clone() });
            }
        };
        let mut merged = seen.clone();
        for name in previously_managed.iter().filter(|name| !desired.contains_key(*name)) {
            if let Some(before) = merged.remove(name) {
                let (field, from) = (format!("environment.variables.{name}"), Shown::Masked(before));
                self.changes.push(Change { field, from, to: Shown::Absent });
            }
        }
        for (name, value) in desired {
            let before = merged.insert(name.clone(), value.clone());
            if before.as_ref() != Some(value) {
                self.changes.push(Change {
                    field: format!("environment.variables.{name}"),
                    from: before.map_or(Shown::Absent, Shown::Masked),
                    to: Shown::Masked(value.clone()),
                });
            }
        }
        if merged == *seen {
            return Ok(None);
        }
        check_size(&merged)?;
        Ok(Some(merged))
    }
}

/// Shows a value in its form in a manifest.
pub(super) fn show<T: Serialize>(value: &T) -> Shown {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => Shown::Plain(text),
        Ok(serde_json::Value::Null) | Err(_) => Shown::Absent,
        Ok(other) => Shown::Plain(other.to_string()),
    }
}
