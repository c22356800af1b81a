//! The command line as CI runs it: the real program, under the role that the module `uploader` makes.

use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::policies::Policies;
use crate::{Doing as _, Error, LocalAws, REGION, Result, SessionKeys, TOOLING, deployctl, peak_memory};

/// The program as the role of CI runs it.
#[derive(Debug)]
pub struct Ci<'a> {
    aws: &'a LocalAws,
    keys: SessionKeys,
}

impl<'a> Ci<'a> {
    /// As the rendered policy of the module `uploader` has it, with only those of its statements.
    ///
    /// # Errors
    /// IAM's words.
    pub async fn with_statements(aws: &'a LocalAws, kept: impl Fn(&str) -> bool) -> Result<Self> {
        let mut policy = Policies::of_the_contract()?.get("github/permissions");
        if let Some(statements) = policy["Statement"].as_array_mut() {
            statements.retain(|statement| statement["Sid"].as_str().is_some_and(&kept));
        }
        Self::allowed(aws, "build", &policy).await
    }

    /// As this policy has it; the session has this name, and so has the role.
    ///
    /// # Errors
    /// IAM's words.
    pub async fn allowed(aws: &'a LocalAws, name: &str, policy: &Value) -> Result<Self> {
        let trust = Policies::of_the_contract()?.get("github/trust");
        aws.roles(TOOLING).create_with(("/", name), &trust, policy).await?;
        let keys = aws.control().session(&format!("arn:aws:iam::{TOOLING}:role/{name}"), name).await?;
        Ok(Self { aws, keys })
    }

    /// As that policy has it.
    ///
    /// # Errors
    /// IAM's words.
    pub async fn of(aws: &'a LocalAws) -> Result<Self> {
        Self::with_statements(aws, |_| true).await
    }

    /// The account's root instead.
    #[must_use]
    pub fn root(aws: &'a LocalAws) -> Self {
        let none = || "none".to_owned();
        let keys = SessionKeys { access_key_id: TOOLING.into(), secret_access_key: none(), session_token: none() };
        Self { aws, keys }
    }

    /// Any command line.
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
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    /// `push` of this release to this environment and function.
    ///
    /// # Errors
    /// It cannot be built.
    pub fn push(&self, to: (&str, &str), source: &Path, release: &str, more: &[&str]) -> Result<Command> {
        let source = source.to_string_lossy();
        let place = ["push", &source, "--environment", to.0, "--function", to.1, "--release", release];
        self.command(&[&place, more].concat())
    }
}

/// What it came to.
#[derive(Debug)]
pub struct Ended {
    /// The exit code.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it said on standard error.
    pub err: String,
}

impl Ended {
    /// With what it said on standard error, or on a terminal.
    pub fn new(status: ExitStatus, out: &[u8], err: impl Into<String>) -> Self {
        Self { code: status.code(), out: String::from_utf8_lossy(out).into_owned(), err: err.into() }
    }

    /// What it printed, read.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).doing(format!("reading {self:?}"))
    }
}

/// Runs it to its end.
///
/// # Errors
/// It does not start.
pub async fn run(mut command: Command) -> Result<Ended> {
    let Output { status, stdout, stderr } = command.output().await.doing("running deployctl")?;
    Ok(Ended::new(status, &stdout, String::from_utf8_lossy(&stderr)))
}

/// One that waits for a deployment: its upload is done.
#[derive(Debug)]
pub struct Waiting {
    child: Child,
    err: BufReader<tokio::process::ChildStderr>,
    said: String,
}

impl Waiting {
    /// Until it has uploaded.
    ///
    /// # Errors
    /// It has not, and its words.
    pub async fn start(mut command: Command) -> Result<Self> {
        let mut child = command.spawn().doing("starting deployctl")?;
        let err = child.stderr.take().ok_or_else(|| Error::Unexpected("it has no standard error".into()))?;
        let (mut err, mut said) = (BufReader::new(err), String::new());
        err.read_line(&mut said).await.doing("reading what deployctl says")?;
        if said.starts_with("uploaded ") {
            return Ok(Self { child, err, said });
        }
        err.read_to_string(&mut said).await.doing("reading what deployctl says")?;
        Err(Error::Unexpected(format!("it does not wait: {said}")))
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// It has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        send(&self.child, signal)
    }

    /// The most memory that it has had resident so far, in bytes.
    ///
    /// # Errors
    /// It has ended, or this is not Linux.
    pub fn peak_memory(&self) -> Result<u64> {
        peak_memory(self.child.id().unwrap_or_default())
    }

    /// Until it ends.
    ///
    /// # Errors
    /// The system's words.
    pub async fn end(mut self) -> Result<Ended> {
        self.err.read_to_string(&mut self.said).await.doing("reading what deployctl says")?;
        let output = self.child.wait_with_output().await.doing("waiting for deployctl")?;
        Ok(Ended::new(output.status, &output.stdout, self.said))
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
