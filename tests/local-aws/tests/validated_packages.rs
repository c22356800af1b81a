//! `deployctl validate` judges every package of the corpus right.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use fixtures::packages::{Fixture, Verdict, corpus};
use local_aws::deployctl;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/packages")
}

#[test]
fn validate_judges_every_fixture_right() {
    let corpus = corpus();
    let mut command = Command::new(deployctl().unwrap());
    command.current_dir(folder()).args(["validate", "--output", "json"]);
    command.args(corpus.iter().map(|fixture| format!("{}.zip", fixture.name)));
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let files = report["files"].as_array().unwrap();
    assert_eq!(files.len(), corpus.len());
    let words = |list: &Value, word: fn(&Value) -> String| {
        list.as_array().map(|all| all.iter().map(word).collect::<Vec<_>>().join("; ")).unwrap_or_default()
    };
    let differs = |fixture: &Fixture, file: &Value| {
        let found = (
            file["valid"].as_bool().unwrap(),
            words(&file["warnings"], |warning| warning.as_str().unwrap_or_default().to_owned()),
            words(&file["mistakes"], one_line),
        );
        let is_right = match fixture.offline() {
            Verdict::Deployed => found.0 && found.1.is_empty(),
            Verdict::Warned(words) => found.0 && found.1.contains(words),
            Verdict::Refused(_, words) => !found.0 && found.2.contains(words),
            Verdict::Fails(..) => false,
        };
        (!is_right).then(|| format!("{}: expected {:?}, found {found:?}", fixture.name, fixture.offline()))
    };
    let wrong: Vec<String> = corpus.iter().zip(files).filter_map(|(fixture, file)| differs(fixture, file)).collect();
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Returns a mistake as one line.
fn one_line(mistake: &Value) -> String {
    let parts = ["file", "path", "message"].iter().filter_map(|part| mistake[part].as_str());
    parts.collect::<Vec<_>>().join(": ")
}
