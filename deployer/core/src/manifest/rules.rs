//! AWS's rules for texts and lists in a manifest, so that a mistake is found before anything is tried.
//!
//! Source, unless another is named: AWS Lambda API Reference, CreateFunction and its data types. No message here
//! repeats a variable's value.

use std::collections::BTreeMap;

use super::blocks::{FileSystemConfig, VpcConfig};
use super::fields::FunctionConfig;
use super::rollout::{ROLLOUT, StricterRollout};
use super::values::Secret;
use crate::diagnostics::{Diagnostic, truncated};
use crate::id::{AccountId, Region, Version};

/// The reserved variables (AWS Lambda Developer Guide, "Defined runtime environment variables").
const RESERVED: [&str; 21] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_METADATA_API",
    "AWS_LAMBDA_METADATA_TOKEN",
];

/// The most bytes of all variables together (AWS Lambda Developer Guide, "Lambda quotas").
const MAX_VARIABLE_BYTES: usize = 4096;

/// Returns every rule about single fields that this configuration breaks.
pub(super) fn violations(config: &FunctionConfig) -> Vec<Diagnostic> {
    let mut violations = Violations(Vec::new());
    if let Some(handler) = &config.handler {
        let fits = has_length(handler, 1, 128) && !handler.contains(char::is_whitespace);
        violations.require(fits, "handler", "must be 1 to 128 characters without spaces");
    }
    if let Some(description) = &config.description {
        violations.require(has_length(description, 0, 256), "description", "must be at most 256 characters");
    }
    if let Some(layers) = &config.layers {
        violations.require(layers.len() <= 5, "layers", "must be at most 5");
        let what = "the ARN of a layer's version, with its number at the end \
            (arn:aws:lambda:REGION:ACCOUNT:layer:NAME:NUMBER), or of one of AWS's own (arn:aws:lambda:::awslayer:NAME)";
        violations.require_each("layers", layers, |arn| is_layer_version(arn) || is_aws_layer(arn), what);
    }
    if let Some(variables) = &config.variables {
        violations.variables(variables);
    }
    if let Some(tags) = &config.tags {
        violations.tags(tags);
    }
    if let Some(vpc) = &config.vpc_config {
        violations.vpc(vpc);
    }
    if let Some(letters) = &config.dead_letter_config {
        let arn = &letters.target_arn;
        let fits = arn.is_empty() || is_arn(arn, &["sqs", "sns"]);
        violations.require(
            fits,
            "dead_letter_config.target_arn",
            "must be the ARN of an SQS queue or an SNS topic, or empty",
        );
    }
    for (path, key) in [("kms_key_arn", &config.kms_key_arn), ("source_kms_key_arn", &config.source_kms_key_arn)] {
        let fits = key.as_ref().is_none_or(|key| key.is_empty() || is_one_key(key));
        violations.require(fits, path, "must be the ARN of one KMS key, or empty");
    }
    if let Some(key) = config.durable_config.as_ref().and_then(|durable| durable.kms_key_arn.as_ref()) {
        violations.require(is_one_key(key), "durable_config.kms_key_arn", "must be the ARN of one KMS key");
    }
    if let Some(capacity) = &config.capacity_provider_config {
        let managed = &capacity.lambda_managed_instances_capacity_provider_config;
        let path = "capacity_provider_config.lambda_managed_instances_capacity_provider_config.capacity_provider_arn";
        violations.require(
            is_capacity_provider(&managed.capacity_provider_arn),
            path,
            "must be the ARN of a capacity provider",
        );
    }
    if let Some(group) = config.logging_config.as_ref().and_then(|logging| logging.log_group.as_ref()) {
        let fits = has_length(group, 1, 512) && made_of(group, "._/#-");
        violations.require(fits, "logging_config.log_group", "must be 1 to 512 of letters, digits and . _ / # -");
    }
    if let Some(list) = &config.file_system_config {
        violations.file_systems(list);
    }
    let of_rollout = config.rollout.iter().flat_map(StricterRollout::diagnostics);
    violations.0.extend(of_rollout.map(|mistake| mistake.prefixed(ROLLOUT)));
    violations.0
}

/// Returns every rule about several fields that this configuration breaks.
pub(super) fn combined_violations(config: &FunctionConfig) -> Vec<Diagnostic> {
    let in_vpc = config.vpc_config.as_ref().is_some_and(|vpc| !vpc.subnet_ids.is_empty());
    let mut violations = Violations(Vec::new());
    let sentence = "cannot stand beside vpc_config: the capacity provider brings the subnets and security groups";
    violations.require(!in_vpc || config.capacity_provider_config.is_none(), "capacity_provider_config", sentence);
    violations.0
}

/// Whether an ARN names one key, `…:key/<id>`. It goes into a session policy, where a wildcard would allow every key.
fn is_one_key(arn: &str) -> bool {
    is_arn(arn, &["kms"]) && arn.rsplit_once(":key/").is_some_and(|(_, id)| has_length(id, 1, 256) && made_of(id, "-"))
}

/// Whether an ARN names one capacity provider, `…:capacity-provider:<name>`. It goes into a session policy, where a
/// wildcard would allow every one.
fn is_capacity_provider(arn: &str) -> bool {
    is_arn(arn, &["lambda"])
        && matches!(arn.split(':').skip(5).collect::<Vec<_>>()[..], ["capacity-provider", name]
            if has_length(name, 1, 140) && made_of(name, "-_"))
}

