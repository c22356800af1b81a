use async_trait::async_trait;
use fixtures::error::Result;

use crate::lab::{Lab, TOOL, allow};
use crate::outcome::Answered as _;
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: the right that shows a function's tags in GetFunction.
pub struct TagsNeedListTags;

#[async_trait(?Send)]
impl Question for TagsNeedListTags {
    fn about(&self) -> About {
        About {
            name: "tags-need-list-tags",
            belief: "GetFunction shows tags only to a caller with lambda:ListTags, and leaves them out without an \
                     error otherwise.",
            relied_on_in: &["deployer/core/src/session_policy.rs", "tests/local-aws/local_aws/access.py"],
            asks: "GetFunction in two sessions: with lambda:GetFunction alone, and with lambda:ListTags too",
            confirmed_by: "no tags, then tags",
            refuted_by: "tags without lambda:ListTags, or an error",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let arn = lab.function_arn("base");
        let mut shown = Vec::new();
        for rights in [vec!["lambda:GetFunction"], vec!["lambda:GetFunction", "lambda:ListTags"]] {
            let session = lab.session(&[allow(rights, arn.as_str())]).await?;
            let read = session.lambda.get_function().function_name(lab.names.of("base")).send().await;
            shown.push(read.done("reading a function")?.tags.is_some_and(|tags| tags.contains_key(TOOL)));
        }
        let found = format!("tags are shown without lambda:ListTags: {}; with it: {}", shown[0], shown[1]);
        Ok(Answer::holds_if(!shown[0] && shown[1], found))
    }
}
