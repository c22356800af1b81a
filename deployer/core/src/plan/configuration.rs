//! What a manifest names, held against what a function has: the part to send, and each difference in words.
//!
//! What the manifest does not name is left as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::id::RoleArn;
use crate::manifest::{
    CapacityProviderConfig, DeadLetterConfig, DurableConfig, EphemeralStorage, FileSystemConfig, FunctionConfig,
    LogFormat, LoggingConfig, Runtime, Secret, SnapStart, TracingConfig, VpcConfig,
};
use crate::observed::{Settings, Variables};

/// The fields that a write sends; `None` is not sent.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(missing_docs, reason = "the fields of the manifest; see `manifest::FunctionConfig`")]
pub struct Configuration {
    pub runtime: Option<Runtime>,
    pub handler: Option<String>,
    /// PassRole is checked whenever a role is sent, so it is sent only when it changes.
    pub role: Option<RoleArn>,
    pub memory_size: Option<u32>,
    pub timeout: Option<u32>,
    pub description: Option<String>,
    pub layers: Option<Vec<String>>,
    /// All variables that the function shall have, for Lambda replaces them as a whole.
    pub variables: Option<BTreeMap<String, Secret>>,
    pub vpc_config: Option<VpcConfig>,
    pub dead_letter_config: Option<DeadLetterConfig>,
    pub tracing_config: Option<TracingConfig>,
    pub ephemeral_storage: Option<EphemeralStorage>,
    pub kms_key_arn: Option<String>,
    pub logging_config: Option<LoggingConfig>,
    pub snap_start: Option<SnapStart>,
    pub file_system_config: Option<Vec<FileSystemConfig>>,
    pub durable_config: Option<DurableConfig>,
    pub capacity_provider_config: Option<CapacityProviderConfig>,
    /// Not sent: the customer key that the function already has, which whoever sends variables must be able to use.
    pub variables_key: Option<String>,
}

impl Configuration {
    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Everything that the manifest names, for a function that does not exist yet.
    ///
    /// # Errors
    /// [`UnmergeableVariables::TooLarge`].
    pub fn all_of(wanted: &FunctionConfig) -> Result<Self, UnmergeableVariables> {
        wanted.variables.as_ref().map_or(Ok(()), check_size)?;
        Ok(Self {
            runtime: wanted.runtime.clone(),
            handler: wanted.handler.clone(),
            role: None,
            memory_size: wanted.memory_size,
            timeout: wanted.timeout,
            description: wanted.description.clone(),
            layers: wanted.layers.clone(),
            variables: wanted.variables.clone(),
            vpc_config: wanted.vpc_config.clone(),
            // An empty text takes away what is there, and here nothing is.
            dead_letter_config: wanted.dead_letter_config.clone().filter(|dead| !dead.target_arn.is_empty()),
            tracing_config: wanted.tracing_config.clone(),
            ephemeral_storage: wanted.ephemeral_storage.clone(),
            kms_key_arn: wanted.kms_key_arn.clone().filter(|key| !key.is_empty()),
            logging_config: wanted.logging_config.clone(),
            snap_start: wanted.snap_start.clone(),
            file_system_config: wanted.file_system_config.clone(),
            durable_config: wanted.durable_config.clone(),
            capacity_provider_config: wanted.capacity_provider_config.clone(),
            variables_key: None,
        })
    }
}

/// One side of a change. Compares by what it is, prints masked where it is a secret.
#[derive(Clone, PartialEq)]
pub enum Shown {
    /// Nothing there.
    Absent,
    /// A value that may be read by anyone.
    Plain(String),
    /// A variable's value: equal only to the same value, printed as `***`.
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
    /// The text that may be read by anyone; none where nothing is there.
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
    /// What is there.
    pub from: Shown,
    /// What shall be there.
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

/// Lambda takes no more variables than 4 KB of JSON (Lambda Developer Guide, "Lambda quotas"). Its own error quotes them
/// all, so it must never be met.
pub const VARIABLES_LIMIT: usize = 4096;

/// The variables that the manifest names cannot be laid over those that the function has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnmergeableVariables {
    /// Lambda could not decrypt them: merging the named ones would wipe all others.
    #[error(
        "the variables of the function cannot be read ({because}), so those that the manifest names cannot be merged \
         with the others: repair the key's policy, or set them all by hand once"
    )]
    Unreadable {
        /// Lambda's reason.
        because: String,
    },
    /// Together they are more than Lambda takes.
    #[error(
        "the variables that the manifest names and those that the function has take {found} bytes as JSON, and Lambda \
         takes {VARIABLES_LIMIT}: name fewer, or keep large values elsewhere"
    )]
    TooLarge {
        /// Bytes.
        found: usize,
    },
}

