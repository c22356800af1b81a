//! Terraform or OpenTofu, for the tests of the `infra/` folder.
//!
//! [`Terraform::find`] takes the program that the machine has, or fetches one, and takes the AWS provider from a mirror
//! or from its registry. The machine's settings for either are ignored: every command gets a CLI configuration of its
//! own, and no variable, account or file of AWS. Nothing here knows the contents of `infra/`.

mod applied;
mod copy;
mod fetch;
mod mirror;
mod program;
mod provider;
mod search;
mod settings;
#[cfg(test)]
mod tests;
mod variables;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

pub use applied::{Applied, Caller, with_callers};
pub use copy::copy_of_infra;

use crate::{Doing as _, Error, Result, target_dir, waited_for};
use mirror::Mirror;
use program::Program;
use variables::Variables;

/// The variable that skips the tests with Terraform if it is `1`, except in CI.
const SKIP: &str = "DEPLOYER_SKIP_TERRAFORM";

/// The settings of Go's garbage collector in Terraform and its providers (Go, "A Guide to the Go Garbage Collector"): by default a third of
/// the time goes into looking again and again through the provider's schemas, which stay.
const COLLECTION: [(&str, &str); 2] = [("GOGC", "400"), ("GOMEMLIMIT", "600MiB")];

/// The origin of the AWS provider.
#[derive(Debug, Clone)]
enum Source {
    /// A folder on this machine.
    Mirror(Mirror),
    /// The registry; downloads are kept in this folder.
    Registry(PathBuf),
}

impl Source {
    /// Whether a variable of the process's environment is hidden from the program.
    fn hides(&self, name: &str) -> bool {
        let proxy = matches!(self, Self::Mirror(_)) && name.to_lowercase().ends_with("_proxy");
        proxy || name.starts_with("AWS_") || name.starts_with("TF_")
    }
}

/// Terraform or OpenTofu, with the settings to run it.
#[derive(Debug, Clone)]
pub struct Terraform {
    program: Program,
    source: Source,
    /// The CLI configuration.
    settings: PathBuf,
    /// Further variables of its commands.
    environment: Vec<(String, String)>,
}

impl Terraform {
    /// Returns the program that the variable `DEPLOYER_TERRAFORM` names; else the first of `terraform` and `tofu` in
    /// `PATH` that is 1.9 or newer; else Terraform 1.11.4, which is fetched once into the target folder.
    ///
    /// # Errors
    /// [`Error::Machine`] with one sentence if no program can be had; else an operation fails.
    pub fn find() -> Result<Self> {
        static FOUND: OnceLock<Result<Terraform>> = OnceLock::new();
        FOUND.get_or_init(|| Self::find_with(&Variables::from_process())).clone()
    }

    /// Returns the program for a test that calls nothing of AWS, with one running provider for all commands of this
    /// process; `None`, with a message on stderr, if `DEPLOYER_SKIP_TERRAFORM` is `1`.
    ///
    /// # Errors
    /// Those of [`Terraform::find`]; [`Error::Machine`] if a test in CI would be skipped.
    pub fn for_tests() -> Result<Option<Self>> {
        Ok(Self::for_applying()?.map(Self::with_shared_provider))
    }

    /// Returns the program for a test that applies: each command starts a provider of its own. `None`, with a message
    /// on stderr, if `DEPLOYER_SKIP_TERRAFORM` is `1`.
    ///
    /// # Errors
    /// Those of [`Terraform::for_tests`].
    pub fn for_applying() -> Result<Option<Self>> {
        if !skipped(&Variables::from_process())? {
            return Self::find().map(Some);
        }
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        let _told = writeln!(std::io::stderr(), "SKIPPED, for {SKIP}=1 is set: {test}, which needs Terraform");
        Ok(None)
    }

    /// Returns the program for a test once for each major of the provider that the mirror has; nothing if
    /// `DEPLOYER_SKIP_TERRAFORM` is `1`; once if the provider is downloaded, which is its newest then.
    ///
    /// # Errors
    /// Those of [`Terraform::for_tests`].
    pub fn for_tests_by_major() -> Result<Vec<Self>> {
        let Some(terraform) = Self::for_applying()? else { return Ok(vec![]) };
        let all = terraform.by_major(&folder(&target()?))?;
        Ok(all.into_iter().map(Self::with_shared_provider).collect())
    }

    fn by_major(self, folder: &Path) -> Result<Vec<Self>> {
        let Source::Mirror(mirror) = &self.source else { return Ok(vec![self]) };
        let majors = mirror.majors();
        if majors.len() < 2 {
            return Ok(vec![self]);
        }
        let with = |major| {
            let mirror = mirror.of_major(major, folder)?;
            let settings = settings::write(folder, &settings::mirrored(&mirror)?)?;
            Ok(Self { source: Source::Mirror(mirror), settings, ..self.clone() })
        };
        majors.into_iter().map(with).collect()
    }

