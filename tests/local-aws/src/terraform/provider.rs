//! One running provider for all of Terraform's commands in this process.
//!
//! Terraform starts the AWS provider anew for each command and for each run of a test, which takes most of their time.
//! A provider that was started with `-debug` serves them all (Terraform, "Debugging Providers": `TF_REATTACH_PROVIDERS`).
//! All of them share one configuration, so that it is for commands that call nothing of AWS.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use serde_json::Value;

use super::mirror::Registry;
use crate::process::{Lines, guard};
use crate::{Doing as _, Error, Result};

/// The variable that names running providers to Terraform.
pub(super) const VARIABLE: &str = "TF_REATTACH_PROVIDERS";

/// Runs the provider until its stdin closes, however this process ends, and removes its socket.
const UNTIL_STDIN_CLOSES: &str =
    r#"folder=$(mktemp -d) || exit; TMPDIR=$folder "$0" -debug & exec >&-; read -r _; kill $!; rm -rf "$folder""#;

/// The variables that end the provider's log (Terraform, "Manage log output" of plugins): without them it writes each
/// step of each request, though nobody reads them.
const SILENT: [(&str, &str); 2] = [("TF_LOG_SDK", "off"), ("TF_LOG_PROVIDER", "off")];

/// A provider that runs for as long as this process.
struct Running {
    /// The value of [`VARIABLE`].
    address: String,
    _shell: Child,
    _words: Lines,
}

/// Starts this program of the provider, unless it runs already, and returns the value of [`VARIABLE`]. `None`, with a
/// message on stderr, if it cannot be attached to: each command starts a provider of its own then.
pub(super) fn attach(program: &Path) -> Option<String> {
    static RUNNING: OnceLock<Mutex<BTreeMap<PathBuf, Option<Running>>>> = OnceLock::new();
    let mut running = guard(RUNNING.get_or_init(Mutex::default));
    let one = running.entry(program.to_path_buf()).or_insert_with(|| match start(program) {
        Ok(one) => Some(one),
        Err(error) => {
            let _told = writeln!(std::io::stderr(), "each command of Terraform starts the provider: {error}");
            None
        }
    });
    one.as_ref().map(|one| one.address.clone())
}

fn start(program: &Path) -> Result<Running> {
    let what = format!("starting {} -debug", program.display());
    let mut shell = Command::new("sh");
    shell
        .args(["-c", UNTIL_STDIN_CLOSES])
        .arg(program)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(super::COLLECTION)
        .envs(SILENT);
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut shell = shell.spawn().doing(&what)?;
    let out = shell.stdout.take().ok_or_else(|| Error::Unexpected(format!("{what}: it has no stdout")))?;
    let mut out = BufReader::new(out);
    let mut said = String::new();
    let address = loop {
        let mut line = String::new();
        if out.read_line(&mut line).doing(&what)? == 0 {
            let _ended = shell.wait();
            return Err(Error::failed(what, format!("it ended and said: {said}")));
        }
        if let Some(address) = address(&line) {
            break address;
        }
        said.push_str(&line);
    };
    let words = Lines::default();
    words.collect(out);
    Ok(Running { address, _shell: shell, _words: words })
}

/// Returns the value of [`VARIABLE`] that a line of the provider's tells, for Terraform's registry.
pub(super) fn address(line: &str) -> Option<String> {
    let text = line.trim().strip_prefix(VARIABLE)?.strip_prefix("='")?.strip_suffix('\'')?;
    let told: Value = serde_json::from_str(text).ok()?;
    told.get(Registry::Terraform.address())?;
    Some(text.to_owned())
}
