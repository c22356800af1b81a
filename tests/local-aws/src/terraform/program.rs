//! Finds a program and reads its kind and version.

use std::ffi::OsStr;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::fetch;
use super::mirror::Registry;
use super::variables::Variables;
use crate::{Error, Result};

const NAMES: [&str; 2] = ["terraform", "tofu"];
const OLDEST: (u32, u32) = (1, 9);
const VARIABLE: &str = "DEPLOYER_TERRAFORM";

/// The program's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Terraform,
    OpenTofu,
}

impl Kind {
    /// Returns the registry of providers whose source names no host.
    pub(super) fn registry(self) -> Registry {
        match self {
            Self::Terraform => Registry::Terraform,
            Self::OpenTofu => Registry::OpenTofu,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terraform => "terraform",
            Self::OpenTofu => "tofu",
        })
    }
}

/// The place where a program was found.
#[derive(Debug, Clone, Copy)]
enum Origin {
    Variable,
    Path,
    Fetched,
}

/// A program that runs here and is new enough.
#[derive(Debug, Clone)]
pub(super) struct Program {
    path: PathBuf,
    kind: Kind,
    version: String,
    origin: Origin,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, kind, version, origin } = self;
        match origin {
            Origin::Variable => write!(f, "{kind} {version} from {VARIABLE} ({})", path.display()),
            Origin::Path => write!(f, "{kind} {version} from PATH"),
            Origin::Fetched => write!(f, "{kind} {version} fetched to {}", path.display()),
        }
    }
}

impl Program {
    /// Returns the program in `PATH`, or for each name the reason for which it does not fit.
    fn in_path() -> std::result::Result<Self, Vec<String>> {
        let mut causes = Vec::new();
        for name in NAMES {
            match Self::probe(OsStr::new(name), Origin::Path) {
                Ok(program) => return Ok(program),
                Err(cause) => causes.push(cause),
            }
        }
        Err(causes)
    }

    /// Returns the named program, else the one in `PATH`, else a fetched one.
    pub(super) fn find(variables: &Variables, target: &Path) -> Result<Self> {
        if let Some(named) = variables.get(VARIABLE) {
            return Self::probe(named, Origin::Variable).map_err(|cause| {
                Error::Machine(format!(
                    "{VARIABLE} names {}, but {cause}: infra/ needs Terraform or OpenTofu 1.9 or newer, so \
                     name one, or unset {VARIABLE}",
                    named.display()
                ))
            });
        }
        let causes = match Self::in_path() {
            Ok(program) => return Ok(program),
            Err(causes) => causes,
        };
        let needed = |more: &dyn fmt::Display| {
            Error::Machine(format!(
                "infra/ needs Terraform or OpenTofu 1.9 or newer, but {}, and {more}: install one of \
                 them, or name one in the variable {VARIABLE}",
                causes.join(", ")
            ))
        };
        let fetched = fetch::terraform(variables, target, &needed)?;
        Self::probe(fetched.as_os_str(), Origin::Fetched).map_err(|cause| needed(&cause))
    }

    /// Returns a program of this name or path, or the reason for which it does not fit.
    fn probe(name: &OsStr, origin: Origin) -> std::result::Result<Self, String> {
        let asked = Path::new(name);
        // A relative path would be resolved in the folder that the program is run in.
        let path = if asked.components().count() > 1 { std::path::absolute(asked).ok() } else { None };
        let path = path.unwrap_or_else(|| asked.to_path_buf());
        let shown = path.display();
        let ask = |arguments: &[&str]| {
            let mut command = Command::new(&path);
            command.current_dir("/").args(arguments).stdin(Stdio::null());
            for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"TF_")) {
                command.env_remove(name);
            }
            command.env("CHECKPOINT_DISABLE", "1").env("TF_CLI_CONFIG_FILE", "/dev/null");
            let output = command.output().map_err(|error| match error.kind() {
                ErrorKind::NotFound if path.is_absolute() => format!("there is no {shown}"),
                ErrorKind::NotFound => format!("there is no {shown} in PATH"),
                _ => format!("{shown} does not run ({error})"),
            })?;
            if output.status.success() {
                return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
            }
            Err(format!("{shown} does not run ({})", output.status))
        };
        let (kind, version) =
            fitting(&ask(&["version"])?, &ask(&["version", "-json"])?).map_err(|cause| format!("{shown} {cause}"))?;
        Ok(Self { path, kind, version, origin })
    }

    #[cfg(test)]
    pub(super) fn for_test() -> Self {
        Self { path: "terraform".into(), kind: Kind::Terraform, version: "1.11.4".into(), origin: Origin::Path }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns a command that runs the program.
    pub(super) fn command(&self) -> Command {
        Command::new(&self.path)
    }
}

/// Reads kind and version from the outputs of `version` and `version -json`, or returns the reason for which the
/// program does not fit. The JSON of OpenTofu names Terraform, so that only `version` distinguishes the two.
pub(super) fn fitting(words: &str, json: &str) -> std::result::Result<(Kind, String), String> {
    let says = |word: &str| words.lines().any(|line| line.starts_with(word));
    let kind = match (says("Terraform v"), says("OpenTofu v")) {
        (true, _) => Kind::Terraform,
        (_, true) => Kind::OpenTofu,
        _ => return Err("is neither Terraform nor OpenTofu".to_owned()),
    };
    let version_json: Option<serde_json::Value> = serde_json::from_str(json).ok();
    let version =
        version_json.as_ref().and_then(|version_json| version_json["terraform_version"].as_str()).unwrap_or_default();
    let mut numbers = version.split('.').map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) >= OLDEST => Ok((kind, version.to_owned())),
        (Some(_), Some(_)) => Err(format!("is {kind} {version}")),
        _ => Err("does not tell its version".to_owned()),
    }
}
