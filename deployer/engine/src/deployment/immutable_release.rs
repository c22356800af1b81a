//! Refuses a release that was deployed with other bytes, where releases are immutable.

use deployer_core::artifact::VerifiedArtifact;
use deployer_core::id::Sha256;
use deployer_core::ledger_keys;
use deployer_core::record::{Code, DeploymentRecord, Ending, Status};

use super::Deployment;
use super::error::InvalidArtifact;
use crate::claim::Claim;
use crate::port::LedgerError;

impl Deployment<'_> {
    /// Refuses the release if it was deployed here with other bytes.
    pub(super) async fn refuse_taken_release(
        &self,
        claim: &Claim,
        verified: &VerifiedArtifact,
    ) -> Result<(), InvalidArtifact> {
        match release_is_taken(self, claim, verified.sha256).await {
            Ok(None) => Ok(()),
            Ok(Some(refusal)) => Err(InvalidArtifact::Ending(refusal, Box::new(verified.into()))),
            Err(error) => Err(InvalidArtifact::Transient(error.into())),
        }
    }
}

async fn release_is_taken(
    deployment: &Deployment<'_>,
    claim: &Claim,
    sha256: Sha256,
) -> Result<Option<Ending>, LedgerError> {
    let (at, release, store) = (deployment.at, &deployment.resolved.release, deployment.engine.store());
    // A deployment that has just ended may have no result yet.
    let seen = claim.seen();
    let same_release =
        seen.head.outbox().iter().map(|entry| &entry.record).filter(|r| r.release.as_ref() == Some(release));
    let mut all: Vec<DeploymentRecord> = same_release.cloned().collect();
    for key in store.keys(&ledger_keys::results_of(&at.name, &at.function, release)).await? {
        all.extend(store.record_at(&key).await?);
    }
    for earlier in all {
        let was_live = earlier.targets.iter().any(|t| matches!(t.status, Status::Succeeded | Status::Unchanged));
        let other = earlier.artifact.and_then(|artifact| artifact.sha256).filter(|other| *other != sha256);
        if let Some(other) = other.filter(|_| was_live) {
            let because = format!(
                "release {release} of {} was deployed to {} with other bytes (sha256 {}, deployment {}), and \
                 releases are immutable there: give the new code a new release",
                at.function,
                at.name,
                other.to_hex(),
                earlier.id
            );
            return Ok(Some(Ending::Refused { code: Code::ImmutableRelease, because }));
        }
    }
    Ok(None)
}
