#![allow(clippy::unwrap_used)]

mod aws_fields;
mod foreign;
mod limits;
mod rollouts;
mod written;

use super::*;
use crate::id::AccountId;
use proptest::prelude::*;

/// The manifest in the contract.
const ORDERS: &str = r#"
runtime = "provided.al2023"
handler = "bootstrap"
architectures = ["x86_64"]
role = "orders-api"
memory_size = 256
timeout = 10
description = "Orders"
layers = []
[environment.variables]
LOG_LEVEL = "info"
[tags]
team = "orders"
[environments.prod]
memory_size = 1024
[environments.prod.environment.variables]
LOG_LEVEL = "warn"
"#;

fn manifest(toml: &str) -> Result<Manifest, String> {
    Manifest::parse(ManifestFormat::Toml, toml.as_bytes()).map_err(|error| error.to_string())
}

fn refusal(toml: &str) -> String {
    manifest(toml).unwrap_err()
}

fn base(toml: &str) -> FunctionConfig {
    manifest(toml).unwrap().for_environment(&named("dev"))
}

fn named(environment: &str) -> EnvironmentName {
    EnvironmentName::parse(environment).unwrap()
}

fn account() -> AccountId {
    AccountId::parse("111111111111").unwrap()
}

fn variables(config: &FunctionConfig) -> Vec<(&str, &str)> {
    config.variables.iter().flatten().map(|(name, value)| (name.as_str(), value.expose())).collect()
}

#[test]
fn contracts_manifest_is_read_as_documented() {
    let config = base(ORDERS);
    assert_eq!(
        config,
        FunctionConfig {
            runtime: Some(Runtime::parse("provided.al2023").unwrap()),
            handler: Some("bootstrap".to_owned()),
            architectures: Some(Architecture::X86_64),
            role: Some(ExecutionRole::parse("orders-api").unwrap()),
            memory_size: Some(256),
            timeout: Some(10),
            description: Some("Orders".to_owned()),
            layers: Some(vec![]),
            variables: Some(BTreeMap::from([("LOG_LEVEL".to_owned(), Secret::new("info"))])),
            tags: Some(BTreeMap::from([("team".to_owned(), "orders".to_owned())])),
            ..FunctionConfig::default()
        }
    );
    assert_eq!(base(""), FunctionConfig::default());
}

#[test]
fn overlay_merges_tables_and_replaces_the_rest() {
    let manifest = manifest(
        r#"
        timeout = 10
        memory_size = 256
        layers = ["arn:aws:lambda:eu-west-1:111111111111:layer:a:1", "arn:aws:lambda:eu-west-1:111111111111:layer:b:2"]
        environment.variables = { KEEP = "base", CHANGE = "base" }
        logging_config = { log_format = "JSON", log_group = "/orders" }
        [environments.prod]
        memory_size = 1024
        layers = ["arn:aws:lambda:eu-west-1:111111111111:layer:c:3"]
        environment.variables = { CHANGE = "prod", ADD = "prod" }
        logging_config.log_group = "/orders/prod"
        [environments.staging]
        layers = []
        "#,
    )
    .unwrap();
    let (dev, staging, prod) = (
        manifest.for_environment(&named("dev")),
        manifest.for_environment(&named("staging")),
        manifest.for_environment(&named("prod")),
    );
    assert_eq!((dev.memory_size, prod.memory_size), (Some(256), Some(1024)));
    assert_eq!((dev.timeout, prod.timeout), (Some(10), Some(10)));
    assert_eq!(prod.layers.as_deref().unwrap(), ["arn:aws:lambda:eu-west-1:111111111111:layer:c:3"]);
    assert_eq!((staging.layers, dev.layers.map(|layers| layers.len())), (Some(vec![]), Some(2)));
    assert_eq!(variables(&prod), [("ADD", "prod"), ("CHANGE", "prod"), ("KEEP", "base")]);
    let logging = prod.logging_config.unwrap();
    assert_eq!((logging.log_format, logging.log_group.as_deref()), (Some(LogFormat::Json), Some("/orders/prod")));
}

