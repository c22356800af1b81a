//! Step "claim": a duplicate meets its record, anything else gets one before it may write.
//!
//! Must not know: Lambda. The order of uploads and the head belong here too.

use std::sync::Arc;

use deployer_core::record::{Cause, CauseKind, DeploymentRecord, SCHEMA, Status, TargetOutcome};
use futures::future::Shared;

use super::{Engine, Request, Unclaimed};
use crate::port::{ETag, LedgerError, Precondition, Written};

/// The permission to write on behalf of one deployment. Only the ledger gives it: there is no other way to make one.
pub struct Claim {
    /// The record as it stands in the ledger, in progress.
    record: DeploymentRecord,
    etag: ETag,
    /// An earlier invocation began this deployment, and may have written anything.
    resumed: bool,
}

impl Claim {
    /// Whether an earlier invocation began this deployment and did not end it.
    pub(super) fn resumed(&self) -> bool {
        self.resumed
    }

    /// The record that the ledger holds.
    #[must_use]
    pub fn record(&self) -> &DeploymentRecord {
        &self.record
    }

    pub(super) fn etag(&self) -> &ETag {
        &self.etag
    }
}

impl From<LedgerError> for Unclaimed {
    fn from(error: LedgerError) -> Self {
        Self::Transient(error.into())
    }
}

impl Engine {
    /// Whether the ledger has the end of this upload already: its result, under whichever id.
    pub(super) async fn look_up(&self, request: &Request<'_>) -> Result<(), Unclaimed> {
        let key = DeploymentRecord::result_key(&request.upload.place, &request.upload.artifact);
        match self.ports.ledger.get(&key).await? {
            Some((body, _)) => Err(Unclaimed::Ended(Box::new(self.ended_earlier(&key, &body)?))),
            None => Ok(()),
        }
    }

    /// Writes the record that says "in progress", or goes on with the one that an earlier try has left.
    pub(super) async fn claim(
        &self,
        request: &Request<'_>,
        known: Shared<impl Future<Output = Result<(), Unclaimed>>>,
    ) -> Result<Arc<Claim>, Unclaimed> {
        known.await?;
        let place = &request.upload.place;
        let key = DeploymentRecord::key(&place.environment, &place.function, request.id);
        let record = self.first_record(request);
        let body = encode(&record)?;
        if let Written::Now(etag) = self.ports.ledger.put(&key, body, Precondition::Absent).await? {
            return Ok(Arc::new(Claim { record, etag, resumed: false }));
        }
        let Some((body, etag)) = self.ports.ledger.get(&key).await? else {
            return Err(LedgerError(format!("{key} was there and is gone")).into());
        };
        let record = decode(&key, &body)?;
        if record.status.is_ended() {
            // It ended, but whoever ended it did not get to writing the result.
            self.write_result(request, &record).await?;
            return Err(Unclaimed::Ended(Box::new(self.ended_earlier(&key, &body)?)));
        }
        tracing::info!(since = %record.started_at, "going on with a deployment that did not end");
        Ok(Arc::new(Claim { record, etag, resumed: true }))
    }

    fn ended_earlier(&self, key: &str, body: &[u8]) -> Result<DeploymentRecord, LedgerError> {
        let record = decode(key, body)?;
        tracing::info!(
            ended = %record.id, status = %record.status, "duplicate: this upload's deployment has ended; nothing is done");
        Ok(record)
    }

    fn first_record(&self, request: &Request<'_>) -> DeploymentRecord {
        let upload = request.upload;
        let alias = &request.environment.alias;
        DeploymentRecord {
            schema: SCHEMA,
            id: request.id,
            environment: upload.place.environment.clone(),
            function: upload.place.function.clone(),
            release: Some(upload.place.release.clone()),
            status: Status::InProgress,
            code: None,
            because: None,
            cause: Cause { kind: CauseKind::Upload, requested_by: None, event_id: upload.event_id.clone() },
            artifact: Some((&upload.artifact).into()),
            targets: (request.environment.targets.iter())
                .map(|target| {
                    TargetOutcome::untouched(target, request.function.clone(), alias.clone(), Status::InProgress)
                })
                .collect(),
            started_at: self.now(),
            finished_at: None,
        }
    }
}

/// A ledger object as JSON.
pub(super) fn encode(record: &DeploymentRecord) -> Result<Vec<u8>, LedgerError> {
    serde_json::to_vec_pretty(record).map_err(|error| LedgerError(format!("record {} as JSON: {error}", record.id)))
}

/// A ledger object that is not JSON of our schema stops its function, and says so.
pub(super) fn decode(key: &str, body: &[u8]) -> Result<DeploymentRecord, LedgerError> {
    let record: DeploymentRecord = serde_json::from_slice(body).map_err(|error| {
        LedgerError(format!(
            "{key} in the ledger bucket cannot be read ({error}): restore its former S3 version, or delete it to \
             deploy again"
        ))
    })?;
    if record.schema == SCHEMA {
        return Ok(record);
    }
    Err(LedgerError(format!(
        "{key} in the ledger bucket has schema {}, this deployer knows {SCHEMA}: run the deployer that wrote it",
        record.schema
    )))
}
