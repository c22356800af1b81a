//! `history`: the deployments of a function, newest first, without reading all of them.

use deployer_core::function_ref::FunctionRef;
use deployer_core::head::{ENDED, Head};
use deployer_core::id::{DeploymentId, EnvironmentName, FunctionName};
use deployer_core::ledger_keys;
use deployer_core::record::{DeploymentRecord, Status};
use deployer_core::text::PlainText;
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::known::ensure_known;
use crate::gone_environment::at_or_gone;
use crate::store::Versioned;
use crate::{CommandError, Engine, Transient};

/// The most records of one answer.
const MOST_RECORDS: usize = 100;

/// The deployments of a function in an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// Newest first, by the second of their requests, and within it by their start.
    pub deployments: Vec<DeploymentRecord>,
    /// After a promotion by a pattern: the functions that match and are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_ready: Vec<NotReady>,
}

/// A function that a pattern of a promotion matches, and that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotReady {
    /// The function.
    pub function: FunctionName,
    /// The reason.
    pub because: PlainText,
}

impl Engine {
    /// Reads the newest records of a function in an environment, newest first, at most 100.
    ///
    /// The head names the last ones, in the order of their ends. Only a request for more makes the ledger list its
    /// keys, which sort by time.
    ///
    /// # Errors
    /// [`CommandError`]: nobody knows the environment, no environment knows the function, or the ledger is away.
    pub async fn history(
        &self,
        environment: &EnvironmentName,
        function: &FunctionName,
        limit: usize,
    ) -> Result<History, CommandError> {
        let at = at_or_gone(self, environment, function).await?;
        let Versioned { head, etag, .. } = self.store().head(&at).await.map_err(Transient::from)?;
        if etag.is_none() {
            ensure_known(self, None, function).await?;
        }
        let mut ids = head.deployments();
        if limit > ids.len() && ids.len() >= ENDED {
            ids = all_ids(self, &at).await?;
        }
        let limit = limit.min(MOST_RECORDS);
        // Ids sort by whole seconds only: all records of the last second are read before some of them are left out.
        let last = limit.checked_sub(1).and_then(|last| ids.get(last).copied());
        let within_last = ids.iter().skip(limit).take_while(|id| last.is_some_and(|last| id.is_of_the_second_of(last)));
        ids.truncate(limit + within_last.count());
        let records = ids.iter().map(|id| async {
            let record = self.store().record(&at, *id).await?;
            // The head may be written already, and the record not yet.
            let record = record.or_else(|| head.ended_record(*id).cloned());
            Ok::<_, Transient>(record.map(|record| with_reason(record, &at, &head)))
        });
        let mut deployments: Vec<DeploymentRecord> = try_join_all(records).await?.into_iter().flatten().collect();
        // The order is that of the ids: a request for one more gets the same records, and one more.
        deployments.sort_by(|one, other| match one.id.is_of_the_second_of(other.id) {
            true => (other.started_at, other.id).cmp(&(one.started_at, one.id)),
            false => other.id.cmp(&one.id),
        });
        deployments.truncate(limit);
        Ok(History { deployments, not_ready: vec![] })
    }
}

/// Adds to the record of the active deployment why it does not get on.
fn with_reason(record: DeploymentRecord, at: &FunctionRef<'_>, head: &Head) -> DeploymentRecord {
    match head.active() {
        Some(active) if active.request.id == record.id && record.status == Status::InProgress => {
            let DeploymentRecord { code, because, .. } = at.under_way(active);
            DeploymentRecord { code: code.or(record.code), because: because.or(record.because), ..record }
        }
        _ => record,
    }
}

async fn all_ids(engine: &Engine, at: &FunctionRef<'_>) -> Result<Vec<DeploymentId>, Transient> {
    let keys = engine.store().keys(&ledger_keys::records_of(&at.name, &at.function)).await?;
    Ok(keys.iter().rev().filter_map(|key| ledger_keys::parse_record(key)).collect())
}
