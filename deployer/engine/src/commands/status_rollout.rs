//! The verdict about a rollout, in the status of one function in one environment.

use std::time::Duration;

use deployer_core::function_ref::FunctionRef;
use deployer_core::status::FunctionStatus;
use futures::future::{Either, select};

use crate::Engine;
use crate::deployment::rollout::{Shown, show_rollout};

/// The time that the look may take: a person waits for the status.
const WITHIN: Duration = Duration::from_secs(10);

/// Adds what a look finds now. Without an answer in time the status comes without it.
pub(super) async fn add_verdict(engine: &Engine, at: &FunctionRef<'_>, status: &mut FunctionStatus) {
    if status.rollout.is_none() {
        return;
    }
    let look = async {
        let seen = engine.store().head(at).await.ok()?;
        show_rollout(engine, at, &seen.head).await
    };
    let found = match select(Box::pin(look), engine.ports.clock.sleep(WITHIN)).await {
        Either::Left((found, _)) => found,
        Either::Right(_) => None,
    };
    if let Some(Shown { judgement, takes_back }) = found {
        status.rollout = status.rollout.take().map(|rollout| rollout.with_look(&judgement, takes_back.as_deref()));
    }
}
