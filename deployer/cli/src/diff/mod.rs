//! `deployctl diff`: two releases of a function, by what their zips hold. It reads the artifacts with the person's own
//! rights, and asks no target account.

mod artifacts;
mod text;

use std::collections::BTreeMap;

use deployer_core::id::{AccountId, DeploymentId, EnvironmentName, FunctionName, Release};
use deployer_core::package::{Directory, Kind, Opening};
use deployer_core::plan::{PlannedChange, compare_manifests};
use deployer_core::record::{DeploymentRecord, RecordedArtifact, Status};
use jiff::Timestamp;
use serde::Serialize;

use super::answer::{Answer, CliError, Exit};
use super::ledger::{self, StatusSource};
use super::sdk_config::no_region;
use super::{follow, progress};
use artifacts::Contents;

/// The options of `diff`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// The release that is compared: its name, or ENVIRONMENT:NAME.
    #[arg(value_name = "A", value_parser = parse)]
    from: Side,
    /// The release that it is compared with.
    #[arg(value_name = "B", value_parser = parse)]
    to: Side,
    /// The function, as keys and the ledger name it.
    #[arg(long, short, value_name = "NAME")]
    function: FunctionName,
    /// The environment of a release that is given by its name alone.
    #[arg(long, short, value_name = "NAME")]
    environment: Option<EnvironmentName>,
    /// Exit with 5 if configuration or files differ.
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    ledger: ledger::Options,
}

/// A release as the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Side {
    environment: Option<EnvironmentName>,
    release: Release,
}

/// The answer of `diff`.
#[derive(Debug, Serialize)]
struct Report {
    function: FunctionName,
    from: Deployed,
    to: Deployed,
    /// Whether both are the same zip, with the same configuration for their environments.
    same: bool,
    /// The fields that the manifests name differently; values of variables are masked.
    changes: Vec<PlannedChange>,
    files: Files,
}

/// A release, and the deployment by which it is known.
#[derive(Debug, Clone, Serialize)]
struct Deployed {
    environment: EnvironmentName,
    release: Release,
    deployment: DeploymentId,
    status: Status,
    at: Timestamp,
    artifact: RecordedArtifact,
}

/// The files that differ.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Files {
    added: Vec<OneFile>,
    changed: Vec<ChangedFile>,
    removed: Vec<OneFile>,
    /// The number of files that both have alike.
    same: usize,
}

/// A file that only one of the two has.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct OneFile {
    name: String,
    /// Its unpacked size in bytes.
    size: u64,
}

/// A file that both have, with other data.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct ChangedFile {
    name: String,
    from: u64,
    to: u64,
}

/// The number of records that are searched.
const RECORDS: u32 = 100;

fn parse(text: &str) -> Result<Side, String> {
    let (environment, release) = match text.split_once(':') {
        Some((environment, release)) => {
            (Some(EnvironmentName::parse(environment).map_err(|error| error.to_string())?), release)
        }
        None => (None, text),
    };
    Ok(Side { environment, release: Release::parse(release).map_err(|error| error.to_string())? })
}

pub(super) async fn run(options: &Options) -> Result<Answer, CliError> {
    let (from, to) = (options.place(&options.from)?, options.place(&options.to)?);
    let status_source = options.ledger.status_source().await?;
    let from = options.find(&status_source, from, &options.from.release).await?;
    let to = options.find(&status_source, to, &options.to.release).await?;
    let sdk = options.ledger.remote.sdk().await?;
    sdk.region().ok_or_else(no_region)?;
    let owner: Option<&AccountId> = options.ledger.bucket_owner();
    let client = deployer_aws::owned_by(aws_sdk_s3::Client::new(&sdk), owner);
    let spinner = progress::spinner(format!("reading {} and {}", from.release, to.release));
    let (old, new) = match is_same_object(&from, &to) {
        true => {
            let one = artifacts::read(&client, &from, owner).await?;
            (one.clone(), one)
        }
        false => tokio::try_join!(artifacts::read(&client, &from, owner), artifacts::read(&client, &to, owner))?,
    };
    drop(spinner);
    let (one, other) = (old.config(&from.environment), new.config(&to.environment));
    let changes: Vec<PlannedChange> = compare_manifests(&one, &other).iter().map(PlannedChange::from).collect();
    let files = Files::between(&old, &new);
    let same = changes.is_empty() && files.is_empty();
    let report = Report { function: options.function.clone(), from, to, same, changes, files };
    let exit = if options.exit_code && !report.same { Exit::Differs } else { Exit::Done };
    Ok(Answer::with_text(text::report(&report), &report, exit))
}

