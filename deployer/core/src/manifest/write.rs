//! Writes the `function.toml` that describes a live function, and that would change nothing in it.
//!
//! A manifest cannot express everything, and the values of variables are written only on request. A comment names each
//! part that is left out, which deployments then leave as it is.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::{LogFormat, LoggingConfig, Manifest, ManifestError, ManifestFormat};
use crate::id::{AccountId, FunctionName};
use crate::observed::{FunctionMetadata, Settings, Variables};
use crate::text::plain;

/// The treatment of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Their names are written, in comments.
    Withheld,
    /// Their names and values are written, in clear.
    Shown,
}

/// Writes the `function.toml` of a function with this name in this account. The result is always valid.
#[must_use]
pub fn write(
    name: &FunctionName,
    account: &AccountId,
    settings: &Settings,
    metadata: &FunctionMetadata,
    values: Values,
) -> String {
    let (tables, plain): (Vec<_>, Vec<_>) =
        manifest_values(name, account, settings).into_iter().partition(|(_, value)| value.is_object());
    let reserved = ("reserved_concurrent_executions", to_json(&metadata.reserved_concurrency));
    let plain = plain.into_iter().chain([reserved]);
    let mut parts: Vec<String> =
        plain.filter_map(|(name, value)| Some(format!("{name} = {}\n", to_toml(&value)?))).collect();
    parts.extend(variables(settings, values));
    parts.extend(tags(metadata));
    parts.extend(tables.into_iter().filter_map(|(name, value)| table_text(name, &value)));
    format!("# What function {name} of account {account} was, when this was written.\n")
        + &join_valid(parts, |error| format!("Left as it is, for a manifest cannot say it: {error}"))
}

/// Joins fields and tables. Those that are not valid are written as comments, below a sentence that says why.
pub(super) fn join_valid(
    parts: impl IntoIterator<Item = String>,
    mut why: impl FnMut(&ManifestError) -> String,
) -> String {
    let mut text = String::new();
    for part in parts {
        // A blank line before each table, as people write them.
        let gap = if part.starts_with('[') { "\n" } else { "" };
        let broken = Manifest::parse(ManifestFormat::Toml, part.as_bytes()).err();
        match broken {
            None => write!(text, "{gap}{part}").unwrap_or_default(),
            Some(error) => {
                let _ = writeln!(text, "{gap}# {}", one_line(&why(&error)));
                part.lines().for_each(|line| text.push_str(&format!("# {line}\n")));
            }
        }
    }
    text
}

/// Returns each field, except for the variables, with its value as a manifest has it; null for a field that a manifest
/// need not name.
fn manifest_values(name: &FunctionName, account: &AccountId, settings: &Settings) -> Vec<(&'static str, Value)> {
    let as_manifest = |(field, value): (&'static str, Value)| {
        let value = match field {
            "variables" => Value::Null,
            "architectures" => Value::Array(vec![value]),
            "role" => to_json(&settings.role.as_deref().map(|arn| role_without_account(account, arn))),
            "vpc_config" if settings.vpc_config.subnet_ids.is_empty() => Value::Null,
            "logging_config" => {
                to_json(&settings.logging_config.clone().and_then(|logging| custom_logging(name, logging)))
            }
            // A function has at most one file system, and a manifest has it as a table.
            "file_system_config" => settings.file_system_config.first().map_or(Value::Null, to_json),
            _ => value,
        };
        let is_empty = value.as_str().is_some_and(str::is_empty) || value.as_array().is_some_and(Vec::is_empty);
        (field, if is_empty { Value::Null } else { value })
    };
    settings.values().into_iter().map(as_manifest).collect()
}

/// Returns the logging configuration without Lambda's defaults.
fn custom_logging(name: &FunctionName, mut logging: LoggingConfig) -> Option<LoggingConfig> {
    // The default log group contains the function's name, so another function has another one.
    if logging.log_group.as_deref() == Some(&format!("/aws/lambda/{name}")) {
        logging.log_group = None;
    }
    // The text format without a log group is Lambda's default.
    let is_default = logging.log_group.is_none() && logging.log_format == Some(LogFormat::Text);
    (!is_default).then_some(logging)
}

/// Returns a role's path and name, because the same manifest is used in other accounts. The role of another account
/// stays an ARN.
fn role_without_account<'a>(account: &AccountId, arn: &'a str) -> &'a str {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        [_, _, "iam", "", of, role] if of == account.as_str() => role.strip_prefix("role/").unwrap_or(arn),
        _ => arn,
    }
}

fn variables(settings: &Settings, values: Values) -> Option<String> {
    let known = match &settings.variables {
        Variables::Known(known) if known.is_empty() => return None,
        Variables::Known(known) => known,
        Variables::Unreadable { because } => {
            return Some(format!(
                "\n# Its variables cannot be read, and are left as they are: {}\n",
                one_line(because)
            ));
        }
    };
    let mut part = String::from("[environment.variables]\n");
    for (name, value) in known {
        let line = match values {
            Values::Shown => format!("{} = {}\n", key(name), quoted(value.expose())),
            Values::Withheld => format!("# {} = \"…\"    # left as it is on the function\n", key(name)),
        };
        part.push_str(&line);
    }
    Some(part)
}

fn tags(metadata: &FunctionMetadata) -> Option<String> {
    let Some(tags) = &metadata.tags else {
        return Some("\n# Its tags could not be seen (lambda:ListTags), and are left as they are.\n".into());
    };
    // Tags with the prefix aws: are AWS's own, and nobody else can set them.
    let own = tags.iter().filter(|(name, _)| !name.to_lowercase().starts_with("aws:"));
    let lines: String = own.map(|(name, value)| format!("{} = {}\n", key(name), quoted(value))).collect();
    (!lines.is_empty()).then(|| format!("[tags]\n{lines}"))
}

pub(super) fn table_text(name: &str, value: &Value) -> Option<String> {
    let fields = value.as_object()?.iter();
    let lines: String =
        fields.filter_map(|(name, value)| Some(format!("{} = {}\n", key(name), to_toml(value)?))).collect();
    let own = if lines.is_empty() { lines } else { format!("[{name}]\n{lines}") };
    let tables = value.as_object()?.iter().filter(|(_, value)| value.is_object());
    let inner = tables.filter_map(|(field, table)| table_text(&format!("{name}.{field}"), table));
    let all = [own].into_iter().chain(inner).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
    (!all.is_empty()).then_some(all)
}

fn to_json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Writes a value as TOML; none for null and tables.
pub(super) fn to_toml(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null | Value::Object(_) => return None,
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().filter_map(to_toml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    })
}

/// Writes a basic string of TOML. JSON's escapes are valid there; DEL must be escaped in addition.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string().replace('\u{7f}', "\\u007F")
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if bare { name.to_owned() } else { quoted(name) }
}

/// Makes one line of a text for a comment, without the control characters that TOML forbids there.
pub(super) fn one_line(text: &str) -> String {
    plain(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
}
