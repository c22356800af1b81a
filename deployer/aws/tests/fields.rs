//! Compares the table of a function's fields with the inputs of the AWS SDK, so that a new version of the SDK shows its
//! new fields.

use std::collections::BTreeSet;
use std::fmt::Debug;

use aws_sdk_lambda::operation::create_function::CreateFunctionInput;
use aws_sdk_lambda::operation::publish_version::PublishVersionInput;
use aws_sdk_lambda::operation::update_function_code::UpdateFunctionCodeInput;
use aws_sdk_lambda::operation::update_function_configuration::UpdateFunctionConfigurationInput;
use aws_sdk_lambda::types::{
    CapacityProviderConfig, DeadLetterConfig, DurableConfig, Environment, EphemeralStorage, FileSystemConfig,
    FunctionCode, ImageConfig, LambdaManagedInstancesCapacityProviderConfig, LoggingConfig, S3FilesConfig, SnapStart,
    TenancyConfig, TracingConfig, VpcConfig,
};
use deployer_core::manifest::{Origin, known_fields};

/// Reads the fields of a builder from its debug text.
fn fields(under: &str, builder: &impl Debug) -> Vec<String> {
    let text = format!("{builder:#?}");
    let of_line = |line: &str| {
        let name = line.strip_prefix("    ")?.split_once(": ")?.0;
        (!name.starts_with(' ')).then(|| format!("{under}{name}"))
    };
    let found: Vec<String> = text.lines().filter_map(of_line).collect();
    assert!(!found.is_empty(), "{text}");
    found
}

#[test]
fn field_table_matches_sdk_inputs() {
    let managed = "capacity_provider_config.lambda_managed_instances_capacity_provider_config.";
    let of_sdk: BTreeSet<String> = [
        fields("", &CreateFunctionInput::builder()),
        fields("", &UpdateFunctionConfigurationInput::builder()),
        fields("", &UpdateFunctionCodeInput::builder()),
        fields("", &PublishVersionInput::builder()),
        fields("", &FunctionCode::builder()),
        fields("environment.", &Environment::builder()),
        fields("vpc_config.", &VpcConfig::builder()),
        fields("dead_letter_config.", &DeadLetterConfig::builder()),
        fields("tracing_config.", &TracingConfig::builder()),
        fields("ephemeral_storage.", &EphemeralStorage::builder()),
        fields("snap_start.", &SnapStart::builder()),
        fields("logging_config.", &LoggingConfig::builder()),
        fields("file_system_configs.", &FileSystemConfig::builder()),
        fields("file_system_configs.s3_files_config.", &S3FilesConfig::builder()),
        fields("image_config.", &ImageConfig::builder()),
        fields("durable_config.", &DurableConfig::builder()),
        fields("tenancy_config.", &TenancyConfig::builder()),
        fields("capacity_provider_config.", &CapacityProviderConfig::builder()),
        fields(managed, &LambdaManagedInstancesCapacityProviderConfig::builder()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let in_table: Vec<&str> =
        known_fields().iter().filter(|known| known.origin == Origin::Lambda).map(|known| known.path.as_str()).collect();
    let known: BTreeSet<String> = in_table.iter().map(ToString::to_string).collect();
    assert_eq!(known.len(), in_table.len(), "a field stands twice in the table");
    let new: Vec<&String> = of_sdk.difference(&known).collect();
    let gone: Vec<&String> = known.difference(&of_sdk).collect();
    assert!(new.is_empty(), "the SDK has fields that the table does not know: {new:?}");
    assert!(gone.is_empty(), "the table has fields that the SDK does not know: {gone:?}");
}
