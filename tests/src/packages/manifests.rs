//! The manifests and files that the fixtures are made of.

use super::Live;
use super::archive::{Entry, archive};
use crate::fixtures::X86_64;

/// What `provided.*` runtimes need.
pub(super) const PROVIDED: &str =
    "runtime = \"provided.al2023\"\nhandler = \"bootstrap\"\nrole = \"fn-exec\"\narchitectures = [\"x86_64\"]\n";
/// What a function in Node.js needs.
pub(super) const NODE: &str = "runtime = \"nodejs22.x\"\nhandler = \"index.handler\"\nrole = \"fn-exec\"\n";
const INDEX: &str = "exports.handler = async () => ({ statusCode: 200 });\n";

/// A working program that is there already.
pub(super) const PROGRAM: Live = Live { runtime: "provided.al2023", handler: "bootstrap", has_layer: false };
/// A working function in Node.js that is there already.
pub(super) const NODE_JS: Live = Live { runtime: "nodejs22.x", handler: "index.handler", has_layer: false };

/// The header of an ELF file, and a label that makes it another one.
pub(super) fn elf(machine: u16, label: &str) -> Vec<u8> {
    let mut header = vec![0; 64];
    header[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
    header[16..18].copy_from_slice(&2_u16.to_le_bytes());
    header[18..20].copy_from_slice(&machine.to_le_bytes());
    header.extend(label.as_bytes());
    header
}

/// A program that Lambda starts.
pub(super) fn bootstrap() -> Entry {
    Entry::file("bootstrap", elf(X86_64, "orders-api")).mode(0o100_755)
}

/// Another one, which some readers would open in its place.
pub(super) fn other_bootstrap() -> Entry {
    Entry::file("bootstrap", "#!/bin/sh\necho another program\n").mode(0o100_755)
}

/// The manifest.
pub(super) fn toml(text: &str) -> Entry {
    Entry::file("function.toml", text)
}

/// The code in Node.js.
pub(super) fn index() -> Entry {
    Entry::file("index.js", INDEX)
}

/// A function in Node.js with these lines at the end of its manifest.
pub(super) fn node_with(lines: &str) -> Vec<u8> {
    archive(&[index(), toml(&format!("{NODE}{lines}"))])
}

/// A good function for `provided.al2023`, and these entries.
pub(super) fn provided_with(more: &[Entry]) -> Vec<u8> {
    archive(&[&[bootstrap(), toml(PROVIDED)], more].concat())
}

/// A good function in Node.js, and these entries.
pub(super) fn node_and(more: &[Entry]) -> Vec<u8> {
    archive(&[&[index(), toml(NODE)], more].concat())
}
