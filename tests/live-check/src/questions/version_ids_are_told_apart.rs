use async_trait::async_trait;
use fixtures::error::Result;

use crate::lab::Lab;
use crate::outcome::{Answered as _, Refusal, ended};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// S3: which answer has a delete marker, and which a malformed version id?
pub struct VersionIdsAreToldApart;

#[async_trait(?Send)]
impl Question for VersionIdsAreToldApart {
    fn about(&self) -> About {
        About {
            name: "version-ids-are-told-apart",
            belief: "GetObject of a delete marker by its version id answers 405, and of a malformed version id 400.",
            relied_on_in: &["deployer/aws/src/s3.rs"],
            asks: "GetObject with the version id of a delete marker, and with `not-a-version`",
            confirmed_by: "405, then 400",
            refuted_by: "any other two answers",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Refutes("it answers 404 NoSuchVersion to both"),
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let (s3, bucket) = (&lab.aws.s3, lab.bucket());
        lab.put("versions/deleted", "1").await?;
        let deleted =
            s3.delete_object().bucket(bucket).key("versions/deleted").send().await.done("deleting an object")?;
        let get = |version: &str| s3.get_object().bucket(bucket).key("versions/deleted").version_id(version);
        let marker = get(deleted.version_id().unwrap_or_default()).send().await.answered_to_user("reading a marker")?;
        let malformed = get("not-a-version").send().await.answered_to_user("reading a malformed version")?;
        let found = format!("the marker's id {}; the malformed id {}", ended(&marker), ended(&malformed));
        let is = |outcome: &Result<_, Refusal>, status| outcome.as_ref().is_err_and(|refusal| refusal.status == status);
        Ok(Answer::holds_if(is(&marker, 405) && is(&malformed, 400), found))
    }
}
