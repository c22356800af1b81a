//! Converts Lambda's answers to the types of core.
//!
//! An answer without a required field is an error. Answers hold variables in clear, so none is logged.

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::operation::get_provisioned_concurrency_config::GetProvisionedConcurrencyConfigOutput;
use aws_sdk_lambda::types::{FunctionConfiguration, LastUpdateStatus, ProvisionedConcurrencyStatusEnum};
use deployer_core::id::{Sha256, Version};
use deployer_core::observed::{
    Condition, FunctionMetadata, ObservedCode, ProvisionedConcurrency, ProvisionedStatus, Reason, RevisionId,
};

use super::lambda_fields::settings;

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
