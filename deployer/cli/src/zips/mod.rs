//! Checks a zip on this machine as the deployer will check the upload, for every verb.

pub(crate) mod folder;
pub(crate) mod ignore_rules;
pub(crate) mod source;
pub(crate) mod sources;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use deployer_core::config::rollout::SmokeTest;
use deployer_core::diagnostics::Diagnostic;
use deployer_core::id::EnvironmentName;
use deployer_core::manifest::{FunctionConfig, Manifest, ManifestFormat};
use deployer_core::package::{Directory, Opening, Package, PackageError, Run, SmokeFile, WINDOW};
use serde::Serialize;

use crate::answer::CliError;
use crate::text::names::MOST_SHOWN;

/// The number of bytes that one read returns.
const CHUNK: usize = 1 << 16;

/// A mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// The manifest that the mistake is in; absent if it is in the zip or in deployer.json.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<&'static str>,
    /// The path of the field; null if the mistake concerns the whole file.
    pub path: Option<String>,
    /// The mistake, and what to do about it.
    pub message: String,
}

impl Finding {
    /// Makes a mistake that concerns the whole file.
    pub fn whole(message: impl fmt::Display) -> Self {
        Self { file: None, path: None, message: message.to_string() }
    }

    /// Returns the mistake with the manifest that it is in.
    pub fn of(self, format: ManifestFormat) -> Self {
        Self { file: Some(format.file_name()), ..self }
    }
}

impl From<&Diagnostic> for Finding {
    fn from(diagnostic: &Diagnostic) -> Self {
        let path = Some(diagnostic.path.clone()).filter(|path| !path.is_empty());
        Self { file: None, path: path.map(Into::into), message: diagnostic.sentence.clone().into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = [self.file, self.path.as_deref()];
        places.iter().flatten().try_for_each(|place| write!(f, "{place}: "))?;
        f.write_str(&self.message)
    }
}

/// Makes the error for a zip or a folder that the deployer would refuse.
pub(super) fn invalid_zip(path: &Path, findings: &[Finding]) -> CliError {
    CliError::refused(refusal(&format!("{} would be refused:", path.display()), findings))
}

/// Writes a refusal with the first mistakes and the number of all.
pub(super) fn refusal(begins: &str, findings: &[Finding]) -> String {
    let mut message = begins.to_owned();
    for finding in findings.iter().take(MOST_SHOWN) {
        message.push_str(&format!("\n  {finding}"));
    }
    let all = findings.len();
    if all > MOST_SHOWN {
        message.push_str(&format!("\n  and {} more ({all} in all)", all - MOST_SHOWN));
    }
    message
}

/// Reads a zip as the deployer does: its end first, then everything once. `each` gets all bytes, in order.
///
/// # Errors
/// The mistakes in it.
pub(super) fn read(input: &File, mut each: impl FnMut(&[u8])) -> Result<Package, Vec<Finding>> {
    let cannot = |error: io::Error| vec![Finding::whole(format!("cannot be read: {error}"))];
    let refused = |error: PackageError| vec![Finding::whole(error)];
    let mut input = input;
    let size = input.metadata().map_err(cannot)?.len();
    let mut from = size.saturating_sub(WINDOW);
    let directory = loop {
        let mut tail = Vec::new();
        input.seek(SeekFrom::Start(from)).map_err(cannot)?;
        input.read_to_end(&mut tail).map_err(cannot)?;
        match Directory::open(size, &tail).map_err(refused)? {
            Opening::Ready(directory) => break directory,
            Opening::NeedsFrom(start) => from = start,
        }
    };
    let mut reader = directory.reader();
    let mut chunk = vec![0; CHUNK];
    input.seek(SeekFrom::Start(0)).map_err(cannot)?;
    loop {
        match input.read(&mut chunk).map_err(cannot)? {
            0 => return reader.finish().map_err(refused),
            n => {
                reader.feed(&chunk[..n]);
                each(&chunk[..n]);
            }
        }
    }
}

/// Checks a zip's manifest, and whether the code fits it, for one environment or for all that the manifest names.
/// Returns the warnings.
///
/// # Errors
/// The mistakes in it.
pub(super) fn check(
    package: &Package,
    environment: Option<&EnvironmentName>,
) -> Result<BTreeSet<String>, Vec<Finding>> {
    let smoke_mistakes = smoke_mistakes(package);
    let is_no_smoke_file =
        smoke_mistakes.iter().map(|mistake| format!("{mistake} (it is refused where the release rolls out)"));
    let Some((format, text)) = &package.manifest else { return Ok(is_no_smoke_file.collect()) };
    let manifest = manifest(*format, text)?;
    let configs = match environment {
        Some(environment) => vec![manifest.for_environment(environment)],
        None => manifest.for_all(),
    };
    let mut warnings: BTreeSet<String> = configs.iter().flat_map(FunctionConfig::warnings).collect();
    let asks_for_tests =
        |config: &FunctionConfig| config.rollout.as_ref().is_some_and(|rollout| rollout.smoke_test.is_some());
    if configs.iter().any(asks_for_tests) && !smoke_mistakes.is_empty() {
        return Err(smoke_mistakes);
    }
    warnings.extend(is_no_smoke_file);
    for config in &configs {
        warnings.extend(
            package.startup.check_compatible(Run::offline(config)).map_err(|error| vec![Finding::whole(error)])?,
        );
    }
    Ok(warnings)
}

/// Finds the mistakes in the release's smoke tests. A zip that rolls out nowhere may have any file of that name.
pub(super) fn smoke_mistakes(package: &Package) -> Vec<Finding> {
    let of_file = |finding: Finding| Finding { file: Some("smoke.json"), ..finding };
    match &package.smoke_file {
        SmokeFile::Absent => vec![],
        SmokeFile::Unusable(because) => vec![Finding::whole(because)],
        SmokeFile::Content(content) => match SmokeTest::parse_file(content) {
            Ok(_) => vec![],
            Err(mistakes) => mistakes.all().iter().map(|mistake| of_file(mistake.into())).collect(),
        },
    }
}

/// Parses a manifest, from a zip or a file.
///
/// # Errors
/// The mistakes in it; each names the manifest, as the deployer's record does.
pub(super) fn manifest(format: ManifestFormat, text: &[u8]) -> Result<Manifest, Vec<Finding>> {
    Manifest::parse(format, text).map_err(|error| match error.diagnostics() {
        [] => vec![Finding::whole(error).of(format)],
        diagnostics => diagnostics.iter().map(|diagnostic| Finding::from(diagnostic).of(format)).collect(),
    })
}

/// Writes the note about a zip's manifest, or about its absence.
pub(super) fn manifest_note(manifest: Option<&str>) -> String {
    match manifest {
        Some(name) => format!("with {name}"),
        None => "no manifest: only the code of an existing function is deployed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_names_twenty_mistakes_and_the_number() {
        let findings = |most: usize| (1..=most).map(|n| Finding::whole(format!("m{n}"))).collect::<Vec<_>>();
        let all = refusal("x would be refused:", &findings(20));
        assert!(all.starts_with("x would be refused:\n  m1\n  m2\n") && all.ends_with("\n  m19\n  m20"), "{all}");
        let some = refusal("x would be refused:", &findings(23));
        assert!(some.ends_with("\n  m19\n  m20\n  and 3 more (23 in all)"), "{some}");
    }
}
