//! The fields of a function's configuration in Lambda's words: each type of ours, as the SDK shows it and as it takes it.
//!
//! The table of core (`function_fields`) names the fields; a field whose type stands here needs nothing more.

use std::collections::BTreeMap;

use aws_sdk_lambda::operation::create_function::builders::CreateFunctionFluentBuilder;
use aws_sdk_lambda::operation::update_function_configuration::builders::UpdateFunctionConfigurationFluentBuilder;
use aws_sdk_lambda::types as sdk;
use deployer_core::function_fields;
use deployer_core::id::RoleArn;
use deployer_core::manifest::{
    Architecture, CapacityProviderConfig, DeadLetterConfig, DurableConfig, EphemeralStorage, FileSystemConfig, Gib,
    LoggingConfig, ManagedInstancesConfig, Runtime, S3FilesConfig, Secret, SnapStart, TenancyConfig, TracingConfig,
    VpcConfig,
};
use deployer_core::observed::{Reason, Settings, Variables};
use deployer_core::plan::Configuration;
use serde::de::DeserializeOwned;

/// A type of ours that the SDK's type `S` shows.
trait FromLambda<S> {
    fn from_lambda(seen: Option<S>) -> Self;
}

/// A type of ours that is sent as the SDK's type `S`.
pub(super) trait ToLambda<S> {
    fn to_lambda(&self) -> Option<S>;
}

/// CreateFunction and UpdateFunctionConfiguration take the same fields through builders of two types.
pub(super) trait WithConfiguration: Sized {
    /// Sets each field that the plan sends.
    fn with_configuration(self, configuration: &Configuration) -> Self;
}

macro_rules! through_the_sdk {
    ($( $(#[$attribute:meta])* $name:ident: $type:ty {
        seen: $seen:ty
        $(, lambda: $lambda:ident)?
        $(, sent: $set:ident, by: $by:ident $(($over:ident))? $(, as: $sent:ty)?)?
    } )*) => {
        /// The settings that GetFunction's answer shows, whose part about the code names the key of the code.
        pub(super) fn settings(seen: sdk::FunctionConfiguration, source_kms_key_arn: Option<String>) -> Settings {
            Settings {
                $( $( $name: FromLambda::from_lambda(seen.$lambda), )? )*
                source_kms_key_arn,
            }
        }

        impl WithConfiguration for CreateFunctionFluentBuilder {
            fn with_configuration(self, configuration: &Configuration) -> Self {
                self $( $( .$set(configuration.$name.as_ref().and_then(ToLambda::to_lambda)) )? )*
            }
        }

        impl WithConfiguration for UpdateFunctionConfigurationFluentBuilder {
            fn with_configuration(self, configuration: &Configuration) -> Self {
                self $( $( .$set(configuration.$name.as_ref().and_then(ToLambda::to_lambda)) )? )*
            }
        }
    };
}

function_fields!(through_the_sdk);

impl FromLambda<String> for Option<String> {
    fn from_lambda(seen: Option<String>) -> Self {
        seen
    }
}

impl FromLambda<String> for String {
    fn from_lambda(seen: Option<String>) -> Self {
        seen.unwrap_or_default()
    }
}

impl ToLambda<String> for String {
    fn to_lambda(&self) -> Option<String> {
        Some(self.clone())
    }
}

impl FromLambda<i32> for u32 {
    fn from_lambda(seen: Option<i32>) -> Self {
        seen.and_then(|number| number.try_into().ok()).unwrap_or_default()
    }
}

impl ToLambda<i32> for u32 {
    fn to_lambda(&self) -> Option<i32> {
        i32::try_from(*self).ok()
    }
}

impl FromLambda<sdk::Runtime> for Option<String> {
    fn from_lambda(seen: Option<sdk::Runtime>) -> Self {
        seen.map(|runtime| runtime.as_str().to_owned())
    }
}

impl ToLambda<sdk::Runtime> for Runtime {
    fn to_lambda(&self) -> Option<sdk::Runtime> {
        Some(self.as_str().into())
    }
}

impl FromLambda<Vec<sdk::Architecture>> for Architecture {
    fn from_lambda(seen: Option<Vec<sdk::Architecture>>) -> Self {
        match seen.as_deref() {
            Some([sdk::Architecture::Arm64, ..]) => Self::Arm64,
            _ => Self::X86_64,
        }
    }
}

