//! The artifact bucket over S3: reads by version id, nothing else.

use std::collections::BTreeMap;
use std::ops::Range;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::Bytes;
use deployer_core::artifact::ArtifactRef;
use deployer_core::id::BucketName;
use futures::stream::{self, StreamExt as _};

use super::error::Failure;
use crate::port::{ArtifactStore, Chunks, ReadError, Tail};

/// The artifact bucket.
pub struct S3Artifacts {
    client: Client,
}

impl S3Artifacts {
    /// Reads with this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    async fn get(
        &self,
        artifact: &ArtifactRef,
        range: &str,
    ) -> Result<GetObjectOutput, SdkError<GetObjectError, HttpResponse>> {
        self.client
            .get_object()
            .bucket(artifact.bucket.as_str())
            .key(&artifact.key)
            .version_id(&artifact.version_id)
            .range(range)
            .send()
            .await
    }
}

#[async_trait]
impl ArtifactStore for S3Artifacts {
    async fn newest(&self, bucket: &BucketName, key: &str) -> Result<Option<ArtifactRef>, ReadError> {
        let what = format!("s3://{bucket}/{key}");
        match self.client.head_object().bucket(bucket.as_str()).key(key).send().await {
            Ok(found) => match found.version_id().filter(|id| *id != "null") {
                Some(id) => Ok(Some(ArtifactRef { bucket: bucket.clone(), key: key.into(), version_id: id.into() })),
                None => {
                    Err(ReadError::Gone(format!("{what} has no version id: turn versioning on, then upload it again")))
                }
            },
            Err(error) => match Failure::of(&error) {
                failure if failure.status == 404 => Ok(None),
                failure if failure.status == 403 => Err(ReadError::Denied(format!(
                    "{what} may not be read, or does not exist and the bucket may not be listed ({})",
                    failure.message
                ))),
                failure => Err(unless_it_may_pass(format!("{what}: {}", failure.message), failure.status)),
            },
        }
    }

    async fn tail(&self, artifact: &ArtifactRef, window: u64) -> Result<Tail, ReadError> {
        let output = match self.get(artifact, &format!("bytes=-{window}")).await {
            Ok(output) => output,
            Err(error) => {
                let failure = Failure::of(&error);
                // An empty object has no last bytes.
                if failure.status == 416 {
                    return Ok(Tail { size: 0, bytes: Bytes::new(), metadata: BTreeMap::new() });
                }
                return Err(read_error(artifact, &failure));
            }
        };
        // `bytes 5-9/10`; without a range the whole object came.
        let total = output.content_range().and_then(|range| range.rsplit('/').next()).and_then(|n| n.parse().ok());
        let metadata = output.metadata().cloned().unwrap_or_default().into_iter().collect();
        let body = output.body.collect().await.map_err(|error| broken(artifact, &error))?.into_bytes();
        Ok(Tail { size: total.unwrap_or(body.len() as u64), bytes: body, metadata })
    }

    async fn range(&self, artifact: &ArtifactRef, range: Range<u64>) -> Result<Chunks, ReadError> {
        let header = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let output = self.get(artifact, &header).await.map_err(|error| read_error(artifact, &Failure::of(&error)))?;
        let artifact = artifact.clone();
        let chunks = stream::unfold(output.body, move |mut body| {
            let artifact = artifact.clone();
            async move {
                let chunk = body.next().await?;
                Some((chunk.map_err(|error| broken(&artifact, &error)), body))
            }
        });
        Ok(chunks.boxed())
    }
}

fn broken(artifact: &ArtifactRef, error: &(dyn std::error::Error + 'static)) -> ReadError {
    ReadError::Transient(format!("reading s3://{}/{}: {error}", artifact.bucket, artifact.key))
}

/// Another try fares no better with what the caller has done wrong, or may not do (HTTP's 4xx, and S3's redirects).
fn unless_it_may_pass(message: String, status: u16) -> ReadError {
    match status {
        300..400 => ReadError::Denied(message),
        400..500 if ![408, 409, 429].contains(&status) => ReadError::Denied(message),
        _ => ReadError::Transient(message),
    }
}

fn read_error(artifact: &ArtifactRef, failure: &Failure) -> ReadError {
    let ArtifactRef { bucket, key, version_id } = artifact;
    let what = format!("s3://{bucket}/{key} (version {version_id})");
    match failure.code.as_str() {
        "PermanentRedirect" | "AuthorizationHeaderMalformed" => ReadError::Denied(format!(
            "{what} cannot be read ({}): the artifact bucket must be in the deployer's own region (AWS_REGION)",
            failure.message
        )),
        "NoSuchKey" | "NoSuchVersion" | "NoSuchBucket" | "InvalidArgument" => {
            ReadError::Gone(format!("{what} does not exist any more ({}): upload it again", failure.message))
        }
        _ if failure.status == 404 => ReadError::Gone(format!("{what} does not exist any more: upload it again")),
        // The delete marker of a key is a version that cannot be read.
        "MethodNotAllowed" => ReadError::Gone(format!("{what} is a deletion: upload it again")),
        _ if failure.code.starts_with("KMS") || failure.message.contains("kms:") => ReadError::Denied(format!(
            "{what} cannot be decrypted ({}): the key policy of the bucket's KMS key must allow the deployer's role \
             and the deploy role kms:Decrypt",
            failure.message
        )),
        _ if failure.status == 403 => ReadError::Denied(format!(
            "{what} may not be read ({}): the bucket policy of {bucket} or the deployer's role does not allow \
             s3:GetObjectVersion (or this version is gone, and s3:ListBucket is missing to say so)",
            failure.message
        )),
        _ => unless_it_may_pass(format!("{what} cannot be read ({})", failure.message), failure.status),
    }
}
