//! KMS's part. A key cannot be deleted at once: KMS deletes it after seven days.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::find::Listed;
use super::{CleanupError, Cleared as _, Result};
use crate::aws::Aws;
use crate::lab::{TAGS_KNOWN_WITHIN, TOOL};

/// Lists the keys whose tag names a run under this prefix, without those that KMS deletes already.
///
/// A key's policy may hide its tags from roles. The keys of runs have no such policy, so such a key is left out. Where
/// no customer key shows its tags, the caller lacks the right.
pub(super) async fn keys(aws: &Aws, prefix: &str) -> Listed {
    let mut listed = Vec::new();
    let (mut is_shown, mut denied) = (false, None);
    for key in all_keys(aws).await? {
        let doing = format!("reading the tags of key {key} (kms:ListResourceTags)");
        match aws.kms("ListResourceTags", &json!({"KeyId": key})).await.cleared(&doing) {
            Ok(tags) => {
                is_shown = true;
                if has_tag_of(&tags, prefix) && described(aws, &key).await?["KeyState"] != "PendingDeletion" {
                    listed.push((key, true));
                }
            }
            Err(error) if error.is_denied() => {
                if denied.is_none() && described(aws, &key).await?["KeyManager"] != "AWS" {
                    denied = Some(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    denied.filter(|_| !is_shown).map_or(Ok(listed), Err)
}

async fn all_keys(aws: &Aws) -> Result<Vec<String>> {
    let mut all = Vec::new();
    let mut asked = json!({"Limit": 1000});
    loop {
        let page = aws.kms("ListKeys", &asked).await.cleared("listing keys (kms:ListKeys)")?;
        let keys = page["Keys"].as_array().into_iter().flatten();
        all.extend(keys.filter_map(|key| key["KeyId"].as_str()).map(str::to_owned));
        if page["Truncated"] != true {
            return Ok(all);
        }
        asked["Marker"] = page["NextMarker"].clone();
    }
}

fn has_tag_of(tags: &Value, prefix: &str) -> bool {
    tags["Tags"].as_array().into_iter().flatten().any(|tag| {
        let run = tag["TagValue"].as_str().unwrap_or_default();
        tag["TagKey"] == TOOL && format!("{TOOL}-{run}").starts_with(prefix)
    })
}

async fn described(aws: &Aws, key: &str) -> Result<Value> {
    let described = aws.kms("DescribeKey", &json!({"KeyId": key})).await;
    Ok(described.cleared(&format!("looking at key {key} (kms:DescribeKey)"))?["KeyMetadata"].take())
}

pub(super) async fn remove_key(aws: &Aws, key: &str) -> Result<()> {
    let scheduled = aws.kms("ScheduleKeyDeletion", &json!({"KeyId": key, "PendingWindowInDays": 7})).await;
    match scheduled.cleared("scheduling a key's deletion (kms:ScheduleKeyDeletion)") {
        // The right may depend on the tag of a key that is too new for it.
        Err(CleanupError::Denied(error)) if is_young(&described(aws, key).await?, SystemTime::now()) => {
            Err(CleanupError::Failed(error))
        }
        ended => ended.map(drop),
    }
}

/// Whether a key's tags may not count for rights yet.
fn is_young(described: &Value, now: SystemTime) -> bool {
    let created = described["CreationDate"].as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let created = created.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
    created.is_some_and(|created| now.duration_since(created).unwrap_or_default() < TAGS_KNOWN_WITHIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_found_by_the_run_in_its_tag() {
        let tags = json!({"Tags": [{"TagKey": "team", "TagValue": "a"}, {"TagKey": "live-check", "TagValue": "abc"}]});
        assert!(has_tag_of(&tags, "live-check-"));
        assert!(has_tag_of(&tags, "live-check-abc"));
        assert!(!has_tag_of(&tags, "live-check-abd"));
        assert!(!has_tag_of(&json!({"Tags": [{"TagKey": "team", "TagValue": "abc"}]}), "live-check-"));
    }

    #[test]
    fn key_is_young_until_its_tags_count() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000);
        for (created, young) in [(9_999.5, true), (9_700.0, true), (9_600.0, false), (10_100.0, true)] {
            assert_eq!(is_young(&json!({"CreationDate": created}), now), young, "{created}");
        }
        assert!(!is_young(&json!({}), now));
    }
}
