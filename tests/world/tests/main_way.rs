//! The main way from an upload to the moved alias, in an otherwise quiet world with one target.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeMap;

use deployer_core::manifest::{Architecture, Secret};
use deployer_core::observed::Variables;
use deployer_core::record::{Status, TargetErrorCode};
use fixtures::{MANIFEST, Zip};
use jiff::Timestamp;
use world::zips::{code, with_manifest};
use world::{DEV, Op, World};

const ROLE: &str = "arn:aws:iam::111111111111:role/orders";

#[tokio::test(start_paused = true)]
async fn missing_function_is_created_published_and_aliased() {
    let world = World::dev();
    let record = world.record("dev/orders/1.0.0.zip", Zip::function("1.0.0").build().unwrap()).await;
    assert_eq!(
        world.render(),
        "111111111111/eu-west-1 orders: $LATEST 1.0.0, 1 = 1.0.0, live → 1, tag team=samples\n\
         dev/orders/1.0.0: succeeded\n  111111111111/eu-west-1: succeeded, version 1\n"
    );
    assert_eq!(
        world.writes(),
        ["CreateFunction 111111111111/eu-west-1 orders: ok", "CreateAlias 111111111111/eu-west-1 orders: ok"]
    );
    assert_eq!(record.targets[0].previous, None);
    world.aws(|aws| {
        let settings = &aws.at(DEV).function("orders").versions[&1].settings;
        assert_eq!((settings.memory_size, settings.timeout), (256, 10));
        assert_eq!(settings.role.as_deref(), Some("arn:aws:iam::111111111111:role/lambda-execution"));
    });
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn code_without_a_manifest_changes_only_the_version() {
    let world = World::with_orders();
    let before = world.aws(|aws| aws.at(DEV).function("orders").latest.settings.clone());
    world.upload("dev/orders/1.1.0.zip", code("1.1.0")).await;
    assert_eq!(
        world.render(),
        "111111111111/eu-west-1 orders: $LATEST 1.1.0, 1 = LABEL, 2 = 1.1.0, live → 2\n\
         dev/orders/1.1.0: succeeded\n  111111111111/eu-west-1: succeeded, version 2, was 1\n"
            .replace("LABEL", &label("1.0.0"))
    );
    assert_eq!(
        world.writes(),
        ["UpdateFunctionCode 111111111111/eu-west-1 orders: ok", "UpdateAlias 111111111111/eu-west-1 orders: ok"]
    );
    assert_eq!(world.calls_of(Op::AssumeRole).len(), 1, "code alone needs no second session");
    assert_eq!(world.aws(|aws| aws.at(DEV).function("orders").latest.settings.clone()), before);
    world.same_again_changes_nothing().await;
}

/// The label of code that was never uploaded.
fn label(content: &str) -> String {
    deployer_core::id::Sha256::of(&code(content)).to_string().chars().take(8).collect()
}

#[tokio::test(start_paused = true)]
async fn record_has_the_former_version_and_the_artifacts_metadata() {
    let world = World::with_orders();
    let time = ("commit-time", "2026-11-01T10:00:00Z");
    let metadata = [("commit", "c0ffee"), time, ("build-url", "https://ci/7"), ("secret", "not kept")];
    let upload = world.put_with("dev/orders/1.1.0.zip", code("1.1.0"), &metadata);
    let record = world::recorded(world.deliver(&upload).await.unwrap());
    let previous = record.targets[0].previous.clone().unwrap();
    assert_eq!(previous.version.as_str(), "1");
    assert_eq!(previous.sha256, Some(deployer_core::id::Sha256::of(&code("1.0.0"))));
    let artifact = record.artifact.unwrap();
    assert_eq!(artifact.sha256, Some(deployer_core::id::Sha256::of(&code("1.1.0"))));
    assert_eq!(artifact.size, Some(code("1.1.0").len() as u64));
    let kept: Vec<&str> = artifact.metadata.keys().map(String::as_str).collect();
    assert_eq!(kept, ["build-url", "commit", "commit-time"]);
    assert_eq!(record.cause.event_id.as_deref(), upload.event_id.as_deref());
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn changed_configuration_alone_is_updated_and_published() {
    let world = World::with_orders();
    world.upload("dev/orders/1.0.1.zip", code("1.0.0")).await;
    let zip = with_manifest("1.0.0", "memory_size = 512\n");
    world.change_function(DEV, "orders", |f| f.code(&zip).publish().point("live", 2));
    let seen = world.calls().len();
    world.upload("dev/orders/1.0.2.zip", zip).await;
    let writes: Vec<String> =
        world.calls()[seen..].iter().filter(|c| c.op.is_lambda_write()).map(|c| c.op.to_string()).collect();
    assert_eq!(writes, ["UpdateFunctionConfiguration", "PublishVersion", "UpdateAlias"]);
    world.aws(|aws| {
        let orders = aws.at(DEV).function("orders");
        assert_eq!((orders.versions[&2].settings.memory_size, orders.versions[&3].settings.memory_size), (128, 512));
        assert_eq!(orders.aliases["live"].version, 3);
    });
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn drift_under_another_label_is_reverted_without_sending_code() {
    let world = World::with_orders();
    let zip = with_manifest("1.1.0", "memory_size = 256\n");
    world.upload("dev/orders/1.1.0.zip", zip.clone()).await;
    world.change_function(DEV, "orders", |f| f.set(|settings| settings.memory_size = 1024).publish().point("live", 3));
    let seen = world.calls().len();
    let record = world.record("dev/orders/1.1.0-again.zip", zip).await;
    assert_eq!(record.status, Status::Succeeded, "not unchanged");
    let writes: Vec<String> =
        world.calls()[seen..].iter().filter(|c| c.op.is_lambda_write()).map(|c| c.op.to_string()).collect();
    assert_eq!(writes, ["UpdateFunctionConfiguration", "PublishVersion", "UpdateAlias"]);
    world.aws(|aws| {
        let orders = aws.at(DEV).function("orders");
        assert_eq!((orders.aliases["live"].version, orders.versions[&4].settings.memory_size), (4, 256));
    });
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn configuration_and_code_are_updated_in_turn() {
    let world = World::with_orders();
    world.upload("dev/orders/1.1.0.zip", with_manifest("1.1.0", "timeout = 30\ndescription = \"Orders\"\n")).await;
    assert_eq!(
        world.writes(),
        [
            "UpdateFunctionConfiguration 111111111111/eu-west-1 orders: ok",
            "UpdateFunctionCode 111111111111/eu-west-1 orders: ok",
            "UpdateAlias 111111111111/eu-west-1 orders: ok",
        ],
        "no write met 409"
    );
    world.aws(|aws| {
        let settings = &aws.at(DEV).function("orders").versions[&2].settings;
        assert_eq!((settings.timeout, settings.description.as_str()), (30, "Orders"));
    });
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn upload_of_the_served_code_is_unchanged_and_writes_nothing() {
    let world = World::dev();
    let zip = Zip::function("1.0.0").build().unwrap();
    world.upload("dev/orders/1.0.0.zip", zip.clone()).await;
    let written = world.writes().len();
    let record = world.record("dev/orders/1.0.0-again.zip", zip).await;
    assert_eq!(record.status, Status::Unchanged);
    assert_eq!(record.targets[0].version.as_ref().unwrap().as_str(), "1");
    assert_eq!(world.writes().len(), written);
    assert_eq!(world.calls_of(Op::AssumeRole).len(), 3, "two for the first, for it created; one for the second");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn missing_alias_is_created_on_a_published_version() {
    let world = World::dev();
    let zip = code("1.0.0");
    world.add_function(DEV, "orders", &zip, |f| f);
    world.upload("dev/orders/1.0.0.zip", zip).await;
    assert_eq!(
        world.render(),
        "111111111111/eu-west-1 orders: $LATEST 1.0.0, 1 = 1.0.0, live → 1\n\
         dev/orders/1.0.0: succeeded\n  111111111111/eu-west-1: succeeded, version 1\n"
    );
    assert_eq!(
        world.writes(),
        ["PublishVersion 111111111111/eu-west-1 orders: ok", "CreateAlias 111111111111/eu-west-1 orders: ok"]
    );
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn alias_on_latest_is_moved_to_a_version() {
    let world = World::dev();
    let zip = code("1.0.0");
    world.add_function(DEV, "orders", &zip, |f| f.point("live", 0));
    world.upload("dev/orders/1.0.0.zip", zip).await;
    assert_eq!(
        world.render(),
        "111111111111/eu-west-1 orders: $LATEST 1.0.0, 1 = 1.0.0, live → 1\n\
         dev/orders/1.0.0: succeeded\n  111111111111/eu-west-1: succeeded, version 1\n"
    );
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn alias_on_an_older_version_moves_without_sending_code() {
    let world = World::dev();
    let (old, new) = (code("1.0.0"), code("1.1.0"));
    world.add_function(DEV, "orders", &old, |f| f.publish().code(&new).publish().point("live", 1));
    world.upload("dev/orders/1.1.0.zip", new).await;
    assert_eq!(
        world.writes(),
        ["PublishVersion 111111111111/eu-west-1 orders: ok", "UpdateAlias 111111111111/eu-west-1 orders: ok"]
    );
    world.aws(|aws| {
        let orders = aws.at(DEV).function("orders");
        assert_eq!((orders.versions.len(), orders.aliases["live"].version), (2, 2), "the version there is");
    });
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn leftover_traffic_shift_is_ended() {
    let world = World::dev();
    let (old, new) = (code("1.0.0"), code("1.1.0"));
    world
        .add_function(DEV, "orders", &old, |f| f.publish().code(&new).publish().point("live", 2).shift("live", 1, 0.1));
    let record = world.record("dev/orders/1.1.0.zip", new).await;
    assert_eq!(record.status, Status::Succeeded);
    assert_eq!(world.writes(), ["UpdateAlias 111111111111/eu-west-1 orders: ok"]);
    assert!(world.render().contains("2 = 1.1.0, live → 2\n"), "{}", world.render());
    world.same_again_changes_nothing().await;
}

/// Each field of the manifest, with a value that differs from a new function's.
const FIELDS: [(&str, &str); 16] = [
    ("runtime", "runtime = \"python3.13\""),
    ("handler", "handler = \"app.main\""),
    ("role", "role = \"other\""),
    ("memory_size", "memory_size = 1024"),
    ("timeout", "timeout = 60"),
    ("description", "description = \"Orders\""),
    ("layers", "layers = [\"arn:aws:lambda:eu-west-1:111111111111:layer:base:3\"]"),
    ("variables", "environment = { variables = { LOG_LEVEL = \"warn\" } }"),
    ("vpc_config", "vpc_config = { subnet_ids = [\"subnet-1\"], security_group_ids = [\"sg-1\"] }"),
    ("dead_letter_config", "dead_letter_config = { target_arn = \"arn:aws:sqs:eu-west-1:111111111111:dead\" }"),
    ("tracing_config", "tracing_config = { mode = \"Active\" }"),
    ("ephemeral_storage", "ephemeral_storage = { size = 1024 }"),
    ("logging_config", "logging_config = { log_format = \"JSON\" }"),
    ("snap_start", "snap_start = { apply_on = \"PublishedVersions\" }"),
    (
        "file_system_config",
        "file_system_config = { arn = \"arn:aws:elasticfilesystem:eu-west-1:111111111111:access-point/fsap-0a\", \
         local_mount_path = \"/mnt/data\" }",
    ),
    ("source_kms_key_arn", "source_kms_key_arn = \"arn:aws:kms:eu-west-1:111111111111:key/1\""),
];

/// Returns the settings as fields with their values in text, the variables in clear.
fn settings(world: &World) -> BTreeMap<String, String> {
    world.aws(|aws| {
        let s = aws.at(DEV).function("orders").latest.settings.clone();
        let variables = match &s.variables {
            Variables::Known(all) => all.iter().map(|(n, v)| format!("{n}={} ", v.expose())).collect(),
            Variables::Unreadable { because } => because.clone(),
        };
        let fields: [(&str, String); 19] = [
            ("runtime", format!("{:?}", s.runtime)),
            ("handler", format!("{:?}", s.handler)),
            ("role", format!("{:?}", s.role)),
            ("memory_size", s.memory_size.to_string()),
            ("timeout", s.timeout.to_string()),
            ("description", s.description),
            ("layers", format!("{:?}", s.layers)),
            ("variables", variables),
            ("vpc_config", format!("{:?}", s.vpc_config)),
            ("dead_letter_config", format!("{:?}", s.dead_letter_config)),
            ("tracing_config", format!("{:?}", s.tracing_config)),
            ("ephemeral_storage", format!("{:?}", s.ephemeral_storage)),
            ("logging_config", format!("{:?}", s.logging_config)),
            ("snap_start", format!("{:?}", s.snap_start)),
            ("file_system_config", format!("{:?}", s.file_system_config)),
            ("source_kms_key_arn", format!("{:?}", s.source_kms_key_arn)),
            ("durable_config", format!("{:?}", s.durable_config)),
            ("tenancy_config", format!("{:?}", s.tenancy_config)),
            ("capacity_provider_config", format!("{:?}", s.capacity_provider_config)),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

#[tokio::test(start_paused = true)]
async fn each_named_field_is_set_and_absent_ones_stay() {
    for (field, manifest) in FIELDS {
        let world = World::with_orders();
        world.aws(|aws| {
            aws.at(DEV).role("other", Timestamp::UNIX_EPOCH);
            // Somebody else has set every field to another value.
            aws.at(DEV).function("orders").variable("THEIRS", "kept").set(|settings| {
                settings.memory_size = 192;
                settings.description = "theirs".into();
            });
        });
        let before = settings(&world);
        let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest)).await;
        assert_eq!(record.status, Status::Succeeded, "{field}: {:?}", record.because);
        let after = settings(&world);
        let changed: Vec<&String> = after.iter().filter(|(n, v)| before[*n] != **v).map(|(n, _)| n).collect();
        assert_eq!(changed, [field], "{after:#?}");
        world.same_again_changes_nothing().await;

        // The next release does not name the field any more, so it stays as it is.
        let next = world.record("dev/orders/1.2.0.zip", code("1.2.0")).await;
        assert_eq!(next.status, Status::Succeeded, "{field}: {:?}", next.because);
        assert_eq!(settings(&world), after, "{field}");
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn field_fixed_at_creation_fails_an_existing_function() {
    for (field, manifest) in [
        ("durable_config", "durable_config.execution_timeout = 60"),
        ("tenancy_config", "tenancy_config.tenant_isolation_mode = \"PER_TENANT\""),
        (
            "capacity_provider_config",
            "capacity_provider_config.lambda_managed_instances_capacity_provider_config.capacity_provider_arn = \
             \"arn:aws:lambda:eu-west-1:111111111111:capacity-provider:a\"",
        ),
    ] {
        let world = World::with_orders();
        let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest)).await;
        let error = record.targets[0].error.clone().unwrap();
        assert_eq!((record.status, error.code), (Status::Failed, TargetErrorCode::InvalidConfiguration));
        assert!(error.message.starts_with(field), "{}", error.message);
        assert_eq!(world.writes(), [""; 0]);

        let new = format!("runtime = \"provided.al2023\"\nhandler = \"bootstrap\"\nrole = \"orders\"\n{manifest}\n");
        let record = world.record("dev/invoices/1.0.0.zip", with_manifest("1.0.0", &new)).await;
        assert_eq!(record.status, Status::Succeeded, "{:?} {:?}", record.because, record.targets);
        world.aws(|aws| {
            let settings = &aws.at(DEV).function("invoices").latest.settings;
            assert_eq!(settings.durable_config.is_some(), field == "durable_config");
            assert_eq!(settings.tenancy_config.is_some(), field == "tenancy_config");
        });
    }
}

#[tokio::test(start_paused = true)]
async fn empty_value_removes_the_present_one() {
    let world = World::with_orders();
    world.aws(|aws| {
        aws.at(DEV).function("orders").set(|settings| {
            settings.layers = vec!["arn:aws:lambda:eu-west-1:111111111111:layer:base:3".into()];
            settings.vpc_config.subnet_ids = vec!["subnet-1".into()];
            settings.vpc_config.security_group_ids = vec!["sg-1".into()];
            settings.description = "theirs".into();
        });
    });
    let manifest = "layers = []\ndescription = \"\"\ndead_letter_config = { target_arn = \"\" }\nkms_key_arn = \"\"\n\
                    file_system_config = []\nvpc_config = { subnet_ids = [], security_group_ids = [] }\n";
    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest)).await;
    assert_eq!(record.status, Status::Succeeded, "{:?}", record.because);
    world.aws(|aws| {
        let settings = &aws.at(DEV).function("orders").latest.settings;
        assert!(settings.layers.is_empty() && settings.vpc_config.subnet_ids.is_empty());
        assert_eq!(settings.description, "");
    });
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn named_variables_are_set_and_all_others_kept() {
    let world = World::with_orders();
    world.change_function(DEV, "orders", |f| f.variable("LOG_LEVEL", "info").variable("THEIRS", "kept"));
    let manifest = "[environment.variables]\nLOG_LEVEL = \"warn\"\nNEW = \"1\"\n";
    world.upload("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest)).await;
    let expected = [("LOG_LEVEL", "warn"), ("NEW", "1"), ("THEIRS", "kept")];
    let expected = expected.map(|(name, value)| (name.to_owned(), Secret::new(value)));
    let found = world.aws(|aws| aws.at(DEV).function("orders").versions[&2].settings.variables.clone());
    assert_eq!(found, Variables::Known(expected.into()));
    assert!(!world.snapshot().split("dev/orders").last().unwrap().contains("warn"), "a value is in the record");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn unreadable_variables_are_never_overwritten() {
    let world = World::with_orders();
    world.aws(|aws| {
        aws.at(DEV).function("orders").set(|settings| {
            settings.variables = Variables::Unreadable { because: "KMSAccessDenied: the key is disabled".into() };
        });
    });
    let manifest = "[environment.variables]\nLOG_LEVEL = \"warn\"\n";
    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest)).await;
    let error = record.targets[0].error.clone().unwrap();
    assert_eq!(error.code, TargetErrorCode::InvalidConfiguration);
    assert_eq!(
        error.message,
        "the variables of the function cannot be read (KMSAccessDenied: the key is disabled), so those that the \
         manifest names cannot be merged with the others: repair the key's policy, or set them all by hand once"
    );
    assert!(world.writes().is_empty());
    world.same_again_changes_nothing().await;

    // A release that names no variables is deployed all the same.
    assert_eq!(world.record("dev/orders/1.2.0.zip", code("1.2.0")).await.status, Status::Succeeded);
    world.same_again_changes_nothing().await;
}

// AWS Lambda Developer Guide, "Securing Lambda environment variables": viewing them needs kms:Decrypt.
#[tokio::test(start_paused = true)]
async fn variables_under_a_customer_key_are_merged() {
    const KEY: &str = "arn:aws:kms:eu-west-1:111111111111:key/1";
    let world = World::with_orders();
    world.change_function(DEV, "orders", |f| f.variable("THEIRS", "kept").set(|s| s.kms_key_arn = Some(KEY.into())));
    let manifest = "[environment.variables]\nLOG_LEVEL = \"warn\"\n";
    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest)).await;
    assert_eq!(record.because, None);
    assert_eq!(settings(&world)["variables"], "LOG_LEVEL=warn THEIRS=kept ");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn customer_key_can_be_named_when_a_function_is_created() {
    const KEY: &str = "arn:aws:kms:eu-west-1:111111111111:key/1";
    let world = World::dev();
    let manifest = format!("kms_key_arn = \"{KEY}\"\n{MANIFEST}");
    let record = world.record("dev/orders/1.0.0.zip", with_manifest("1.0.0", &manifest)).await;
    assert_eq!(record.because, None);
    assert_eq!(settings(&world)["variables"], "LOG_LEVEL=info ");
    world.same_again_changes_nothing().await;

    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.1.0", &manifest)).await;
    assert_eq!(record.because, None);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn named_tags_are_set_and_all_others_kept() {
    let world = World::with_orders();
    world.change_function(DEV, "orders", |f| f.tag("team", "payments").tag("cost", "42"));
    let record = world.record("dev/orders/1.1.0.zip", with_manifest("1.0.0", "[tags]\nteam = \"orders\"\n")).await;
    assert_eq!(record.status, Status::Succeeded);
    assert!(world.render().contains(", tag cost=42, tag team=orders\n"), "{}", world.render());
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn tag_alone_needs_no_new_version() {
    let world = World::dev();
    let zip = with_manifest("1.0.0", "[tags]\nteam = \"orders\"\n");
    world.add_function(DEV, "orders", &zip, |f| f.publish().point("live", 1));
    let record = world.record("dev/orders/1.0.0.zip", zip).await;
    assert_eq!(record.status, Status::Succeeded);
    assert_eq!(world.writes(), ["TagResource 111111111111/eu-west-1 orders: ok"]);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn reserved_concurrency_is_set_freed_or_left_alone() {
    let world = World::with_orders();
    for (release, manifest, reserved) in [
        ("1.1.0", "reserved_concurrent_executions = 5", Some(5)),
        ("1.2.0", "reserved_concurrent_executions = 0", Some(0)),
        ("1.3.0", "timeout = 10", Some(0)),
        ("1.4.0", "reserved_concurrent_executions = -1", None),
        ("1.5.0", "reserved_concurrent_executions = -1", None),
    ] {
        let key = format!("dev/orders/{release}.zip");
        let record = world.record(&key, with_manifest(release, manifest)).await;
        assert_eq!(record.status, Status::Succeeded, "{release}: {:?}", record.because);
        assert_eq!(world.aws(|aws| aws.at(DEV).function("orders").reserved), reserved, "{release}");
    }
    assert_eq!(world.calls_of(Op::PutFunctionConcurrency).len(), 2);
    assert_eq!(world.calls_of(Op::DeleteFunctionConcurrency).len(), 1);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn changed_role_is_passed_alone() {
    let world = World::with_orders();
    world.aws(|aws| aws.at(DEV).role("app/orders-api", Timestamp::UNIX_EPOCH));
    let manifest = "role = \"app/orders-api\"\n";
    world.upload("dev/orders/1.1.0.zip", with_manifest("1.1.0", manifest)).await;
    assert_eq!(settings(&world)["role"], "Some(\"arn:aws:iam::111111111111:role/app/orders-api\")");
    let passed: Vec<String> = world.aws(|aws| {
        let policies = aws.sts.requests.iter().map(|request| request.policy.clone());
        policies.filter(|policy| policy.contains("iam:PassRole")).collect()
    });
    assert_eq!(passed.len(), 1);
    assert!(passed[0].contains(r#""Resource":"arn:aws:iam::111111111111:role/app/orders-api""#), "{}", passed[0]);
    assert!(!passed[0].contains(ROLE));

    world.upload("dev/orders/1.2.0.zip", with_manifest("1.2.0", manifest)).await;
    let again = world.aws(|aws| aws.sts.requests.iter().filter(|r| r.policy.contains("iam:PassRole")).count());
    assert_eq!(again, 1, "an unchanged role is not passed again");
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn changed_architecture_is_sent_with_its_code() {
    let world = World::with_orders();
    let zip = Zip::function("1.1.0").manifest("architectures = [\"arm64\"]\n").elf(183).build().unwrap();
    let record = world.record("dev/orders/1.1.0.zip", zip).await;
    assert_eq!(record.because, None);
    world.aws(|aws| {
        let orders = aws.at(DEV).function("orders");
        assert_eq!(orders.versions[&2].settings.architectures, Architecture::Arm64);
        assert_eq!(orders.versions[&1].settings.architectures, Architecture::X86_64);
    });
    world.same_again_changes_nothing().await;

    // The architecture goes back with the same code: it alone is reason enough to send the code.
    let script = Zip::code("1.2.0").manifest("architectures = [\"x86_64\"]\n").build().unwrap();
    assert_eq!(world.record("dev/orders/1.2.0.zip", script).await.because, None);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn environments_manifest_overlays_the_common_one() {
    let world = World::with(&serde_json::json!({
        "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger",
        "environments": {"stage": {
            "targets": [{"account": DEV, "region": "eu-west-1"}], "alias": "current",
            "function_name": "{environment}-{function}", "role_name": "deploy"}},
    }));
    world.aws(|aws| aws.at(DEV).role("lambda-execution", Timestamp::UNIX_EPOCH));
    let manifest = format!("{MANIFEST}[environments.stage]\nmemory_size = 1024\n");
    world.upload("stage/orders/1.0.0.zip", with_manifest("1.0.0", &manifest)).await;
    assert_eq!(
        world.render(),
        "111111111111/eu-west-1 stage-orders: $LATEST 1.0.0, 1 = 1.0.0, current → 1, tag team=samples\n\
         stage/orders/1.0.0: succeeded\n  111111111111/eu-west-1: succeeded, version 1\n"
    );
    assert_eq!(world.aws(|aws| aws.at(DEV).function("stage-orders").latest.settings.memory_size), 1024);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn session_has_the_deployments_name_and_the_external_id() {
    let world = World::dev();
    let record = world.record("dev/orders/1.0.0.zip", Zip::function("1.0.0").build().unwrap()).await;
    world.aws(|aws| {
        assert_eq!(aws.sts.requests.len(), 2);
        for request in &aws.sts.requests {
            assert_eq!(request.name, format!("deployer-{}", record.id));
            assert_eq!(request.external_id.as_ref().unwrap().as_str(), "dev-8c1f");
            assert!(request.policy.len() <= 2048);
            assert!(!request.policy.contains("Delete"), "{}", request.policy);
        }
    });
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn every_byte_of_an_artifact_is_read_once() {
    for megabytes in [0, 1, 2, 3, 9] {
        let world = World::with_orders();
        let zip = world::zips::large("1.1.0", megabytes << 20, None);
        let size = zip.len() as u64;
        let upload = world.put("dev/orders/1.1.0.zip", zip);
        let run = world.invocation().upload(&upload).await;
        let version = upload.version_id.clone().unwrap();
        assert_eq!(world.aws(|aws| aws.artifacts.bytes_read(run.invocation, &version)), size, "{megabytes} MB");
        world.same_again_changes_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn code_update_is_a_chain_of_six_calls() {
    let world = World::with_orders();
    world.latency(|_| std::time::Duration::from_millis(100));
    world.upload("dev/orders/1.1.0.zip", code("1.1.0")).await;
    let began = |op| world.calls_of(op)[0].began.as_millis();
    let order =
        [Op::AssumeRole, Op::ReadLedger, Op::ReadTail, Op::GetFunction, Op::WriteLedger, Op::UpdateFunctionCode];
    assert_eq!(order.map(began), [0, 0, 0, 100, 0, 200]);
    let heads: Vec<u128> = (world.calls_of(Op::WriteLedger).iter().filter(|call| call.what.starts_with("heads/")))
        .map(|call| call.began.as_millis())
        .collect();
    // The claim is made beside GetFunction. The door and the version that was served before are written beside the look
    // at the version. Then the alias is moved, and the commit ends the deployment. Later calls change nothing any more.
    assert_eq!(heads, [100, 300, 500, 700]);
    assert_eq!(began(Op::UpdateAlias), 400);
    world.same_again_changes_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn setting_of_the_last_deployment_that_nobody_names_is_removed() {
    let world = World::with_orders();
    let manifest = |named: &str| format!("[environment.variables]\n{named}\n");
    world.change_function(DEV, "orders", |f| {
        f.set(|s| s.variables = Variables::Known([("THEIRS".into(), Secret::new("1"))].into()))
    });
    let both = manifest("FIRST = \"one\"\nSECOND = \"two\"\n[tags]\nteam = \"orders\"\nstage = \"dev\"");
    world.upload("dev/orders/1.1.0.zip", with_manifest("1.1.0", &both)).await;
    // A release without a manifest leaves everything alone, and the deployer still knows what it has set before.
    world.pass(std::time::Duration::from_secs(1)).await;
    world.upload("dev/orders/1.2.0.zip", code("1.2.0")).await;
    world.pass(std::time::Duration::from_secs(1)).await;
    let one = manifest("FIRST = \"one\"\n[tags]\nteam = \"orders\"");
    world.upload("dev/orders/1.3.0.zip", with_manifest("1.3.0", &one)).await;
    world.function(DEV, "orders", |f| {
        let Variables::Known(variables) = &f.versions[&f.aliases["live"].version].settings.variables else { panic!() };
        assert_eq!(variables.keys().collect::<Vec<_>>(), ["FIRST", "THEIRS"]);
        assert_eq!(f.tags.keys().collect::<Vec<_>>(), ["team"]);
    });
    let ledger = world.aws(|aws| String::from_utf8(aws.ledger.get("heads/dev/orders.json").unwrap().to_vec()).unwrap());
    assert!(ledger.contains("\"FIRST\"") && ledger.contains("\"team\"") && !ledger.contains("\"one\""), "{ledger}");
    world.same_again_changes_nothing().await;
}
