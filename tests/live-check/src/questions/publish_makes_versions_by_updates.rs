use async_trait::async_trait;
use fixtures::error::Result;

use crate::lab::Lab;
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: when does PublishVersion make a version?
pub struct PublishMakesVersionsByUpdates;

#[async_trait(?Send)]
impl Question for PublishMakesVersionsByUpdates {
    fn about(&self) -> About {
        About {
            name: "publish-makes-versions-by-updates",
            belief: "PublishVersion without an update since the last one answers that version again; after an \
                     update with the very same bytes it makes a new one.",
            relied_on_in: &["deployer/engine/src/deployment/executor.rs", "deployer/core/src/plan/planner.rs"],
            asks: "PublishVersion twice, UpdateFunctionCode with the same bytes, PublishVersion",
            confirmed_by: "the same number twice, then the next one",
            refuted_by: "any other three numbers",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let function = lab.function("publish").await?;
        let (first, again) = (function.publish().await?, function.publish().await?);
        function.update("1").await?;
        let same_bytes = function.publish().await?;
        let found = format!("versions {first}, {again}, and after the same bytes {same_bytes}");
        Ok(Answer::holds_if(first == again && same_bytes != first, found))
    }
}
