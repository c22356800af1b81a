use async_trait::async_trait;
use fixtures::error::Result;
use serde_json::json;

use crate::lab::{Lab, allow, policy};
use crate::outcome::{Answered as _, ended, was_allowed};
use crate::polling::{SPREADS_WITHIN, until};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// STS: does the external id apply to sts:SetSourceIdentity?
pub struct ExternalIdIsNotForTheSourceIdentity;

#[async_trait(?Send)]
impl Question for ExternalIdIsNotForTheSourceIdentity {
    fn about(&self) -> About {
        About {
            name: "external-id-is-not-for-the-source-identity",
            belief: "The key sts:ExternalId does not apply to sts:SetSourceIdentity: one statement with both \
                     actions and that condition lets no source identity in.",
            relied_on_in: &["infra/modules/target/main.tf", "infra/README.md"],
            asks: "AssumeRole with the right external id of a role whose trust is that one statement, without and \
                   with a source identity",
            confirmed_by: "done, then denied",
            refuted_by: "done with the source identity",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let root = json!({"AWS": format!("arn:{}:iam::{}:root", lab.aws.region.partition(), lab.aws.account)});
        let trust = policy(&[json!({"Effect": "Allow", "Principal": root,
            "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
            "Condition": {"StringEquals": {"sts:ExternalId": "live-check-1"}}})]);
        let role = lab.make_role("external", &trust, None).await?;
        let session = lab.session(&[allow(vec!["sts:AssumeRole", "sts:SetSourceIdentity"], role.as_str())]).await?;
        let enter = || {
            let call = session.sts.assume_role().role_arn(&role).role_session_name("live-check");
            call.external_id("live-check-1")
        };
        until("entering the new role with its external id", SPREADS_WITHIN, async || {
            Ok(enter().send().await.answered("entering a role with an external id")?.ok().map(drop))
        })
        .await?;
        let named = enter().source_identity("deployer-1").send().await;
        let named = named.answered("entering a role with a source identity")?;
        let found = format!("with a source identity AssumeRole {}", ended(&named));
        Ok(match was_allowed(&named) {
            Some(true) => Answer::refuted(found),
            Some(false) => Answer::confirmed(found),
            None => Answer::unclear(found),
        })
    }
}
