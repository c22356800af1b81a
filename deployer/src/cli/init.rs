//! `deployctl init`: a manifest from a live function, with the caller's own credentials.

use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;

use deployer_core::manifest::{Values, write};
use deployer_core::observed::Variables;
use serde::Serialize;

use super::{Answer, Exit, Stopped, direct};
use crate::aws::{self, NotDescribed};

/// Which function, and where its manifest goes.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// The function: its name or ARN. Takes lambda:GetFunction on it, and lambda:ListTags for its tags.
    #[arg(long, value_name = "FUNCTION")]
    from: String,
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
    function: String,
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
    let sdk = aws::load_for(options.profile.as_deref(), options.region.as_deref()).await;
    let from = &options.from;
    let live = aws::live_function(&sdk, from).await.map_err(|error| match error {
        NotDescribed::Image => Stopped::refused(format!("{from}: {error}")),
        _ => Stopped::failed(format!("function {from} cannot be described: {error}")),
    })?;
    let values = if options.with_values { Values::Shown } else { Values::Withheld };
    let text = write(&live.name, &live.account, &live.settings, &live.belongings, values);
    let names = match &live.settings.variables {
        Variables::Known(known) => known.keys().cloned().collect(),
        Variables::Unreadable { .. } => Vec::new(),
    };
    let withheld = if options.with_values { Vec::new() } else { names.clone() };
    let warning = (options.with_values && !names.is_empty()).then_some(IN_CLEAR);
    // Standard output may go into a file, or to a program.
    warning.iter().for_each(|warning| direct::warn(warning));
    let function = live.name.to_string();
    if !to_file {
        let written = Written { function, file: None, manifest: Some(text.clone()), withheld, warning };
        return Ok(Answer::with_text(text, &written, Exit::Done));
    }
    save(options, &text)?;
    let mut said = format!("{}: what {function} is\n", options.out.display());
    if !withheld.is_empty() {
        said.push_str(&format!(
            "the values of {} variables are not in it, and are left as they are on the function (--with-values writes them)\n",
            withheld.len()
        ));
    }
    let written =
        Written { function, file: Some(options.out.display().to_string()), manifest: None, withheld, warning };
    Ok(Answer::with_text(said, &written, Exit::Done))
}

/// Secrets are nobody else's to read.
const FOR_THE_OWNER: u32 = 0o600;

fn save(options: &Options, text: &str) -> Result<(), Stopped> {
    let mut how = OpenOptions::new();
    how.write(true);
    if options.force {
        how.create(true).truncate(true)
    } else {
        how.create_new(true)
    };
    if options.with_values {
        how.mode(FOR_THE_OWNER);
    }
    let written = how.open(&options.out).and_then(|mut file| {
        if options.with_values && file.metadata()?.is_file() {
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
