use async_trait::async_trait;
use aws_sdk_s3::types::ServerSideEncryption;
use fixtures::error::Result;
use serde_json::json;

use crate::lab::{Lab, TAGS_KNOWN_WITHIN, allow, allow_if, code};
use crate::outcome::{Answered as _, ended, was_allowed};
use crate::polling::{until, until_allowed};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda and KMS: the service through which the bucket's key is used.
pub struct CodeKeyIsUsedThroughS3;

#[async_trait(?Send)]
impl Question for CodeKeyIsUsedThroughS3 {
    fn about(&self) -> About {
        About {
            name: "code-key-is-used-through-s3",
            belief: "Where a customer key encrypts the code in S3, UpdateFunctionCode uses it in the caller's name \
                     with kms:ViaService of S3.",
            relied_on_in: &[
                "infra/modules/target/permissions.tf",
                "infra/modules/tooling/key.tf",
                "deployer/core/src/session_policy.rs",
            ],
            asks: "UpdateFunctionCode of an encrypted object in three sessions: with kms:Decrypt through S3 or \
                   Lambda, through S3, and through Lambda",
            confirmed_by: "done, done, denied",
            refuted_by: "denied through S3, or done through Lambda",
            needs: Needs::Key,
            on_local_aws: OnLocalAws::Refutes("it asks for no right to a key of an object"),
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let key = lab.customer_key().await?;
        let function = lab.function("code-key").await?;
        let body = code("a key")?;
        let put = || {
            let put = lab.aws.s3.put_object().bucket(lab.bucket()).key("code/key.zip").body(body.clone().into());
            put.server_side_encryption(ServerSideEncryption::AwsKms).ssekms_key_id(key).send()
        };
        until_allowed("putting an encrypted object (kms:GenerateDataKey)", TAGS_KNOWN_WITHIN, async || {
            put().await.answered("putting an encrypted object")
        })
        .await?;
        let read = allow("s3:GetObject", lab.aws.s3_arn(&format!("{}/code/*", lab.bucket())));
        let update = allow("lambda:UpdateFunctionCode", function.arn.as_str());
        let try_through = async |services: &[&str]| {
            let via: Vec<String> = services.iter().map(|service| lab.service(service)).collect();
            let decrypt = allow_if("kms:Decrypt", key, json!({"StringEquals": {"kms:ViaService": via}}));
            let session = lab.session(&[read.clone(), update.clone(), decrypt]).await?;
            let call = session.lambda.update_function_code().function_name(&function.name);
            let updated = call.s3_bucket(lab.bucket()).s3_key("code/key.zip").send().await;
            let updated = updated.answered("updating code from an encrypted object")?;
            function.settled().await?;
            Ok(updated)
        };
        // KMS takes up to five minutes until it knows a new key's tags, by which `caller` may use it.
        until("waiting until the role may use the key", TAGS_KNOWN_WITHIN, async || {
            Ok(try_through(&["s3", "lambda"]).await?.ok().map(drop))
        })
        .await?;
        let (s3, lambda) = (try_through(&["s3"]).await?, try_through(&["lambda"]).await?);
        let found = format!("through S3 alone it {}; through Lambda alone it {}", ended(&s3), ended(&lambda));
        Ok(match (was_allowed(&s3), was_allowed(&lambda)) {
            (Some(true), Some(false)) => Answer::confirmed(found),
            (Some(false), _) | (_, Some(true)) => Answer::refuted(found),
            _ => Answer::unclear(found),
        })
    }
}
