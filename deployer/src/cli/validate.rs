//! `deployctl validate`: zips, manifests and deployer.json, offline.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use deployer_core::config::Config;
use deployer_core::id::EnvironmentName;
use deployer_core::manifest::{Architecture, Manifest, ManifestError, ManifestFormat};
use deployer_core::mistake::Mistake;
use deployer_core::package::{Directory, Opening, Package, WINDOW, check_bootstrap};
use serde::Serialize;

use super::{Answer, Exit};

/// What to validate.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Zips (*.zip), manifests (function.toml, function.json) and configurations (other *.json).
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Check zips as uploads to this environment only, not for all that their manifest names.
    #[arg(long, value_name = "NAME")]
    environment: Option<EnvironmentName>,
}

/// All files and what is wrong with them.
#[derive(Debug, Serialize)]
struct Report {
    files: Vec<Checked>,
}

#[derive(Debug, Serialize)]
struct Checked {
    file: PathBuf,
    kind: &'static str,
    valid: bool,
    /// What is good to know of a valid file.
    summary: Option<String>,
    mistakes: Vec<Found>,
}

#[derive(Debug, Serialize)]
struct Found {
    /// The path of the field; null where it is about the whole file.
    path: Option<String>,
    message: String,
}

impl Report {
    fn exit(&self) -> Exit {
        if self.files.iter().all(|file| file.valid) { Exit::Done } else { Exit::Refused }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Checked { file, kind, valid, summary, mistakes } in &self.files {
            let verdict = if *valid { "valid" } else { "NOT valid" };
            write!(f, "{}: {kind}, {verdict}", file.display())?;
            match summary {
                Some(summary) => writeln!(f, " ({summary})")?,
                None => writeln!(f)?,
            }
            for Found { path, message } in mistakes {
                match path {
                    Some(path) => writeln!(f, "  {path}: {message}")?,
                    None => writeln!(f, "  {message}")?,
                }
            }
        }
        Ok(())
    }
}

pub(super) fn run(options: &Options) -> Answer {
    let check = |file: &PathBuf| {
        let (kind, outcome) = check(file, options.environment.as_ref());
        let (summary, mistakes) = match outcome {
            Ok(summary) => (Some(summary), vec![]),
            Err(mistakes) => (None, mistakes),
        };
        Checked { file: file.clone(), kind, valid: mistakes.is_empty(), summary, mistakes }
    };
    let mut report = Report { files: options.files.iter().map(check).collect() };
    for (checked, strangers) in report.files.iter_mut().zip(strangers(&options.files)) {
        checked.valid &= strangers.is_empty();
        checked.mistakes.extend(strangers);
    }
    Answer::of(&report, report.exit())
}

/// Of each file, the environments that its manifest names and no deployer.json given beside it has.
fn strangers(files: &[PathBuf]) -> Vec<Vec<Found>> {
    let is_config =
        |file: &&PathBuf| file.extension().is_some_and(|end| end == "json") && !file.ends_with("function.json");
    let configs = files.iter().filter(is_config);
    let configs: Vec<Config> =
        configs.filter_map(|file| Config::parse(&std::fs::read_to_string(file).ok()?).ok()).collect();
    let known = || configs.iter().flat_map(|config| config.environments.keys());
    let of_file = |file: &PathBuf| match manifest_of(file) {
        Some(manifest) if !configs.is_empty() => manifest.strangers(known()).iter().map(found).collect(),
        _ => vec![],
    };
    files.iter().map(of_file).collect()
}

/// The manifest that a file is, or has in it, where it is a good one.
fn manifest_of(file: &Path) -> Option<Manifest> {
    let (format, bytes) = match file.file_name()?.to_str()? {
        "function.toml" => (ManifestFormat::Toml, std::fs::read(file).ok()?),
        "function.json" => (ManifestFormat::Json, std::fs::read(file).ok()?),
        name if name.ends_with(".zip") => read(file).ok()?.manifest?,
        _ => return None,
    };
    Manifest::parse(format, &bytes).ok()
}

