//! Converts the `function.json` of lambroll and of Apex to a `function.toml`.

use serde_json::{Map, Value};

use super::aws_fields::{self, Support};
use super::recognise::{Foreign, is_image, json};
use super::{Manifest, ManifestError, ManifestFormat, write};
use crate::diagnostics;

/// Apex's fields, each with the manifest's path of the same setting.
const APEX_FIELDS: [(&str, &str); 11] = [
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

/// Apex's fields that a manifest does not have, each with the setting that takes their place.
const APEX_REPLACED: [(&str, &str); 4] = [
    ("name", "the upload's key names the function, and function_name of the environment what it is called there"),
    ("nameTemplate", "function_name of deployer.json's environments takes its place"),
    ("alias", "alias of deployer.json's environments takes its place"),
    ("retainedVersions", "keep_versions of deployer.json's environments takes its place"),
];

/// A `function.toml` that was made from another tool's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The tool that the file belongs to.
    pub tool: Foreign,
    /// The function's name in the file.
    pub function: Option<String>,
    /// The manifest. It has a comment for each setting that no manifest can have.
    pub text: String,
    /// The number of settings that were left out.
    pub left_out: usize,
    /// The mistakes in the manifest as a whole, if settings of the file contradict each other.
    pub manifest_error: Option<String>,
    /// Whether the manifest contains values of variables.
    pub has_values: bool,
}

/// The reason why a file cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotConverted {
    /// The file is not JSON.
    #[error(transparent)]
    Unreadable(#[from] ManifestError),
    /// The function is a container image.
    #[error(
        "the function is a container image, and the deployer deploys zips: a manifest has nothing to say about it (package the \
         function as a zip first)"
    )]
    Image,
    /// The file belongs to no known tool.
    #[error("it is neither lambroll's function.json nor Apex's")]
    Unknown,
}

/// Converts another tool's file to a `function.toml`.
///
/// # Errors
/// [`NotConverted`] if the file is no JSON, of no known tool, or describes a container image.
pub fn convert(file: impl AsRef<[u8]>) -> Result<Converted, NotConverted> {
    let file = diagnostics::text(file.as_ref()).and_then(json).map_err(ManifestError::from)?;
    let file = super::table("", file).map_err(ManifestError::from)?;
    let tool = Foreign::recognise(&file).ok_or(NotConverted::Unknown)?;
    if is_image(&file) {
        return Err(NotConverted::Image);
    }
    let function = ["FunctionName", "name"].iter().find_map(|name| file.get(*name)?.as_str()).map(str::to_owned);
    let mut made = Conversion::default();
    for (name, value) in file {
        match tool {
            Foreign::Lambroll => made.set_lambda_field(&[&name], value),
            Foreign::Apex => made.set_apex_field(&name, value),
        }
    }
    let variables = made.fields.get("environment").and_then(|block| block.get("variables"));
    let has_values = variables.and_then(Value::as_object).is_some_and(|variables| !variables.is_empty());
    let (text, left_out) = made.text();
    let text = format!("# Made of the function.json of {}.\n{text}", tool.name());
    let manifest_error = Manifest::parse(ManifestFormat::Toml, text.as_bytes()).err().map(|error| error.to_string());
    Ok(Converted { tool, function, text, left_out, manifest_error, has_values })
}

#[derive(Default)]
struct Conversion {
    /// The fields of the manifest so far.
    fields: Map<String, Value>,
    /// A sentence for each setting that was left out, with the reason.
    left_out: Vec<String>,
    /// The manifest's paths of settings that were left out, if a manifest has them.
    lacking_paths: Vec<String>,
}

impl Conversion {
    /// Converts a field in AWS's spelling.
    fn set_lambda_field(&mut self, path: &[&str], value: Value) {
        let shown = diagnostics::truncated(&path.join("."));
        match (aws_fields::find(path).map(|known| &known.support), value) {
            (_, Value::Null) => {}
            (Some(Support::As(ours)), Value::Object(fields)) if !has_free_names(ours) => {
                for (name, value) in fields {
                    self.set_lambda_field(&[path, &[&name]].concat(), value);
                }
            }
            (Some(Support::As(ours)), Value::Array(mounts)) if ours == "file_system_config" => {
                let mut mounts = mounts.into_iter();
                mounts.next().into_iter().for_each(|mount| self.set_lambda_field(path, mount));
                for _ in mounts {
                    self.left_out
                        .push(format!("{shown} is left out but for the first: a function has one file system"));
                }
            }
            (Some(Support::As(ours)), value) => self.set_field(ours, &shown, value),
            (Some(Support::No(why)), _) => self.left_out.push(format!("{shown} is left out: {why}")),
            (None, _) => self.left_out.push(format!("{shown} is left out: nothing is known under this name")),
        }
    }

