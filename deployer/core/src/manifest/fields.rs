//! The fields of a function's configuration, in one table. All code that handles them field by field is generated from
//! it.
//!
//! A row has the field's name in Terraform's `aws_lambda_function`. Its type defines the valid words and numbers;
//! [`super::rules`] checks texts and lists.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::blocks::{
    Architecture, CapacityProviderConfig, DeadLetterConfig, DurableConfig, EphemeralStorage, FileSystemConfig,
    LoggingConfig, SnapStart, TenancyConfig, TracingConfig, VpcConfig,
};
use super::rollout::StricterRollout;
use super::values::{ExecutionRole, ReservedConcurrency, Runtime, Secret};
use crate::diagnostics::maybe_at_least;
use crate::managed_keys::ManagedKeys;

/// The table: `function_fields!(each)` passes all rows to the macro `each!`.
///
/// A row has the field's documentation, schema rules and name in the manifest, its type there, and in braces:
///
/// | word | meaning |
/// |---|---|
/// | `seen` | its type in [`Settings`](crate::observed::Settings) |
/// | `lambda` | the field of GetFunction's configuration that has it |
/// | `sent` | the setter of CreateFunction and UpdateFunctionConfiguration; a row without it is sent with the code or
/// at creation only, and the planner has a line for it |
/// | `by` | the method of `plan::Differences` that compares the named value with the seen one: `value` if Lambda shows
/// the value that it accepts, `merged` with a function that completes a partly open value |
/// | `as` | the type that is sent, if it is not the manifest's |
///
/// Generated from the rows are: [`FunctionConfig`], and with it the schema and [`known_fields`](super::known_fields);
/// `Settings`; [`Configuration`](crate::plan::Configuration) and its differences; the text of
/// [`write`](super::write()); and in `deployer-aws` the conversions from and to the SDK's types.
// Minimum values: AWS Lambda API Reference, CreateFunction. `super::limits` has the known maximums.
#[macro_export]
macro_rules! function_fields {
    ($each:ident) => { $each! {
        /// The identifier of the runtime, such as `provided.al2023`. Required to create a function.
        runtime: Runtime { seen: Option<String>, lambda: runtime, sent: set_runtime, by: value }

        /// The entry point in the code that Lambda calls. Required to create a function.
        #[schemars(regex(pattern = r"^[^\s]{1,128}$"))]
        handler: String { seen: Option<String>, lambda: handler, sent: set_handler, by: value }

        /// The instruction set: a list with exactly one of `x86_64` and `arm64`.
        #[serde(deserialize_with = "only_architecture")]
        #[schemars(with = "Option<[Architecture; 1]>")]
        architectures: Architecture { seen: Architecture, lambda: architectures }

        /// The execution role: a name (or path/name) in the target account, or a full ARN of that account. Required to
        /// create a function.
        role: ExecutionRole { seen: Option<String>, lambda: role, sent: set_role, by: role, as: RoleArn }

        /// Memory in MB.
        #[serde(deserialize_with = "maybe_at_least::<_, 128>")]
        #[schemars(range(min = 128, max = i32::MAX))]
        memory_size: u32 { seen: u32, lambda: memory_size, sent: set_memory_size, by: value }

        /// The longest time that one invocation may take, in seconds.
        #[serde(deserialize_with = "maybe_at_least::<_, 1>")]
        #[schemars(range(min = 1, max = i32::MAX))]
        timeout: u32 { seen: u32, lambda: timeout, sent: set_timeout, by: value }

        /// A description of the function.
        #[schemars(length(max = 256))]
        description: String { seen: String, lambda: description, sent: set_description, by: value }

        /// The ARNs of layer versions, or of AWS's own layers (`awslayer`); later ones are laid over earlier ones. `[]`
        /// removes all layers.
        #[schemars(
            length(max = 5),
            inner(regex(
                pattern = r"^arn:aws[a-zA-Z-]*:lambda:([a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]{1,140}:[1-9][0-9]*|::awslayer:[A-Za-z0-9_-]{1,140})$"
            ))
        )]
        layers: Vec<String> { seen: Vec<String>, lambda: layers, sent: set_layers, by: value }

        /// The environment of the function's code.
        #[serde(rename = "environment", deserialize_with = "variables")]
        #[schemars(with = "Option<EnvironmentBlock>")]
        variables: BTreeMap<String, Secret> {
            seen: Variables, lambda: environment, sent: set_environment, by: variables
        }

        /// The subnets and security groups through which the function reaches a VPC. Two empty lists remove it from the
        /// VPC.
        vpc_config: VpcConfig { seen: VpcConfig, lambda: vpc_config, sent: set_vpc_config, by: merged(complete_vpc) }

        /// The destination of failed asynchronous invocations.
        dead_letter_config: DeadLetterConfig {
            seen: Option<DeadLetterConfig>, lambda: dead_letter_config, sent: set_dead_letter_config, by: emptiable
        }

        /// AWS X-Ray.
        tracing_config: TracingConfig {
            seen: Option<TracingConfig>, lambda: tracing_config, sent: set_tracing_config, by: value
        }

        /// The size of `/tmp`.
        ephemeral_storage: EphemeralStorage {
            seen: Option<EphemeralStorage>, lambda: ephemeral_storage, sent: set_ephemeral_storage, by: value
        }

        /// The ARN of the KMS key that encrypts the variables. An empty text selects Lambda's own key.
        #[schemars(regex(pattern = r"^(arn:aws[a-zA-Z-]*:kms:.*)?$"))]
        kms_key_arn: String { seen: Option<String>, lambda: kms_key_arn, sent: set_kms_key_arn, by: emptiable }

        /// The function's log group and the format of its log lines.
        logging_config: LoggingConfig {
            seen: Option<LoggingConfig>, lambda: logging_config, sent: set_logging_config, by: merged(complete_logging)
        }

        /// Lambda SnapStart.
        snap_start: SnapStart { seen: Option<SnapStart>, lambda: snap_start, sent: set_snap_start, by: value }

        /// A file system to mount: a table, or a list of at most one. `[]` removes it.
        #[serde(deserialize_with = "one_or_list")]
        #[schemars(schema_with = "one_or_list_schema")]
        file_system_config: Vec<FileSystemConfig> {
            seen: Vec<FileSystemConfig>, lambda: file_system_configs, sent: set_file_system_configs, by: merged(complete_mounts)
        }

        /// The ARN of the KMS key that encrypts the zip that Lambda keeps. An empty text selects Lambda's own key.
        #[schemars(regex(pattern = r"^(arn:aws[a-zA-Z-]*:kms:.*)?$"))]
        source_kms_key_arn: String { seen: Option<String> }

        /// Durable execution. Lambda accepts it for a new function, or for one that was created with it.
        durable_config: DurableConfig {
            seen: Option<DurableConfig>, lambda: durable_config, sent: set_durable_config, by: merged(complete_durable)
        }

        /// Tenant isolation. Lambda accepts it for a new function only.
        tenancy_config: TenancyConfig { seen: Option<TenancyConfig>, lambda: tenancy_config }

        /// The capacity provider on whose instances the function runs. It brings the network, so it excludes
        /// `vpc_config`.
        capacity_provider_config: CapacityProviderConfig {
            seen: Option<CapacityProviderConfig>, lambda: capacity_provider_config, sent: set_capacity_provider_config, by: merged(complete_capacity)
        }
    } };
}