fn is_same_object(from: &Deployed, to: &Deployed) -> bool {
    from.artifact.reference() == to.artifact.reference()
}

impl Options {
    fn place<'a>(&'a self, side: &'a Side) -> Result<&'a EnvironmentName, CliError> {
        side.environment.as_ref().or(self.environment.as_ref()).ok_or_else(|| {
            let release = &side.release;
            CliError::wrong_use(format!("the environment of {release} is not known: say -e NAME, or NAME:{release}"))
        })
    }

    async fn find(
        &self,
        status_source: &StatusSource,
        environment: &EnvironmentName,
        release: &Release,
    ) -> Result<Deployed, CliError> {
        let args = follow::FunctionArgs { environment: environment.clone(), function: self.function.clone() };
        let records = status_source.history(&args, RECORDS).await?.deployments;
        newest_of(&records, release).ok_or_else(|| {
            let function = &self.function;
            CliError::wrong_use(format!(
                "{environment} knows no artifact of {function} {release} among its last {RECORDS} deployments: {}",
                known(&records)
            ))
        })
    }
}

/// Returns the newest deployment of a release: one that got there, or else any that knows its artifact.
fn newest_of(records: &[DeploymentRecord], release: &Release) -> Option<Deployed> {
    let of_release = |record: &&DeploymentRecord| record.release.as_ref() == Some(release) && record.artifact.is_some();
    let got_there = |record: &&DeploymentRecord| matches!(record.status, Status::Succeeded | Status::Unchanged);
    let mut found = records.iter().filter(of_release);
    let record = found.clone().find(got_there).or_else(|| found.next())?;
    Some(Deployed {
        environment: record.environment.clone(),
        release: release.clone(),
        deployment: record.id,
        status: record.status,
        at: record.started_at,
        artifact: record.artifact.clone()?,
    })
}

/// Lists the newest releases that are known.
fn known(records: &[DeploymentRecord]) -> String {
    const SHOWN: usize = 5;
    let mut all: Vec<&str> = Vec::new();
    for release in records.iter().filter_map(|record| record.release.as_ref()) {
        if !all.contains(&release.as_str()) {
            all.push(release.as_str());
        }
    }
    match all.len() {
        0 => "it knows none".to_owned(),
        count if count > SHOWN => format!("the newest that it knows are {}", all[..SHOWN].join(", ")),
        _ => format!("it knows {}", all.join(", ")),
    }
}

impl Files {
    fn between(from: &Contents, to: &Contents) -> Self {
        let mut files = Self::default();
        for (name, entry) in &to.entries {
            match from.entries.get(name) {
                None => files.added.push(OneFile { name: name.clone(), size: entry.size }),
                Some(before) if before == entry => files.same += 1,
                Some(before) => {
                    files.changed.push(ChangedFile { name: name.clone(), from: before.size, to: entry.size });
                }
            }
        }
        let removed = from.entries.iter().filter(|(name, _)| !to.entries.contains_key(*name));
        files.removed.extend(removed.map(|(name, entry)| OneFile { name: name.clone(), size: entry.size }));
        files
    }

    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

/// An entry as its directory describes it: two with the same size and checksum count as the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    kind: Kind,
    size: u64,
    crc32: u32,
}

