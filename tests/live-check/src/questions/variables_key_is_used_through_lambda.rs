use async_trait::async_trait;
use aws_sdk_lambda::types::Environment;
use fixtures::error::Result;
use serde_json::json;

use crate::lab::{Lab, TAGS_KNOWN_WITHIN, allow, allow_if};
use crate::outcome::Answered as _;
use crate::polling::{until_allowed, within_time};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda and KMS: the service through which the key of variables is used.
pub struct VariablesKeyIsUsedThroughLambda;

#[async_trait(?Send)]
impl Question for VariablesKeyIsUsedThroughLambda {
    fn about(&self) -> About {
        About {
            name: "variables-key-is-used-through-lambda",
            belief: "Lambda shows variables that a customer key encrypts only to callers that may use the key with \
                     kms:ViaService of Lambda, and answers with an error field otherwise.",
            relied_on_in: &["deployer/core/src/session_policy.rs", "infra/modules/target/permissions.tf"],
            asks: "GetFunctionConfiguration in two sessions: with kms:Decrypt through Lambda, and through S3",
            confirmed_by: "the variable, then an error field",
            refuted_by: "an error field through Lambda, or the variable through S3",
            needs: Needs::Key,
            on_local_aws: OnLocalAws::Refutes("it shows variables to everybody"),
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let key = lab.customer_key().await?;
        let function = lab.function("variables").await?;
        let variables = Environment::builder().variables("NAME", "value").build();
        let call = lab.aws.lambda.update_function_configuration().function_name(&function.name);
        let call = call.kms_key_arn(key).environment(variables);
        until_allowed("encrypting variables (kms:CreateGrant, kms:Encrypt)", TAGS_KNOWN_WITHIN, async || {
            call.clone().send().await.answered("encrypting variables")
        })
        .await?;
        function.settled().await?;
        let read = allow("lambda:GetFunctionConfiguration", function.arn.as_str());
        let shown_through = async |service: &str| {
            let decrypt =
                allow_if("kms:Decrypt", key, json!({"StringEquals": {"kms:ViaService": lab.service(service)}}));
            let session = lab.session(&[read.clone(), decrypt]).await?;
            let found = session.lambda.get_function_configuration().function_name(&function.name).send().await;
            let shown = found.done("reading variables")?.environment.and_then(|environment| environment.variables);
            Ok(shown.is_some_and(|variables| variables.contains_key("NAME")))
        };
        let lambda =
            within_time(TAGS_KNOWN_WITHIN, async || Ok(shown_through("lambda").await?.then_some(()))).await?.is_some();
        let s3 = shown_through("s3").await?;
        let found = format!("variables are shown through Lambda: {lambda}; through S3: {s3}");
        Ok(Answer::holds_if(lambda && !s3, found))
    }
}
