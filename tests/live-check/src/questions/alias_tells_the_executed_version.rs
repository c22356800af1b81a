use async_trait::async_trait;
use fixtures::error::Result;

use crate::lab::Lab;
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: the ExecutedVersion of a call of an alias without weights.
pub struct AliasTellsTheExecutedVersion;

#[async_trait(?Send)]
impl Question for AliasTellsTheExecutedVersion {
    fn about(&self) -> About {
        About {
            name: "alias-tells-the-executed-version",
            belief: "Invoke of an alias without weights answers with the alias's version as ExecutedVersion.",
            relied_on_in: &[],
            asks: "Invoke with the alias as qualifier",
            confirmed_by: "the version's number",
            refuted_by: "no ExecutedVersion, or another",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::CannotTell("it does not run functions"),
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let function = lab.function("executed").await?;
        let version = function.publish().await?;
        function.alias("live", &version).await?;
        let (answer, executed) = function.invoke(Some("live")).await?;
        if answer.is_null() {
            return Ok(Answer::unclear("the function was not run"));
        }
        let found =
            format!("the alias serves {version}; ExecutedVersion is {}", executed.as_deref().unwrap_or("absent"));
        Ok(Answer::holds_if(executed.as_deref() == Some(version.as_str()), found))
    }
}
