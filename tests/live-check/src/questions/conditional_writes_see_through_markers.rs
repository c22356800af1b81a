use async_trait::async_trait;
use fixtures::error::Result;

use crate::lab::Lab;
use crate::outcome::{Answered as _, Refusal, ended};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// S3: the answers to If-Match and If-None-Match for a deleted object.
pub struct ConditionalWritesSeeThroughMarkers;

#[async_trait(?Send)]
impl Question for ConditionalWritesSeeThroughMarkers {
    fn about(&self) -> About {
        About {
            name: "conditional-writes-see-through-markers",
            belief: "A key whose newest version is a delete marker counts as missing: If-Match answers 404 \
                     NoSuchKey, and If-None-Match: * succeeds.",
            relied_on_in: &["deployer/aws/src/ledger.rs"],
            asks: "PutObject with If-Match on a key that never was and on a deleted one, then with If-None-Match: \
                   * on the deleted one",
            confirmed_by: "404 NoSuchKey twice, then success",
            refuted_by: "any other three answers",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let (s3, bucket) = (&lab.aws.s3, lab.bucket());
        let put = |key: &str| s3.put_object().bucket(bucket).key(key).body(b"2".to_vec().into());
        let etag = "\"0123456789abcdef0123456789abcdef\"";
        let missing = put("marker/never").if_match(etag).send().await.answered_to_user("writing to a missing key")?;
        lab.put("marker/deleted", "1").await?;
        s3.delete_object().bucket(bucket).key("marker/deleted").send().await.done("deleting an object")?;
        let deleted = put("marker/deleted").if_match(etag).send().await.answered_to_user("writing over a marker")?;
        let anew = put("marker/deleted").if_none_match("*").send().await.answered_to_user("writing over a marker")?;
        let found = format!(
            "If-Match on a missing key {}; on a deleted one it {}; If-None-Match: * on the deleted one {}",
            ended(&missing),
            ended(&deleted),
            ended(&anew)
        );
        let is_404 = |outcome: &Result<_, Refusal>| outcome.as_ref().is_err_and(|refusal| refusal.is(404, "NoSuchKey"));
        Ok(Answer::holds_if(is_404(&missing) && is_404(&deleted) && anew.is_ok(), found))
    }
}
