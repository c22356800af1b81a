//! Runs the real `deployctl` as CI does, under the role that the module `uploader` makes.

use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::policies::Policies;
use crate::{
    Doing as _, Error, LocalAws, NOBODYS_AUTHORITY, REGION, Result, SessionKeys, TOOLING, TRUSTED, deployctl,
    peak_memory,
};

/// `deployctl` with the credentials of CI's role.
#[derive(Debug)]
pub struct Ci<'a> {
    aws: &'a LocalAws,
    keys: SessionKeys,
}

impl<'a> Ci<'a> {
    /// Makes CI's role with those statements of the module `uploader`'s rendered policy whose Sid passes `kept`.
    ///
    /// # Errors
    /// IAM answers with an error.
    pub async fn with_statements(aws: &'a LocalAws, kept: impl Fn(&str) -> bool) -> Result<Self> {
        let mut policy = Policies::from_contract()?.get("github/permissions");
        if let Some(statements) = policy["Statement"].as_array_mut() {
            statements.retain(|statement| statement["Sid"].as_str().is_some_and(&kept));
        }
        Self::allowed(aws, "build", &policy).await
    }

    /// Makes a role with this policy. The role and its session have this name.
    ///
    /// # Errors
    /// IAM answers with an error.
    pub async fn allowed(aws: &'a LocalAws, name: &str, policy: &Value) -> Result<Self> {
        let trust = Policies::from_contract()?.get("github/trust");
        aws.roles(TOOLING).create_with(("/", name), &trust, policy).await?;
        let keys = aws.control().session(&format!("arn:aws:iam::{TOOLING}:role/{name}"), name).await?;
        Ok(Self { aws, keys })
    }

    /// Makes CI's role with the whole policy.
    ///
    /// # Errors
    /// IAM answers with an error.
    pub async fn of(aws: &'a LocalAws) -> Result<Self> {
        Self::with_statements(aws, |_| true).await
    }

    /// Returns the program with the credentials of the account's root.
    #[must_use]
    pub fn root(aws: &'a LocalAws) -> Self {
        let none = || "none".to_owned();
        let keys = SessionKeys { access_key_id: TOOLING.into(), secret_access_key: none(), session_token: none() };
        Self { aws, keys }
    }

    /// Returns `deployctl` with these arguments.
    ///
    /// # Errors
    /// It cannot be built.
    pub fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(deployctl()?);
        command.args(arguments).env_clear().kill_on_drop(true);
        command.envs([
            ("AWS_ACCESS_KEY_ID", self.keys.access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", &self.keys.secret_access_key),
            ("AWS_SESSION_TOKEN", &self.keys.session_token),
            ("AWS_ENDPOINT_URL", self.aws.endpoint()),
            ("AWS_REGION", REGION),
            ("TERM", "xterm"),
            (TRUSTED, NOBODYS_AUTHORITY),
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    /// Returns `deployctl push` of this release to this environment and function.
    ///
    /// # Errors
    /// It cannot be built.
    pub fn push(&self, to: (&str, &str), source: &Path, release: &str, more: &[&str]) -> Result<Command> {
        let source = source.to_string_lossy();
        let place = ["push", &source, "--environment", to.0, "--function", to.1, "--release", release];
        self.command(&[&place, more].concat())
    }
}

/// The result of a run.
#[derive(Debug)]
pub struct CiOutput {
    /// The exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl CiOutput {
    /// Makes a result from exit status, standard output and standard error (or a terminal's text).
    pub fn new(status: ExitStatus, out: &[u8], err: impl Into<String>) -> Self {
        Self { code: status.code(), out: String::from_utf8_lossy(out).into_owned(), err: err.into() }
    }

    /// Parses standard output as JSON.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).doing(format!("reading {self:?}"))
    }
}

/// Runs a command to its end.
///
/// # Errors
/// It does not start.
pub async fn run(mut command: Command) -> Result<CiOutput> {
    let Output { status, stdout, stderr } = command.output().await.doing("running deployctl")?;
    Ok(CiOutput::new(status, &stdout, String::from_utf8_lossy(&stderr)))
}

/// A `deployctl push` that has uploaded and waits for its deployment.
#[derive(Debug)]
pub struct WaitingPush {
    child: Child,
    err: BufReader<tokio::process::ChildStderr>,
    stderr: String,
}

impl WaitingPush {
    /// Starts the command and waits until it has uploaded.
    ///
    /// # Errors
    /// It ends without having uploaded; the error has its text.
    pub async fn start(mut command: Command) -> Result<Self> {
        let mut child = command.spawn().doing("starting deployctl")?;
        let err = child.stderr.take().ok_or_else(|| Error::Unexpected("it has no standard error".into()))?;
        let (mut err, mut stderr) = (BufReader::new(err), String::new());
        while err.read_line(&mut stderr).await.doing("reading what deployctl says")? > 0 {
            if stderr.lines().next_back().is_some_and(|line| line.starts_with("uploaded ")) {
                return Ok(Self { child, err, stderr });
            }
        }
        err.read_to_string(&mut stderr).await.doing("reading what deployctl says")?;
        Err(Error::Unexpected(format!("it does not wait: {stderr}")))
    }

    /// Sends a signal to the command.
    ///
    /// # Errors
    /// It has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        send(&self.child, signal)
    }

    /// Returns the command's highest resident memory so far, in bytes.
    ///
    /// # Errors
    /// It has ended, or this is not Linux.
    pub fn peak_memory(&self) -> Result<u64> {
        peak_memory(self.child.id().unwrap_or_default())
    }

    /// Waits until the command ends.
    ///
    /// # Errors
    /// The operating system refuses it.
    pub async fn end(mut self) -> Result<CiOutput> {
        self.err.read_to_string(&mut self.stderr).await.doing("reading what deployctl says")?;
        let output = self.child.wait_with_output().await.doing("waiting for deployctl")?;
        Ok(CiOutput::new(output.status, &output.stdout, self.stderr))
    }
}

/// Sends a signal to a child.
///
/// # Errors
/// It has ended.
pub fn send(child: &Child, signal: Signal) -> Result<()> {
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let pid = pid.ok_or_else(|| Error::Unexpected("it has ended already".into()))?;
    kill_process(pid, signal).doing("sending a signal")
}
