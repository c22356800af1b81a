//! Compares what two manifests name, without any target.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::configuration::{Change, Shown};
use crate::function_fields;
use crate::manifest::FunctionConfig;

/// Makes the list of the fields from the rows.
macro_rules! fields {
    ($( $(#[$attribute:meta])* $name:ident: $type:ty { $($rest:tt)* } )*) => {
        fn fields(config: &FunctionConfig) -> Vec<(&'static str, Value)> {
            vec![
                $( (stringify!($name), serde_json::to_value(&config.$name).unwrap_or_default()), )*
                ("tags", serde_json::to_value(&config.tags).unwrap_or_default()),
                (
                    "reserved_concurrent_executions",
                    serde_json::to_value(config.reserved_concurrent_executions).unwrap_or_default(),
                ),
                ("rollout", serde_json::to_value(&config.rollout).unwrap_or_default()),
            ]
        }
    };
}

function_fields!(fields);

/// Returns the fields that two manifests name differently, by their paths. Values of variables compare by value, and
/// print as `***`.
#[must_use]
pub fn compare_manifests(from: &FunctionConfig, to: &FunctionConfig) -> Vec<Change> {
    let (from, to) = (named(from), named(to));
    let paths: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let changes = paths.into_iter().map(|path| {
        let side = |named: &BTreeMap<String, Shown>| named.get(path).cloned().unwrap_or(Shown::Absent);
        Change { field: path.clone(), from: side(&from), to: side(&to) }
    });
    changes.filter(|change| change.from != change.to).collect()
}

/// Returns every value that a manifest names, by its path.
fn named(config: &FunctionConfig) -> BTreeMap<String, Shown> {
    let mut all = BTreeMap::new();
    for (name, value) in fields(config).into_iter().filter(|(name, _)| *name != "variables") {
        leaves(name.to_owned(), value, &mut all);
    }
    let variables = config.variables.iter().flatten();
    all.extend(variables.map(|(name, value)| (format!("environment.variables.{name}"), Shown::Masked(value.clone()))));
    all
}

fn leaves(path: String, value: Value, all: &mut BTreeMap<String, Shown>) {
    let shown = match value {
        Value::Null => return,
        Value::Object(fields) => {
            return fields.into_iter().for_each(|(name, value)| leaves(format!("{path}.{name}"), value, all));
        }
        Value::String(text) => text,
        other => other.to_string(),
    };
    all.insert(path, Shown::Plain(shown));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::id::EnvironmentName;
    use crate::manifest::{Manifest, ManifestFormat};

    fn config(text: &str) -> FunctionConfig {
        let manifest = Manifest::parse(ManifestFormat::Toml, text.as_bytes()).unwrap();
        manifest.for_environment(&EnvironmentName::parse("prod").unwrap())
    }

    #[test]
    fn manifests_differ_by_path_with_masked_variables() {
        let from = config(
            "memory_size = 128\nhandler = 'a.b'\n[environment.variables]\nTOKEN = 'one'\nSAME = 'x'\n[tags]\nteam = 'a'\n",
        );
        let to = config(
            "memory_size = 256\nhandler = 'a.b'\nlayers = []\n[environment.variables]\nTOKEN = 'two'\nSAME = 'x'\n\
             [logging_config]\nlog_group = '/x'\n[environments.prod]\ntimeout = 5\n",
        );
        let changes: Vec<String> = compare_manifests(&from, &to).iter().map(ToString::to_string).collect();
        assert_eq!(
            changes,
            [
                "~ environment.variables.TOKEN: *** → ***",
                "+ layers: []",
                "+ logging_config.log_group: /x",
                "~ memory_size: 128 → 256",
                "- tags.team: a",
                "+ timeout: 5",
            ]
        );
        assert_eq!(compare_manifests(&to, &to), []);
    }
}
