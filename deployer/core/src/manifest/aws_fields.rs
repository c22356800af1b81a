//! Every field that AWS and Terraform have for a function: its path in a manifest, or the reason why no manifest has
//! it.
//!
//! The manifest's own fields come from its schema. A test compares the table with the inputs of the AWS SDK, so that
//! new fields of a new SDK version are noticed.

use std::sync::LazyLock;

use serde_json::Value;

use super::rollout::ROLLOUT;
use super::{ENVIRONMENTS, Manifest};
use crate::package::image;

/// The source of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The inputs of the calls by which Lambda's API creates, updates and publishes a function, and the types in them.
    Lambda,
    /// Terraform's `aws_lambda_function` alone, or a resource beside it.
    Terraform,
}

/// The support of a field by manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    /// A manifest has the field, under this path.
    As(String),
    /// No manifest has the field, for this reason.
    No(&'static str),
}

/// A field of AWS or Terraform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownField {
    /// Its path; each part is spelled as in the AWS SDK for Rust or in Terraform.
    pub path: String,
    /// Its source.
    pub origin: Origin,
    /// Its support by manifests.
    pub support: Support,
}

const IS_THE_CODE: &str = "the code is the zip that holds the manifest";
const NO_IMAGES: &str = image::INSTEAD;
const OF_EACH_CALL: &str = "the deployer sends it with each call itself";
const PUBLISHES: &str = "the deployer publishes a version with each deployment itself";
const OVERWRITTEN: &str =
    "$LATEST.PUBLISHED is a version without a number that is overwritten, and alias, rollback and status go by numbers";
const SIGNING: &str = "which code a function takes is decided beside the deployer, which must not be able to change it";
const OF_TERRAFORM: &str = "it tells Terraform what to do, and says nothing of the function";
const BESIDE: &str = "the deployer leaves it as it is: set it once, beside the function";
const ON_THE_ALIAS: &str = "it hangs on the alias, which the deployer only moves: set it once, beside the function";

/// The manifest's own tables, which neither AWS nor Terraform has.
const OWN: [&str; 2] = [ENVIRONMENTS, ROLLOUT];

/// The parts of paths that Lambda spells otherwise than a manifest, which follows Terraform: the manifest's part and
/// Lambda's.
const LAMBDA_SPELLINGS: [(&str, &str); 3] = [
    ("file_system_config", "file_system_configs"),
    ("retention_period", "retention_period_in_days"),
    ("execution_environment_memory_gib_per_vcpu", "execution_environment_memory_gib_per_v_cpu"),
];

/// The inputs of the SDK's CreateFunction, UpdateFunctionConfiguration, UpdateFunctionCode, FunctionCode and
/// PublishVersion that no manifest has, with the reasons.
const UNSUPPORTED_BY_LAMBDA: &[(&str, &str)] = &[
    (
        "function_name",
        "the upload's key names the function, and function_name of the environment what it is called there",
    ),
    ("code", IS_THE_CODE),
    ("zip_file", IS_THE_CODE),
    ("s3_bucket", IS_THE_CODE),
    ("s3_key", IS_THE_CODE),
    ("s3_object_version", IS_THE_CODE),
    (
        "s3_object_storage_mode",
        "Lambda copies the code, so that a function does not hang on an object that may go away",
    ),
    ("image_uri", NO_IMAGES),
    ("image_config", NO_IMAGES),
    ("image_config.entry_point", NO_IMAGES),
    ("image_config.command", NO_IMAGES),
    ("image_config.working_directory", NO_IMAGES),
    ("package_type", NO_IMAGES),
    ("publish", PUBLISHES),
    ("publish_to", OVERWRITTEN),
    ("code_signing_config_arn", SIGNING),
    ("dry_run", OF_EACH_CALL),
    ("revision_id", OF_EACH_CALL),
    ("code_sha256", OF_EACH_CALL),
];

