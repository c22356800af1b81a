//! The page docs/live-check.md, and the list of questions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use live_check::{page, questions};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn page_has_the_tools_questions_and_rights() {
    let path = root().join("docs/live-check.md");
    let found = std::fs::read_to_string(&path).unwrap();
    let renewed = page::renewed(&found);
    for part in [page::table(), page::RIGHTS.trim_end().to_owned()] {
        assert!(renewed.contains(&part), "the page has no place for:\n{part}");
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &renewed).unwrap();
    } else {
        assert!(found == renewed, "docs/live-check.md is out of date: run this test with UPDATE_DOCS=1");
    }
}

#[test]
fn each_question_has_its_file_and_names_files_that_exist() {
    let mut names = BTreeSet::new();
    for question in questions::all() {
        let about = question.about();
        let file = format!("src/questions/{}.rs", about.name.replace('-', "_"));
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file).exists(), "there is no {file}");
        assert!(names.insert(about.name), "{} is asked twice", about.name);
        for path in about.relied_on_in {
            assert!(root().join(path).exists(), "{}: there is no {path}", about.name);
        }
        assert!(about.belief.ends_with('.'), "{}: a belief is a sentence", about.name);
    }
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/questions")).unwrap();
    assert_eq!(files.count(), names.len() + 1, "each file is in the list");
}

#[test]
fn list_needs_no_credentials() {
    let list = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_live-check")).args(arguments).env_clear().output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let (text, json) = (list(&["--list"]), list(&["--list", "--output", "json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["questions"].as_array().unwrap().len(), questions::all().len());
    for question in questions::all() {
        assert!(text.contains(question.about().belief), "{text}");
    }
}
