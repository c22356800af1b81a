//! The artifact bucket: versions of objects, their deletion, read rights, and a count of the bytes read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use deployer_core::artifact::ArtifactRef;
use deployer_core::config::Target;
use deployer_core::id::{AccountId, BucketName, Region, Sha256};
use deployer_core::package::INLINE_LIMIT;
use deployer_engine::port::{ArtifactStore, CallError, CallErrorKind, Chunks, Code, ReadError, Tail};
use futures::stream::{self, StreamExt as _};

use super::call::{Connection, Op};

/// The size of the chunks in which a body arrives.
const CHUNK: u64 = 256 * 1024;

struct Object {
    bytes: Bytes,
    sha256: Sha256,
    metadata: BTreeMap<String, String>,
}

/// The artifact bucket.
pub struct Artifacts {
    /// Its name.
    pub name: BucketName,
    /// Its region.
    pub region: Region,
    objects: BTreeMap<(String, String), Object>,
    versions: usize,
    /// The accounts that its policy does not let read.
    pub closed_to: BTreeSet<AccountId>,
    /// True if its policy does not let the deployer read.
    pub closed_to_the_deployer: bool,
    /// True if versioning is suspended.
    pub versioning_is_off: bool,
    reads: Vec<(usize, String, Range<u64>)>,
}

impl Artifacts {
    pub(super) fn new(name: BucketName, region: Region) -> Self {
        Self {
            name,
            region,
            objects: BTreeMap::new(),
            versions: 0,
            closed_to: BTreeSet::new(),
            closed_to_the_deployer: false,
            versioning_is_off: false,
            reads: Vec::new(),
        }
    }

    /// Stores a new version of an object, and returns its version id.
    pub fn put(&mut self, key: &str, bytes: Vec<u8>, metadata: BTreeMap<String, String>) -> String {
        self.versions += 1;
        let version = format!("v{}", self.versions);
        let object = Object { sha256: Sha256::of(&bytes), bytes: bytes.into(), metadata };
        self.objects.insert((key.to_owned(), version.clone()), object);
        version
    }

    /// Deletes a version for good.
    pub fn delete(&mut self, key: &str, version: &str) {
        self.objects.remove(&(key.to_owned(), version.to_owned())).unwrap();
    }

    /// Returns the number of bytes that one invocation has read of a version.
    #[must_use]
    pub fn bytes_read(&self, invocation: usize, version: &str) -> u64 {
        let of = |(by, id, range): &&(usize, String, Range<u64>)| {
            (*by == invocation && id == version).then_some(range.end - range.start)
        };
        self.reads.iter().filter_map(|read| of(&read)).sum()
    }

    /// Returns the release that some code was first uploaded as, or the start of its hash.
    #[must_use]
    pub fn label(&self, sha256: Sha256) -> String {
        let found = self.objects.iter().find(|(_, object)| object.sha256 == sha256);
        match found.and_then(|((key, _), _)| key.rsplit('/').next()?.strip_suffix(".zip")) {
            Some(release) => release.to_owned(),
            None => sha256.to_string().chars().take(8).collect(),
        }
    }

    fn read(&self, artifact: &ArtifactRef) -> Result<&Object, ReadError> {
        let ArtifactRef { bucket, key, version_id } = artifact;
        let what = format!("s3://{bucket}/{key} (S3 version id {version_id})");
        if self.closed_to_the_deployer {
            return Err(ReadError::Denied(format!("{what} may not be read (AccessDenied: Access Denied)")));
        }
        let gone = || ReadError::Gone(format!("{what} does not exist any more (NoSuchVersion): upload it again"));
        self.objects.get(&(key.clone(), version_id.clone())).filter(|_| *bucket == self.name).ok_or_else(gone)
    }

