//! `deployctl push`: uploads a folder or a zip, and waits for the result if asked to.
//!
//! push reads the zip once, by the deployer's own rules, and uploads it only if it passes. It needs only the
//! permissions that the module `uploader` gives a CI.

mod body;
mod environment;
mod metadata;
mod upload;
mod wait;

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use aws_config::SdkConfig;
use deployer_core::artifact::ArtifactKey;
use deployer_core::config::Span;
use deployer_core::id::{AccountId, BucketName, EnvironmentName, FunctionName, Release, Sha256};
use deployer_core::ledger_keys;
use deployer_core::package::Package;
use serde::Serialize;
use serde_json::json;

use super::aws_options::AwsOptions;
use super::interrupts::Interrupts;
use super::progress::WaitProgress;
use super::zips::{self, Finding};
use super::{Answer, CliError, Exit, folder, progress, records};
use environment::{EnvironmentLook, Notices};
use metadata::{MetadataOptions, UploadMetadata};
use upload::{Parts, Upload};
use wait::ResultWait;

/// The options of `push`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// A zip, or a folder to zip; its .lambdaignore excludes paths by the rules of .gitignore.
    #[arg(value_name = "DIR|FILE")]
    source: PathBuf,
    /// The environment to deploy to.
    #[arg(long, short, value_name = "NAME")]
    environment: EnvironmentName,
    /// The function to deploy.
    #[arg(long, short, value_name = "NAME")]
    function: FunctionName,
    /// The name of this release: a number, a commit.
    #[arg(long, short, value_name = "RELEASE", value_parser = release)]
    release: Release,
    /// The artifact bucket.
    #[arg(long, value_name = "BUCKET", env = "DEPLOYER_ARTIFACT_BUCKET")]
    bucket: BucketName,
    /// The ledger bucket, which holds the results; needed with --wait.
    #[arg(long, value_name = "BUCKET", env = "DEPLOYER_LEDGER_BUCKET")]
    ledger: Option<BucketName>,
    /// Refuse the buckets unless they belong to this account.
    #[arg(long, value_name = "ACCOUNT", env = "DEPLOYER_BUCKET_OWNER")]
    bucket_owner: Option<AccountId>,
    /// Wait until the deployment has ended; the exit code tells how.
    #[arg(long)]
    wait: bool,
    /// With --wait: the timeout, such as 90s, 30m or 2h; the deployment goes on afterwards.
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = Span::parse, requires = "wait")]
    timeout: Span,
    #[command(flatten)]
    metadata: MetadataOptions,
    #[command(flatten)]
    aws: AwsOptions,
}

/// A finished upload.
#[derive(Debug, Serialize)]
struct Uploaded {
    bucket: BucketName,
    key: String,
    version_id: String,
    size: u64,
    /// The number of files in the zip.
    files: usize,
    /// The manifest's name; null where there is none.
    manifest: Option<&'static str>,
    sha256: Sha256,
    /// The result's key in the ledger bucket.
    result: String,
}

/// A zip that passes the deployer's checks.
struct CheckedZip {
    file: File,
    package: Package,
    parts: Vec<Sha256>,
}

/// Runs `push`.
///
/// # Errors
/// [`CliError`]: 1 where the upload failed, 2 where the call is wrong, 4 where no result came in time, 130 where the
/// user interrupts it.
pub(super) async fn run(options: &Options) -> Result<Answer, CliError> {
    let ledger = options.result_ledger()?;
    let UploadMetadata { values, left_out } = options.metadata.collect(|name| std::env::var(name).ok())?;
    left_out.iter().for_each(|left| print_stderr(&format!("note: {left}")));
    let checked = match options.check()? {
        Ok(checked) => checked,
        Err(findings) => return Ok(refused(options, &findings)),
    };
    let sdk = options.aws.sdk().await?;
    if sdk.region().is_none() {
        return Err(CliError::wrong_use("no region is known: say --region, AWS_REGION or a --profile that has one"));
    }
    let mut interrupts = Interrupts::listen()?;
    let looked = match ledger {
        Some(ledger) => Some((ledger, options.ensure_accepted(&sdk, ledger, &mut interrupts).await?)),
        None => None,
    };
    let uploaded = options.upload(&sdk, checked, values, &mut interrupts).await?;
    match looked {
        Some(looked) => options.wait_for_result(&sdk, looked, &uploaded, &mut interrupts).await,
        None => Ok(Answer::with_text(uploaded.text(), &uploaded, Exit::Done)),
    }
}

