//! Runs a line of a document in a shell, with `deployctl` and the real AWS CLI.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::LocalAws;
use super::accounts::{ARTIFACTS, DEPLOYER_FUNCTION, REGION};
use super::binary::deployctl;
use super::control::SessionKeys;
use super::deployctl::RunOutput;
use fixtures::error::{Doing as _, Error, Result};

/// The first minor versions of the AWS CLI 1 and 2 that know `AWS_ENDPOINT_URL` and conditional writes (changelogs of the
/// AWS CLI).
const SINCE: [(u32, u32); 2] = [(1, 37), (2, 23)];

/// A shell that finds `deployctl`, the AWS CLI and jq.
#[derive(Debug, Clone)]
pub struct Shell {
    path: OsString,
}

impl Shell {
    /// Finds the programs to play this; `None`, with a message on stderr, if one is missing on this machine.
    ///
    /// # Errors
    /// [`Error::Machine`] if a test in CI would be skipped; or `deployctl` cannot be built.
    pub fn find(what: &str) -> Result<Option<Self>> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if let Some(missing) = missing() {
            if std::env::var_os("CI").is_some() {
                let sentence = format!("{missing}, and CI skips no test: install it for {what}");
                return Err(Error::Machine(sentence));
            }
            let _told = writeln!(std::io::stderr(), "SKIPPED, for {missing}: {what}");
            return Ok(None);
        }
        let program = deployctl()?;
        let folders = program.parent().map(Path::to_path_buf).into_iter().chain(std::env::split_paths(&path));
        Ok(Some(Self { path: std::env::join_paths(folders).doing("making a PATH")? }))
    }
}

/// Returns what is missing on this machine.
fn missing() -> Option<String> {
    match version("aws") {
        None => Some("the AWS CLI is not in PATH".to_owned()),
        Some(found) if !is_new_enough(&found) => Some(format!("the AWS CLI is too old: {}", found.trim())),
        Some(_) => version("jq").is_none().then(|| "jq is not in PATH".to_owned()),
    }
}

/// Returns what a program says about its version.
fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether this AWS CLI can play the runbook, by its words such as `aws-cli/2.23.0 Python/3.12.6 …`.
fn is_new_enough(words: &str) -> bool {
    let numbers = words.strip_prefix("aws-cli/").unwrap_or_default();
    let mut numbers = numbers.split(['.', ' ']).map_while(|number| number.parse::<u32>().ok());
    let found = numbers.next().zip(numbers.next());
    found.is_some_and(|(major, minor)| major > 2 || SINCE.iter().any(|since| since.0 == major && since.1 <= minor))
}

impl LocalAws {
    /// Runs a line in this folder with these credentials, and with the variables that the runbook exports.
    ///
    /// # Errors
    /// The shell does not start.
    pub async fn shell(
        &self,
        shell: &Shell,
        (keys, folder): (&SessionKeys, &Path),
        more: &[(&'static str, &str)],
        line: &str,
    ) -> Result<RunOutput> {
        let mut command = tokio::process::Command::new("sh");
        command.args(["-c", line]).current_dir(folder).kill_on_drop(true);
        command.env_clear().envs(self.environment(keys, more));
        command.envs([
            ("PATH", shell.path.clone()),
            ("HOME", std::env::var_os("HOME").unwrap_or_else(|| folder.into())),
            // Version 1 of the AWS CLI reads no other.
            ("AWS_DEFAULT_REGION", REGION.into()),
            ("AWS_CONFIG_FILE", folder.join("no-config").into()),
            ("AWS_SHARED_CREDENTIALS_FILE", folder.join("no-credentials").into()),
            ("AWS_PAGER", OsString::new()),
            ("DEPLOYER_FUNCTION_NAME", DEPLOYER_FUNCTION.split(':').nth(6).unwrap_or_default().into()),
            ("DEPLOYER_ARTIFACT_BUCKET", ARTIFACTS.into()),
        ]);
        command.stdin(Stdio::null());
        let output = command.output().await.doing(format!("running {line}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(RunOutput { exit: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
    }
}

#[test]
fn aws_cli_that_knows_no_conditional_writes_is_too_old() {
    for (words, expected) in [
        ("aws-cli/1.45.11 Python/3.11.7 Linux/6.18 botocore/1.43.11\n", true),
        ("aws-cli/1.22.34 Python/3.10.6", false),
        ("aws-cli/2.9.19 Python/3.11.2", false),
        ("aws-cli/2.23.0 Python/3.12.6", true),
        ("aws-cli/3.0.0", true),
        ("something else", false),
    ] {
        assert_eq!(is_new_enough(words), expected, "{words}");
    }
}
