//! Ctrl-C (SIGINT), and SIGTERM, with which a CI ends a job.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::answer::CliError;

/// The signals that end the program.
pub(crate) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Begins to listen; from then on the signals do not end the program by themselves.
    ///
    /// # Errors
    /// The system's message.
    pub fn listen() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(|error| CliError::failed(format!("listening for signals: {error}")));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits until a signal comes.
    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
