//! Zips that lie on this machine, as the engine reads artifacts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use deployer_core::artifact::ArtifactRef;
use futures::stream::{self, StreamExt as _};

use crate::port::{ArtifactStore, Chunks, ReadError, Tail};

/// So much is read at once.
const CHUNK: u64 = 1 << 20;

/// Zips by the keys that they would have in a bucket.
#[derive(Debug, Default)]
pub(super) struct Files {
    by_key: Mutex<BTreeMap<String, PathBuf>>,
}

impl Files {
    /// From now on this key is that file.
    pub fn put(&self, key: String, file: &Path) {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner).insert(key, file.to_owned());
    }

    fn path(&self, artifact: &ArtifactRef) -> Result<PathBuf, ReadError> {
        let found = self.by_key.lock().unwrap_or_else(PoisonError::into_inner).get(&artifact.key).cloned();
        found.ok_or_else(|| ReadError::Gone(format!("no file was given for {}", artifact.key)))
    }
}

#[async_trait]
impl ArtifactStore for Files {
    async fn tail(&self, artifact: &ArtifactRef, window: u64) -> Result<Tail, ReadError> {
        let path = self.path(artifact)?;
        let unreadable = |error| unreadable(&path, &error);
        let mut file = File::open(&path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(window))).map_err(unreadable)?;
        let mut bytes = Vec::new();
        // Of a file that grows meanwhile only what was there is read.
        file.take(window.min(size)).read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(Tail { size, bytes: bytes.into(), metadata: BTreeMap::new() })
    }

    async fn range(&self, artifact: &ArtifactRef, range: Range<u64>) -> Result<Chunks, ReadError> {
        let path = self.path(artifact)?;
        let mut file = File::open(&path).map_err(|error| unreadable(&path, &error))?;
        file.seek(SeekFrom::Start(range.start)).map_err(|error| unreadable(&path, &error))?;
        let state = Some((file.take(range.end.saturating_sub(range.start)), path));
        let chunks = stream::unfold(state, |state| async {
            let (mut file, path) = state?;
            let mut chunk = Vec::new();
            match file.by_ref().take(CHUNK).read_to_end(&mut chunk) {
                Ok(0) => None,
                Ok(_) => Some((Ok(Bytes::from(chunk)), Some((file, path)))),
                Err(error) => Some((Err(unreadable(&path, &error)), None)),
            }
        });
        Ok(chunks.boxed())
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> ReadError {
    let message = format!("{} cannot be read: {error}", path.display());
    if error.kind() == ErrorKind::NotFound { ReadError::Gone(message) } else { ReadError::Denied(message) }
}