    fn set_apex_field(&mut self, name: &str, value: Value) {
        let inner = if name == "vpc" { value.as_object().cloned() } else { None };
        let all = match inner {
            Some(fields) => fields.into_iter().map(|(inner, value)| (format!("{name}.{inner}"), value)).collect(),
            None => vec![(name.to_owned(), value)],
        };
        for (path, value) in all {
            let called = |names: &[(&str, &'static str)]| {
                names.iter().find(|(theirs, _)| *theirs == path).map(|(_, ours)| *ours)
            };
            match called(&APEX_FIELDS) {
                Some(ours) => self.set_field(ours, &path, value),
                None => {
                    let why = called(&APEX_REPLACED).unwrap_or("it is Apex's own");
                    self.left_out.push(format!("{} is left out: {why}", diagnostics::truncated(&path)));
                }
            }
        }
    }

    /// Sets a field of the manifest. A template is left out, because it has no value before the other tool fills it in.
    fn set_field(&mut self, ours: &str, shown: &str, value: Value) {
        let mut value = value;
        if let Value::Object(fields) = value {
            // Each entry is checked alone, so that a wrong one does not remove the others.
            let (mut kept, place) = (Map::new(), |name: &str| format!("{shown}.{}", diagnostics::truncated(name)));
            for (name, one) in fields {
                match is_template(&one).then(|| TEMPLATE.to_owned()).or_else(|| find_mistake(ours, Some(&name), &one)) {
                    Some(why) => self.left_out.push(format!("{} is left out: {why}", place(&name))),
                    None => drop(kept.insert(name, one)),
                }
            }
            value = Value::Object(kept);
        }
        if is_template(&value) {
            let why = if value.is_array() { TEMPLATE_WITHIN } else { TEMPLATE };
            return self.leave_out(ours, shown, why);
        }
        if let ("role", Some(arn)) = (ours, value.as_str()) {
            // The same manifest is used in other accounts.
            let name = arn.split_once(":role/").map_or(arn, |(_, name)| name);
            value = Value::String(name.to_owned());
        }
        if let Some(why) = find_mistake(ours, None, &value) {
            return self.leave_out(ours, shown, &why);
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

    fn leave_out(&mut self, ours: &str, shown: &str, why: &str) {
        self.left_out.push(format!("{shown} is left out: {why}"));
        self.lacking_paths.push(ours.to_owned());
    }

    /// Writes the manifest, and counts the settings that were left out.
    fn text(self) -> (String, usize) {
        let comments: String =
            self.left_out.iter().map(|sentence| format!("# {}\n", write::one_line(sentence))).collect();
        let (tables, plain): (Vec<_>, Vec<_>) = self.fields.iter().partition(|(_, value)| value.is_object());
        let plain =
            plain.into_iter().filter_map(|(name, value)| Some(format!("{name} = {}\n", write::to_toml(value)?)));
        let tables = tables.into_iter().filter_map(|(name, value)| write::table_text(name, value));
        let mut blocks = 0;
        let text = write::join_valid(plain.chain(tables), |error| {
            blocks += 1;
            self.reason_for_comment(error)
        });
        (comments + &text, self.left_out.len() + blocks)
    }

    /// Returns the reason why a table is written as a comment. Fields that were left out before are only named.
    fn reason_for_comment(&self, error: &ManifestError) -> String {
        let diagnostics = error.diagnostics();
        let block =
            diagnostics.first().map_or("this", |diagnostic| diagnostic.path.split('.').next().unwrap_or_default());
        let is_lacking = |path: &str| self.lacking_paths.iter().any(|lacking| lacking == path);
        let lacking: Vec<&str> =
            diagnostics.iter().map(|diagnostic| &*diagnostic.path).filter(|path| is_lacking(path)).collect();
        if lacking.is_empty() {
            format!("{block} is left out until this is right: {error}")
        } else {
            format!("{block} is left out until there is a value for {}:", lacking.join(", "))
        }
    }
}

const TEMPLATE: &str = "a template stands there; give it a value here, or one below [environments.<name>]";
const TEMPLATE_WITHIN: &str = "a template stands in it; give it a value here, or one below [environments.<name>]";

/// Returns the mistake of a value at this path of a manifest, or of its entry with this name. Missing neighbours are no
/// mistake here; the check of the whole manifest reports them.
fn find_mistake(ours: &str, name: Option<&str>, value: &Value) -> Option<String> {
    let path = ours.split('.').chain(name);
    let manifest =
        path.rev().fold(value.clone(), |inner, part| Value::Object([(part.to_owned(), inner)].into_iter().collect()));
    let error = Manifest::parse(ManifestFormat::Json, manifest.to_string().as_bytes()).err()?;
    let at_fault = error.diagnostics().iter().find(|diagnostic| !diagnostic.sentence.starts_with("required"))?;
    Some(at_fault.sentence.to_string())
}

/// Whether the field is a table with free names.
fn has_free_names(ours: &str) -> bool {
    matches!(ours, "environment.variables" | "tags")
}

fn is_template(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{"),
        Value::Array(items) => items.iter().any(is_template),
        _ => false,
    }
}