struct Violations(Vec<Diagnostic>);

impl Violations {
    fn require(&mut self, holds: bool, path: &str, sentence: &str) {
        if !holds {
            self.0.push(Diagnostic::new(path, sentence));
        }
    }

    fn require_each(&mut self, path: &str, list: &[String], is_fine: fn(&str) -> bool, what: &str) {
        let wrong = list.iter().enumerate().filter(|(_, text)| !is_fine(text));
        self.0.extend(wrong.map(|(index, text)| {
            Diagnostic::new(format!("{path}[{index}]"), format_args!("{:?} is not {what}", truncated(text)))
        }));
    }

    fn variables(&mut self, variables: &BTreeMap<String, Secret>) {
        for name in variables.keys() {
            let path = format!("environment.variables.{}", truncated(name));
            if RESERVED.contains(&name.as_str()) {
                self.require(false, &path, "Lambda sets this variable itself, and lets nobody else set it");
            } else {
                let fits = name.len() >= 2 && name.starts_with(|c: char| c.is_ascii_alphabetic()) && made_of(name, "_");
                self.require(fits, &path, "a variable's name is a letter, then at least one letter, digit or _");
            }
        }
        let size: usize = variables.iter().map(|(name, value)| name.len() + value.expose().len()).sum();
        let sentence = format!("{size} bytes of names and values; Lambda takes at most {MAX_VARIABLE_BYTES}");
        self.require(size <= MAX_VARIABLE_BYTES, "environment.variables", &sentence);
    }

    /// Checks tags (AWS Lambda Developer Guide, "Tag restrictions").
    fn tags(&mut self, tags: &BTreeMap<String, String>) {
        self.require(tags.len() <= 50, "tags", "must be at most 50");
        for (key, value) in tags {
            let path = format!("tags.{}", truncated(key));
            let aws = key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
            self.require(!aws, &path, "the prefix aws: belongs to AWS");
            let fits = has_length(key, 1, 128) && key.chars().all(is_tag_character);
            self.require(fits, &path, "a tag's key is 1 to 128 letters, digits, spaces and _ . : / = + - @");
            let fits = has_length(value, 0, 256) && value.chars().all(is_tag_character);
            self.require(fits, &path, "a tag's value is at most 256 letters, digits, spaces and _ . : / = + - @");
        }
    }

    fn vpc(&mut self, vpc: &VpcConfig) {
        let (subnets, groups) = (&vpc.subnet_ids, &vpc.security_group_ids);
        self.require(subnets.len() <= 16, "vpc_config.subnet_ids", "must be at most 16");
        self.require_each("vpc_config.subnet_ids", subnets, |id| is_id(id, "subnet-"), "a subnet's id");
        self.require(groups.len() <= 5, "vpc_config.security_group_ids", "must be at most 5");
        self.require_each("vpc_config.security_group_ids", groups, |id| is_id(id, "sg-"), "a security group's id");
        let both = subnets.is_empty() == groups.is_empty();
        self.require(both, "vpc_config", "needs subnets and security groups, or neither");
    }

    fn file_systems(&mut self, list: &[FileSystemConfig]) {
        self.require(list.len() <= 1, "file_system_config", "must be at most one: Lambda mounts no more");
        for system in list {
            let is_point =
                is_arn(&system.arn, &["elasticfilesystem", "s3files"]) && system.arn.contains("access-point/fsap-");
            let fits = is_point && has_length(&system.arn, 1, 256);
            self.require(fits, "file_system_config.arn", "must be the ARN of an access point");
            let name = system.local_mount_path.strip_prefix("/mnt/").unwrap_or_default();
            let fits = has_length(name, 1, 155) && made_of(name, "-_.");
            self.require(
                fits,
                "file_system_config.local_mount_path",
                "must be /mnt/ and a name of letters, digits and - _ .",
            );
        }
    }
}

fn has_length(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.chars().count())
}

fn made_of(text: &str, others: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| has_length(rest, 1, 1000) && made_of(rest, ""))
}

/// Whether TagKey and TagValue allow this character: letters, digits and spaces of all scripts, and some signs.
fn is_tag_character(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

/// Whether a text is an ARN of one of these services: `arn:<partition>:<service>:<region>:<account>:<resource>`.
fn is_arn(text: &str, services: &[&str]) -> bool {
    matches!(text.splitn(6, ':').collect::<Vec<_>>()[..], ["arn", partition, service, region, account, resource]
        if partition.starts_with("aws") && services.contains(&service) && Region::parse(region).is_ok()
            && AccountId::parse(account).is_ok() && !resource.is_empty())
}

/// Whether a text is a layer version's ARN: `arn:<partition>:lambda:<region>:<account>:layer:<name>:<version>`.
fn is_layer_version(text: &str) -> bool {
    is_arn(text, &["lambda"])
        && matches!(text.split(':').skip(5).collect::<Vec<_>>()[..], ["layer", name, version]
            if has_length(name, 1, 140) && made_of(name, "-_") && Version::parse(version).is_ok())
}

/// Whether a text is an AWS layer's ARN: `arn:<partition>:lambda:::awslayer:<name>`, the second form of LayerVersionArn
/// in the API Reference.
fn is_aws_layer(text: &str) -> bool {
    matches!(text.split(':').collect::<Vec<_>>()[..], ["arn", partition, "lambda", "", "", "awslayer", name]
        if partition.starts_with("aws") && has_length(name, 1, 140) && made_of(name, "-_"))
}
