//! What a manifest can say about a function: one type per field, named as in Terraform's `aws_lambda_function`.
//!
//! These types say which words and numbers there are; what texts and lists must look like is in [`super::rules`].

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::values::{ExecutionRole, Gib, ReservedConcurrency, Runtime, Secret};
use crate::diagnostics::{at_least, maybe_at_least};
use crate::managed_keys::ManagedKeys;

/// How a function is configured. What is not named is left as it is.
// Least values: AWS Lambda API Reference, CreateFunction. The most that is known stands in `super::limits`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FunctionConfig {
    /// The identifier of the runtime, such as `provided.al2023`. Required to create a function.
    pub runtime: Option<Runtime>,
    /// What Lambda calls in the code. Required to create a function.
    #[schemars(regex(pattern = r"^[^\s]{1,128}$"))]
    pub handler: Option<String>,
    /// The instruction set: a list with exactly one of `x86_64` and `arm64`.
    #[serde(deserialize_with = "only_architecture")]
    #[schemars(with = "Option<[Architecture; 1]>")]
    pub architectures: Option<Architecture>,
    /// The execution role: a name (or path/name) in the target account, or a full ARN of that account. Required to
    /// create a function.
    pub role: Option<ExecutionRole>,
    /// Memory in MB.
    #[serde(deserialize_with = "maybe_at_least::<_, 128>")]
    #[schemars(range(min = 128, max = i32::MAX))]
    pub memory_size: Option<u32>,
    /// The longest that one invocation may take, in seconds.
    #[serde(deserialize_with = "maybe_at_least::<_, 1>")]
    #[schemars(range(min = 1, max = i32::MAX))]
    pub timeout: Option<u32>,
    /// What the function is for.
    #[schemars(length(max = 256))]
    pub description: Option<String>,
    /// The ARNs of layer versions, or of layers of AWS's own (`awslayer`), in the order in which they are laid over each
    /// other. `[]` takes all away.
    #[schemars(
        length(max = 5),
        inner(regex(
            pattern = r"^arn:aws[a-zA-Z-]*:lambda:([a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]{1,140}:[1-9][0-9]*|::awslayer:[A-Za-z0-9_-]{1,140})$"
        ))
    )]
    pub layers: Option<Vec<String>>,
    /// The environment of the function's code.
    #[serde(rename = "environment", deserialize_with = "variables")]
    #[schemars(with = "Option<EnvironmentBlock>")]
    pub variables: Option<BTreeMap<String, Secret>>,
    /// Tags of the function, none of them with the prefix `aws:`.
    #[schemars(extend("maxProperties" = 50, "propertyNames" = { "pattern": "^(?![aA][wW][sS]:).{1,128}$" }))]
    pub tags: Option<BTreeMap<String, String>>,
    /// The subnets and security groups through which the function reaches a VPC. Two empty lists take it out.
    pub vpc_config: Option<VpcConfig>,
    /// Where asynchronous invocations go that failed.
    pub dead_letter_config: Option<DeadLetterConfig>,
    /// AWS X-Ray.
    pub tracing_config: Option<TracingConfig>,
    /// The size of `/tmp`.
    pub ephemeral_storage: Option<EphemeralStorage>,
    /// The ARN of the key that encrypts the variables; an empty text goes back to Lambda's own.
    #[schemars(regex(pattern = r"^(arn:aws[a-zA-Z-]*:kms:.*)?$"))]
    pub kms_key_arn: Option<String>,
    /// Where and how the function logs.
    pub logging_config: Option<LoggingConfig>,
    /// Lambda SnapStart.
    pub snap_start: Option<SnapStart>,
    /// A file system to mount: a table, or a list of at most one. `[]` takes it away.
    #[serde(deserialize_with = "one_or_list")]
    #[schemars(schema_with = "one_or_list_schema")]
    pub file_system_config: Option<Vec<FileSystemConfig>>,
    /// The ARN of the key that encrypts the zip that Lambda keeps; an empty text goes back to Lambda's own.
    #[schemars(regex(pattern = r"^(arn:aws[a-zA-Z-]*:kms:.*)?$"))]
    pub source_kms_key_arn: Option<String>,
    /// Durable execution. Lambda takes it for a new function, and for one that was made with it.
    pub durable_config: Option<DurableConfig>,
    /// Tenant isolation. Lambda takes it for a new function only.
    pub tenancy_config: Option<TenancyConfig>,
    /// The capacity provider on whose instances the function runs. It brings the network, so there is no `vpc_config` beside it.
    pub capacity_provider_config: Option<CapacityProviderConfig>,
    /// How many executions are reserved for the function; -1 reserves none.
    #[schemars(with = "Option<i32>", range(min = -1))]
    pub reserved_concurrent_executions: Option<ReservedConcurrency>,
}

