//! Recognises the `function.json` of another tool by its fields or its templates.

use serde_json::{Map, Value};

use crate::diagnostics::{self, Diagnostic};
use crate::package::image;

/// Another tool that has a file named `function.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// lambroll: the input of CreateFunction, in AWS's own spelling.
    Lambroll,
    /// Apex: a format of its own.
    Apex,
}

/// Fields of lambroll's file. Two of them identify it.
const LAMBROLL_FIELDS: [&str; 7] =
    ["FunctionName", "Handler", "MemorySize", "PackageType", "Role", "Runtime", "Timeout"];

const APEX_FIELDS: [&str; 10] = [
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

impl Foreign {
    /// Returns the tool that the file belongs to; none if it is no other tool's.
    pub(super) fn recognise(file: &Map<String, Value>) -> Option<Self> {
        let has_two = |names: &[&str]| names.iter().filter(|name| file.contains_key(**name)).count() >= 2;
        if has_two(&LAMBROLL_FIELDS) { Some(Self::Lambroll) } else { has_two(&APEX_FIELDS).then_some(Self::Apex) }
    }

    /// Returns the tool's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lambroll => "lambroll",
            Self::Apex => "Apex",
        }
    }

    pub(super) fn refusal(self) -> Diagnostic {
        let sentence = format_args!(
            "this is the function.json of {}: deployctl init --from-file function.json makes a function.toml of it",
            self.name()
        );
        Diagnostic::new("", sentence)
    }

    /// Returns the mistake of a file that describes a container image.
    pub(super) fn image_refusal(self) -> Diagnostic {
        let sentence =
            format_args!("this is the function.json of {} for a container image: {}", self.name(), image::INSTEAD);
        Diagnostic::new("", sentence)
    }
}

/// Whether another tool's file describes a container image.
pub(super) fn is_image(file: &Map<String, Value>) -> bool {
    let has_uri = file.get("Code").and_then(|code| code.get("ImageUri")).is_some_and(|uri| !uri.is_null());
    has_uri || file.get("PackageType").and_then(Value::as_str) == Some("Image")
}

/// Reads JSON. If a template outside a string breaks it, the mistake says so.
pub(super) fn json(text: &str) -> Result<Value, Diagnostic> {
    diagnostics::parse_strict(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if !is_in_template(text, line, column) {
            return diagnostics::not_json(&error);
        }
        let place = format_args!("at line {line} column {column}");
        Diagnostic::new(
            "",
            format_args!("not JSON: a template stands {place}: render the file first (lambroll render)"),
        )
    })
}

/// Whether a `{{` begins before or at this place and is not closed there. The column counts bytes from 1.
fn is_in_template(text: &str, line: usize, column: usize) -> bool {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let until_here = text.as_bytes().get(..=before + column).unwrap_or(text.as_bytes());
    let last = |sign: &[u8]| until_here.windows(sign.len()).rposition(|found| found == sign);
    last(b"{{") > last(b"}}")
}
