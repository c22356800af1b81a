//! Lambda's side of the deployer: the Runtime API, and the real `bootstrap` as a child that polls it for invocations.
//!
//! Lambda Developer Guide, "Using the Lambda runtime API" and "Defined runtime environment variables".

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::sync::Mutex as Turn;

use super::process::{Lines, Reaped, guard, peak_memory};
use super::runtime_api::{Api, Invocation};
use fixtures::error::{Doing as _, Error, Result};

/// The interval of the checks that the process is still running.
const LOOKS_EVERY: Duration = Duration::from_millis(20);

/// The result of an invocation.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The function's answer.
    Payload(Value),
    /// A function error: the function's own, or Lambda's if the process has ended or exceeded its timeout.
    FunctionError {
        /// `errorType`.
        error_type: String,
        /// `errorMessage`.
        message: String,
    },
}

/// The configuration of the function.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The executable.
    pub program: std::path::PathBuf,
    /// The whole environment, except the Runtime API's address.
    pub environment: Vec<(String, String)>,
    /// The function's timeout.
    pub timeout: Duration,
}

/// One function that handles one invocation at a time, as an execution environment of Lambda does.
#[derive(Debug)]
pub struct Runtime {
    launch: Mutex<Launch>,
    sandbox: Mutex<Option<Arc<Sandbox>>>,
    lines: Lines,
    turn: Turn<()>,
}

/// One process and its own Runtime API, so that a new process is never taken for its predecessor.
#[derive(Debug)]
struct Sandbox {
    process: Reaped,
    api: Api,
}

impl Runtime {
    /// Makes a function that starts when it is first invoked.
    #[must_use]
    pub fn new(launch: Launch) -> Self {
        Self { launch: launch.into(), sandbox: Mutex::new(None), lines: Lines::default(), turn: Turn::new(()) }
    }

    /// Returns another execution environment of the same function, which writes into the same log.
    #[must_use]
    pub fn twin(&self) -> Self {
        let (launch, lines) = (self.launch(), self.lines.clone());
        Self { launch: launch.into(), sandbox: Mutex::new(None), lines, turn: Turn::new(()) }
    }

    /// Sets a variable of the function for every process that starts from now on.
    pub(super) fn set_variable(&self, name: &str, value: &str) {
        let mut launch = guard(&self.launch);
        launch.environment.retain(|(other, _)| other != name);
        launch.environment.push((name.to_owned(), value.to_owned()));
    }

    fn launch(&self) -> Launch {
        guard(&self.launch).clone()
    }

    /// Invokes the function, and starts it if it is not running.
    ///
    /// # Errors
    /// The function does not start. A function error is an answer, not an error.
    pub async fn invoke(&self, payload: &Value) -> Result<Answer> {
        let _one_at_a_time = self.turn.lock().await;
        let sandbox = self.running().await?;
        let timeout = self.launch().timeout;
        let deadline = SystemTime::now() + timeout;
        let millis = deadline.duration_since(UNIX_EPOCH).doing("reading the clock")?.as_millis();
        let invocation = Invocation { payload: payload.to_string(), deadline_ms: millis };
        let answer = sandbox.api.invoke(invocation)?;
        let ended = async {
            loop {
                if let Some(status) = sandbox.process.ended() {
                    break status;
                }
                tokio::time::sleep(LOOKS_EVERY).await;
            }
        };
        let (answer, is_over) = tokio::select! {
            biased;
            answer = answer => (answer, false),
            status = ended => (self.exited(&sandbox, status), true),
            () = tokio::time::sleep(timeout) => (Ok(timed_out(timeout)), true),
        };
        if is_over {
            self.stop(&sandbox);
        }
        answer
    }

    /// Sends SIGKILL. The next invocation starts a new process.
    pub fn kill(&self) {
        if let Some(sandbox) = guard(&self.sandbox).take() {
            sandbox.process.kill();
        }
    }

    /// Returns the log, one JSON object per line.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        self.log_since(0)
    }

    /// Returns the log after this number of lines.
    #[must_use]
    pub fn log_since(&self, number: usize) -> Vec<Value> {
        let lines = self.lines.since(number);
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| line.as_str().into())).collect()
    }

    /// Returns the highest resident memory of the running process so far, in bytes.
    ///
    /// # Errors
    /// It is not running, or this is not Linux.
    pub fn peak_memory(&self) -> Result<u64> {
        let sandbox = guard(&self.sandbox).clone();
        let sandbox = sandbox.ok_or_else(|| Error::Unexpected("the deployer is not running".into()))?;
        peak_memory(sandbox.process.pid())
    }

    /// Returns the CPU time, user and system, of all threads of the running process.
    ///
    /// # Errors
    /// It is not running, or this is not Linux.
    pub fn cpu_time(&self) -> Result<Duration> {
        let sandbox = guard(&self.sandbox).clone();
        let sandbox = sandbox.ok_or_else(|| Error::Unexpected("the deployer is not running".into()))?;
        let tasks = format!("/proc/{}/task", sandbox.process.pid());
        let mut nanoseconds = 0;
        for task in std::fs::read_dir(&tasks).doing(format!("reading {tasks}"))? {
            let path = task.doing(format!("reading {tasks}"))?.path().join("schedstat");
            let text = std::fs::read_to_string(&path).doing(format!("reading {}", path.display()))?;
            // proc(5): the first number is the time spent on the CPU, in nanoseconds.
            nanoseconds += text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or_default();
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    pub(super) fn tail(&self) -> String {
        self.lines.tail()
    }

    async fn running(&self) -> Result<Arc<Sandbox>> {
        if let Some(sandbox) = guard(&self.sandbox).clone()
            && sandbox.process.ended().is_none()
        {
            return Ok(sandbox);
        }
        let api = Api::start().await?;
        let Launch { program, environment, .. } = self.launch();
        let mut child = Command::new(&program)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .doing(format!("starting {}", program.display()))?;
        if let Some(stdout) = child.stdout.take() {
            self.lines.collect(stdout);
        }
        if let Some(stderr) = child.stderr.take() {
            self.lines.collect(stderr);
        }
        let sandbox = Arc::new(Sandbox { process: Reaped::new(child), api });
        *guard(&self.sandbox) = Some(sandbox.clone());
        Ok(sandbox)
    }

    /// Returns Lambda's error for a process that has ended.
    fn exited(&self, sandbox: &Sandbox, status: std::process::ExitStatus) -> Result<Answer> {
        if let Some(failed) = sandbox.api.init_error() {
            return Ok(failed);
        }
        let message = format!("Runtime exited with error: {status}");
        Ok(Answer::FunctionError { error_type: "Runtime.ExitError".into(), message })
    }

    fn stop(&self, sandbox: &Arc<Sandbox>) {
        sandbox.process.kill();
        let mut current = guard(&self.sandbox);
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, sandbox)) {
            *current = None;
        }
    }
}

fn timed_out(timeout: Duration) -> Answer {
    let message = format!("Task timed out after {:.2} seconds", timeout.as_secs_f64());
    Answer::FunctionError { error_type: "Sandbox.Timedout".into(), message }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.kill();
    }
}