/// The size of variables as Lambda measures it: as JSON.
fn check_size(variables: &BTreeMap<String, Secret>) -> Result<(), UnmergeableVariables> {
    let clear: BTreeMap<&str, &str> = variables.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    let found = serde_json::to_string(&clear).map_or(0, |json| json.len());
    if found <= VARIABLES_LIMIT { Ok(()) } else { Err(UnmergeableVariables::TooLarge { found }) }
}

/// What has to be sent so that a function with `seen` has all that is `wanted`, and none of the variables that were set
/// `formerly` and are no longer named; and each difference.
///
/// # Errors
/// [`UnmergeableVariables`] when variables are named and cannot be laid over the present ones.
pub fn differences(
    wanted: &FunctionConfig,
    formerly: &BTreeSet<String>,
    role: Option<&RoleArn>,
    seen: &Settings,
) -> Result<(Configuration, Vec<Change>), UnmergeableVariables> {
    let mut all = Differences::default();
    let text = |text: &Option<String>| text.as_deref().map_or(Shown::Absent, |t| Shown::Plain(t.to_owned()));
    let mut sent = Configuration {
        runtime: all.field("runtime", wanted.runtime.as_ref(), |w| {
            (Some(w.as_str()) != seen.runtime.as_deref()).then(|| text(&seen.runtime))
        }),
        handler: all.field("handler", wanted.handler.as_ref(), |w| {
            (Some(w) != seen.handler.as_ref()).then(|| text(&seen.handler))
        }),
        role: all.field("role", role, |w| (Some(w.as_str()) != seen.role.as_deref()).then(|| text(&seen.role))),
        memory_size: all.value("memory_size", wanted.memory_size.as_ref(), Some(&seen.memory_size)),
        timeout: all.value("timeout", wanted.timeout.as_ref(), Some(&seen.timeout)),
        description: all.value("description", wanted.description.as_ref(), Some(&seen.description)),
        layers: all.value("layers", wanted.layers.as_ref(), Some(&seen.layers)),
        variables: all.variables(wanted.variables.as_ref(), formerly, &seen.variables)?,
        vpc_config: all.value(
            "vpc_config",
            wanted.vpc_config.as_ref().map(|w| vpc_over(w, &seen.vpc_config)).as_ref(),
            Some(&seen.vpc_config),
        ),
        dead_letter_config: all.value(
            "dead_letter_config",
            wanted.dead_letter_config.as_ref(),
            Some(seen.dead_letter_config.as_ref().unwrap_or(&DeadLetterConfig { target_arn: String::new() })),
        ),
        tracing_config: all.value("tracing_config", wanted.tracing_config.as_ref(), seen.tracing_config.as_ref()),
        ephemeral_storage: all.value(
            "ephemeral_storage",
            wanted.ephemeral_storage.as_ref(),
            seen.ephemeral_storage.as_ref(),
        ),
        kms_key_arn: all.value(
            "kms_key_arn",
            wanted.kms_key_arn.as_ref(),
            Some(seen.kms_key_arn.as_ref().unwrap_or(&String::new())),
        ),
        logging_config: {
            let merged = wanted.logging_config.as_ref().map(|w| logging_over(w, seen.logging_config.as_ref()));
            all.value("logging_config", merged.as_ref(), seen.logging_config.as_ref())
        },
        snap_start: all.value("snap_start", wanted.snap_start.as_ref(), seen.snap_start.as_ref()),
        file_system_config: all.value(
            "file_system_config",
            wanted.file_system_config.as_ref().map(|w| mounts_over(w, &seen.file_system_config)).as_ref(),
            Some(&seen.file_system_config),
        ),
        durable_config: {
            let merged = wanted.durable_config.as_ref().map(|w| durable_over(w, seen.durable_config.as_ref()));
            all.value("durable_config", merged.as_ref(), seen.durable_config.as_ref())
        },
        capacity_provider_config: {
            let there = seen.capacity_provider_config.as_ref();
            let merged = wanted.capacity_provider_config.as_ref().map(|w| capacity_over(w, there));
            all.value("capacity_provider_config", merged.as_ref(), there)
        },
        variables_key: None,
    };
    if sent.variables.is_some() && sent.kms_key_arn.is_none() {
        sent.variables_key = seen.kms_key_arn.clone();
    }
    Ok((sent, all.changes))
}

