//! `function.toml` (or `function.json`): how a function is configured, in each environment.
//!
//! A manifest is read whole: the base and each `[environments.X]` laid over it, so that a mistake meant for prod is
//! found when the artifact comes to dev. Nothing here knows what a target holds; what is `None` is left as it is.
//! A variable's value is in no message.

mod blocks;
mod fields;
mod foreign;
mod known;
mod limits;
mod recognise;
mod rules;
mod values;
mod write;

pub use blocks::{
    ApplicationLogLevel, Architecture, CapacityProviderConfig, DeadLetterConfig, DirectS3Read, DurableConfig,
    EphemeralStorage, FileSystemConfig, LogFormat, LoggingConfig, ManagedInstancesConfig, S3FilesConfig, SnapStart,
    SnapStartApplyOn, SystemLogLevel, TenancyConfig, TenantIsolationMode, TracingConfig, TracingMode, VpcConfig,
};
pub use fields::FunctionConfig;
pub use foreign::{Converted, NotConverted, convert};
pub use known::{KnownField, Origin, Support, known_fields};
pub use recognise::Foreign;
pub use values::{ExecutionRole, ForeignRole, Gib, ReservedConcurrency, RolePath, Runtime, Secret};
pub use write::{Values, write};

use std::collections::{BTreeMap, BTreeSet};

use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::diagnostics::{self, Diagnostic, Diagnostics, Reading};
use crate::id::EnvironmentName;

/// A longer manifest is refused before it is read.
pub const MOST_BYTES: usize = 256 * 1024;

const ENVIRONMENTS: &str = "environments";
/// Under `environment` are the variables, whose values may be secrets.
const HIDDEN: &[&str] = &["environment"];
const BASE: Reading = Reading { hidden: HIDDEN, also_known: &[ENVIRONMENTS], elsewhere: known::elsewhere };
const OVERLAY: Reading = Reading { hidden: HIDDEN, also_known: &[], elsewhere: known::elsewhere };

type Table = Map<String, Value>;

/// In which of its two forms a manifest is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManifestFormat {
    /// `function.toml`
    Toml,
    /// `function.json`
    Json,
}

impl ManifestFormat {
    /// The format of a file with this name, if it is a manifest's.
    #[must_use]
    pub fn of(file_name: &str) -> Option<Self> {
        [Self::Toml, Self::Json].into_iter().find(|format| format.file_name() == file_name)
    }

    /// The file's name at the root of the zip.
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
    /// What is laid over the base, environment by environment. Merged only when one is asked for: a small file can name
    /// many environments, and a large base many times over would fill the memory.
    overlays: BTreeMap<EnvironmentName, Table>,
}

/// A manifest has no more environments than this.
const MOST_ENVIRONMENTS: usize = 64;

/// Why a manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is too long to be a manifest.
    #[error("{found} bytes long; a manifest has at most {MOST_BYTES}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// It is not text, or not what its name says, or its fields break rules.
    #[error(transparent)]
    Diagnostics(#[from] Diagnostics),
}

impl ManifestError {
    /// Each mistake, where the file could be read at all.
    #[must_use]
    pub fn mistakes(&self) -> &[Diagnostic] {
        match self {
            Self::Diagnostics(mistakes) => mistakes.all(),
            Self::TooLong { .. } => &[],
        }
    }
}

impl From<Diagnostic> for ManifestError {
    fn from(mistake: Diagnostic) -> Self {
        Self::Diagnostics(mistake.into())
    }
}

impl Manifest {
    /// Reads and checks a manifest, with all that it says for any environment.
    ///
    /// # Errors
    /// [`ManifestError`]: the file cannot be read, or these fields of it break rules (at least one per field).
    pub fn parse(format: ManifestFormat, bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MOST_BYTES {
            return Err(ManifestError::TooLong { found: bytes.len() });
        }
        let text = diagnostics::text(bytes)?;
        let mut base = match format {
            ManifestFormat::Toml => toml(text)?,
            ManifestFormat::Json => table("", recognise::json(text)?)?,
        };
        if let Some(tool) = Foreign::recognised(&base).filter(|_| format == ManifestFormat::Json) {
            return Err(tool.refusal().into());
        }
        let overlays = match base.remove(ENVIRONMENTS) {
            None | Some(Value::Null) => Table::new(),
            Some(value) => table(ENVIRONMENTS, value)?,
        };
        Self::check(base, overlays)
    }

