use async_trait::async_trait;
use fixtures::error::Result;

use crate::lab::Lab;
use crate::outcome::Answered as _;
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: the writes that change $LATEST's RevisionId.
pub struct RevisionOfLatestChanges;

#[async_trait(?Send)]
impl Question for RevisionOfLatestChanges {
    fn about(&self) -> About {
        About {
            name: "revision-of-latest-changes",
            belief: "PublishVersion that makes a version, TagResource, UntagResource and AddPermission change \
                     $LATEST's RevisionId; PublishVersion that makes none, CreateAlias and UpdateAlias do not.",
            relied_on_in: &[
                "deployer/engine/src/deployment/converge.rs",
                "tests/local-aws/tests/test_lambda_recorded.py",
            ],
            asks: "the seven calls one after the other, and GetFunctionConfiguration after each",
            confirmed_by: "exactly the first four change it",
            refuted_by: "any other set",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let (function, lambda) = (lab.function("revisions").await?, &lab.aws.lambda);
        let (name, arn) = (&function.name, &function.arn);
        let mut revision = function.revision().await?;
        let mut changes = Vec::new();
        for write in [
            "PublishVersion",
            "TagResource",
            "UntagResource",
            "AddPermission",
            "PublishVersion again",
            "CreateAlias",
            "UpdateAlias",
        ] {
            match write {
                "TagResource" => {
                    lambda.tag_resource().resource(arn).tags("more", "1").send().await.done(write).map(drop)?
                }
                "UntagResource" => {
                    lambda.untag_resource().resource(arn).tag_keys("more").send().await.done(write).map(drop)?
                }
                "AddPermission" => {
                    let call = lambda.add_permission().function_name(name).statement_id("live-check");
                    let call = call.action("lambda:InvokeFunction").principal(&lab.aws.account);
                    call.send().await.done(write).map(drop)?;
                }
                "CreateAlias" => function.alias("live", "1").await?,
                "UpdateAlias" => {
                    let call = lambda.update_alias().function_name(name).name("live").description("2");
                    call.send().await.done(write).map(drop)?;
                }
                _ => function.publish().await.map(drop)?,
            }
            let now = function.revision().await?;
            if now != revision {
                changes.push(write);
            }
            revision = now;
        }
        let expected = ["PublishVersion", "TagResource", "UntagResource", "AddPermission"];
        let found = if changes.is_empty() {
            "none changes it".to_owned()
        } else {
            format!("changed by {}", changes.join(", "))
        };
        Ok(Answer::holds_if(changes == expected, found))
    }
}