impl Options {
    fn artifact_key(&self) -> ArtifactKey {
        ArtifactKey {
            environment: self.environment.clone(),
            function: self.function.clone(),
            release: self.release.clone(),
        }
    }

    /// Returns the ledger bucket if the verb waits for the result.
    fn result_ledger(&self) -> Result<Option<&BucketName>, CliError> {
        match (self.wait, &self.ledger) {
            (false, _) => Ok(None),
            (true, Some(ledger)) => Ok(Some(ledger)),
            (true, None) => Err(CliError::wrong_use(
                "--wait needs to know the ledger bucket, where results are: say --ledger or DEPLOYER_LEDGER_BUCKET",
            )),
        }
    }

    /// Packs a folder, and reads the zip once.
    fn check(&self) -> Result<Result<CheckedZip, Vec<Finding>>, CliError> {
        let source = &self.source;
        let cannot = |error| CliError::wrong_use(format!("{} cannot be read: {error}", source.display()));
        let is_folder = source.metadata().map_err(cannot)?.is_dir();
        let waiting =
            progress::spinner(format!("{} {}", if is_folder { "packing" } else { "checking" }, source.display()));
        let file = if is_folder {
            match folder::pack(source, &waiting) {
                Ok(file) => file,
                Err(findings) => return Ok(Err(findings)),
            }
        } else {
            File::open(source).map_err(cannot)?
        };
        let mut parts = Parts::new();
        let checked = zips::read(&file, |bytes| parts.feed(bytes)).and_then(|package| {
            zips::check(&package, Some(&self.environment))?;
            Ok(CheckedZip { file, package, parts: parts.finish() })
        });
        Ok(checked)
    }

    /// Looks whether uploads to the environment are deployed.
    ///
    /// # Errors
    /// Refused: nothing would come of the upload. 130 where the user interrupts it.
    async fn ensure_accepted(
        &self,
        sdk: &SdkConfig,
        ledger: &BucketName,
        interrupts: &mut Interrupts,
    ) -> Result<EnvironmentLook, CliError> {
        let client = &deployer_aws::owned_by(aws_sdk_s3::Client::new(sdk), self.bucket_owner.as_ref());
        let notices = Notices { client, ledger };
        let look = tokio::select! {
            look = notices.look(&self.environment) => look,
            () = interrupts.received() => return Err(CliError::interrupted("interrupted: nothing was uploaded")),
        };
        match look {
            EnvironmentLook::Refuses(because) => Err(CliError::refused(format!(
                "{because}\n  nothing is uploaded; if deployer.json has changed in the last minutes, try again after the next \
                 sweep"
            ))),
            look => Ok(look),
        }
    }

    async fn upload(
        &self,
        sdk: &SdkConfig,
        checked: CheckedZip,
        metadata: std::collections::BTreeMap<&'static str, String>,
        interrupts: &mut Interrupts,
    ) -> Result<Uploaded, CliError> {
        let CheckedZip { file, package, parts } = checked;
        let Package { size, sha256, files, .. } = package;
        let manifest = package.manifest.map(|(format, _)| format.file_name());
        let (bucket, key) = (&self.bucket, self.artifact_key().object_key());
        let bar = &progress::bytes(format!("uploading {key}"), size);
        let owner = self.bucket_owner.as_ref();
        let upload = Upload { bucket, owner, key: &key, file: Arc::new(file), size, sha256, parts, metadata, bar };
        let version_id = upload.send(&upload::client(sdk, owner), interrupts).await?;
        let result = ledger_keys::result(&self.environment, &self.function, &self.release, &version_id);
        Ok(Uploaded { bucket: bucket.clone(), key, version_id, size, files, manifest, sha256, result })
    }

