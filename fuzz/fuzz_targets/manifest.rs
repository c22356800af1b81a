//! Bytes as a manifest, in both of its forms, and as another tool's function.json.

#![no_main]

use deployer_core::id::EnvironmentName;
use deployer_core::manifest::{FunctionConfig, Manifest, ManifestFormat, convert};
use deployer_core::package::{Run, Startup};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};

/// As a text and as a number, neither of which any input has by chance.
const SECRET: &str = "Zq7vT-planted-9xK";
const SECRET_NUMBER: u64 = 918_273_645_546_372_819;

fuzz_target!(|bytes: &[u8]| {
    let toml = Manifest::parse(ManifestFormat::Toml, bytes);
    let json = Manifest::parse(ManifestFormat::Json, bytes);
    for manifest in [&toml, &json].into_iter().flatten() {
        accepted(manifest);
    }
    let Ok(text) = str::from_utf8(bytes) else { return };
    withheld_toml(text);
    if let Ok(table) = toml::from_str::<toml::Table>(text.trim_start_matches('\u{feff}')) {
        let table = serde_json::to_value(table).ok();
        // The same in the other form is the same.
        if let (Ok(manifest), Some(table)) = (&toml, &table) {
            assert_eq!(parse(table).as_ref(), Ok(manifest));
        }
        table.iter().for_each(withheld_json);
    }
    if let Ok(value) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) {
        if let Ok(manifest) = &json {
            // Written anew it is the same, and so is each environment as a manifest of its own.
            assert_eq!(parse(&value).as_ref(), Ok(manifest));
            flattened(manifest, &value);
        }
        withheld_json(&value);
        converted(text);
    }
});

fn parse(value: &Value) -> Result<Manifest, deployer_core::manifest::ManifestError> {
    Manifest::parse(ManifestFormat::Json, value.to_string().as_bytes())
}

/// The rules for every manifest that is taken.
fn accepted(manifest: &Manifest) {
    let environments = manifest.environments().count();
    let all = manifest.for_all();
    assert_eq!(all.len(), environments + 1);
    for config in &all {
        assert_eq!(config.managed_keys(), config.managed_keys());
        let _warned = config.warnings();
        let _judged = Startup::default().check_compatible(Run::offline(config));
    }
    assert!(manifest.unknown_environments(manifest.environments()).is_empty());
    assert_eq!(manifest.unknown_environments(None).len(), environments);
}

/// An environment's configuration is that of the base with the environment's table laid over it.
fn flattened(manifest: &Manifest, value: &Value) {
    let Some(file) = value.as_object() else { return };
    let mut base = file.clone();
    let overlays = base.remove("environments").unwrap_or_default();
    for name in manifest.environments() {
        let mut merged = Value::Object(base.clone());
        for (field, over) in overlays[name.as_str()].as_object().into_iter().flatten() {
            lay_over(&mut merged[field.as_str()], over);
        }
        let alone = parse(&merged).expect("an environment alone is refused, and was taken with the others");
        assert_eq!(alone.for_environment(name), manifest.for_environment(name));
    }
}

fn lay_over(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                lay_over(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

fn withheld(error: Option<impl ToString>) {
    let Some(error) = error.map(|error| error.to_string()) else { return };
    assert!(
        !error.contains(SECRET) && !error.contains(&SECRET_NUMBER.to_string()),
        "a variable's value is told: {error}"
    );
}

/// Whatever is wrong with a file, no variable's value is told.
fn withheld_toml(text: &str) {
    for value in [format!("\"{SECRET}\""), SECRET_NUMBER.to_string(), format!("[\"{SECRET}\"]"), SECRET.to_owned()] {
        let planted = format!("{text}\n[environment.variables]\nPLANTED = {value}\n");
        withheld(Manifest::parse(ManifestFormat::Toml, planted.as_bytes()).err());
    }
}

fn withheld_json(value: &Value) {
    let Some(file) = value.as_object() else { return };
    for block in [
        json!({"variables": {"PLANTED": SECRET}}),
        json!({"variables": {"PLANTED": SECRET_NUMBER}}),
        json!({"variables": SECRET}),
        json!({"variables": {"PLANTED": {"of": [SECRET]}}}),
        json!(SECRET),
        json!([SECRET]),
    ] {
        withheld(parse(&with_variables(file.clone(), &block)).err());
        let mut file = file.clone();
        let overlay = file.entry("environments").or_insert_with(|| json!({})).as_object_mut();
        let overlay = overlay.map(|overlays| overlays.entry("planted").or_insert_with(|| json!({})));
        if let Some(overlay) = overlay.and_then(|overlay| overlay.as_object_mut()) {
            overlay.insert("environment".to_owned(), block);
            withheld(parse(&Value::Object(file)).err());
        }
    }
}

/// The file with this block of variables, beside those that it has.
fn with_variables(mut file: Map<String, Value>, block: &Value) -> Value {
    let own = file.remove("environment").unwrap_or_default();
    let mut merged = own;
    lay_over(&mut merged, block);
    file.insert("environment".to_owned(), merged);
    Value::Object(file)
}

/// A file of lambroll or Apex becomes a manifest that can be read, whatever it says.
fn converted(text: &str) {
    let Ok(converted) = convert(text) else { return };
    let made = Manifest::parse(ManifestFormat::Toml, converted.text.as_bytes());
    let parse_error = made.as_ref().err().map(ToString::to_string);
    assert_eq!(converted.manifest_error, parse_error);
    assert!(toml::from_str::<toml::Table>(&converted.text).is_ok(), "what was made is not TOML: {parse_error:?}");
    if let Ok(manifest) = made {
        let name = EnvironmentName::parse("dev").expect("a name");
        let has_variables = |config: FunctionConfig| config.variables.is_some_and(|variables| !variables.is_empty());
        assert_eq!(has_variables(manifest.for_environment(&name)), converted.has_values);
    }
}
