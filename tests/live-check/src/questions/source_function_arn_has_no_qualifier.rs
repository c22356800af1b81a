use async_trait::async_trait;
use fixtures::Zip;
use fixtures::error::{Doing as _, Result};
use serde_json::json;

use crate::lab::{Lab, allow, allow_if, policy, trust};
use crate::polling::{SPREADS_WITHIN, until};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

const CODE: &str = "import boto3
s3 = boto3.client('s3')
def handler(event, context):
    allowed = []
    for key in ['free', 'plain', 'version', 'alias']:
        try:
            s3.get_object(Bucket='BUCKET', Key='source/' + key)
            allowed.append(key)
        except s3.exceptions.ClientError as error:
            if error.response['Error']['Code'] != 'AccessDenied':
                raise
    return allowed
";

/// Lambda: the ARN in lambda:SourceFunctionArn.
pub struct SourceFunctionArnHasNoQualifier;

#[async_trait(?Send)]
impl Question for SourceFunctionArnHasNoQualifier {
    fn about(&self) -> About {
        About {
            name: "source-function-arn-has-no-qualifier",
            belief: "Lambda puts the function's ARN without a qualifier into lambda:SourceFunctionArn, whichever \
                     version or alias runs.",
            relied_on_in: &["infra/modules/tooling/role.tf"],
            asks: "a function, called without a qualifier and by an alias, reads four objects whose rights have \
                   the condition for no ARN, the plain one, the version's and the alias's",
            confirmed_by: "both calls read the first two and no other",
            refuted_by: "another set",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::CannotTell("it does not run functions"),
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let (names, bucket) = (&lab.names, lab.aws.s3_arn(lab.bucket()));
        let arn = lab.function_arn("source-arn");
        let mut statements = vec![allow("s3:GetObject", format!("{bucket}/source/free"))];
        for (key, arn) in [("plain", arn.clone()), ("version", format!("{arn}:1")), ("alias", format!("{arn}:live"))] {
            let condition = json!({"ArnEquals": {"lambda:SourceFunctionArn": arn}});
            statements.push(allow_if("s3:GetObject", format!("{bucket}/source/{key}"), condition));
            lab.put(&format!("source/{key}"), "1").await?;
        }
        lab.put("source/free", "1").await?;
        let of_lambda = json!({"Service": "lambda.amazonaws.com"});
        let role = lab.make_role("source-arn", &trust(&of_lambda), Some(&policy(&statements))).await?;
        let code = CODE.replace("BUCKET", names.prefix());
        let zip = Zip::empty().file("index.py", code).build().doing("making a zip")?;
        let function = lab.function_with("source-arn", zip, &role).await?;
        function.publish().await?;
        function.alias("live", "1").await?;
        // The role's policy is new: without the object that is free for it, nothing can be said of the others.
        let plain = until("waiting for the function's rights", SPREADS_WITHIN, async || {
            let (answer, _) = function.invoke(None).await?;
            let knows = answer.is_null() || answer.as_array().is_some_and(|keys| keys.contains(&json!("free")));
            Ok(knows.then_some(answer))
        })
        .await?;
        if plain.is_null() {
            return Ok(Answer::unclear("the function was not run"));
        }
        let (by_alias, _) = function.invoke(Some("live")).await?;
        let expected = json!(["free", "plain"]);
        let found = format!("called without a qualifier it may read {plain}; by the alias {by_alias}");
        Ok(Answer::holds_if(plain == expected && by_alias == expected, found))
    }
}
