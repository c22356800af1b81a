//! `deployctl push`: uploads a folder or a zip, and waits for the result if asked to.
//!
//! push reads the zip once, by the deployer's own rules, and uploads it only if it passes. It needs only the
//! permissions that the module `uploader` gives a CI.

mod because;
mod body;
mod environment;
mod list;
mod metadata;
mod upload;
mod uploaded;
mod wait;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_config::SdkConfig;
use deployer_core::artifact::ArtifactKey;
use deployer_core::config::Span;
use deployer_core::id::{AccountId, BucketName, EnvironmentName, FunctionName, Release, Sha256};
use deployer_core::ledger_keys;
use deployer_core::package::Package;
use deployer_core::text::counted;
use jiff::Timestamp;
use serde_json::json;

use crate::answer::sentence;
use crate::aws::options::AwsOptions;
use crate::aws::sdk_config::no_region;
use crate::follow::interrupts::Interrupts;
use crate::text::names::MOST_SHOWN;
use crate::text::progress::WaitProgress;
use crate::text::{confirm, progress, records};
use crate::zips::source::{NoZip, SourceZip};
use crate::zips::{self, Finding};
use crate::{Answer, CliError, Exit};
use because::Reasons;
use environment::{EnvironmentLook, Notices};
use metadata::{MetadataOptions, UploadMetadata};
use upload::{Parts, Upload};
use uploaded::Uploaded;
use wait::ResultWait;

/// The options of `push`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// A zip, or a folder to zip; its .lambdaignore excludes paths by the rules of .gitignore, and private files are left
    /// out.
    #[arg(value_name = "DIR|FILE")]
    source: PathBuf,
    /// The environment to deploy to; required without --list.
    #[arg(long, short, value_name = "NAME", required_unless_present = "list")]
    environment: Option<EnvironmentName>,
    /// The function to deploy; required without --list.
    #[arg(long, short, value_name = "NAME", required_unless_present = "list")]
    function: Option<FunctionName>,
    /// The name of this release: a number, a commit; required without --list.
    #[arg(long, short, value_name = "RELEASE", value_parser = release, required_unless_present = "list")]
    release: Option<Release>,
    /// The artifact bucket; required without --list.
    #[arg(long, value_name = "BUCKET", env = "DEPLOYER_ARTIFACT_BUCKET")]
    bucket: Option<BucketName>,
    /// The ledger bucket, which holds the results and tells which environments take uploads; needed with --wait.
    #[arg(long, value_name = "BUCKET", env = "DEPLOYER_LEDGER_BUCKET")]
    ledger: Option<BucketName>,
    /// Refuse the buckets unless they belong to this account.
    #[arg(long, value_name = "ACCOUNT", env = "DEPLOYER_BUCKET_OWNER")]
    bucket_owner: Option<AccountId>,
    /// List the files that would go up, with their sizes, and upload nothing.
    #[arg(long, conflicts_with = "wait")]
    list: bool,
    /// Wait until the deployment has ended; the exit code tells how.
    #[arg(long)]
    wait: bool,
    /// With --wait: the timeout, such as 90s, 30m or 2h; the deployment goes on afterwards. Where the environment has a
    /// rollout, its longest time comes on top: twice the planned one, for each quiet step and each watch may be doubled.
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = Span::parse, requires = "wait")]
    timeout: Span,
    /// Upload also where the deployer says that the environment takes no uploads, or that there is none.
    #[arg(long)]
    skip_environment_check: bool,
    #[command(flatten)]
    metadata: MetadataOptions,
    #[command(flatten)]
    aws: AwsOptions,
}

/// A zip that passes the deployer's checks.
struct CheckedZip {
    zip: SourceZip,
    package: Package,
    parts: Vec<Sha256>,
}

/// The place of an upload.
struct Destination<'a> {
    bucket: &'a BucketName,
    key: ArtifactKey,
}

/// Runs `push`.
///
/// # Errors
/// [`CliError`]: 1 where the upload failed, 2 where the call is wrong, 4 where no result came in time, 130 where the
/// user interrupts it.
pub(crate) async fn run(options: &Options) -> Result<Answer, CliError> {
    if options.list {
        return options.check()?.map_or_else(
            |findings| Ok(refused(options, &findings)),
            |CheckedZip { zip, package, .. }| list::list(&options.source, &zip, package),
        );
    }
    let (destination, ledger) = (options.destination()?, options.known_ledger()?);
    let UploadMetadata { values, left_out } = options.metadata.collect(|name| std::env::var(name).ok())?;
    left_out.iter().for_each(|left| print_line(&format!("note: {left}")));
    let checked = match options.check()? {
        Ok(checked) => checked,
        Err(findings) => return Ok(refused(options, &findings)),
    };
    print_line(&checked.summary(&options.source));
    let sdk = options.aws.sdk().await?;
    if sdk.region().is_none() {
        return Err(no_region());
    }
    let mut interrupts = Interrupts::listen()?;
    let looked = match ledger {
        Some(ledger) => {
            let look = options.ensure_accepted(&sdk, &destination.key.environment, ledger, &mut interrupts).await?;
            let mistakes = zips::smoke_mistakes(&checked.package);
            if matches!(look, EnvironmentLook::Accepts(Some(_))) && !mistakes.is_empty() {
                return Ok(refused(options, &mistakes));
            }
            Some((ledger, look))
        }
        None => {
            let environment = &destination.key.environment;
            print_line(&format!(
                "note: without the ledger bucket push does not know whether {environment} takes uploads: --ledger or \
                 DEPLOYER_LEDGER_BUCKET says which it is"
            ));
            None
        }
    };
    let uploaded = options.upload(&sdk, (&destination, checked), values, &mut interrupts).await?;
    match looked {
        Some(looked) if options.wait => {
            options.wait_for_result(&sdk, (&destination.key, looked), &uploaded, &mut interrupts).await
        }
        looked => {
            let look = looked.map(|(_, look)| look);
            Ok(Answer::with_text(uploaded.text(look.as_ref()), &uploaded, Exit::Done))
        }
    }
}

