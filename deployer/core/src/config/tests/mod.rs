#![allow(clippy::unwrap_used)]

mod approvers;
mod rollouts;
mod rules;

use super::*;
use crate::id::FunctionName;
use crate::names;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

/// The deployer.json in the contract.
fn acme() -> Value {
    json!({
        "artifact_bucket": "acme-artifacts",
        "ledger_bucket": "acme-deployer-ledger",
        "queue_url": "https://sqs.eu-west-1.amazonaws.com/000000000000/deployer",
        "event_bus": "deployer",
        "environments": {
            "dev": {
                "targets": [{ "account": "111111111111", "region": "eu-west-1" }],
                "role_name": "deployer-target", "external_id": "dev-8c1f", "alias": "live",
                "function_name": "{function}", "accept_uploads": true
            },
            "prod": {
                "targets": [{ "account": "222222222222", "region": "eu-west-1" },
                            { "account": "222222222222", "region": "us-east-1" }],
                "promotion": { "from": "dev", "automatic": true, "soak": "30m" }
            }
        }
    })
}

/// Returns the contract's file with one value set at a JSON pointer, whose last part may be new.
fn with(pointer: &str, value: Value) -> Value {
    let mut file = acme();
    let (table, field) = pointer.rsplit_once('/').unwrap();
    match file.pointer_mut(table).unwrap() {
        Value::Array(list) => list[field.parse::<usize>().unwrap()] = value,
        table => table[field] = value,
    }
    file
}

fn parse(file: &Value) -> Result<Config, String> {
    Config::parse(&file.to_string()).map_err(|error| error.to_string())
}

fn refusal(pointer: &str, value: Value) -> String {
    parse(&with(pointer, value)).unwrap_err()
}

fn name(text: &str) -> EnvironmentName {
    EnvironmentName::parse(text).unwrap()
}

#[test]
fn absent_fields_have_the_contracts_defaults() {
    let config = parse(&acme()).unwrap();
    let prod = &config.environments[&name("prod")];
    assert_eq!(prod.role_name.as_str(), "deployer-target");
    assert_eq!(prod.external_id, None);
    assert_eq!(prod.alias.as_str(), "live");
    assert_eq!(prod.function_name.as_str(), "{function}");
    assert_eq!((prod.keep_versions, prod.prune_durable, prod.immutable_releases), (10, false, false));
    assert_eq!(prod.traffic_within.to_string(), names::TRAFFIC_WITHIN);
    assert_eq!(prod.promotion.as_ref().unwrap().soak.as_duration(), Duration::from_secs(1800));
    assert_eq!(config.environments[&name("dev")].promotion, None);
    let quiet = parse(&with("/environments/prod/promotion", json!({ "from": "dev" }))).unwrap();
    let promotion = quiet.environments[&name("prod")].promotion.clone().unwrap();
    assert!(!promotion.automatic && promotion.soak.is_zero());
}

#[test]
fn uploads_are_accepted_by_default_unless_there_is_a_promotion() {
    let accepts = |file: &Value, environment| parse(file).unwrap().environments[&name(environment)].accept_uploads;
    let silent =
        with("/environments/dev", json!({ "targets": [{ "account": "111111111111", "region": "eu-west-1" }] }));
    assert!(accepts(&silent, "dev"));
    assert!(!accepts(&silent, "prod"));
    assert!(accepts(&with("/environments/prod/accept_uploads", json!(true)), "prod"));
    assert!(!accepts(&with("/environments/dev/accept_uploads", json!(false)), "dev"));
}

#[test]
fn null_is_the_same_as_absent() {
    let mut file = acme();
    for field in ["role_name", "external_id", "alias", "function_name", "keep_versions", "promotion"] {
        file["environments"]["dev"][field] = Value::Null;
    }
    let mut without = acme();
    without["environments"]["dev"]
        .as_object_mut()
        .unwrap()
        .retain(|field, _| field == "targets" || field == "accept_uploads");
    assert_eq!(parse(&file).unwrap(), parse(&without).unwrap());
    let promotion = json!({ "from": "dev", "automatic": null, "soak": null });
    assert_eq!(
        parse(&with("/environments/prod/promotion", promotion)),
        parse(&with("/environments/prod/promotion", json!({ "from": "dev" })))
    );
}