    fn check(base: Table, overlays: Table) -> Result<Self, ManifestError> {
        let mut mistakes = Vec::new();
        let mut wrong = BTreeSet::new();
        for (name, value) in &base {
            let found = mistakes_of_field(name, value, &BASE);
            if !found.is_empty() {
                wrong.insert(name.as_str());
            }
            mistakes.extend(found);
        }
        if overlays.len() > MOST_ENVIRONMENTS {
            let sentence = format_args!("names {} environments; at most {MOST_ENVIRONMENTS}", overlays.len());
            return Err(Diagnostic::new(ENVIRONMENTS, sentence).into());
        }
        let mut laid_over = BTreeMap::new();
        for (name, overlay) in overlays {
            let path = format!("{ENVIRONMENTS}.{}", diagnostics::cut(&name));
            let (name, overlay) = match (EnvironmentName::parse(name), table(&path, overlay)) {
                (Ok(name), Ok(overlay)) => (name, overlay),
                (name, overlay) => {
                    mistakes.extend(name.err().map(|error| Diagnostic::new(path, error)));
                    mistakes.extend(overlay.err());
                    continue;
                }
            };
            // A field that is wrong in the base would only be reported once more here.
            for (field, value) in overlay.iter().filter(|(field, _)| !wrong.contains(field.as_str())) {
                let mut merged = base.get(field).cloned().unwrap_or_default();
                lay_over(&mut merged, value);
                let found = mistakes_of_field(field, &merged, &OVERLAY);
                mistakes.extend(found.into_iter().map(|mistake| mistake.under(&path)));
            }
            laid_over.insert(name, overlay);
        }
        Diagnostics::none_of(mistakes)?;

        // Null means absent: Terraform's jsonencode writes it.
        let base = base.into_iter().filter(|(_, value)| !value.is_null()).collect();
        let manifest = Self { base, overlays: laid_over };
        let mut together = rules::broken_together(&diagnostics::read(&manifest.base, &BASE)?);
        for name in manifest.overlays.keys() {
            let path = format!("{ENVIRONMENTS}.{name}");
            let broken = rules::broken_together(&manifest.merged(name)?);
            together.extend(broken.into_iter().map(|mistake| mistake.under(&path)));
        }
        Diagnostics::none_of(together)?;
        Ok(manifest)
    }

    fn merged(&self, environment: &EnvironmentName) -> Result<FunctionConfig, Diagnostic> {
        let Some(overlay) = self.overlays.get(environment) else { return diagnostics::read(&self.base, &BASE) };
        let mut merged = self.base.clone();
        for (name, value) in overlay {
            lay_over(&mut merged[name.as_str()], value);
        }
        diagnostics::read(&merged, &OVERLAY)
    }

    /// What the manifest says for this environment; the base, when it says nothing special.
    #[must_use]
    pub fn for_environment(&self, environment: &EnvironmentName) -> FunctionConfig {
        // Every merge was read once when the manifest was parsed, so this one reads as well.
        self.merged(environment).unwrap_or_default()
    }

    /// The environments that it says something special for.
    pub fn environments(&self) -> impl Iterator<Item = &EnvironmentName> {
        self.overlays.keys()
    }

