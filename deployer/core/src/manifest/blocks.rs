//! The tables of a manifest, and the enums of AWS that they use.
//!
//! These types define the valid words and numbers; [`super::rules`] checks texts and lists.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values::Gib;
use crate::diagnostics::{at_least, maybe_at_least};

/// Defines enums whose variants are AWS's words.
macro_rules! choices {
    ($( $(#[$doc:meta])* $name:ident { $( $variant:ident = $text:literal, $what:literal; )+ } )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $( #[doc = $what] #[serde(rename = $text)] $variant, )+ }

        impl $name {
            /// Returns the word as AWS writes it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )* };
}

choices! {
    /// The instruction set that the code is built for.
    Architecture {
        X86_64 = "x86_64", "Intel and AMD, 64 bits.";
        Arm64 = "arm64", "AWS Graviton, 64 bits.";
    }
    /// Whether invocations are traced.
    TracingMode {
        Active = "Active", "Lambda traces a sample of the invocations.";
        PassThrough = "PassThrough", "An invocation is traced only if its caller's trace header says so.";
    }
    /// The format of log lines.
    LogFormat {
        Text = "Text", "Plain text, as the code writes it.";
        Json = "JSON", "One JSON object per line.";
    }
    /// The lowest level of the code's own log lines that is kept.
    ApplicationLogLevel {
        Trace = "TRACE", "All lines.";
        Debug = "DEBUG", "Debug and above.";
        Info = "INFO", "Info and above.";
        Warn = "WARN", "Warnings and above.";
        Error = "ERROR", "Errors and above.";
        Fatal = "FATAL", "Fatal errors only.";
    }
    /// The lowest level of Lambda's own log lines that is kept.
    SystemLogLevel {
        Debug = "DEBUG", "All lines.";
        Info = "INFO", "Info and above.";
        Warn = "WARN", "Warnings only.";
    }
    /// Whether a function reads the objects of an S3 file system from S3 itself.
    DirectS3Read {
        Auto = "AUTO", "Lambda decides.";
        Enabled = "ENABLED", "Objects are read from S3 itself.";
        Disabled = "DISABLED", "Objects are read through the file system.";
    }
    /// The isolation of a function's tenants.
    TenantIsolationMode {
        PerTenant = "PER_TENANT", "Each tenant has execution environments of its own.";
    }
    /// The versions that SnapStart takes snapshots of.
    SnapStartApplyOn {
        PublishedVersions = "PublishedVersions", "Each version when it is published.";
        None = "None", "No snapshots are taken.";
    }
}

/// Defines the tables within a manifest.
macro_rules! blocks {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$field_doc:meta])* $field:ident: $kind:ty, )+ } )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $( $(#[$field_doc])* pub $field: $kind, )+ }
    )* };
}