#[test]
fn each_mistake_names_the_path_of_its_field_and_the_rule() {
    for (pointer, value, message) in [
        (
            "/environments/prod/targets/1",
            json!({ "account": "12", "region": "eu-west-1" }),
            "environments.prod.targets[1].account: \"12\" is not an account id: 12 digits",
        ),
        (
            "/environments/prod/targets/1",
            json!({ "account": 222_222_222_222_u64, "region": "eu-west-1" }),
            "environments.prod.targets[1].account: expected a string, found the number 222222222222; put it in quotes",
        ),
        (
            "/environments/prod/targets/1",
            json!({ "account": "222222222222" }),
            "environments.prod.targets[1].region: required, but missing",
        ),
        (
            "/environments/prod/targets/1",
            json!({ "account": "222222222222", "region": "eu-west-1" }),
            "environments.prod.targets[1]: 222222222222/eu-west-1 is there twice",
        ),
        (
            "/environments/prod/targets",
            json!([]),
            "environments.prod.targets: must name at least one account and region",
        ),
        ("/environments/prod/target", json!([]), "environments.prod.target: unknown field; did you mean targets?"),
        ("/artefact_bucket", json!("x"), "artefact_bucket: unknown field; did you mean artifact_bucket?"),
        (
            "/environments/prod/promotion/form",
            json!("dev"),
            "environments.prod.promotion.form: unknown field; did you mean from?",
        ),
        (
            "/environments/Prod",
            json!({}),
            "environments.Prod: \"Prod\" is not an environment: a lower-case letter, then at most 31 of a-z, 0-9 and -",
        ),
        (
            "/environments/prod/promotion/from",
            json!("dve"),
            "environments.prod.promotion.from: no environment is called dve; did you mean dev?",
        ),
        (
            "/environments/prod/promotion/from",
            json!("prod"),
            "environments.prod.promotion.from: promotions must not go in a circle: prod from prod",
        ),
        (
            "/environments/dev/promotion",
            json!({ "from": "prod" }),
            "environments.dev.promotion.from: promotions must not go in a circle: dev from prod from dev",
        ),
        (
            "/environments/prod/promotion/soak",
            json!("soon"),
            "environments.prod.promotion.soak: \"soon\" is not a duration: a whole number and s, m, h or d, such as 30m, and at most 365d",
        ),
        (
            "/environments/dev/traffic_within",
            json!("0s"),
            "environments.dev.traffic_within: must be longer than 0s: Lambda needs time to move the traffic",
        ),
        (
            "/environments/dev/keep_versions",
            json!(0),
            "environments.dev.keep_versions: must be at least 1: the live version is one of those kept",
        ),
        ("/environments/dev/keep_versions", json!(-1), "environments.dev.keep_versions: -1 is out of range"),
        (
            "/ledger_bucket",
            json!("acme-artifacts"),
            "ledger_bucket: must be another bucket than artifact_bucket: CI writes to that one",
        ),
        (
            "/environments/dev/function_name",
            json!("{function}-{release}"),
            "environments.dev.function_name: {release} cannot be in \"{function}-{release}\": a function keeps its name from one release to the next",
        ),
        (
            "/environments/dev/function_name",
            json!("{env}-{function}"),
            "environments.dev.function_name: {env} in \"{env}-{function}\" is not known; {function} and {environment} are",
        ),
        (
            "/environments/dev/function_name",
            json!("orders"),
            "environments.dev.function_name: \"orders\" must have {function} in it, or all functions would share one name",
        ),
        (
            "/environments/dev/function_name",
            json!("{function}.{environment"),
            "environments.dev.function_name: \"{function}.{environment\" may have letters, digits, - and _ beside {function} and {environment}",
        ),
        (
            "/environments/dev/function_name",
            json!(format!("{}{{function}}", "x".repeat(64))),
            "environments.dev.function_name: leaves no room for a function: Lambda allows 64 characters in all",
        ),
        (
            "/environments/dev/log_groups",
            json!(["/acme/*", "arn:aws:logs:eu-west-1:111111111111:log-group:x"]),
            "environments.dev.log_groups[1]: \"arn:aws:logs:eu-west-1:111111111111:log-group:x\" is no pattern of log groups, such as \
             /acme/{environment}/*; {function}, {environment} and * may be in it",
        ),
        (
            "/environments/dev/dead_letter_targets",
            json!(["{function}-dead"]),
            "environments.dev.dead_letter_targets[0]: \"{function}-dead\" is no pattern of dead-letter targets, such as \
             arn:aws:sqs:*:*:{function}-dead-letters; {function}, {environment} and * may be in it",
        ),
        (
            "/environments/dev/alias",
            json!("42"),
            "environments.dev.alias: \"42\" is not an alias: 1 to 128 of letters, digits, - and _, not digits only",
        ),
        (
            "/queue_url",
            json!("deployer"),
            "queue_url: must be a queue's URL, such as https://sqs.eu-west-1.amazonaws.com/…",
        ),
        (
            "/wake_queue_url",
            json!("wakes"),
            "wake_queue_url: must be a queue's URL, such as https://sqs.eu-west-1.amazonaws.com/…",
        ),
        ("/event_bus", json!("a b"), "event_bus: must be an event bus's name or ARN"),
        ("/account", json!("12"), "account: \"12\" is not an account id: 12 digits"),
        (
            "/account",
            json!(123_456_789_012_u64),
            "account: expected a string, found the number 123456789012; put it in quotes",
        ),
        (
            "/environments/prod/targets/1",
            json!(["222222222222", "eu-west-1"]),
            "environments.prod.targets[1]: expected a table, found a list",
        ),
        ("/environments", json!([]), "environments: expected a table, found a list"),
        (
            "/environments/dev/accept_uploads",
            json!("yes"),
            "environments.dev.accept_uploads: expected true or false, found the string \"yes\"",
        ),
    ] {
        assert_eq!(refusal(pointer, value), message);
    }
}

