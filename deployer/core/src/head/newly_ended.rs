//! The deployments that one change of a head ends.

use super::state::Head;
use crate::record::EndedWaiting;

/// Lists the deployments that a change of the head has ended before anything was done for them.
#[must_use]
pub fn newly_ended(before: &Head, after: &Head) -> Vec<EndedWaiting> {
    let records = after.outbox().iter().map(|entry| &entry.record);
    records.filter(|record| before.ended_record(record.id).is_none()).map(EndedWaiting::of).collect()
}
