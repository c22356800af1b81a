use async_trait::async_trait;
use aws_sdk_lambda::primitives::Blob;
use fixtures::error::Result;

use crate::lab::{Lab, allow, code};
use crate::outcome::{Answered as _, Refusal};
use crate::question::{About, Answer, Needs, OnLocalAws, Question};

fn status<T>(outcome: &Result<T, Refusal>) -> u16 {
    outcome.as_ref().map_or_else(|refusal| refusal.status, |_| 200)
}

/// Lambda: does it check rights before it looks for the function?
pub struct RightsAreCheckedBeforeExistence;

#[async_trait(?Send)]
impl Question for RightsAreCheckedBeforeExistence {
    fn about(&self) -> About {
        About {
            name: "rights-are-checked-before-existence",
            belief: "Lambda checks rights before it looks for the function: for a missing one it answers 403 \
                     without the right and 404 with it.",
            relied_on_in: &["deployer/core/src/doctor/action.rs", "deployer/aws/src/probe.rs"],
            asks: "GetFunction, UpdateFunctionCode (DryRun), PublishVersion and UpdateAlias of a missing function \
                   in two sessions, without and with the right",
            confirmed_by: "403 four times, then 404 four times",
            refuted_by: "404 without the right, or success",
            needs: Needs::Nothing,
            on_local_aws: OnLocalAws::Confirms,
        }
    }

    async fn ask(&self, lab: &Lab) -> Result<Answer> {
        let (name, arn) = (lab.names.of("missing"), lab.function_arn("missing"));
        let actions =
            ["lambda:GetFunction", "lambda:UpdateFunctionCode", "lambda:PublishVersion", "lambda:UpdateAlias"];
        let mut statuses = Vec::new();
        for may in [lab.function_arn("base"), arn] {
            let session = lab.session(&[allow(actions.to_vec(), vec![may.clone(), format!("{may}:*")])]).await?;
            let lambda = &session.lambda;
            let read = lambda.get_function().function_name(&name).send().await;
            statuses.push(status(&read.answered("reading a missing function")?));
            let update =
                lambda.update_function_code().function_name(&name).dry_run(true).zip_file(Blob::new(code("1")?));
            statuses.push(status(&update.send().await.answered("updating a missing function")?));
            let publish = lambda.publish_version().function_name(&name).send().await;
            statuses.push(status(&publish.answered("publishing a missing function")?));
            let alias = lambda.update_alias().function_name(&name).name("live").function_version("1").send().await;
            statuses.push(status(&alias.answered("moving an alias of a missing function")?));
        }
        let (without, with) = statuses.split_at(actions.len());
        let found = format!("without the rights {without:?}; with them {with:?} (of {})", actions.join(", "));
        if without.iter().all(|status| *status == 403) && with.iter().all(|status| *status == 404) {
            return Ok(Answer::confirmed(found));
        }
        let shows = without.iter().any(|status| matches!(status, 200 | 404)) || with.contains(&200);
        Ok(if shows { Answer::refuted(found) } else { Answer::unclear(found) })
    }
}