/// Makes [`FunctionConfig`] from the rows.
macro_rules! manifest {
    ($( $(#[$attribute:meta])* $name:ident: $type:ty { $($rest:tt)* } )*) => {
        /// The configuration of a function. A field that is absent is left as it is in the target.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct FunctionConfig {
            $( $(#[$attribute])* pub $name: Option<$type>, )*
            // The next two fields belong to the function as a whole, and to no version of it
            // (`observed::FunctionMetadata`).
            /// The function's tags. None may have the prefix `aws:`.
            #[schemars(extend("maxProperties" = 50, "propertyNames" = { "pattern": "^(?![aA][wW][sS]:).{1,128}$" }))]
            pub tags: Option<BTreeMap<String, String>>,
            /// The number of executions that are reserved for the function; -1 reserves none.
            #[schemars(with = "Option<i32>", range(min = -1))]
            pub reserved_concurrent_executions: Option<ReservedConcurrency>,
            /// The function's own rules of rollouts. They can only make the rollout of an environment stricter, and are ignored in
            /// one without.
            pub rollout: Option<StricterRollout>,
        }
    };
}

function_fields!(manifest);

impl FunctionConfig {
    /// Returns the names of the variables and tags that it sets.
    #[must_use]
    pub fn managed_keys(&self) -> ManagedKeys {
        ManagedKeys {
            variables: self.variables.iter().flat_map(BTreeMap::keys).cloned().collect(),
            tags: self.tags.iter().flat_map(BTreeMap::keys).cloned().collect(),
        }
    }
}

/// The environment of the function's code.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EnvironmentBlock {
    /// The variables: names and texts, at most 4 KB in all. Names that Lambda sets itself are refused.
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