#[test]
fn toml_and_json_give_the_same_manifest() {
    let value: Value = toml::from_str(ORDERS).unwrap();
    assert_eq!(Manifest::parse(ManifestFormat::Json, value.to_string().as_bytes()).unwrap(), manifest(ORDERS).unwrap());
    let nothing = Manifest::parse(ManifestFormat::Json, br#"{"timeout": null, "tags": null, "environments": null}"#);
    assert_eq!(nothing.unwrap(), manifest("").unwrap());
    assert_eq!(
        (ManifestFormat::Toml.file_name(), ManifestFormat::Json.file_name()),
        ("function.toml", "function.json")
    );
}

#[test]
fn each_mistake_names_the_path_of_its_field_and_the_rule() {
    for (toml, message) in [
        ("memroy_size = 1", "memroy_size: unknown field; did you mean memory_size?"),
        ("memorySize = 1", "memorySize: unknown field; did you mean memory_size?"),
        ("enviroments.prod.timeout = 1", "enviroments: unknown field; did you mean environments?"),
        (
            "environment_variables.A1 = \"x\"",
            "environment_variables: unknown field; did you mean environment.variables?",
        ),
        ("ephemeralStorageSize = 512", "ephemeralStorageSize: unknown field; did you mean ephemeral_storage.size?"),
        (
            "environment.variables = { AWS_REGION = \"x\", PORT = 8080 }",
            "environment.variables.PORT: expected a string, found a number; put it in quotes | \
             environment.variables.AWS_REGION: Lambda sets this variable itself, and lets nobody else set it",
        ),
        (
            "vpc_config = { subnet_ids = [7, \"x\"], security_group_ids = [\"sg-1\"] }",
            "vpc_config.subnet_ids[0]: expected a string, found the number 7; put it in quotes",
        ),
        (
            "environments.prod.memroy_size = 1",
            "environments.prod.memroy_size: unknown field; did you mean memory_size?",
        ),
        (
            "publish = true",
            "publish: known to AWS and Terraform, but not supported here: the deployer publishes a version with each deployment itself",
        ),
        (
            "Publish = true",
            "Publish: known to AWS and Terraform, but not supported here: the deployer publishes a version with each deployment itself",
        ),
        (
            "function_name = \"orders\"",
            "function_name: known to AWS and Terraform, but not supported here: the upload's key names the function, and \
             function_name of the environment what it is called there",
        ),
        (
            "environments.prod.filename = \"x.zip\"",
            "environments.prod.filename: known to Terraform, but not supported here: the code is the zip that holds the manifest",
        ),
        ("FileSystemConfigs = []", "FileSystemConfigs: unknown field; did you mean file_system_config?"),
        ("KMSKeyArn = \"x\"", "KMSKeyArn: unknown field; did you mean kms_key_arn?"),
        ("vpc_config.SubnetIds = []", "vpc_config.SubnetIds: unknown field; did you mean subnet_ids?"),
        ("vpc_config.subnets = []", "vpc_config.subnets: unknown field; did you mean subnet_ids?"),
        ("environment.PORT = \"1\"", "environment.PORT: unknown field; known here: variables"),
        ("timeout = \"ten\"", "timeout: expected a whole number, found the string \"ten\""),
        ("timeout = 1.5", "timeout: expected a whole number, found the number 1.5"),
        ("timeout = 10.0", "timeout: expected a whole number, found the number 10.0"),
        ("timeout = 0", "timeout: 0 is out of range: at least 1"),
        ("timeout = -9223372036854775808", "timeout: -9223372036854775808 is out of range: at least 1"),
        ("timeout = 2147483648", "timeout: 2147483648 is out of range: at most 2147483647"),
        ("memory_size = 127", "memory_size: 127 is out of range: at least 128"),
        ("environments.prod.memory_size = 1", "environments.prod.memory_size: 1 is out of range: at least 128"),
        ("ephemeral_storage.size = 511", "ephemeral_storage.size: 511 is out of range: at least 512"),
        ("ephemeral_storage = {}", "ephemeral_storage.size: required, but missing"),
        ("tracing_config = [\"Active\"]", "tracing_config: expected a table, found a list"),
        ("file_system_config = [\"x\"]", "file_system_config[0]: expected a table, found the string \"x\""),
        ("ephemeral_storage = 512", "ephemeral_storage: expected a table, found the number 512"),
        (
            "reserved_concurrent_executions = -2",
            "reserved_concurrent_executions: -2 is out of range: -1 (none reserved) to 2147483647",
        ),
        ("handler = 5", "handler: expected a string, found the number 5; put it in quotes"),
        ("handler = true", "handler: expected a string, found the boolean true; put it in quotes"),
        ("handler = \"a b\"", "handler: must be 1 to 128 characters without spaces"),
        ("handler = \"\"", "handler: must be 1 to 128 characters without spaces"),
        ("runtime = \"Provided\"", "runtime: \"Provided\" is not a runtime: 1 to 64 of a-z, 0-9 and ."),
        ("architectures = []", "architectures: must name exactly one of x86_64 and arm64, but names 0"),
        (
            "architectures = [\"x86_64\", \"arm64\"]",
            "architectures: must name exactly one of x86_64 and arm64, but names 2",
        ),
        ("architectures = [\"amd64\"]", "architectures[0]: expected x86_64 or arm64, found the string \"amd64\""),
        ("architectures = \"arm64\"", "architectures: expected a list, found the string \"arm64\""),
        ("architectures = [64]", "architectures[0]: expected x86_64 or arm64, found the number 64"),
        ("role = \"/orders\"", "role: \"/orders\" is not a role: a name, path/name or a role's full ARN"),
        (
            "role = \"arn:aws:iam::1:role/x\"",
            "role: \"arn:aws:iam::1:role/x\" is not a role's ARN: arn:<partition>:iam::<account>:role/<name>",
        ),
        (
            "layers = [\"arn:aws:lambda:eu-west-1:111111111111:layer:a\"]",
            "layers[0]: \"arn:aws:lambda:eu-west-1:111111111111:layer:a\" is not the ARN of a layer's version, with its number at the end \
             (arn:aws:lambda:REGION:ACCOUNT:layer:NAME:NUMBER), or of one of AWS's own (arn:aws:lambda:::awslayer:NAME)",
        ),
        ("tags.\"aws:x\" = \"1\"", "tags.aws:x: the prefix aws: belongs to AWS"),
        ("tags.\"AWS:x\" = \"1\"", "tags.AWS:x: the prefix aws: belongs to AWS"),
        (
            "tags.since = 1979-05-27",
            "tags.since: a date or time fits nowhere here; if it is meant as text, put it in quotes",
        ),
        ("tags.since = 1.5", "tags.since: expected a string, found the number 1.5; put it in quotes"),
        (
            "timeout = inf",
            "timeout: a number that is not finite fits nowhere here; if it is meant as text, put it in quotes",
        ),
        (
            "tracing_config.mode = \"active\"",
            "tracing_config.mode: expected Active or PassThrough, found the string \"active\"",
        ),
        (
            "logging_config.log_format = \"json\"",
            "logging_config.log_format: expected Text or JSON, found the string \"json\"",
        ),
        (
            "logging_config.log_group = \"a b\"",
            "logging_config.log_group: must be 1 to 512 of letters, digits and . _ / # -",
        ),
        (
            "snap_start.apply_on = \"All\"",
            "snap_start.apply_on: expected PublishedVersions or None, found the string \"All\"",
        ),
        (
            "dead_letter_config.target_arn = \"arn:aws:lambda:eu-west-1:111111111111:function:x\"",
            "dead_letter_config.target_arn: must be the ARN of an SQS queue or an SNS topic, or empty",
        ),
        ("kms_key_arn = \"alias/x\"", "kms_key_arn: must be the ARN of one KMS key, or empty"),
        (
            "vpc_config = { subnet_ids = [\"subnet-1\"], security_group_ids = [] }",
            "vpc_config: needs subnets and security groups, or neither",
        ),
        (
            "vpc_config = { subnet_ids = [\"x\"], security_group_ids = [\"sg-1\"] }",
            "vpc_config.subnet_ids[0]: \"x\" is not a subnet's id",
        ),
        ("vpc_config.subnet_ids = [\"subnet-1\"]", "vpc_config.security_group_ids: required, but missing"),
        ("file_system_config = 1", "file_system_config: expected a table or a list, found the number 1"),
        (
            "file_system_config.arn = 1",
            "file_system_config.arn: expected a string, found the number 1; put it in quotes",
        ),
        ("source_kms_key_arn = \"alias/x\"", "source_kms_key_arn: must be the ARN of one KMS key, or empty"),
        ("durable_config = {}", "durable_config.execution_timeout: required, but missing"),
        ("durable_config.execution_timeout = 0", "durable_config.execution_timeout: 0 is out of range: at least 1"),
        (
            "durable_config = { execution_timeout = 1, retention_period_in_days = 7 }",
            "durable_config.retention_period_in_days: unknown field; did you mean retention_period?",
        ),
        (
            "durable_config = { execution_timeout = 1, kms_key_arn = \"\" }",
            "durable_config.kms_key_arn: must be the ARN of one KMS key",
        ),
        (
            "tenancy_config.tenant_isolation_mode = \"ALL\"",
            "tenancy_config.tenant_isolation_mode: expected PER_TENANT, found the string \"ALL\"",
        ),
        (
            "capacity_provider_config.lambda_managed_instances_capacity_provider_config.capacity_provider_arn = \"x\"",
            "capacity_provider_config.lambda_managed_instances_capacity_provider_config.capacity_provider_arn: must be the ARN of a capacity provider",
        ),
        (
            "capacity_provider_config.lambda_managed_instances_capacity_provider_config.capacity_provider_arn = \"arn:aws:lambda:eu-west-1:111111111111:capacity-provider:*\"",
            "capacity_provider_config.lambda_managed_instances_capacity_provider_config.capacity_provider_arn: must be the ARN of a capacity provider",
        ),
        (
            "environments.Prod = {}",
            "environments.Prod: \"Prod\" is not an environment: a lower-case letter, then at most 31 of a-z, 0-9 and -",
        ),
        ("environments.prod = 1", "environments.prod: expected a table of fields"),
        ("environments = 1", "environments: expected a table of fields"),
        ("timeout = 99999999999999999999", "not TOML: a value out of range at line 1 column 11"),
        ("timeout = 1\ntimeout = 2", "not TOML: duplicate key at line 2 column 1"),
    ] {
        assert_eq!(refusal(toml), message, "{toml}");
    }
}

#[test]
fn fields_that_contradict_only_when_merged_are_found_in_the_overlay() {
    let toml = r#"
        vpc_config = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
        environments.prod.vpc_config.security_group_ids = []
    "#;
    assert_eq!(refusal(toml), "environments.prod.vpc_config: needs subnets and security groups, or neither");
    let fine = r#"
        vpc_config = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
        environments.prod.vpc_config = { subnet_ids = ["subnet-2"] }
    "#;
    let vpc = manifest(fine).unwrap().for_environment(&named("prod")).vpc_config.unwrap();
    assert_eq!((vpc.subnet_ids, vpc.security_group_ids), (vec!["subnet-2".to_owned()], vec!["sg-1".to_owned()]));
}

#[test]
fn all_wrong_fields_are_reported_at_once_and_each_once() {
    let toml = "timeout = 0\nhandler = 1\n[environments.prod]\ntimeout = 0\nmemory_size = 1\n[environments.Dev]\n";
    let error = Manifest::parse(ManifestFormat::Toml, toml.as_bytes()).unwrap_err();
    let paths: Vec<&str> = error.diagnostics().iter().map(|diagnostic| diagnostic.path.as_str()).collect();
    assert_eq!(paths, ["handler", "timeout", "environments.Dev", "environments.prod.memory_size"]);
    assert!(
        error
            .to_string()
            .starts_with("handler: expected a string, found the number 1; put it in quotes | timeout: 0 is")
    );
}

#[test]
fn unreadable_file_is_refused_with_line_and_column() {
    let parse = |format, bytes: &[u8]| Manifest::parse(format, bytes).unwrap_err().to_string();
    assert_eq!(
        parse(ManifestFormat::Toml, b"a = \"\xff\""),
        "not UTF-8: the byte at 5 (counted from 0) begins no character"
    );
    for utf16 in [&b"\xff\xfer\x00u\x00"[..], b"\xfe\xff\x00r\x00u"] {
        for format in [ManifestFormat::Toml, ManifestFormat::Json] {
            assert_eq!(parse(format, utf16), "UTF-16 (PowerShell's default): save as UTF-8");
        }
    }
    assert_eq!(
        parse(ManifestFormat::Toml, &vec![b'#'; MOST_BYTES + 1]),
        "262145 bytes long; a manifest has at most 262144"
    );
    assert!(Manifest::parse(ManifestFormat::Toml, &vec![b'#'; MOST_BYTES]).is_ok());
    let toml = parse(ManifestFormat::Toml, b"timeout = 1\nhandler = \n");
    assert!(toml.starts_with("not TOML: ") && toml.ends_with(" at line 2 column 11"), "{toml}");
    assert_eq!(parse(ManifestFormat::Json, b"{\"timeout\": 1,}"), "not JSON: trailing comma at line 1 column 15");
    assert_eq!(parse(ManifestFormat::Json, b"[]"), "expected a table of fields");
    assert_eq!(
        parse(ManifestFormat::Json, b"{\"timeout\": 1, \"timeout\": 2}"),
        "not JSON: the field \"timeout\" is there twice at line 1 column 24"
    );
}

#[test]
fn variable_with_an_invalid_or_reserved_name_is_refused() {
    let refused = |name: &str| refusal(&format!("environment.variables.\"{name}\" = \"x\""));
    for name in ["AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME", "_HANDLER", "AWS_SESSION_TOKEN", "LAMBDA_TASK_ROOT"] {
        assert_eq!(
            refused(name),
            format!("environment.variables.{name}: Lambda sets this variable itself, and lets nobody else set it")
        );
    }
    for name in ["A", "1A", "_A", "A-B", "Ä1", ""] {
        assert!(
            refused(name).ends_with("a variable's name is a letter, then at least one letter, digit or _"),
            "{name}"
        );
    }
    for name in ["AB", "a1", "A_", "PATH", "TZ", "AWS_LAMBDA_EXEC_WRAPPER", "AWS_REGIONS"] {
        assert!(manifest(&format!("environment.variables.{name} = \"x\"")).is_ok(), "{name}");
    }
}

#[test]
fn variables_above_four_kilobytes_are_refused_also_when_merged() {
    let sized = |bytes| format!("environment.variables.AB = \"{}\"\n", "x".repeat(bytes));
    assert!(manifest(&sized(4094)).is_ok());
    assert_eq!(
        refusal(&sized(4095)),
        "environment.variables: 4097 bytes of names and values; Lambda takes at most 4096"
    );
    assert_eq!(
        refusal(&format!("{}environments.prod.environment.variables.CD = \"\"", sized(4094))),
        "environments.prod.environment.variables: 4098 bytes of names and values; Lambda takes at most 4096"
    );
}

#[test]
fn variable_that_is_not_text_is_refused_without_its_value() {
    for (value, found) in [
        ("12345", "a number"),
        ("123.45", "a number"),
        ("true", "a boolean"),
        ("[12345]", "a list"),
        ("{ a = 12345 }", "a table"),
    ] {
        let quotes = if value.contains(['[', '{']) { "" } else { "; put it in quotes" };
        let expected = format!("environment.variables.PIN: expected a string, found {found}{quotes}");
        assert_eq!(refusal(&format!("environment.variables.PIN = {value}")), expected);
        let prod = format!("environments.prod.environment.variables.PIN = {value}");
        assert_eq!(refusal(&prod), format!("environments.prod.{expected}"));
    }
    assert_eq!(
        refusal("environment.variables = \"hunter2\""),
        "environment.variables: expected a table, found a string"
    );
    assert_eq!(refusal("environment = \"hunter2\""), "environment: expected a table, found a string");
    assert!(!refusal("environment.variables.PIN = 1979-05-27").contains("1979"));
}

#[test]
fn secret_is_shown_nowhere() {
    let config = base("environment.variables.PIN = \"hunter2\"");
    assert_eq!(variables(&config), [("PIN", "hunter2")]);
    assert!(format!("{config:?}").contains("\"PIN\": ***"));
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(serde_json::to_string(&config.variables).unwrap(), "{\"PIN\":\"***\"}");
}

#[test]
fn role_of_another_account_than_the_targets_is_refused() {
    let arn = |role: &str, partition| {
        ExecutionRole::parse(role).unwrap().in_account(partition, &account()).map(|arn| arn.to_string())
    };
    assert_eq!(arn("orders", "aws").unwrap(), "arn:aws:iam::111111111111:role/orders");
    assert_eq!(arn("app/orders", "aws-cn").unwrap(), "arn:aws-cn:iam::111111111111:role/app/orders");
    assert_eq!(arn("arn:aws:iam::111111111111:role/orders", "aws").unwrap(), "arn:aws:iam::111111111111:role/orders");
    assert_eq!(
        arn("arn:aws:iam::222222222222:role/orders", "aws").unwrap_err().to_string(),
        "the role arn:aws:iam::222222222222:role/orders does not belong to the account 111111111111 of the target; \
         name the role without its account"
    );
    assert!(arn("arn:aws:iam::111111111111:role/orders", "aws-cn").is_err());
    for bad in ["", "a/", "a b", "arn:", "arn:aws:iam::111111111111:user/x", &"x".repeat(65)] {
        assert!(ExecutionRole::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn role_path_with_dots_or_empty_parts_is_refused() {
    let pattern = serde_json::to_value(Manifest::schema()).unwrap()["properties"]["role"]["pattern"].clone();
    assert_eq!(pattern.as_str().unwrap().matches(r"(?!\.{1,2}").count(), 2, "{pattern}");
    for role in
        ["../admin", "./admin", "a/../admin", "a/./b", "a//b", "//admin", "/admin", "..", ".", "a/..", "a/", "../../x"]
    {
        assert!(ExecutionRole::parse(role).is_err(), "{role}");
        let arn = format!("arn:aws:iam::111111111111:role/{role}");
        assert!(ExecutionRole::parse(&*arn).is_err(), "{arn}");
        assert!(refusal(&format!("role = {role:?}")).starts_with("role: "), "{role}");
    }
    for role in ["...", "a.b/c..d", "..a/b", "a/.b"] {
        assert!(ExecutionRole::parse(role).is_ok(), "{role}");
        assert!(ExecutionRole::parse(format!("arn:aws:iam::111111111111:role/{role}")).is_ok(), "{role}");
    }
}

#[test]
fn provided_runtimes_are_recognised() {
    let provided = |text: &str| Runtime::parse(text).unwrap().is_provided();
    assert!(provided("provided") && provided("provided.al2") && provided("provided.al2023"));
    assert!(!provided("providedx") && !provided("python3.13"));
}

#[test]
fn file_system_may_be_a_table_or_a_list_of_one() {
    let system = "{ arn = \"arn:aws:elasticfilesystem:eu-west-1:111111111111:access-point/fsap-0123456789abcdef0\", local_mount_path = \"/mnt/data\" }";
    let list = |toml: String| base(&toml).file_system_config.unwrap();
    assert_eq!(list(format!("file_system_config = {system}")), list(format!("file_system_config = [{system}]")));
    assert_eq!(list(format!("file_system_config = {system}"))[0].local_mount_path, "/mnt/data");
    assert_eq!(list("file_system_config = []".to_owned()), []);
    assert_eq!(
        refusal(&format!("file_system_config = [{system}, {system}]")),
        "file_system_config: must be at most one: Lambda mounts no more"
    );
    let outside = system.replace("/mnt/data", "/data");
    assert_eq!(
        refusal(&format!("file_system_config = {outside}")),
        "file_system_config.local_mount_path: must be /mnt/ and a name of letters, digits and - _ ."
    );
}

#[test]
fn empty_values_that_remove_settings_are_accepted() {
    let config = base(
        r#"
        layers = []
        description = ""
        kms_key_arn = ""
        reserved_concurrent_executions = -1
        dead_letter_config.target_arn = ""
        vpc_config = { subnet_ids = [], security_group_ids = [] }
        "#,
    );
    assert_eq!(config.reserved_concurrent_executions, Some(ReservedConcurrency::Unreserved));
    assert_eq!(
        base("reserved_concurrent_executions = 0").reserved_concurrent_executions,
        Some(ReservedConcurrency::Reserved(0))
    );
    assert_eq!(config.vpc_config.unwrap().subnet_ids, Vec::<String>::new());
}

#[test]
fn tags_and_layers_have_their_limits() {
    let tags = |count: usize| (0..count).map(|n| format!("tags.t{n} = \"\"\n")).collect::<String>();
    assert!(manifest(&tags(50)).is_ok());
    assert_eq!(refusal(&tags(51)), "tags: must be at most 50");
    let layers = |count| format!("layers = {:?}", vec!["arn:aws:lambda:eu-west-1:111111111111:layer:a:1"; count]);
    assert!(manifest(&layers(5)).is_ok());
    assert_eq!(refusal(&layers(6)), "layers: must be at most 5");
    assert!(manifest("tags = { \"größe/größe\" = \"x y@z\" }").is_ok());
    assert_eq!(
        refusal("tags.a = \"x;y\""),
        "tags.a: a tag's value is at most 256 letters, digits, spaces and _ . : / = + - @"
    );
}

#[test]
fn schema_refuses_unknown_fields_and_has_the_overlays() {
    let schema = serde_json::to_value(Manifest::schema()).unwrap();
    let overlay = &schema["properties"]["environments"]["patternProperties"]["^[a-z][a-z0-9-]{0,31}$"];
    assert_eq!(schema["additionalProperties"], json!(false));
    assert_eq!(overlay["additionalProperties"], json!(false));
    assert_eq!(schema["properties"]["environments"]["additionalProperties"], json!(false));
    assert_eq!(overlay["properties"]["environments"], Value::Null);
    assert_eq!(overlay["properties"]["timeout"], schema["properties"]["timeout"]);
    assert_eq!(schema.get("required"), None);
    let required = |config: &Value| config["properties"]["vpc_config"]["required"].clone();
    assert_eq!(required(&schema), json!(["subnet_ids", "security_group_ids"]));
    assert_eq!(required(overlay), Value::Null);
    assert!(!schema.to_string().contains("$ref"));
    for (field, property) in schema["properties"].as_object().unwrap() {
        assert!(property["description"].is_string(), "{field} has no description");
    }
    let variables = &schema["properties"]["environment"]["properties"]["variables"];
    assert_eq!(variables["patternProperties"], json!({ "^[A-Za-z][A-Za-z0-9_]+$": { "type": "string" } }));
    assert_eq!(variables["additionalProperties"], json!(false));
    assert!(
        schema["properties"]["runtime"]["pattern"].is_string() && schema["properties"]["role"]["pattern"].is_string()
    );
    let possible = |config: &Value| config["properties"]["file_system_config"]["anyOf"].clone();
    assert_eq!(possible(&schema)[0]["required"], json!(["arn", "local_mount_path"]));
    assert_eq!(possible(overlay)[0]["required"], Value::Null);
    assert_eq!(possible(overlay)[1]["items"]["required"], json!(["arn", "local_mount_path"]));
}

proptest! {
    #[test]
    fn schema_and_parser_have_the_same_bounds(number in -10_i64..40_000, edge in 0_usize..5) {
        let number = [number, 1, 128, i64::from(i32::MAX), i64::from(i32::MAX) + 1][edge];
        let schema = serde_json::to_value(Manifest::schema()).unwrap();
        for field in ["timeout", "memory_size"] {
            let (least, most) = (schema["properties"][field]["minimum"].as_i64().unwrap(), schema["properties"][field]["maximum"].as_i64().unwrap());
            prop_assert_eq!(manifest(&format!("{field} = {number}")).is_ok(), (least..=most).contains(&number));
        }
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,100}") {
        for format in [ManifestFormat::Toml, ManifestFormat::Json] {
            let _ = Manifest::parse(format, &bytes);
            let _ = Manifest::parse(format, text.as_bytes());
        }
    }

    #[test]
    fn no_message_contains_a_variables_value(secret in "[1-9][0-9]{11,30}", shape in 0_usize..9, overlaid: bool) {
        let line = [
            format!("environment.variables.PIN = {secret}"),
            format!("environment.variables.PIN = {secret}.5"),
            format!("environment.variables.PIN = [{secret}]"),
            format!("environment.variables.PIN = {{ a = {secret} }}"),
            format!("environment.variables = \"{secret}\""),
            format!("environment = [\"{secret}\"]"),
            format!("environment.variables.PIN = {secret}x"),
            format!("environment.variables.PIN = \"{secret}"),
            format!("environment.variables._BAD = \"{secret}\""),
        ][shape].clone();
        let message = refusal(&if overlaid { format!("[environments.prod]\n{line}") } else { line });
        prop_assert!(!message.contains(&secret), "{}", message);
    }

    #[test]
    fn overlay_changes_only_the_fields_that_it_names(
        low in proptest::option::of(1_u32..=900), high in proptest::option::of(1_u32..=900), memory in 128_u32..=10_240,
        under in proptest::collection::btree_map("[A-C]{2}", "[a-z]{0,3}", 0..4),
        over in proptest::collection::btree_map("[A-C]{2}", "[a-z]{0,3}", 0..4),
    ) {
        let layer = |timeout: Option<u32>, variables: &BTreeMap<String, String>| {
            let mut table = json!({ "environment": { "variables": variables } });
            if let Some(timeout) = timeout { table["timeout"] = timeout.into(); }
            table
        };
        let mut file = layer(low, &under);
        file["memory_size"] = memory.into();
        file["environments"] = json!({ "prod": layer(high, &over) });
        let manifest = Manifest::parse(ManifestFormat::Json, file.to_string().as_bytes()).unwrap();
        let (dev, prod) = (manifest.for_environment(&named("dev")), manifest.for_environment(&named("prod")));
        prop_assert_eq!((dev.timeout, prod.timeout), (low, high.or(low)));
        prop_assert_eq!((dev.memory_size, prod.memory_size), (Some(memory), Some(memory)));
        let mut merged = under.clone();
        merged.extend(over.clone());
        let expected: Vec<(&str, &str)> = merged.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        prop_assert_eq!(variables(&prod), expected);
        prop_assert_eq!(dev.variables.unwrap().len(), under.len());
    }
}
