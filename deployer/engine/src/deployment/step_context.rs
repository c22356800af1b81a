//! The context of all steps of one plan.

use deployer_core::head::{Door, Opening};
use deployer_core::id::Version;
use deployer_core::plan::{Plan, Step};
use deployer_core::record::Previous;

use super::claimed_target::ClaimedTarget;
use super::error::StepError;
use super::send_write::WriteCall;
use crate::Transient;
use crate::port::{Answer, Write};

/// The target, in the session that the plan needs, and the plan.
#[derive(Clone, Copy)]
pub(super) struct StepContext<'a> {
    pub on: ClaimedTarget<'a>,
    pub plan: &'a Plan,
    /// The version that the alias was seen to serve before this deployment first wrote to the target.
    pub previous: Option<&'a Previous>,
}

impl StepContext<'_> {
    /// Returns the door by which the plan writes the alias.
    pub fn door_to(self, version: &Version) -> Option<Door> {
        let revision = self.plan.steps.iter().find_map(|step| match step {
            Step::CreateAlias => Some(None),
            Step::MoveAlias { revision, .. } => Some(Some(revision)),
            _ => None,
        })?;
        Some(Door::of(self.on.claim.active(), self.on.target, (revision, version), self.on.timer().now()))
    }

    /// Returns the door in the form in which the head has it.
    pub fn opening(self, door: Door) -> Opening {
        Opening { door, previous: self.previous.cloned() }
    }

    /// Checks that the claim is still ours, and writes a door into the head.
    pub async fn ensure_still_owned(self, opening: Option<Opening>) -> Result<(), Transient> {
        self.on.ensure_still_owned(self.plan.sha256, opening).await
    }

    /// Makes a writing call.
    pub async fn write(self, step: &'static str, write: Write<'_>) -> Result<Answer, StepError> {
        WriteCall::new(self.on, step, self.plan.sha256, None).send(write).await
    }

    /// Writes the alias by a door that the head knows.
    pub async fn write_alias(self, step: &'static str, write: Write<'_>, door: &Door) -> Result<Answer, StepError> {
        WriteCall::new(self.on, step, self.plan.sha256, Some(door)).send(write).await
    }
}
