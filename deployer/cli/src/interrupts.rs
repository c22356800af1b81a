//! Ctrl-C, and the polite signal by which a CI ends a job.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::answer::CliError;

/// Signals that end the program, from when they are listened to.
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// From now on the program does not end by itself.
    ///
    /// # Errors
    /// The system's words.
    pub fn listen() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(|error| CliError::failed(format!("listening for signals: {error}")));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Until one comes.
    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
