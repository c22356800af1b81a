//! The customer key of a run, which the first question that needs it makes.

use fixtures::error::{Error, Result};
use serde_json::json;

use super::{Lab, TOOL};
use crate::outcome::Answered as _;

impl Lab {
    /// The ARN of a customer key whose own policy leaves its use to IAM. It is made with its tag, by which it is found.
    ///
    /// # Errors
    /// KMS refuses it.
    pub async fn customer_key(&self) -> Result<&str> {
        let made = self.key.get_or_try_init(async || {
            let asked = json!({"Description": "Made by live-check, which removes it",
                "Tags": [{"TagKey": TOOL, "TagValue": self.names.id()}]});
            let made = self.aws.kms("CreateKey", &asked).await.done("making a key (kms:CreateKey)")?;
            made["KeyMetadata"]["Arn"]
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| Error::Unexpected(format!("KMS made a key without an ARN: {made}")))
        });
        made.await.map(String::as_str)
    }
}
