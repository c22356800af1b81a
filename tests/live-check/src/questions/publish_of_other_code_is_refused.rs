use async_trait::async_trait;
use fixtures::error::Result;

use crate::lab::Lab;
use crate::outcome::{Answered as _, ended};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: how does PublishVersion refuse another CodeSha256?
pub struct PublishOfOtherCodeIsRefused;

#[async_trait(?Send)]
impl Question for PublishOfOtherCodeIsRefused {
    fn about(&self) -> About {
        About {
            name: "publish-of-other-code-is-refused",
            belief: "PublishVersion with another CodeSha256 than $LATEST's answers 400 \
                     InvalidParameterValueException.",
            relied_on_in: &["deployer/aws/src/error.rs"],
            asks: "PublishVersion with the CodeSha256 of other bytes",
            confirmed_by: "400 InvalidParameterValueException",
            refuted_by: "412, or a version",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let call = lab.aws.lambda.publish_version().function_name(lab.names.of("base")).code_sha256(other);
        let published = call.send().await.answered_to_user("publishing other code")?;
        let found = format!("PublishVersion {}", ended(&published));
        Ok(match &published {
            Err(refusal) if refusal.is(400, "InvalidParameterValueException") => Answer::confirmed(found),
            Err(refusal) if refusal.status != 412 => Answer::unclear(found),
            _ => Answer::refuted(found),
        })
    }
}
