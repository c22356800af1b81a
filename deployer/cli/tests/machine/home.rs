//! A person's machine: a home folder, an environment and nothing else.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::server::Server;

/// A machine without credentials, whose calls go to one server.
pub struct Home {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

/// The outcome of a run.
#[derive(Debug)]
pub struct Outcome {
    pub exit: Option<i32>,
    pub err: String,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Self { folder, variables: BTreeMap::new() };
        home.with("AWS_REGION", "eu-west-1").with("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// A machine whose calls to AWS go to this server.
    pub fn calling(server: &Server) -> Self {
        let services = ["LAMBDA", "STS", "SSO", "SSO_OIDC", "SIGNIN", "S3"];
        services.iter().fold(Self::new(), |home, service| {
            home.with(&format!("AWS_ENDPOINT_URL_{service}"), &server.address("http"))
        })
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// Keys that the server takes for anybody's.
    pub fn with_keys(self) -> Self {
        self.with("AWS_ACCESS_KEY_ID", "keys").with("AWS_SECRET_ACCESS_KEY", "secret")
    }

    pub fn path(&self, file: &str) -> String {
        self.folder.path().join(file).to_str().unwrap().to_owned()
    }

    pub fn file(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.replace("$HOME", self.folder.path().to_str().unwrap())).unwrap();
        self
    }

    pub fn config(self, text: &str) -> Self {
        self.file(".aws/config", text)
    }

    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with_output(arguments).0
    }

    /// Runs, and returns what is on standard output too.
    pub fn run_with_output(&self, arguments: &[&str]) -> (Outcome, String) {
        let output = self.command(arguments).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        (Outcome { exit: output.status.code(), err }, String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let home = self.folder.path().to_str().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_deployctl"));
        command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin");
        command.envs(std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)));
        command.envs(self.variables.iter().map(|(name, value)| (name, value.replace("$HOME", home))));
        command.args(arguments).stdin(Stdio::null());
        command
    }
}
