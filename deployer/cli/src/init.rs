//! `deployctl init`: a manifest from a live function, with the caller's own credentials, or from another tool's file.

use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use deployer_core::manifest::{NotConverted, Values, convert, write};
use deployer_core::observed::Variables;
use serde::Serialize;

use super::{Answer, Exit, Stopped, direct};
use deployer_aws::DescribeError;

/// Which function, and where its manifest goes.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(group(clap::ArgGroup::new("source").args(["from", "from_file"]).required(true)))]
pub(super) struct Options {
    /// The function: its name or ARN. Takes lambda:GetFunction on it, and lambda:ListTags for its tags.
    #[arg(long, value_name = "FUNCTION")]
    from: Option<String>,
    /// The function.json of lambroll or Apex, of which a manifest is made; jsonnet, and templates outside of texts, are to be
    /// rendered first (lambroll render). Calls nobody.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["with_values", "region", "profile"])]
    from_file: Option<PathBuf>,
    /// Where the manifest is written; - is standard output.
    #[arg(long, value_name = "FILE", default_value = "function.toml")]
    out: PathBuf,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
    /// Write the values of variables too, in clear: they may be secrets, and a manifest is in the zip for everybody who reads it.
    #[arg(long)]
    with_values: bool,
    /// The region of the function [default: as the AWS CLI finds it].
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The profile of the AWS configuration files to use.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    /// Null where a file does not name it.
    function: Option<String>,
    /// The file; null for standard output.
    file: Option<String>,
    /// The manifest; null where it went into a file.
    manifest: Option<String>,
    /// Variables whose values are not in it.
    withheld: Vec<String>,
    warning: Option<&'static str>,
}

const IN_CLEAR: &str =
    "the values of variables are in it in clear: take those that are secrets out before you commit or zip it";

pub(super) async fn run(options: &Options) -> Result<Answer, Stopped> {
    let to_file = options.out.as_os_str() != "-";
    if to_file && !options.force && options.out.exists() {
        return Err(there_already(options));
    }
    let made = match (&options.from_file, &options.from) {
        (Some(file), _) => converted(file)?,
        (None, Some(function)) => described(options, function).await?,
        (None, None) => return Err(Stopped::refused("neither a function nor a file is named")),
    };
    let Made { function, text, said, withheld, shows_values } = made;
    let warning = shows_values.then_some(IN_CLEAR);
    // Standard output may go into a file, or to a program.
    warning.iter().for_each(|warning| direct::warn(warning));
    if !to_file {
        let written = Written { function, file: None, manifest: Some(text.clone()), withheld, warning };
        return Ok(Answer::with_text(text, &written, Exit::Done));
    }
    save(options, &text, shows_values)?;
    let file = options.out.display().to_string();
    let said = format!("{file}: {said}\n");
    let written = Written { function, file: Some(file), manifest: None, withheld, warning };
    Ok(Answer::with_text(said, &written, Exit::Done))
}

/// A manifest, and what there is to say of it.
struct Made {
    function: Option<String>,
    text: String,
    said: String,
    withheld: Vec<String>,
    shows_values: bool,
}

/// Of another tool's file.
fn converted(file: &Path) -> Result<Made, Stopped> {
    let shown = file.display();
    let bytes = std::fs::read(file).map_err(|error| Stopped::failed(format!("{shown} cannot be read: {error}")))?;
    let is_jsonnet = file.extension().is_some_and(|ending| ending == "jsonnet");
    let made = convert(&bytes).map_err(|error| match error {
        NotConverted::Unreadable(_) if is_jsonnet => {
            Stopped::refused(format!("{shown} is jsonnet: render it first (lambroll render)"))
        }
        _ => Stopped::refused(format!("{shown}: {error}")),
    })?;
    let mut said = format!("what {shown} of {} says", made.tool.name());
    if made.left_out > 0 {
        said.push_str(&format!("\nfields that are left out: {} (comments in it say why)", made.left_out));
    }
    if let Some(mistakes) = &made.mistakes {
        said.push_str(&format!("\nit is no valid manifest yet: {mistakes}"));
    }
    said.push_str(
        "\nif it takes the place of that file in the code's folder, take that one out: a zip has one manifest",
    );
    Ok(Made { function: made.function, text: made.text, said, withheld: Vec::new(), shows_values: made.has_values })
}

