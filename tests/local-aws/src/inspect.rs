//! Reads the state of the accounts and of the ledger, for tests to compare.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::get_function::GetFunctionError;
use aws_sdk_lambda::types::{FunctionConfiguration, FunctionVersion, LastUpdateStatus, State};
use aws_sdk_sqs::types::QueueAttributeName;
use jiff::Timestamp;
use serde_json::Value;

use super::LocalAws;
use super::accounts::{FIRST, LEDGER, OTHER_REGION, REGION, SECOND, TOOLING};
use super::mapping;
use fixtures::error::{Doing as _, Error, Result};

/// The prefix of the deployer's markers in the ledger bucket.
const MARKERS: &str = "open/";
/// The prefix of the times of sweeps.
const SWEEPS: &str = "sweeps/";
/// The ends of the keys of what the sweep keeps for uploaders: environments' notices and open uploads.
const NOTICES: [&str; 2] = ["/environment.json", "/progress.json"];

/// The version that an alias serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedVersion {
    /// The version's number.
    pub version: String,
    /// The code's digest: base64 of the zip's SHA-256.
    pub sha256: String,
    /// The memory in megabytes.
    pub memory: i32,
    /// The timeout in seconds.
    pub timeout: i32,
    /// The version's description.
    pub description: String,
    /// The version's environment variables.
    pub variables: BTreeMap<String, String>,
    /// The function's tags.
    pub tags: BTreeMap<String, String>,
    /// All published versions of the function.
    pub versions: Vec<String>,
}

/// Everything that a deployment can change: names of things, each with a text that differs from state to state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<String, String>);

impl Snapshot {
    /// Returns a line for each difference.
    #[must_use]
    pub fn changes_to(&self, later: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.0.keys().chain(later.0.keys()).collect();
        let differ = names.into_iter().filter(|name| self.0.get(*name) != later.0.get(*name));
        let shown = |value: Option<&String>| value.map_or("nothing".to_owned(), Clone::clone);
        differ.map(|name| format!("{name}: {} → {}", shown(self.0.get(name)), shown(later.0.get(name)))).collect()
    }
}

impl LocalAws {
    /// Returns the version that the alias `live` of a function serves; `None` without function or alias.
    ///
    /// # Errors
    /// Lambda answers with an error.
    pub async fn live(&self, account: &str, region: &str, function: &str) -> Result<Option<ServedVersion>> {
        self.serving(account, region, function, "live").await
    }

    /// Returns the version that an alias of a function serves; `None` without function or alias.
    ///
    /// # Errors
    /// Lambda answers with an error.
    pub async fn serving(
        &self,
        account: &str,
        region: &str,
        function: &str,
        alias: &str,
    ) -> Result<Option<ServedVersion>> {
        let lambda = self.clients().lambda(account, region);
        let call = lambda.get_function().function_name(function).qualifier(alias).send();
        let what = format!("looking at {function}:{alias} in {account}/{region}");
        let Some(found) = unless_missing(call.await).doing(&what)? else { return Ok(None) };
        let call = lambda.list_versions_by_function().function_name(function).send();
        let versions = call.await.doing(&what)?.versions.unwrap_or_default();
        let versions = versions.into_iter().filter_map(|one| one.version).filter(|version| version != "$LATEST");
        let configuration = found.configuration.ok_or_else(|| Error::failed(&what, "no configuration"))?;
        Ok(Some(ServedVersion {
            version: configuration.version().unwrap_or_default().to_owned(),
            sha256: configuration.code_sha256().unwrap_or_default().to_owned(),
            memory: configuration.memory_size().unwrap_or_default(),
            timeout: configuration.timeout().unwrap_or_default(),
            description: configuration.description().unwrap_or_default().to_owned(),
            variables: (configuration.environment.and_then(|environment| environment.variables))
                .map_or_else(BTreeMap::new, |variables| variables.into_iter().collect()),
            tags: found.tags.unwrap_or_default().into_iter().collect(),
            versions: versions.collect(),
        }))
    }

