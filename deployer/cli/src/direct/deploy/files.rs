//! An artifact store of zips that are open on this machine.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use deployer_core::artifact::ArtifactRef;
use deployer_core::id::BucketName;
use futures::stream::{self, StreamExt as _};

use deployer_engine::locked;
use deployer_engine::port::{ArtifactStore, Chunks, ReadError, Tail};

/// The number of bytes that one read returns.
const CHUNK: u64 = 1 << 20;

/// Open zips by the keys that they would have in a bucket. Each key keeps its file from the first read to the last,
/// even if the path gets another file meanwhile.
#[derive(Debug, Default)]
pub(super) struct Files {
    by_key: Mutex<BTreeMap<String, Arc<File>>>,
}

impl Files {
    /// Maps this key to this file.
    pub fn put(&self, key: String, file: File) {
        locked(&self.by_key).insert(key, Arc::new(file));
    }

    fn file(&self, key: &str) -> Option<Arc<File>> {
        locked(&self.by_key).get(key).cloned()
    }

    fn of(&self, artifact: &ArtifactRef) -> Result<Arc<File>, ReadError> {
        self.file(&artifact.key).ok_or_else(|| ReadError::Gone(format!("no file was given for {}", artifact.key)))
    }
}

#[async_trait]
impl ArtifactStore for Files {
    async fn newest(&self, bucket: &BucketName, key: &str) -> Result<Option<ArtifactRef>, ReadError> {
        let artifact = || ArtifactRef { bucket: bucket.clone(), key: key.to_owned(), version_id: "none".to_owned() };
        Ok(self.file(key).map(|_| artifact()))
    }

    async fn tail(&self, artifact: &ArtifactRef, window: u64) -> Result<Tail, ReadError> {
        let file = self.of(artifact)?;
        let size = file.metadata().map_err(|error| unreadable(&error))?.len();
        let bytes = read(&file, size.saturating_sub(window)..size)?;
        Ok(Tail { size, bytes, metadata: BTreeMap::new() })
    }

    async fn range(&self, artifact: &ArtifactRef, range: Range<u64>) -> Result<Chunks, ReadError> {
        let file = self.of(artifact)?;
        let chunks = stream::unfold(range, move |Range { start, end }| {
            let file = file.clone();
            async move {
                let until = end.min(start.saturating_add(CHUNK));
                match read(&file, start..until) {
                    _ if start >= end => None,
                    // The stream ends after an error.
                    Err(error) => Some((Err(error), end..end)),
                    Ok(bytes) => Some((Ok(bytes), until..end)),
                }
            }
        });
        Ok(chunks.boxed())
    }
}

fn read(file: &File, range: Range<u64>) -> Result<Bytes, ReadError> {
    let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or_default();
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, range.start).map_err(|error| unreadable(&error))?;
    Ok(bytes.into())
}

fn unreadable(error: &std::io::Error) -> ReadError {
    ReadError::Unreadable(format!("the zip cannot be read: {error}"))
}
