//! KMS's part. A key cannot be deleted at once: KMS deletes it after seven days, and an alias leads to it until then.

use fixtures::error::Result;
use serde_json::{Value, json};

use super::find::Listed;
use crate::aws::Aws;
use crate::lab::TOOL;
use crate::outcome::Answered as _;

pub(super) async fn keys(aws: &Aws, prefix: &str) -> Listed {
    let mut listed = Vec::new();
    let mut marker = Value::Null;
    loop {
        let mut asked = json!({"Limit": 100});
        if !marker.is_null() {
            asked["Marker"] = marker;
        }
        let page = aws.kms("ListAliases", &asked).await.done("listing keys (kms:ListAliases)")?;
        for alias in page["Aliases"].as_array().into_iter().flatten() {
            let is_ours = alias["AliasName"].as_str().is_some_and(|name| name.starts_with(&format!("alias/{prefix}")));
            let Some(key) = alias["TargetKeyId"].as_str().filter(|_| is_ours) else { continue };
            let tags = aws.kms("ListResourceTags", &json!({"KeyId": key})).await;
            let tags = tags.done(&format!("reading the tags of key {key} (kms:ListResourceTags)"))?;
            let is_tagged = tags["Tags"].as_array().into_iter().flatten().any(|tag| tag["TagKey"] == TOOL);
            listed.push((key.to_owned(), is_tagged));
        }
        if page["Truncated"] != true {
            return Ok(listed);
        }
        marker = page["NextMarker"].clone();
    }
}

pub(super) async fn remove_key(aws: &Aws, key: &str) -> Result<()> {
    // The aliases go last: by them a next `--clean` finds a key whose deletion was not scheduled.
    let aliases =
        aws.kms("ListAliases", &json!({"KeyId": key})).await.done("listing a key's aliases (kms:ListAliases)")?;
    let scheduled = aws.kms("ScheduleKeyDeletion", &json!({"KeyId": key, "PendingWindowInDays": 7})).await;
    scheduled.done("scheduling a key's deletion (kms:ScheduleKeyDeletion)")?;
    for alias in aliases["Aliases"].as_array().into_iter().flatten() {
        let deleted = aws.kms("DeleteAlias", &json!({"AliasName": alias["AliasName"]})).await;
        deleted.done("removing a key's alias (kms:DeleteAlias)")?;
    }
    Ok(())
}