    async fn wait_for_result(
        &self,
        sdk: &SdkConfig,
        (ledger, look): (&BucketName, EnvironmentLook),
        uploaded: &Uploaded,
        interrupts: &mut Interrupts,
    ) -> Result<Answer, CliError> {
        let artifact_key = &self.artifact_key();
        let Uploaded { bucket, key, version_id, .. } = uploaded;
        print_stderr(&format!(
            "uploaded s3://{bucket}/{key} (version {version_id}), {}\nwaiting for its deployment, {} at most",
            uploaded.content(),
            self.timeout
        ));
        let is_environment_missing = matches!(look, EnvironmentLook::Missing(_));
        if let EnvironmentLook::Missing(because) | EnvironmentLook::Untold(because) = look {
            print_stderr(&format!("note: {because}"));
        }
        let progress = WaitProgress::begin(format!(
            "{}/{}/{}: waiting for its deployment",
            artifact_key.environment, artifact_key.function, artifact_key.release
        ));
        let owner = self.bucket_owner.as_ref();
        let timeout = self.timeout;
        let key = &uploaded.result;
        let wait = ResultWait { ledger, owner, key, artifact_key, timeout, is_environment_missing };
        let client = deployer_aws::owned_by(aws_sdk_s3::Client::new(sdk), owner);
        let came = tokio::select! {
            came = wait.wait(&client, interrupts) => came,
            never = progress.repeat() => match never {},
        };
        drop(progress);
        let (record, json) = came?;
        Ok(Answer { text: records::text(&record), json, exit: Exit::from(&record) })
    }
}

impl Uploaded {
    fn content(&self) -> String {
        format!("{} bytes, {} files, {}", self.size, self.files, zips::manifest_note(self.manifest))
    }

    fn text(&self) -> String {
        let Self { bucket, key, version_id, sha256, result, .. } = self;
        let content = self.content();
        format!(
            "uploaded s3://{bucket}/{key}\n  version id {version_id}\n  {content}\n  sha256 {sha256}\n  its result will be \
             {result} in the ledger bucket\n  {IGNORED}\n"
        )
    }
}

/// The reason why a result may never come.
const IGNORED: &str = "an upload to an environment that the deployer does not know is ignored, and its log says so";

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
    let mut message = format!("{} would be refused in {environment}, and is not uploaded:", source.display());
    for finding in findings {
        message.push_str(&format!("\n  {finding}"));
    }
    let json = json!({ "errorType": "Refused", "errorMessage": message, "mistakes": findings });
    Answer { text: format!("error: {message}\n"), json, exit: Exit::Refused }
}

/// Prints a line to standard error; a failure does not matter.
fn print_stderr(line: &str) {
    let _unwatched = writeln!(anstream::stderr(), "{line}");
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

    #[test]
    fn upload_text_names_files_and_manifest_and_warns_of_unknown_environment() {
        let mut uploaded = Uploaded {
            bucket: BucketName::parse("acme-artifacts").unwrap(),
            key: "dev/orders-api/1.4.2.zip".into(),
            version_id: "v".into(),
            size: 401,
            files: 2,
            manifest: Some("function.toml"),
            sha256: Sha256::of(b"zip"),
            result: "results/dev/orders-api/1.4.2/v.json".into(),
        };
        let lines = |uploaded: &Uploaded| uploaded.text().lines().map(str::to_owned).collect::<Vec<_>>();
        let sha256 = uploaded.sha256;
        assert_eq!(
            lines(&uploaded),
            [
                "uploaded s3://acme-artifacts/dev/orders-api/1.4.2.zip",
                "  version id v",
                "  401 bytes, 2 files, with function.toml",
                &format!("  sha256 {sha256}"),
                "  its result will be results/dev/orders-api/1.4.2/v.json in the ledger bucket",
                "  an upload to an environment that the deployer does not know is ignored, and its log says so",
            ]
        );
        uploaded.manifest = None;
        let line = "  401 bytes, 2 files, no manifest: only the code of an existing function is deployed";
        assert_eq!(lines(&uploaded)[2], line);
    }
}
