use async_trait::async_trait;
use fixtures::error::Result;

use crate::lab::Lab;
use crate::outcome::Answered as _;
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: does an UpdateAlias that changes nothing change the alias's RevisionId?
pub struct SameAliasWriteChangesRevision;

#[async_trait(?Send)]
impl Question for SameAliasWriteChangesRevision {
    fn about(&self) -> About {
        About {
            name: "same-alias-write-changes-revision",
            belief: "An UpdateAlias that says what the alias is already gives the alias a new RevisionId. The deployer \
                     does not rely on it: it changes the description each time.",
            relied_on_in: &[],
            asks: "UpdateAlias twice with the same version and description",
            confirmed_by: "the second answer has another RevisionId than the first",
            refuted_by: "both have the same RevisionId",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let function = lab.function("same-alias").await?;
        let version = function.publish().await?;
        function.alias("live", &version).await?;
        let mut revisions = Vec::new();
        for _ in 0..2 {
            let call = lab.aws.lambda.update_alias().function_name(&function.name).name("live");
            let written = call.function_version(&version).description("same").send().await;
            revisions.push(written.done("writing an alias")?.revision_id.unwrap_or_default());
        }
        let [first, second] = [&revisions[0], &revisions[1]];
        Ok(Answer::holds_if(first != second, format!("the two writes answered the RevisionIds {first} and {second}")))
    }
}