    fn find_with(variables: &Variables) -> Result<Self> {
        let target = target()?;
        let folder = folder(&target);

        let program = Program::find(variables, &target)?;
        let plugins = folder.join("plugins");
        let source = match Mirror::find(variables, &target, &plugins)? {
            Some(mirror) => Source::Mirror(mirror),
            None => Source::Registry(plugins),
        };
        let text = match &source {
            Source::Mirror(mirror) => settings::mirrored(&mirror.offering(program.kind().registry(), &folder)?)?,
            Source::Registry(plugins) => {
                fs::create_dir_all(plugins).doing(format!("making {}", plugins.display()))?;
                settings::downloaded(plugins)?
            }
        };
        let settings = settings::write(&folder, &text)?;
        Ok(Self { program, source, settings, environment: vec![] })
    }

    /// Lets all commands of this process share one running provider, if Terraform takes the provider's program from a
    /// mirror. It is for commands that call nothing of AWS: tests with a mocked provider, `validate`, `graph`.
    fn with_shared_provider(self) -> Self {
        let Source::Mirror(mirror) = &self.source else { return self };
        match mirror.newest_program(self.program.kind().registry()).and_then(|program| provider::attach(&program)) {
            Some(address) => self.with(provider::VARIABLE, &address),
            None => self,
        }
    }

    /// Adds a variable to the environment of all commands.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns a command in this folder, without the process's variables for Terraform or AWS. If the provider is
    /// downloaded, the variables that name a proxy stay: connections to loopback use no proxy (Go,
    /// `net/http.ProxyFromEnvironment`).
    #[must_use]
    pub fn command(&self, folder: &Path) -> Command {
        let mut command = self.program.command();
        command.current_dir(folder);
        for (name, _) in std::env::vars_os() {
            if self.source.hides(&name.to_string_lossy()) {
                command.env_remove(name);
            }
        }
        command.env("TF_CLI_CONFIG_FILE", &self.settings);
        command.envs([("TF_IN_AUTOMATION", "1"), ("TF_INPUT", "0"), ("TF_CLI_ARGS", "-no-color")]);
        command.env("CHECKPOINT_DISABLE", "1").envs(COLLECTION);
        // A test must not reach an account that the machine's files or instance metadata give.
        command.envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")]);
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program in this folder with these arguments and returns its stdout.
    ///
    /// # Errors
    /// The program fails; the error has its stdout and stderr.
    pub fn run(&self, folder: &Path, arguments: &[&str]) -> Result<String> {
        let what = format!("{} {} in {}", self.program.kind(), arguments.join(" "), folder.display());
        let _turn = self.turn(arguments)?;
        let output = waited_for::output(self.command(folder).args(arguments).stdin(Stdio::null())).doing(&what)?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        if output.status.success() {
            return Ok(stdout.into_owned());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(Error::failed(what, format!("{}\n{stdout}{errors}", output.status)))
    }

    /// Describes program, version and provider in one line.
    #[must_use]
    pub fn describe(&self) -> String {
        let provider = match &self.source {
            Source::Mirror(mirror) => format!("from {}", mirror.root().display()),
            Source::Registry(plugins) => format!("downloaded to {}", plugins.display()),
        };
        format!("{}, provider {provider}", self.program)
    }

    /// Locks the folder of downloads: two processes that download into it at once may damage it (Terraform, "Provider
    /// Plugin Cache"), so that one waits for the other.
    fn turn(&self, arguments: &[&str]) -> Result<Option<File>> {
        match &self.source {
            Source::Registry(plugins) if arguments.contains(&"init") => {
                locked(&plugins.with_extension("lock")).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// Returns the target folder without links in its path, after making it.
fn target() -> Result<PathBuf> {
    let target = target_dir()?;
    let folder = folder(&target);
    fs::create_dir_all(&folder).doing(format!("making {}", folder.display()))?;
    fs::canonicalize(&target).doing(format!("finding {}", target.display()))
}

/// Returns the folder that everything of Terraform's is in.
fn folder(target: &Path) -> PathBuf {
    target.join("terraform")
}

/// Whether the tests with Terraform are skipped.
fn skipped(variables: &Variables) -> Result<bool> {
    let asked = variables.get(SKIP).is_some_and(|value| value == "1");
    if asked && variables.get("CI").is_some() {
        return Err(Error::Machine(format!(
            "{SKIP}=1 is set, and CI too, where the tests with Terraform are never skipped: unset {SKIP}"
        )));
    }
    Ok(asked)
}

/// Locks this file for as long as the result lives.
fn locked(path: &Path) -> Result<File> {
    let lock = File::create(path).doing(format!("opening the lock {}", path.display()))?;
    lock.lock().doing(format!("locking {}", path.display()))?;
    Ok(lock)
}

/// Writes a file atomically.
fn write_whole(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(path).map_err(|error| error.error)
    };
    write().doing(format!("writing {}", path.display()))?;
    Ok(())
}

/// Returns the first 16 hexadecimal digits of the content's SHA-256, as a name for it.
fn short_hash(content: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(content).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns Go's name of this machine, such as `linux_amd64`.
fn platform() -> String {
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{os}_{arch}")
}
