//! Short ways to make zips.

use fixtures::Zip;
use fixtures::packages::archive::{Entry, archive};

/// Makes a good zip without a manifest; another label makes other code.
#[must_use]
pub fn code(label: &str) -> Vec<u8> {
    Zip::code(label).build().unwrap()
}

/// Makes a good zip that a function can be created from.
#[must_use]
pub fn function(label: &str) -> Vec<u8> {
    Zip::function(label).build().unwrap()
}

/// Makes a good zip with this manifest.
#[must_use]
pub fn with_manifest(label: &str, manifest: &str) -> Vec<u8> {
    Zip::code(label).manifest(manifest).build().unwrap()
}

/// Makes a program that `provided.*` runtimes start.
#[must_use]
pub fn bootstrap(content: &str) -> Entry {
    Entry::stored("bootstrap", format!("#!/bin/sh\n# {content}\n")).mode(0o100_755)
}

/// Makes a good zip of about this many bytes; another label makes other code.
#[must_use]
pub fn large(label: &str, bytes: usize, manifest: Option<&str>) -> Vec<u8> {
    let mut entries = vec![Entry::stored("ballast", vec![b'x'; bytes]), bootstrap(label)];
    entries.extend(manifest.map(|text| Entry::stored("function.toml", text)));
    archive(&entries)
}
