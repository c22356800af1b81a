//! Adds the approvals of live releases to the status. The records of their deployments have them.

use deployer_core::config::Environment;
use deployer_core::function_ref::FunctionRef;
use deployer_core::id::DeploymentId;
use deployer_core::status::FunctionStatus;
use deployer_core::text::Person;
use futures::future::{OptionFuture, join, join_all};

use crate::Engine;

/// Adds those who approved what is live, in the environments that ask for approval. A record that cannot be read adds
/// nobody.
pub(super) async fn add_approvals(engine: &Engine, functions: &mut [FunctionStatus]) {
    join_all(functions.iter_mut().map(|status| async {
        let at = FunctionRef::find(&engine.config, &status.environment, &status.function).ok();
        let asks = |environment: &Environment| environment.approval.is_some();
        if let Some((at, live)) = at.filter(|at| asks(&at.environment)).zip(status.live.as_mut()) {
            let renamed_by = live.renamed.as_ref().map(|renamed| renamed.deployment);
            let renamed_by = OptionFuture::from(renamed_by.map(|id| approved_by(engine, &at, id)));
            let (approved, renamed) = join(approved_by(engine, &at, live.deployment), renamed_by).await;
            (live.approved_by, live.renamed_approved_by) = (approved, renamed.unwrap_or_default());
        }
    }))
    .await;
}

async fn approved_by(engine: &Engine, at: &FunctionRef<'_>, deployment: DeploymentId) -> Vec<Person> {
    let record = engine.store().record(at, deployment).await.ok().flatten();
    let promotion = record.and_then(|record| record.promotion);
    promotion.map_or(vec![], |promotion| promotion.approvals.into_iter().map(|given| given.by).collect())
}
