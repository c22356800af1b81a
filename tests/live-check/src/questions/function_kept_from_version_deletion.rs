use async_trait::async_trait;
use fixtures::error::Result;
use serde_json::json;

use crate::lab::Lab;
use crate::outcome::{Answered as _, ended, was_allowed};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: does a permission on `f:*` delete versions and not the function?
pub struct FunctionKeptFromVersionDeletion;

#[async_trait(?Send)]
impl Question for FunctionKeptFromVersionDeletion {
    fn about(&self) -> About {
        About {
            name: "function-kept-from-version-deletion",
            belief: "lambda:DeleteFunction on `function:f:*` alone lets a version be deleted, and not the function.",
            relied_on_in: &["infra/modules/target/permissions.tf", "deployer/core/src/session_policy.rs"],
            asks: "a session with lambda:DeleteFunction on `function:f:*` deletes the function, then one version",
            confirmed_by: "the function is denied, the version is deleted",
            refuted_by: "the function is deleted, or the version is denied",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let function = lab.function("deletes").await?;
        let (old, _) = function.two_versions().await?;
        let session = lab
            .session(&[json!({"Effect": "Allow", "Action": "lambda:DeleteFunction",
                "Resource": format!("{}:*", function.arn)})])
            .await?;
        let call = session.lambda.delete_function().function_name(&function.name);
        let whole = call.send().await.answered("deleting a function")?;
        let call = session.lambda.delete_function().function_name(&function.name).qualifier(old);
        let version = call.send().await.answered("deleting a version")?;
        let found = format!(
            "DeleteFunction without a qualifier {}; with a version's number it {}",
            ended(&whole),
            ended(&version)
        );
        Ok(match (was_allowed(&whole), was_allowed(&version)) {
            (Some(true), _) | (_, Some(false)) => Answer::refuted(found),
            (Some(false), Some(true)) => Answer::confirmed(found),
            _ => Answer::unclear(found),
        })
    }
}
