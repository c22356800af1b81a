//! Whether an answer is what the published JSON Schemas say: those of `deployer/schemas`, by the keywords that they use.
//!
//! A keyword that is not known here is a mistake, so that no schema is judged by half. Beyond the standard, an answer may have no
//! property that its schema does not describe: who programs against a schema must find everything there.
//! JSON Schema 2020-12, "Validation".

use std::path::Path;

use jiff::Timestamp;
use regex_lite::Regex;
use serde_json::{Map, Value};

use crate::local_aws::{Doing as _, Error, Result};

/// What says nothing about what is valid.
const NOTES: [&str; 7] = ["$schema", "$defs", "title", "description", "default", "examples", "deprecated"];

/// A published schema.
#[derive(Debug, Clone)]
pub struct Schema {
    name: String,
    root: Value,
}

impl Schema {
    /// The schema of this name, such as `record`.
    ///
    /// # Errors
    /// There is none, or it is not JSON.
    pub fn published(name: &str) -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../deployer/schemas/{name}.schema.json"));
        let text = std::fs::read_to_string(&path).doing(format!("reading {}", path.display()))?;
        let root = serde_json::from_str(&text).doing(format!("reading {}", path.display()))?;
        Ok(Self { name: name.to_owned(), root })
    }

    /// Proves that a value is as the schema says.
    ///
    /// # Errors
    /// [`Error::Unexpected`], with every place where it is not.
    pub fn holds(&self, value: &Value) -> Result<()> {
        let mistakes = self.mistakes(&self.root, value, "");
        if mistakes.is_empty() {
            return Ok(());
        }
        let mistakes = mistakes.join("\n");
        Err(Error::Unexpected(format!("this is not as {}.schema.json says:\n{mistakes}\nin {value:#}", self.name)))
    }

    fn mistakes(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        match schema {
            Value::Bool(true) => vec![],
            Value::Object(keywords) => {
                let judged = keywords.iter().filter(|(keyword, _)| !NOTES.contains(&keyword.as_str()));
                let mut found: Vec<String> =
                    judged.flat_map(|(keyword, says)| self.by_keyword((keyword, says), keywords, value, at)).collect();
                found.extend(undescribed(keywords, value, at));
                found
            }
            _ => vec![format!("{at}: nothing is valid here")],
        }
    }

    fn by_keyword(
        &self,
        (keyword, says): (&str, &Value),
        beside: &Map<String, Value>,
        value: &Value,
        at: &str,
    ) -> Vec<String> {
        let unless = |is_so: bool| if is_so { vec![] } else { vec![format!("{at}: {value} against {keyword} {says}")] };
        let branches = || says.as_array().into_iter().flatten().map(|branch| self.mistakes(branch, value, at));
        match keyword {
            "$ref" => match says.as_str().and_then(|name| self.root.pointer(name.strip_prefix('#')?)) {
                Some(schema) => self.mistakes(schema, value, at),
                None => vec![format!("{at}: there is no {says}")],
            },
            "type" => unless(listed(says).iter().any(|kind| is_of(kind, value))),
            "const" => unless(value == says),
            "enum" => unless(says.as_array().is_some_and(|all| all.contains(value))),
            "pattern" => unless(value.as_str().is_none_or(|text| matches(says.as_str().unwrap_or_default(), text))),
            "format" => unless(has_format(says.as_str().unwrap_or_default(), value)),
            "minimum" => unless(value.as_f64().zip(says.as_f64()).is_none_or(|(value, least)| value >= least)),
            "maximum" => unless(value.as_f64().zip(says.as_f64()).is_none_or(|(value, most)| value <= most)),
            "required" => {
                let missing = |name: &&str| value.is_object() && value.get(name).is_none();
                listed(says).into_iter().filter(missing).map(|name| format!("{at}/{name} is missing")).collect()
            }
            "properties" => {
                let of = |(name, schema): (&String, &Value)| {
                    value.get(name).map(|value| self.mistakes(schema, value, &format!("{at}/{name}")))
                };
                says.as_object().into_iter().flatten().filter_map(of).flatten().collect()
            }
            "additionalProperties" => {
                let described = |name: &String| beside.get("properties").is_some_and(|all| all.get(name).is_some());
                let others = value.as_object().into_iter().flatten().filter(|(name, _)| !described(name));
                others.flat_map(|(name, value)| self.mistakes(says, value, &format!("{at}/{name}"))).collect()
            }
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                items.flat_map(|(number, item)| self.mistakes(says, item, &format!("{at}/{number}"))).collect()
            }
            "anyOf" if branches().any(|mistakes| mistakes.is_empty()) => vec![],
            "oneOf" if branches().filter(Vec::is_empty).count() == 1 => vec![],
            // The branch that fits best says most.
            "anyOf" | "oneOf" => branches().min_by_key(Vec::len).unwrap_or_default(),
            _ => vec![format!("{at}: the keyword {keyword} is not known here")],
        }
    }
}

