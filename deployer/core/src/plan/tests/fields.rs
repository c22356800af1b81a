//! Fields with their own rules in Lambda: the code's key, settings of creation only, mounts, capacity providers.

use super::*;

/// A function whose served version and `$LATEST` both have these settings.
fn set(mut observed: Observed, change: impl Fn(&mut Settings)) -> Observed {
    observed.latest.iter_mut().chain(&mut observed.serving).for_each(|code| change(&mut code.settings));
    observed
}

const KEY: &str = "arn:aws:kms:eu-west-1:111111111111:key/1";
const OTHER_KEY: &str = "arn:aws:kms:eu-west-1:111111111111:key/2";

fn source_keys(plan: &Plan) -> Vec<Option<&str>> {
    let sent = plan.steps.iter().filter_map(|step| match step {
        Step::UpdateCode(settings) => Some(settings.source_key.as_deref()),
        _ => None,
    });
    sent.collect()
}

#[test]
fn unnamed_source_key_is_sent_again_with_new_code() {
    let keyed = |bytes: &[u8]| set(serving(bytes), |settings| settings.source_kms_key_arn = Some(KEY.into()));
    assert_eq!(source_keys(&Scene::new("").plan(&keyed(b"old"))), [Some(KEY)]);
    assert_eq!(Scene::new("").steps(&keyed(b"new")), [""; 0]);
    assert_eq!(source_keys(&Scene::new("").plan(&serving(b"old"))), [None]);
    // A failed version is published again from the same code.
    let mut failed = keyed(b"new");
    failed.publishing_failed = true;
    failed.serving = None;
    assert_eq!(source_keys(&Scene::new("").plan(&failed)), [Some(KEY)]);
}

#[test]
fn another_source_key_sends_the_same_code_again() {
    let keyed = set(serving(b"new"), |settings| settings.source_kms_key_arn = Some(KEY.into()));
    let named = |key: &str| Scene::new(&format!("source_kms_key_arn = {key:?}"));
    for (scene, observed, sent, change) in [
        (named(OTHER_KEY), &keyed, Some(OTHER_KEY), format!("~ source_kms_key_arn: {KEY} → {OTHER_KEY}")),
        (named(""), &keyed, None, format!("- source_kms_key_arn: {KEY}")),
        (named(KEY), &serving(b"new"), Some(KEY), format!("+ source_kms_key_arn: {KEY}")),
    ] {
        let plan = scene.plan(observed);
        assert_eq!(source_keys(&plan), [sent]);
        assert_eq!(plan.changes[0].to_string(), change);
    }
    assert_eq!(named(KEY).steps(&keyed), [""; 0]);
    assert_eq!(named("").steps(&serving(b"new")), [""; 0]);
    let created = Scene::new(&format!("{FULL}source_kms_key_arn = {KEY:?}")).plan(&Observed::default());
    assert!(matches!(&created.steps[0], Step::Create(new) if new.source_key.as_deref() == Some(KEY)));
}

#[test]
fn source_key_set_by_somebody_else_is_a_foreign_change() {
    let keyed = |key: &str| set(serving(b"old"), |settings| settings.source_kms_key_arn = Some(key.into()));
    let scene = Scene::new(&format!("source_kms_key_arn = {KEY:?}"));
    assert_eq!(foreign_change(&scene.desired(), &serving(b"old"), &keyed(KEY)), None);
    assert_eq!(
        foreign_change(&scene.desired(), &serving(b"old"), &keyed(OTHER_KEY)),
        Some(format!("expected source_kms_key_arn to be (none), found {OTHER_KEY}"))
    );
}

#[test]
fn source_key_set_after_the_configuration_is_not_overwritten() {
    let keyed = |key: &str| set(serving(b"old"), |settings| settings.source_kms_key_arn = Some(key.into()));
    let scene = Scene::new("timeout = 77");
    let plan = scene.plan(&keyed(KEY));
    let settled = |key: &str| {
        let mut settled = keyed(key).latest.unwrap();
        settled.settings.timeout = 77;
        settled
    };
    assert!(still_as_planned(&scene.desired(), &plan, &settled(KEY)));
    assert!(!still_as_planned(&scene.desired(), &plan, &settled(OTHER_KEY)));
}

#[test]
fn capacity_provider_for_a_function_created_without_one_is_refused() {
    let manifest = "capacity_provider_config.lambda_managed_instances_capacity_provider_config.capacity_provider_arn = \
        \"arn:aws:lambda:eu-west-1:111111111111:capacity-provider:a\"\n";
    let (code, message) = Scene::new(manifest).error(&serving(b"old"));
    assert_eq!(code, TargetErrorCode::InvalidConfiguration);
    assert!(
        message.starts_with("capacity_provider_config: Lambda gives a function a capacity provider only"),
        "{message}"
    );
}

#[test]
fn creation_only_settings_are_refused_for_existing_functions() {
    let tenancy = "tenancy_config.tenant_isolation_mode = \"PER_TENANT\"\n";
    let durable = "durable_config.execution_timeout = 3600\n";
    for (manifest, field, what) in
        [(tenancy, "tenancy_config", "tenant isolation"), (durable, "durable_config", "durable execution")]
    {
        let created = Scene::new(&format!("{FULL}{manifest}")).plan(&Observed::default());
        let Step::Create(new) = &created.steps[0] else { panic!("{created}") };
        assert_eq!(
            (new.tenancy.is_some(), new.configuration.durable_config.is_some()),
            (field.starts_with('t'), field.starts_with('d'))
        );
        let (code, message) = Scene::new(manifest).error(&serving(b"old"));
        assert_eq!(code, TargetErrorCode::InvalidConfiguration);
        let start = format!(
            "{field}: Lambda gives a function {what} only when it creates it, and this one was created without it"
        );
        assert!(message.starts_with(&start), "{message}");
    }
    let isolated = set(serving(b"new"), |settings| {
        settings.tenancy_config = Some(TenancyConfig { tenant_isolation_mode: TenantIsolationMode::PerTenant });
    });
    assert_eq!(Scene::new(tenancy).steps(&isolated), [""; 0]);
    assert_eq!(Scene::new("").steps(&isolated), [""; 0]);
}

