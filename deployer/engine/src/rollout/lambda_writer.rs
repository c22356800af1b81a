//! The one place that calls a writing API of Lambda.
//!
//! Must not know when a call is made, or made again (`sending.rs`), except that it rewrites no alias too late.

use deployer_core::id::{FunctionName, Version};
use deployer_core::observed::{ObservedAlias, RevisionId};

use super::claimed_target::ClaimedTarget;
use crate::claim::Claim;
use crate::port::{Account, Answer, CallError, CallErrorKind, Write};
use crate::timer::Timer;

/// The writing side of a function in an account. Only a claim and an entered account make one.
#[derive(Clone, Copy)]
pub(super) struct LambdaWriter<'a> {
    _claim: &'a Claim,
    account: &'a Account,
    function: &'a FunctionName,
    timer: Timer<'a>,
}

impl<'a> LambdaWriter<'a> {
    /// Makes the writer of a target.
    pub fn of(on: ClaimedTarget<'a>) -> Self {
        Self { _claim: on.claim, account: on.account, function: &on.rollout.at.function_name, timer: on.timer() }
    }

    /// Makes a call, once.
    pub async fn write(self, write: Write<'_>) -> Result<Answer, CallError> {
        self.account.functions().write(self.function, write).await
    }

    /// Writes an alias as it was read, so that no write that was sent on its RevisionId can move it any more.
    pub async fn rewrite_alias(self, alias: &ObservedAlias, description: &str) -> Result<RevisionId, CallError> {
        if !self.timer.allows_write() {
            let message = "too little time is left for another call".to_owned();
            return Err(CallError { kind: CallErrorKind::Expired, message });
        }
        match self.write(Write::RewriteAlias { alias, description }).await? {
            Answer::Alias(rewritten) => Ok(rewritten.revision),
            _ => Ok(alias.revision.clone()),
        }
    }

    /// Deletes a version that nothing needs.
    pub async fn delete_version(self, version: &Version) -> Result<(), CallError> {
        self.write(Write::DeleteVersion(version)).await.map(drop)
    }
}
