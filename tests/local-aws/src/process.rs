//! Child processes that never outlive us, and what they print.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fixtures::error::{Doing as _, Error, Result};

/// A child that is killed and reaped when it is dropped, also while a test panics.
#[derive(Debug)]
pub(super) struct Reaped(Mutex<Child>);

impl Reaped {
    pub(super) fn new(child: Child) -> Self {
        Self(Mutex::new(child))
    }

    pub(super) fn pid(&self) -> u32 {
        guard(&self.0).id()
    }

    /// How it ended, if it did.
    pub(super) fn ended(&self) -> Option<ExitStatus> {
        guard(&self.0).try_wait().ok().flatten()
    }

    /// SIGKILL, and waits until it is gone.
    pub(super) fn kill(&self) {
        let mut child = guard(&self.0);
        // Both fail only where it is gone already.
        let _gone = child.kill();
        let _reaped = child.wait();
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Lines that a child prints, collected by a thread that ends with the child.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    pub(super) fn collect(&self, from: impl Read + Send + 'static) {
        let lines = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(std::result::Result::ok) {
                guard(&lines.0).push(line);
            }
        });
    }

    pub(super) fn add(&self, line: String) {
        guard(&self.0).push(line);
    }

    pub(super) fn all(&self) -> Vec<String> {
        guard(&self.0).clone()
    }

    /// The last ones, for an error.
    pub(super) fn tail(&self) -> String {
        let lines = guard(&self.0);
        lines[lines.len().saturating_sub(25)..].join("\n")
    }
}

/// The most memory that a running process has had resident, in bytes.
pub(crate) fn peak_memory(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).doing(format!("reading {path}"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    peak.map(|kib: u64| kib * 1024).ok_or_else(|| Error::Unexpected(format!("{path} has no VmHWM")))
}

/// A lock whose holder panicked still guards plain data.
pub(super) fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
