//! Runs the real `deployctl` as a person or a CI job does.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use tokio::process::Child;

use super::accounts::REGION;
use super::binary::deployctl;
use super::control::SessionKeys;
use super::lambda_endpoint::LambdaEndpoint;
use super::server::{NOBODYS_AUTHORITY, TRUSTED};
use super::{LocalAws, with_output};
use crate::ci::send;
use crate::terminal::Terminal;
use fixtures::error::{Doing as _, Result};

/// The result of a run.
#[derive(Debug, Clone)]
pub struct RunOutput {
    /// The exit code; `None` if a signal ended it.
    pub exit: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl RunOutput {
    /// Parses standard output as JSON.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).doing(format!("reading what deployctl said: {self:?}"))
    }
}

/// The streams of a run that go to its terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalStreams {
    /// Standard output and standard error.
    OutAndErr,
    /// Standard error only, as where standard output goes to a file.
    ErrOnly,
}

/// A run on a terminal.
#[derive(Debug)]
pub struct RunOnTerminal {
    child: Child,
    /// The terminal as a person sees it.
    pub terminal: Terminal,
    _lambda: LambdaEndpoint,
}

impl RunOnTerminal {
    /// Interrupts the run, as Ctrl-C does.
    ///
    /// # Errors
    /// It has ended.
    pub fn interrupt(&self) -> Result<()> {
        send(&self.child, Signal::INT)
    }

    /// Waits for the run's end; the result's standard error is the terminal's text.
    ///
    /// # Errors
    /// The operating system refuses it.
    pub async fn end(self) -> Result<RunOutput> {
        let Self { child, terminal, _lambda } = self;
        let output = child.wait_with_output().await.doing("waiting for deployctl")?;
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(RunOutput { exit: output.status.code(), out, err: terminal.end().await })
    }
}

impl LocalAws {
    /// Runs `deployctl` to its end with these credentials and nothing else of the process's environment.
    ///
    /// # Errors
    /// It cannot be built or started.
    pub async fn deployctl(&self, keys: &SessionKeys, arguments: &[&str]) -> Result<RunOutput> {
        self.deployctl_with(keys, &[], arguments).await
    }

    /// Runs `deployctl` so that its invocations of the deployer reach the real one.
    ///
    /// # Errors
    /// It cannot be built or started.
    pub async fn operate(&self, keys: &SessionKeys, arguments: &[&str]) -> Result<RunOutput> {
        let lambda = self.lambda_endpoint().await?;
        self.deployctl_with(keys, &[("AWS_ENDPOINT_URL_LAMBDA", lambda.endpoint())], arguments).await
    }

    /// Starts `deployctl` on a terminal so that its invocations of the deployer reach the real one. The terminal shows
    /// all its output or standard error only.
    ///
    /// # Errors
    /// It cannot be built or started.
    pub async fn operate_on_a_terminal(
        &self,
        keys: &SessionKeys,
        shown: TerminalStreams,
        arguments: &[&str],
    ) -> Result<RunOnTerminal> {
        let lambda = LambdaEndpoint::open(self.deployer.clone()).await?;
        let (terminal, theirs) = Terminal::open()?;
        let program = tokio::task::spawn_blocking(deployctl).await.doing("building deployctl")??;
        let mut command = tokio::process::Command::new(program);
        command.env_clear().envs(self.environment(keys, &[("AWS_ENDPOINT_URL_LAMBDA", lambda.endpoint())]));
        command.env("TERM", "xterm-256color").args(arguments).kill_on_drop(true);
        command.stdin(theirs.try_clone().doing("sharing a terminal")?);
        match shown {
            TerminalStreams::OutAndErr => {
                command.stdout(theirs.try_clone().doing("sharing a terminal")?).stderr(theirs)
            }
            TerminalStreams::ErrOnly => command.stdout(Stdio::piped()).stderr(theirs),
        };
        let child = command.spawn().doing("starting deployctl")?;
        Ok(RunOnTerminal { child, terminal, _lambda: lambda })
    }

    /// Returns `deployctl` with these credentials, for a test that starts and stops it.
    ///
    /// # Errors
    /// It cannot be built.
    pub async fn deployctl_command(&self, keys: &SessionKeys, arguments: &[&str]) -> Result<tokio::process::Command> {
        let program = tokio::task::spawn_blocking(deployctl).await.doing("building deployctl")??;
        let mut command = tokio::process::Command::new(program);
        command.env_clear().envs(self.environment(keys, &[])).args(arguments).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    /// Opens a Lambda endpoint for command lines that a test starts itself.
    ///
    /// # Errors
    /// No port is free.
    pub async fn lambda_endpoint(&self) -> Result<LambdaEndpoint> {
        LambdaEndpoint::open(self.deployer.clone()).await
    }

    /// Runs `deployctl` with these variables added.
    ///
    /// # Errors
    /// It cannot be built or started.
    pub async fn deployctl_with(
        &self,
        keys: &SessionKeys,
        more: &[(&'static str, &str)],
        arguments: &[&str],
    ) -> Result<RunOutput> {
        let environment = self.environment(keys, more);
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let running = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(deployctl()?);
            command.env_clear().envs(environment).args(arguments).stdin(Stdio::null());
            command.output().doing("starting deployctl")
        });
        let output = running
            .await
            .doing("running deployctl")?
            .map_err(|error| with_output(error, &self.server.stderr_tail()))?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(RunOutput { exit: output.status.code(), out: text(output.stdout), err: text(output.stderr) })
    }

    /// Returns the command's whole environment.
    pub(super) fn environment(
        &self,
        keys: &SessionKeys,
        more: &[(&'static str, &str)],
    ) -> BTreeMap<&'static str, OsString> {
        let mut environment: BTreeMap<&str, OsString> = BTreeMap::from([
            ("AWS_REGION", REGION.into()),
            ("AWS_ACCESS_KEY_ID", keys.access_key_id.clone().into()),
            ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key.clone().into()),
            ("AWS_SESSION_TOKEN", keys.session_token.clone().into()),
            ("AWS_ENDPOINT_URL", self.endpoint().into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            (TRUSTED, NOBODYS_AUTHORITY.into()),
            ("USER", "ada".into()),
        ]);
        environment.extend(more.iter().map(|(name, value)| (*name, OsString::from(value))));
        environment.extend(std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)));
        environment
    }
}
