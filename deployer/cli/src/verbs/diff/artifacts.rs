//! Reads artifacts from the artifact bucket with the person's own rights.

use std::collections::BTreeMap;

use deployer_aws::{CallFailure, other_owner, read_object};
use deployer_core::id::{AccountId, EnvironmentName, Region};
use deployer_core::manifest::{FunctionConfig, Manifest};
use deployer_core::package::{self, Directory, Kind, Listed, Opening};

use super::report::{Deployed, Entry};
use crate::answer::{CliError, Exit};
use crate::text::hints::hint;
use crate::zips;

/// The parts of an artifact that are compared.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    /// The manifest, if the zip has one.
    pub manifest: Option<Manifest>,
    /// The files by their names.
    pub entries: BTreeMap<String, Entry>,
}

impl Contents {
    /// Returns the configuration as it is deployed to this environment.
    pub fn config(&self, environment: &EnvironmentName) -> FunctionConfig {
        self.manifest.as_ref().map(|manifest| manifest.for_environment(environment)).unwrap_or_default()
    }
}

/// Reads an artifact by its version id.
///
/// # Errors
/// Failed: S3 denies it, or it is gone. Refused: it is no zip that the deployer takes.
pub(super) async fn read(
    client: &aws_sdk_s3::Client,
    deployed: &Deployed,
    owner: Option<&AccountId>,
) -> Result<Contents, CliError> {
    let artifact = &deployed.artifact;
    let what = format!("s3://{}/{} (S3 version id {})", artifact.bucket, artifact.key, artifact.version_id);
    let zip = read_object(client, artifact.bucket.as_str(), &artifact.key, Some(&artifact.version_id)).await;
    let zip = zip.map_err(|failure| unread(client, deployed, &what, &failure, owner))?;
    let invalid = |because: String| CliError::refused(format!("{what} cannot be compared: {because}"));
    let package = package::inspect(&zip).map_err(|error| invalid(error.to_string()))?;
    if artifact.sha256.is_some_and(|recorded| recorded != package.sha256) {
        return Err(invalid("its bytes are not those of the record".to_owned()));
    }
    let manifest = package.manifest.map(|(format, text)| zips::manifest(format, &text)).transpose();
    let manifest = manifest.map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        invalid(findings.join("; "))
    })?;
    Ok(Contents { manifest, entries: entries(&zip).map_err(invalid)? })
}

/// Makes the error of an artifact that cannot be read: it names the right that is missing.
fn unread(
    client: &aws_sdk_s3::Client,
    deployed: &Deployed,
    what: &str,
    failure: &CallFailure,
    owner: Option<&AccountId>,
) -> CliError {
    let artifact = &deployed.artifact;
    let gone = |because: &str| {
        let (release, environment) = (&deployed.release, &deployed.environment);
        let message = format!(
            "{what}, the artifact of {release} in {environment}, does not exist any more ({because}): only its record is left"
        );
        CliError::new(Exit::Failed, "ArtifactGone", message)
    };
    match failure.code.as_str() {
        "NoSuchKey" | "NoSuchVersion" | "NoSuchBucket" | "MethodNotAllowed" => return gone(&failure.message),
        _ if failure.status == 404 => return gone(&failure.message),
        _ => {}
    }
    let region = client.config().region().and_then(|region| Region::parse(region.as_ref()).ok());
    let partition = region.map_or("aws", |region| region.partition());
    let own = match (failure.code.as_str(), failure.status) {
        ("PermanentRedirect" | "AuthorizationHeaderMalformed", _) | (_, 301) => {
            "the bucket is in another region: --region says in which".to_owned()
        }
        _ if failure.message.contains("kms:") || failure.code.starts_with("KMS") => {
            "you need kms:Decrypt on the key of the artifact bucket; --profile says as whom".to_owned()
        }
        (_, 403) => format!(
            "you need s3:GetObjectVersion on arn:{partition}:s3:::{}/{}, which no policy of infra/ grants to people; --profile \
             says as whom{}",
            artifact.bucket,
            artifact.key,
            other_owner(owner)
        ),
        _ => "try again".to_owned(),
    };
    let hint = hint(failure.obstacle.as_ref(), own);
    CliError::failed(format!("{what} cannot be read: {failure}\n  {hint}"))
}

/// Returns the files of an archive, without its folders.
///
/// # Errors
/// The rule that the archive breaks.
fn entries(zip: &[u8]) -> Result<BTreeMap<String, Entry>, String> {
    let opened = Directory::open(zip.len() as u64, zip).map_err(|error| error.to_string())?;
    let Opening::Ready(directory) = opened else { return Err("its directory is not in it".to_owned()) };
    let files = directory.entries().filter(|entry| entry.kind != Kind::Folder);
    let entry = |entry: Listed<'_>| Entry { kind: entry.kind, size: entry.size, crc32: entry.crc32 };
    Ok(files.map(|listed| (listed.name.to_owned(), entry(listed))).collect())
}
