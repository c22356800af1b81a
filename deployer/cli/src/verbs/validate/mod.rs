//! `deployctl validate`: checks zips, manifests and deployer.json without a network.

pub(crate) mod configured;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use deployer_core::config::Config;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::manifest::{FunctionConfig, Manifest, ManifestFormat};
use deployer_core::text::counted;
use jiff::Timestamp;
use serde::Serialize;

use crate::answer::{Answer, Exit};
use crate::zips::source::{NoZip, SourceZip, unreadable};
use crate::zips::{self, Finding};
use configured::{Judgement, Uploads};

/// The options of `validate`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// Folders, zips (with any name), manifests (function.toml, function.json) and configurations (other *.json).
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Check zips as uploads to this environment only; otherwise to all that their manifest names.
    #[arg(long, short, value_name = "NAME")]
    environment: Option<EnvironmentName>,
    /// The name of the function, for patterns of deployer.json that it is in [default: the name of the folder or zip].
    #[arg(long, short, value_name = "NAME")]
    function: Option<FunctionName>,
}

/// The kind of a file that does not exist.
const MISSING: &str = "missing";

/// The reports of all files.
#[derive(Debug, Serialize)]
struct Report {
    files: Vec<FileReport>,
}

#[derive(Debug, Serialize)]
struct FileReport {
    file: String,
    kind: &'static str,
    valid: bool,
    /// Whether the file could not be checked at all.
    #[serde(skip)]
    is_wrong_use: bool,
    /// Facts about a valid file.
    summary: Option<String>,
    /// Possible mistakes.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    warnings: BTreeSet<String>,
    #[serde(rename = "mistakes")]
    findings: Vec<Finding>,
}

impl Report {
    fn exit(&self) -> Exit {
        match &self.files {
            files if files.iter().any(|file| file.is_wrong_use) => Exit::WrongUse,
            files if files.iter().all(|file| file.valid) => Exit::Done,
            _ => Exit::Refused,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for FileReport { file, kind, valid, summary, warnings, findings, .. } in &self.files {
            let verdict = if *valid { "valid" } else { "NOT valid" };
            match *kind {
                MISSING => write!(f, "{file}: {verdict}")?,
                kind => write!(f, "{file}: {kind}, {verdict}")?,
            }
            match summary {
                Some(summary) => writeln!(f, " ({summary})")?,
                None => writeln!(f)?,
            }
            for finding in findings {
                writeln!(f, "  {finding}")?;
            }
            for warning in warnings {
                writeln!(f, "  warning: {warning}")?;
            }
        }
        Ok(())
    }
}

pub(crate) fn run(options: &Options) -> Answer {
    let report = report(options);
    Answer::of(&report, report.exit())
}

fn report(options: &Options) -> Report {
    let check = |file: &PathBuf| {
        let (kind, outcome) = check(file, options.environment.as_ref());
        let is_wrong_use = matches!(outcome, Err(CheckError::Unreadable(_)));
        let (good, findings) = match outcome {
            Ok(good) => (Some(good), vec![]),
            Err(CheckError::Unreadable(message)) => (None, vec![Finding::whole(message)]),
            Err(CheckError::Invalid(findings)) => (None, findings),
        };
        let (summary, warnings) = good.map(|good| (good.summary, good.warnings)).unzip();
        FileReport {
            file: file.display().to_string(),
            kind,
            valid: findings.is_empty(),
            is_wrong_use,
            summary,
            warnings: warnings.unwrap_or_default(),
            findings,
        }
    };
    let mut report = Report { files: options.files.iter().map(check).collect() };
    let configs = configs(&options.files);
    let uploads =
        Uploads { configs: &configs, environment: options.environment.as_ref(), function: options.function.as_ref() };
    for (checked, file) in report.files.iter_mut().zip(&options.files) {
        let Some((format, manifest)) = manifest_of(file) else { continue };
        let Judgement { findings, warnings } = uploads.judge(file, format, &manifest);
        checked.valid &= findings.is_empty();
        checked.findings.extend(findings);
        checked.warnings.extend(warnings);
    }
    report
}

/// Reads each valid deployer.json among the files.
fn configs(files: &[PathBuf]) -> Vec<Config> {
    let is_config =
        |file: &&PathBuf| file.extension().is_some_and(|end| end == "json") && !file.ends_with("function.json");
    files.iter().filter(is_config).filter_map(|file| Config::read(&std::fs::read(file).ok()?).ok()).collect()
}

/// Returns the valid manifest that a file is or contains.
fn manifest_of(file: &Path) -> Option<(ManifestFormat, Manifest)> {
    let (format, bytes) = match file.file_name().unwrap_or_default().to_str()? {
        "function.toml" => (ManifestFormat::Toml, std::fs::read(file).ok()?),
        "function.json" => (ManifestFormat::Json, std::fs::read(file).ok()?),
        _ if file.is_dir() => {
            let manifest =
                |format: &ManifestFormat| Some((*format, std::fs::read(file.join(format.file_name())).ok()?));
            [ManifestFormat::Toml, ManifestFormat::Json].iter().find_map(manifest)?
        }
        _ if is_zip(file) => zips::read(&File::open(file).ok()?, |_| {}).ok()?.manifest?,
        _ => return None,
    };
    Some((format, Manifest::parse(format, &bytes).ok()?))
}

/// The reason why a file is not valid.
enum CheckError {
    /// The file cannot be read, or its kind is unknown.
    Unreadable(String),
    /// The mistakes in the file.
    Invalid(Vec<Finding>),
}

impl From<NoZip> for CheckError {
    fn from(error: NoZip) -> Self {
        match error {
            NoZip::Unreadable(message) => Self::Unreadable(message),
            NoZip::Refused(findings) => Self::Invalid(findings),
        }
    }
}

impl From<io::Error> for CheckError {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(unreadable(&error))
    }
}

