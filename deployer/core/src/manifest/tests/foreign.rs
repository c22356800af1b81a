//! The files of other tools.

use super::*;

const LAMBROLL: &str = r#"{
    "FunctionName": "orders-api", "Description": "orders", "Handler": "index.handler", "MemorySize": 256,
    "Role": "arn:aws:iam::111111111111:role/app/fn-exec", "Runtime": "nodejs22.x", "Timeout": 30, "Publish": true,
    "Environment": {"Variables": {"LOG_LEVEL": "info", "A KEY": "{{ must_env `KEY` }}"}}, "Architectures": ["x86_64"],
    "EphemeralStorage": {"Size": 512}, "LoggingConfig": {"LogFormat": "JSON"}, "SnapStart": {"ApplyOn": "None"},
    "TracingConfig": {"Mode": "PassThrough"}, "Layers": [], "Tags": {"team": "orders", "cost centre": "1"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}, "KMSKeyArn": "{{ env `KEY_ARN` }}",
    "DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 7},
    "FileSystemConfigs": [{"Arn": "arn:aws:elasticfilesystem:eu-west-1:111111111111:access-point/fsap-0a", "LocalMountPath": "/mnt/a"}],
    "ImageConfig": {"Command": ["x"]}, "Strange": 1}"#;

#[test]
fn function_json_of_other_tools_is_refused_with_one_sentence() {
    let apex = r#"{"name": "orders", "memory": 128, "environment": {"A1": "x"}}"#;
    for (tool, file) in [("lambroll", LAMBROLL), ("Apex", apex)] {
        assert_eq!(
            Manifest::parse(ManifestFormat::Json, file.as_bytes()).unwrap_err().to_string(),
            format!(
                "this is the function.json of {tool}: deployctl init --from-file function.json makes a function.toml of it"
            )
        );
    }
    let ours = r#"{"runtime": "nodejs22.x", "memory": 128}"#;
    let error = Manifest::parse(ManifestFormat::Json, ours.as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "memory: unknown field; did you mean memory_size?");
}

#[test]
fn lambroll_file_is_converted_and_unsupported_settings_are_explained() {
    let made = convert(LAMBROLL).unwrap();
    assert_eq!((made.tool, made.function.as_deref(), made.has_values), (Foreign::Lambroll, Some("orders-api"), true));
    let config = base(&made.text);
    assert_eq!(config.role, Some(ExecutionRole::parse("app/fn-exec").unwrap()));
    assert_eq!(
        (config.memory_size, config.timeout, config.architectures),
        (Some(256), Some(30), Some(Architecture::X86_64))
    );
    assert_eq!(variables(&config), [("LOG_LEVEL", "info")]);
    assert_eq!(config.tags.as_ref().unwrap()["cost centre"], "1");
    assert_eq!(config.durable_config.as_ref().unwrap().retention_period, Some(7));
    assert_eq!(config.file_system_config.as_ref().unwrap()[0].local_mount_path, "/mnt/a");
    assert_eq!((config.layers.as_deref(), config.kms_key_arn.as_deref()), (Some(&[][..]), None));
    for comment in [
        "# FunctionName is left out: the upload's key names the function",
        "# Publish is left out: the deployer publishes",
        "# ImageConfig is left out: the deployer deploys zips",
        "# KMSKeyArn is left out: a template stands there",
        "# Environment.Variables.A KEY is left out: a template stands there",
        "# Strange is left out: nothing is known under this name",
    ] {
        assert!(made.text.contains(comment), "{}", made.text);
    }
}