/// Of a live function.
async fn described(options: &Options, from: &str) -> Result<Made, Stopped> {
    let sdk = deployer_aws::load_for(options.profile.as_deref(), options.region.as_deref()).await;
    let live = deployer_aws::describe_function(&sdk, from).await.map_err(|error| match error {
        DescribeError::Image => Stopped::refused(format!("{from}: {error}")),
        _ => Stopped::failed(format!("function {from} cannot be described: {error}")),
    })?;
    let values = if options.with_values { Values::Shown } else { Values::Withheld };
    let text = write(&live.name, &live.account, &live.settings, &live.metadata, values);
    let names = match &live.settings.variables {
        Variables::Known(known) => known.keys().cloned().collect(),
        Variables::Unreadable { .. } => Vec::new(),
    };
    let withheld = if options.with_values { Vec::new() } else { names.clone() };
    let function = live.name.to_string();
    let mut said = format!("what {function} is");
    if !withheld.is_empty() {
        said.push_str(&format!(
            "\nthe values of {} variables are not in it, and are left as they are on the function (--with-values writes them)",
            withheld.len()
        ));
    }
    let shows_values = options.with_values && !names.is_empty();
    Ok(Made { function: Some(function), text, said, withheld, shows_values })
}

/// Secrets are nobody else's to read.
const FOR_THE_OWNER: u32 = 0o600;

fn save(options: &Options, text: &str, shows_values: bool) -> Result<(), Stopped> {
    let mut how = OpenOptions::new();
    how.write(true);
    if options.force {
        how.create(true).truncate(true)
    } else {
        how.create_new(true)
    };
    if shows_values {
        how.mode(FOR_THE_OWNER);
    }
    let written = how.open(&options.out).and_then(|mut file| {
        if shows_values && file.metadata()?.is_file() {
            // One that was there has kept its mode.
            file.set_permissions(Permissions::from_mode(FOR_THE_OWNER))?;
        }
        file.write_all(text.as_bytes())
    });
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => there_already(options),
        _ => Stopped::failed(format!("{} cannot be written: {error}", options.out.display())),
    })
}

fn there_already(options: &Options) -> Stopped {
    let file = options.out.display();
    Stopped::refused(format!("{file} is there already: --force writes over it, --out names another file"))
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
    async fn another_tools_file_becomes_a_manifest_and_nothing_is_written_over() {
        let place = tempfile::tempdir().unwrap();
        let (file, out) = (place.path().join("function.json"), place.path().join("function.toml"));
        let lambroll = r#"{"FunctionName": "orders-api", "Runtime": "nodejs22.x", "Handler": "index.handler",
            "Environment": {"Variables": {"LOG_LEVEL": "info"}}}"#;
        std::fs::write(&file, lambroll).unwrap();
        let options = options(&["--from-file", file.to_str().unwrap(), "--out", out.to_str().unwrap()]).unwrap();
        let answer = run(&options).await.unwrap();
        assert!(answer.text.contains("fields that are left out: 1"), "{}", answer.text);
        assert_eq!((&answer.json["function"], &answer.json["warning"]), (&"orders-api".into(), &IN_CLEAR.into()));
        let made = std::fs::read(&out).unwrap();
        let manifest = Manifest::parse(ManifestFormat::Toml, &made).unwrap();
        assert_eq!(manifest.for_all()[0].handler.as_deref(), Some("index.handler"));
        assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, FOR_THE_OWNER);
        assert!(run(&options).await.is_err());
        assert_eq!(std::fs::read(&out).unwrap(), made);
    }

    #[test]
    fn one_source_is_named_and_what_concerns_a_function_does_not_stand_beside_a_file() {
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
    async fn files_of_which_no_manifest_can_be_made_are_refused_with_the_reason() {
        let place = tempfile::tempdir().unwrap();
        for (name, content, reason) in [
            ("function.json", r#"{"PackageType": "Image", "Role": "x"}"#, "the function is a container image"),
            ("function.json", r#"{"Role": "x", "Timeout": {{ env `T` }}}"#, "render the file first (lambroll render)"),
            ("function.jsonnet", "local a = 1; {Role: 'x'}", "jsonnet: render it first (lambroll render)"),
        ] {
            let (file, out) = (place.path().join(name), place.path().join("function.toml"));
            std::fs::write(&file, content).unwrap();
            let options = options(&["--from-file", file.to_str().unwrap(), "--out", out.to_str().unwrap()]).unwrap();
            let stopped = run(&options).await.unwrap_err();
            assert_eq!(stopped.exit, Exit::Refused);
            assert!(stopped.message.contains(reason) && !out.exists(), "{}", stopped.message);
        }
    }

    #[test]
    fn neither_source_asks_for_one_of_both() {
        let error = options(&[]).err().unwrap().to_string();
        assert!(error.contains("--from <FUNCTION>") && error.contains("--from-file <FILE>"), "{error}");
    }
}