blocks! {
    /// The VPC that the function is connected to. Either both lists have entries, or both are empty.
    VpcConfig {
        /// The subnets' ids.
        #[schemars(length(max = 16), inner(regex(pattern = r"^subnet-[0-9a-z]+$")))]
        subnet_ids: Vec<String>,
        /// The security groups' ids.
        #[schemars(length(max = 5), inner(regex(pattern = r"^sg-[0-9a-zA-Z]+$")))]
        security_group_ids: Vec<String>,
        /// Whether outbound IPv6 is allowed in dual-stack subnets.
        ipv6_allowed_for_dual_stack: Option<bool>,
    }
    /// A dead-letter queue.
    DeadLetterConfig {
        /// The ARN of an SQS queue or SNS topic; an empty text removes the setting.
        #[schemars(regex(pattern = r"^(arn:aws[a-zA-Z-]*:(sqs|sns):[a-z0-9-]+:[0-9]{12}:.+)?$"))]
        target_arn: String,
    }
    /// AWS X-Ray.
    TracingConfig {
        /// Whether invocations are traced.
        mode: TracingMode,
    }
    /// The function's `/tmp`.
    EphemeralStorage {
        /// Its size in MB.
        #[serde(deserialize_with = "at_least::<_, 512>")]
        #[schemars(range(min = 512, max = i32::MAX))]
        size: u32,
    }
    /// The function's log group and the format of its log lines. An absent field is left as it is.
    LoggingConfig {
        /// The format of log lines.
        log_format: Option<LogFormat>,
        /// The lowest level of the code's own lines that is kept. It applies to the JSON format only.
        application_log_level: Option<ApplicationLogLevel>,
        /// The lowest level of Lambda's own lines that is kept. It applies to the JSON format only.
        system_log_level: Option<SystemLogLevel>,
        /// The log group's name.
        #[schemars(regex(pattern = r"^[A-Za-z0-9._/#-]{1,512}$"))]
        log_group: Option<String>,
    }
    /// Lambda SnapStart.
    SnapStart {
        /// The versions that snapshots are taken of.
        apply_on: SnapStartApplyOn,
    }
    /// A file system that is mounted into the function.
    FileSystemConfig {
        /// The ARN of the file system's access point.
        #[schemars(regex(pattern = r"^arn:aws[a-zA-Z-]*:(elasticfilesystem|s3files):[a-z0-9-]+:[0-9]{12}:.*access-point/fsap-[0-9a-f]+$"), length(max = 256))]
        arn: String,
        /// The path that it is mounted at: `/mnt/` and a name.
        #[schemars(regex(pattern = r"^/mnt/[a-zA-Z0-9_.-]+$"), length(max = 160))]
        local_mount_path: String,
        /// The way in which an S3 file system is read. If absent, it is left as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        s3_files_config: Option<S3FilesConfig>,
    }
    /// The way in which an S3 file system is read.
    S3FilesConfig {
        /// Whether objects are read from S3 itself.
        direct_s3_read: DirectS3Read,
    }
    /// Durable execution. An absent field is left as it is.
    DurableConfig {
        /// The longest time that a durable execution may take, in seconds.
        #[serde(deserialize_with = "at_least::<_, 1>")]
        #[schemars(range(min = 1, max = i32::MAX))]
        execution_timeout: u32,
        /// The number of days for which the history of an execution is kept.
        #[serde(default, deserialize_with = "maybe_at_least::<_, 1>", skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = i32::MAX))]
        retention_period: Option<u32>,
        /// The ARN of the KMS key that encrypts the inputs, outputs and errors of executions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(regex(pattern = r"^arn:aws[a-zA-Z-]*:kms:.*$"))]
        kms_key_arn: Option<String>,
    }
    /// Tenant isolation.
    TenancyConfig {
        /// The isolation of tenants.
        tenant_isolation_mode: TenantIsolationMode,
    }
    /// The capacity that a function runs on instead of Lambda's own.
    CapacityProviderConfig {
        /// Lambda Managed Instances.
        lambda_managed_instances_capacity_provider_config: ManagedInstancesConfig,
    }
    /// Lambda Managed Instances. An absent field is left as it is.
    ManagedInstancesConfig {
        /// The ARN of the capacity provider.
        #[schemars(regex(pattern = r"^arn:aws[a-zA-Z-]*:lambda:[a-z0-9-]+:[0-9]{12}:capacity-provider:[A-Za-z0-9_-]+$"))]
        capacity_provider_arn: String,
        /// Memory in GiB for each virtual CPU.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        execution_environment_memory_gib_per_vcpu: Option<Gib>,
        /// The most concurrent invocations in one execution environment.
        #[serde(default, deserialize_with = "maybe_at_least::<_, 1>", skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = i32::MAX))]
        per_execution_environment_max_concurrency: Option<u32>,
    }
}

/// A function without the setting has no VPC.
impl Default for VpcConfig {
    fn default() -> Self {
        Self { subnet_ids: vec![], security_group_ids: vec![], ipv6_allowed_for_dual_stack: None }
    }
}

/// An empty text means no queue.
impl Default for DeadLetterConfig {
    fn default() -> Self {
        Self { target_arn: String::new() }
    }
}

/// Lambda's default.
impl Default for Architecture {
    fn default() -> Self {
        Self::X86_64
    }
}