    /// The environments that it names and deployer.json does not have, with the nearest of those that it has.
    #[must_use]
    pub fn strangers<'a>(&self, known: impl IntoIterator<Item = &'a EnvironmentName>) -> Vec<Diagnostic> {
        let known: BTreeSet<&str> = known.into_iter().map(EnvironmentName::as_str).collect();
        let strange = self.overlays.keys().filter(|name| !known.contains(name.as_str()));
        let told = strange.map(|name| {
            let hint = diagnostics::nearest(name.as_str(), known.iter().copied());
            Diagnostic::new(
                format!("{ENVIRONMENTS}.{name}"),
                format_args!("deployer.json has no environment {name}{hint}"),
            )
        });
        told.collect()
    }

    /// What it says for each environment that it names, and for all others.
    #[must_use]
    pub fn for_all(&self) -> Vec<FunctionConfig> {
        let others = diagnostics::read(&self.base, &BASE).unwrap_or_default();
        self.overlays.keys().map(|name| self.for_environment(name)).chain([others]).collect()
    }

    /// The JSON Schema of a manifest.
    #[must_use]
    pub fn schema() -> Schema {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let mut schema = settings.into_generator().into_root_schema_for::<FunctionConfig>();
        // "Absent" is no value that a field has by default.
        each_property(&mut schema, |field| drop(field.remove("default")));
        let mut overlay = schema.clone();
        for key in ["$schema", "title", "description"] {
            overlay.remove(key);
        }
        // Laid over the base, a table may name some of its fields only.
        each_property(&mut overlay, without_required);
        let overlays = json!({
            "description": "Laid over the above in the environment of that name: tables merge, the rest replaces.",
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

/// Takes `required` from a table's schema, also where the table is one of several possibilities.
fn without_required(table: &mut Table) {
    table.remove("required");
    let choices = table.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten();
    choices.filter_map(Value::as_object_mut).for_each(without_required);
}

/// What is wrong with one field of the file. Each is read alone, so that all the wrong ones are found at once.
fn mistakes_of_field(name: &str, value: &Value, reading: &Reading) -> Vec<Diagnostic> {
    let alone = Value::Object(Table::from_iter([(name.to_owned(), value.clone())]));
    let (config, mut mistakes) = diagnostics::read_all::<FunctionConfig>(&alone, reading, |_| None);
    let mut broken = config.as_ref().map(rules::broken).unwrap_or_default();
    // A rule may be broken only because the reading left out what was wrong: of a table or list that lacks something, no rule is told.
    broken.retain(|rule| !mistakes.iter().any(|left_out| rule.path_concerns(left_out)));
    mistakes.extend(broken);
    mistakes
}

/// Tables merge, everything else replaces what was there.
fn lay_over(base: &mut Value, overlay: &Value) {
    match (base, overlay) {
        (Value::Object(base), Value::Object(overlay)) => {
            for (name, value) in overlay {
                lay_over(base.entry(name).or_insert(Value::Null), value);
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
        // The error as a whole would quote the line, and a message about a number the number: perhaps a secret.
        let quotes = error.message().starts_with("invalid type") || error.message().starts_with("invalid value");
        let what = if quotes { "a value out of range".to_owned() } else { diagnostics::cut(error.message()) };
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        let (line, column) =
            (before.matches('\n').count() + 1, before.chars().rev().take_while(|c| *c != '\n').count() + 1);
        Diagnostic::new("", format_args!("not TOML: {what} at line {line} column {column}"))
    })?;
    let mut mistakes = Vec::new();
    let fields = file.into_iter().map(|(name, value)| (name.clone(), plain(&name, value, &mut mistakes))).collect();
    Diagnostics::none_of(mistakes)?;
    Ok(fields)
}

/// A TOML value as a JSON value. No field takes those that JSON does not have.
fn plain(path: &str, value: toml::Value, mistakes: &mut Vec<Diagnostic>) -> Value {
    let mut refuse = |what: &str| {
        mistakes.push(Diagnostic::new(
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
            items.map(|(index, item)| plain(&format!("{path}[{index}]"), item, mistakes)).collect()
        }
        toml::Value::Table(fields) => fields
            .into_iter()
            .map(|(name, value)| (name.clone(), plain(&format!("{path}.{}", diagnostics::cut(&name)), value, mistakes)))
            .collect(),
    }
}

#[cfg(test)]
mod tests;
