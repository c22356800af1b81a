//! Settings that Lambda accepts only when it creates a function.

use crate::manifest::FunctionConfig;
use crate::observed::Settings;
use crate::record::{TargetError, TargetErrorCode};

/// Fails if the manifest names a setting that only a new function can get, and the function does not have it.
///
/// AWS Lambda Developer Guide, "Configure Lambda durable functions", "Tenant isolation" and "Lambda Managed Instances".
pub(super) fn check_creation_only(manifest: &FunctionConfig, seen: &Settings) -> Result<(), TargetError> {
    let tenancy = manifest.tenancy_config.is_some() && manifest.tenancy_config != seen.tenancy_config;
    let durable = manifest.durable_config.is_some() && seen.durable_config.is_none();
    let managed = manifest.capacity_provider_config.is_some() && seen.capacity_provider_config.is_none();
    let fields = [
        ("tenancy_config", "tenant isolation", tenancy),
        ("durable_config", "durable execution", durable),
        ("capacity_provider_config", "a capacity provider", managed),
    ];
    let Some((field, what)) = fields.into_iter().find_map(|(field, what, differs)| differs.then_some((field, what)))
    else {
        return Ok(());
    };
    let message = format!(
        "{field}: Lambda gives a function {what} only when it creates it, and this one was created without it: take \
         {field} out of the manifest, or deploy under another name"
    );
    Err(TargetError::new(TargetErrorCode::InvalidConfiguration, "plan", message))
}
