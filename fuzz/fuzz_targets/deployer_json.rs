//! Bytes as deployer.json, and what the configuration leads to: names, roles, sessions, freezes.

#![no_main]

use deployer_core::config::Config;
use deployer_core::freeze::frozen_until;
use deployer_core::function_ref::FunctionRef;
use deployer_core::id::{EnvironmentName, FunctionName, Region};
use deployer_core::manifest::ExecutionRole;
use deployer_core::record::CauseKind;
use deployer_core::session_policy::read_only_policy;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// No input has it by chance. It is no external id.
const SECRET: &str = "Zq7vT planted 9xK";

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let own = Region::parse("us-gov-west-1").expect("a region");
    let (anywhere, there) = (Config::parse(text), Config::parse_in(text, Some(&own)));
    match (&anywhere, &there) {
        (Ok(config), _) => accepted(config),
        (Err(error), there) => {
            assert!(!error.diagnostics().is_empty());
            // A deployer's own region forbids and allows targets, and nothing else.
            let other = |diagnostic: &deployer_core::diagnostics::Diagnostic| !diagnostic.path.contains(".region");
            assert!(there.is_err() || !error.diagnostics().iter().any(other));
        }
    }
    let Ok(value) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) else { return };
    if let Ok(config) = &anywhere {
        assert_eq!(Config::parse(&value.to_string()).as_ref(), Ok(config), "written anew it is another");
        let without = without_nulls(&value);
        assert_eq!(Config::parse(&without.to_string()).as_ref(), Ok(config), "null is not as absent");
    }
    withheld(value);
});

/// The rules for every configuration that is taken.
fn accepted(config: &Config) {
    let functions = functions(config);
    for (name, environment) in &config.environments {
        assert!(!environment.targets.is_empty() && environment.keep_versions > 0);
        for function in &functions {
            let at = FunctionRef::find(config, name, function).expect("it is there");
            assert!(at.function_name.as_str().len() <= 64);
            assert_eq!(at.as_configured().function_name, at.function_name);
            let named = environment.function_name.name(name, function);
            let refused = at.refusal(CauseKind::Upload).is_some();
            assert_eq!(refused, named.is_err() || !environment.accept_uploads);
            for role in ["lambda/orders", "orders-api-1", "arn:aws:iam::111111111111:role/orders"] {
                let _taken = at.check_role(&ExecutionRole::parse(role).expect("a role"));
            }
            for target in &environment.targets {
                let role = target.role_arn(&environment.role_name);
                assert!(ExecutionRole::parse(role.clone()).is_ok(), "{role}");
                serde_json::from_str::<Value>(&read_only_policy(target, &at.function_name)).expect("a policy is JSON");
            }
        }
        if let Some(promotion) = &environment.promotion {
            assert!(promotion.from.iter().all(|from| config.environments.contains_key(from) && from != name));
        }
        for seconds in [0, 1_700_000_000, 1_800_000_000, 4_000_000_000] {
            let now = Timestamp::from_second(seconds).expect("a time");
            assert!(frozen_until(&environment.freeze, now).is_none_or(|until| until > now));
        }
    }
    alone(config, &functions);
}

/// Names of functions, and those that may meet under the configuration's templates.
fn functions(config: &Config) -> Vec<FunctionName> {
    let mut texts = vec!["f".to_owned(), "orders-api".to_owned(), "f_f".to_owned(), "f".repeat(64)];
    for (name, environment) in config.environments.iter().take(6) {
        let template = environment.function_name.as_str().replace("{environment}", name.as_str());
        let parts: Vec<&str> = template.split("{function}").filter(|part| !part.is_empty()).collect();
        for part in parts {
            texts.extend([part.to_owned(), format!("{part}f"), format!("f{part}")]);
        }
        texts.extend([format!("{name}-f"), format!("f-{name}")]);
    }
    texts.truncate(24);
    texts.into_iter().filter_map(|text| FunctionName::parse(text).ok()).collect()
}

/// Two environments never mean one function.
fn alone(config: &Config, functions: &[FunctionName]) {
    let named = |environment: &EnvironmentName| -> Vec<FunctionName> {
        let template = &config.environments[environment].function_name;
        functions.iter().filter_map(|function| template.name(environment, function).ok()).collect()
    };
    let all: Vec<_> = config.environments.iter().take(6).collect();
    for (index, (name, environment)) in all.iter().enumerate() {
        for (other_name, other) in &all[..index] {
            if environment.targets.iter().any(|target| other.targets.contains(target)) {
                let (one, two) = (named(name), named(other_name));
                let shared = one.iter().find(|function| two.contains(function));
                assert_eq!(shared, None, "{name} and {other_name} mean one function");
            }
        }
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let there = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(there.map(|(name, value)| (name.clone(), without_nulls(value))).collect())
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// An external id is not told, whatever is wrong with it or beside it.
fn withheld(mut value: Value) {
    let environments = value.get_mut("environments").and_then(Value::as_object_mut);
    let fields = environments.into_iter().flat_map(|all| all.values_mut()).filter_map(Value::as_object_mut);
    let planted = [json!(SECRET), json!([SECRET]), json!({"of": SECRET})];
    for (fields, secret) in fields.zip(planted.iter().cycle()) {
        fields.insert("external_id".to_owned(), secret.clone());
    }
    if let Err(error) = Config::parse(&value.to_string()) {
        assert!(!error.to_string().contains(SECRET), "an external id is told: {error}");
    }
}
