//! `artifacts/release` in a clone of its own, with other programs in the place of cargo, rustc and zig.

use std::fs;
use std::path::PathBuf;

use crate::fakes::{Fakes, Ran, root};

/// A cargo that makes in a moment what the script asks for. `MISSING` names the subcommands that it does not have.
const CARGO: &str = r#"
for missing in $MISSING; do [ "$1" != "$missing" ] || exit 101; done
option() { # option NAME ARGUMENT...: the option's value
  wanted=$1; shift
  while [ "$1" != "$wanted" ]; do shift; done
  echo "$2"
}
case "$*" in
  "zigbuild --version") exit 2 ;; # as the real one
  "zigbuild --locked "*)
    triple=$(option --target "$@")
    binary=$(option --bin "$@")
    folder="$CARGO_TARGET_DIR/${triple%.2.34}/release"
    mkdir -p "$folder"
    if [ "$binary" = deployctl ]; then cp "$DEPLOYCTL" "$folder/deployctl"; else echo "$triple" >"$folder/$binary"; fi
    ;;
  "cyclonedx --quiet "*)
    for made in deployer/cli/deployctl deployer/function/bootstrap; do
      printf '{"version": 1, "bom-ref": "path+file://%s/%s"}' "$PWD" "$made" >"${made}_bin.cdx.json"
    done
    ;;
  metadata*) cat "$METADATA" ;;
  *) echo "$1 1.2.3" ;;
esac"#;

const DEPLOYCTL: &str = r#"#!/bin/sh
case "$1" in
  completions) echo "completions of $2" ;;
  man) mkdir -p "$2"; echo page >"$2/deployctl.1"; echo page >"$2/deployctl-push.1" ;;
esac
"#;

const METADATA: &str = r#"{"packages": [
  {"id": "cli", "name": "deployer-cli", "version": "0.1.0", "source": null, "manifest_path": "@/cli/Cargo.toml"},
  {"id": "serde", "name": "serde", "version": "1.0.1", "source": "registry", "manifest_path": "@/serde/Cargo.toml",
   "license": "MIT", "repository": "https://example.com/serde"},
  {"id": "cc", "name": "cc", "version": "1.0.2", "source": "registry", "manifest_path": "@/cc/Cargo.toml"}
], "resolve": {"nodes": [
  {"id": "cli", "deps": [
    {"pkg": "serde", "dep_kinds": [{"kind": null}]}, {"pkg": "cc", "dep_kinds": [{"kind": "build"}]}]},
  {"id": "serde", "deps": []}, {"id": "cc", "deps": []}
]}}"#;

const FILES: [&str; 9] = [
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "artifacts/build",
    "artifacts/release",
    "artifacts/third-party",
    "infra/ci/push.sh",
];

struct Clone {
    fakes: Fakes,
    folder: PathBuf,
}

