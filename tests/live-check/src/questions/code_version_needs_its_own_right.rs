use async_trait::async_trait;
use fixtures::error::Result;

use crate::lab::{Lab, allow, code};
use crate::outcome::{Answered as _, ended, was_allowed};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: the right that reads a version of the code in S3.
pub struct CodeVersionNeedsItsOwnRight;

#[async_trait(?Send)]
impl Question for CodeVersionNeedsItsOwnRight {
    fn about(&self) -> About {
        About {
            name: "code-version-needs-its-own-right",
            belief: "UpdateFunctionCode with S3ObjectVersion is denied with s3:GetObject alone; with \
                     s3:GetObjectVersion beside it, it is allowed.",
            relied_on_in: &["infra/modules/target/permissions.tf", "deployer/core/src/session_policy.rs"],
            asks: "UpdateFunctionCode with S3ObjectVersion in three sessions: with s3:GetObject, with \
                   s3:GetObjectVersion, and with both",
            confirmed_by: "denied with the first, allowed with both; the answer also tells whether the second \
                           alone is enough",
            refuted_by: "allowed with s3:GetObject alone",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let function = lab.function("code-version").await?;
        let version = lab.put("code/version.zip", code("a version")?).await?;
        let mut outcomes = Vec::new();
        for rights in [vec!["s3:GetObject"], vec!["s3:GetObjectVersion"], vec!["s3:GetObject", "s3:GetObjectVersion"]] {
            let update = allow("lambda:UpdateFunctionCode", function.arn.as_str());
            let read = allow(rights, lab.aws.s3_arn(&format!("{}/code/*", lab.bucket())));
            let session = lab.session(&[update, read]).await?;
            let call = session.lambda.update_function_code().function_name(&function.name);
            let call = call.s3_bucket(lab.bucket()).s3_key("code/version.zip").s3_object_version(&version);
            outcomes.push(call.send().await.answered("updating code from S3")?);
            function.settled().await?;
        }
        let [object, of_version, both] = [0, 1, 2].map(|i| &outcomes[i]);
        let found = format!(
            "with s3:GetObject it {}; with s3:GetObjectVersion it {}; with both it {}",
            ended(object),
            ended(of_version),
            ended(both)
        );
        Ok(match (was_allowed(object), was_allowed(both)) {
            (Some(false), Some(true)) => Answer::confirmed(found),
            (Some(true), Some(true)) => Answer::refuted(found),
            _ => Answer::unclear(found),
        })
    }
}
