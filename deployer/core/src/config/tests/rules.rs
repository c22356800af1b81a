//! Rules about several environments, and secrets that errors must not repeat.

use super::*;

#[test]
fn invalid_external_id_is_not_quoted() {
    for wrong in [json!("s3cret with spaces"), json!(12345), json!("x")] {
        let error = refusal("/environments/dev/external_id", wrong);
        assert!(error.starts_with("environments.dev.external_id: "), "{error}");
        assert!(!error.contains("s3cret") && !error.contains("12345") && !error.contains("\"x\""), "{error}");
    }
}

#[test]
fn environments_with_clashing_function_names_are_refused() {
    let with = |dev: Value, prod: Value| {
        let mut file = acme();
        file["environments"]["prod"]["targets"] = json!([{ "account": "111111111111", "region": "eu-west-1" }]);
        file["environments"]["dev"]["function_name"] = dev;
        file["environments"]["prod"]["function_name"] = prod;
        parse(&file).map(|_| ())
    };
    assert_eq!(
        with(Value::Null, Value::Null).unwrap_err(),
        "environments.prod.function_name: prod and dev may mean one function of 111111111111/eu-west-1: orders of prod and orders \
         of dev are both called orders. Give each an account of its own, or both a function_name such as {environment}_{function}"
    );
    assert!(with(json!("{environment}-{function}"), Value::Null).is_err());
    assert_eq!(with(json!("{environment}-{function}"), json!("{environment}-{function}")), Ok(()));
    assert!(parse(&acme()).is_ok(), "accounts of their own");
    let other_region = json!([{ "account": "111111111111", "region": "us-east-1" }]);
    assert!(parse(&super::with("/environments/prod/targets", other_region)).is_ok());
}

#[test]
fn misspelt_direction_of_a_region_is_warned_of() {
    let with_region = |region: &str| {
        super::with("/environments/prod/targets/1", json!({ "account": "222222222222", "region": region }))
    };
    let warnings = |region: &str| parse(&with_region(region)).unwrap().warnings(jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(warnings("us-east-1"), Vec::<String>::new());
    assert_eq!(
        warnings("eu-wst-1"),
        ["environments.prod.targets[1].region: eu-wst-1 is no region that this program knows of; is it misspelt?"]
    );
}

#[test]
fn regions_of_another_or_no_partition_are_refused() {
    let target = |region: &str| json!({ "account": "222222222222", "region": region });
    let refusal = |region: &str| refusal("/environments/prod/targets/1", target(region));
    assert_eq!(
        refusal("xx-foo-1"),
        "environments.prod.targets[1].region: xx-foo-1 is in none of AWS's partitions known here (aws, aws-cn, aws-us-gov, aws-iso, \
         aws-iso-b, aws-iso-e, aws-iso-f, aws-eusc)"
    );
    assert_eq!(
        refusal("cn-north-1"),
        "environments.prod.targets[1].region: cn-north-1 is in the partition aws-cn, and eu-west-1 of the deployer in aws: no role \
         can be assumed across partitions, so aws-cn needs a deployer of its own"
    );
    let mut china = acme();
    china["queue_url"] = json!("https://sqs.cn-north-1.amazonaws.com.cn/000000000000/deployer");
    china["environments"].as_object_mut().unwrap().remove("prod");
    china["environments"]["dev"]["targets"] = json!([target("cn-northwest-1")]);
    assert!(parse(&china).is_ok());
    let frankfurt = Region::parse("eu-central-1").unwrap();
    let error = Config::parse_in(&china.to_string(), Some(&frankfurt)).unwrap_err().to_string();
    assert!(
        error.contains("cn-northwest-1 is in the partition aws-cn, and eu-central-1 of the deployer in aws"),
        "{error}"
    );
}

#[test]
fn wake_queue_needs_a_queue_for_uploads() {
    let mut file = acme();
    file["wake_queue_url"] = json!("https://sqs.eu-west-1.amazonaws.com/000000000000/deployer-wakes");
    assert!(parse(&file).is_ok());
    let mut same = file.clone();
    same["wake_queue_url"] = same["queue_url"].clone();
    assert_eq!(parse(&same).unwrap_err(), "wake_queue_url: is queue_url: leave it out where both are one queue");
    file.as_object_mut().unwrap().remove("queue_url");
    file["environments"]["prod"]["promotion"]["soak"] = json!("0s");
    assert_eq!(parse(&file).unwrap_err(), "wake_queue_url: needs queue_url: that is where uploads arrive");
}

#[test]
fn many_environments_promoted_from_each_other_are_checked_quickly() {
    let name = |number: usize| format!("e{number:03}");
    let environment = |number: usize| {
        let from: Vec<String> = (number + 1..60).map(name).collect();
        let targets = json!([{ "account": format!("{:012}", number + 1), "region": "eu-west-1" }]);
        match from.is_empty() {
            true => json!({ "targets": targets }),
            false => json!({ "targets": targets, "promotion": { "from": from } }),
        }
    };
    let mut file = acme();
    file["environments"] = (0..60).map(|number| (name(number), environment(number))).collect();
    assert!(parse(&file).is_ok());
    // The circle at the end of a long path is found.
    file["environments"]["e059"]["promotion"] = json!({ "from": "e000" });
    assert!(parse(&file).unwrap_err().contains("promotions must not go in a circle: e000 from "));
}