/// Returns the files of an archive, without its folders.
///
/// # Errors
/// The rule that the archive breaks.
fn entries(zip: &[u8]) -> Result<BTreeMap<String, Entry>, String> {
    let opened = Directory::open(zip.len() as u64, zip).map_err(|error| error.to_string())?;
    let Opening::Ready(directory) = opened else { return Err("its directory is not in it".to_owned()) };
    let files = directory.entries().filter(|entry| entry.kind != Kind::Folder);
    let entry =
        |entry: deployer_core::package::Listed<'_>| Entry { kind: entry.kind, size: entry.size, crc32: entry.crc32 };
    Ok(files.map(|listed| (listed.name.to_owned(), entry(listed))).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn record(release: &str, id: &str, status: &str, has_artifact: bool) -> DeploymentRecord {
        let artifact = has_artifact.then(|| {
            serde_json::json!({ "bucket": "acme-artifacts", "key": format!("dev/orders/{release}.zip"),
                "version_id": id, "size": null, "sha256": null, "metadata": {} })
        });
        serde_json::from_value(serde_json::json!({
            "id": id, "environment": "dev", "function": "orders", "release": release, "status": status, "code": null,
            "because": null, "artifact": artifact, "targets": [],
            "cause": { "kind": "upload", "requested_by": null, "event_id": null },
            "started_at": "2026-11-25T10:00:00Z", "finished_at": null,
        }))
        .unwrap()
    }

    #[test]
    fn release_is_its_newest_deployment_that_got_there() {
        let records = [
            record("2", "01JBJ4GZ00ABCDEFGH0123456D", "refused", false),
            record("1", "01JBJ4GZ00ABCDEFGH0123456C", "failed", true),
            record("1", "01JBJ4GZ00ABCDEFGH0123456B", "succeeded", true),
            record("1", "01JBJ4GZ00ABCDEFGH0123456A", "succeeded", true),
        ];
        let find = |records: &[DeploymentRecord], release| newest_of(records, &Release::parse(release).unwrap());
        assert_eq!(find(&records, "1").unwrap().deployment, records[2].id);
        assert_eq!(find(&records[..2], "1").unwrap().deployment, records[1].id);
        assert!(find(&records, "2").is_none() && find(&records, "3").is_none());
        assert_eq!(known(&records), "it knows 2, 1");
        assert_eq!(known(&[]), "it knows none");
    }

    #[test]
    fn side_is_a_release_or_environment_and_release() {
        let side = parse("prod:1.4.2").unwrap();
        assert_eq!((side.environment.unwrap().as_str(), side.release.as_str()), ("prod", "1.4.2"));
        assert_eq!(parse("1.4.2").unwrap().environment, None);
        for wrong in ["", ":1", "prod:", "Prod:1", "prod:1:2", "prod/1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn files_differ_by_name_size_and_checksum() {
        let contents = |entries: &[(&str, u64, u32)]| Contents {
            manifest: None,
            entries: entries
                .iter()
                .map(|&(name, size, crc32)| (name.to_owned(), Entry { kind: Kind::File, size, crc32 }))
                .collect(),
        };
        let from = contents(&[("a", 1, 1), ("b", 2, 2), ("c", 3, 3), ("same", 9, 9)]);
        let to = contents(&[("b", 2, 7), ("c", 4, 3), ("d", 5, 5), ("same", 9, 9)]);
        let files = Files::between(&from, &to);
        assert_eq!(files.added, [OneFile { name: "d".into(), size: 5 }]);
        assert_eq!(files.removed, [OneFile { name: "a".into(), size: 1 }]);
        let changed = |name: &str, from, to| ChangedFile { name: name.into(), from, to };
        assert_eq!((files.changed, files.same), (vec![changed("b", 2, 2), changed("c", 3, 4)], 1));
        assert!(Files::between(&from, &from).is_empty());
    }
}
