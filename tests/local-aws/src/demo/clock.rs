//! The demo's clock: hours pass without waiting. What has happened becomes older, in everything that `deployctl` shows.

use std::time::Duration;

use jiff::SignedDuration;

use super::workspace::Workspace;
use crate::time::make_older;
use fixtures::error::{Doing as _, Result};

/// The prefix of the records in the ledger.
const RECORDS: &str = "deployments/";

impl Workspace {
    /// Makes all deployments so far this much older: the times since which releases are live, and those of the records, so
    /// that `status` and `history` agree. No deployer may be running, and no request may wait.
    ///
    /// # Errors
    /// S3 answers with an error.
    pub(super) async fn let_time_pass(&self, time: Duration) -> Result<()> {
        for environment in self.environments() {
            self.aws().let_soaks_pass(environment, time).await?;
        }
        let time = SignedDuration::try_from(time).doing("reading a duration")?;
        for key in self.aws().ledger_keys(RECORDS).await? {
            let Some(mut record) = self.aws().ledger_object(&key).await? else { continue };
            make_older(&mut record, time);
            self.aws().put_in_ledger(&key, record.to_string().into_bytes()).await?;
        }
        Ok(())
    }
}
