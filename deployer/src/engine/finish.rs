//! Step "finish": the end is written down, for the ledger and for CI.

use deployer_core::record::{DeploymentRecord, Ending, RecordedArtifact, Status};

use super::claim::{Claim, encode};
use super::{Engine, Request, Transient};
use crate::port::{LedgerError, Precondition, Written};

impl Engine {
    /// Ends the deployment: the record first, then the result. Either may be missing after a crash, and is completed
    /// when the same upload comes again.
    pub(super) async fn finish(
        &self,
        request: &Request<'_>,
        claim: &Claim,
        ending: Ending,
        facts: RecordedArtifact,
    ) -> Result<DeploymentRecord, Transient> {
        let mut record = claim.record().clone().ended(ending, self.now());
        record.artifact = Some(facts);
        let key = DeploymentRecord::key(&record.environment, &record.function, record.id);
        let precondition = Precondition::Unchanged(claim.etag().clone());
        if self.ports.ledger.put(&key, encode(&record)?, precondition).await? == Written::Lost {
            // Our own echo, or another invocation that held the same event. An ended record is never changed.
            let stored = self.ports.ledger.get(&key).await?;
            let stored = stored.and_then(|(body, _)| serde_json::from_slice::<DeploymentRecord>(&body).ok());
            match stored.filter(|stored| stored.status.is_ended()) {
                Some(stored) => record = stored,
                None => return Err(LedgerError(format!("{key} changed while the deployment ended")).into()),
            }
        }
        self.write_result(request, &record).await?;
        report(&record);
        Ok(record)
    }

    /// The record once more, where CI waits for it. Writing it twice is writing it once.
    pub(super) async fn write_result(
        &self,
        request: &Request<'_>,
        record: &DeploymentRecord,
    ) -> Result<(), LedgerError> {
        let key = DeploymentRecord::result_key(&request.upload.place, &request.upload.artifact);
        self.ports.ledger.put(&key, encode(record)?, Precondition::Absent).await.map(drop)
    }
}

fn report(record: &DeploymentRecord) {
    for target in &record.targets {
        if let Some(error) = &target.error {
            tracing::error!(
                account = %target.account, region = %target.region, step = error.step, code = ?error.code,
                "{}", error.message);
        }
    }
    let seconds =
        record.finished_at.map_or(0.0, |at| (at - record.started_at).total(jiff::Unit::Second).unwrap_or(0.0));
    let because = record.because.as_deref().unwrap_or_default();
    match record.status {
        Status::Succeeded | Status::Unchanged => {
            tracing::info!(status = %record.status, seconds, "deployment ended");
        }
        _ => tracing::warn!(status = %record.status, code = ?record.code, seconds, "deployment ended: {because}"),
    }
}
