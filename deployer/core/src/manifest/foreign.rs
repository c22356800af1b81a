//! `function.json` of other tools: lambroll's and Apex's. They are recognised, told by their names, and made into ours.

use serde_json::{Map, Value};

use super::known::{self, Support};
use super::{Manifest, ManifestError, ManifestFormat, Table, write};
use crate::mistake::{self, Mistake};

/// Another tool whose file has the name of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// lambroll: the input of CreateFunction, in AWS's own spelling.
    Lambroll,
    /// Apex: a table of its own.
    Apex,
}

/// Fields that say whose file it is: two of them are enough.
const OF_LAMBROLL: [&str; 7] = ["FunctionName", "Handler", "MemorySize", "PackageType", "Role", "Runtime", "Timeout"];
const OF_APEX: [&str; 10] = [
    "deadletter_arn",
    "defaultEnvironment",
    "hooks",
    "kms_arn",
    "memory",
    "name",
    "nameTemplate",
    "retainedVersions",
    "shim",
    "vpc",
];

/// Apex's names, and the paths that a manifest has for the same.
const FROM_APEX: [(&str, &str); 11] = [
    ("description", "description"),
    ("runtime", "runtime"),
    ("memory", "memory_size"),
    ("timeout", "timeout"),
    ("role", "role"),
    ("handler", "handler"),
    ("environment", "environment.variables"),
    ("vpc.subnets", "vpc_config.subnet_ids"),
    ("vpc.securityGroups", "vpc_config.security_group_ids"),
    ("deadletter_arn", "dead_letter_config.target_arn"),
    ("kms_arn", "kms_key_arn"),
];

impl Foreign {
    /// Whose file this is, where it is another tool's.
    pub(super) fn recognised(file: &Table) -> Option<Self> {
        let has_two = |names: &[&str]| names.iter().filter(|name| file.contains_key(**name)).count() >= 2;
        if has_two(&OF_LAMBROLL) { Some(Self::Lambroll) } else { has_two(&OF_APEX).then_some(Self::Apex) }
    }

    /// The tool's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lambroll => "lambroll",
            Self::Apex => "Apex",
        }
    }

    pub(super) fn refusal(self) -> Mistake {
        let sentence = format_args!(
            "this is the function.json of {}: deployctl init --from-file function.json makes a function.toml of it",
            self.name()
        );
        Mistake::new("", sentence)
    }
}

/// A `function.toml` that was made of another tool's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// Whose file it was.
    pub tool: Foreign,
    /// The function's name in it.
    pub function: Option<String>,
    /// The manifest. What no manifest can say stands in it as comments.
    pub text: String,
    /// How much of the file that is.
    pub left_out: usize,
    /// What is wrong with the manifest as a whole, where the file says what cannot stand together.
    pub mistakes: Option<String>,
    /// Whether values of variables are in it.
    pub has_values: bool,
}

/// Why no manifest can be made of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotConverted {
    /// It is not JSON.
    #[error(transparent)]
    Unreadable(#[from] ManifestError),
    /// It is nobody's that is known.
    #[error("it is neither lambroll's function.json nor Apex's")]
    Unknown,
}

/// The `function.toml` that says what another tool's file says.
///
/// # Errors
/// [`NotConverted`].
pub fn convert(text: &str) -> Result<Converted, NotConverted> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file = mistake::json(text).map_err(ManifestError::from)?;
    let file = super::table("", file).map_err(ManifestError::from)?;
    let tool = Foreign::recognised(&file).ok_or(NotConverted::Unknown)?;
    let function = ["FunctionName", "name"].iter().find_map(|name| file.get(*name)?.as_str()).map(str::to_owned);
    let mut made = Conversion::default();
    for (name, value) in file {
        match tool {
            Foreign::Lambroll => made.take(&[&name], value),
            Foreign::Apex => made.take_apex(&name, value),
        }
    }
    let variables = made.fields.get("environment").and_then(|block| block.get("variables"));
    let has_values = variables.and_then(Value::as_object).is_some_and(|variables| !variables.is_empty());
    let left_out = made.left_out.len();
    let text = format!("# Made of the function.json of {}.\n{}", tool.name(), made.text());
    let mistakes = Manifest::parse(ManifestFormat::Toml, text.as_bytes()).err().map(|error| error.to_string());
    Ok(Converted { tool, function, text, left_out, mistakes, has_values })
}

#[derive(Default)]
struct Conversion {
    /// As a manifest has them.
    fields: Map<String, Value>,
    /// What no manifest says, and why, a sentence each.
    left_out: Vec<String>,
}