impl Clone {
    /// Makes a clone with one commit, which is the same in each clone.
    fn new() -> Self {
        let fakes = Fakes::new();
        for file in FILES {
            let to = fakes.path(&format!("clone/{file}"));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(root().join(file), to).unwrap();
        }
        for package in ["cli", "function"] {
            fakes.write(&format!("clone/deployer/{package}/Cargo.toml"), "");
        }
        fakes.write("crates/serde/LICENSE-MIT", "Permission is hereby granted\n");
        fakes.write("crates/cc/LICENSE-MIT", "of a build\n");
        fakes.write("metadata.json", &METADATA.replace('@', fakes.path("crates").to_str().unwrap()));
        fakes.executable("fake-deployctl", DEPLOYCTL);
        let named = |name: &str| fakes.path(name).to_str().unwrap().to_owned();
        let (metadata, deployctl, target, libraries) =
            (named("metadata.json"), named("fake-deployctl"), named("target"), named("bin"));
        let fakes = fakes
            .set("METADATA", &metadata)
            .set("DEPLOYCTL", &deployctl)
            .set("CARGO_TARGET_DIR", &target)
            .set("LIBRARIES", &libraries)
            .set("MISSING", "")
            .set("GIT_CONFIG_GLOBAL", "/dev/null")
            .set("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
            .set("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
            .program("cargo", CARGO)
            .program("rustc", "case \"$*\" in *target-libdir*) echo \"$LIBRARIES\" ;; *) echo 'rustc 1.2.3' ;; esac")
            .program("cargo-zigbuild", "echo 'cargo-zigbuild 1.2.3'")
            .program("zig", "echo 1.2.3");
        let folder = fakes.path("clone");
        let clone = Self { fakes, folder };
        clone.git(&["init", "--quiet"]);
        clone.git(&["add", "--all"]);
        clone.git(&["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", "all"]);
        clone
    }

    fn set(self, name: &str, value: &str) -> Self {
        Self { fakes: self.fakes.set(name, value), ..self }
    }

    fn git(&self, arguments: &[&str]) {
        let ran = self.fakes.run_in(&self.folder, "git", arguments);
        assert_eq!(ran.code, 0, "{ran:?}");
    }

    fn release(&self, arguments: &str) -> Ran {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        self.fakes.run_in(&self.folder, "artifacts/release", &arguments)
    }

    fn dist(&self) -> Vec<String> {
        let Ok(files) = fs::read_dir(self.folder.join("artifacts/dist")) else { return Vec::new() };
        let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn has_built(&self) -> bool {
        self.fakes.log().contains("zigbuild --locked") || !self.dist().is_empty()
    }
}

#[test]
fn wrong_options_of_the_release_build_nothing() {
    let clone = Clone::new();
    for (arguments, message) in [
        ("--target", "--target takes x86_64 or aarch64, not ''"),
        ("--target arm64", "--target takes x86_64 or aarch64, not 'arm64'"),
        ("--only", "--only takes deployctl or zip, not ''"),
        ("--only all", "--only takes deployctl or zip, not 'all'"),
        ("--dry-run now", "now is not an option"),
        ("--targets x86_64", "--targets is not an option"),
    ] {
        let ran = clone.release(arguments);
        assert!(ran.code == 2 && ran.err.starts_with(&format!("error: {message}\n")), "{arguments}: {ran:?}");
        assert!(!clone.has_built(), "{arguments}");
    }
    let help = clone.release("--help");
    assert!(help.code == 0 && help.out.contains("usage: artifacts/release [--target") && !clone.has_built());
}

#[test]
fn wrong_options_of_the_build_build_nothing() {
    let clone = Clone::new();
    for arguments in [vec!["aarch64"], vec!["--to"], vec!["--to", ""], vec!["--zig"]] {
        let ran = clone.fakes.run_in(&clone.folder, "artifacts/build", &arguments);
        assert!(ran.code == 2 && ran.err.starts_with("usage: artifacts/build "), "{arguments:?}: {ran:?}");
    }
    assert_eq!(clone.fakes.log(), "");
}

#[test]
fn everything_missing_is_told_at_once_before_anything_is_built() {
    let clone = Clone::new().set("MISSING", "zigbuild cyclonedx").set("LIBRARIES", "/nonexistent");
    let ran = clone.release("");
    assert_eq!((ran.code, clone.has_built()), (2, false), "{ran:?}");
    for line in [
        "cargo-zigbuild is missing: python3 -m pip install --require-hashes -r artifacts/requirements.txt",
        "cargo-cyclonedx is missing: cargo install --locked cargo-cyclonedx@0.5.9",
        "Rust's target is missing: rustup target add x86_64-unknown-linux-musl",
        "Rust's target is missing: rustup target add aarch64-unknown-linux-gnu",
    ] {
        assert!(ran.err.contains(&format!("error: {line}\n")), "{line}: {ran:?}");
    }
    let only = clone.release("--only deployctl --target aarch64").err;
    assert!(
        only.contains("add aarch64-unknown-linux-musl\n") && !only.contains("gnu") && !only.contains("x86"),
        "{only}"
    );
}

#[test]
fn uncommitted_change_is_refused() {
    let clone = Clone::new();
    fs::write(clone.folder.join("CHANGELOG.md"), "changed").unwrap();
    let ran = clone.release("");
    assert!(ran.code == 2 && ran.err.contains("error: files differ from the commit"), "{ran:?}");
    assert!(!clone.has_built());
}

#[test]
fn dry_run_prints_each_step_and_does_nothing() {
    let clone = Clone::new();
    let ran = clone.release("--dry-run");
    assert_eq!((ran.code, ran.err.as_str(), clone.has_built()), (0, "", false), "{ran:?}");
    for step in [
        "+ cargo zigbuild --locked --release --target x86_64-unknown-linux-musl --package deployer-cli --bin deployctl",
        "+ cargo zigbuild --locked --release --target aarch64-unknown-linux-musl --package deployer-cli \
         --bin deployctl",
        "+ artifacts/build --zigbuild --to artifacts/dist/deployer-0.1.0-arm64.zip arm64",
        "+ sbom deployer/cli deployctl x86_64-unknown-linux-musl deployctl-0.1.0-x86_64-linux",
        "+ pack aarch64 deployctl-0.1.0-aarch64-linux",
        "+ sums",
    ] {
        assert!(ran.out.lines().any(|line| line == step), "{step}: {ran:?}");
    }
    let zip = clone.release("--dry-run --only zip --target x86_64").out;
    assert!(zip.contains("deployer-0.1.0-x86_64.zip x86_64\n") && !zip.contains("deployctl") && !zip.contains("arm64"));
    // It tells what is missing too.
    let missing = clone.set("MISSING", "cyclonedx").release("--dry-run");
    assert!(missing.code == 0 && missing.err.contains("cargo-cyclonedx is missing") && missing.out.contains("+ sums"));
}

#[test]
fn release_has_each_file_with_its_checksum() {
    let clone = Clone::new();
    let ran = clone.release("");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        clone.dist(),
        [
            "BUILD.txt",
            "SHA256SUMS",
            "THIRD-PARTY.txt",
            "deployctl-0.1.0-aarch64-linux.cdx.json",
            "deployctl-0.1.0-aarch64-linux.tar.gz",
            "deployctl-0.1.0-x86_64-linux.cdx.json",
            "deployctl-0.1.0-x86_64-linux.tar.gz",
            "deployer-0.1.0-arm64.cdx.json",
            "deployer-0.1.0-arm64.zip",
            "deployer-0.1.0-x86_64.cdx.json",
            "deployer-0.1.0-x86_64.zip",
        ]
    );
    let dist = clone.folder.join("artifacts/dist");
    let sums = clone.fakes.run_in(&dist, "sha256sum", &["--check", "--strict", "SHA256SUMS"]);
    assert!(sums.code == 0 && sums.out.lines().count() == 10, "{sums:?}");
    let text = |name: &str| fs::read_to_string(dist.join(name)).unwrap();
    assert!(text("BUILD.txt").starts_with("deployer 0.1.0, commit ") && text("BUILD.txt").contains("\nzig 1.2.3\n"));
    assert!(text("BUILD.txt").contains("\ncargo-zigbuild 1.2.3\n"), "{}", text("BUILD.txt"));
    let licences = text("THIRD-PARTY.txt");
    assert!(licences.contains("serde 1.0.1: MIT, https://example.com/serde\n"), "{licences}");
    assert!(licences.contains("Permission is hereby granted") && !licences.contains("cc 1.0.2"), "{licences}");
    let sbom = text("deployer-0.1.0-arm64.cdx.json");
    assert!(sbom.contains("\"path+file:///deployer/function/bootstrap\""), "{sbom}");
    let zip = clone.fakes.run_in(&dist, "python3", &["-m", "zipfile", "-l", "deployer-0.1.0-arm64.zip"]).out;
    assert!(zip.contains("bootstrap") && zip.contains("2020-01-01"), "{zip}");
}

#[test]
fn archive_of_deployctl_has_completions_pages_script_and_licences() {
    let clone = Clone::new();
    assert_eq!(clone.release("--only deployctl --target x86_64").code, 0);
    let dist = clone.folder.join("artifacts/dist");
    let name = "deployctl-0.1.0-x86_64-linux";
    let listed = clone.fakes.run_in(&dist, "tar", &["-tvzf", &format!("{name}.tar.gz")]).out;
    let entries: Vec<&str> = listed.lines().map(|line| line.split_whitespace().next_back().unwrap()).collect();
    let files: Vec<String> = entries.iter().map(|entry| entry.trim_start_matches(name).to_owned()).collect();
    assert_eq!(
        files,
        [
            "/",
            "/CHANGELOG.md",
            "/LICENSE-APACHE",
            "/LICENSE-MIT",
            "/THIRD-PARTY.txt",
            "/ci/",
            "/ci/push.sh",
            "/completions/",
            "/completions/_deployctl",
            "/completions/deployctl.bash",
            "/completions/deployctl.fish",
            "/deployctl",
            "/man/",
            "/man/man1/",
            "/man/man1/deployctl-push.1",
            "/man/man1/deployctl.1",
        ]
    );
    for line in listed.lines() {
        let executable = ["/deployctl", "/push.sh", "/"].iter().any(|end| line.ends_with(end));
        assert_eq!(&line[3..10], if executable { "xr-xr-x" } else { "-r--r--" }, "{line}");
        assert!(line.contains(" 0/0 ") && line.contains(" 2026-01-02 03:04 "), "{line}");
    }
    assert_eq!(clone.fakes.run_in(&dist, "tar", &["-xzf", &format!("{name}.tar.gz")]).code, 0);
    let zsh = fs::read_to_string(dist.join(name).join("completions/_deployctl")).unwrap();
    assert_eq!(zsh, "completions of zsh\n");
}

#[test]
fn one_commit_makes_the_same_release_in_another_folder() {
    let sums = || {
        let clone = Clone::new();
        assert_eq!(clone.release("").code, 0);
        fs::read_to_string(clone.folder.join("artifacts/dist/SHA256SUMS")).unwrap()
    };
    assert_eq!(sums(), sums());
}

#[test]
fn release_of_one_part_leaves_no_file_of_the_last() {
    let clone = Clone::new();
    assert_eq!(clone.release("").code, 0);
    assert_eq!(clone.release("--only zip --target aarch64").code, 0);
    let zip = ["deployer-0.1.0-arm64.cdx.json", "deployer-0.1.0-arm64.zip"];
    assert_eq!(clone.dist(), [&["BUILD.txt", "SHA256SUMS", "THIRD-PARTY.txt"][..], &zip].concat());
}

#[test]
fn failing_build_ends_the_release_without_checksums() {
    let clone = Clone::new();
    let ran = clone.set("DEPLOYCTL", "/nonexistent");
    assert_eq!(ran.release("").code, 1);
    assert!(!ran.dist().contains(&"SHA256SUMS".to_owned()));
}