#[test]
fn apex_file_is_converted_by_its_field_names() {
    let made = convert(
        r#"{"name": "orders", "description": "o", "runtime": "nodejs22.x", "memory": 128, "timeout": 5, "handler": "index.handle",
            "role": "arn:aws:iam::111111111111:role/fn", "environment": {"A1": "x"}, "hooks": {"build": "make"},
            "vpc": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]},
            "deadletter_arn": "arn:aws:sqs:eu-west-1:111111111111:dead"}"#,
    );
    let made = made.unwrap();
    let config = base(&made.text);
    assert_eq!((made.tool, made.function.as_deref()), (Foreign::Apex, Some("orders")));
    assert_eq!((config.memory_size, variables(&config)), (Some(128), vec![("A1", "x")]));
    assert_eq!(config.vpc_config.unwrap().subnet_ids, ["subnet-1"]);
    assert!(
        config.dead_letter_config.is_some() && made.text.contains("# hooks is left out: it is Apex's own"),
        "{}",
        made.text
    );
}

#[test]
fn file_of_an_unknown_tool_is_not_converted() {
    for file in ["{}", "[]", "{", "{\"memory_size\": 1}"] {
        assert!(convert(file).is_err(), "{file}");
    }
}

#[test]
fn unsupported_value_removes_no_other_value() {
    let made = convert(
        r#"{"Handler": "a b", "Timeout": "x", "Tags": [], "Environment": {"Variables": {"A B": "1", "GOOD": "2", "AWS_REGION": "3"}},
            "FileSystemConfigs": [
                {"Arn": "arn:aws:elasticfilesystem:eu-west-1:111111111111:access-point/fsap-0a", "LocalMountPath": "/mnt/a"},
                {"Arn": "arn:aws:elasticfilesystem:eu-west-1:111111111111:access-point/fsap-0b", "LocalMountPath": "/mnt/b"}]}"#,
    );
    let made = made.unwrap();
    let config = base(&made.text);
    assert_eq!((variables(&config), made.manifest_error), (vec![("GOOD", "2")], None));
    assert_eq!(config.file_system_config.unwrap()[0].local_mount_path, "/mnt/a");
    let comments: Vec<&str> = made.text.lines().filter(|line| line.contains(" is left out")).collect();
    let fields = [
        "Handler",
        "Timeout",
        "Tags",
        "Environment.Variables.A B",
        "Environment.Variables.AWS_REGION",
        "FileSystemConfigs",
    ];
    assert_eq!((made.left_out, comments.len()), (fields.len(), fields.len()), "{}", made.text);
    for field in fields {
        assert!(
            comments.iter().any(|line| line.starts_with(&format!("# {field} is left out"))),
            "{field}: {}",
            made.text
        );
    }
}

#[test]
fn contradicting_settings_are_reported_for_the_converted_manifest() {
    let made = convert(
        r#"{"Runtime": "nodejs22.x", "Handler": "index.handler", "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
            "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig":
                {"CapacityProviderArn": "arn:aws:lambda:eu-west-1:111111111111:capacity-provider:a"}}}"#,
    );
    assert!(made.unwrap().manifest_error.unwrap().contains("cannot stand beside vpc_config"));
}

#[test]
fn comments_in_a_converted_manifest_are_valid_toml() {
    let made = convert(
        r#"{"name": "orders", "memory": 128, "str\u007fange": 1, "\u0001x\u202e": 2, "environment": {"A\u0007": "x"}}"#,
    );
    let made = made.unwrap();
    assert_eq!(made.manifest_error, None, "{}", made.text);
    for name in [r"str\u{7f}ange", r"\u{1}x\u{202e}", r"environment.A\u{7}"] {
        assert!(made.text.contains(&format!("# {name} is left out: ")), "{}", made.text);
    }
}