#[test]
fn durable_settings_change_and_unnamed_ones_stay() {
    let seen = DurableConfig { execution_timeout: 60, retention_period: Some(14), kms_key_arn: Some(KEY.into()) };
    let durable = set(serving(b"new"), |settings| settings.durable_config = Some(seen.clone()));
    let steps = Scene::new("durable_config.execution_timeout = 3600").plan(&durable).steps;
    let Step::UpdateConfiguration(sent) = &steps[0] else { panic!("{steps:?}") };
    assert_eq!(sent.durable_config, Some(DurableConfig { execution_timeout: 3600, ..seen }));
    assert_eq!(Scene::new("durable_config.execution_timeout = 60").steps(&durable), [""; 0]);
}

#[test]
fn mount_keeps_its_unnamed_s3_settings() {
    let arn = "arn:aws:s3files:eu-west-1:111111111111:file-system/fs-1/access-point/fsap-1";
    let mount = |path: &str, direct| FileSystemConfig {
        arn: arn.into(),
        local_mount_path: path.into(),
        s3_files_config: Some(S3FilesConfig { direct_s3_read: direct }),
    };
    let mounted =
        set(serving(b"new"), |settings| settings.file_system_config = vec![mount("/mnt/a", DirectS3Read::Disabled)]);
    let named = |rest: &str| Scene::new(&format!("[file_system_config]\narn = {arn:?}\n{rest}"));
    assert_eq!(named("local_mount_path = \"/mnt/a\"").steps(&mounted), [""; 0]);
    for (rest, sent) in [
        ("local_mount_path = \"/mnt/b\"", mount("/mnt/b", DirectS3Read::Disabled)),
        (
            "local_mount_path = \"/mnt/a\"\ns3_files_config.direct_s3_read = \"ENABLED\"",
            mount("/mnt/a", DirectS3Read::Enabled),
        ),
    ] {
        let steps = named(rest).plan(&mounted).steps;
        let Step::UpdateConfiguration(update) = &steps[0] else { panic!("{steps:?}") };
        assert_eq!(update.file_system_config, Some(vec![sent]));
    }
}

#[test]
fn unnamed_numbers_of_the_same_capacity_provider_stay() {
    let manifest = |name: &str, rest: &str| {
        format!(
            "[capacity_provider_config.lambda_managed_instances_capacity_provider_config]\n\
             capacity_provider_arn = \"arn:aws:lambda:eu-west-1:111111111111:capacity-provider:{name}\"\n{rest}"
        )
    };
    let full = "execution_environment_memory_gib_per_vcpu = 4\nper_execution_environment_max_concurrency = 10\n";
    let seen = Scene::new(&manifest("a", full)).artifact.config.capacity_provider_config.unwrap();
    let there = set(serving(b"new"), |settings| settings.capacity_provider_config = Some(seen.clone()));
    assert_eq!(Scene::new(&manifest("a", "")).steps(&there), [""; 0]);
    let sent = |manifest: &str| {
        let steps = Scene::new(manifest).plan(&there).steps;
        let Step::UpdateConfiguration(update) = &steps[0] else { panic!("{steps:?}") };
        let config = update.capacity_provider_config.clone().unwrap();
        let managed = config.lambda_managed_instances_capacity_provider_config;
        (
            managed.execution_environment_memory_gib_per_vcpu.map(f64::from),
            managed.per_execution_environment_max_concurrency,
        )
    };
    assert_eq!(sent(&manifest("a", "execution_environment_memory_gib_per_vcpu = 2.5")), (Some(2.5), Some(10)));
    assert_eq!(sent(&manifest("b", "")), (None, None));
}

#[test]
fn applied_configuration_leaves_no_differences() {
    let manifest = format!(
        "{FULL}memory_size = 512\ntimeout = 7\ndescription = \"d\"\nlayers = []\nkms_key_arn = {KEY:?}\n\
         environment.variables.A1 = \"1\"\nvpc_config.subnet_ids = [\"subnet-2\", \"subnet-1\"]\n\
         vpc_config.security_group_ids = [\"sg-1\"]\ntracing_config.mode = \"Active\"\nephemeral_storage.size = 1024\n\
         dead_letter_config.target_arn = \"arn:aws:sqs:eu-west-1:111111111111:dead\"\nlogging_config.log_format = \"JSON\"\n\
         snap_start.apply_on = \"PublishedVersions\"\ndurable_config.execution_timeout = 60\n"
    );
    let config = Scene::new(&manifest).artifact.config;
    let taking = Scene::new("kms_key_arn = \"\"\ndead_letter_config.target_arn = \"\"\n").artifact.config;
    let mut settings = Settings::default();
    for desired in [config, taking] {
        let compare = |seen: &Settings| differences(&desired, &Default::default(), None, seen).unwrap();
        let (sent, changes) = compare(&settings);
        assert!(!sent.is_empty() && !changes.is_empty());
        sent.overlay(&mut settings);
        assert_eq!(compare(&settings), (Configuration::default(), vec![]));
    }
    assert_eq!((settings.kms_key_arn, settings.dead_letter_config, settings.memory_size), (None, None, 512));
}