#[test]
fn soak_needs_a_queue() {
    let mut file = acme();
    file.as_object_mut().unwrap().remove("queue_url");
    assert_eq!(
        parse(&file).unwrap_err(),
        "environments.prod.promotion.soak: a soak of 30m needs queue_url: without a queue nothing can wait"
    );
    file["environments"]["prod"]["promotion"]["soak"] = json!("0s");
    assert!(parse(&file).is_ok());
}

#[test]
fn longer_circle_is_reported_once_by_one_of_its_members() {
    let mut file = acme();
    let place = |from: &str| {
        json!({ "targets": [{ "account": "333333333333", "region": "eu-west-1" }], "function_name": "{environment}_{function}",
            "promotion": { "from": from } })
    };
    for (to, from) in [("a", "c"), ("b", "a"), ("c", "b"), ("aa", "a"), ("z", "a")] {
        file["environments"][to] = place(from);
    }
    assert_eq!(
        parse(&file).unwrap_err(),
        "environments.a.promotion.from: promotions must not go in a circle: a from c from b from a"
    );
}

#[test]
fn all_broken_rules_are_reported_at_once() {
    let mut file = acme();
    file["ledger_bucket"] = file["artifact_bucket"].clone();
    file["environments"]["dev"]["targets"] = json!([]);
    let error = Config::parse(&file.to_string()).unwrap_err();
    let paths: Vec<&str> = error.diagnostics().iter().map(|m| m.path.as_str()).collect();
    assert_eq!(paths, ["ledger_bucket", "environments.dev.targets"]);
}

#[test]
fn file_that_is_not_json_is_refused_with_its_line() {
    let error = Config::parse("{\n  \"artifact_bucket\": ,\n").unwrap_err();
    assert_eq!(error.to_string(), "not JSON: expected value at line 2 column 22");
    assert_eq!(Config::parse("[]").unwrap_err().to_string(), "expected a table, found a list");
    assert!(Config::parse(&format!("\u{feff}{}", acme())).is_ok());
}

#[test]
fn repeated_environment_is_refused() {
    let text = r#"{"environments": {"dev": {}, "dev": {}}}"#;
    assert!(Config::parse(text).unwrap_err().to_string().contains("the field \"dev\" is there twice"));
}

#[test]
fn role_arn_has_the_partition_of_the_targets_region() {
    let target =
        |region| Target { account: AccountId::parse("111111111111").unwrap(), region: Region::parse(region).unwrap() };
    assert_eq!(
        target("cn-north-1").role_arn(&RoleName::default()),
        "arn:aws-cn:iam::111111111111:role/deployer-target"
    );
    assert_eq!(target("eu-west-1").role_arn(&RoleName::default()), "arn:aws:iam::111111111111:role/deployer-target");
    let with_path = RoleName::parse("platform/deployer-target").unwrap();
    assert_eq!(target("eu-west-1").role_arn(&with_path), "arn:aws:iam::111111111111:role/platform/deployer-target");
    assert_eq!(target("eu-west-1").to_string(), "111111111111/eu-west-1");
}

