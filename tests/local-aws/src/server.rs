//! The emulator's process: started on a free port, gone when we are.
//!
//! Its stdin is ours: when it closes, however we end, the server ends.

use std::io::{BufRead as _, BufReader};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use super::process::{Lines, Reaped};
use super::venv;
use fixtures::error::{Doing as _, Error, Result};

/// On a busy machine Python takes its time.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// How clients reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// In clear.
    #[default]
    Http,
    /// With a certificate of a throw-away authority.
    Tls,
}

/// A running `python -m local_aws`.
#[derive(Debug)]
pub struct Server {
    endpoint: String,
    authority: Option<(TempDir, Vec<u8>)>,
    words: Lines,
    process: Reaped,
    _stdin: Option<ChildStdin>,
}

#[derive(Deserialize)]
struct FirstLine {
    endpoint: String,
}

impl Server {
    /// Starts one. Blocks until it listens.
    ///
    /// # Errors
    /// Python is missing, or the server's own words.
    pub fn start(transport: Transport) -> Result<Self> {
        let python = venv::python()?;
        let mut command = Command::new(&python);
        command.args(["-m", "local_aws"]).current_dir(venv::source());
        let folder = match transport {
            Transport::Http => None,
            Transport::Tls => Some(TempDir::new().doing("making a folder for certificates")?),
        };
        if let Some(folder) = &folder {
            command.arg("--tls").arg(folder.path());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = venv::alone(&mut command).spawn().doing(format!("starting {}", python.display()))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = Reaped::new(child);
        let words = Lines::default();
        if let Some(stderr) = stderr {
            words.collect(stderr);
        }

        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = stdout.map(|stdout| BufReader::new(stdout).read_line(&mut line));
            let _nobody_waits = sender.send(read.map(|_| line));
        });
        let line = receiver.recv_timeout(STARTS_WITHIN).ok().flatten().unwrap_or_default();
        let told = serde_json::from_str::<FirstLine>(&line).map_err(|error| {
            let cause = format!("its first line is {line:?} ({error})\n{}", words.tail());
            Error::failed("starting the local AWS", cause)
        })?;
        let authority = match folder {
            None => None,
            Some(folder) => {
                let pem = std::fs::read(folder.path().join("ca.pem")).doing("reading the local AWS's authority")?;
                Some((folder, pem))
            }
        };
        // An address, not a name: S3's clients put buckets before names, and not every machine resolves those.
        let endpoint = told.endpoint.replace("localhost", "127.0.0.1");
        Ok(Self { endpoint, authority, words, process, _stdin: stdin })
    }

    /// Where AWS is.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A real trust store: the authorities that this machine trusts, and the local AWS's, as a PEM file; none without
    /// TLS.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn trust_store(&self) -> Result<Option<std::path::PathBuf>> {
        let Some((folder, own)) = &self.authority else { return Ok(None) };
        let configured = std::env::var("SSL_CERT_FILE").ok();
        let usual = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
        let files = configured.iter().map(String::as_str).chain(usual);
        let mut store = files.filter_map(|file| std::fs::read(file).ok()).next().unwrap_or_default();
        store.extend_from_slice(own);
        let file = folder.path().join("trust.pem");
        std::fs::write(&file, store).doing("writing the trust store")?;
        Ok(Some(file))
    }

    /// The same as bytes.
    #[must_use]
    pub fn authority(&self) -> Option<&[u8]> {
        self.authority.as_ref().map(|(_, pem)| pem.as_slice())
    }

    /// What it printed to stderr: tracebacks, if anything.
    #[must_use]
    pub fn words(&self) -> String {
        self.words.tail()
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}
