//! Child processes that never outlive this one, and the lines that they print.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fixtures::error::{Doing as _, Error, Result};

/// A child that is killed and reaped when this is dropped, also while a test panics.
#[derive(Debug)]
pub(super) struct Reaped(Mutex<Child>);

impl Reaped {
    pub(super) fn new(child: Child) -> Self {
        Self(Mutex::new(child))
    }

    pub(super) fn pid(&self) -> u32 {
        guard(&self.0).id()
    }

    /// Returns the exit status of a child that has ended.
    pub(super) fn ended(&self) -> Option<ExitStatus> {
        guard(&self.0).try_wait().ok().flatten()
    }

    /// Sends SIGKILL and waits until the child has ended.
    pub(super) fn kill(&self) {
        let mut child = guard(&self.0);
        // Both fail only if the child has ended already.
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

    /// Returns the lines after this number of lines.
    pub(super) fn since(&self, number: usize) -> Vec<String> {
        guard(&self.0).get(number..).map(<[String]>::to_vec).unwrap_or_default()
    }

    /// Returns the last lines, for an error.
    pub(super) fn tail(&self) -> String {
        let lines = guard(&self.0);
        lines[lines.len().saturating_sub(25)..].join("\n")
    }
}

/// Returns the highest resident memory of a running process so far, in bytes.
pub(crate) fn peak_memory(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).doing(format!("reading {path}"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    peak.map(|kib: u64| kib * 1024).ok_or_else(|| Error::Unexpected(format!("{path} has no VmHWM")))
}

/// Locks a mutex, even one whose holder has panicked: the data is plain.
pub(super) fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
