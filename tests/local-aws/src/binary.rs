//! The deployer's binaries, built once per process by the cargo that built this one.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use serde_json::Value;

use super::venv::target_dir;
use super::waited_for;
use fixtures::error::{Doing as _, Error, Result};

/// The time after which a build says that it is one.
const PATIENCE: Duration = Duration::from_secs(10);

/// Returns the path of the Lambda's binary; `DEPLOYER_BOOTSTRAP` names a built one. Blocks while cargo builds.
///
/// # Errors
/// Cargo fails.
pub fn bootstrap() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(|| build("bootstrap", "DEPLOYER_BOOTSTRAP")).clone()
}

/// Returns the path of the command line; `DEPLOYER_DEPLOYCTL` names a built one. Blocks while cargo builds.
///
/// # Errors
/// Cargo fails.
pub fn deployctl() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(|| build("deployctl", "DEPLOYER_DEPLOYCTL")).clone()
}

/// A line on standard error about work that takes long.
struct SlowNote {
    /// The thread that waits ends when this is dropped.
    _done: mpsc::Sender<()>,
}

impl SlowNote {
    fn after(patience: Duration, words: String) -> Self {
        let (done, ended) = mpsc::channel();
        std::thread::spawn(move || {
            if ended.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _told = writeln!(std::io::stderr(), "{words}");
            }
        });
        Self { _done: done }
    }
}

fn build(name: &str, variable: &str) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    let target = target_dir()?;
    let executable = std::env::current_exe().doing("finding this executable")?;
    let folder = executable.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    let profile = match folder.and_then(|folder| folder.file_name()?.to_str()) {
        None | Some("debug") => "dev",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    // `--workspace` gives dependencies the features that they have where tests are built, so that none is built twice.
    let mut command = Command::new(&cargo);
    // Cargo's own variables are removed, because build scripts that watch them would run again.
    let of_ours = ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_PRIMARY_", "CARGO_TARGET_TMP"];
    for (name, _) in std::env::vars_os() {
        if of_ours.iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
    // A test binary needs it to print its times. Build scripts watch it, and the SDK would be built again.
    command.env_remove("RUSTC_BOOTSTRAP");
    let _note =
        SlowNote::after(PATIENCE, format!("building the deployer's {name}, which takes minutes the first time"));
    command
        .args(["build", "--workspace", "--bin", name])
        .args(["--profile", profile, "--message-format", "json-render-diagnostics", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null());
    let output = waited_for::output(&mut command).map_err(|error| {
        let sentence = "cargo is needed to build the deployer: install Rust from https://rustup.rs";
        Error::Machine(format!("{sentence} ({} does not start: {error})", cargo.display()))
    })?;
    if !output.status.success() {
        return Err(Error::failed(format!("building the deployer's {name}"), String::from_utf8_lossy(&output.stderr)));
    }
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let executable = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let is_ours = message["target"]["name"] == name;
        message["executable"].as_str().filter(|_| is_ours).map(PathBuf::from)
    });
    executable.ok_or_else(|| Error::Unexpected("cargo built it and did not say where".into()))
}
