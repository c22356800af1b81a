use async_trait::async_trait;
use fixtures::error::Result;
use serde_json::json;

use crate::lab::{Lab, allow, policy};
use crate::outcome::{Answered as _, ended, was_allowed};
use crate::polling::{SPREADS_WITHIN, until};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// STS: does a trust policy see the source identity?
pub struct TrustAsksForTheSourceIdentity;

#[async_trait(?Send)]
impl Question for TrustAsksForTheSourceIdentity {
    fn about(&self) -> About {
        About {
            name: "trust-asks-for-the-source-identity",
            belief: "A trust policy with sts:SourceIdentity as condition of sts:AssumeRole and \
                     sts:SetSourceIdentity lets nobody in without a source identity of the pattern.",
            relied_on_in: &["infra/modules/target/main.tf"],
            asks: "AssumeRole of such a role with the source identity `deployer-1`, with `person`, and without one",
            confirmed_by: "done, denied, denied",
            refuted_by: "done with `person` or without one",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let root = json!({"AWS": format!("arn:{}:iam::{}:root", lab.aws.region.partition(), lab.aws.account)});
        let pattern = json!({"StringLike": {"sts:SourceIdentity": "deployer-*"}});
        let statement =
            |action: &str| json!({"Effect": "Allow", "Principal": root, "Action": action, "Condition": pattern});
        let trust = policy(&[statement("sts:AssumeRole"), statement("sts:SetSourceIdentity")]);
        let role = lab.make_role("identified", &trust, None).await?;
        let session = lab.session(&[allow(vec!["sts:AssumeRole", "sts:SetSourceIdentity"], role.as_str())]).await?;
        let enter = async |identity: Option<&str>| {
            let call = session.sts.assume_role().role_arn(&role).role_session_name("live-check");
            let call = call.set_source_identity(identity.map(str::to_owned));
            call.send().await.answered("entering a role with a source identity")
        };
        until("entering the new role with the right source identity", SPREADS_WITHIN, async || {
            Ok(enter(Some("deployer-1")).await?.ok().map(drop))
        })
        .await?;
        let (other, none) = (enter(Some("person")).await?, enter(None).await?);
        let found = format!(
            "`deployer-1` is let in; AssumeRole as `person` {}; without a source identity it {}",
            ended(&other),
            ended(&none)
        );
        Ok(match (was_allowed(&other), was_allowed(&none)) {
            (Some(true), _) | (_, Some(true)) => Answer::refuted(found),
            (Some(false), Some(false)) => Answer::confirmed(found),
            _ => Answer::unclear(found),
        })
    }
}
