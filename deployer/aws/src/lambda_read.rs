//! Converts Lambda's answers to the types of core.
//!
//! An answer without a required field is an error. Answers hold variables in clear, so none is logged.

use std::collections::BTreeMap;

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::operation::get_provisioned_concurrency_config::GetProvisionedConcurrencyConfigOutput;
use aws_sdk_lambda::types::{
    Architecture as SdkArchitecture, EnvironmentResponse, FunctionConfiguration, LastUpdateStatus,
    ProvisionedConcurrencyStatusEnum,
};
use deployer_core::id::{Sha256, Version};
use deployer_core::manifest::{
    Architecture, CapacityProviderConfig, DeadLetterConfig, DurableConfig, EphemeralStorage, FileSystemConfig, Gib,
    LoggingConfig, ManagedInstancesConfig, S3FilesConfig, Secret, SnapStart, TenancyConfig, TracingConfig, VpcConfig,
};
use deployer_core::observed::{
    Condition, FunctionMetadata, ObservedCode, ProvisionedConcurrency, ProvisionedStatus, Reason, RevisionId, Settings,
    Variables,
};
use serde::de::DeserializeOwned;

/// Converts GetFunction's answer, or names the field that it lacks.
pub(super) fn function(output: GetFunctionOutput) -> Result<(ObservedCode, FunctionMetadata), &'static str> {
    let metadata = FunctionMetadata {
        // Without lambda:ListTags Lambda leaves the tags out and sets `tags_error`.
        tags: match output.tags_error {
            Some(_) => None,
            None => Some(output.tags.unwrap_or_default().into_iter().collect()),
        },
        reserved_concurrency: output.concurrency.and_then(|c| c.reserved_concurrent_executions),
    };
    let source_key = output.code.and_then(|code| code.source_kms_key_arn).filter(|key| !key.is_empty());
    Ok((code(output.configuration.ok_or("Configuration")?, source_key)?, metadata))
}

/// Converts GetProvisionedConcurrencyConfig's answer. Any status but ready and failed counts as in progress.
pub(super) fn provisioned(output: &GetProvisionedConcurrencyConfigOutput) -> ProvisionedConcurrency {
    ProvisionedConcurrency {
        requested: output.requested_provisioned_concurrent_executions().unwrap_or_default(),
        allocated: output.allocated_provisioned_concurrent_executions().unwrap_or_default(),
        status: match output.status() {
            Some(ProvisionedConcurrencyStatusEnum::Ready) => ProvisionedStatus::Ready,
            Some(ProvisionedConcurrencyStatusEnum::Failed) => {
                ProvisionedStatus::Failed { because: output.status_reason().unwrap_or("no reason given").to_owned() }
            }
            _ => ProvisionedStatus::InProgress,
        },
    }
}

fn code(seen: FunctionConfiguration, source_key: Option<String>) -> Result<ObservedCode, &'static str> {
    Ok(ObservedCode {
        version: version_or_latest(seen.version.as_deref())?,
        sha256: Some(seen.code_sha256.as_deref().and_then(sha256).ok_or("CodeSha256")?),
        revision: revision(seen.revision_id.as_deref())?,
        condition: condition(&seen),
        last_update_failed: match &seen.last_update_status {
            Some(LastUpdateStatus::Failed) => Some(Reason::new(
                seen.last_update_status_reason_code.as_ref().map(|code| code.as_str()),
                seen.last_update_status_reason.as_deref(),
            )),
            _ => None,
        },
        settings: settings(seen, source_key),
    })
}

/// Reads the version and the revision from the answer of GetAlias, CreateAlias or UpdateAlias, or names the field that
/// it lacks.
pub(super) fn alias_version(
    version: Option<&str>,
    revision_id: Option<&str>,
) -> Result<(Option<Version>, RevisionId), &'static str> {
    Ok((version_or_latest(version).map_err(|_| "FunctionVersion")?, revision(revision_id)?))
}

/// Reads the published version and the code's hash, or names the field that the answer lacks.
pub(super) fn published(version: Option<&str>, sha: Option<&str>) -> Result<(Version, Sha256), &'static str> {
    let version = version.and_then(self::version).ok_or("Version")?;
    Ok((version, sha.and_then(sha256).ok_or("CodeSha256")?))
}

fn version_or_latest(text: Option<&str>) -> Result<Option<Version>, &'static str> {
    match text {
        Some("$LATEST") => Ok(None),
        Some(number) => version(number).map(Some).ok_or("Version"),
        None => Err("Version"),
    }
}

fn revision(id: Option<&str>) -> Result<RevisionId, &'static str> {
    id.map(|id| RevisionId(id.to_owned())).ok_or("RevisionId")
}

pub(super) fn version(text: &str) -> Option<Version> {
    Version::parse(text).ok()
}

pub(super) fn sha256(text: &str) -> Option<Sha256> {
    Sha256::parse(text).ok()
}

