//! `status` with a look: the verdict about the rollout of one function in one environment.

use std::time::Duration;

use deployer_core::function_ref::FunctionRef;
use deployer_core::id::{EnvironmentName, FunctionName};
use deployer_core::status::{FunctionStatus, RolloutStatus, StatusReport};
use deployer_core::text::PlainText;
use futures::future::{Either, select};

use crate::deployment::rollout::{Shown, show_rollout};
use crate::gone_environment::at_or_gone;
use crate::{CommandError, Engine};

/// The time that the look may take: a person waits for the status.
const WITHIN: Duration = Duration::from_secs(10);

impl Engine {
    /// Reports the status of one function in one environment, with what a look at its rollout finds now. A look enters
    /// every target that has begun, and asks CloudWatch, so nobody gets one who has not asked for it.
    ///
    /// # Errors
    /// [`CommandError`]: environment or function is missing, or as those of the status.
    pub(super) async fn status_with_look(
        &self,
        environment: Option<&EnvironmentName>,
        function: Option<&FunctionName>,
    ) -> Result<StatusReport, CommandError> {
        let (Some(environment), Some(function)) = (environment, function) else {
            let because = "a look needs one function in one environment: name both, or leave look out";
            return Err(CommandError::Invalid(because.to_owned()));
        };
        let mut report = self.status(Some(environment), Some(function)).await?;
        if let [status] = report.functions.as_mut_slice() {
            add_verdict(self, &at_or_gone(self, environment, function).await?, status).await;
        }
        Ok(report)
    }
}

/// Adds what a look finds now, or why none was made.
async fn add_verdict(engine: &Engine, at: &FunctionRef<'_>, status: &mut FunctionStatus) {
    let Some(rollout) = status.rollout.take() else { return };
    let look = async {
        let seen = engine.store().head(at).await.map_err(|error| PlainText::of(format_args!("{error}")))?;
        show_rollout(engine, at, &seen.head).await.map_err(PlainText::from)
    };
    let found = match select(Box::pin(look), engine.ports.clock.sleep(WITHIN)).await {
        Either::Left((found, _)) => found,
        Either::Right(_) => {
            let seconds = WITHIN.as_secs();
            Err(PlainText::of(format_args!("no answer within {seconds} seconds")))
        }
    };
    status.rollout = Some(match found {
        Ok(Shown { judgement, takes_back }) => rollout.with_look(&judgement, takes_back.as_deref()),
        Err(because) => RolloutStatus { not_looked_at: Some(because), ..rollout },
    });
}
