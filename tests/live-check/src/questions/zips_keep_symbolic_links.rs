use async_trait::async_trait;
use fixtures::Zip;
use fixtures::error::{Doing as _, Result};
use serde_json::json;

use crate::lab::Lab;
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

const CODE: &str = "import os
def handler(event, context):
    path = os.path.join(os.path.dirname(__file__), 'link.txt')
    reads = open(path).read() if os.path.exists(path) else None
    return {'is_link': os.path.islink(path), 'reads': reads}
";

/// Lambda: the unpacking of a symbolic link in a zip.
pub struct ZipsKeepSymbolicLinks;

#[async_trait(?Send)]
impl Question for ZipsKeepSymbolicLinks {
    fn about(&self) -> About {
        About {
            name: "zips-keep-symbolic-links",
            belief: "Lambda unpacks a symbolic link of a zip as a link.",
            relied_on_in: &["deployer/core/src/package/links.rs", "docs/packages.md"],
            asks: "a function whose zip has a link to a file looks at the link",
            confirmed_by: "it is a link, and leads to the file",
            refuted_by: "it is a file, or missing",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::CannotTell("it does not run functions"),
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let zip = Zip::empty().file("index.py", CODE).file("lib/real.txt", "real").symlink("link.txt", "lib/real.txt");
        let function = lab.function_with("links", zip.build().doing("making a zip")?, &lab.execution_role()).await?;
        let (answer, _) = function.invoke(None).await?;
        if answer.is_null() {
            return Ok(Answer::unclear("the function was not run"));
        }
        Ok(Answer::holds_if(answer == json!({"is_link": true, "reads": "real"}), format!("the function saw {answer}")))
    }
}
