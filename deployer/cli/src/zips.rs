//! A zip on this machine, checked as the deployer will check the upload: one way for every verb that has zips.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use deployer_core::diagnostics::Diagnostic;
use deployer_core::id::EnvironmentName;
use deployer_core::manifest::{FunctionConfig, Manifest, ManifestFormat};
use deployer_core::package::{Directory, Opening, Package, PackageError, Run, WINDOW};
use serde::Serialize;

use super::CliError;

/// How much is read at once.
const CHUNK: usize = 1 << 16;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// The manifest that it is about; absent where it is about the zip or deployer.json.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<&'static str>,
    /// The path of the field; null where it is about the whole file.
    pub path: Option<String>,
    /// What is wrong, and what to do about it.
    pub message: String,
}

impl Finding {
    /// About the file as a whole.
    pub fn whole(message: impl fmt::Display) -> Self {
        Self { file: None, path: None, message: message.to_string() }
    }

    /// The same in a manifest.
    pub fn of(self, format: ManifestFormat) -> Self {
        Self { file: Some(format.file_name()), ..self }
    }
}

impl From<&Diagnostic> for Finding {
    fn from(mistake: &Diagnostic) -> Self {
        let path = Some(mistake.path.clone()).filter(|path| !path.is_empty());
        Self { file: None, path: path.map(Into::into), message: mistake.sentence.clone().into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = [self.file, self.path.as_deref()];
        places.iter().flatten().try_for_each(|place| write!(f, "{place}: "))?;
        f.write_str(&self.message)
    }
}

/// A zip, or a folder, that no deployer would take.
pub(super) fn invalid_zip(path: &Path, mistakes: &[Finding]) -> CliError {
    let mut message = format!("{} would be refused:", path.display());
    for mistake in mistakes {
        message.push_str(&format!("\n  {mistake}"));
    }
    CliError::refused(message)
}

/// Goes the deployer's way through a zip: its end first, then everything once. `each` sees all bytes, in order.
///
/// # Errors
/// What is wrong with it.
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

/// Checks what a zip says of itself: its manifest, and that it suits it. For one environment, or for all that the manifest names.
/// Gives back what may be wrong.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(
    package: &Package,
    environment: Option<&EnvironmentName>,
) -> Result<BTreeSet<String>, Vec<Finding>> {
    let Some((format, text)) = &package.manifest else { return Ok(BTreeSet::new()) };
    let manifest = manifest(*format, text)?;
    let configs = match environment {
        Some(environment) => vec![manifest.for_environment(environment)],
        None => manifest.for_all(),
    };
    let mut warnings: BTreeSet<String> = configs.iter().flat_map(FunctionConfig::warnings).collect();
    for config in &configs {
        warnings.extend(package.startup.suits(Run::offline(config)).map_err(|error| vec![Finding::whole(error)])?);
    }
    Ok(warnings)
}

/// A manifest, in a zip or by itself.
///
/// # Errors
/// What is wrong with it; each mistake names it, as the deployer's record does.
pub(super) fn manifest(format: ManifestFormat, text: &[u8]) -> Result<Manifest, Vec<Finding>> {
    Manifest::parse(format, text).map_err(|error| match error.mistakes() {
        [] => vec![Finding::whole(error).of(format)],
        mistakes => mistakes.iter().map(|mistake| Finding::from(mistake).of(format)).collect(),
    })
}

/// What there is to say of the manifest of a zip, or of its having none.
pub(super) fn manifest_note(manifest: Option<&str>) -> String {
    match manifest {
        Some(name) => format!("with {name}"),
        None => "no manifest: only the code of an existing function is deployed".to_owned(),
    }
}
