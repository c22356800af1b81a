//! One target of a deployment, with the two permissions to act there: the claim and the entered account.

use deployer_core::config::Target;
use deployer_core::observed::ObservedAlias;
use deployer_core::plan::Plan;
use deployer_core::record::{Previous, TargetError, TargetErrorCode};

use super::Deployment;
use super::function_reader::FunctionReader;
use crate::claim::Claim;
use crate::port::Account;
use crate::timer::Timer;

/// The number of times that a target is observed again after a precondition failed and nothing foreign was found.
pub(super) const MAX_REOBSERVATIONS: u32 = 4;

/// One target of a deployment. Its steps are in the files that carry their names.
#[derive(Clone, Copy)]
pub(super) struct ClaimedTarget<'a> {
    pub deployment: &'a Deployment<'a>,
    pub claim: &'a Claim,
    pub target: &'a Target,
    pub account: &'a Account,
}

impl<'a> ClaimedTarget<'a> {
    /// Returns the time that this invocation has.
    pub fn timer(self) -> Timer<'a> {
        self.deployment.retried.noted_by(self.deployment.engine.timer(), self.target)
    }

    /// Returns the reading side of the account.
    pub fn reader(self) -> FunctionReader<'a> {
        FunctionReader { timer: self.timer(), at: self.deployment.at, account: self.account }
    }

    /// Notes how the alias was read.
    pub fn note_alias(self, alias: Option<&ObservedAlias>) {
        let (claim, now) = (self.claim, self.timer().now());
        if claim.doors.observe(&claim.active_now(), self.target, alias, now) {
            self.deployment.progress.set_moved(self.target);
        }
    }

    /// Returns the version that was live here before this deployment, as the head says.
    pub fn live_before(self) -> Option<Previous> {
        let seen = self.claim.seen();
        let live = seen.head.live_state().target_of(self.deployment.at, self.target)?;
        Some(Previous { version: live.version.clone()?, sha256: live.sha256, weights: Default::default() })
    }

    /// Returns the version that the alias served before this deployment first wrote to it, if the head has it. Owners
    /// that did not know of doors wrote nothing down: then it is the version that the ledger knew.
    pub fn served_before(self) -> Option<Option<Previous>> {
        let written = self.claim.served_before(self.target);
        written.or_else(|| self.live_before().filter(|_| self.claim.doors.may_be_unrecorded()).map(Some))
    }

    /// Whether earlier writes may be ruled out here: nothing else writes the alias.
    pub fn may_shut_doors(self, plan: &Plan) -> bool {
        (plan.writes_nothing() || self.claim.stopped().is_some()) && !self.claim.only_observes()
    }

    /// Makes the error of a target that somebody else has changed.
    pub fn foreign_change(self, step: &str, found: &str) -> TargetError {
        let function = &self.deployment.at.function_name;
        TargetError::new(
            TargetErrorCode::ForeignChange,
            step,
            format!(
                "somebody else changed function {function} meanwhile: {found}; nothing was overwritten: find out who writes to it, \
                 then try again"
            ),
        )
    }
}
