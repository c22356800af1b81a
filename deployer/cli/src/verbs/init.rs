//! `deployctl init`: makes a manifest from a live function, with the caller's own credentials, or from another tool's
//! file.

use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use deployer_core::manifest::{NotConverted, Values, convert, write};
use deployer_core::observed::Variables;
use deployer_core::text::counted;
use serde::Serialize;

use crate::answer::{Answer, CliError, Exit};
use crate::aws::sdk_config::{self, no_region};
use crate::direct;
use crate::text::hints::hint;
use deployer_aws::DescribeError;

/// The options of `init`.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(group(clap::ArgGroup::new("source").args(["from", "from_file"]).required(true)))]
pub(crate) struct Options {
    /// The function's name or ARN. Needs lambda:GetFunction on it, and lambda:ListTags for its tags.
    #[arg(long, value_name = "FUNCTION")]
    from: Option<String>,
    /// The function.json of lambroll or Apex to convert. Render jsonnet, and templates outside of strings, first
    /// (lambroll render). Needs no network.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["with_values", "region", "profile"])]
    from_file: Option<PathBuf>,
    /// The file to write; - is standard output.
    #[arg(long, value_name = "FILE", default_value = "function.toml")]
    out: PathBuf,
    /// Overwrite an existing file.
    #[arg(long)]
    force: bool,
    /// Write the values of variables too, in clear. They may be secrets, and everybody who reads the zip can read its
    /// manifest.
    #[arg(long)]
    with_values: bool,
    /// The region of the function [default: as the AWS CLI finds it].
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The profile of the AWS configuration files to use.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

/// The answer of `init`.
#[derive(Debug, Serialize)]
struct Written {
    /// The function's name; null where the file has none.
    function: Option<String>,
    /// The file; null for standard output.
    file: Option<String>,
    /// The manifest; null if it was written to a file.
    manifest: Option<String>,
    /// The variables whose values are not in the manifest.
    withheld: Vec<String>,
    warning: Option<&'static str>,
}

impl Options {
    /// Whether the manifest goes to standard output.
    pub fn prints_a_file(&self) -> bool {
        self.out.as_os_str() == "-"
    }
}

const VALUES_WARNING: &str =
    "the values of variables are in it in clear: take those that are secrets out before you commit or zip it";

pub(crate) async fn run(options: &Options) -> Result<Answer, CliError> {
    let to_file = !options.prints_a_file();
    if to_file && !options.force && options.out.exists() {
        return Err(file_exists(options));
    }
    let made = match (&options.from_file, &options.from) {
        (Some(file), _) => convert_file(file)?,
        (None, Some(function)) => describe_function(options, function).await?,
        (None, None) => return Err(CliError::wrong_use("neither a function nor a file is named")),
    };
    let Draft { function, text, notes, withheld, shows_values } = made;
    let warning = shows_values.then_some(VALUES_WARNING);
    // The warning goes to standard error, because standard output may go to a file or a program.
    warning.iter().for_each(|warning| direct::warn(warning));
    if !to_file {
        let written = Written { function, file: None, manifest: Some(text.clone()), withheld, warning };
        return Ok(Answer::with_text(text, &written, Exit::Done));
    }
    save(options, &text, shows_values)?;
    let file = options.out.display().to_string();
    let notes = format!("{file}: {notes}\n");
    let written = Written { function, file: Some(file), manifest: None, withheld, warning };
    Ok(Answer::with_text(notes, &written, Exit::Done))
}

/// A manifest and the notes about it.
struct Draft {
    function: Option<String>,
    text: String,
    notes: String,
    withheld: Vec<String>,
    shows_values: bool,
}

/// Makes the draft from another tool's file.
fn convert_file(file: &Path) -> Result<Draft, CliError> {
    let shown = file.display();
    let bytes = std::fs::read(file).map_err(|error| {
        let message = format!("{shown} cannot be read: {error}");
        let is_absent = error.kind() == std::io::ErrorKind::NotFound;
        if is_absent { CliError::wrong_use(message) } else { CliError::failed(message) }
    })?;
    let is_jsonnet = file.extension().is_some_and(|ending| ending == "jsonnet");
    let made = convert(&bytes).map_err(|error| match error {
        NotConverted::Unreadable(_) if is_jsonnet => {
            CliError::refused(format!("{shown} is jsonnet: render it first (lambroll render)"))
        }
        _ => CliError::refused(format!("{shown}: {error}")),
    })?;
    let mut notes = format!("what {shown} of {} says", made.tool.name());
    if made.left_out > 0 {
        notes.push_str(&format!("\nfields that are left out: {} (comments in it say why)", made.left_out));
    }
    if let Some(error) = &made.manifest_error {
        notes.push_str(&format!("\nit is no valid manifest yet: {error}"));
    }
    notes.push_str(
        "\nif it takes the place of that file in the code's folder, take that one out: a zip has one manifest",
    );
    Ok(Draft { function: made.function, text: made.text, notes, withheld: Vec::new(), shows_values: made.has_values })
}

/// Makes the draft from a live function.
async fn describe_function(options: &Options, from: &str) -> Result<Draft, CliError> {
    let sdk = sdk_config::load(options.profile.as_deref(), options.region.as_deref()).await?;
    sdk.region().ok_or_else(no_region)?;
    let live = deployer_aws::describe_function(&sdk, from).await.map_err(|error| match error {
        DescribeError::Image => CliError::refused(format!("{from}: {error}")),
        DescribeError::Unread(failure) if failure.code == "ResourceNotFoundException" => {
            CliError::unknown_function(format!(
                "function {from} cannot be described: {failure}\n  --region and --profile say where it is looked for"
            ))
        }
        _ => {
            let obstacle = match &error {
                DescribeError::Unread(failure) => failure.obstacle.as_ref(),
                _ => None,
            };
            let message = format!("function {from} cannot be described: {error}");
            CliError::failed(obstacle.map_or(message.clone(), |_| format!("{message}\n  {}", hint(obstacle, ""))))
        }
    })?;
    let values = if options.with_values { Values::Shown } else { Values::Withheld };
    let text = write(&live.name, &live.account, &live.settings, &live.metadata, values);
    let names = match &live.settings.variables {
        Variables::Known(known) => known.keys().cloned().collect(),
        Variables::Unreadable { .. } => Vec::new(),
    };
    let withheld = if options.with_values { Vec::new() } else { names.clone() };
    let function = live.name.to_string();
    let mut notes = format!("what {function} is");
    if !withheld.is_empty() {
        notes.push_str(&format!(
            "\nthe values of {} are not in it, and are left as they are on the function (--with-values writes them)",
            counted(withheld.len(), "variable")
        ));
    }
    let shows_values = options.with_values && !names.is_empty();
    Ok(Draft { function: Some(function), text, notes, withheld, shows_values })
}

/// The mode of a file that may hold secrets.
const OWNER_ONLY: u32 = 0o600;

fn save(options: &Options, text: &str, shows_values: bool) -> Result<(), CliError> {
    let mut how = OpenOptions::new();
    how.write(true);
    if options.force {
        how.create(true).truncate(true)
    } else {
        how.create_new(true)
    };
    if shows_values {
        how.mode(OWNER_ONLY);
    }
    let written = how.open(&options.out).and_then(|mut file| {
        if shows_values && file.metadata()?.is_file() {
            // An overwritten file keeps its mode, so the mode is set here.
            file.set_permissions(Permissions::from_mode(OWNER_ONLY))?;
        }
        file.write_all(text.as_bytes())
    });
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => file_exists(options),
        _ => CliError::failed(format!("{} cannot be written: {error}", options.out.display())),
    })
}