type Outcome = Result<String, Vec<Found>>;

fn check(file: &Path, environment: Option<&EnvironmentName>) -> (&'static str, Outcome) {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match (name, file.extension().and_then(|extension| extension.to_str())) {
        ("function.toml", _) => ("manifest", text(file).and_then(|text| manifest(ManifestFormat::Toml, &text))),
        ("function.json", _) => ("manifest", text(file).and_then(|text| manifest(ManifestFormat::Json, &text))),
        (_, Some("zip")) => ("zip", zip(file, environment)),
        (_, Some("json")) => ("configuration", text(file).and_then(|text| configuration(&text))),
        _ => (
            "unknown",
            whole("neither a zip (*.zip), a manifest (function.toml or function.json) nor a configuration (*.json)"),
        ),
    }
}

fn zip(file: &Path, environment: Option<&EnvironmentName>) -> Outcome {
    let package = read(file)?;
    let mut summary = format!("{} bytes, {} files, sha256 {}", package.size, package.entries, package.sha256);
    let Some((kind, bytes)) = &package.manifest else {
        summary.push_str(", no manifest: only the code of an existing function is deployed");
        return Ok(summary);
    };
    let manifest = Manifest::parse(*kind, bytes).map_err(|error| manifest_mistakes(&error))?;
    let configs = match environment {
        Some(environment) => vec![manifest.for_environment(environment)],
        None => manifest.for_all(),
    };
    for config in configs {
        if config.runtime.as_ref().is_some_and(deployer_core::manifest::Runtime::is_provided) {
            let machine = config.architectures.unwrap_or(Architecture::X86_64).into();
            check_bootstrap(package.bootstrap.as_ref(), machine).or_else(|error| {
                let hint = package.hint(&error).map(|hint| format!("; {hint}")).unwrap_or_default();
                whole(format!("{error}{hint}")).map(drop)
            })?;
        }
    }
    summary.push_str(", with ");
    summary.push_str(kind.file_name());
    Ok(summary)
}

/// The deployer's way through a zip: its end first, then everything once.
fn read(file: &Path) -> Result<Package, Vec<Found>> {
    let cannot = |error: std::io::Error| vec![Found { path: None, message: format!("cannot be read: {error}") }];
    let refused = |error: deployer_core::package::PackageError| vec![Found { path: None, message: error.to_string() }];
    let mut input = File::open(file).map_err(cannot)?;
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
    let mut chunk = vec![0; 1 << 16];
    input.seek(SeekFrom::Start(0)).map_err(cannot)?;
    loop {
        match input.read(&mut chunk).map_err(cannot)? {
            0 => return reader.finish().map_err(refused),
            n => reader.feed(&chunk[..n]),
        }
    }
}

fn manifest(format: ManifestFormat, text: &str) -> Outcome {
    match Manifest::parse(format, text.as_bytes()) {
        Ok(_) => Ok("for every environment that it names".into()),
        Err(error) => Err(manifest_mistakes(&error)),
    }
}

fn manifest_mistakes(error: &ManifestError) -> Vec<Found> {
    match error.mistakes() {
        [] => vec![Found { path: None, message: error.to_string() }],
        mistakes => mistakes.iter().map(found).collect(),
    }
}

fn configuration(text: &str) -> Outcome {
    match Config::parse(text) {
        Ok(config) => {
            let targets: usize = config.environments.values().map(|environment| environment.targets.len()).sum();
            Ok(format!("{} environments, {targets} targets", config.environments.len()))
        }
        Err(error) => Err(error.mistakes().iter().map(found).collect()),
    }
}

fn found(mistake: &Mistake) -> Found {
    let path = Some(mistake.path.clone()).filter(|path| !path.is_empty());
    Found { path, message: mistake.sentence.clone() }
}

fn text(file: &Path) -> Result<String, Vec<Found>> {
    std::fs::read_to_string(file).or_else(|error| whole(format!("cannot be read: {error}")))
}

fn whole(message: impl ToString) -> Outcome {
    Err(vec![Found { path: None, message: message.to_string() }])
}
