use async_trait::async_trait;
use fixtures::error::Result;

use crate::lab::Lab;
use crate::outcome::Answered as _;
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: the ARN in GetFunction of an alias, and the fields of a list of versions.
pub struct AliasesAndListsAreShownAsRecorded;

#[async_trait(?Send)]
impl Question for AliasesAndListsAreShownAsRecorded {
    fn about(&self) -> About {
        About {
            name: "aliases-and-lists-are-shown-as-recorded",
            belief: "GetFunction by an alias answers with the alias's ARN, and entries of ListVersionsByFunction \
                     have no State.",
            relied_on_in: &["deployer/aws/src/lambda_read.rs", "tests/local-aws/tests/test_lambda_recorded.py"],
            asks: "GetFunction with the alias as qualifier, and ListVersionsByFunction",
            confirmed_by: "an ARN that ends with the alias, and no State",
            refuted_by: "another ARN, or a State",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let function = lab.function("shown").await?;
        let version = function.publish().await?;
        function.alias("live", &version).await?;
        let lambda = &lab.aws.lambda;
        let read = lambda.get_function().function_name(&function.name).qualifier("live").send().await;
        let arn = read.done("reading an alias")?.configuration.and_then(|found| found.function_arn).unwrap_or_default();
        let listed = lambda.list_versions_by_function().function_name(&function.name).send().await;
        let states = listed.done("listing versions")?.versions().iter().filter(|one| one.state.is_some()).count();
        let found = format!("GetFunction answers {arn}; {states} entries of the list have a State");
        Ok(Answer::holds_if(arn == format!("{}:live", function.arn) && states == 0, found))
    }
}
