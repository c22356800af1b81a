//! Folders of each kind, and the zips that they make.

use std::fs::{self, FileTimes, Permissions};
use std::io::Read as _;
use std::time::{Duration, SystemTime};

use deployer_core::package::inspect;
use tempfile::TempDir;

use super::*;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, body) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, body).unwrap();
    }
    folder
}

fn bytes(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file = packed(folder).unwrap();
    io::Seek::rewind(&mut file).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

fn packed(folder: &Path) -> Result<File, Vec<String>> {
    pack(folder, &ProgressBar::hidden())
        .map(|packed| packed.file)
        .map_err(|found| found.iter().map(ToString::to_string).collect())
}

fn left_out(folder: &Path) -> Vec<String> {
    pack(folder, &ProgressBar::hidden()).unwrap().left_out.iter().map(str::to_owned).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let archive = zip::ZipArchive::new(packed(folder).unwrap()).unwrap();
    archive.file_names().map(|name| name.unwrap().into_owned()).collect()
}

#[test]
fn same_folder_made_in_any_order_gives_same_bytes() {
    let files = [("bootstrap", "#!/bin/sh\n"), ("lib/a.txt", "a"), ("lib/b/c.txt", "c"), ("lib.txt", "l")];
    let one = folder(&files);
    let mut backwards = files;
    backwards.reverse();
    let other = folder(&backwards);
    for file in files.map(|(name, _)| other.path().join(name)) {
        let long_ago = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        File::options().write(true).open(&file).unwrap().set_times(long_ago).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    }
    assert_eq!(bytes(one.path()), bytes(one.path()));
    assert_eq!(bytes(one.path()), bytes(other.path()));
    fs::write(other.path().join("lib/a.txt"), "b").unwrap();
    assert_ne!(bytes(one.path()), bytes(other.path()));
}

#[test]
fn names_are_sorted_with_forward_slashes_and_executable_bits_are_kept() {
    let folder = folder(&[("z", ""), ("lib/x.so", "x"), ("lib-2", ""), ("bootstrap", "#!/bin/sh\n")]);
    fs::set_permissions(folder.path().join("bootstrap"), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(names(folder.path()), ["bootstrap", "lib-2", "lib/x.so", "z"]);
    let mut archive = zip::ZipArchive::new(packed(folder.path()).unwrap()).unwrap();
    let modes: Vec<u32> = (0..4).map(|at| archive.by_index(at).unwrap().unix_mode().unwrap() & 0o777).collect();
    assert_eq!(modes, [0o755, 0o644, 0o644, 0o644]);
    assert!(inspect(&bytes(folder.path())).unwrap().startup.bootstrap.unwrap().executable);
}

#[test]
fn paths_in_lambdaignore_and_git_folder_are_not_packed() {
    let folder = folder(&[
        (".lambdaignore", "# not for Lambda\n*.log\n!keep.log\n/target/\ntests/**/data\n\\#odd\n"),
        (".git/HEAD", "ref"),
        (".gitignore", "bootstrap\n"),
        ("bootstrap", "#!/bin/sh\n"),
        ("a.log", ""),
        ("keep.log", ""),
        ("lib/deep.log", ""),
        ("lib/target/kept", ""),
        ("target/debug/x", ""),
        ("tests/a/b/data/x", ""),
        ("#odd", ""),
        (".env", ""),
    ]);
    assert_eq!(names(folder.path()), [".gitignore", "bootstrap", "keep.log", "lib/target/kept"]);
    assert_eq!(left_out(folder.path()), [".env", ".git/"]);
}

const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

/// Makes a folder with private files of each kind, and public ones of like names.
fn with_secrets(lambdaignore: &str) -> TempDir {
    folder(&[
        (".lambdaignore", lambdaignore),
        ("bootstrap", "#!/bin/sh\n"),
        (".env", "TOKEN=1"),
        ("lib/.env.local", "TOKEN=1"),
        (".aws/credentials", "[default]"),
        (".ssh/known_hosts", ""),
        (".terraform/providers/x", ""),
        ("terraform.tfstate.backup", "{}"),
        (".idea/workspace.xml", ""),
        ("lib/.DS_Store", ""),
        (".npmrc", "//registry.npmjs.org/:_authToken=npm_1"),
        ("node_modules/a/.npmrc", "package-lock=false"),
        ("keys/id_rsa", "x"),
        ("keys/id_rsa.pub", "ssh-rsa AAAA"),
        ("keys/server.key", KEY),
        ("keys/server.pem", CERTIFICATE),
        ("keys/both.pem", &[CERTIFICATE, KEY].concat()),
        ("keys/deploy", KEY),
        ("certifi/cacert.pem", CERTIFICATE),
    ])
}

const PUBLIC: [&str; 5] =
    ["bootstrap", "certifi/cacert.pem", "keys/id_rsa.pub", "keys/server.pem", "node_modules/a/.npmrc"];

#[test]
fn private_files_are_left_out_and_named() {
    let folder = with_secrets("");
    assert_eq!(names(folder.path()), PUBLIC);
    let expected = [
        ".aws/",
        ".env",
        ".idea/",
        ".npmrc",
        ".ssh/",
        ".terraform/",
        "keys/both.pem",
        "keys/deploy",
        "keys/id_rsa",
        "keys/server.key",
        "lib/.DS_Store",
        "lib/.env.local",
        "terraform.tfstate.backup",
    ];
    assert_eq!(left_out(folder.path()), expected);
}

#[test]
fn private_file_that_lambdaignore_names_is_packed() {
    let folder = with_secrets("!.env\n!/keys/*.pem\n!.aws/\n");
    let found = names(folder.path());
    for name in [".aws/credentials", ".env", "keys/both.pem"] {
        assert!(found.iter().any(|found| found == name), "{name}: {found:?}");
    }
    assert_eq!(found.len(), PUBLIC.len() + 3, "{found:?}");
    let nested = with_secrets("");
    fs::write(nested.path().join("lib/.lambdaignore"), "!.env*\n").unwrap();
    assert!(names(nested.path()).contains(&"lib/.env.local".to_owned()));
    assert!(left_out(nested.path()).contains(&".env".to_owned()));
}

#[test]
fn data_with_a_secret_and_key_stores_are_left_out_unless_named() {
    let account = r#"{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\nMII"}"#;
    let aws = "[default]\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYzRfQ9aTk4M\n";
    let made = |lambdaignore: &str| {
        let folder = folder(&[
            (".lambdaignore", lambdaignore),
            ("index.js", "exports.handler = 1\n"),
            (".s3cfg", "[default]"),
            (".docker/config.json", "{}"),
            ("config/google.json", account),
            ("config/aws.ini", aws),
            ("config/app.json", "{}"),
            ("lib/google.py", account),
        ]);
        fs::write(folder.path().join("debug.keystore"), b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\x01\0\0\0\x01").unwrap();
        fs::write(folder.path().join("truststore.jks"), b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\0").unwrap();
        folder
    };
    let shipped = ["config/app.json", "index.js", "lib/google.py", "truststore.jks"];
    let plain = made("");
    assert_eq!(names(plain.path()), shipped);
    let told = [".docker/", ".s3cfg", "config/aws.ini", "config/google.json", "debug.keystore"];
    assert_eq!(left_out(plain.path()), told);
    let named = made("!config/google.json\n!*.keystore\n");
    assert_eq!(
        names(named.path()),
        ["config/app.json", "config/google.json", "debug.keystore", "index.js", "lib/google.py", "truststore.jks"]
    );
}

#[test]
fn key_store_of_an_unknown_format_is_packed_and_told() {
    let made = |lambdaignore: &str| {
        let files =
            [(".lambdaignore", lambdaignore), ("bootstrap", ""), ("lib/client.bks", "\0\0\0\u{2}"), ("z.jks", "")];
        let folder = folder(&files);
        assert_eq!(names(folder.path()), ["bootstrap", "lib/client.bks", "z.jks"]);
        let packed = pack(folder.path(), &ProgressBar::hidden()).unwrap();
        assert!(packed.left_out.is_empty(), "{:?}", packed.left_out);
        packed.unknown.to_string()
    };
    assert_eq!(made(""), "lib/client.bks, z.jks");
    assert_eq!(made("!*.jks\n"), "lib/client.bks");
}

#[test]
fn pattern_for_all_files_names_no_private_file() {
    for lambdaignore in ["*\n!*/\n!**\n", "!*\n", "!lib/**\n!/keys/*\n", "!.*\n", "*.x\n!keys/\n"] {
        assert_eq!(names(with_secrets(lambdaignore).path()), PUBLIC, "{lambdaignore}");
    }
    let excluded = with_secrets("!.env\n.env\n.ssh\n");
    assert_eq!(names(excluded.path()), PUBLIC);
    let told = left_out(excluded.path());
    assert!(!told.iter().any(|name| [".env", ".ssh/"].contains(&name.as_str())), "excluded by the user: {told:?}");
}

#[test]
fn folder_of_private_files_alone_is_refused_with_their_names() {
    let folder = folder(&[(".env", "A=1"), ("id_rsa", "x")]);
    assert_eq!(packed(folder.path()).unwrap_err(), ["there is nothing in it to be packed; left out: .env, id_rsa"]);
}

#[test]
fn ignore_files_above_the_folder_are_ignored() {
    let above = folder(&[(".lambdaignore", "*\n"), (".gitignore", "*\n"), ("function/bootstrap", "#!/bin/sh\n")]);
    assert_eq!(names(&above.path().join("function")), ["bootstrap"]);
}

fn link(folder: &TempDir, name: &str, to: &str) {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(to, path).unwrap();
}

/// Makes a tree like those of npm and pnpm: links to files, to folders, through other links, and to a layer.
fn linked() -> TempDir {
    let folder = folder(&[
        ("function.toml", "runtime = \"nodejs22.x\"\nhandler = \"index.handler\"\n"),
        ("index.js", "exports.handler = 1\n"),
        ("node_modules/.pnpm/a@1/node_modules/a/bin/a.js", "#!/usr/bin/env node\n"),
    ]);
    link(&folder, "node_modules/.bin/a", "../a/bin/a.js");
    link(&folder, "node_modules/a", ".pnpm/a@1/node_modules/a");
    link(&folder, "node_modules/layered", "/opt/nodejs/node_modules/layered");
    link(&folder, "nowhere", "node_modules/b");
    folder
}

#[test]
fn links_are_packed_as_links_and_never_followed() {
    let folder = linked();
    let mut archive = zip::ZipArchive::new(packed(folder.path()).unwrap()).unwrap();
    let mut links = Vec::new();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).unwrap();
        if entry.unix_mode() == Some(0o120_777) {
            let mut target = String::new();
            entry.read_to_string(&mut target).unwrap();
            assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
            links.push(format!("{} -> {target}", entry.name().unwrap()));
        }
    }
    assert_eq!(
        links,
        [
            "node_modules/.bin/a -> ../a/bin/a.js",
            "node_modules/a -> .pnpm/a@1/node_modules/a",
            "node_modules/layered -> /opt/nodejs/node_modules/layered",
            "nowhere -> node_modules/b",
        ]
    );
    assert_eq!(archive.len(), 7);
    assert_eq!(inspect(&bytes(folder.path())).unwrap().entries, 7);
}

#[test]
fn same_folder_with_links_gives_the_same_bytes() {
    assert_eq!(bytes(linked().path()), bytes(linked().path()));
    let other = linked();
    fs::remove_file(other.path().join("nowhere")).unwrap();
    link(&other, "nowhere", "node_modules/c");
    assert_ne!(bytes(linked().path()), bytes(other.path()));
}

#[test]
fn links_out_of_the_zip_are_refused_unless_excluded() {
    let folder = folder(&[("bootstrap", "#!/bin/sh\n"), (".lambdaignore", "node_modules/.bin\n")]);
    for name in ["current", "node_modules/.bin/tool"] {
        link(&folder, name, "/etc/hostname");
    }
    link(&folder, "node_modules/up", "../../secret");
    let error = inspect(&bytes(folder.path())).unwrap_err().to_string();
    let which = "`current` to `/etc/hostname`, `node_modules/up` to `../../secret`;";
    assert!(error.starts_with("the zip has symbolic links that lead out of it: "), "{error}");
    assert!(error.contains(which), "{error}");
    fs::remove_file(folder.path().join("current")).unwrap();
    fs::remove_file(folder.path().join("node_modules/up")).unwrap();
    link(&folder, "one", "other");
    link(&folder, "other", "one");
    let error = inspect(&bytes(folder.path())).unwrap_err().to_string();
    assert!(error.starts_with("the zip has symbolic links that lead in circles"), "{error}");
}

#[test]
fn link_to_the_folder_is_followed() {
    let folder = folder(&[("dist/bootstrap", "#!/bin/sh\n")]);
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("dist"), &link).unwrap();
    assert_eq!(names(&link), ["bootstrap"]);
}

#[test]
fn invalid_line_of_lambdaignore_is_an_error() {
    let folder = folder(&[(".lambdaignore", "*.log\n{a,b\n"), ("bootstrap", "#!/bin/sh\n")]);
    let problems = packed(folder.path()).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains(".lambdaignore: line 2"), "{problems:?}");
}

#[test]
fn empty_or_too_large_folder_is_refused() {
    let empty = folder(&[(".lambdaignore", "*.log\n"), ("a.log", "")]);
    assert_eq!(packed(empty.path()).unwrap_err(), ["there is nothing in it to be packed"]);
    let large = folder(&[("bootstrap", "#!/bin/sh\n")]);
    File::create(large.path().join("model.bin")).unwrap().set_len(300_000_000).unwrap();
    let problems = packed(large.path()).unwrap_err();
    assert_eq!(
        problems,
        ["the zip unpacks to 300000010 bytes, more than Lambda's 262144000 (250 MB): put less into it, or use \
          layers; the largest are model.bin (300000000 bytes), bootstrap (10 bytes); .lambdaignore may name what is \
          not needed"]
    );
}
