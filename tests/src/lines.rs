//! The deployer's log lines, as Lambda keeps them.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tracing_subscriber::fmt;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Does some work, and gives the lines that it has logged in this thread, in the form of `deployer_function::logging`.
pub async fn of<T>(work: impl Future<Output = T>) -> (T, Vec<Value>) {
    let kept = Kept::default();
    let writer = kept.clone();
    let lines = fmt().json().flatten_event(true).with_target(false).with_writer(move || writer.clone());
    let installed = lines.finish().set_default();
    let done = work.await;
    drop(installed);
    let text = kept.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let text = String::from_utf8_lossy(&text);
    (done, text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