fn condition(seen: &FunctionConfiguration) -> Condition {
    let because = Reason::new(seen.state_reason_code.as_ref().map(|code| code.as_str()), seen.state_reason.as_deref());
    let is_updating = seen.last_update_status == Some(LastUpdateStatus::InProgress);
    Condition::of(seen.state.as_ref().map(|state| state.as_str()), because, is_updating)
}

fn settings(seen: FunctionConfiguration, source_kms_key_arn: Option<String>) -> Settings {
    let architecture = match seen.architectures.as_deref() {
        Some([SdkArchitecture::Arm64, ..]) => Architecture::Arm64,
        _ => Architecture::X86_64,
    };
    Settings {
        runtime: seen.runtime.map(|runtime| runtime.as_str().to_owned()),
        handler: seen.handler,
        architecture,
        role: seen.role,
        memory_size: number(seen.memory_size),
        timeout: number(seen.timeout),
        description: seen.description.unwrap_or_default(),
        layers: seen.layers.unwrap_or_default().into_iter().filter_map(|layer| layer.arn).collect(),
        variables: variables(seen.environment),
        vpc_config: seen.vpc_config.map_or(no_vpc(), |vpc| VpcConfig {
            subnet_ids: sorted(vpc.subnet_ids),
            security_group_ids: sorted(vpc.security_group_ids),
            ipv6_allowed_for_dual_stack: vpc.ipv6_allowed_for_dual_stack,
        }),
        dead_letter_config: seen
            .dead_letter_config
            .and_then(|d| d.target_arn)
            .map(|target_arn| DeadLetterConfig { target_arn }),
        tracing_config: (seen.tracing_config.and_then(|t| t.mode))
            .and_then(|mode| word(mode.as_str()))
            .map(|mode| TracingConfig { mode }),
        ephemeral_storage: seen.ephemeral_storage.map(|e| EphemeralStorage { size: number(Some(e.size)) }),
        kms_key_arn: seen.kms_key_arn,
        logging_config: seen.logging_config.map(|logging| LoggingConfig {
            log_format: logging.log_format.and_then(|f| word(f.as_str())),
            application_log_level: logging.application_log_level.and_then(|l| word(l.as_str())),
            system_log_level: logging.system_log_level.and_then(|l| word(l.as_str())),
            log_group: logging.log_group,
        }),
        snap_start: (seen.snap_start.and_then(|s| s.apply_on))
            .and_then(|on| word(on.as_str()))
            .map(|apply_on| SnapStart { apply_on }),
        file_system_config: (seen.file_system_configs.unwrap_or_default().into_iter())
            .map(|mount| FileSystemConfig {
                arn: mount.arn,
                local_mount_path: mount.local_mount_path,
                s3_files_config: (mount.s3_files_config.and_then(|reading| reading.direct_s3_read))
                    .and_then(|direct| word(direct.as_str()))
                    .map(|direct_s3_read| S3FilesConfig { direct_s3_read }),
            })
            .collect(),
        source_kms_key_arn,
        durable_config: seen.durable_config.map(|durable| DurableConfig {
            execution_timeout: number(durable.execution_timeout),
            retention_period: durable.retention_period_in_days.and_then(|days| u32::try_from(days).ok()),
            kms_key_arn: durable.kms_key_arn,
        }),
        tenancy_config: (seen.tenancy_config)
            .and_then(|tenancy| word(tenancy.tenant_isolation_mode.as_str()))
            .map(|tenant_isolation_mode| TenancyConfig { tenant_isolation_mode }),
        capacity_provider_config: (seen.capacity_provider_config)
            .and_then(|capacity| capacity.lambda_managed_instances_capacity_provider_config)
            .map(|managed| CapacityProviderConfig {
                lambda_managed_instances_capacity_provider_config: ManagedInstancesConfig {
                    capacity_provider_arn: managed.capacity_provider_arn,
                    execution_environment_memory_gib_per_vcpu: (managed.execution_environment_memory_gib_per_v_cpu)
                        .and_then(|gib| Gib::try_from(gib).ok()),
                    per_execution_environment_max_concurrency: (managed.per_execution_environment_max_concurrency)
                        .and_then(|most| u32::try_from(most).ok()),
                },
            }),
    }
}

fn variables(environment: Option<EnvironmentResponse>) -> Variables {
    let Some(environment) = environment else { return Variables::Known(BTreeMap::new()) };
    if let Some(error) = environment.error {
        return Variables::Unreadable { because: Reason::new(error.error_code(), error.message()).to_string() };
    }
    let variables = environment.variables.unwrap_or_default();
    Variables::Known(variables.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
}

/// Parses AWS's word as our enum; an unknown word counts as absent.
fn word<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).ok()
}

fn number(n: Option<i32>) -> u32 {
    n.and_then(|n| u32::try_from(n).ok()).unwrap_or_default()
}

fn sorted(ids: Option<Vec<String>>) -> Vec<String> {
    let mut ids = ids.unwrap_or_default();
    ids.sort();
    ids
}

fn no_vpc() -> VpcConfig {
    VpcConfig { subnet_ids: vec![], security_group_ids: vec![], ipv6_allowed_for_dual_stack: None }
}