impl From<Vec<Finding>> for CheckError {
    fn from(findings: Vec<Finding>) -> Self {
        Self::Invalid(findings)
    }
}

/// Facts about a valid file, and its warnings.
struct ValidFile {
    summary: String,
    warnings: BTreeSet<String>,
}

type Outcome = Result<ValidFile, CheckError>;

fn check(file: &Path, environment: Option<&EnvironmentName>) -> (&'static str, Outcome) {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match (name, file.extension().and_then(|extension| extension.to_str())) {
        _ if is_missing(file) => (MISSING, Err(CheckError::Unreadable("there is no such file or folder".to_owned()))),
        _ if file.is_dir() => ("folder", folder(file, environment)),
        ("function.toml", _) => ("manifest", manifest(file, ManifestFormat::Toml)),
        ("function.json", _) => ("manifest", manifest(file, ManifestFormat::Json)),
        _ if is_zip(file) => ("zip", zip(file, environment)),
        (_, Some("json")) => ("configuration", configuration(file)),
        _ => {
            let known =
                "a folder, a zip (*.zip), a manifest (function.toml or function.json) nor a configuration (*.json)";
            ("unknown", Err(CheckError::Unreadable(format!("neither {known}"))))
        }
    }
}

/// Whether a path leads to nothing; one that cannot be looked at may lead to something.
fn is_missing(file: &Path) -> bool {
    file.metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Checks a folder as push would pack it.
fn folder(file: &Path, environment: Option<&EnvironmentName>) -> Outcome {
    package(file, environment)
}

fn zip(file: &Path, environment: Option<&EnvironmentName>) -> Outcome {
    let mut good = package(file, environment)?;
    if file.extension().is_none_or(|ending| ending != "zip") {
        good.warnings.insert("an upload's key must end in .zip: <environment>/<function>/<release>.zip".to_owned());
    }
    Ok(good)
}

/// Whether a file is a zip by its first bytes, whatever its name (a jar is one too), or by its ending if it is empty or
/// begins otherwise.
fn is_zip(file: &Path) -> bool {
    let mut first = [0; 4];
    let begins = File::open(file).and_then(|mut file| file.read_exact(&mut first)).is_ok();
    (begins && matches!(&first, b"PK\x03\x04" | b"PK\x05\x06"))
        || file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"))
}

fn package(file: &Path, environment: Option<&EnvironmentName>) -> Outcome {
    let zip = SourceZip::open(file)?;
    let package = zip.read(|_| {})?;
    let mut warnings = zips::check(&package, environment)?;
    warnings.extend(zip.notes());
    let note = zips::manifest_note(package.manifest.as_ref().map(|(format, _)| format.file_name()));
    let summary = format!(
        "{} bytes, {}, sha256 {}, {note}",
        package.size,
        counted(package.files, "file"),
        package.sha256.to_hex()
    );
    Ok(ValidFile { summary, warnings })
}

fn manifest(file: &Path, format: ManifestFormat) -> Outcome {
    let manifest = zips::manifest(format, &std::fs::read(file)?)?;
    let warnings = manifest.for_all().iter().flat_map(FunctionConfig::warnings).collect();
    Ok(ValidFile { summary: "for every environment that it names".into(), warnings })
}

fn configuration(file: &Path) -> Outcome {
    match Config::read(&std::fs::read(file)?) {
        Ok(config) => {
            let targets: usize = config.environments.values().map(|environment| environment.targets.len()).sum();
            let (environments, targets) =
                (counted(config.environments.len(), "environment"), counted(targets, "target"));
            let summary = format!("{environments}, {targets}");
            Ok(ValidFile { summary, warnings: config.warnings(Timestamp::now()).into_iter().collect() })
        }
        Err(error) => Err(error.diagnostics().iter().map(Finding::from).collect::<Vec<_>>().into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{Seek as _, SeekFrom};

    use super::*;

    /// Returns the zip that push would make of these files.
    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let source = tempfile::tempdir().unwrap();
        for (name, body) in files {
            std::fs::write(source.path().join(name), body).unwrap();
        }
        let mut packed = SourceZip::open(source.path()).unwrap().file;
        let mut bytes = Vec::new();
        packed.seek(SeekFrom::Start(0)).unwrap();
        packed.read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn validated(name: &str, bytes: &[u8]) -> (String, Exit) {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let report = report(&Options { files: vec![file], environment: None, function: None });
        let text = report.to_string().replace(&format!("{}/", place.path().display()), "");
        (text, report.exit())
    }

    #[test]
    fn zip_is_recognized_by_content_under_any_name() {
        let good = zipped(&[("index.js", b"exports.handler = 1\n")]);
        for name in ["orders.zip", "orders.jar", "orders.ZIP", "orders"] {
            let (text, exit) = validated(name, &good);
            assert!(exit == Exit::Done && text.starts_with(&format!("{name}: zip, valid (")), "{text}");
            let warned = text.contains("warning: an upload's key must end in .zip");
            assert_eq!(warned, name != "orders.zip", "{text}");
        }
        for name in ["orders.zip", "orders.ZIP"] {
            let (text, exit) = validated(name, b"hello");
            assert!(exit == Exit::Refused && text.contains("the object is not a zip"), "{text}");
        }
    }

    #[test]
    fn missing_file_is_said_to_be_missing_under_any_name() {
        for name in ["nofile", "nofile.zip", "function.toml", "deployer.json"] {
            let report = report(&Options { files: vec![PathBuf::from(name)], environment: None, function: None });
            assert_eq!(report.to_string(), format!("{name}: NOT valid\n  there is no such file or folder\n"));
            assert_eq!((report.exit(), report.files[0].kind), (Exit::WrongUse, "missing"));
        }
    }

    #[test]
    fn private_files_are_warned_of_in_a_zip_and_left_out_of_a_folder() {
        let source = tempfile::tempdir().unwrap();
        for name in ["index.js", ".env", "id_rsa"] {
            std::fs::write(source.path().join(name), "x").unwrap();
        }
        let folder = report(&Options { files: vec![source.path().to_owned()], environment: None, function: None });
        let warning = "left out as private or needless: .env, id_rsa; a line such as !.env in .lambdaignore packs it";
        assert_eq!(folder.files[0].warnings.iter().collect::<Vec<_>>(), [warning]);
        std::fs::write(source.path().join(".lambdaignore"), "!.env\n!id_rsa\n").unwrap();
        let mut bytes = Vec::new();
        let mut packed = SourceZip::open(source.path()).unwrap().file;
        packed.seek(SeekFrom::Start(0)).unwrap();
        packed.read_to_end(&mut bytes).unwrap();
        let (text, exit) = validated("orders.zip", &bytes);
        let warning = "warning: it has files that look private, and they go up with it: .env, id_rsa; a folder is packed \
                       without them\n";
        assert!(exit == Exit::Done && text.ends_with(warning), "{text}");
    }

    #[test]
    fn smoke_tests_with_a_mistake_are_warned_of_and_refused_where_the_manifest_asks_for_them() {
        let validated_with = |manifest: &str, smoke: &str| {
            let files = [("function.toml", manifest), ("index.js", "exports.handler = 1\n"), ("smoke.json", smoke)];
            validated("orders.zip", &zipped(&files.map(|(name, text)| (name, text.as_bytes()))))
        };
        let (plain, asking) = ("memory_size = 128\n", "[rollout]\nsmoke_test = \"required\"\n");
        for manifest in [plain, asking] {
            let (text, exit) = validated_with(manifest, "{\"event\": {}}");
            assert!(exit == Exit::Done && !text.contains("smoke.json"), "{text}");
        }
        let (text, exit) = validated_with(plain, "{\"evnt\": {}}");
        assert!(exit == Exit::Done && text.contains("warning: smoke.json: "), "{text}");
        let (text, exit) = validated_with(asking, "{\"evnt\": {}}");
        assert!(exit == Exit::Refused && text.contains("  smoke.json: "), "{text}");
    }

    #[test]
    fn key_store_of_an_unknown_format_is_warned_of_in_a_zip_and_a_folder() {
        let source = tempfile::tempdir().unwrap();
        for (name, text) in [("index.js", "exports.handler = 1\n"), ("client.bks", "\0\0\0\u{2}")] {
            std::fs::write(source.path().join(name), text).unwrap();
        }
        let warning = "nobody can tell whether a private key is in these key stores, and they go up: client.bks";
        let folder = report(&Options { files: vec![source.path().to_owned()], environment: None, function: None });
        assert_eq!(folder.files[0].warnings.iter().collect::<Vec<_>>(), [warning]);
        let zip = zipped(&[("index.js", b"exports.handler = 1\n"), ("client.bks", b"\0\0\0\x02")]);
        let (text, exit) = validated("orders.zip", &zip);
        assert!(exit == Exit::Done && text.ends_with(&format!("warning: {warning}\n")), "{text}");
    }

    #[test]
    fn utf16_manifest_gives_same_error_in_zip_and_alone() {
        let utf16 = b"\xff\xfet\x00";
        let sentence = "\n  function.toml: UTF-16 (PowerShell's default): save as UTF-8\n";
        let zip = zipped(&[("index.js", b"exports.handler = 1\n"), ("function.toml", utf16)]);
        for (text, exit) in [validated("orders.zip", &zip), validated("function.toml", utf16)] {
            assert!(exit == Exit::Refused && text.contains(sentence), "{text}");
        }
        let (text, exit) = validated("function.toml", b"\xef\xbb\xbftimeout = 7\n");
        assert_eq!(exit, Exit::Done, "{text}");
    }

    #[test]
    fn number_above_known_limit_gives_same_warning_in_zip_and_alone() {
        let manifest = b"timeout = 7\n[environments.prod]\ntimeout = 1800\n";
        let zip = zipped(&[("index.js", b"exports.handler = 1\n"), ("function.toml", manifest)]);
        for (text, exit) in [validated("orders.zip", &zip), validated("function.toml", manifest)] {
            let warning =
                "\n  warning: timeout is 1800, more than the 900 that this deployer knows of; Lambda decides\n";
            assert!(exit == Exit::Done && text.ends_with(warning), "{text}");
        }
    }

    #[test]
    fn manifest_mistake_names_the_manifest_in_zip_and_alone() {
        let manifest = b"memory = 1\n";
        let zip = zipped(&[("index.js", b"exports.handler = 1\n"), ("function.toml", manifest)]);
        for (text, exit) in [validated("orders.zip", &zip), validated("function.toml", manifest)] {
            let sentence = "\n  function.toml: memory: unknown field; did you mean memory_size?\n";
            assert!(exit == Exit::Refused && text.ends_with(sentence), "{text}");
        }
    }

    #[test]
    fn misspelt_region_of_a_configuration_is_warned_of() {
        let file = serde_json::json!({ "artifact_bucket": "acme-artifacts", "ledger_bucket": "acme-ledger",
            "environments": { "dev": { "targets": [{ "account": "111111111111", "region": "eu-wst-1" }] } } });
        let (text, exit) = validated("deployer.json", file.to_string().as_bytes());
        let warning = "warning: environments.dev.targets[0].region: eu-wst-1 is no region that this program knows of; is it \
                       misspelt?\n";
        assert!(exit == Exit::Done && text.ends_with(warning), "{text}");
    }

    #[test]
    fn configuration_in_wrong_encoding_is_refused_with_advice() {
        for (bytes, sentence) in [
            (&b"\xff\xfe{\x00"[..], "\n  UTF-16 (PowerShell's default): save as UTF-8\n"),
            (b"{\"\xe9\": 1}", "\n  not UTF-8: the byte at 2 (counted from 0) begins no character\n"),
        ] {
            let (text, exit) = validated("deployer.json", bytes);
            assert!(exit == Exit::Refused && text.ends_with(sentence), "{text}");
        }
    }
}
