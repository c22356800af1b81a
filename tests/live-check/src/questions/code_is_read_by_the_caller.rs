use async_trait::async_trait;
use fixtures::error::Result;

use crate::lab::{Lab, allow, code};
use crate::outcome::{Answered as _, ended, was_allowed};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: the caller whose rights read the code in S3.
pub struct CodeIsReadByTheCaller;

#[async_trait(?Send)]
impl Question for CodeIsReadByTheCaller {
    fn about(&self) -> About {
        About {
            name: "code-is-read-by-the-caller",
            belief: "UpdateFunctionCode reads the object in S3 with the caller's rights, not with the rights of \
                     Lambda or of the execution role.",
            relied_on_in: &[
                "infra/modules/target/permissions.tf",
                "deployer/core/src/session_policy.rs",
                "tests/local-aws/local_aws/needs.py",
            ],
            asks: "UpdateFunctionCode from S3 in two sessions: with lambda:UpdateFunctionCode alone, and with \
                   s3:GetObject of the object too",
            confirmed_by: "denied, then done",
            refuted_by: "done without s3:GetObject",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let function = lab.function("code-reader").await?;
        lab.put("code/reader.zip", code("from S3")?).await?;
        let update = allow("lambda:UpdateFunctionCode", function.arn.as_str());
        let read = allow("s3:GetObject", lab.aws.s3_arn(&format!("{}/code/*", lab.bucket())));
        let mut outcomes = Vec::new();
        for statements in [vec![update.clone()], vec![update, read]] {
            let session = lab.session(&statements).await?;
            let call = session.lambda.update_function_code().function_name(&function.name);
            let call = call.s3_bucket(lab.bucket()).s3_key("code/reader.zip");
            outcomes.push(call.send().await.answered("updating code from S3")?);
            function.settled().await?;
        }
        let found = format!("without s3:GetObject it {}; with it, it {}", ended(&outcomes[0]), ended(&outcomes[1]));
        Ok(match (was_allowed(&outcomes[0]), was_allowed(&outcomes[1])) {
            (Some(true), _) => Answer::refuted(found),
            (Some(false), Some(true)) => Answer::confirmed(found),
            _ => Answer::unclear(found),
        })
    }
}
