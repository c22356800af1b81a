//! A terminal for a child process, which shows what a person would see.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{Doing as _, Error, Result};

/// The test's end of a terminal.
#[derive(Debug)]
pub struct Terminal {
    pieces: UnboundedReceiver<String>,
    keyboard: File,
    seen: String,
}

impl Terminal {
    /// Opens a terminal of 24 lines of 120 characters and returns it with the child's end.
    ///
    /// # Errors
    /// The operating system refuses it.
    pub fn open() -> Result<(Self, File)> {
        Self::of_columns(120)
    }

    /// Opens a terminal of 24 lines of so many characters and returns it with the child's end.
    ///
    /// # Errors
    /// The operating system refuses it.
    pub fn of_columns(columns: u16) -> Result<(Self, File)> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).doing("making a terminal")?;
        grantpt(&ours).and_then(|()| unlockpt(&ours)).doing("making a terminal")?;
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&ours, size).doing("setting a terminal's size")?;
        let name = ptsname(&ours, Vec::new()).doing("naming a terminal")?;
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let theirs = File::options().read(true).write(true).open(path).doing("opening a terminal")?;
        let (sender, pieces) = unbounded_channel();
        let mut ours = File::from(ours);
        let keyboard = ours.try_clone().doing("sharing a terminal")?;
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading fails when the last process on the other side has closed it.
            while let Ok(length @ 1..) = ours.read(&mut buffer) {
                if sender.send(String::from_utf8_lossy(&buffer[..length]).into_owned()).is_err() {
                    return;
                }
            }
        });
        Ok((Self { pieces, keyboard, seen: String::new() }, theirs))
    }

    /// Types a line.
    ///
    /// # Errors
    /// The operating system refuses it.
    pub fn type_line(&mut self, line: &str) -> Result<()> {
        writeln!(self.keyboard, "{line}").doing("typing")
    }

    /// Waits until the terminal has shown this text.
    ///
    /// # Errors
    /// Every process has closed the terminal before.
    pub async fn wait_for(&mut self, what: &str) -> Result<()> {
        while !self.seen.contains(what) {
            match self.pieces.recv().await {
                Some(piece) => self.seen.push_str(&piece),
                None => return Err(Error::Unexpected(format!("{what:?} was never shown, but {:?}", self.seen))),
            }
        }
        Ok(())
    }

    /// Returns what the terminal has shown so far, as far as it was waited for.
    #[must_use]
    pub fn seen(&self) -> &str {
        &self.seen
    }

    /// Returns all text of the terminal, once every process has closed it.
    pub async fn end(mut self) -> String {
        while let Some(piece) = self.pieces.recv().await {
            self.seen.push_str(&piece);
        }
        self.seen
    }
}