fn file_exists(options: &Options) -> CliError {
    let file = options.out.display();
    CliError::refused(format!("{file} is there already: --force writes over it, --out names another file"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser as _;
    use deployer_core::manifest::{Manifest, ManifestFormat};

    use super::*;

    #[derive(clap::Parser)]
    struct Init {
        #[command(flatten)]
        options: Options,
    }

    fn options(arguments: &[&str]) -> Result<Options, clap::Error> {
        Init::try_parse_from([&["init"], arguments].concat()).map(|init| init.options)
    }

    #[tokio::test]
    async fn other_tools_file_becomes_manifest_without_overwriting() {
        let place = tempfile::tempdir().unwrap();
        let (file, out) = (place.path().join("function.json"), place.path().join("function.toml"));
        let lambroll = r#"{"FunctionName": "orders-api", "Runtime": "nodejs22.x", "Handler": "index.handler",
            "Environment": {"Variables": {"LOG_LEVEL": "info"}}}"#;
        std::fs::write(&file, lambroll).unwrap();
        let options = options(&["--from-file", file.to_str().unwrap(), "--out", out.to_str().unwrap()]).unwrap();
        let answer = run(&options).await.unwrap();
        assert!(answer.text.contains("fields that are left out: 1"), "{}", answer.text);
        assert_eq!((&answer.json["function"], &answer.json["warning"]), (&"orders-api".into(), &VALUES_WARNING.into()));
        let made = std::fs::read(&out).unwrap();
        let manifest = Manifest::parse(ManifestFormat::Toml, &made).unwrap();
        assert_eq!(manifest.for_all()[0].handler.as_deref(), Some("index.handler"));
        assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, OWNER_ONLY);
        assert!(run(&options).await.is_err());
        assert_eq!(std::fs::read(&out).unwrap(), made);
    }

    #[test]
    fn options_of_both_sources_or_none_are_refused() {
        for wrong in [
            &[][..],
            &["--from", "a", "--from-file", "b"],
            &["--from-file", "b", "--region", "eu-west-1"],
            &["--from-file", "b", "--with-values"],
        ] {
            assert!(options(wrong).is_err(), "{wrong:?}");
        }
        assert!(options(&["--from", "a", "--region", "eu-west-1"]).is_ok());
    }

    #[tokio::test]
    async fn files_that_cannot_be_converted_are_refused_with_reason() {
        let place = tempfile::tempdir().unwrap();
        for (name, content, reason) in [
            ("function.json", r#"{"PackageType": "Image", "Role": "x"}"#, "the function is a container image"),
            ("function.json", r#"{"Role": "x", "Timeout": {{ env `T` }}}"#, "render the file first (lambroll render)"),
            ("function.jsonnet", "local a = 1; {Role: 'x'}", "jsonnet: render it first (lambroll render)"),
        ] {
            let (file, out) = (place.path().join(name), place.path().join("function.toml"));
            std::fs::write(&file, content).unwrap();
            let options = options(&["--from-file", file.to_str().unwrap(), "--out", out.to_str().unwrap()]).unwrap();
            let error = run(&options).await.unwrap_err();
            assert_eq!(error.exit, Exit::Refused);
            assert!(error.message.contains(reason) && !out.exists(), "{}", error.message);
        }
    }

    #[test]
    fn missing_source_error_names_both_options() {
        let error = options(&[]).err().unwrap().to_string();
        assert!(error.contains("--from <FUNCTION>") && error.contains("--from-file <FILE>"), "{error}");
    }
}
