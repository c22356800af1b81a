//! The one place that calls a writing API of Lambda.
//!
//! Must not know when a call is made, or made again (`send_write.rs`), except that none is made too late.

use deployer_core::id::{FunctionName, Version};
use deployer_core::observed::{ObservedAlias, RevisionId};

use super::claimed_target::ClaimedTarget;
use crate::claim::Claim;
use crate::port::{Account, Answer, CallError, CallErrorKind, Write};

/// One writing call to a function in an account. Only a claim, an entered account and enough time make one.
pub(super) struct LambdaWriter<'a> {
    _claim: &'a Claim,
    account: &'a Account,
    function: &'a FunctionName,
}

impl<'a> LambdaWriter<'a> {
    /// Makes the writer of a target, for the next call.
    ///
    /// # Errors
    /// Too little time is left for the longest call, and for the record after it.
    pub fn of(on: ClaimedTarget<'a>) -> Result<Self, CallError> {
        if !on.timer().allows_write() {
            let message = "too little time is left for another call".to_owned();
            return Err(CallError { kind: CallErrorKind::Expired, message });
        }
        Ok(Self { _claim: on.claim, account: on.account, function: &on.deployment.at.function_name })
    }

    /// Makes the call, once.
    pub async fn write(self, write: Write<'_>) -> Result<Answer, CallError> {
        self.account.functions().write(self.function, write).await
    }

    /// Writes an alias as it was read, so that no write that was sent on its RevisionId can move it any more.
    pub async fn rewrite_alias(self, alias: &ObservedAlias, description: &str) -> Result<RevisionId, CallError> {
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