impl Options {
    /// Returns the place of the upload.
    ///
    /// # Errors
    /// Wrong use: the artifact bucket is not known.
    fn destination(&self) -> Result<Destination<'_>, CliError> {
        let parts = (self.environment.clone(), self.function.clone(), self.release.clone(), &self.bucket);
        let (Some(environment), Some(function), Some(release), Some(bucket)) = parts else {
            // clap requires the others.
            return Err(CliError::wrong_use(
                "the artifact bucket is not known: say --bucket or DEPLOYER_ARTIFACT_BUCKET",
            ));
        };
        Ok(Destination { bucket, key: ArtifactKey { environment, function, release } })
    }

    /// Returns the ledger bucket, which the verb needs if it waits for the result.
    fn known_ledger(&self) -> Result<Option<&BucketName>, CliError> {
        match (self.wait, &self.ledger) {
            (_, Some(ledger)) => Ok(Some(ledger)),
            (false, None) => Ok(None),
            (true, None) => Err(CliError::wrong_use(
                "--wait needs the ledger bucket, where results are, and it is not known: say --ledger or \
                 DEPLOYER_LEDGER_BUCKET",
            )),
        }
    }

    /// Packs a folder, reads the zip once, and tells of private files.
    fn check(&self) -> Result<Result<CheckedZip, Vec<Finding>>, CliError> {
        let zip = match SourceZip::open(&self.source) {
            Ok(zip) => zip,
            Err(NoZip::Refused(findings)) => return Ok(Err(findings)),
            Err(error) => return Err(error.error(&self.source)),
        };
        let mut parts = Parts::new();
        let checked = zip.read(|bytes| parts.feed(bytes)).and_then(|package| {
            zips::check(&package, self.environment.as_ref())?;
            zip.tell();
            Ok(package)
        });
        Ok(checked.map(|package| CheckedZip { zip, package, parts: parts.finish() }))
    }

    /// Looks whether uploads to the environment are deployed.
    ///
    /// # Errors
    /// Nothing would come of the upload: refused, or wrong use where there is no such environment. 130 where the user interrupts it.
    async fn ensure_accepted(
        &self,
        sdk: &SdkConfig,
        environment: &EnvironmentName,
        ledger: &BucketName,
        interrupts: &mut Interrupts,
    ) -> Result<EnvironmentLook, CliError> {
        let client = &deployer_aws::owned_by(aws_sdk_s3::Client::new(sdk), self.bucket_owner.as_ref());
        let notices = Notices { client, ledger };
        let look = tokio::select! {
            look = notices.look(environment) => look,
            () = interrupts.received() => return Err(CliError::interrupted("interrupted: nothing was uploaded")),
        };
        match look {
            // Without the ledger bucket nothing can be waited for, but the upload needs it not.
            EnvironmentLook::NoLedger(because) if !self.wait => Ok(EnvironmentLook::Untold(because)),
            look => look.unless_refused(self.skip_environment_check, Timestamp::now()),
        }
    }

    async fn upload(
        &self,
        sdk: &SdkConfig,
        (destination, checked): (&Destination<'_>, CheckedZip),
        metadata: std::collections::BTreeMap<&'static str, String>,
        interrupts: &mut Interrupts,
    ) -> Result<Uploaded, CliError> {
        let CheckedZip { zip, package, parts } = checked;
        let (left_out, file) = (zip.left_out().cloned(), zip.file);
        let Package { size, sha256, files, .. } = package;
        let manifest = package.manifest.map(|(format, _)| format.file_name());
        let Destination { bucket, key: ArtifactKey { environment, function, release } } = destination;
        let key = destination.key.object_key();
        let bar = &progress::bytes(format!("uploading {key}"), size);
        let owner = self.bucket_owner.as_ref();
        let upload = Upload { bucket, owner, key: &key, file: Arc::new(file), size, sha256, parts, metadata, bar };
        let version_id = upload.send(&upload::client(sdk, owner), interrupts).await?;
        let result = ledger_keys::result(environment, function, release, &version_id);
        let bucket = (*bucket).clone();
        Ok(Uploaded { bucket, key, version_id, size, files, manifest, sha256, result, left_out })
    }

    async fn wait_for_result(
        &self,
        sdk: &SdkConfig,
        (artifact_key, (ledger, look)): (&ArtifactKey, (&BucketName, EnvironmentLook)),
        uploaded: &Uploaded,
        interrupts: &mut Interrupts,
    ) -> Result<Answer, CliError> {
        let Uploaded { bucket, key, version_id, .. } = uploaded;
        print_line(&format!("uploaded s3://{bucket}/{key} (S3 version id {version_id})"));
        let timeout = look.longest_wait(self.timeout);
        let (note, doubt) = match look {
            EnvironmentLook::Doubtful(doubt) => (Some(doubt.to_string()), Some(doubt)),
            EnvironmentLook::Untold(because) => (Some(because), None),
            _ => (None, None),
        };
        note.iter().for_each(|note| print_line(&format!("note: {note}")));
        print_line(&format!("waiting for its deployment, {timeout} at most"));
        let ArtifactKey { environment, function, release } = artifact_key;
        let waiting = format!("{environment}/{function}/{release}: waiting for its deployment");
        let progress = WaitProgress::begin(waiting.clone());
        let owner = self.bucket_owner.as_ref();
        let (key, told) = (&uploaded.result, AtomicBool::new(false));
        let wait = ResultWait { ledger, owner, key, artifact_key, timeout, doubt: doubt.as_ref(), told: &told };
        let client = deployer_aws::owned_by(aws_sdk_s3::Client::new(sdk), owner);
        let key = ledger_keys::upload_progress(environment, function);
        let reasons = Reasons { client: &client, ledger, key: &key, version_id };
        let say = |because: Option<&str>| match because {
            Some(because) => {
                told.store(true, Ordering::Relaxed);
                progress.say(format!("{environment}/{function}/{release}: {}", sentence(because)));
            }
            None => progress.set(waiting.clone()),
        };
        let came = tokio::select! {
            never = reasons.show(say) => match never {},
            came = wait.wait(&client, interrupts) => came,
            never = progress.repeat() => match never {},
        };
        drop(progress);
        let (record, mut json) = came?;
        if let (Some(fields), Ok(uploaded)) = (json.as_object_mut(), serde_json::to_value(uploaded)) {
            fields.insert("upload".to_owned(), uploaded);
        }
        Ok(Answer { text: records::text(&record), json, exit: Exit::from(&record) })
    }
}