/// The lists replace; they are sets, so their order says nothing.
fn vpc_over(named: &VpcConfig, seen: &VpcConfig) -> VpcConfig {
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

/// How the same file system is read stays as it is where the manifest does not say it: Lambda replaces mounts as a whole.
fn mounts_over(named: &[FileSystemConfig], seen: &[FileSystemConfig]) -> Vec<FileSystemConfig> {
    let with_its_reading = |mount: &FileSystemConfig| {
        let there = seen.iter().find(|there| there.arn == mount.arn).and_then(|there| there.s3_files_config.clone());
        FileSystemConfig { s3_files_config: mount.s3_files_config.clone().or(there), ..mount.clone() }
    };
    named.iter().map(with_its_reading).collect()
}

fn durable_over(named: &DurableConfig, seen: Option<&DurableConfig>) -> DurableConfig {
    DurableConfig {
        execution_timeout: named.execution_timeout,
        retention_period: named.retention_period.or(seen.and_then(|seen| seen.retention_period)),
        kms_key_arn: named.kms_key_arn.clone().or_else(|| seen.and_then(|seen| seen.kms_key_arn.clone())),
    }
}

/// Another capacity provider takes its own numbers, not those that another one had.
fn capacity_over(named: &CapacityProviderConfig, seen: Option<&CapacityProviderConfig>) -> CapacityProviderConfig {
    let of = |config: &CapacityProviderConfig| config.lambda_managed_instances_capacity_provider_config.clone();
    let mut managed = of(named);
    let same = seen.map(of).filter(|seen| seen.capacity_provider_arn == managed.capacity_provider_arn);
    if let Some(seen) = same {
        let (memory, most) =
            (seen.execution_environment_memory_gib_per_vcpu, seen.per_execution_environment_max_concurrency);
        managed.execution_environment_memory_gib_per_vcpu =
            managed.execution_environment_memory_gib_per_vcpu.or(memory);
        managed.per_execution_environment_max_concurrency = managed.per_execution_environment_max_concurrency.or(most);
    }
    CapacityProviderConfig { lambda_managed_instances_capacity_provider_config: managed }
}

/// Log levels exist in the JSON format only: a change to text leaves them behind.
fn logging_over(named: &LoggingConfig, seen: Option<&LoggingConfig>) -> LoggingConfig {
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

#[derive(Default)]
struct Differences {
    changes: Vec<Change>,
}

impl Differences {
    /// The wanted value if it is not what `other` says is there instead.
    fn field<T: Clone + Serialize>(
        &mut self,
        field: &str,
        wanted: Option<&T>,
        other: impl FnOnce(&T) -> Option<Shown>,
    ) -> Option<T> {
        let wanted = wanted?;
        let from = other(wanted)?;
        self.changes.push(Change { field: field.to_owned(), from, to: show(wanted) });
        Some(wanted.clone())
    }

    fn value<T: Clone + Serialize + PartialEq>(
        &mut self,
        field: &str,
        wanted: Option<&T>,
        seen: Option<&T>,
    ) -> Option<T> {
        self.field(field, wanted, |w| (Some(w) != seen).then(|| seen.map_or(Shown::Absent, show)))
    }

    /// All variables that the function shall have, if one of the named differs.
    fn variables(
        &mut self,
        wanted: Option<&BTreeMap<String, Secret>>,
        formerly: &BTreeSet<String>,
        seen: &Variables,
    ) -> Result<Option<BTreeMap<String, Secret>>, UnmergeableVariables> {
        let none = BTreeMap::new();
        let wanted = wanted.unwrap_or(&none);
        if wanted.is_empty() && formerly.is_empty() {
            return Ok(None);
        }
        let seen = match seen {
            Variables::Known(seen) => seen,
            Variables::Unreadable { because } => {
                return Err(UnmergeableVariables::Unreadable { because: because.clone() });
            }
        };
        let mut merged = seen.clone();
        for name in formerly.iter().filter(|name| !wanted.contains_key(*name)) {
            if let Some(before) = merged.remove(name) {
                let (field, from) = (format!("environment.variables.{name}"), Shown::Masked(before));
                self.changes.push(Change { field, from, to: Shown::Absent });
            }
        }
        for (name, value) in wanted {
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

/// A value as the manifest would write it.
fn show<T: Serialize>(value: &T) -> Shown {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => Shown::Plain(text),
        Ok(serde_json::Value::Null) | Err(_) => Shown::Absent,
        Ok(other) => Shown::Plain(other.to_string()),
    }
}
