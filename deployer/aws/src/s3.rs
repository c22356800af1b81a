//! The artifact bucket over S3, read by version id.

use std::collections::BTreeMap;
use std::ops::Range;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::Bytes;
use deployer_core::artifact::ArtifactRef;
use deployer_core::denial::Denial;
use deployer_core::id::{AccountId, BucketName};
use futures::stream::{self, StreamExt as _};

use super::advice::object_advice;
use super::bucket_owner::{other_owner, owned_by};
use super::failure::Failure;
use deployer_engine::port::{ArtifactStore, Chunks, ReadError, Tail};

/// The artifact bucket.
pub struct S3Artifacts {
    client: Client,
    owner: Option<AccountId>,
}

impl S3Artifacts {
    /// Reads with this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, owner: None }
    }

    /// Refuses buckets of other accounts than this one.
    #[must_use]
    pub fn owned_by(self, owner: Option<&AccountId>) -> Self {
        Self { client: owned_by(self.client, owner), owner: owner.cloned() }
    }

    fn read_error(&self, artifact: &ArtifactRef, failure: &Failure) -> ReadError {
        read_error(artifact, failure, &other_owner(self.owner.as_ref()))
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
                    "{what} may not be read, or does not exist and the bucket may not be listed ({}){}",
                    failure.message,
                    other_owner(self.owner.as_ref())
                ))),
                failure => Err(read_error_by_status(format!("{what}: {}", failure.message), failure.status)),
            },
        }
    }

    async fn tail(&self, artifact: &ArtifactRef, window: u64) -> Result<Tail, ReadError> {
        let output = match self.get(artifact, &format!("bytes=-{window}")).await {
            Ok(output) => output,
            Err(error) => {
                let failure = Failure::of(&error);
                // An empty object has no last bytes, so S3 answers with 416.
                if failure.status == 416 {
                    return Ok(Tail { size: 0, bytes: Bytes::new(), metadata: BTreeMap::new() });
                }
                return Err(self.read_error(artifact, &failure));
            }
        };
        let content_range = ContentRange::by(artifact, &output)?;
        let metadata = output.metadata().cloned().unwrap_or_default().into_iter().collect();
        let bytes = output.body.collect().await.map_err(|error| broken_body(artifact, &error))?.into_bytes();
        let length = bytes.len() as u64;
        let (start, size) = match content_range {
            ContentRange::Part { start, size } => (start, size),
            // An answer without a range holds the whole object.
            ContentRange::Whole => (0, length),
        };
        if start + length != size || length < window.min(size) {
            return Err(unexpected_answer(artifact, &format!("{length} bytes came of the last {window} of {size}")));
        }
        Ok(Tail { size, bytes, metadata })
    }

    async fn range(&self, artifact: &ArtifactRef, range: Range<u64>) -> Result<Chunks, ReadError> {
        let header = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let output =
            self.get(artifact, &header).await.map_err(|error| self.read_error(artifact, &Failure::of(&error)))?;
        let starts = match ContentRange::by(artifact, &output)? {
            ContentRange::Part { start, .. } => start,
            ContentRange::Whole => 0,
        };
        if starts != range.start {
            return Err(unexpected_answer(
                artifact,
                &format!("bytes from {starts} came, and those from {} were asked for", range.start),
            ));
        }
        let artifact = artifact.clone();
        // The stream ends after the last byte, or after an error.
        let chunks = stream::unfold(Some((output.body, range.end - range.start)), move |left| {
            let artifact = artifact.clone();
            async move {
                let (mut body, left) = left?;
                match body.next().await {
                    None if left == 0 => None,
                    None => {
                        Some((Err(unexpected_answer(&artifact, &format!("the last {left} bytes did not come"))), None))
                    }
                    Some(Err(error)) => Some((Err(broken_body(&artifact, &error)), None)),
                    Some(Ok(chunk)) => match left.checked_sub(chunk.len() as u64) {
                        Some(left) => Some((Ok(chunk), Some((body, left)))),
                        None => Some((Err(unexpected_answer(&artifact, "more bytes came than were asked for")), None)),
                    },
                }
            }
        });
        Ok(chunks.boxed())
    }
}

/// The bytes that an answer holds, by its headers.
enum ContentRange {
    /// A part that begins at this byte, of an object of this size.
    Part { start: u64, size: u64 },
    /// The whole object.
    Whole,
}

