//! The emulator: one process that has loaded everything, and a fork of it for each server, on a free port. A server
//! ends when its [`Server`] is dropped.
//!
//! A connection is the fork's stdin, stdout and stderr. The server ends when the connection closes, however the test
//! process ends.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use super::process::{Lines, Reaped};
use super::venv;
use super::waited_for::{self, Registered};
use fixtures::error::{Doing as _, Error, Result};

/// The variable that names the authorities that a program trusts.
pub const TRUSTED: &str = "SSL_CERT_FILE";
/// An authority without a key, for programs that call the local AWS by plain HTTP: without it, each reads the 140 that the
/// machine trusts, which takes a third of the time of a short run.
pub const NOBODYS_AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/authority.pem");

/// The limit of the start, which takes long on a busy machine.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// The protocol between clients and server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// Plain HTTP.
    #[default]
    Http,
    /// HTTPS with a certificate of a throw-away authority.
    Tls,
}

/// A running local AWS.
#[derive(Debug)]
pub struct Server {
    endpoint: String,
    pid: u32,
    authority: Option<(TempDir, Vec<u8>)>,
    words: Lines,
    connection: TcpStream,
}

/// A server's first line.
#[derive(Deserialize)]
struct Serving {
    endpoint: String,
    pid: u32,
}

/// `python -m local_aws --forks`, started once per process.
#[derive(Debug)]
struct Forks {
    port: u16,
    words: Lines,
    _process: Reaped,
    _stdin: Option<ChildStdin>,
    _registered: Registered,
}

/// The first line of `--forks`.
#[derive(Deserialize)]
struct Forking {
    port: u16,
}

impl Forks {
    fn of_this_process() -> Result<&'static Self> {
        static FORKS: OnceLock<Result<Forks>> = OnceLock::new();
        FORKS.get_or_init(Self::start).as_ref().map_err(Clone::clone)
    }

    fn start() -> Result<Self> {
        let python = venv::python()?;
        let mut command = Command::new(&python);
        command.args(["-m", "local_aws", "--forks"]).current_dir(venv::source());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = waited_for::spawn(venv::alone(&mut command));
        let (mut child, registered) = started.doing(format!("starting {}", python.display()))?;
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
        let announcement = first_line::<Forking>(&line, &words)?;
        Ok(Self { port: announcement.port, words, _process: process, _stdin: stdin, _registered: registered })
    }
}

fn first_line<T: DeserializeOwned>(line: &str, words: &Lines) -> Result<T> {
    serde_json::from_str(line).map_err(|error| {
        let cause = format!("its first line is {line:?} ({error})\n{}", words.tail());
        Error::failed("starting the local AWS", cause)
    })
}

impl Server {
    /// Starts a server and blocks until it listens.
    ///
    /// # Errors
    /// Python is missing, or the server does not start; the error has its output.
    pub fn start(transport: Transport) -> Result<Self> {
        let what = "starting a local AWS";
        let forks = Forks::of_this_process()?;
        let folder = match transport {
            Transport::Http => None,
            Transport::Tls => Some(TempDir::new().doing("making a folder for certificates")?),
        };
        let options = folder.as_ref().map(|folder| format!("--tls\t{}", folder.path().display()));
        let connected = TcpStream::connect(("127.0.0.1", forks.port));
        let mut connection =
            connected.map_err(|error| Error::failed(what, format!("{error}\n{}", forks.words.tail())))?;
        connection.set_read_timeout(Some(STARTS_WITHIN)).doing(what)?;
        connection.write_all(format!("{}\n", options.unwrap_or_default()).as_bytes()).doing(what)?;
        let mut reader = BufReader::new(connection.try_clone().doing(what)?);
        let words = Lines::default();
        let mut line = String::new();
        // A warning on stderr may come first.
        while reader.read_line(&mut line).doing(what)? > 0 && !line.starts_with('{') {
            words.add(std::mem::take(&mut line));
        }
        let announcement = first_line::<Serving>(&line, &words)?;
        connection.set_read_timeout(None).doing(what)?;
        words.collect(reader);
        let authority = match folder {
            None => None,
            Some(folder) => {
                let pem = std::fs::read(folder.path().join("ca.pem")).doing("reading the local AWS's authority")?;
                Some((folder, pem))
            }
        };
        // An address is used in place of a name because S3's clients put buckets before names, which may not resolve.
        let endpoint = announcement.endpoint.replace("localhost", "127.0.0.1");
        Ok(Self { endpoint, pid: announcement.pid, authority, words, connection })
    }

    /// Returns the URL of the server.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Writes a real trust store, the authorities that this machine trusts and the local AWS's, as a PEM file and
    /// returns its path; `None` without TLS.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn trust_store(&self) -> Result<Option<std::path::PathBuf>> {
        let Some((folder, own)) = &self.authority else { return Ok(None) };
        let configured = std::env::var(TRUSTED).ok();
        let usual = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
        let files = configured.iter().map(String::as_str).chain(usual);
        let mut store = files.filter_map(|file| std::fs::read(file).ok()).next().unwrap_or_default();
        store.extend_from_slice(own);
        let file = folder.path().join("trust.pem");
        std::fs::write(&file, store).doing("writing the trust store")?;
        Ok(Some(file))
    }

    /// Returns the local AWS's authority as PEM; `None` without TLS.
    #[must_use]
    pub fn authority(&self) -> Option<&[u8]> {
        self.authority.as_ref().map(|(_, pem)| pem.as_slice())
    }

    /// Returns the end of the server's stderr, which has tracebacks if anything.
    #[must_use]
    pub fn stderr_tail(&self) -> String {
        self.words.tail()
    }

    /// Returns the server's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It fails only if the server has ended already.
        let _gone = self.connection.shutdown(Shutdown::Both);
    }
}