/// The settings of Terraform that no manifest has, with the reasons.
const UNSUPPORTED_BY_TERRAFORM: &[(&str, &str)] = &[
    ("filename", IS_THE_CODE),
    ("source_code_hash", IS_THE_CODE),
    ("region", "deployer.json names the targets and their regions"),
    ("replace_security_groups_on_destroy", OF_TERRAFORM),
    ("replacement_security_group_ids", OF_TERRAFORM),
    ("skip_destroy", OF_TERRAFORM),
    ("timeouts", OF_TERRAFORM),
    ("tags_all", OF_TERRAFORM),
    ("lifecycle", OF_TERRAFORM),
    ("depends_on", OF_TERRAFORM),
    ("provider", OF_TERRAFORM),
    ("count", OF_TERRAFORM),
    ("for_each", OF_TERRAFORM),
    ("runtime_management_config", BESIDE),
    ("update_runtime_on", BESIDE),
    ("recursive_loop", BESIDE),
    ("recursion_config", BESIDE),
    ("scaling_config", BESIDE),
    ("event_source_mapping", BESIDE),
    ("provisioned_concurrent_executions", ON_THE_ALIAS),
    ("provisioned_concurrency_config", ON_THE_ALIAS),
    ("function_url", ON_THE_ALIAS),
    ("function_url_config", ON_THE_ALIAS),
    ("event_invoke_config", ON_THE_ALIAS),
    ("maximum_retry_attempts", ON_THE_ALIAS),
    ("maximum_event_age_in_seconds", ON_THE_ALIAS),
    ("permission", ON_THE_ALIAS),
    ("alias", "deployer.json names the alias of each environment"),
];

/// Returns every field that a manifest, Lambda or Terraform has.
#[must_use]
pub fn known_fields() -> &'static [KnownField] {
    static ALL: LazyLock<Vec<KnownField>> = LazyLock::new(|| {
        let mut all = Vec::new();
        add_supported("", Manifest::schema().as_value(), &mut all);
        for (origin, rows) in [(Origin::Lambda, UNSUPPORTED_BY_LAMBDA), (Origin::Terraform, UNSUPPORTED_BY_TERRAFORM)] {
            let not_here = |(path, why): &(&str, &'static str)| KnownField {
                path: (*path).to_owned(),
                origin,
                support: Support::No(why),
            };
            all.extend(rows.iter().map(not_here));
        }
        all
    });
    &ALL
}

/// Adds the fields below this path of the schema, each before its own fields.
fn add_supported(under: &str, schema: &Value, all: &mut Vec<KnownField>) {
    let choices = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    let tables = choices.chain([schema]).filter_map(|table| table.get("properties")?.as_object());
    for (name, field) in tables.flatten().filter(|(name, _)| !OWN.contains(&name.as_str())) {
        let ours = if under.is_empty() { name.clone() } else { format!("{under}.{name}") };
        let spelled =
            |part| LAMBDA_SPELLINGS.iter().find(|(ours, _)| *ours == part).map_or(part, |(_, lambdas)| *lambdas);
        let path = ours.split('.').map(spelled).collect::<Vec<_>>().join(".");
        // Lambda sets it by a separate call, PutFunctionConcurrency.
        let is_beside = ours == "reserved_concurrent_executions";
        let origin = if is_beside { Origin::Terraform } else { Origin::Lambda };
        all.push(KnownField { path, origin, support: Support::As(ours.clone()) });
        add_supported(&ours, field, all);
    }
}

/// Returns a sentence about a field that no manifest has at this path, if AWS or Terraform know it in any spelling
/// (`MemorySize`, `memorySize`): the manifest's name, or the reason why it is not supported.
pub(super) fn explain_unknown(path: &[&str]) -> Option<String> {
    let KnownField { origin, support, .. } = find(path).or_else(|| find_in_one_word(path))?;
    Some(match (support, origin) {
        // A path that was written in one word gets the whole path suggested.
        (Support::As(ours), _) if ours.split('.').count() > path.len() => {
            format!("unknown field; did you mean {ours}?")
        }
        (Support::As(ours), _) => format!("unknown field; did you mean {}?", ours.rsplit('.').next().unwrap_or(ours)),
        (Support::No(why), Origin::Lambda) => format!("known to AWS and Terraform, but not supported here: {why}"),
        (Support::No(why), Origin::Terraform) => format!("known to Terraform, but not supported here: {why}"),
    })
}

/// Finds the field at this path, in any spelling.
pub(super) fn find(path: &[&str]) -> Option<&'static KnownField> {
    let written: Vec<String> = path.iter().map(|part| normalized(part)).collect();
    let is_same = |path: &str| path.split('.').map(normalized).eq(written.iter().cloned());
    let is_meant =
        |known: &&KnownField| is_same(&known.path) || matches!(&known.support, Support::As(ours) if is_same(ours));
    known_fields().iter().find(is_meant)
}

/// Finds the field whose whole path was written as one name (`environment_variables`).
fn find_in_one_word(path: &[&str]) -> Option<&'static KnownField> {
    let [name] = path else { return None };
    let name = normalized(name);
    known_fields().iter().find(|known| matches!(&known.support, Support::As(ours) if normalized(ours) == name))
}

/// Keeps only letters and digits, in lower case.
fn normalized(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}
