//! `function.toml` (or `function.json`): the configuration of a function, for each environment.
//!
//! A manifest is read whole: the base and each `[environments.X]` laid over it, so that a mistake in the settings for
//! prod is found when the artifact comes to dev. Nothing here knows what a target has; a field that is `None` is left
//! as it is in the target. No message contains a variable's value.

mod aws_fields;
mod blocks;
mod fields;
mod foreign;
mod limits;
mod recognise;
mod rollout;
mod rules;
mod values;
mod write;

pub use aws_fields::{KnownField, Origin, Support, known_fields};
pub use blocks::{
    ApplicationLogLevel, Architecture, CapacityProviderConfig, DeadLetterConfig, DirectS3Read, DurableConfig,
    EphemeralStorage, FileSystemConfig, LogFormat, LoggingConfig, ManagedInstancesConfig, S3FilesConfig, SnapStart,
    SnapStartApplyOn, SystemLogLevel, TenancyConfig, TenantIsolationMode, TracingConfig, TracingMode, VpcConfig,
};
pub use fields::FunctionConfig;
pub use foreign::{Converted, NotConverted, convert};
pub use recognise::Foreign;
pub use rollout::{SmokeTestRule, StricterRollout};
pub use values::{ExecutionRole, ForeignRole, Gib, ReservedConcurrency, RolePath, Runtime, Secret};
pub use write::{Values, write};

use std::collections::{BTreeMap, BTreeSet};

use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::diagnostics::{self, Diagnostic, Diagnostics, FieldRules};
use crate::id::EnvironmentName;

/// The most bytes of a manifest; a longer one is refused before it is read.
pub const MOST_BYTES: usize = 256 * 1024;

const ENVIRONMENTS: &str = "environments";
/// The field of the variables, whose values may be secrets.
const HIDDEN: &[&str] = &["environment"];
const BASE: FieldRules =
    FieldRules { hidden: HIDDEN, also_known: &[ENVIRONMENTS], explain_unknown: aws_fields::explain_unknown };
const OVERLAY: FieldRules =
    FieldRules { hidden: HIDDEN, also_known: &[], explain_unknown: aws_fields::explain_unknown };

type Table = Map<String, Value>;

/// The two formats of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManifestFormat {
    /// `function.toml`
    Toml,
    /// `function.json`
    Json,
}

impl ManifestFormat {
    /// Returns the format of a file with this name; none if it is no manifest.
    #[must_use]
    pub fn of(file_name: &str) -> Option<Self> {
        [Self::Toml, Self::Json].into_iter().find(|format| format.file_name() == file_name)
    }

    /// Returns the file's name at the root of the zip.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Toml => "function.toml",
            Self::Json => "function.json",
        }
    }
}

/// A checked manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    base: Value,
    /// The overlay of each environment. One is merged with the base only when it is asked for: a small file can name
    /// many environments, and many merged copies of a large base would fill the memory.
    overlays: BTreeMap<EnvironmentName, Table>,
}

/// The most environments in a manifest.
const MAX_ENVIRONMENTS: usize = 64;

/// The reason for which a manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is too long to be a manifest.
    #[error("{found} bytes long; a manifest has at most {MOST_BYTES}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// It is no text, or not in the format of its name, or its fields break rules.
    #[error(transparent)]
    Diagnostics(#[from] Diagnostics),
}

impl ManifestError {
    /// Returns the mistakes; none if the file was not read.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::Diagnostics(diagnostics) => diagnostics.all(),
            Self::TooLong { .. } => &[],
        }
    }
}

impl From<Diagnostic> for ManifestError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Diagnostics(diagnostic.into())
    }
}

impl Manifest {
    /// Reads and checks a manifest, with the settings for all environments.
    ///
    /// # Errors
    /// [`ManifestError`] if the file cannot be read or fields break rules. Every field that breaks a rule is named.
    pub fn parse(format: ManifestFormat, bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MOST_BYTES {
            return Err(ManifestError::TooLong { found: bytes.len() });
        }
        let text = diagnostics::text(bytes)?;
        let mut base = match format {
            ManifestFormat::Toml => toml(text)?,
            ManifestFormat::Json => table("", recognise::json(text)?)?,
        };
        if let Some(tool) = Foreign::recognise(&base).filter(|_| format == ManifestFormat::Json) {
            let refusal = if recognise::is_image(&base) { tool.image_refusal() } else { tool.refusal() };
            return Err(refusal.into());
        }
        let overlays = match base.remove(ENVIRONMENTS) {
            None | Some(Value::Null) => Table::new(),
            Some(value) => table(ENVIRONMENTS, value)?,
        };
        Self::check(base, overlays)
    }

