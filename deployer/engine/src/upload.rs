//! An upload: the object's key names the function and the environment.

use deployer_core::artifact::Upload;
use deployer_core::function_ref::FunctionRef;
use deployer_core::head::Request;
use tracing::Instrument as _;

use crate::events::{publish_ignored_upload, publish_near_miss};
use crate::promotions::stored_requests::submit_without_queue;
use crate::{Engine, EventOutcome, Transient, deployment};

impl Engine {
    /// Deploys an upload to every target of its environment, or ignores it with a reason.
    ///
    /// # Errors
    /// [`Transient`]: the same message shall come again.
    pub async fn upload(&self, upload: Upload) -> Result<EventOutcome, Transient> {
        let ignored = |because: String| Ok(EventOutcome::Ignored { because });
        let upload = match upload.locate(&self.config.artifact_bucket) {
            Ok(upload) => upload,
            Err(not_ours) => {
                publish_near_miss(self, &not_ours).await;
                return ignored(not_ours.to_string());
            }
        };
        let at = match FunctionRef::find(&self.config, &upload.key.environment, &upload.key.function) {
            Ok(at) => at,
            Err(unknown) => {
                let because = format!("{:?} is {unknown}", upload.artifact.key);
                publish_ignored_upload(self, &upload.artifact.key, &because).await;
                return ignored(because);
            }
        };
        let request = Request::of(&upload, self.now(), self.token());
        let work = async {
            tracing::info!(key = %upload.artifact.key, version_id = %upload.artifact.version_id, "upload received");
            self.reconciler(&at).submit(&request).await
        };
        let record = Box::pin(work).instrument(deployment::span(&at, &request, request.source.release())).await?;
        submit_without_queue(self).await;
        Ok(match record {
            Some(record) => EventOutcome::Recorded(Box::new(record)),
            None => EventOutcome::Ignored {
                because: format!("{:?} has ended, and its record is gone", upload.artifact.key),
            },
        })
    }
}
