use async_trait::async_trait;
use fixtures::error::Result;

use crate::lab::Lab;
use crate::outcome::{Answered as _, ended};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: does a write of an alias's description invalidate the RevisionId of before?
pub struct DescriptionShutsOutOlderWrites;

#[async_trait(?Send)]
impl Question for DescriptionShutsOutOlderWrites {
    fn about(&self) -> About {
        About {
            name: "description-shuts-out-older-writes",
            belief: "An UpdateAlias that changes the description alone gives the alias a new RevisionId, and a \
                     later write with the RevisionId of before answers 412.",
            relied_on_in: &["deployer/engine/src/deployment/shut_doors.rs"],
            asks: "UpdateAlias with another description, then UpdateAlias to another version with the RevisionId \
                   of before",
            confirmed_by: "a new RevisionId, then 412 PreconditionFailedException",
            refuted_by: "the same RevisionId, or a write that is done",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let function = lab.function("shut-door").await?;
        let (first, second) = function.two_versions().await?;
        function.alias("live", &first).await?;
        let update = || lab.aws.lambda.update_alias().function_name(&function.name).name("live");
        let before =
            update().description("1").send().await.done("writing a description")?.revision_id.unwrap_or_default();
        let after =
            update().description("2").send().await.done("writing a description")?.revision_id.unwrap_or_default();
        let late = update().function_version(&second).revision_id(&before).send().await;
        let late = late.answered_to_user("writing with an old RevisionId")?;
        let found = format!("the RevisionId went from {before} to {after}; a write with the former {}", ended(&late));
        let is_shut = late.as_ref().is_err_and(|refusal| refusal.is(412, "PreconditionFailedException"));
        Ok(Answer::holds_if(before != after && is_shut, found))
    }
}
