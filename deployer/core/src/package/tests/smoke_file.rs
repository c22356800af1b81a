//! The file `smoke.json` at the root.

use super::*;

fn found(entries: &[Raw]) -> SmokeFile {
    inspect(&archive(entries)).unwrap().smoke_file
}

fn unusable(entries: &[Raw]) -> String {
    match found(entries) {
        SmokeFile::Unusable(because) => because.to_string(),
        usable => panic!("{usable:?}"),
    }
}

#[test]
fn file_at_the_root_is_kept_as_it_is() {
    let tests = br#"{"event": {}}"#;
    assert_eq!(found(&[file("a")]), SmokeFile::Absent);
    assert_eq!(found(&[file("a"), Raw::stored("tests/smoke.json", tests)]), SmokeFile::Absent);
    for entry in [Raw::stored("smoke.json", tests), Raw::deflated("smoke.json", tests)] {
        assert_eq!(found(&[file("a"), entry]), SmokeFile::Content(tests.to_vec()));
    }
    let most = vec![b' '; 65_536];
    assert_eq!(found(&[Raw::deflated("smoke.json", &most)]), SmokeFile::Content(most));
}

#[test]
fn what_is_no_single_small_file_is_unusable_and_the_zip_is_good() {
    assert!(
        unusable(&[Raw::deflated("smoke.json", &[b' '; 65_537])]).starts_with("smoke.json has more than 65536 bytes")
    );
    assert!(unusable(&[file("smoke.json/a")]).starts_with("smoke.json is a folder"));
    assert!(unusable(&[file("a"), Raw::stored("smoke.json/", b"")]).starts_with("smoke.json is a folder"));
    let link = Raw::stored("smoke.json", b"a").with(|e| e.mode = 0o120_777);
    assert!(unusable(&[file("a"), link]).starts_with("smoke.json is a symbolic link"));
    let twice = [Raw::stored("smoke.json", b"{}"), Raw::stored("smoke.json", b"{}")];
    assert!(unusable(&twice).starts_with("the zip has smoke.json more than once"));
}