#[test]
fn function_name_above_64_characters_is_refused_when_made() {
    let template = FunctionNameTemplate::parse("{environment}-{function}").unwrap();
    let made = |length| template.name(&name("dev"), &FunctionName::parse("f".repeat(length)).unwrap());
    assert_eq!(made(60).unwrap().as_str(), format!("dev-{}", "f".repeat(60)));
    assert!(made(61).unwrap_err().to_string().ends_with("is not a function name: 1 to 64 of letters, digits, - and _"));
}

#[test]
fn schema_and_parser_accept_the_same_files() {
    let schema = serde_json::to_value(schema()).unwrap();
    assert_eq!(schema["additionalProperties"], json!(false));
    assert_eq!(schema["required"], json!(["artifact_bucket", "ledger_bucket", "environments"]));
    assert_eq!(schema["$defs"]["Environment"]["required"], json!(["targets"]));
    assert_eq!(schema["$defs"]["Environment"]["additionalProperties"], json!(false));
    assert_eq!(schema["$defs"]["Environment"]["properties"]["targets"]["minItems"], json!(1));
    assert_eq!(schema["$defs"]["Target"]["additionalProperties"], json!(false));
    assert_eq!(schema["$defs"]["Span"]["pattern"], json!("^[0-9]{1,9}[smhd]$"));
    assert!(schema["$defs"]["FunctionNameTemplate"]["pattern"].is_string());
    assert_eq!(schema["$defs"]["Promotion"]["properties"]["soak"]["default"], json!("0s"));
}

proptest! {
    #[test]
    fn duration_round_trips(number in 0_u64..100_000, unit in 0_usize..4) {
        let text = format!("{number}{}", UNITS[unit].0);
        let span = Span::parse(&text);
        prop_assert_eq!(span.is_ok(), number * UNITS[unit].1 <= LONGEST_SPAN);
        if let Ok(span) = span {
            prop_assert_eq!(span.as_duration().as_secs(), number * UNITS[unit].1);
            prop_assert_eq!(Span::parse(&span.to_string()).unwrap(), span);
        }
    }

    #[test]
    fn text_that_is_no_duration_is_refused(text in "[0-9smhd. +-]{0,6}|\\PC{0,6}") {
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).unwrap_or(("", ""));
        let fine = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) && ["s", "m", "h", "d"].contains(&unit);
        prop_assert!(Span::parse(&text).is_err() || fine);
    }

    #[test]
    fn template_gives_different_functions_different_names(
        before in "[a-z-]{0,9}", after in "[a-z-]{0,9}", a in "[A-Za-z0-9_-]{1,20}", b in "[A-Za-z0-9_-]{1,20}",
    ) {
        let template = FunctionNameTemplate::parse(format!("{before}{{function}}{after}")).unwrap();
        let made = |f: &str| template.name(&name("dev"), &FunctionName::parse(f).unwrap()).unwrap();
        prop_assert_eq!(made(&a) == made(&b), a == b);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        let _ = Config::parse(&text);
    }
}

#[test]
fn mistakes_of_form_are_reported_with_broken_rules_elsewhere() {
    let error = Config::parse(
        r#"{
            "artifact_bucket": "acme-artifacts", "ledger": "x", "queue_url": 7, "event_bus": "a b",
            "environments": {
                "dev": {"targets": [{"account": "12", "region": "eu-west-1"}, {"account": "111111111111", "region": "nowhere"},
                    {"account": "111111111111"}, {"account": "111111111111", "region": "eu-west-1"}, {}],
                    "keep_versions": "ten", "accept_upload": true},
                "prod": {"targets": [], "promotion": {"from": "dve"}}
            }
        }"#,
    )
    .unwrap_err();
    let paths: Vec<&str> = error.diagnostics().iter().map(|diagnostic| diagnostic.path.as_str()).collect();
    let mut sorted = paths.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            "environments.dev.accept_upload",
            "environments.dev.keep_versions",
            "environments.dev.targets[0].account",
            "environments.dev.targets[1].region",
            "environments.dev.targets[2].region",
            "environments.dev.targets[4].account",
            "environments.dev.targets[4].region",
            "environments.prod.promotion.from",
            "environments.prod.targets",
            "event_bus",
            "ledger",
            "queue_url",
        ]
    );
}