    /// Returns the result that CI waits for after an upload.
    ///
    /// # Errors
    /// There is none, or S3 answers with an error.
    pub async fn result(&self, key: &str, version_id: &str) -> Result<Value> {
        let place = key.strip_suffix(".zip").unwrap_or(key);
        let object = format!("results/{place}/{version_id}.json");
        let found = self.ledger_object(&object).await?;
        found.ok_or_else(|| Error::Unexpected(format!("there is no {object}\n{}", self.deployer().tail())))
    }

    /// Whether an upload has a result.
    ///
    /// # Errors
    /// S3 answers with an error.
    pub async fn has_result(&self, key: &str, version_id: &str) -> Result<bool> {
        let place = key.strip_suffix(".zip").unwrap_or(key);
        Ok(self.ledger_object(&format!("results/{place}/{version_id}.json")).await?.is_some())
    }

    /// Returns all records of a function in an environment, oldest first.
    ///
    /// # Errors
    /// S3 answers with an error.
    pub async fn records(&self, environment: &str, function: &str) -> Result<Vec<Value>> {
        let mut records = Vec::new();
        for key in self.ledger_keys(&format!("deployments/{environment}/{function}/")).await? {
            records.extend(self.ledger_object(&key).await?);
        }
        // Ids sort by whole seconds only, so that records are sorted by their time.
        let began = |record: &Value| record["started_at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
        records.sort_by_key(began);
        Ok(records)
    }

    /// Returns the newest record of a function in an environment.
    ///
    /// # Errors
    /// There is none, or S3 answers with an error.
    pub async fn record(&self, environment: &str, function: &str) -> Result<Value> {
        let newest = self.records(environment, function).await?.pop();
        newest.ok_or_else(|| Error::Unexpected(format!("{function} has no record in {environment}")))
    }

    /// Returns a JSON object of the ledger bucket; `None` if it does not exist.
    ///
    /// # Errors
    /// S3 answers with an error, or the object is not JSON.
    pub async fn ledger_object(&self, key: &str) -> Result<Option<Value>> {
        let call = self.clients().s3(TOOLING, REGION).get_object().bucket(LEDGER).key(key).send();
        let Some(found) = unless_missing(call.await).doing(format!("reading {key}"))? else { return Ok(None) };
        let body = found.body.collect().await.doing(format!("reading {key}"))?.into_bytes();
        serde_json::from_slice(&body).doing(format!("reading {key}")).map(Some)
    }

    /// Returns the keys in the ledger bucket under a prefix.
    ///
    /// # Errors
    /// S3 answers with an error.
    pub async fn ledger_keys(&self, prefix: &str) -> Result<Vec<String>> {
        let call = self.clients().s3(TOOLING, REGION).list_objects_v2().bucket(LEDGER).prefix(prefix);
        let mut pages = call.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.doing(format!("listing {prefix}"))?;
            keys.extend(page.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
        }
        Ok(keys)
    }

    /// Returns the number of messages in the dead-letter queue.
    ///
    /// # Errors
    /// SQS answers with an error.
    pub async fn dead_letters(&self) -> Result<u32> {
        let states = [QueueAttributeName::ApproximateNumberOfMessages];
        mapping::count(&self.clients.sqs(TOOLING, REGION), &self.resources.dead_letter_url, &states).await
    }

    /// Reads everything that a deployment can change.
    ///
    /// # Errors
    /// AWS answers with an error.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let mut all = BTreeMap::new();
        for account in [FIRST, SECOND] {
            for region in [REGION, OTHER_REGION] {
                self.functions(account, region, &mut all).await?;
            }
        }
        self.ledger_versions(&mut all).await?;
        Ok(Snapshot(all))
    }

