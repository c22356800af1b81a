use async_trait::async_trait;
use aws_sdk_lambda::primitives::Blob;
use fixtures::error::Result;

use crate::lab::{Lab, code};
use crate::outcome::Answered as _;
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: the answer to UpdateFunctionCode with Publish.
pub struct UpdateWithPublishAnswersTheVersion;

#[async_trait(?Send)]
impl Question for UpdateWithPublishAnswersTheVersion {
    fn about(&self) -> About {
        About {
            name: "update-with-publish-answers-the-version",
            belief: "UpdateFunctionCode with Publish answers with the number of the new version, whose RevisionId \
                     is not that of $LATEST.",
            relied_on_in: &["deployer/aws/src/lambda.rs", "deployer/engine/src/deployment/executor.rs"],
            asks: "UpdateFunctionCode with Publish and other bytes, then GetFunctionConfiguration of $LATEST",
            confirmed_by: "a number, and two RevisionIds",
            refuted_by: "`$LATEST`, or one RevisionId",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let function = lab.function("update-publish").await?;
        let call = lab.aws.lambda.update_function_code().function_name(&function.name).publish(true);
        let updated = call.zip_file(Blob::new(code("2")?)).send().await.done("updating and publishing")?;
        let (version, of_version) = (updated.version.unwrap_or_default(), updated.revision_id.unwrap_or_default());
        let of_latest = function.revision().await?;
        let state = updated.state.map_or_else(|| "none".to_owned(), |state| state.to_string());
        let found =
            format!("version {version}, state {state}, RevisionId {of_version}; that of $LATEST is {of_latest}");
        Ok(Answer::holds_if(version.parse::<u64>().is_ok() && of_version != of_latest, found))
    }
}
