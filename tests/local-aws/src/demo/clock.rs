//! The demo's clock: hours pass without waiting. What has happened becomes older, in everything that `deployctl` shows.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::workspace::Workspace;
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

/// Dates all times in a value back.
fn make_older(value: &mut Value, time: SignedDuration) {
    match value {
        Value::String(text) => {
            if let Ok(at) = text.parse::<Timestamp>() {
                *value = json!(at - time);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| make_older(value, time)),
        Value::Object(fields) => fields.values_mut().for_each(|value| make_older(value, time)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_older_and_nothing_else_changes() {
        let mut record = json!({"release": "1.0.0", "started_at": "2026-11-30T10:00:00Z", "code": null, "size": 7,
            "promotion": {"approvals": [{"by": "bob", "at": "2026-11-30T10:30:00.5Z"}]}});
        make_older(&mut record, SignedDuration::from_mins(61));
        let older = json!({"release": "1.0.0", "started_at": "2026-11-30T08:59:00Z", "code": null, "size": 7,
            "promotion": {"approvals": [{"by": "bob", "at": "2026-11-30T09:29:00.5Z"}]}});
        assert_eq!(record, older);
    }
}