    fn check(base: Table, overlays: Table) -> Result<Self, ManifestError> {
        let mut diagnostics = Vec::new();
        let mut wrong = BTreeSet::new();
        for (name, value) in &base {
            let found = check_field(name, value, &BASE);
            if !found.is_empty() {
                wrong.insert(name.as_str());
            }
            diagnostics.extend(found);
        }
        if overlays.len() > MAX_ENVIRONMENTS {
            let sentence = format_args!("names {} environments; at most {MAX_ENVIRONMENTS}", overlays.len());
            return Err(Diagnostic::new(ENVIRONMENTS, sentence).into());
        }
        let mut checked_overlays = BTreeMap::new();
        for (name, overlay) in overlays {
            let path = format!("{ENVIRONMENTS}.{}", diagnostics::truncated(&name));
            let (name, overlay) = match (EnvironmentName::parse(name), table(&path, overlay)) {
                (Ok(name), Ok(overlay)) => (name, overlay),
                (name, overlay) => {
                    diagnostics.extend(name.err().map(|error| Diagnostic::new(path, error)));
                    diagnostics.extend(overlay.err());
                    continue;
                }
            };
            // A mistake in the base would be reported again for each environment.
            for (field, value) in overlay.iter().filter(|(field, _)| !wrong.contains(field.as_str())) {
                let mut merged = base.get(field).cloned().unwrap_or_default();
                apply_overlay(&mut merged, value);
                let found = check_field(field, &merged, &OVERLAY);
                diagnostics.extend(found.into_iter().map(|diagnostic| diagnostic.prefixed(&path)));
            }
            checked_overlays.insert(name, overlay);
        }
        Diagnostics::error_if_any(diagnostics)?;

        // Null means absent: Terraform's jsonencode writes it.
        let base = base.into_iter().filter(|(_, value)| !value.is_null()).collect();
        let manifest = Self { base, overlays: checked_overlays };
        let mut together = rules::combined_violations(&diagnostics::read(&manifest.base, &BASE)?);
        for name in manifest.overlays.keys() {
            let path = format!("{ENVIRONMENTS}.{name}");
            let violations = rules::combined_violations(&manifest.merged(name)?);
            together.extend(violations.into_iter().map(|diagnostic| diagnostic.prefixed(&path)));
        }
        Diagnostics::error_if_any(together)?;
        Ok(manifest)
    }

    fn merged(&self, environment: &EnvironmentName) -> Result<FunctionConfig, Diagnostic> {
        let Some(overlay) = self.overlays.get(environment) else { return diagnostics::read(&self.base, &BASE) };
        let mut merged = self.base.clone();
        for (name, value) in overlay {
            apply_overlay(&mut merged[name.as_str()], value);
        }
        diagnostics::read(&merged, &OVERLAY)
    }

    /// Returns the configuration for this environment: the base, with the environment's overlay if it has one.
    #[must_use]
    pub fn for_environment(&self, environment: &EnvironmentName) -> FunctionConfig {
        // Parsing has read every merged configuration once, so this cannot fail.
        self.merged(environment).unwrap_or_default()
    }

    /// Returns the environments that have an overlay.
    pub fn environments(&self) -> impl Iterator<Item = &EnvironmentName> {
        self.overlays.keys()
    }

    /// Returns a diagnostic for each environment of the manifest that deployer.json does not have, with the nearest one
    /// that it has.
    #[must_use]
    pub fn unknown_environments<'a>(&self, known: impl IntoIterator<Item = &'a EnvironmentName>) -> Vec<Diagnostic> {
        let known: BTreeSet<&str> = known.into_iter().map(EnvironmentName::as_str).collect();
        let unknown = self.overlays.keys().filter(|name| !known.contains(name.as_str()));
        let diagnostics = unknown.map(|name| {
            let hint = diagnostics::nearest(name.as_str(), known.iter().copied());
            Diagnostic::new(
                format!("{ENVIRONMENTS}.{name}"),
                format_args!("deployer.json has no environment {name}{hint}"),
            )
        });
        diagnostics.collect()
    }

    /// Returns the configuration for each environment with an overlay, and the base.
    #[must_use]
    pub fn for_all(&self) -> Vec<FunctionConfig> {
        let others = diagnostics::read(&self.base, &BASE).unwrap_or_default();
        self.overlays.keys().map(|name| self.for_environment(name)).chain([others]).collect()
    }

    /// Returns the JSON Schema of a manifest.
    #[must_use]
    pub fn schema() -> Schema {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let mut schema = settings.into_generator().into_root_schema_for::<FunctionConfig>();
        // An absent field has no default value: the target keeps its own.
        each_property(&mut schema, |field| drop(field.remove("default")));
        let mut overlay = schema.clone();
        for key in ["$schema", "title", "description"] {
            overlay.remove(key);
        }
        // A table in an overlay may name only some of its fields.
        each_property(&mut overlay, without_required);
        let overlays = json!({
            "description": "The settings of the environment with this name, laid over those above: tables merge, other values replace.",
            "type": ["object", "null"],
            "patternProperties": { "^[a-z][a-z0-9-]{0,31}$": overlay },
            "additionalProperties": false,
        });
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert(ENVIRONMENTS.to_owned(), overlays);
        }
        schema.insert("title".to_owned(), "function.toml".into());
        schema
    }
}

