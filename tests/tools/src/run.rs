//! Runs the readers of this machine, each once for a folder of zips.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use fixtures::error::{Doing as _, Error, Result};

/// A program or a library that reads zips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// The reader's name, here and in the scripts.
    pub name: &'static str,
    /// The programs of which one must be there.
    programs: &'static [&'static str],
    /// Whether the reader unpacks into a folder, and so makes the folders above its files.
    pub unpacks: bool,
}

const fn library(name: &'static str, programs: &'static [&'static str]) -> Reader {
    Reader { name, programs, unpacks: false }
}

const fn program(name: &'static str, programs: &'static [&'static str]) -> Reader {
    Reader { name, programs, unpacks: true }
}

/// All readers. Those in Python come first, because Python is wherever the tests run.
pub const READERS: [Reader; 10] = [
    library("python", &["python3"]),
    library("stream", &["python3"]),
    library("java", &["java"]),
    library("java-stream", &["java"]),
    library("go", &["go"]),
    program("unzip", &["unzip"]),
    program("bsdtar", &["bsdtar"]),
    program("bsdtar-stream", &["bsdtar"]),
    program("7z", &["7zz", "7z"]),
    program("busybox", &["busybox"]),
];

/// One reader's reading of a zip.
#[derive(Debug, Clone, Deserialize)]
pub struct Reading {
    /// The file's name without its ending.
    pub zip: String,
    /// The reader's error, if it does not read the zip to its end.
    pub error: Option<String>,
    /// The entries that the reader found.
    pub entries: Vec<Found>,
}

/// An entry as a reader found it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Found {
    /// The name; a folder's ends with a slash.
    pub name: String,
    /// `file`, `folder` or `link`.
    pub kind: String,
    /// The size in bytes.
    pub size: u64,
    /// The checksum of the bytes.
    pub crc32: u32,
    /// The hash of the bytes.
    pub sha256: String,
    /// The reader's error, if it does not read the entry.
    pub error: Option<String>,
}

/// Lets a reader read all zips of a folder; `None` if it is not on this machine.
///
/// # Errors
/// [`Error::Machine`] with the reader's output if it fails.
pub fn read(reader: Reader, folder: &Path) -> Result<Option<Vec<Reading>>> {
    let Some(program) = reader.programs.iter().copied().find(|program| is_there(program)) else { return Ok(None) };
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("readers");
    let mut command = match program {
        "java" => starting(&["java"], &scripts.join("ZipReaders.java")),
        "go" => starting(&["go", "run"], &scripts.join("zip_reader.go")),
        _ => starting(&["python3"], &scripts.join("zip_readers.py")),
    };
    command.arg(reader.name).arg(folder).arg(program);
    let output = command.output().doing(format!("starting the reader {}", reader.name))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(Error::Machine(format!("the reader {} does not work: {words}", reader.name)));
    }
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let readings: std::result::Result<Vec<Reading>, _> = lines.map(serde_json::from_slice).collect();
    readings
        .map(Some)
        .map_err(|error| Error::Machine(format!("the reader {} does not write JSON: {error}", reader.name)))
}

fn starting(words: &[&str], script: &Path) -> Command {
    let mut command = Command::new(words.first().unwrap_or(&""));
    command.args(words.iter().skip(1)).arg(script);
    command
}

fn is_there(program: &str) -> bool {
    let help = match program {
        "java" => "-version",
        "go" => "version",
        _ => "--help",
    };
    let started =
        Command::new(program).arg(help).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    started.is_ok()
}
