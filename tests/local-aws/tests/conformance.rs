//! Tests of the local AWS itself: its corrections hold, and each of their tests fails on plain moto.
//! `cargo verify --quick` plays them.

use local_aws::{Error, Result, python};

fn passes(module: &[&str]) -> Result<()> {
    let output = python()?.arg("-m").args(module).output();
    let output = output.map_err(|error| Error::Unexpected(format!("python -m {module:?}: {error}")))?;
    let words = [output.stdout.as_slice(), output.stderr.as_slice()].map(String::from_utf8_lossy).concat();
    if output.status.success() { Ok(()) } else { Err(Error::Unexpected(words)) }
}

#[test]
#[ignore = "long: cargo verify"]
fn local_aws_answers_as_documented() -> Result<()> {
    passes(&["unittest"])
}

#[test]
#[ignore = "long: cargo verify"]
fn every_correction_has_a_test_that_fails_on_plain_moto() -> Result<()> {
    passes(&["tests.plain"])
}
