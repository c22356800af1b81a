//! Imports point down only (ARCHITECTURE.md): bins → lambda, cli → trigger, engine → port → core; aws → port.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

/// Each folder or file of `src`, and what it may import of the crate.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("port", &[]),
    ("logging", &[]),
    ("settings", &[]),
    ("trigger", &[]),
    ("aws", &["port"]),
    ("engine", &["port", "aws::OPERATION_TIMEOUT"]),
    ("machine", &["port"]),
    ("masking", &["port"]),
    ("direct", &["aws", "engine", "machine", "masking", "port"]),
    ("cli", &["aws", "direct", "engine", "lambda", "settings", "trigger"]),
    ("obey", &["engine", "port", "settings", "trigger"]),
    ("lambda", &["aws", "engine", "machine", "masking", "obey", "port", "settings", "trigger"]),
];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn imports_point_down_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&root).unwrap();
        let room = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if room == "bin" || room == "lib" {
            continue;
        }
        let (_, allowed) = MAY_IMPORT.iter().find(|(name, _)| *name == room).unwrap_or_else(|| {
            panic!("{room} is new: say in MAY_IMPORT what it may import");
        });
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            for import in line.split("crate::").skip(1) {
                let fine = import.starts_with(room.as_str()) || allowed.iter().any(|name| import.starts_with(name));
                if !fine && !line.trim_start().starts_with("//") {
                    wrong.push(format!("{}: {}", relative.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "these imports point up:\n{}", wrong.join("\n"));
}

#[test]
fn core_knows_neither_async_nor_aws() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("core/Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let (dependencies, _) = manifest.split_once("[dev-dependencies]").unwrap();
    for forbidden in ["tokio", "aws-", "aws_", "futures", "async"] {
        assert!(!dependencies.contains(forbidden), "{forbidden} has no place in core");
    }
}
