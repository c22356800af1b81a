//! The metadata of the uploads of a plan's releases: their commits and builds, as the records have them.

use std::collections::BTreeMap;

use deployer_core::function_ref::FunctionRef;
use deployer_core::plan::{PlanReport, PlannedRelease};
use deployer_core::text::PlainText;
use futures::stream::{self, StreamExt as _};

use super::Planning;
use crate::store::READ_AT_ONCE;

/// The number of releases between the live one and the planned one that a plan lists.
const BETWEEN: usize = 20;

impl Planning<'_> {
    /// Adds the metadata of the uploads. A record that cannot be read hides nothing else.
    pub(super) async fn with_metadata(self, mut report: PlanReport) -> PlanReport {
        report.between.truncate(BETWEEN);
        let from = report.promote_from.clone().unwrap_or_else(|| self.at.name.clone());
        let Ok(source) = FunctionRef::find(&self.engine.config, &from, &self.at.function) else { return report };
        let releases = report.live.iter_mut().map(|live| (self.at, live));
        let others = report.brings.iter_mut().chain(&mut report.between).map(|release| (&source, release));
        let completed = stream::iter(releases.chain(others)).for_each_concurrent(READ_AT_ONCE, |(at, release)| async {
            release.metadata = self.metadata(at, release).await;
        });
        completed.await;
        report
    }

    /// Reads the metadata from the record of the deployment that brought a release.
    async fn metadata(self, at: &FunctionRef<'_>, release: &PlannedRelease) -> BTreeMap<String, PlainText> {
        let Some(id) = release.deployment else { return BTreeMap::new() };
        match self.engine.store().record(at, id).await {
            Ok(record) => {
                record.and_then(|record| record.artifact).map(|artifact| artifact.metadata).unwrap_or_default()
            }
            Err(error) => {
                tracing::warn!(deployment = %id, "the commit of a release is left out of the plan: {error}");
                BTreeMap::new()
            }
        }
    }
}
