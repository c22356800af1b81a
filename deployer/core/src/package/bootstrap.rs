//! The program that `provided.*` runtimes start: its kind, by its first bytes, and whether it suits the function.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::PackageError;
use crate::manifest::Architecture;

/// The number of first bytes that are read: an ELF-64 header.
pub(super) const FIRST_BYTES: u64 = 64;

/// The file `bootstrap` at the zip's root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bootstrap {
    /// Whether the zip has Unix modes and others may execute the file.
    pub executable: bool,
    /// The kind of program that its first bytes show.
    pub kind: BootstrapKind,
}

impl Bootstrap {
    /// Returns the machine that it is built for; none for a script.
    #[must_use]
    pub fn machine(&self) -> Option<Machine> {
        match self.kind {
            BootstrapKind::Elf(machine @ (Machine::X86_64 | Machine::Aarch64)) => Some(machine),
            _ => None,
        }
    }
}

/// The kind of a program, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BootstrapKind {
    /// An ELF file.
    Elf(Machine),
    /// A script, which begins with `#!`.
    Script,
    /// A script whose first line ends with a carriage return, as on Windows.
    WindowsScript,
    /// Neither an ELF file nor a script.
    Other,
}

/// The machine that an ELF file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Machine {
    /// Lambda's architecture `x86_64`.
    X86_64,
    /// Lambda's architecture `arm64`.
    Aarch64,
    /// Another machine, by its number in the ELF header.
    Other(u16),
}

impl From<Architecture> for Machine {
    fn from(architecture: Architecture) -> Self {
        match architecture {
            Architecture::X86_64 => Self::X86_64,
            Architecture::Arm64 => Self::Aarch64,
        }
    }
}

impl Machine {
    /// Returns Lambda's name of the architecture.
    pub(super) fn architecture(self) -> String {
        match self {
            Self::Aarch64 => "arm64".to_owned(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X86_64 => f.write_str("x86_64"),
            Self::Aarch64 => f.write_str("aarch64"),
            Self::Other(number) => write!(f, "machine {number}"),
        }
    }
}

impl BootstrapKind {
    /// Finds the kind of a program. System V ABI, "ELF header": `e_machine` is at byte 18, in the byte order that byte
    /// 5 names.
    pub(super) fn of(first: &[u8]) -> Self {
        match first {
            // The carriage return would become part of the interpreter's name.
            [b'#', b'!', rest @ ..] => match rest.iter().position(|byte| *byte == b'\n') {
                Some(end) if rest[..end].ends_with(b"\r") => Self::WindowsScript,
                _ => Self::Script,
            },
            [0x7f, b'E', b'L', b'F', class, order, ..] => {
                let Some(&[a, b]) = first.get(18..20) else { return Self::Other };
                Self::Elf(match (class, order, u16::from_le_bytes([a, b])) {
                    (2, 1, 62) => Machine::X86_64,
                    (2, 1, 183) => Machine::Aarch64,
                    (_, 2, _) => Machine::Other(u16::from_be_bytes([a, b])),
                    (_, _, other) => Machine::Other(other),
                })
            }
            _ => Self::Other,
        }
    }
}

/// Advises on a program for another machine.
pub(super) fn remedy(found: Machine, expected: Machine) -> String {
    let build = match expected {
        Machine::X86_64 => "build for x86_64-unknown-linux-gnu",
        Machine::Aarch64 => "build for aarch64-unknown-linux-gnu",
        Machine::Other(_) => "build for that",
    };
    match found {
        Machine::X86_64 | Machine::Aarch64 => {
            format!("{build} or set architectures = [\"{}\"]", found.architecture())
        }
        Machine::Other(_) => build.to_owned(),
    }
}

/// Checks that a `provided.*` runtime of the wanted architecture can start the program.
///
/// # Errors
/// [`PackageError`] if it is not executable, is for another machine, or is no program.
pub(super) fn check(bootstrap: &Bootstrap, expected: Machine) -> Result<(), PackageError> {
    if !bootstrap.executable {
        return Err(PackageError::NotExecutable);
    }
    match bootstrap.kind {
        BootstrapKind::Elf(found) if found != expected => Err(PackageError::WrongMachine { found, expected }),
        BootstrapKind::Elf(_) | BootstrapKind::Script => Ok(()),
        BootstrapKind::WindowsScript => Err(PackageError::CarriageReturn),
        BootstrapKind::Other => Err(PackageError::NotAProgram),
    }
}
