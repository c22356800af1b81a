//! Tells in the head which calls are tried again for a while. Best effort: nothing is decided by it.

use std::convert::Infallible;

use deployer_core::head::{self, RetriedCall};

use super::Deployment;
use super::prerequisites::Prerequisites;
use crate::Transient;
use crate::claim::Claim;
use crate::retried_calls::TOLD_AFTER;
use crate::store::{Change, Versioned};

/// Tells the calls of a deployment that are tried again.
pub(super) struct RetryTeller<'a> {
    pub deployment: &'a Deployment<'a>,
}

impl RetryTeller<'_> {
    /// Tells the calls that are tried for long, and takes them away once they have ended. Never returns; whoever ends
    /// the deployment drops it.
    pub(super) async fn tell_retries(self, needs: &Prerequisites<'_>) -> Infallible {
        loop {
            self.deployment.retried.begun().await;
            let Ok(claim) = needs.claim().await else { return std::future::pending().await };
            let mut told: Vec<RetriedCall> = claim.active().retried_calls().to_vec();
            while !(self.deployment.retried.is_empty() && told.is_empty()) {
                self.deployment.engine.timer().sleep(TOLD_AFTER).await;
                let calls = self.deployment.retried.lasting(self.deployment.engine.now());
                // AWS's words may have a request id that differs from try to try.
                let is_told = calls.len() == told.len()
                    && calls
                        .iter()
                        .zip(&told)
                        .all(|(call, told)| (&call.target, &call.step) == (&told.target, &told.step));
                if !is_told {
                    self.tell(&claim, &calls).await;
                    told = calls;
                }
            }
        }
    }

    async fn tell(&self, claim: &Claim, calls: &[RetriedCall]) {
        let tell = async |seen: &mut Versioned| {
            Ok::<_, Transient>(match head::with_retried_calls(&seen.head, claim.token(), calls) {
                Some(head) => Change::Write(Box::new(head), ()),
                None => Change::Keep(()),
            })
        };
        let before = claim.seen();
        let etag = before.etag.clone();
        match self.deployment.engine.store().update_head(self.deployment.at, Some(before), tell).await {
            // Another part may have written the head meanwhile, and knows a newer state.
            Ok((seen, ())) if claim.seen().etag == etag => claim.set_seen(seen),
            Ok(_) => {}
            Err(error) => tracing::debug!("the head does not tell which calls are tried again: {error}"),
        }
    }
}
