//! A function as it is, as the `function.toml` that would leave it so.
//!
//! What the manifest cannot say, or must not without being asked to (the values of variables), is left out, for what is not named
//! is left as it is; a comment says so.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::{LogFormat, LoggingConfig, Manifest, ManifestError, ManifestFormat};
use crate::id::{AccountId, FunctionName};
use crate::observed::{FunctionMetadata, Settings, Variables};
use crate::text::plain;

/// What is written of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Their names, in comments.
    Withheld,
    /// Their names and values, in clear.
    Shown,
}

/// The `function.toml` of a function that is called so and lives in this account. It always is a valid one.
#[must_use]
pub fn write(
    name: &FunctionName,
    account: &AccountId,
    settings: &Settings,
    belongings: &FunctionMetadata,
    values: Values,
) -> String {
    let (tables, plain): (Vec<_>, Vec<_>) =
        seen_values(name, account, settings).into_iter().partition(|(_, value)| value.is_object());
    let reserved = ("reserved_concurrent_executions", of(&belongings.reserved_concurrency));
    let plain = plain.into_iter().chain([reserved]);
    let mut parts: Vec<String> =
        plain.filter_map(|(name, value)| Some(format!("{name} = {}\n", shown(&value)?))).collect();
    parts.extend(variables(settings, values));
    parts.extend(tags(belongings));
    parts.extend(tables.into_iter().filter_map(|(name, value)| block(name, &value)));
    format!("# What function {name} of account {account} was, when this was written.\n")
        + &checked(parts, |error| format!("Left as it is, for a manifest cannot say it: {error}"))
}

/// Fields and tables below each other; those that are not valid as comments, below a sentence that says why.
pub(super) fn checked(
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

/// Each field of the table as a manifest has it, but for the variables; nothing where there is nothing to say.
fn seen_values(name: &FunctionName, account: &AccountId, settings: &Settings) -> Vec<(&'static str, Value)> {
    let as_manifest = |(field, value): (&'static str, Value)| {
        let value = match field {
            "variables" => Value::Null,
            "architectures" => Value::Array(vec![value]),
            "role" => of(&settings.role.as_deref().map(|arn| role(account, arn))),
            "vpc_config" if settings.vpc_config.subnet_ids.is_empty() => Value::Null,
            "logging_config" => of(&settings.logging_config.clone().and_then(|logging| own_logging(name, logging))),
            // A function has one file system at most, and a manifest has it as a table.
            "file_system_config" => settings.file_system_config.first().map_or(Value::Null, of),
            _ => value,
        };
        let is_empty = value.as_str().is_some_and(str::is_empty) || value.as_array().is_some_and(Vec::is_empty);
        (field, if is_empty { Value::Null } else { value })
    };
    settings.values().into_iter().map(as_manifest).collect()
}

/// How the function logs, without what Lambda gives each function of itself.
fn own_logging(name: &FunctionName, mut logging: LoggingConfig) -> Option<LoggingConfig> {
    // The group that Lambda gives a function of this name: another function has another.
    if logging.log_group.as_deref() == Some(&format!("/aws/lambda/{name}")) {
        logging.log_group = None;
    }
    // And so logs whoever says nothing.
    let is_default = logging.log_group.is_none() && logging.log_format == Some(LogFormat::Text);
    (!is_default).then_some(logging)
}

/// Path and name: the same manifest goes to other accounts.
fn role<'a>(account: &AccountId, arn: &'a str) -> &'a str {
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

fn tags(belongings: &FunctionMetadata) -> Option<String> {
    let Some(tags) = &belongings.tags else {
        return Some("\n# Its tags could not be seen (lambda:ListTags), and are left as they are.\n".into());
    };
    // Those with the prefix aws: are AWS's own, and nobody else sets them.
    let own = tags.iter().filter(|(name, _)| !name.to_lowercase().starts_with("aws:"));
    let lines: String = own.map(|(name, value)| format!("{} = {}\n", key(name), quoted(value))).collect();
    (!lines.is_empty()).then(|| format!("[tags]\n{lines}"))
}

pub(super) fn block(name: &str, value: &Value) -> Option<String> {
    let fields = value.as_object()?.iter();
    let lines: String =
        fields.filter_map(|(name, value)| Some(format!("{} = {}\n", key(name), shown(value)?))).collect();
    let own = if lines.is_empty() { lines } else { format!("[{name}]\n{lines}") };
    let tables = value.as_object()?.iter().filter(|(_, value)| value.is_object());
    let inner = tables.filter_map(|(field, table)| block(&format!("{name}.{field}"), table));
    let all = [own].into_iter().chain(inner).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
    (!all.is_empty()).then_some(all)
}

fn of<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// As TOML; nothing for null.
pub(super) fn shown(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null | Value::Object(_) => return None,
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().filter_map(shown).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    })
}

/// A basic string of TOML: JSON's escapes are among its own, and one more must be escaped.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string().replace('\u{7f}', "\\u007F")
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    if bare { name.to_owned() } else { quoted(name) }
}

/// As a comment has it: TOML forbids control characters there too.
pub(super) fn one_line(text: &str) -> String {
    plain(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
}