impl ToLambda<String> for RoleArn {
    fn to_lambda(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl FromLambda<Vec<sdk::Layer>> for Vec<String> {
    fn from_lambda(seen: Option<Vec<sdk::Layer>>) -> Self {
        seen.unwrap_or_default().into_iter().filter_map(|layer| layer.arn).collect()
    }
}

impl ToLambda<Vec<String>> for Vec<String> {
    fn to_lambda(&self) -> Option<Vec<String>> {
        Some(self.clone())
    }
}

impl FromLambda<sdk::EnvironmentResponse> for Variables {
    fn from_lambda(seen: Option<sdk::EnvironmentResponse>) -> Self {
        let Some(environment) = seen else { return Self::default() };
        if let Some(error) = environment.error {
            return Self::Unreadable { because: Reason::new(error.error_code(), error.message()).to_string() };
        }
        let variables = environment.variables.unwrap_or_default();
        Self::Known(variables.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
    }
}

impl ToLambda<sdk::Environment> for BTreeMap<String, Secret> {
    fn to_lambda(&self) -> Option<sdk::Environment> {
        let clear = self.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
        Some(sdk::Environment::builder().set_variables(Some(clear)).build())
    }
}

impl FromLambda<sdk::VpcConfigResponse> for VpcConfig {
    fn from_lambda(seen: Option<sdk::VpcConfigResponse>) -> Self {
        seen.map_or_else(Self::default, |vpc| Self {
            subnet_ids: sorted(vpc.subnet_ids),
            security_group_ids: sorted(vpc.security_group_ids),
            ipv6_allowed_for_dual_stack: vpc.ipv6_allowed_for_dual_stack,
        })
    }
}

impl ToLambda<sdk::VpcConfig> for VpcConfig {
    fn to_lambda(&self) -> Option<sdk::VpcConfig> {
        let vpc = sdk::VpcConfig::builder()
            .set_subnet_ids(Some(self.subnet_ids.clone()))
            .set_security_group_ids(Some(self.security_group_ids.clone()))
            .set_ipv6_allowed_for_dual_stack(self.ipv6_allowed_for_dual_stack);
        Some(vpc.build())
    }
}

impl FromLambda<sdk::DeadLetterConfig> for Option<DeadLetterConfig> {
    fn from_lambda(seen: Option<sdk::DeadLetterConfig>) -> Self {
        Some(DeadLetterConfig { target_arn: seen?.target_arn? })
    }
}

impl ToLambda<sdk::DeadLetterConfig> for DeadLetterConfig {
    fn to_lambda(&self) -> Option<sdk::DeadLetterConfig> {
        Some(sdk::DeadLetterConfig::builder().target_arn(&self.target_arn).build())
    }
}

impl FromLambda<sdk::TracingConfigResponse> for Option<TracingConfig> {
    fn from_lambda(seen: Option<sdk::TracingConfigResponse>) -> Self {
        Some(TracingConfig { mode: word(seen?.mode?.as_str())? })
    }
}

impl ToLambda<sdk::TracingConfig> for TracingConfig {
    fn to_lambda(&self) -> Option<sdk::TracingConfig> {
        Some(sdk::TracingConfig::builder().mode(self.mode.as_str().into()).build())
    }
}

impl FromLambda<sdk::EphemeralStorage> for Option<EphemeralStorage> {
    fn from_lambda(seen: Option<sdk::EphemeralStorage>) -> Self {
        Some(EphemeralStorage { size: FromLambda::from_lambda(Some(seen?.size)) })
    }
}

impl ToLambda<sdk::EphemeralStorage> for EphemeralStorage {
    fn to_lambda(&self) -> Option<sdk::EphemeralStorage> {
        sdk::EphemeralStorage::builder().size(self.size.to_lambda()?).build().ok()
    }
}

impl FromLambda<sdk::LoggingConfig> for Option<LoggingConfig> {
    fn from_lambda(seen: Option<sdk::LoggingConfig>) -> Self {
        let logging = seen?;
        Some(LoggingConfig {
            log_format: logging.log_format.and_then(|format| word(format.as_str())),
            application_log_level: logging.application_log_level.and_then(|level| word(level.as_str())),
            system_log_level: logging.system_log_level.and_then(|level| word(level.as_str())),
            log_group: logging.log_group,
        })
    }
}

impl ToLambda<sdk::LoggingConfig> for LoggingConfig {
    fn to_lambda(&self) -> Option<sdk::LoggingConfig> {
        let logging = sdk::LoggingConfig::builder()
            .set_log_format(self.log_format.map(|format| format.as_str().into()))
            .set_application_log_level(self.application_log_level.map(|level| level.as_str().into()))
            .set_system_log_level(self.system_log_level.map(|level| level.as_str().into()))
            .set_log_group(self.log_group.clone());
        Some(logging.build())
    }
}

impl FromLambda<sdk::SnapStartResponse> for Option<SnapStart> {
    fn from_lambda(seen: Option<sdk::SnapStartResponse>) -> Self {
        Some(SnapStart { apply_on: word(seen?.apply_on?.as_str())? })
    }
}

impl ToLambda<sdk::SnapStart> for SnapStart {
    fn to_lambda(&self) -> Option<sdk::SnapStart> {
        Some(sdk::SnapStart::builder().apply_on(self.apply_on.as_str().into()).build())
    }
}

impl FromLambda<Vec<sdk::FileSystemConfig>> for Vec<FileSystemConfig> {
    fn from_lambda(seen: Option<Vec<sdk::FileSystemConfig>>) -> Self {
        let mount = |mount: sdk::FileSystemConfig| FileSystemConfig {
            arn: mount.arn,
            local_mount_path: mount.local_mount_path,
            s3_files_config: (mount.s3_files_config.and_then(|reading| reading.direct_s3_read))
                .and_then(|direct| word(direct.as_str()))
                .map(|direct_s3_read| S3FilesConfig { direct_s3_read }),
        };
        seen.unwrap_or_default().into_iter().map(mount).collect()
    }
}

impl ToLambda<Vec<sdk::FileSystemConfig>> for Vec<FileSystemConfig> {
    fn to_lambda(&self) -> Option<Vec<sdk::FileSystemConfig>> {
        let mount = |mount: &FileSystemConfig| {
            let reading = mount.s3_files_config.as_ref().map(|reading| {
                sdk::S3FilesConfig::builder().direct_s3_read(reading.direct_s3_read.as_str().into()).build()
            });
            let config = sdk::FileSystemConfig::builder().arn(&mount.arn).local_mount_path(&mount.local_mount_path);
            config.set_s3_files_config(reading).build().ok()
        };
        Some(self.iter().filter_map(mount).collect())
    }
}

impl FromLambda<sdk::DurableConfig> for Option<DurableConfig> {
    fn from_lambda(seen: Option<sdk::DurableConfig>) -> Self {
        let durable = seen?;
        Some(DurableConfig {
            execution_timeout: FromLambda::from_lambda(durable.execution_timeout),
            retention_period: durable.retention_period_in_days.and_then(|days| days.try_into().ok()),
            kms_key_arn: durable.kms_key_arn,
        })
    }
}

impl ToLambda<sdk::DurableConfig> for DurableConfig {
    fn to_lambda(&self) -> Option<sdk::DurableConfig> {
        let durable = sdk::DurableConfig::builder()
            .set_execution_timeout(self.execution_timeout.to_lambda())
            .set_retention_period_in_days(self.retention_period.and_then(|days| days.to_lambda()))
            .set_kms_key_arn(self.kms_key_arn.clone());
        Some(durable.build())
    }
}

impl FromLambda<sdk::TenancyConfig> for Option<TenancyConfig> {
    fn from_lambda(seen: Option<sdk::TenancyConfig>) -> Self {
        Some(TenancyConfig { tenant_isolation_mode: word(seen?.tenant_isolation_mode.as_str())? })
    }
}

impl ToLambda<sdk::TenancyConfig> for TenancyConfig {
    fn to_lambda(&self) -> Option<sdk::TenancyConfig> {
        let mode = self.tenant_isolation_mode.as_str().into();
        sdk::TenancyConfig::builder().tenant_isolation_mode(mode).build().ok()
    }
}

impl FromLambda<sdk::CapacityProviderConfig> for Option<CapacityProviderConfig> {
    fn from_lambda(seen: Option<sdk::CapacityProviderConfig>) -> Self {
        let managed = seen?.lambda_managed_instances_capacity_provider_config?;
        Some(CapacityProviderConfig {
            lambda_managed_instances_capacity_provider_config: ManagedInstancesConfig {
                capacity_provider_arn: managed.capacity_provider_arn,
                execution_environment_memory_gib_per_vcpu: (managed.execution_environment_memory_gib_per_v_cpu)
                    .and_then(|gib| Gib::try_from(gib).ok()),
                per_execution_environment_max_concurrency: (managed.per_execution_environment_max_concurrency)
                    .and_then(|most| most.try_into().ok()),
            },
        })
    }
}

impl ToLambda<sdk::CapacityProviderConfig> for CapacityProviderConfig {
    fn to_lambda(&self) -> Option<sdk::CapacityProviderConfig> {
        let managed = &self.lambda_managed_instances_capacity_provider_config;
        let most = managed.per_execution_environment_max_concurrency.and_then(|most| most.to_lambda());
        let config = sdk::LambdaManagedInstancesCapacityProviderConfig::builder()
            .capacity_provider_arn(&managed.capacity_provider_arn)
            .set_per_execution_environment_max_concurrency(most)
            .set_execution_environment_memory_gib_per_v_cpu(
                managed.execution_environment_memory_gib_per_vcpu.map(f64::from),
            )
            .build()
            .ok()?;
        let all = sdk::CapacityProviderConfig::builder().lambda_managed_instances_capacity_provider_config(config);
        Some(all.build())
    }
}

/// Parses AWS's word as our enum; an unknown word counts as absent.
fn word<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).ok()
}

fn sorted(ids: Option<Vec<String>>) -> Vec<String> {
    let mut ids = ids.unwrap_or_default();
    ids.sort();
    ids
}