impl Conversion {
    /// A field in AWS's own spelling.
    fn take(&mut self, path: &[&str], value: Value) {
        let shown = mistake::cut(&path.join("."));
        match (known::find(path).map(|known| known.support), value) {
            (_, Value::Null) => {}
            (Some(Support::As(ours)), Value::Object(fields)) if !is_free(ours) => {
                for (name, value) in fields {
                    self.take(&[path, &[&name]].concat(), value);
                }
            }
            (Some(Support::As("file_system_config")), Value::Array(mounts)) => {
                let mut mounts = mounts.into_iter();
                mounts.next().into_iter().for_each(|mount| self.take(path, mount));
                for _ in mounts {
                    self.left_out
                        .push(format!("{shown} is left out but for the first: a function has one file system"));
                }
            }
            (Some(Support::As(ours)), value) => self.set(ours, &shown, value),
            (Some(Support::No(why)), _) => self.left_out.push(format!("{shown} is left out: {why}")),
            (None, _) => self.left_out.push(format!("{shown} is left out: nothing is known under this name")),
        }
    }

    fn take_apex(&mut self, name: &str, value: Value) {
        let inner = if name == "vpc" { value.as_object().cloned() } else { None };
        let all = match inner {
            Some(fields) => fields.into_iter().map(|(inner, value)| (format!("{name}.{inner}"), value)).collect(),
            None => vec![(name.to_owned(), value)],
        };
        for (path, value) in all {
            let ours = FROM_APEX.iter().find(|(theirs, _)| *theirs == path);
            match ours {
                Some((_, ours)) => self.set(ours, &path, value),
                None if path == "name" => self.take(&["FunctionName"], value),
                None => self.left_out.push(format!("{} is left out: it is Apex's own", mistake::cut(&path))),
            }
        }
    }

    /// Sets a field; templates have no value before the other tool fills them in, and are left out.
    fn set(&mut self, ours: &str, shown: &str, value: Value) {
        let mut value = value;
        if let Value::Object(fields) = value {
            // Each by itself: one that cannot be said takes no other along.
            let (mut kept, place) = (Map::new(), |name: &str| format!("{shown}.{}", mistake::cut(name)));
            for (name, one) in fields {
                match is_template(&one).then(|| TEMPLATE.to_owned()).or_else(|| wrong(ours, Some(&name), &one)) {
                    Some(why) => self.left_out.push(format!("{} is left out: {why}", place(&name))),
                    None => drop(kept.insert(name, one)),
                }
            }
            value = Value::Object(kept);
        }
        if is_template(&value) {
            return self.left_out.push(format!("{shown} is left out: {TEMPLATE}"));
        }
        if let ("role", Some(arn)) = (ours, value.as_str()) {
            // The same manifest goes to other accounts.
            let name = arn.split_once(":role/").map_or(arn, |(_, name)| name);
            value = Value::String(name.to_owned());
        }
        if let Some(why) = wrong(ours, None, &value) {
            return self.left_out.push(format!("{shown} is left out: {why}"));
        }
        let mut parts: Vec<&str> = ours.split('.').collect();
        let Some(last) = parts.pop() else { return };
        let mut table = &mut self.fields;
        for part in parts {
            let Value::Object(inner) = table.entry(part).or_insert_with(|| Value::Object(Map::new())) else { return };
            table = inner;
        }
        table.insert(last.to_owned(), value);
    }

    fn text(self) -> String {
        let comments: String =
            self.left_out.iter().map(|sentence| format!("# {}\n", write::one_line(sentence))).collect();
        let (tables, plain): (Vec<_>, Vec<_>) = self.fields.iter().partition(|(_, value)| value.is_object());
        let plain = plain.into_iter().filter_map(|(name, value)| Some(format!("{name} = {}\n", write::shown(value)?)));
        let tables = tables.into_iter().filter_map(|(name, value)| write::block(name, value));
        comments + &write::checked(plain.chain(tables))
    }
}

const TEMPLATE: &str = "a template stands there; give it a value here, or one below [environments.<name>]";

/// What is wrong with a value at this path of a manifest, or with what stands there under this name; not that something beside it is
/// missing, which the manifest as a whole tells.
fn wrong(ours: &str, name: Option<&str>, value: &Value) -> Option<String> {
    let path = ours.split('.').chain(name);
    let manifest =
        path.rev().fold(value.clone(), |inner, part| Value::Object([(part.to_owned(), inner)].into_iter().collect()));
    let error = Manifest::parse(ManifestFormat::Json, manifest.to_string().as_bytes()).err()?;
    let at_fault = error.mistakes().iter().find(|mistake| !mistake.sentence.starts_with("required"))?;
    Some(at_fault.sentence.to_string())
}

/// Under these stand names that people choose.
fn is_free(ours: &str) -> bool {
    matches!(ours, "environment.variables" | "tags")
}

fn is_template(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{"),
        Value::Array(items) => items.iter().any(is_template),
        _ => false,
    }
}
