use async_trait::async_trait;
use fixtures::error::Result;

use crate::lab::Lab;
use crate::outcome::{Answered as _, ended, was_allowed};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: how are a missing version and one that an alias serves deleted?
pub struct VersionsAreDeletedAsRecorded;

#[async_trait(?Send)]
impl Question for VersionsAreDeletedAsRecorded {
    fn about(&self) -> About {
        About {
            name: "versions-are-deleted-as-recorded",
            belief: "DeleteFunction of a version that is not there succeeds, and one that an alias points to is \
                     refused with 409.",
            relied_on_in: &["deployer/engine/src/deployment/prune.rs"],
            asks: "DeleteFunction with the numbers of a missing version and of one that an alias serves",
            confirmed_by: "success, then 409 ResourceConflictException",
            refuted_by: "any other two answers",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let function = lab.function("prune").await?;
        let (first, _) = function.two_versions().await?;
        function.alias("live", &first).await?;
        let delete = |version: &str| lab.aws.lambda.delete_function().function_name(&function.name).qualifier(version);
        let missing = delete("77").send().await.answered_to_user("deleting a missing version")?;
        let served = delete(&first).send().await.answered_or_conflict("deleting a version that an alias serves")?;
        let found = format!(
            "deleting the missing version {}; deleting the one that an alias serves {}",
            ended(&missing),
            ended(&served)
        );
        let is_kept = served.as_ref().is_err_and(|refusal| refusal.is(409, "ResourceConflictException"));
        Ok(match was_allowed(&served) {
            Some(false) => Answer::unclear(found),
            _ => Answer::holds_if(missing.is_ok() && is_kept, found),
        })
    }
}
