//! Converts the configuration that a plan sends to the types of the SDK.

use aws_sdk_lambda::operation::create_function::builders::CreateFunctionFluentBuilder;
use aws_sdk_lambda::operation::update_function_configuration::builders::UpdateFunctionConfigurationFluentBuilder;
use aws_sdk_lambda::types as sdk;
use deployer_core::manifest::{CapacityProviderConfig, DurableConfig, FileSystemConfig, Secret, TenancyConfig};
use deployer_core::plan::Configuration;

/// CreateFunction and UpdateFunctionConfiguration take the same fields through builders of two types.
pub(super) trait WithConfiguration: Sized {
    /// Sets each field that the plan sends.
    fn with_configuration(self, configuration: &Configuration) -> Self;
}

macro_rules! with_configuration {
    ($($builder:ty),*) => { $(
        impl WithConfiguration for $builder {
            fn with_configuration(self, c: &Configuration) -> Self {
                self.set_runtime(c.runtime.as_ref().map(|runtime| runtime.as_str().into()))
                    .set_handler(c.handler.clone())
                    .set_memory_size(c.memory_size.and_then(|n| i32::try_from(n).ok()))
                    .set_timeout(c.timeout.and_then(|n| i32::try_from(n).ok()))
                    .set_description(c.description.clone())
                    .set_layers(c.layers.clone())
                    .set_environment(c.variables.as_ref().map(environment))
                    .set_vpc_config(c.vpc_config.as_ref().map(|vpc| {
                        sdk::VpcConfig::builder()
                            .set_subnet_ids(Some(vpc.subnet_ids.clone()))
                            .set_security_group_ids(Some(vpc.security_group_ids.clone()))
                            .set_ipv6_allowed_for_dual_stack(vpc.ipv6_allowed_for_dual_stack)
                            .build()
                    }))
                    .set_dead_letter_config(c.dead_letter_config.as_ref().map(|dead| {
                        sdk::DeadLetterConfig::builder().target_arn(&dead.target_arn).build()
                    }))
                    .set_tracing_config(c.tracing_config.as_ref().map(|tracing| {
                        sdk::TracingConfig::builder().mode(tracing.mode.as_str().into()).build()
                    }))
                    .set_ephemeral_storage(c.ephemeral_storage.as_ref().and_then(|storage| {
                        let size = i32::try_from(storage.size).ok()?;
                        sdk::EphemeralStorage::builder().size(size).build().ok()
                    }))
                    .set_kms_key_arn(c.kms_key_arn.clone())
                    .set_logging_config(c.logging_config.as_ref().map(|logging| {
                        sdk::LoggingConfig::builder()
                            .set_log_format(logging.log_format.map(|f| f.as_str().into()))
                            .set_application_log_level(logging.application_log_level.map(|l| l.as_str().into()))
                            .set_system_log_level(logging.system_log_level.map(|l| l.as_str().into()))
                            .set_log_group(logging.log_group.clone())
                            .build()
                    }))
                    .set_snap_start(c.snap_start.as_ref().map(|snap| {
                        sdk::SnapStart::builder().apply_on(snap.apply_on.as_str().into()).build()
                    }))
                    .set_file_system_configs(c.file_system_config.as_ref().map(|mounts| {
                        mounts.iter().filter_map(file_system).collect()
                    }))
                    .set_durable_config(c.durable_config.as_ref().map(durable))
                    .set_capacity_provider_config(c.capacity_provider_config.as_ref().and_then(capacity))
            }
        }
    )* };
}

with_configuration!(CreateFunctionFluentBuilder, UpdateFunctionConfigurationFluentBuilder);

fn file_system(mount: &FileSystemConfig) -> Option<sdk::FileSystemConfig> {
    let reading = mount
        .s3_files_config
        .as_ref()
        .map(|reading| sdk::S3FilesConfig::builder().direct_s3_read(reading.direct_s3_read.as_str().into()).build());
    let config = sdk::FileSystemConfig::builder().arn(&mount.arn).local_mount_path(&mount.local_mount_path);
    config.set_s3_files_config(reading).build().ok()
}

fn durable(durable: &DurableConfig) -> sdk::DurableConfig {
    sdk::DurableConfig::builder()
        .set_execution_timeout(i32::try_from(durable.execution_timeout).ok())
        .set_retention_period_in_days(durable.retention_period.and_then(|days| i32::try_from(days).ok()))
        .set_kms_key_arn(durable.kms_key_arn.clone())
        .build()
}

fn capacity(capacity: &CapacityProviderConfig) -> Option<sdk::CapacityProviderConfig> {
    let managed = &capacity.lambda_managed_instances_capacity_provider_config;
    let most = managed.per_execution_environment_max_concurrency.and_then(|most| i32::try_from(most).ok());
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

fn environment(variables: &std::collections::BTreeMap<String, Secret>) -> sdk::Environment {
    let clear = variables.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
    sdk::Environment::builder().set_variables(Some(clear)).build()
}

pub(super) fn tenancy(tenancy: &TenancyConfig) -> Option<sdk::TenancyConfig> {
    let mode = tenancy.tenant_isolation_mode.as_str().into();
    sdk::TenancyConfig::builder().tenant_isolation_mode(mode).build().ok()
}
