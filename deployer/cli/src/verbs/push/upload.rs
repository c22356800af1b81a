//! Uploads in one request, or in several parts at once. S3 checks every byte against the checksums of the checked zip.
//!
//! S3 User Guide, "Checking object integrity" and "Uploading and copying objects using multipart upload".

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use deployer_aws::CallFailure;
use deployer_core::id::{AccountId, BucketName, Sha256};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use indicatif::ProgressBar;
use sha2::Digest as _;

use super::body::body;
use crate::answer::{CliError, Exit};
use crate::follow::interrupts::Interrupts;
use crate::remote::named_by;
use crate::text::hints::hint;

/// The size above which a file is sent in parts.
const SINGLE_REQUEST_LIMIT: u64 = 32 * 1024 * 1024;
/// The size of a part; the last one is smaller.
const PART_SIZE: u64 = 16 * 1024 * 1024;
const PARTS_AT_ONCE: usize = 4;
const TRIES: u32 = 5;
/// The timeout of one request on a slow line; the SDK itself notices a stalled line.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3600);
/// The timeout of the cleanup.
const ABORT_TIMEOUT: Duration = Duration::from_secs(10);

/// A file to upload, and its place.
pub(super) struct Upload<'a> {
    pub bucket: &'a BucketName,
    /// The account that the bucket must belong to, if the user names one.
    pub owner: Option<&'a AccountId>,
    pub key: &'a str,
    pub file: Arc<File>,
    pub size: u64,
    pub sha256: Sha256,
    pub parts: Vec<Sha256>,
    pub metadata: BTreeMap<&'static str, String>,
    pub bar: &'a ProgressBar,
}

/// Computes the checksums of the parts while a file is read.
pub(super) struct Parts {
    hasher: sha2::Sha256,
    filled: u64,
    done: Vec<Sha256>,
}

impl Parts {
    /// Makes an empty computation.
    pub fn new() -> Self {
        Self { hasher: sha2::Sha256::new(), filled: 0, done: Vec::new() }
    }

    /// Adds the next bytes.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = usize::try_from(PART_SIZE - self.filled).unwrap_or(usize::MAX);
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.hasher.update(now);
            self.filled += now.len() as u64;
            if self.filled == PART_SIZE {
                self.end_part();
            }
            bytes = rest;
        }
    }

    fn end_part(&mut self) {
        self.done.push(Sha256::finish(std::mem::take(&mut self.hasher)));
        self.filled = 0;
    }

    /// Returns the checksums of all parts.
    pub fn finish(mut self) -> Vec<Sha256> {
        if self.filled > 0 {
            self.end_part();
        }
        self.done
    }
}

/// Makes a client with long timeouts and more tries, for buckets of this account.
pub(super) fn client(sdk: &SdkConfig, owner: Option<&AccountId>) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(10))
        .operation_attempt_timeout(REQUEST_TIMEOUT)
        .disable_operation_timeout()
        .build();
    let config = aws_sdk_s3::config::Builder::from(sdk)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES));
    deployer_aws::owned_by(Client::from_conf(config.build()), owner)
}

