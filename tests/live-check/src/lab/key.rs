//! The customer key of a run, which the first question that needs it makes.

use fixtures::error::{Error, Result};
use serde_json::json;

use super::{Lab, TAGS_KNOWN_WITHIN, TOOL};
use crate::outcome::Answered as _;
use crate::polling::until_allowed;

impl Lab {
    /// The ARN of a customer key whose own policy leaves its use to IAM.
    ///
    /// # Errors
    /// KMS refuses it.
    pub async fn customer_key(&self) -> Result<&str> {
        let made = self.key.get_or_try_init(async || {
            let asked = json!({"Description": "Made by live-check, which removes it",
                "Tags": [{"TagKey": TOOL, "TagValue": self.names.id()}]});
            let made = self.aws.kms("CreateKey", &asked).await.done("making a key (kms:CreateKey)")?;
            let (id, arn) = (&made["KeyMetadata"]["KeyId"], &made["KeyMetadata"]["Arn"]);
            let alias = json!({"AliasName": format!("alias/{}", self.names.of("key")), "TargetKeyId": id});
            let doing = "naming a key (kms:CreateAlias)";
            let named =
                until_allowed(doing, TAGS_KNOWN_WITHIN, async || self.aws.kms("CreateAlias", &alias).await).await;
            if let Err(error) = named {
                // Without the alias nobody would find it.
                let scheduled = json!({"KeyId": id, "PendingWindowInDays": 7});
                let scheduled = self.aws.kms("ScheduleKeyDeletion", &scheduled).await;
                scheduled.done(&format!(
                    "scheduling the deletion of key {id}, which has no name (kms:ScheduleKeyDeletion)"
                ))?;
                return Err(error);
            }
            arn.as_str()
                .map(str::to_owned)
                .ok_or_else(|| Error::Unexpected(format!("KMS made a key without an ARN: {made}")))
        });
        made.await.map(String::as_str)
    }
}
