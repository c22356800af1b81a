use async_trait::async_trait;
use std::time::Duration;

use aws_sdk_lambda::types::{AliasRoutingConfiguration, ProvisionedConcurrencyStatusEnum};
use fixtures::error::Result;

use crate::lab::Lab;
use crate::outcome::Answered as _;
use crate::polling::until;
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: the effect of empty weights while provisioned concurrency moves.
pub struct EmptyWeightsEndATransition;

#[async_trait(?Send)]
impl Question for EmptyWeightsEndATransition {
    fn about(&self) -> About {
        About {
            name: "empty-weights-end-a-transition",
            belief: "While provisioned concurrency moves, Lambda holds the traffic by a weight of its own on the \
                     former version, and an UpdateAlias with empty weights takes it down at once.",
            relied_on_in: &[
                "deployer/engine/src/deployment/await_provisioned_traffic.rs",
                "deployer/core/src/alias_traffic.rs",
                "docs/runbook.md",
            ],
            asks: "UpdateAlias of an alias with provisioned concurrency to another version, then at once with \
                   empty weights",
            confirmed_by: "a weight on the former version after the first, none after the second",
            refuted_by: "no weight after the first, or one after the second",
            needs: Needs::Minutes,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let function = lab.function("provisioned").await?;
        let (first, second) = function.two_versions().await?;
        function.alias("live", &first).await?;
        let (lambda, name) = (&lab.aws.lambda, &function.name);
        let put = lambda.put_provisioned_concurrency_config().function_name(name).qualifier("live");
        let put = put.provisioned_concurrent_executions(1).send().await;
        put.done("asking for provisioned concurrency (lambda:PutProvisionedConcurrencyConfig)")?;
        until("waiting for provisioned concurrency", Duration::from_secs(600), async || {
            let read = lambda.get_provisioned_concurrency_config().function_name(name).qualifier("live").send().await;
            let status = read.done("reading provisioned concurrency (lambda:GetProvisionedConcurrencyConfig)")?.status;
            Ok((status == Some(ProvisionedConcurrencyStatusEnum::Ready)).then_some(()))
        })
        .await?;
        let mut held = Vec::new();
        for _ in 0..2 {
            let none = AliasRoutingConfiguration::builder().set_additional_version_weights(Some([].into())).build();
            let write = lambda.update_alias().function_name(name).name("live").function_version(&second);
            let answered =
                write.routing_config(none).send().await.done("moving an alias (lambda:UpdateAlias)")?.routing_config;
            let read = lambda.get_alias().function_name(name).name("live").send().await;
            let routing = answered.or(read.done("reading an alias (lambda:GetAlias)")?.routing_config);
            held.push(routing.and_then(|routing| routing.additional_version_weights).unwrap_or_default());
        }
        let found = format!("weights after the move: {:?}; after empty weights: {:?}", held[0], held[1]);
        Ok(Answer::holds_if(held[0].contains_key(&first) && held[1].is_empty(), found))
    }
}
