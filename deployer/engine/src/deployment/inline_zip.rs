//! The zip in memory, for targets whose region cannot copy it from the artifact bucket.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use deployer_core::artifact::VerifiedArtifact;
use deployer_core::id::Sha256;
use deployer_core::record::{TargetError, TargetErrorCode};
use futures::StreamExt as _;
use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit};

use crate::Ports;
use crate::port::{ArtifactStore, ReadError};
use crate::timer::{MAX_READ_RETRIES, Timer};

/// The reason why a target waits for the zip.
const ANOTHER_ZIP: &str = "another zip is still in memory";

/// The zip of one deployment for the targets that cannot copy it. Those that send it at the same time share it, and the
/// last of them drops it.
#[derive(Default)]
pub(super) struct InlineZip {
    loaded: Mutex<Weak<LoadedZip>>,
    sending: Mutex<()>,
}

/// The zip in memory, with the process's one permit for it.
pub(super) struct LoadedZip {
    pub bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl InlineZip {
    /// Loads the whole zip. The process holds only one at a time.
    pub async fn load(
        &self,
        ports: &Ports,
        timer: Timer<'_>,
        artifact: &VerifiedArtifact,
        step: &'static str,
    ) -> Result<Arc<LoadedZip>, TargetError> {
        let mut shared = timer.wait_for(step, ANOTHER_ZIP, self.loaded.lock()).await?;
        if let Some(loaded) = shared.upgrade() {
            return Ok(loaded);
        }
        let unreadable = |cause: String| TargetError::new(TargetErrorCode::ArtifactUnreadable, step, cause);
        let permit = timer.wait_for(step, ANOTHER_ZIP, ports.inline_body.clone().acquire_owned()).await?;
        let permit = permit.map_err(|error| unreadable(error.to_string()))?;
        for attempt in 0.. {
            let read = read_whole(ports.artifacts.as_ref(), artifact);
            match timer.wait_for(step, "the zip is still being read", read).await? {
                Ok(body) if Sha256::of(&body) == artifact.sha256 => {
                    let loaded = Arc::new(LoadedZip { bytes: body.into(), _permit: permit });
                    *shared = Arc::downgrade(&loaded);
                    return Ok(loaded);
                }
                Ok(_) => return Err(unreadable("the artifact's bytes are not those that were verified".into())),
                Err(ReadError::Transient(cause)) if attempt < MAX_READ_RETRIES => {
                    timer.pause(attempt, step, &cause).await?;
                }
                Err(error) => return Err(unreadable(error.to_string())),
            }
        }
        unreachable!("attempts do not end")
    }

    /// Waits for the turn to send the zip: one target after the other, because the client copies what it sends.
    pub async fn turn(&self, timer: Timer<'_>, step: &'static str) -> Result<MutexGuard<'_, ()>, TargetError> {
        timer.wait_for(step, "another target is still sent the zip", self.sending.lock()).await
    }
}

async fn read_whole(artifacts: &dyn ArtifactStore, artifact: &VerifiedArtifact) -> Result<Vec<u8>, ReadError> {
    let mut chunks = artifacts.range(&artifact.reference, 0..artifact.size).await?;
    let mut body = Vec::with_capacity(usize::try_from(artifact.size).unwrap_or_default());
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk?);
    }
    Ok(body)
}
