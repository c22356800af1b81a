//! Every field that AWS and Terraform have for a function: what it is called in a manifest, or why no manifest has it.
//!
//! A test holds the table to the inputs of the AWS SDK, so a new version of the SDK names what is new.

/// Where a field is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// One of the inputs of Lambda's API that create, update and publish a function, or a type in them.
    Lambda,
    /// Only Terraform's `aws_lambda_function`, or something that stands beside it.
    Terraform,
}

/// What a manifest makes of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It has it, under this path.
    As(&'static str),
    /// It does not have it, for this reason.
    No(&'static str),
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownField {
    /// Its path, each part as the AWS SDK for Rust or Terraform spells it.
    pub path: &'static str,
    /// Where it is known from.
    pub origin: Origin,
    /// What a manifest makes of it.
    pub support: Support,
}

const fn here(path: &'static str) -> KnownField {
    KnownField { path, origin: Origin::Lambda, support: Support::As(path) }
}

const fn called(path: &'static str, ours: &'static str) -> KnownField {
    KnownField { path, origin: Origin::Lambda, support: Support::As(ours) }
}

const fn not_here(path: &'static str, why: &'static str) -> KnownField {
    KnownField { path, origin: Origin::Lambda, support: Support::No(why) }
}

const fn terraform(path: &'static str, why: &'static str) -> KnownField {
    KnownField { path, origin: Origin::Terraform, support: Support::No(why) }
}

const ITS_CODE: &str = "the code is the zip that holds the manifest";
const NO_IMAGES: &str = "the deployer deploys zips, not container images";
const OF_EACH_CALL: &str = "the deployer sends it with each call itself";
const PUBLISHES: &str = "the deployer publishes a version with each deployment itself";
const OVERWRITTEN: &str =
    "$LATEST.PUBLISHED is a version without a number that is overwritten, and alias, rollback and status go by numbers";
const SIGNING: &str = "which code a function takes is decided beside the deployer, which must not be able to change it";
const OF_TERRAFORM: &str = "it tells Terraform what to do, and says nothing of the function";
const BESIDE: &str = "the deployer leaves it as it is: set it once, beside the function";
const ON_THE_ALIAS: &str = "it hangs on the alias, which the deployer only moves: set it once, beside the function";

/// Every field of the SDK's CreateFunction, UpdateFunctionConfiguration, UpdateFunctionCode, FunctionCode and PublishVersion,
/// and every further one that people know from Terraform.
pub const KNOWN_FIELDS: &[KnownField] = &[
    here("runtime"),
    here("role"),
    here("handler"),
    here("description"),
    here("timeout"),
    here("memory_size"),
    here("architectures"),
    here("layers"),
    here("tags"),
    here("kms_key_arn"),
    here("environment"),
    here("environment.variables"),
    here("vpc_config"),
    here("vpc_config.subnet_ids"),
    here("vpc_config.security_group_ids"),
    here("vpc_config.ipv6_allowed_for_dual_stack"),
    here("dead_letter_config"),
    here("dead_letter_config.target_arn"),
    here("tracing_config"),
    here("tracing_config.mode"),
    here("ephemeral_storage"),
    here("ephemeral_storage.size"),
    here("snap_start"),
    here("snap_start.apply_on"),
    here("logging_config"),
    here("logging_config.log_format"),
    here("logging_config.application_log_level"),
    here("logging_config.system_log_level"),
    here("logging_config.log_group"),
    called("file_system_configs", "file_system_config"),
    called("file_system_configs.arn", "file_system_config.arn"),
    called("file_system_configs.local_mount_path", "file_system_config.local_mount_path"),
    called("file_system_configs.s3_files_config", "file_system_config.s3_files_config"),
    called("file_system_configs.s3_files_config.direct_s3_read", "file_system_config.s3_files_config.direct_s3_read"),
    here("source_kms_key_arn"),
    here("durable_config"),
    here("durable_config.execution_timeout"),
    called("durable_config.retention_period_in_days", "durable_config.retention_period"),
    here("durable_config.kms_key_arn"),
    here("tenancy_config"),
    here("tenancy_config.tenant_isolation_mode"),
    here("capacity_provider_config"),
    here("capacity_provider_config.lambda_managed_instances_capacity_provider_config"),
    here("capacity_provider_config.lambda_managed_instances_capacity_provider_config.capacity_provider_arn"),
    here(
        "capacity_provider_config.lambda_managed_instances_capacity_provider_config.per_execution_environment_max_concurrency",
    ),
    called(
        "capacity_provider_config.lambda_managed_instances_capacity_provider_config.execution_environment_memory_gib_per_v_cpu",
        "capacity_provider_config.lambda_managed_instances_capacity_provider_config.execution_environment_memory_gib_per_vcpu",
    ),
    not_here(
        "function_name",
        "the upload's key names the function, and function_name of the environment what it is called there",
    ),
    not_here("code", ITS_CODE),
    not_here("zip_file", ITS_CODE),
    not_here("s3_bucket", ITS_CODE),
    not_here("s3_key", ITS_CODE),
    not_here("s3_object_version", ITS_CODE),
    not_here(
        "s3_object_storage_mode",
        "Lambda copies the code, so that a function does not hang on an object that may go away",
    ),
    not_here("image_uri", NO_IMAGES),
    not_here("image_config", NO_IMAGES),
    not_here("image_config.entry_point", NO_IMAGES),
    not_here("image_config.command", NO_IMAGES),
    not_here("image_config.working_directory", NO_IMAGES),
    not_here("package_type", NO_IMAGES),
    not_here("publish", PUBLISHES),
    not_here("publish_to", OVERWRITTEN),
    not_here("code_signing_config_arn", SIGNING),
    not_here("dry_run", OF_EACH_CALL),
    not_here("revision_id", OF_EACH_CALL),
    not_here("code_sha256", OF_EACH_CALL),
    KnownField {
        path: "reserved_concurrent_executions",
        origin: Origin::Terraform,
        support: Support::As("reserved_concurrent_executions"),
    },
    terraform("filename", ITS_CODE),
    terraform("source_code_hash", ITS_CODE),
    terraform("region", "deployer.json names the targets and their regions"),
    terraform("replace_security_groups_on_destroy", OF_TERRAFORM),
    terraform("replacement_security_group_ids", OF_TERRAFORM),
    terraform("skip_destroy", OF_TERRAFORM),
    terraform("timeouts", OF_TERRAFORM),
    terraform("tags_all", OF_TERRAFORM),
    terraform("lifecycle", OF_TERRAFORM),
    terraform("depends_on", OF_TERRAFORM),
    terraform("provider", OF_TERRAFORM),
    terraform("count", OF_TERRAFORM),
    terraform("for_each", OF_TERRAFORM),
    terraform("runtime_management_config", BESIDE),
    terraform("update_runtime_on", BESIDE),
    terraform("recursive_loop", BESIDE),
    terraform("recursion_config", BESIDE),
    terraform("scaling_config", BESIDE),
    terraform("event_source_mapping", BESIDE),
    terraform("provisioned_concurrent_executions", ON_THE_ALIAS),
    terraform("provisioned_concurrency_config", ON_THE_ALIAS),
    terraform("function_url", ON_THE_ALIAS),
    terraform("function_url_config", ON_THE_ALIAS),
    terraform("event_invoke_config", ON_THE_ALIAS),
    terraform("maximum_retry_attempts", ON_THE_ALIAS),
    terraform("maximum_event_age_in_seconds", ON_THE_ALIAS),
    terraform("permission", ON_THE_ALIAS),
    terraform("alias", "deployer.json names the alias of each environment"),
];

/// What there is to say of a field that no manifest has under this path, where AWS or Terraform have it under some spelling
/// (`MemorySize`, `memorySize`): what it is called here, or why it is not supported.
pub(super) fn elsewhere(path: &[&str]) -> Option<String> {
    let KnownField { origin, support, .. } = find(path).or_else(|| in_one_word(path))?;
    Some(match (support, origin) {
        // A path in one word is told as a path.
        (Support::As(ours), _) if ours.split('.').count() > path.len() => {
            format!("unknown field; did you mean {ours}?")
        }
        (Support::As(ours), _) => format!("unknown field; did you mean {}?", ours.rsplit('.').next().unwrap_or(ours)),
        (Support::No(why), Origin::Lambda) => format!("known to AWS and Terraform, but not supported here: {why}"),
        (Support::No(why), Origin::Terraform) => format!("known to Terraform, but not supported here: {why}"),
    })
}

/// The row of the field at this path, in whichever spelling.
pub(super) fn find(path: &[&str]) -> Option<&'static KnownField> {
    let written: Vec<String> = path.iter().map(|part| plain(part)).collect();
    let is_same = |path: &str| path.split('.').map(plain).eq(written.iter().cloned());
    let is_meant =
        |known: &&KnownField| is_same(known.path) || matches!(known.support, Support::As(ours) if is_same(ours));
    KNOWN_FIELDS.iter().find(is_meant)
}

/// The row of the field whose whole path was written as one name (`environment_variables`).
fn in_one_word(path: &[&str]) -> Option<&'static KnownField> {
    let [name] = path else { return None };
    let name = plain(name);
    KNOWN_FIELDS.iter().find(|known| matches!(known.support, Support::As(ours) if plain(ours) == name))
}

/// The letters and digits alone.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}