impl ContentRange {
    /// Reads an answer's headers. An answer about another version, or with an unreadable range, is an error.
    fn by(artifact: &ArtifactRef, output: &GetObjectOutput) -> Result<Self, ReadError> {
        if let Some(other) = output.version_id().filter(|id| *id != artifact.version_id) {
            return Err(unexpected_answer(artifact, &format!("S3 version id {other} came")));
        }
        // `bytes 5-9/10`
        let Some(range) = output.content_range() else { return Ok(Self::Whole) };
        let read = || {
            let (range, size) = range.strip_prefix("bytes ")?.split_once('/')?;
            Some(Self::Part { start: range.split_once('-')?.0.parse().ok()?, size: size.parse().ok()? })
        };
        read().ok_or_else(|| unexpected_answer(artifact, &format!("its range {range:?} cannot be read")))
    }
}

/// The error for an answer that does not match the request.
fn unexpected_answer(ArtifactRef { bucket, key, version_id }: &ArtifactRef, how: &str) -> ReadError {
    ReadError::Transient(format!("reading s3://{bucket}/{key} (S3 version id {version_id}): {how}"))
}

fn broken_body(artifact: &ArtifactRef, error: &(dyn std::error::Error + 'static)) -> ReadError {
    ReadError::Transient(format!("reading s3://{}/{}: {error}", artifact.bucket, artifact.key))
}

/// A retry cannot help against a client error (4xx) or a redirect.
fn read_error_by_status(message: String, status: u16) -> ReadError {
    match status {
        300..400 => ReadError::Unreadable(message),
        // 416 says that the object's size differs from the size that we know.
        400..500 if ![408, 409, 416, 429].contains(&status) => ReadError::Unreadable(message),
        _ => ReadError::Transient(message),
    }
}

/// Makes the error of a failed read; `other_owner` is said where a policy, or the bucket's owner, may be behind it.
fn read_error(artifact: &ArtifactRef, failure: &Failure, other_owner: &str) -> ReadError {
    let ArtifactRef { bucket, key, version_id } = artifact;
    let what = format!("s3://{bucket}/{key} (S3 version id {version_id})");
    if let Some(advice) = object_advice(&failure.message) {
        return ReadError::Unreadable(format!("{what} cannot be read ({}): {advice}", failure.message));
    }
    match failure.code.as_str() {
        "AuthorizationHeaderMalformed" => ReadError::Unreadable(format!(
            "{what} cannot be read ({}): the artifact bucket must be in the deployer's own region (AWS_REGION)",
            failure.message
        )),
        "NoSuchKey" | "NoSuchVersion" | "NoSuchBucket" | "InvalidArgument" => {
            ReadError::Gone(format!("{what} does not exist any more ({}): upload it again", failure.message))
        }
        _ if failure.status == 404 => ReadError::Gone(format!("{what} does not exist any more: upload it again")),
        // A delete marker is a version that cannot be read.
        "MethodNotAllowed" => ReadError::Gone(format!("{what} is a deletion: upload it again")),
        _ if failure.status == 403 && Denial::of(&failure.message).advice().is_some() => ReadError::Denied(format!(
            "{what} may not be read ({}): {}",
            failure.message,
            Denial::of(&failure.message).advice().unwrap_or_default()
        )),
        _ if failure.code.starts_with("KMS") || failure.message.contains("kms:") => ReadError::Denied(format!(
            "{what} cannot be decrypted ({}): the key policy of the bucket's KMS key must allow the deployer's role \
             and the deploy role kms:Decrypt",
            failure.message
        )),
        _ if failure.status == 403 => ReadError::Denied(format!(
            "{what} may not be read ({}): the bucket policy of {bucket} or the deployer's role does not allow \
             s3:GetObjectVersion (or this version is gone, and s3:ListBucket is missing to say so){other_owner}",
            failure.message
        )),
        _ => read_error_by_status(format!("{what} cannot be read ({})", failure.message), failure.status),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::stub_http::{Answer, stub_config};
    use super::*;

    fn artifact() -> ArtifactRef {
        ArtifactRef {
            bucket: BucketName::parse("acme-artifacts").unwrap(),
            key: "dev/f/1.zip".into(),
            version_id: "v1".into(),
        }
    }

    fn bucket(answer: Answer) -> S3Artifacts {
        S3Artifacts::new(Client::new(&stub_config([answer])))
    }

    async fn tail_of(answer: Answer) -> Result<Tail, ReadError> {
        bucket(answer).tail(&artifact(), 4).await
    }

    async fn range_of(answer: Answer) -> Result<Vec<u8>, ReadError> {
        let mut chunks = bucket(answer).range(&artifact(), 0..4).await?;
        let mut all = vec![];
        while let Some(chunk) = chunks.next().await {
            all.extend_from_slice(&chunk?);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn tail_that_differs_from_request_is_transient_error() {
        let whole = (206, vec![("content-range", "bytes 6-9/10"), ("x-amz-version-id", "v1")], "abcd");
        assert_eq!(tail_of(whole).await.unwrap().size, 10);
        let all = (200, vec![("x-amz-version-id", "v1")], "abc");
        assert_eq!(tail_of(all).await.unwrap().size, 3);
        for (headers, body) in [
            (vec![("content-range", "bytes 6-9/10"), ("x-amz-version-id", "v1")], "abc"),
            (vec![("content-range", "bytes 6-9/10"), ("x-amz-version-id", "v2")], "abcd"),
            (vec![("content-range", "bytes 5-8/10"), ("x-amz-version-id", "v1")], "abcd"),
            (vec![("content-range", "bytes 7-9/10"), ("x-amz-version-id", "v1")], "abc"),
            (vec![("content-range", "nonsense"), ("x-amz-version-id", "v1")], "abcd"),
        ] {
            let answer = tail_of((206, headers.clone(), body)).await;
            assert!(matches!(answer, Err(ReadError::Transient(_))), "{headers:?} {body}: {answer:?}");
        }
    }

    #[tokio::test]
    async fn range_shorter_or_longer_than_requested_is_transient_error() {
        let headers = || vec![("content-range", "bytes 0-3/10"), ("x-amz-version-id", "v1")];
        assert_eq!(range_of((206, headers(), "abcd")).await.unwrap(), b"abcd");
        for body in ["", "abc", "abcde"] {
            let answer = range_of((206, headers(), body)).await;
            assert!(matches!(answer, Err(ReadError::Transient(_))), "{body}: {answer:?}");
        }
        let other = vec![("content-range", "bytes 0-3/10"), ("x-amz-version-id", "v2")];
        assert!(matches!(range_of((206, other, "abcd")).await, Err(ReadError::Transient(_))));
    }

    #[tokio::test]
    async fn unreadable_artifact_gets_the_hint_for_its_reason() {
        let no = |status, code: &str, text: &str| {
            let body = format!("<Error><Code>{code}</Code><Message>{text}</Message></Error>");
            (status, vec![], &*body.leak())
        };
        let message_for = |answer: Answer| async move {
            match tail_of(answer).await.unwrap_err() {
                ReadError::Denied(text)
                | ReadError::Unreadable(text)
                | ReadError::Gone(text)
                | ReadError::Transient(text) => text,
            }
        };
        let archived =
            message_for(no(403, "InvalidObjectState", "The operation is not valid for the object's storage class"))
                .await;
        assert!(archived.contains("restore it") && !archived.contains("bucket policy"), "{archived}");
        let skewed = message_for(no(403, "RequestTimeTooSkewed", "The difference is too large.")).await;
        assert!(skewed.contains("clock") && !skewed.contains("bucket policy"), "{skewed}");
        let disabled =
            message_for(no(400, "KMS.DisabledException", "arn:aws:kms:eu-west-1:1:key/2 is disabled.")).await;
        assert!(disabled.contains("enable the key") && !disabled.contains("must allow"), "{disabled}");
        let own_key = message_for(no(
            400,
            "InvalidRequest",
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to \
             retrieve the object.",
        ))
        .await;
        assert!(own_key.contains("SSE-C"), "{own_key}");
        let scp =
            message_for(no(403, "AccessDenied", "not authorized with an explicit deny in a service control policy"))
                .await;
        assert!(
            scp.contains("service control policy has to let it through") && !scp.contains("bucket policy of"),
            "{scp}"
        );
        let plain = message_for(no(403, "AccessDenied", "Access Denied")).await;
        assert!(plain.contains("the bucket policy of acme-artifacts"), "{plain}");
    }
}
