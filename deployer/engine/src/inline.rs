//! The zip in memory, where a target's region cannot copy it from the artifact bucket.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use deployer_core::artifact::VerifiedArtifact;
use deployer_core::id::Sha256;
use deployer_core::plan::Delivery;
use deployer_core::record::{TargetError, TargetErrorCode};
use futures::StreamExt as _;
use tokio::sync::{Mutex, OwnedSemaphorePermit};

use super::apply::{Halt, Walk};
use super::waiting::MAX_READ_RETRIES;
use crate::port::{Code, ReadError};

/// The zip of one deployment for the targets that cannot copy it: shared by those that send it at the same time, and
/// gone with the last of them. It is sent to one after the other, for the client makes copies of what it sends.
#[derive(Default)]
pub(super) struct InlineBody {
    loaded: Mutex<Weak<Loaded>>,
    pub sending: Mutex<()>,
}

/// The zip in memory, with the process's one permit for that.
pub(super) struct Loaded {
    bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl<'a> Walk<'a> {
    pub(super) fn code(&self, step: &'static str, loaded: Option<&Loaded>) -> Result<Code<'a>, Halt> {
        Ok(match loaded {
            Some(loaded) => Code::Inline(loaded.bytes.clone()),
            None => Code::Reference(&self.wanted(step)?.artifact.reference),
        })
    }

    /// The whole zip in memory where it must be sent along, of which there is only one at a time in the process.
    pub(super) async fn load(&self, step: &'static str) -> Result<Option<Arc<Loaded>>, Halt> {
        if self.plan.delivery == Delivery::ByReference {
            return Ok(None);
        }
        let mut shared = self.errand.job.inline.loaded.lock().await;
        if let Some(loaded) = shared.upgrade() {
            return Ok(Some(loaded));
        }
        let loaded = Arc::new(self.load_anew(step).await?);
        *shared = Arc::downgrade(&loaded);
        Ok(Some(loaded))
    }

    async fn load_anew(&self, step: &'static str) -> Result<Loaded, Halt> {
        let unreadable = |cause: String| Halt::from(TargetError::new(TargetErrorCode::ArtifactUnreadable, step, cause));
        let (ports, artifact) = (&self.engine.ports, self.wanted(step)?.artifact);
        let permit = ports.inline_body.clone().acquire_owned().await.map_err(|error| unreadable(error.to_string()))?;
        for attempt in 0.. {
            match self.read_whole(artifact).await {
                Ok(body) if Sha256::of(&body) == artifact.sha256 => {
                    return Ok(Loaded { bytes: body.into(), _permit: permit });
                }
                Ok(_) => return Err(unreadable("the artifact's bytes are not those that were verified".into())),
                Err(ReadError::Transient(cause)) if attempt < MAX_READ_RETRIES => {
                    self.engine.pause(attempt, step, &cause).await?;
                }
                Err(error) => return Err(unreadable(error.to_string())),
            }
        }
        unreachable!("attempts do not end")
    }

    async fn read_whole(&self, artifact: &VerifiedArtifact) -> Result<Vec<u8>, ReadError> {
        let mut chunks = self.engine.ports.artifacts.range(&artifact.reference, 0..artifact.size).await?;
        let mut body = Vec::with_capacity(usize::try_from(artifact.size).unwrap_or_default());
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk?);
        }
        Ok(body)
    }
}
