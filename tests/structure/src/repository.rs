//! The checks of this repository, and the short list of exceptions that can only shrink.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::modules::Modules;
use crate::packages::{Layer, dependencies};
use crate::{circles, lines, methods, reading};

const MOST_LINES: usize = 400;
const MOST_LINES_OF_TESTS: usize = 600;
const MOST_METHODS: usize = 25;
/// More blanks than any table has between two columns.
const GAP: &str = "        ";

const SDK: [&str; 5] = ["aws-", "lambda_runtime", "hyper", "rustls", "reqwest"];

const LAYERS: [Layer; 7] = [
    Layer {
        package: "deployer-core",
        may_use: &[],
        forbidden: &["aws-", "lambda_runtime", "hyper", "rustls", "reqwest", "tokio", "futures", "async"],
        tokio: None,
    },
    Layer {
        package: "deployer-engine",
        may_use: &["deployer-core"],
        forbidden: &SDK,
        tokio: Some(&["rt", "macros", "sync", "time"]),
    },
    Layer { package: "deployer-aws", may_use: &["deployer-core", "deployer-engine"], forbidden: &[], tokio: None },
    Layer {
        package: "deployer-cli",
        may_use: &["deployer-core", "deployer-engine", "deployer-aws"],
        forbidden: &["lambda_runtime"],
        tokio: None,
    },
    Layer {
        package: "deployer-function",
        may_use: &["deployer-core", "deployer-engine", "deployer-aws"],
        forbidden: &["clap"],
        tokio: None,
    },
    Layer {
        package: "world",
        may_use: &["deployer-core", "deployer-engine", "fixtures"],
        forbidden: &SDK,
        tokio: None,
    },
    Layer {
        package: "live-check",
        may_use: &["deployer-core", "deployer-aws", "deployer-cli", "fixtures"],
        // IAM's and KMS's crates would be built for a few calls.
        forbidden: &["aws-sdk-iam", "aws-sdk-kms", "lambda_runtime"],
        tokio: None,
    },
];

/// Packages that still have a circle of more than two files.
const CIRCLES_STILL: &[&str] = &[];

/// Types that still have too many methods.
const METHODS_STILL: &[&str] = &[];

/// Files that are still too long.
const LINES_STILL: &[&str] = &[];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the folders of the packages below this one, by their names from the root.
fn packages(below: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(below)).unwrap();
    let names = entries.map(|entry| format!("{below}/{}", entry.unwrap().file_name().display()));
    let mut packages: Vec<String> = names.filter(|name| root().join(name).join("Cargo.toml").exists()).collect();
    packages.sort();
    packages
}

fn modules(package: &str) -> Modules {
    let source = root().join(package).join("src");
    let files = ["lib.rs", "main.rs"].map(|file| source.join(file));
    Modules::of(files.iter().find(|file| file.exists()).unwrap()).unwrap()
}

fn sources(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Fails with each finding that is not listed, and with each listed one that is not found any more.
fn holds(rule: &str, found: &[(String, String)], listed: &[&str]) {
    let listed: BTreeSet<&str> = listed.iter().copied().collect();
    let broken = found.iter().filter(|(place, _)| !listed.contains(place.as_str())).map(|(_, line)| line.clone());
    let mended = listed.iter().filter(|place| !found.iter().any(|(found, _)| found == *place));
    let mended = mended.map(|place| format!("{place} is mended: take it off the list"));
    let lines: Vec<String> = broken.chain(mended).collect();
    assert!(lines.is_empty(), "{rule}\n{}", lines.join("\n"));
}

/// Returns cargo's metadata of the workspace's packages.
fn metadata() -> serde_json::Value {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    serde_json::from_slice(&cargo.stdout).unwrap()
}

#[test]
fn each_package_depends_only_on_its_layer() {
    let metadata = metadata();
    let members: Vec<String> =
        metadata["packages"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    let mut found = Vec::new();
    for layer in LAYERS {
        match dependencies(&metadata, layer.package) {
            Some(all) => found.extend(layer.broken_by(&all, &members)),
            None if layer.package == "world" => {}
            None => found.push(format!("there is no package {}", layer.package)),
        }
    }
    assert!(found.is_empty(), "packages depend downwards only\n{}", found.join("\n"));
}

#[test]
fn lambda_has_no_sources_of_credentials_of_people() {
    let metadata = metadata();
    for package in ["deployer-aws", "deployer-engine", "deployer-function"] {
        let all = dependencies(&metadata, package).unwrap();
        let config = all.iter().filter(|one| one.name == "aws-config");
        let features: Vec<_> = config.flat_map(|one| &one.features).filter(|one| *one != "rt-tokio").collect();
        assert!(features.is_empty(), "{package} asks aws-config for {features:?}, which only deployctl needs");
    }
}

#[test]
fn no_more_than_two_files_import_each_other() {
    let mut found = Vec::new();
    for package in packages("deployer") {
        let circles = circles::circles(&modules(&package));
        found.extend(circles.into_iter().map(|circle| (package.clone(), format!("{package}: {circle}"))));
    }
    holds("at most two files import each other", &found, CIRCLES_STILL);
}

#[test]
fn no_file_is_too_long() {
    let mut found = Vec::new();
    for package in packages("deployer").into_iter().chain(packages("tests")) {
        let folder = root().join(&package);
        let mut files = Vec::new();
        sources(&folder, &mut files);
        for file in files {
            let within = file.strip_prefix(&folder).unwrap();
            let is_test = within.components().any(|part| part.as_os_str() == "tests");
            let (most, length) = match (is_test, std::fs::read_to_string(&file).unwrap()) {
                (true, text) => (MOST_LINES_OF_TESTS, text.lines().count()),
                (false, text) => (MOST_LINES, lines::without_tests(&text)),
            };
            let place = format!("{package}/{}", within.display());
            if length > most {
                found.push((place.clone(), format!("{place} has {length} lines, and {most} is the most")));
            }
        }
    }
    holds("files are short", &found, LINES_STILL);
}

#[test]
fn no_sentence_has_a_gap() {
    let mut found = Vec::new();
    for package in packages("deployer") {
        let mut files = Vec::new();
        sources(&root().join(&package).join("src"), &mut files);
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for line in reading::strings(code).iter().flat_map(|string| string.split('\n')).map(str::trim) {
                if line.contains(GAP) {
                    found.push((file.display().to_string(), format!("{}: {line:?}", file.display())));
                }
            }
        }
    }
    holds("a text that goes on in the next line of the source ends with a backslash", &found, &[]);
}

#[test]
fn no_type_has_too_many_methods() {
    let mut found = Vec::new();
    for package in packages("deployer") {
        for ((file, name), count) in methods::methods(&modules(&package)) {
            let place = format!("{package}/src/{file}: {name}");
            if count > MOST_METHODS {
                found.push((place.clone(), format!("{place} has {count} methods, and {MOST_METHODS} is the most")));
            }
        }
    }
    holds("types have few methods", &found, METHODS_STILL);
}

#[test]
#[should_panic(expected = "deployer/x is mended: take it off the list")]
fn list_of_exceptions_can_only_shrink() {
    holds("", &[], &["deployer/x"]);
}

#[test]
#[should_panic(expected = "deployer/x: a circle")]
fn unlisted_finding_fails() {
    holds("", &[("deployer/x".to_owned(), "deployer/x: a circle".to_owned())], &["deployer/y"]);
}