#[test]
fn function_of_a_container_image_is_not_converted() {
    for file in [
        r#"{"PackageType": "Image", "Code": {"ImageUri": "1.dkr.ecr.eu-west-1.amazonaws.com/a:1"}, "Role": "x"}"#,
        r#"{"Role": "x", "Timeout": 3, "Code": {"ImageUri": "{{ must_env `IMAGE` }}"}}"#,
        r#"{"FunctionName": "a", "PackageType": "Image"}"#,
    ] {
        assert_eq!(convert(file).unwrap_err(), NotConverted::Image, "{file}");
    }
    assert!(convert(r#"{"FunctionName": "a", "PackageType": "Zip"}"#).is_ok());
}

#[test]
fn template_outside_a_string_must_be_rendered_first() {
    for (file, place) in [
        ("{\"FunctionName\": \"a\",\n \"Timeout\": {{ must_env `T` }}}", "line 2 column 14"),
        (r#"{"FunctionName": "a", {{ if env `X` }} "Timeout": 3 {{ end }}}"#, "line 1 column 23"),
        (r#"{"FunctionName": "{{ env "X" "y" }}"}"#, "line 1 column 27"),
    ] {
        let sentence = format!("not JSON: a template stands at {place}: render the file first (lambroll render)");
        assert_eq!(convert(file).unwrap_err().to_string(), sentence);
        assert_eq!(Manifest::parse(ManifestFormat::Json, file.as_bytes()).unwrap_err().to_string(), sentence);
    }
    let closed = convert(r#"{"Role": "{{ env `R` }}", "Timeout": x}"#).unwrap_err().to_string();
    assert!(closed.starts_with("not JSON: expected value"), "{closed}");
}

#[test]
fn table_without_a_left_out_field_says_so_and_is_counted() {
    let made = convert(
        r#"{"Role": "x", "Timeout": 3, "VpcConfig": {"SubnetIds": ["subnet-1", "{{ must_env `S` }}"], "SecurityGroupIds": ["sg-1"]},
            "FileSystemConfigs": [{"Arn": "arn:aws:elasticfilesystem:eu-west-1:111111111111:file-system/fs-1", "LocalMountPath": "/mnt/a"}]}"#,
    );
    let made = made.unwrap();
    assert_eq!((made.left_out, &made.manifest_error), (3, &None), "{}", made.text);
    for line in [
        "# VpcConfig.SubnetIds is left out: a template stands in it; give it a value here, or one below [environments.<name>]",
        "# vpc_config is left out until there is a value for vpc_config.subnet_ids:",
        "# [vpc_config]",
        "# security_group_ids = [\"sg-1\"]",
        "# file_system_config is left out until this is right: file_system_config.arn: must be the ARN of an access point",
        "# [file_system_config]",
    ] {
        assert!(made.text.lines().any(|found| found == line), "{line}\n{}", made.text);
    }
    assert!(!made.text.contains("cannot say it"), "{}", made.text);
}

#[test]
fn apex_fields_of_deployer_json_are_reported_by_their_apex_names() {
    let made = convert(
        r#"{"name": "orders", "memory": 128, "alias": "prod", "retainedVersions": 5, "nameTemplate": "x", "hooks": {}}"#,
    );
    let text = made.unwrap().text;
    for line in [
        "# name is left out: the upload's key names the function, and function_name of the environment what it is called there",
        "# alias is left out: alias of deployer.json's environments takes its place",
        "# retainedVersions is left out: keep_versions of deployer.json's environments takes its place",
        "# nameTemplate is left out: function_name of deployer.json's environments takes its place",
        "# hooks is left out: it is Apex's own",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("FunctionName"), "{text}");
}

#[test]
fn manifest_of_a_container_image_is_refused_with_what_to_use() {
    let instead = "the deployer deploys zips, not container images: zip the function's code and upload that, or deploy the \
         image with aws lambda update-function-code --image-uri";
    let uri = "1.dkr.ecr.eu-west-1.amazonaws.com/a:1";
    for toml in [format!("image_uri = {uri:?}"), "package_type = \"Image\"".to_owned()] {
        let (field, _) = toml.split_once(' ').unwrap();
        let expected = format!("{field}: known to AWS and Terraform, but not supported here: {instead}");
        assert_eq!(refusal(&toml), expected);
    }
    let lambroll =
        format!(r#"{{"FunctionName": "a", "PackageType": "Image", "Code": {{"ImageUri": "{uri}"}}, "Role": "x"}}"#);
    let error = Manifest::parse(ManifestFormat::Json, lambroll.as_bytes()).unwrap_err();
    let expected = format!("this is the function.json of lambroll for a container image: {instead}");
    assert_eq!(error.to_string(), expected);
}
