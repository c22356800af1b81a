//! Known fields and maximums of AWS.

use super::*;

#[test]
fn numbers_above_lambdas_known_maximums_are_accepted_with_a_warning() {
    let warned = |toml: &str| base(toml).warnings();
    for (field, most) in [("timeout", 900), ("memory_size", 10_240), ("ephemeral_storage.size", 10_240)] {
        assert_eq!(warned(&format!("{field} = {most}")), Vec::<String>::new());
        assert_eq!(
            warned(&format!("{field} = {}", most + 1)),
            [format!("{field} is {}, more than the {most} that this deployer knows of; Lambda decides", most + 1)]
        );
    }
    assert_eq!(warned("timeout = 1800\nmemory_size = 32768\nephemeral_storage.size = 32768").len(), 3);
    assert_eq!(warned(""), Vec::<String>::new());
    // Managed instances allow larger numbers.
    let managed = "timeout = 5400\nmemory_size = 32768\ncapacity_provider_config.lambda_managed_instances_capacity_provider_config\
        .capacity_provider_arn = \"arn:aws:lambda:eu-west-1:111111111111:capacity-provider:a\"\n";
    assert_eq!(warned(managed), Vec::<String>::new());
}

#[test]
fn aws_layers_have_no_account_region_and_version() {
    let fits = |arn: &str| manifest(&format!("layers = [{arn:?}]")).is_ok();
    for arn in ["arn:aws:lambda:::awslayer:AmazonLinux2", "arn:aws-cn:lambda:::awslayer:a-b_C1"] {
        assert!(fits(arn), "{arn}");
    }
    for arn in [
        "arn:aws:lambda:::awslayer:",
        "arn:aws:lambda:::awslayer:a b",
        "arn:aws:lambda:::awslayer:a:1",
        "arn:aws:lambda:eu-west-1::awslayer:a",
        "arn:aws:lambda:::layer:a",
        "arn:aws:lambda:::awslayer:*",
        &format!("arn:aws:lambda:::awslayer:{}", "x".repeat(141)),
    ] {
        assert!(!fits(arn), "{arn}");
    }
    let pattern = serde_json::to_value(Manifest::schema()).unwrap()["properties"]["layers"]["items"]["pattern"].clone();
    assert!(
        pattern.as_str().unwrap().contains(":lambda:") && pattern.as_str().unwrap().contains("::awslayer:"),
        "{pattern}"
    );
}

#[test]
fn capacity_provider_with_a_vpc_is_refused_in_every_environment() {
    let capacity = "[capacity_provider_config.lambda_managed_instances_capacity_provider_config]\n\
        capacity_provider_arn = \"arn:aws:lambda:eu-west-1:111111111111:capacity-provider:a\"\n";
    let vpc =
        |under: &str| format!("[{under}vpc_config]\nsubnet_ids = [\"subnet-1\"]\nsecurity_group_ids = [\"sg-1\"]\n");
    let sentence = "capacity_provider_config: cannot stand beside vpc_config: the capacity provider brings the subnets and \
        security groups";
    assert_eq!(refusal(&format!("{capacity}{}", vpc(""))), sentence);
    assert_eq!(refusal(&format!("{capacity}{}", vpc("environments.prod."))), format!("environments.prod.{sentence}"));
    assert!(manifest(&format!("{capacity}[vpc_config]\nsubnet_ids = []\nsecurity_group_ids = []\n")).is_ok());
}