    /// Takes the code of a call as Lambda does: copies it from the bucket, or uses the bytes that were sent.
    pub(super) fn fetch(&self, target: &Target, what: &str, code: &Code<'_>) -> Result<Sha256, CallError> {
        let no =
            |kind, text: &str| CallError { kind, message: format!("{what}: InvalidParameterValueException: {text}") };
        let unreadable = |code: &str| {
            no(CallErrorKind::CodeUnreadable, &format!("Error occurred while GetObject. S3 Error Code: {code}."))
        };
        match code {
            Code::Inline(bytes) if bytes.len() as u64 > INLINE_LIMIT => {
                Err(no(CallErrorKind::CodeTooLarge, "Unzipped size must be smaller than 262144000 bytes"))
            }
            Code::Inline(bytes) => Ok(Sha256::of(bytes)),
            Code::Reference(_) if target.region != self.region => Err(unreadable("PermanentRedirect")),
            Code::Reference(_) if self.closed_to.contains(&target.account) => Err(unreadable("AccessDenied")),
            Code::Reference(artifact) => {
                let key = (artifact.key.clone(), artifact.version_id.clone());
                let object = self.objects.get(&key).filter(|_| artifact.bucket == self.name);
                object.map(|object| object.sha256).ok_or_else(|| unreadable("NoSuchKey"))
            }
        }
    }
}

/// The port of one invocation.
pub(super) struct ArtifactPort(pub Arc<Connection>);

#[async_trait]
impl ArtifactStore for ArtifactPort {
    async fn newest(&self, bucket: &BucketName, key: &str) -> Result<Option<ArtifactRef>, ReadError> {
        self.0
            .call(Op::HeadArtifact, "artifacts", key, |state, _| {
                let store = &state.artifacts;
                if store.closed_to_the_deployer {
                    return Err(ReadError::Denied(format!("s3://{bucket}/{key} may not be read")));
                }
                let number = |version: &str| version.trim_start_matches('v').parse::<usize>().unwrap();
                let versions = store.objects.keys().filter(|(of, _)| of == key && *bucket == store.name);
                let newest = versions.map(|(_, version)| version).max_by_key(|version| number(version)).cloned();
                let (bucket, key) = (bucket.clone(), key.to_owned());
                Ok(newest.map(|version_id| ArtifactRef { bucket, key, version_id }))
            })
            .await
    }

    async fn tail(&self, artifact: &ArtifactRef, window: u64) -> Result<Tail, ReadError> {
        self.0
            .call(Op::ReadTail, "artifacts", &artifact.key, |state, here| {
                let store = &mut state.artifacts;
                let object = store.read(artifact)?;
                let size = object.bytes.len() as u64;
                let from = size.saturating_sub(window);
                let bytes = object.bytes.slice(usize::try_from(from).unwrap()..);
                let tail = Tail { size, bytes, metadata: object.metadata.clone() };
                store.reads.push((here.invocation, artifact.version_id.clone(), from..size));
                match here.break_after {
                    Some(_) => Err(broken(artifact)),
                    None => Ok(tail),
                }
            })
            .await
    }

    async fn range(&self, artifact: &ArtifactRef, range: Range<u64>) -> Result<Chunks, ReadError> {
        let what = format!("{} {}-{}", artifact.key, range.start, range.end);
        self.0
            .call(Op::ReadRange, "artifacts", &what, |state, here| {
                let store = &mut state.artifacts;
                let bytes = store.read(artifact)?.bytes.clone();
                assert!(range.end <= bytes.len() as u64 && range.start < range.end, "416: {what}");
                store.reads.push((here.invocation, artifact.version_id.clone(), range.clone()));
                Ok(body(artifact, bytes, range.clone(), here.break_after))
            })
            .await
    }
}

fn broken(artifact: &ArtifactRef) -> ReadError {
    ReadError::Transient(format!("reading s3://{}/{}: connection reset by peer", artifact.bucket, artifact.key))
}

fn body(artifact: &ArtifactRef, bytes: Bytes, range: Range<u64>, break_after: Option<u64>) -> Chunks {
    let artifact = artifact.clone();
    let breaks_at = break_after.map_or(u64::MAX, |after| range.start + after);
    stream::unfold(Some(range.start), move |at| {
        let (bytes, artifact) = (bytes.clone(), artifact.clone());
        async move {
            let at = at.filter(|at| *at < range.end)?;
            tokio::task::yield_now().await;
            if at >= breaks_at {
                return Some((Err(broken(&artifact)), None));
            }
            let end = (at + CHUNK).min(range.end).min(breaks_at);
            let piece = bytes.slice(usize::try_from(at).unwrap()..usize::try_from(end).unwrap());
            Some((Ok(piece), Some(end)))
        }
    })
    .boxed()
}
