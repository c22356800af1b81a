//! Every fixture is what the generator makes, and has one verdict wherever it is judged.

use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::fixtures::Zip;
use acceptance::local_aws::deployctl;
use acceptance::packages::{Fixture, Live, Verdict, corpus, page};
use acceptance::world::{DEV, World};
use deployer_core::record::{DeploymentRecord, Status};
use jiff::Timestamp;
use serde_json::Value;

const STALE: &str = "is stale: UPDATE_FIXTURES=1 cargo test -p acceptance --test packages";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/packages")
}

/// Whether the files are to be written instead of compared.
fn writes() -> bool {
    std::env::var_os("UPDATE_FIXTURES").is_some()
}

#[test]
fn fixtures_are_what_the_generator_makes() {
    let corpus = corpus();
    for Fixture { name, bytes, .. } in &corpus {
        let path = folder().join(format!("{name}.zip"));
        if writes() {
            std::fs::write(&path, bytes).unwrap();
        }
        assert!(std::fs::read(&path).is_ok_and(|found| found == *bytes), "{} {STALE}", path.display());
    }
    let files = std::fs::read_dir(folder()).unwrap().count();
    assert_eq!(files, corpus.len(), "there are files that nobody makes, or two of one name");
}

#[test]
fn page_of_packages_is_the_table_of_the_fixtures() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/packages.md");
    let page = page(&corpus());
    if writes() {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(std::fs::read_to_string(&path).is_ok_and(|found| found == page), "docs/packages.md {STALE}");
}

/// Fails with all that is not right, not just the first.
fn all_right(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn validate_says_of_every_fixture_what_is_right() {
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
            Verdict::Warned(says) => found.0 && found.1.contains(says),
            Verdict::Refused(_, says) => !found.0 && found.2.contains(says),
            Verdict::Fails(..) => false,
        };
        (!is_right).then(|| format!("{}: expected {:?}, found {found:?}", fixture.name, fixture.offline()))
    };
    all_right(&corpus.iter().zip(files).filter_map(|(fixture, file)| differs(fixture, file)).collect::<Vec<_>>());
}

/// A mistake as validate tells it.
fn one_line(mistake: &Value) -> String {
    let parts = ["file", "path", "message"].iter().filter_map(|part| mistake[part].as_str());
    parts.collect::<Vec<_>>().join(": ")
}

/// The account in which each fixture is deployed.
fn account() -> World {
    let world = World::dev();
    world.aws(|aws| aws.at(DEV).role("fn-exec", Timestamp::UNIX_EPOCH));
    world
}

/// The account with a function that works.
fn account_with(live: Live) -> World {
    let world = account();
    let file = if live.runtime.starts_with("provided") { "bootstrap" } else { "index.js" };
    world.given(DEV, "orders-api", &Zip::empty().executable(file, "0.9.0").build().unwrap(), |f| {
        f.set(|s| {
            (s.runtime, s.handler) = (Some(live.runtime.to_owned()), Some(live.handler.to_owned()));
            s.role = Some(format!("arn:aws:iam::{DEV}:role/fn-exec"));
            if live.has_layer {
                s.layers = vec![format!("arn:aws:lambda:eu-west-1:{DEV}:layer:code:1")];
            }
        });
        f.publish().point("live", 1)
    });
    world
}

fn found(record: &DeploymentRecord) -> String {
    format!("{:?} {:?} {:?} {:?}", record.status, record.code, record.because, record.targets[0].error)
}

fn is_right(record: &DeploymentRecord, right: Verdict) -> bool {
    let because = record.because.as_deref().unwrap_or_default();
    match right {
        Verdict::Deployed => record.status == Status::Succeeded && !because.contains("handler"),
        Verdict::Warned(says) => record.status == Status::Succeeded && because.contains(says),
        Verdict::Refused(code, says) => {
            (record.status, record.code) == (Status::Refused, Some(code)) && because.contains(says)
        }
        // Where a rule about zips fails every target, and here there is one, the deployment is refused.
        Verdict::Fails(code, says) => match &record.targets[0].error {
            Some(error) => record.status == Status::Failed && error.code == code && because.contains(says),
            None => record.status == Status::Refused && because.contains(says),
        },
    }
}

#[tokio::test(start_paused = true)]
async fn deployer_does_with_every_fixture_what_is_right() {
    let mut wrong = Vec::new();
    for fixture in corpus() {
        let (live, with_live) = fixture.live;
        let cases = [fixture.new.map(|right| (account(), "new", right)), Some((account_with(live), "live", with_live))];
        for (world, when, right) in cases.into_iter().flatten() {
            let record = world.record("dev/orders-api/1.0.0.zip", fixture.bytes.clone()).await;
            let is_untouched = world.writes().is_empty();
            if !is_right(&record, right) || (record.status == Status::Succeeded) == is_untouched {
                wrong.push(format!("{} ({when}): expected {right:?}, found {}", fixture.name, found(&record)));
            }
            world.same_again_changes_nothing().await;
        }
    }
    all_right(&wrong);
}
