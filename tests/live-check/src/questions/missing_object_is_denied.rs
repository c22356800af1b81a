use async_trait::async_trait;
use fixtures::error::Result;
use serde_json::json;

use crate::lab::Lab;
use crate::outcome::{Answered as _, ended};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// S3: is a missing object 403 without ListBucket and 404 with it?
pub struct MissingObjectIsDenied;

#[async_trait(?Send)]
impl Question for MissingObjectIsDenied {
    fn about(&self) -> About {
        About {
            name: "missing-object-is-denied",
            belief: "S3 answers 403 for a missing object to a caller without s3:ListBucket, and 404 to one that may \
                     list the object's key as s3:prefix.",
            relied_on_in: &["deployer/aws/src/ledger.rs", "infra/modules/tooling/role.tf"],
            asks: "GetObject of a missing key in three sessions: with s3:GetObject only, with s3:ListBucket too, and \
                   with s3:ListBucket for the prefix `dev/*`",
            confirmed_by: "403, then 404 NoSuchKey twice",
            refuted_by: "any other three answers",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let bucket = lab.aws.s3_arn(lab.bucket());
        let get = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("{bucket}/*")});
        let list = json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket});
        let mut list_prefix = list.clone();
        list_prefix["Condition"] = json!({"StringLike": {"s3:prefix": "dev/*"}});
        let mut outcomes = Vec::new();
        for statements in [vec![get.clone()], vec![get.clone(), list], vec![get, list_prefix]] {
            let session = lab.session(&statements).await?;
            let call = session.s3.get_object().bucket(lab.bucket()).key("dev/missing");
            outcomes.push(call.send().await.answered("reading a missing object")?);
        }
        let [without, with, by_prefix] = [0, 1, 2].map(|i| ended(&outcomes[i]));
        let is_missing = |i: usize| outcomes[i].as_ref().is_err_and(|refusal| refusal.is(404, "NoSuchKey"));
        let found = format!(
            "without s3:ListBucket GetObject {without}; with it, it {with}; with it for the prefix it {by_prefix}"
        );
        Ok(Answer::holds_if(
            outcomes[0].as_ref().is_err_and(|refusal| refusal.status == 403) && is_missing(1) && is_missing(2),
            found,
        ))
    }
}