impl FunctionConfig {
    /// The names of what it sets beside the code that others may set too.
    #[must_use]
    pub fn named(&self) -> ManagedKeys {
        ManagedKeys {
            variables: self.variables.iter().flat_map(BTreeMap::keys).cloned().collect(),
            tags: self.tags.iter().flat_map(BTreeMap::keys).cloned().collect(),
        }
    }
}

/// Defines enums whose variants are words of AWS's.
macro_rules! choices {
    ($( $(#[$doc:meta])* $name:ident { $( $variant:ident = $text:literal, $what:literal; )+ } )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $( #[doc = $what] #[serde(rename = $text)] $variant, )+ }

        impl $name {
            /// The word as AWS writes it.
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
        Arm64 = "arm64", "Graviton.";
    }
    /// Whether invocations are traced.
    TracingMode {
        Active = "Active", "Lambda decides, by sampling.";
        PassThrough = "PassThrough", "Only when the caller's trace says so.";
    }
    /// How log lines look.
    LogFormat {
        Text = "Text", "As the code writes them.";
        Json = "JSON", "One JSON object each.";
    }
    /// The least level of the code's own log lines that is kept.
    ApplicationLogLevel {
        Trace = "TRACE", "Everything.";
        Debug = "DEBUG", "Debug and above.";
        Info = "INFO", "Info and above.";
        Warn = "WARN", "Warnings and above.";
        Error = "ERROR", "Errors and above.";
        Fatal = "FATAL", "Only what is fatal.";
    }
    /// The least level of Lambda's own log lines that is kept.
    SystemLogLevel {
        Debug = "DEBUG", "Everything.";
        Info = "INFO", "Info and above.";
        Warn = "WARN", "Warnings.";
    }
    /// Whether a function reads an S3 file system's objects from S3 itself.
    DirectS3Read {
        Auto = "AUTO", "Lambda decides.";
        Enabled = "ENABLED", "It does.";
        Disabled = "DISABLED", "It reads through the file system.";
    }
    /// How a function's tenants are kept apart.
    TenantIsolationMode {
        PerTenant = "PER_TENANT", "Each tenant has execution environments of its own.";
    }
    /// What SnapStart takes a snapshot of.
    SnapStartApplyOn {
        PublishedVersions = "PublishedVersions", "Each version as it is published.";
        None = "None", "Nothing.";
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
    /// A function's place in a VPC. Both lists have something in them, or neither has.
    VpcConfig {
        /// The subnets' ids.
        #[schemars(length(max = 16), inner(regex(pattern = r"^subnet-[0-9a-z]+$")))]
        subnet_ids: Vec<String>,
        /// The security groups' ids.
        #[schemars(length(max = 5), inner(regex(pattern = r"^sg-[0-9a-zA-Z]+$")))]
        security_group_ids: Vec<String>,
        /// Whether it may reach out over IPv6 in subnets that have both.
        ipv6_allowed_for_dual_stack: Option<bool>,
    }
    /// A dead-letter queue.
    DeadLetterConfig {
        /// The ARN of an SQS queue or SNS topic; an empty text takes it away.
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
    /// Where and how the function logs. What is absent is left as it is.
    LoggingConfig {
        /// How log lines look.
        log_format: Option<LogFormat>,
        /// The least level of the code's own lines that is kept, in the JSON format.
        application_log_level: Option<ApplicationLogLevel>,
        /// The least level of Lambda's own lines that is kept, in the JSON format.
        system_log_level: Option<SystemLogLevel>,
        /// The log group's name.
        #[schemars(regex(pattern = r"^[A-Za-z0-9._/#-]{1,512}$"))]
        log_group: Option<String>,
    }
    /// Lambda SnapStart.
    SnapStart {
        /// What a snapshot is taken of.
        apply_on: SnapStartApplyOn,
    }
    /// A file system that is mounted into the function.
    FileSystemConfig {
        /// The ARN of its access point.
        #[schemars(regex(pattern = r"^arn:aws[a-zA-Z-]*:(elasticfilesystem|s3files):[a-z0-9-]+:[0-9]{12}:.*access-point/fsap-[0-9a-f]+$"), length(max = 256))]
        arn: String,
        /// Where it is mounted: `/mnt/` and a name.
        #[schemars(regex(pattern = r"^/mnt/[a-zA-Z0-9_.-]+$"), length(max = 160))]
        local_mount_path: String,
        /// How an S3 file system is read. What is absent is left as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        s3_files_config: Option<S3FilesConfig>,
    }
    /// How an S3 file system is read.
    S3FilesConfig {
        /// Whether objects are read from S3 itself.
        direct_s3_read: DirectS3Read,
    }
    /// Durable execution. What is absent is left as it is.
    DurableConfig {
        /// The longest that a durable execution may take, in seconds.
        #[serde(deserialize_with = "at_least::<_, 1>")]
        #[schemars(range(min = 1, max = i32::MAX))]
        execution_timeout: u32,
        /// For how many days the history of an execution is kept.
        #[serde(default, deserialize_with = "maybe_at_least::<_, 1>", skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = i32::MAX))]
        retention_period: Option<u32>,
        /// The ARN of the key that encrypts what executions take, give and fail with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(regex(pattern = r"^arn:aws[a-zA-Z-]*:kms:.*$"))]
        kms_key_arn: Option<String>,
    }
    /// Tenant isolation.
    TenancyConfig {
        /// How tenants are kept apart.
        tenant_isolation_mode: TenantIsolationMode,
    }
    /// What a function runs on instead of Lambda's own capacity.
    CapacityProviderConfig {
        /// Lambda Managed Instances.
        lambda_managed_instances_capacity_provider_config: ManagedInstancesConfig,
    }
    /// Lambda Managed Instances. What is absent is left as it is.
    ManagedInstancesConfig {
        /// The ARN of the capacity provider.
        #[schemars(regex(pattern = r"^arn:aws[a-zA-Z-]*:lambda:[a-z0-9-]+:[0-9]{12}:capacity-provider:[A-Za-z0-9_-]+$"))]
        capacity_provider_arn: String,
        /// Memory in GiB for each virtual CPU.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        execution_environment_memory_gib_per_vcpu: Option<Gib>,
        /// How many invocations one execution environment has at once.
        #[serde(default, deserialize_with = "maybe_at_least::<_, 1>", skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = i32::MAX))]
        per_execution_environment_max_concurrency: Option<u32>,
    }
}

/// The environment of the function's code.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EnvironmentBlock {
    /// The variables: names and texts, at most 4 KB in all. Names that Lambda sets itself cannot be used.
    #[schemars(with = "Option<BTreeMap<VariableName, String>>")]
    variables: Option<BTreeMap<String, Secret>>,
}

/// The name of a variable, for the schema.
#[derive(JsonSchema)]
#[schemars(inline)]
struct VariableName(
    #[schemars(regex(pattern = r"^[A-Za-z][A-Za-z0-9_]+$"))]
    #[expect(dead_code, reason = "schema only")]
    String,
);

fn variables<'de, D: Deserializer<'de>>(from: D) -> Result<Option<BTreeMap<String, Secret>>, D::Error> {
    Ok(Option::<EnvironmentBlock>::deserialize(from)?.and_then(|block| block.variables))
}

fn only_architecture<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Architecture>, D::Error> {
    match Option::<Vec<Architecture>>::deserialize(from)?.as_deref() {
        None => Ok(None),
        Some([one]) => Ok(Some(*one)),
        Some(list) => {
            Err(de::Error::custom(format_args!("must name exactly one of x86_64 and arm64, but names {}", list.len())))
        }
    }
}

fn one_or_list<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<FileSystemConfig>>, D::Error> {
    struct OneOrList(Vec<FileSystemConfig>);
    struct OneOrListVisitor;

    impl<'de> Visitor<'de> for OneOrListVisitor {
        type Value = Vec<FileSystemConfig>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table or a list")
        }

        fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
            FileSystemConfig::deserialize(MapAccessDeserializer::new(fields)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
            Deserialize::deserialize(SeqAccessDeserializer::new(items))
        }
    }

    impl<'de> Deserialize<'de> for OneOrList {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_any(OneOrListVisitor).map(Self)
        }
    }

    Ok(Option::<OneOrList>::deserialize(from)?.map(|list| list.0))
}

fn one_or_list_schema(generator: &mut SchemaGenerator) -> Schema {
    let one = generator.subschema_for::<FileSystemConfig>();
    json_schema!({ "anyOf": [one, { "type": "array", "items": one, "maxItems": 1 }, { "type": "null" }] })
}
