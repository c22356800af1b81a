//! Every fixture equals the generator's output, and has one verdict wherever it is judged.

use std::path::{Path, PathBuf};

use deployer_core::record::{DeploymentRecord, Status};
use fixtures::Zip;
use fixtures::packages::{ExistingFunction, Fixture, Verdict, corpus, page};
use jiff::Timestamp;
use world::{DEV, World};

const STALE: &str = "is stale: UPDATE_FIXTURES=1 cargo test -p world packages";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/packages")
}

/// Whether the files are to be written instead of compared.
fn writes() -> bool {
    std::env::var_os("UPDATE_FIXTURES").is_some()
}

#[test]
fn fixtures_equal_the_generators_output() {
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
fn page_of_packages_equals_the_table_of_fixtures() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/packages.md");
    let page = page(&corpus());
    if writes() {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(std::fs::read_to_string(&path).is_ok_and(|found| found == page), "docs/packages.md {STALE}");
}

/// Fails with everything that is wrong, not just the first.
fn all_right(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The account in which each fixture is deployed.
fn account() -> World {
    let world = World::dev();
    world.aws(|aws| aws.at(DEV).role("fn-exec", Timestamp::UNIX_EPOCH));
    world
}

/// The account of the existing function.
fn account_with(live: ExistingFunction) -> World {
    let world = account();
    let file = if live.runtime.starts_with("provided") { "bootstrap" } else { "index.js" };
    world.add_function(DEV, "orders-api", &Zip::empty().executable(file, "0.9.0").build().unwrap(), |f| {
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
        Verdict::Warned(words) => record.status == Status::Succeeded && because.contains(words),
        Verdict::Refused(code, words) => {
            (record.status, record.code) == (Status::Refused, Some(code)) && because.contains(words)
        }
        // If a rule about zips fails every target (here there is one), the deployment is refused.
        Verdict::Fails(code, words) => match &record.targets[0].error {
            Some(error) => record.status == Status::Failed && error.code == code && because.contains(words),
            None => record.status == Status::Refused && because.contains(words),
        },
    }
}

#[tokio::test(start_paused = true)]
async fn deployer_gives_every_fixture_its_verdict() {
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