impl CheckedZip {
    /// Describes the zip in a line.
    fn summary(&self, source: &Path) -> String {
        let Package { size, sha256, files, manifest, .. } = &self.package;
        let note = zips::manifest_note(manifest.as_ref().map(|(format, _)| format.file_name()));
        let files = counted(*files, "file");
        format!("{}: {size} bytes, {files}, sha256 {}, {note}", source.display(), sha256.to_hex())
    }
}

/// Parses a release, and refuses a file's name.
fn release(text: &str) -> Result<Release, String> {
    let release = Release::parse(text).map_err(|error| error.to_string())?;
    match text.rsplit_once('.') {
        Some((name, ending)) if ending.eq_ignore_ascii_case("zip") => {
            let name = name.trim_end_matches(".zip");
            Err(format!("the key gets its .zip by itself: say {name}"))
        }
        _ => Ok(release),
    }
}

/// Makes the answer for a zip that the deployer would refuse.
fn refused(options: &Options, findings: &[Finding]) -> Answer {
    let Options { source, environment, .. } = options;
    let place = environment.as_ref().map_or_else(String::new, |environment| format!(" in {environment}"));
    let begins = format!("{} would be refused{place}, and is not uploaded:", source.display());
    let message = zips::refusal(&begins, findings);
    let (shown, all) = (&findings[..findings.len().min(MOST_SHOWN)], findings.len());
    let json = json!({ "errorType": "Refused", "errorMessage": message, "mistakes": shown, "mistakes_in_all": all });
    Answer { text: format!("error: {message}\n"), json, exit: Exit::Refused }
}

/// Prints a line to standard error; a failure does not matter.
fn print_line(line: &str) {
    let _unwatched = confirm::print_stderr(&format!("{line}\n"));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Push {
        #[command(flatten)]
        options: Options,
    }

    fn options(release: &str) -> Result<Options, String> {
        let arguments =
            ["push", "orders-api", "-e", "nope", "-f", "orders-api", "-r", release, "--bucket", "acme-artifacts"];
        Push::try_parse_from(arguments).map(|push| push.options).map_err(|error| error.to_string())
    }

    #[test]
    fn release_ending_in_zip_is_refused() {
        assert!(options("1.4.2").is_ok());
        for release in ["v1.zip", "v1.ZIP"] {
            let error = options(release).err().unwrap();
            assert!(error.contains("the key gets its .zip by itself: say v1"), "{error}");
        }
    }
}