    /// Adds every version of every ledger object, because a write that changes nothing is a write too. Of markers only
    /// the existing ones count: each delivery writes and deletes one. The traces of sweeps do not count.
    async fn ledger_versions(&self, all: &mut BTreeMap<String, String>) -> Result<()> {
        let s3 = self.clients().s3(TOOLING, REGION);
        let mut after = (None, None);
        loop {
            let call = s3.list_object_versions().bucket(LEDGER);
            let call = call.set_key_marker(after.0.take()).set_version_id_marker(after.1.take());
            let listed = call.send().await.doing("listing the ledger")?;
            for version in listed.versions.unwrap_or_default() {
                let (key, id) = (version.key().unwrap_or_default(), version.version_id().unwrap_or_default());
                let is_trace = key.starts_with(SWEEPS) || NOTICES.iter().any(|end| key.ends_with(end));
                if !key.starts_with(MARKERS) && !is_trace {
                    all.insert(format!("s3://{LEDGER}/{key} ({id})"), version.e_tag().unwrap_or_default().to_owned());
                }
            }
            if listed.is_truncated != Some(true) {
                break;
            }
            after = (listed.next_key_marker, listed.next_version_id_marker);
        }
        for key in self.ledger_keys(MARKERS).await? {
            all.insert(format!("s3://{LEDGER}/{key}"), "stands".to_owned());
        }
        Ok(())
    }

    async fn functions(&self, account: &str, region: &str, all: &mut BTreeMap<String, String>) -> Result<()> {
        let lambda = self.clients().lambda(account, region);
        let what = format!("listing functions in {account}/{region}");
        let call = lambda.list_functions().function_version(FunctionVersion::All).send();
        for version in call.await.doing(&what)?.functions.unwrap_or_default() {
            settle(&lambda, &version).await.doing(&what)?;
        }
        let call = lambda.list_functions().function_version(FunctionVersion::All).send();
        for version in call.await.doing(&what)?.functions.unwrap_or_default() {
            let name = format!("{account}/{region} {}", version.function_arn().unwrap_or_default());
            let state = format!("{:?} {:?}", version.revision_id(), version.code_sha256());
            all.insert(format!("{name} ({})", version.version().unwrap_or_default()), state);
            let Some(function) = version.function_name().filter(|_| version.version() == Some("$LATEST")) else {
                continue;
            };
            let aliases = lambda.list_aliases().function_name(function).send().await.doing(&what)?.aliases;
            for alias in aliases.unwrap_or_default() {
                let state = format!("{:?} at {:?}", alias.function_version(), alias.revision_id());
                all.insert(alias.alias_arn().unwrap_or_default().to_owned(), state);
            }
            let arn = lambda.get_function().function_name(function).send().await.doing(&what)?;
            let mut tags: Vec<_> = arn.tags.unwrap_or_default().into_iter().collect();
            tags.sort();
            all.insert(format!("{name} tags"), format!("{tags:?}"));
        }
        Ok(())
    }
}

/// Reads a function or version until no write to it is in progress, because its revision id changes until then.
async fn settle(
    lambda: &Client,
    version: &FunctionConfiguration,
) -> std::result::Result<(), SdkError<GetFunctionError>> {
    const READS: u32 = 100;
    for _ in 0..READS {
        let call = lambda.get_function().set_function_name(version.function_name.clone());
        let found = call.set_qualifier(version.version.clone()).send().await?.configuration;
        let is_settled = found.is_none_or(|found| {
            found.state() != Some(&State::Pending) && found.last_update_status() != Some(&LastUpdateStatus::InProgress)
        });
        if is_settled {
            break;
        }
    }
    Ok(())
}

/// Turns an answer that something does not exist into `None`.
fn unless_missing<T, E, R>(
    answer: std::result::Result<T, SdkError<E, R>>,
) -> std::result::Result<Option<T>, SdkError<E, R>>
where
    E: ProvideErrorMetadata,
{
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.as_service_error().and_then(|service| service.code()) {
            Some("ResourceNotFoundException" | "NoSuchKey") => Ok(None),
            _ => Err(error),
        },
    }
}