fn each_property(schema: &mut Schema, change: impl Fn(&mut Table)) {
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut);
    fields.filter_map(Value::as_object_mut).for_each(change);
}

/// Removes `required` from a table's schema, also if the table is one of several alternatives.
fn without_required(table: &mut Table) {
    table.remove("required");
    let choices = table.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten();
    choices.filter_map(Value::as_object_mut).for_each(without_required);
}

/// Returns the mistakes in one field of the file. Each field is read alone, so that all mistakes are found at once.
fn check_field(name: &str, value: &Value, reading: &FieldRules) -> Vec<Diagnostic> {
    let alone = Value::Object(Table::from_iter([(name.to_owned(), value.clone())]));
    let (config, mut diagnostics) = diagnostics::read_all::<FunctionConfig>(&alone, reading, |_| None);
    let mut violations = config.as_ref().map(rules::violations).unwrap_or_default();
    // A rule may be broken only because a wrong part was left out in reading, so no rule is reported for a table or
    // list that lacks something.
    violations.retain(|rule| !diagnostics.iter().any(|left_out| rule.path_concerns(left_out)));
    diagnostics.extend(violations);
    diagnostics
}

/// Lays an overlay over a base: tables merge, everything else replaces the base's value.
fn apply_overlay(base: &mut Value, overlay: &Value) {
    match (base, overlay) {
        (Value::Object(base), Value::Object(overlay)) => {
            for (name, value) in overlay {
                apply_overlay(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, overlay) => *base = overlay.clone(),
    }
}

fn table(path: &str, value: Value) -> Result<Table, Diagnostic> {
    match value {
        Value::Object(table) => Ok(table),
        _ => Err(Diagnostic::new(path, "expected a table of fields")),
    }
}

fn toml(text: &str) -> Result<Table, ManifestError> {
    let file: toml::Table = toml::from_str(text).map_err(|error| {
        // The error's full text quotes the line, and its message a wrong number. Either may be a secret.
        let quotes = error.message().starts_with("invalid type") || error.message().starts_with("invalid value");
        let what = if quotes { "a value out of range".to_owned() } else { diagnostics::truncated(error.message()) };
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        let (line, column) =
            (before.matches('\n').count() + 1, before.chars().rev().take_while(|c| *c != '\n').count() + 1);
        Diagnostic::new("", format_args!("not TOML: {what} at line {line} column {column}"))
    })?;
    let mut diagnostics = Vec::new();
    let fields =
        file.into_iter().map(|(name, value)| (name.clone(), toml_to_json(&name, value, &mut diagnostics))).collect();
    Diagnostics::error_if_any(diagnostics)?;
    Ok(fields)
}

/// Converts a TOML value to JSON. Values that JSON does not have fit no field, and are refused.
fn toml_to_json(path: &str, value: toml::Value, diagnostics: &mut Vec<Diagnostic>) -> Value {
    let mut refuse = |what: &str| {
        diagnostics.push(Diagnostic::new(
            path,
            format_args!("{what} fits nowhere here; if it is meant as text, put it in quotes"),
        ));
        Value::Null
    };
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Float(number) => {
            serde_json::Number::from_f64(number).map_or_else(|| refuse("a number that is not finite"), Value::Number)
        }
        toml::Value::Datetime(_) => refuse("a date or time"),
        toml::Value::Array(items) => {
            let items = items.into_iter().enumerate();
            items.map(|(index, item)| toml_to_json(&format!("{path}[{index}]"), item, diagnostics)).collect()
        }
        toml::Value::Table(fields) => fields
            .into_iter()
            .map(|(name, value)| {
                (name.clone(), toml_to_json(&format!("{path}.{}", diagnostics::truncated(&name)), value, diagnostics))
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
