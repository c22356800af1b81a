use async_trait::async_trait;
use fixtures::error::Result;

use crate::lab::{Lab, allow};
use crate::outcome::{Answered as _, ended, was_allowed};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: is iam:PassRole checked for the role that the function has already?
pub struct UnchangedRoleMustBePassed;

#[async_trait(?Send)]
impl Question for UnchangedRoleMustBePassed {
    fn about(&self) -> About {
        About {
            name: "unchanged-role-must-be-passed",
            belief: "UpdateFunctionConfiguration checks iam:PassRole whenever Role is sent, also if the function \
                     has that role already.",
            relied_on_in: &["deployer/core/src/plan/planner.rs", "tests/local-aws/local_aws/needs.py"],
            asks: "UpdateFunctionConfiguration with the function's own role in a session without iam:PassRole, \
                   then without Role",
            confirmed_by: "denied, then done",
            refuted_by: "done with the role",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let function = lab.function("pass-role").await?;
        let session = lab.session(&[allow("lambda:UpdateFunctionConfiguration", function.arn.as_str())]).await?;
        let call = session.lambda.update_function_configuration().function_name(&function.name);
        let with = call.clone().role(lab.execution_role()).send().await.answered("sending an unchanged role")?;
        function.settled().await?;
        let without = call.description("other").send().await.answered("sending a description")?;
        function.settled().await?;
        let found = format!("with the unchanged role it {}; without a role it {}", ended(&with), ended(&without));
        Ok(match (was_allowed(&with), was_allowed(&without)) {
            (Some(true), _) => Answer::refuted(found),
            (Some(false), Some(true)) => Answer::confirmed(found),
            _ => Answer::unclear(found),
        })
    }
}
