//! `deployctl diff`: two releases of a function, by what their zips hold. It reads the artifacts with the person's own
//! rights, and asks no target account.

mod artifacts;
mod report;
mod text;

use deployer_core::diagnostics::did_you_mean;
use deployer_core::id::{AccountId, EnvironmentName, FunctionName, Release};
use deployer_core::plan::{PlannedChange, compare_manifests};
use deployer_core::record::{DeploymentRecord, Status};

use crate::answer::{Answer, CliError, Exit};
use crate::aws::sdk_config::no_region;
use crate::follow;
use crate::remote::ledger::{self, StatusSource};
use crate::text::progress;
use report::{Deployed, Files, Report};

/// The options of `diff`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// The release that is compared: its name, or ENVIRONMENT:NAME.
    #[arg(value_name = "A", value_parser = parse)]
    from: Side,
    /// The release that it is compared with.
    #[arg(value_name = "B", value_parser = parse)]
    to: Side,
    /// The function, by its name in upload keys and in the ledger.
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

pub(crate) async fn run(options: &Options) -> Result<Answer, CliError> {
    let (from, to) = (options.place(&options.from)?, options.place(&options.to)?);
    let common = (from == to).then_some(from);
    let status_source = options.ledger.status_source(common).await?;
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
    let files = Files::between(&old.entries, &new.entries);
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
            CliError::unknown_release(format!(
                "{environment} knows no artifact of {function} {release} among its last {RECORDS} deployments: {}",
                known(&records, release)
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

/// Lists the newest releases that can be compared, and names the one that may be meant. One that never had an artifact,
/// such as a refused deploy of a zip that is not there, cannot be compared.
fn known(records: &[DeploymentRecord], wanted: &Release) -> String {
    const SHOWN: usize = 5;
    let mut all: Vec<&str> = Vec::new();
    let with_artifact = records.iter().filter(|record| record.artifact.is_some());
    for release in with_artifact.filter_map(|record| record.release.as_ref()) {
        if !all.contains(&release.as_str()) {
            all.push(release.as_str());
        }
    }
    let hint = did_you_mean(wanted.as_str(), all.iter().copied());
    match all.len() {
        0 => "it knows none".to_owned(),
        count if count > SHOWN => format!("the newest that it knows are {}{hint}", all[..SHOWN].join(", ")),
        _ => format!("it knows {}{hint}", all.join(", ")),
    }
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
    }

    #[test]
    fn releases_with_an_artifact_are_listed_and_the_nearest_is_suggested() {
        let records = [
            record("9.9.9", "01JBJ4GZ00ABCDEFGH0123456D", "refused", false),
            record("1.1.0", "01JBJ4GZ00ABCDEFGH0123456C", "succeeded", true),
            record("1.0.0", "01JBJ4GZ00ABCDEFGH0123456B", "succeeded", true),
        ];
        let said = |records: &[DeploymentRecord], wanted| known(records, &Release::parse(wanted).unwrap());
        assert_eq!(said(&records, "1.1.1"), "it knows 1.1.0, 1.0.0; did you mean 1.1.0?");
        assert_eq!(said(&records, "main-4f5c2e1"), "it knows 1.1.0, 1.0.0");
        assert_eq!(said(&records, "9.9.9"), "it knows 1.1.0, 1.0.0");
        assert_eq!(said(&records[..1], "9.9.9"), "it knows none");
        assert_eq!(said(&[], "1"), "it knows none");
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
}
