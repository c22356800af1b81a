//! The manifest that is written from a live function.

use super::*;

#[test]
fn written_manifest_reads_back_without_values_of_variables() {
    use crate::observed::{FunctionMetadata, Settings, Variables};
    let settings = Settings {
        runtime: Some("provided.al2023".into()),
        handler: Some("bootstrap".into()),
        architectures: Architecture::Arm64,
        role: Some("arn:aws:iam::111111111111:role/app/orders".into()),
        memory_size: 256,
        timeout: 7,
        description: "a \"b\" \\ \u{7f} é".into(),
        layers: vec!["arn:aws:lambda:eu-west-1:111111111111:layer:shared:1".into()],
        variables: Variables::Known([("TOKEN".to_owned(), Secret::new("s3cr3t".to_owned()))].into()),
        vpc_config: VpcConfig { subnet_ids: vec![], security_group_ids: vec![], ipv6_allowed_for_dual_stack: None },
        dead_letter_config: None,
        tracing_config: Some(TracingConfig { mode: TracingMode::PassThrough }),
        ephemeral_storage: Some(EphemeralStorage { size: 512 }),
        kms_key_arn: Some("arn:aws:kms:eu-west-1:111111111111:alias/not-one-key".into()),
        logging_config: Some(LoggingConfig {
            log_format: Some(LogFormat::Text),
            application_log_level: None,
            system_log_level: None,
            log_group: Some("/aws/lambda/orders".into()),
        }),
        snap_start: Some(SnapStart { apply_on: SnapStartApplyOn::None }),
        file_system_config: vec![FileSystemConfig {
            arn: "arn:aws:s3files:eu-west-1:111111111111:file-system/fs-1/access-point/fsap-1".into(),
            local_mount_path: "/mnt/a".into(),
            s3_files_config: Some(S3FilesConfig { direct_s3_read: DirectS3Read::Enabled }),
        }],
        source_kms_key_arn: Some("arn:aws:kms:eu-west-1:111111111111:key/1".into()),
        durable_config: Some(DurableConfig { execution_timeout: 60, retention_period: Some(7), kms_key_arn: None }),
        tenancy_config: Some(TenancyConfig { tenant_isolation_mode: TenantIsolationMode::PerTenant }),
        capacity_provider_config: Some(CapacityProviderConfig {
            lambda_managed_instances_capacity_provider_config: ManagedInstancesConfig {
                capacity_provider_arn: "arn:aws:lambda:eu-west-1:111111111111:capacity-provider:a".into(),
                execution_environment_memory_gib_per_vcpu: Some(Gib::try_from(2.5).unwrap()),
                per_execution_environment_max_concurrency: None,
            },
        }),
    };
    let tags = [("team", "orders"), ("aws:cloudformation:stack-name", "x")];
    let tags = tags.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let metadata = FunctionMetadata { tags: Some(tags), reserved_concurrency: Some(3) };
    let name = crate::id::FunctionName::parse("orders").unwrap();
    let account = crate::id::AccountId::parse("111111111111").unwrap();
    let text = write(&name, &account, &settings, &metadata, Values::Withheld);
    assert!(!text.contains("s3cr3t") && text.contains("# TOKEN"), "{text}");
    assert!(text.contains("# Left as it is, for a manifest cannot say it: kms_key_arn"), "{text}");
    let config = base(&text);
    assert_eq!(config.role, Some(ExecutionRole::parse("app/orders").unwrap()));
    assert_eq!(config.description.as_deref(), Some(settings.description.as_str()));
    assert_eq!((config.architectures, config.memory_size), (Some(Architecture::Arm64), Some(256)));
    assert_eq!((config.kms_key_arn, config.logging_config, config.variables), (None, None, Some(Default::default())));
    assert_eq!(config.source_kms_key_arn, settings.source_kms_key_arn);
    assert_eq!((&config.durable_config, &config.tenancy_config), (&settings.durable_config, &settings.tenancy_config));
    assert_eq!(config.file_system_config.as_ref(), Some(&settings.file_system_config));
    assert_eq!(config.capacity_provider_config, settings.capacity_provider_config);
    assert_eq!(config.tags.unwrap().into_keys().collect::<Vec<_>>(), ["team"]);
    let shown = write(&name, &account, &settings, &metadata, Values::Shown);
    assert_eq!(base(&shown).variables.unwrap()["TOKEN"].expose(), "s3cr3t");
}
