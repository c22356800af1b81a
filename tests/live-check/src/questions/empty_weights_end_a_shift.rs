use async_trait::async_trait;
use aws_sdk_lambda::types::AliasRoutingConfiguration;
use fixtures::error::Result;

use crate::lab::Lab;
use crate::outcome::Answered as _;
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: the effect of an empty RoutingConfig.
pub struct EmptyWeightsEndAShift;

#[async_trait(?Send)]
impl Question for EmptyWeightsEndAShift {
    fn about(&self) -> About {
        About {
            name: "empty-weights-end-a-shift",
            belief: "An UpdateAlias with an empty AdditionalVersionWeights takes the weights away; one without \
                     RoutingConfig leaves them.",
            relied_on_in: &["deployer/aws/src/lambda.rs"],
            asks: "UpdateAlias of an alias with a weight: with a description alone, then with empty weights",
            confirmed_by: "the weight is there, then gone",
            refuted_by: "the weight is gone at once, or stays",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let function = lab.function("weights").await?;
        let (first, second) = function.two_versions().await?;
        function.alias("live", &first).await?;
        let update = || lab.aws.lambda.update_alias().function_name(&function.name).name("live");
        let weights = |all: &[(&str, f64)]| {
            let all = all.iter().map(|(version, weight)| ((*version).to_owned(), *weight)).collect();
            AliasRoutingConfiguration::builder().set_additional_version_weights(Some(all)).build()
        };
        update().routing_config(weights(&[(&second, 0.1)])).send().await.done("setting a weight")?;
        update().description("2").send().await.done("writing a description")?;
        let mut left = Vec::new();
        for write in [None, Some(weights(&[]))] {
            if let Some(none) = write {
                update().function_version(&first).routing_config(none).send().await.done("sending empty weights")?;
            }
            let read = lab.aws.lambda.get_alias().function_name(&function.name).name("live").send().await;
            let routing = read.done("reading an alias")?.routing_config;
            left.push(
                routing.and_then(|routing| routing.additional_version_weights).map_or(0, |weights| weights.len()),
            );
        }
        let found = format!("weights after a write of the description: {}; after empty weights: {}", left[0], left[1]);
        Ok(Answer::holds_if(left == [1, 0], found))
    }
}
