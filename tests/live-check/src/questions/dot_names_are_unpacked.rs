use async_trait::async_trait;
use fixtures::error::Result;
use fixtures::packages::archive::{Entry, archive};

use crate::lab::Lab;
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

/// Lambda: the unpacking of entries whose names begin with `./`.
pub struct DotNamesAreUnpacked;

#[async_trait(?Send)]
impl Question for DotNamesAreUnpacked {
    fn about(&self) -> About {
        About {
            name: "dot-names-are-unpacked",
            belief: "Lambda takes a zip whose entries are named `./name`, and unpacks them as `name`. The deployer \
                     refuses such a zip, because other readers differ.",
            relied_on_in: &["docs/packages.md"],
            asks: "a function whose zip has one entry, `./index.py`, is invoked",
            confirmed_by: "it runs",
            refuted_by: "the zip is refused, or the handler is not found",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::CannotTell("it does not run functions"),
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let zip = archive(&[Entry::file("./index.py", "def handler(event, context):\n    return 'ran'\n")]);
        // Only Lambda's own word about the zip refutes the belief; a call without an answer does not.
        let function = match lab.try_function_with("dot-names", zip, &lab.execution_role()).await? {
            Ok(function) => function,
            Err(refusal) if refusal.is(400, "InvalidParameterValueException") => {
                return Ok(Answer::refuted(format!("CreateFunction answers {refusal}")));
            }
            Err(refusal) => return Ok(Answer::unclear(format!("CreateFunction answers {refusal}"))),
        };
        match function.invoke(None).await {
            Ok((answer, _)) if answer.is_null() => Ok(Answer::unclear("the function was not run")),
            Ok((answer, _)) => Ok(Answer::holds_if(answer == "ran", format!("the function answered {answer}"))),
            Err(error) if error.to_string().contains("Runtime.ImportModuleError") => {
                Ok(Answer::refuted(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }
}