/// Properties that the schema says nothing about.
fn undescribed(schema: &Map<String, Value>, value: &Value, at: &str) -> Vec<String> {
    let (Some(described), None) = (schema.get("properties"), schema.get("additionalProperties")) else { return vec![] };
    let names = value.as_object().into_iter().flatten().map(|(name, _)| name);
    names.filter(|name| described.get(name).is_none()).map(|name| format!("{at}/{name} is not described")).collect()
}

fn listed(says: &Value) -> Vec<&str> {
    match says {
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

fn has_format(format: &str, value: &Value) -> bool {
    match format {
        "date-time" => value.as_str().is_none_or(|text| text.parse::<Timestamp>().is_ok()),
        "uint" | "uint16" | "uint32" | "uint64" => !value.is_number() || value.is_u64(),
        _ => false,
    }
}

/// The engine here knows no look-ahead; a pattern that begins with one says what else it must not be.
fn matches(pattern: &str, text: &str) -> bool {
    let is = |pattern: &str| Regex::new(pattern).is_ok_and(|regex| regex.is_match(text));
    match pattern.strip_prefix("^(?!").and_then(|rest| rest.split_once(')')) {
        Some((never, rest)) => !is(never) && is(&format!("^{rest}")),
        None => is(pattern),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status() -> Value {
        json!({"functions": [{
            "environment": "dev", "function": "orders", "live": null, "active": null, "pending": null, "hold": null,
            "rejected": false, "targets": [{"account": "111111111111", "region": "eu-west-1", "version": "7", "release": null}],
        }]})
    }

    #[test]
    fn what_is_as_published_holds_and_every_mistake_is_named() -> Result<()> {
        let schema = Schema::published("status")?;
        schema.holds(&status())?;
        for (pointer, wrong, words) in [
            ("/functions/0/rejected", json!("no"), "/functions/0/rejected: \"no\" against type"),
            ("/functions/0/function", json!("a b"), "/functions/0/function: \"a b\" against pattern"),
            ("/functions/0/active", json!(7), "/functions/0/active"),
            ("/functions/0/targets/0/account", json!("1"), "/functions/0/targets/0/account: \"1\" against pattern"),
            ("/functions/0/live", json!({"release": "1"}), "/functions/0/live: {\"release\":\"1\"} against"),
            ("/functions/0/targets/0", json!({"invented": 1}), "/functions/0/targets/0/invented is not described"),
        ] {
            let mut value = status();
            if let Some(place) = value.pointer_mut(pointer) {
                *place = wrong;
            }
            let said = schema.holds(&value).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains(words), "{words} is not in: {said}");
        }
        Ok(())
    }

    #[test]
    fn a_name_that_must_not_be_a_number_is_told_from_one_that_may() {
        let alias = "^(?!^[0-9]+$)[a-zA-Z0-9_-]{1,128}$";
        assert!(matches(alias, "live") && matches(alias, "1a") && !matches(alias, "12") && !matches(alias, "a b"));
    }
}