impl Upload<'_> {
    /// Uploads the file and returns its S3 version id.
    ///
    /// # Errors
    /// 1 where the object is missing afterwards or has no version; 130 where the user interrupts it.
    pub async fn send(&self, client: &Client, interrupts: &mut Interrupts) -> Result<String, CliError> {
        let version_id = if self.size > SINGLE_REQUEST_LIMIT {
            self.put_in_parts(client, interrupts).await?
        } else {
            tokio::select! {
                sent = self.put_whole(client) => sent?,
                // Once all bytes are sent, only the answer is missing.
                () = interrupts.received() => {
                    let all_sent = self.bar.position() >= self.size;
                    return Err(if all_sent { self.maybe_uploaded() } else { self.interrupted() });
                }
            }
        };
        // S3 returns no version id without versioning, and "null" while versioning is suspended.
        version_id.filter(|id| !id.is_empty() && id != "null").ok_or_else(|| {
            let Self { bucket, key, .. } = self;
            CliError::failed(format!(
                "s3://{bucket}/{key} is uploaded and will not be deployed, for it got no version id: turn versioning on for \
                 bucket {bucket}, then push again"
            ))
        })
    }

    fn metadata(&self) -> Option<std::collections::HashMap<String, String>> {
        Some(self.metadata.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    async fn put_whole(&self, client: &Client) -> Result<Option<String>, CliError> {
        let call = client
            .put_object()
            .bucket(self.bucket.as_str())
            .key(self.key)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(self.sha256.to_string())
            .content_type(CONTENT_TYPE)
            .set_metadata(self.metadata())
            .body(body(&self.file, 0, self.size, self.bar));
        let sent = call.send().await.map_err(|error| self.failed(&error))?;
        Ok(sent.version_id)
    }

    async fn put_in_parts(&self, client: &Client, interrupts: &mut Interrupts) -> Result<Option<String>, CliError> {
        let call = client
            .create_multipart_upload()
            .bucket(self.bucket.as_str())
            .key(self.key)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_type(ChecksumType::Composite)
            .content_type(CONTENT_TYPE)
            .set_metadata(self.metadata());
        // The bucket's lifecycle rule ends an upload that began without an answer.
        let begun = tokio::select! {
            begun = call.send() => begun.map_err(|error| self.failed(&error))?,
            () = interrupts.received() => return Err(self.interrupted()),
        };
        let id = begun.upload_id.unwrap_or_default();
        let is_ending = Cell::new(false);
        let sent = tokio::select! {
            sent = self.send_parts(client, &id, &is_ending) => sent,
            () = interrupts.received() => Err(self.interrupted()),
        };
        match sent {
            Ok(version_id) => Ok(version_id),
            Err(error) if is_ending.get() && error.exit == Exit::Interrupted => {
                // An upload that can be aborted was not completed.
                let taken_back = self.abort(client, &id).await.is_ok();
                Err(if taken_back { error } else { self.maybe_uploaded() })
            }
            Err(error) => Err(self.abort_and_report(client, &id, error).await),
        }
    }

    async fn send_parts(&self, client: &Client, id: &str, is_ending: &Cell<bool>) -> Result<Option<String>, CliError> {
        let sending = (1..).zip(&self.parts).map(|(number, sha256)| self.send_part(client, id, number, *sha256));
        let parts = stream::iter(sending).buffered(PARTS_AT_ONCE).try_collect().await?;
        let all = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let call = client.complete_multipart_upload().bucket(self.bucket.as_str()).key(self.key).upload_id(id);
        is_ending.set(true);
        let done = call.multipart_upload(all).send().await.map_err(|error| self.failed(&error))?;
        Ok(done.version_id)
    }

    async fn send_part(
        &self,
        client: &Client,
        id: &str,
        number: i32,
        sha256: Sha256,
    ) -> Result<CompletedPart, CliError> {
        let from = PART_SIZE * u64::from(number.unsigned_abs().saturating_sub(1));
        let until = self.size.min(from + PART_SIZE);
        let call = client
            .upload_part()
            .bucket(self.bucket.as_str())
            .key(self.key)
            .upload_id(id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(sha256.to_string())
            .body(body(&self.file, from, until, self.bar));
        let sent = call.send().await.map_err(|error| self.failed(&error))?;
        let part = CompletedPart::builder().part_number(number).checksum_sha256(sha256.to_string());
        Ok(part.set_e_tag(sent.e_tag).build())
    }

    /// Aborts the upload. Without `s3:AbortMultipartUpload` the bucket's lifecycle rule removes the parts.
    async fn abort_and_report(&self, client: &Client, id: &str, error: CliError) -> CliError {
        let Err(because) = self.abort(client, id).await else { return error };
        let message = format!(
            "{}\n  what was uploaded of it could not be removed ({because}): the bucket's lifecycle rule for incomplete \
             uploads will do so",
            error.message
        );
        CliError { message, ..error }
    }

    async fn abort(&self, client: &Client, id: &str) -> Result<(), String> {
        let call = client.abort_multipart_upload().bucket(self.bucket.as_str()).key(self.key).upload_id(id);
        match tokio::time::timeout(ABORT_TIMEOUT, call.send()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(CallFailure::of(&error).message),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    fn maybe_uploaded(&self) -> CliError {
        let Self { bucket, key, .. } = self;
        let mut place = key.splitn(3, '/');
        let (environment, function) = (place.next().unwrap_or_default(), place.next().unwrap_or_default());
        CliError::interrupted(format!(
            "interrupted before S3 answered: s3://{bucket}/{key} may be uploaded already, and is deployed then\n  deployctl \
             history -e {environment} -f {function}\n    shows it"
        ))
    }

    fn interrupted(&self) -> CliError {
        let Self { bucket, key, .. } = self;
        CliError::interrupted(format!("interrupted while uploading s3://{bucket}/{key}: push it again to deploy it"))
    }

    fn failed<E>(&self, error: &SdkError<E, HttpResponse>) -> CliError
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let Self { bucket, key, .. } = self;
        let CallFailure { message, code, status, obstacle } = CallFailure::of(error);
        let message = format!("uploading s3://{bucket}/{key}: {message}");
        let what_to_do = match (code.as_str(), status) {
            _ if obstacle.is_some() => hint(obstacle.as_ref(), ""),
            ("NoSuchBucket", _) => named_by::artifacts(bucket),
            ("PermanentRedirect" | "AuthorizationHeaderMalformed", _) | (_, 301) => {
                format!("is {bucket} in another region? --region says in which")
            }
            ("BadDigest" | "XAmzContentChecksumMismatch" | "XAmzContentSHA256Mismatch", _) => {
                "the file was changed while it was uploaded: push it again".to_owned()
            }
            (_, 403) => {
                let function = key.rsplit_once('/').map_or(*key, |(function, _)| function);
                format!(
                    "it takes s3:PutObject on {bucket}/{function}/*, and the key's rights where the bucket has one (the \
                     module \"uploader\"); --profile says as whom{}\n  or it is not the deployer's artifact bucket: {}",
                    deployer_aws::other_owner(self.owner),
                    named_by::artifacts(bucket)
                )
            }
            _ => return CliError::failed(message),
        };
        CliError::failed(format!("{message}\n  {what_to_do}"))
    }
}

const CONTENT_TYPE: &str = "application/zip";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_checksums_do_not_depend_on_chunk_sizes() {
        let length = usize::try_from(PART_SIZE).unwrap_or_default();
        let bytes: Vec<u8> = (0..length * 2 + 5).map(|at| (at % 251) as u8).collect();
        let mut parts = Parts::new();
        bytes.chunks(1_000_003).for_each(|chunk| parts.feed(chunk));
        let expected: Vec<Sha256> = bytes.chunks(length).map(Sha256::of).collect();
        assert_eq!(parts.finish(), expected);
        let mut whole = Parts::new();
        whole.feed(&bytes[..length]);
        assert_eq!(whole.finish(), [Sha256::of(&bytes[..length])]);
    }
}
