//! Makes the Python environment of the local AWS once, under the target folder.
//!
//! Several test processes may need it at the same time: a file lock lets one of them make it. An incomplete environment
//! has no marker file and is made again.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use super::waited_for;
use fixtures::error::{Doing as _, Error, Result};

const OLDEST: (u32, u32) = (3, 10);
const NAMES: [&str; 6] = ["python3", "python3.13", "python3.12", "python3.11", "python3.10", "python"];
/// A Python program that prints version and prefix, and fails if `venv` or `ensurepip` is missing.
const PROBE: &str = "import sys; print('%d.%d.%d %s' % (*sys.version_info[:3], sys.base_prefix)); \
                     import venv, ensurepip; print('complete')";

/// Returns cargo's target folder, which is an ancestor of this executable.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let executable = std::env::current_exe().doing("finding this executable")?;
    let target = executable.ancestors().skip(1).find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let target = target.map(Path::to_path_buf).or_else(|| std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from));
    Ok(target.unwrap_or_else(|| source().join("../../target")))
}

/// Returns the folder of the local AWS's sources.
pub(super) fn source() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the environment's Python, and makes the environment if there is none.
///
/// # Errors
/// [`Error::Machine`] with one sentence if Python is missing; else an operation fails, and the error names the file
/// with pip's output.
pub(super) fn python() -> Result<PathBuf> {
    static FOUND: OnceLock<Result<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(make).clone()
}

fn make() -> Result<PathBuf> {
    let requirements = source().join("requirements.txt");
    let pinned = fs::read(&requirements).doing(format!("reading {}", requirements.display()))?;
    let base = Base::find()?;
    let hash = Sha256::new().chain_update(&pinned).chain_update(&base.identity).finalize();
    let name: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();

    let folder = target_dir()?.join("local-aws");
    fs::create_dir_all(&folder).doing(format!("making {}", folder.display()))?;
    let environment = folder.join(format!("venv-{name}"));
    let (python, made) = (environment.join("bin/python"), environment.join("made"));
    if made.is_file() {
        return Ok(python);
    }
    let lock = File::create(folder.join("venv.lock")).doing("opening the lock of the Python environment")?;
    lock.lock().doing("locking the Python environment")?;
    if made.is_file() {
        return Ok(python);
    }
    let _told =
        writeln!(std::io::stderr(), "making the Python environment of the local AWS (once, about half a minute)");
    if environment.exists() {
        fs::remove_dir_all(&environment).doing(format!("removing the half-made {}", environment.display()))?;
    }
    let log = folder.join(format!("venv-{name}.log"));
    let words = File::create(&log).doing(format!("writing {}", log.display()))?;
    let run = |program: &Path, arguments: &[&str]| {
        let streams = words.try_clone().and_then(|out| Ok((out, words.try_clone()?)));
        let (out, errors) = streams.doing("opening pip's log")?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(out).stderr(errors);
        let status = waited_for::status(alone(&mut command)).doing(format!("starting {}", program.display()))?;
        if status.success() {
            return Ok(());
        }
        let what = format!("making the Python environment of the local AWS ({})", arguments.join(" "));
        Err(Error::failed(what, format!("{status}; its words are in {}", log.display())))
    };
    run(&base.program, &["-m", "venv", &environment.to_string_lossy()])?;
    let file = requirements.to_string_lossy();
    let install = ["-m", "pip", "install", "--disable-pip-version-check", "--require-hashes", "-r", &file];
    run(&python, &install).map_err(|_| {
        let said = fs::read_to_string(&log).unwrap_or_default();
        Error::Machine(not_installed(&said, &log))
    })?;
    fs::write(&made, "").doing("marking the Python environment as made")?;
    Ok(python)
}

/// Returns the sentence about packages that pip did not install. Without a network pip says in the end that there is no
/// such package.
fn not_installed(said: &str, log: &Path) -> String {
    let log = log.display();
    if said.contains("Retrying (Retry(") {
        return format!(
            "the local AWS needs Python packages, which pip fetches once, and pip cannot reach its package index: see that \
             there is a network, and set HTTPS_PROXY or PIP_INDEX_URL where yours asks for it; pip's words are in {log}"
        );
    }
    let last = said.lines().rev().find(|line| line.starts_with("ERROR")).unwrap_or("it does not say why");
    format!("the local AWS needs Python packages, and pip has not installed them: {last}; pip's words are in {log}")
}

/// Removes the variables that would replace a Python's own modules.
pub(super) fn alone(command: &mut Command) -> &mut Command {
    command.env_remove("PYTHONPATH").env_remove("PYTHONHOME").env_remove("VIRTUAL_ENV")
}

/// A Python to make the environment from.
struct Base {
    program: PathBuf,
    /// Version and prefix: each Python has its own environment.
    identity: String,
}

impl Base {
    fn find() -> Result<Self> {
        let asked = std::env::var_os("DEPLOYER_PYTHON").filter(|name| !name.is_empty());
        let names: Vec<OsString> = match &asked {
            Some(name) => vec![name.clone()],
            None => NAMES.iter().map(OsString::from).collect(),
        };
        let mut incomplete = None;
        for name in names {
            let Some((base, complete)) = Self::probe(&name) else { continue };
            if complete {
                return Ok(base);
            }
            incomplete.get_or_insert(base);
        }
        let sentence = match (asked, incomplete) {
            (_, Some(base)) => format!(
                "{} has no venv or no pip of its own, and the local AWS needs them: install them (Debian, Ubuntu: \
                 apt-get install python3-venv), or name another Python in the variable DEPLOYER_PYTHON",
                base.program.display()
            ),
            (Some(name), None) => format!(
                "DEPLOYER_PYTHON names {}, which is no Python of version 3.10 or newer: the local AWS needs one",
                name.display()
            ),
            (None, None) => "the local AWS needs Python 3.10 or newer, and there is none in PATH: install it \
                             (Debian, Ubuntu: apt-get install python3 python3-venv), or name one in the variable \
                             DEPLOYER_PYTHON"
                .to_owned(),
        };
        Err(Error::Machine(sentence))
    }

    /// Returns a Python that is new enough, and whether it can make environments.
    fn probe(name: &OsString) -> Option<(Self, bool)> {
        let mut command = Command::new(name);
        command.args(["-c", PROBE]).stdin(Stdio::null()).stderr(Stdio::null());
        let output = alone(&mut command).output().ok()?;
        let stdout = String::from_utf8(output.stdout).ok()?;
        let identity = stdout.lines().next()?;
        let mut numbers = identity.split(['.', ' ']).map_while(|part| part.parse::<u32>().ok());
        let version = (numbers.next()?, numbers.next()?);
        let base = Self { program: name.into(), identity: identity.to_owned() };
        (version >= OLDEST).then(|| (base, stdout.lines().nth(1) == Some("complete")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_network_is_told_from_other_failures_of_pip() {
        let log = Path::new("pip.log");
        let unreachable = "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken\nERROR: No matching \
                           distribution found for moto==5\n";
        assert!(not_installed(unreachable, log).contains("pip cannot reach its package index"));
        let full = "Collecting moto\nERROR: Could not install packages due to an OSError: No space left on device\n\n";
        assert_eq!(
            not_installed(full, log),
            "the local AWS needs Python packages, and pip has not installed them: ERROR: Could not install packages due to an \
             OSError: No space left on device; pip's words are in pip.log"
        );
    }
}
