//! `diff`: two artifacts, and artifacts that cannot be read.

use std::io::{Cursor, Write as _};

use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::aws::xml_error;
use super::deployed::{person, server};
use super::home::Outcome;
use super::server::{Answer, BYTES, Request, Server};

const BOTH: [&str; 7] = ["diff", "-e", "prod", "-f", "orders", "1.4.2", "1.4.3"];
const OLD: &str = "memory_size = 128\n[environment.variables]\nTOKEN = 's3cr3t-one'\n";
const NEW: &str =
    "memory_size = 128\n[environment.variables]\nTOKEN = 's3cr3t-two'\n[environments.prod]\nmemory_size = 256\n";

fn zip(files: &[(&str, &str)]) -> Answer {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        zip.start_file(*name, SimpleFileOptions::default().unix_permissions(0o755)).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    let bytes = zip.finish().unwrap().into_inner();
    (200, BYTES, bytes.into_iter().map(char::from).collect())
}

/// A bucket that answers for the older and for the newer release.
fn bucket(
    old: impl Fn() -> Answer + Send + Sync + 'static,
    new: impl Fn() -> Answer + Send + Sync + 'static,
) -> Server {
    server(move |request: &Request| {
        let is = |release: &str| {
            let (key, version) = (format!("prod/orders/{release}.zip?"), format!("versionId=v-{release}"));
            request.line.contains(&key) && request.line.contains(&version)
        };
        match (is("1.4.2"), is("1.4.3")) {
            (true, _) => Some(old()),
            (_, true) => Some(new()),
            _ => None,
        }
    })
}

fn old() -> Answer {
    zip(&[("bootstrap", "one"), ("function.toml", OLD), ("gone.txt", "x"), ("same.txt", "same")])
}

fn new() -> Answer {
    zip(&[("bootstrap", "other"), ("function.toml", NEW), ("added.txt", "hello"), ("same.txt", "same")])
}

#[test]
fn configuration_and_files_are_compared_and_values_masked() {
    let server = bucket(old, new);
    let (Outcome { exit, err }, out) = person(&server).run_with_output(&BOTH);
    assert_eq!((exit, err.as_str()), (Some(0), ""));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[0], "orders: prod:1.4.2 → prod:1.4.3");
    assert!(lines[1].contains("prod:1.4.2: succeeded 2026-11-25 20:21:24Z") && lines[1].ends_with("commit c-1.4.2"));
    assert_eq!(
        lines[3..],
        [
            "configuration: 2 fields differ",
            "  ~ environment.variables.TOKEN: *** → ***",
            "  ~ memory_size: 128 → 256",
            "files: 1 added, 2 changed, 1 removed, 1 the same",
            "  + added.txt: 5 B",
            "  ~ bootstrap: 3 B → 5 B",
            &format!("  ~ function.toml: {} B → {} B", OLD.len(), NEW.len()),
            "  - gone.txt: 1 B",
        ]
    );
    let more = &["--exit-code", "-o", "json"];
    let (Outcome { exit, .. }, out) = person(&server).run_with_output(&[&BOTH[..], more].concat());
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, &answer["same"], &answer["files"]["same"]), (Some(5), &false.into(), &1.into()));
    assert!(!out.contains("s3cr3t"), "{out}");
}

#[test]
fn same_release_twice_differs_in_nothing() {
    let server = bucket(old, new);
    let same = ["diff", "-f", "orders", "prod:1.4.2", "prod:1.4.2", "--exit-code"];
    let (Outcome { exit, err }, out) = person(&server).run_with_output(&same);
    assert!(exit == Some(0) && out.ends_with("configuration and files are the same\n"), "{out}{err}");
}

#[test]
fn artifact_that_cannot_be_read_says_why() {
    let s3 = |status, code: &'static str| move || (status, "application/xml", xml_error(code, "no"));
    for (server, exit, expected) in [
        (bucket(old, s3(404, "NoSuchVersion")), 1, "the artifact of 1.4.3 in prod, does not exist any more"),
        (
            bucket(s3(403, "AccessDenied"), new),
            1,
            "you need s3:GetObjectVersion on arn:aws:s3:::acme-artifacts/prod/orders/1.4.2.zip",
        ),
        (bucket(old, s3(301, "PermanentRedirect")), 1, "--region says in which"),
        (
            bucket(old, || (200, BYTES, "no zip".to_owned())),
            3,
            "prod/orders/1.4.3.zip (S3 version id v-1.4.3) cannot be compared",
        ),
        (bucket(old, || zip(&[("function.toml", "memory = 1\n")])), 3, "function.toml: memory"),
    ] {
        let Outcome { exit: found, err } = person(&server).run(&BOTH);
        assert!(found == Some(exit) && err.contains(expected), "{expected}: {err}");
    }
}

#[test]
fn release_that_nobody_knows_is_refused_and_a_wrong_call_is_wrong_use() {
    let server = bucket(old, new);
    for (exit, arguments, expected) in [
        (2, &["diff", "-f", "orders", "1.4.2", "1.4.3"][..], "say -e NAME, or NAME:1.4.2"),
        (
            3,
            &["diff", "-e", "prod", "-f", "orders", "1.4.2", "9"],
            "knows no artifact of orders 9 among its last 100 deployments: it knows 1.4.3, 1.4.2",
        ),
        (3, &["diff", "-e", "prod", "-f", "orders", "1.4.2", "dev:1.4.2"], "it knows none"),
        (2, &["diff", "-e", "prod", "-f", "orders", "1.4.2"], "required"),
        (2, &["diff", "-e", "prod", "-f", "orders", "1.4.2", "a b"], "invalid value"),
    ] {
        let Outcome { exit: found, err } = person(&server).run(arguments);
        assert!(found == Some(exit) && err.contains(expected), "{arguments:?}: {err}");
    }
}
