//! An upload: the object's key says which function of which environment it is for.

use deployer_core::artifact::Upload;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::Request;
use tracing::Instrument as _;

use super::announce::Announcer;
use super::asked::Requested;
use super::{Engine, EventOutcome, Transient, rollout};

impl Engine {
    /// Deploys an upload to every target of its environment, or says why not.
    ///
    /// # Errors
    /// [`Transient`]: the same message shall come again.
    pub async fn upload(&self, upload: Upload) -> Result<EventOutcome, Transient> {
        let ignored = |because: String| Ok(EventOutcome::Ignored { because });
        let upload = match upload.locate(&self.config.artifact_bucket) {
            Ok(upload) => upload,
            Err(not_ours) => {
                Announcer::of(self).near_miss(&not_ours).await;
                return ignored(not_ours.to_string());
            }
        };
        let place = &upload.place;
        let at = match FunctionRef::find(&self.config, &place.environment, &place.function) {
            Ok(at) => at,
            Err(unknown) => {
                let because = format!("{:?} is {unknown}", upload.artifact.key);
                Announcer::of(self).upload_ignored(&upload.artifact.key, &because).await;
                return ignored(because);
            }
        };
        let request = Request::of(&upload, self.now(), self.token());
        let taken = async {
            tracing::info!(key = %upload.artifact.key, version_id = %upload.artifact.version_id, "upload received");
            self.on(&at).submit(&request).await
        };
        let taken = Box::pin(taken).instrument(rollout::span(&at, &request, request.subject.release())).await?;
        Requested::of(self).submit_without_queue().await;
        Ok(match taken {
            Some(record) => EventOutcome::Recorded(Box::new(record)),
            None => EventOutcome::Ignored {
                because: format!("{:?} has ended, and its record is gone", upload.artifact.key),
            },
        })
    }
}
