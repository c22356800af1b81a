//! A deployment leaves the queue: its record goes into the outbox.

use jiff::Timestamp;

use super::active::Active;
use super::request::Request;
use super::rollback::retarget_rollbacks_to_history;
use super::state::Head;
use crate::function_ref::FunctionRef;
use crate::record::{DeploymentRecord, Ending, Status};

/// Puts the record of an ended deployment into the outbox, where it waits until its side effects are run.
///
/// Its request is remembered anew, for it may have been open while many others came: until its result is written
/// nothing else knows it.
pub(super) fn end_request(head: &mut Head, request: &Request, record: DeploymentRecord) {
    head.known.remember(request.hash, request.id);
    head.ended.push(record, request.marker);
}

/// Ends a deployment that was claimed and given up untouched. If a rollback has asked it to stop, that is the reason,
/// and its artifact is left.
pub(super) fn end_untouched(head: &mut Head, active: &Active, at: &FunctionRef<'_>, ending: Ending, now: Timestamp) {
    let record = at.record_of(active, Status::Pending).ended(ending, now);
    let record = match active.stop {
        Some(rollback) => record.stopped_by(rollback),
        None => record,
    };
    let was_live = head.live().cloned();
    retarget_rollbacks_to_history(&mut head.queue, &record, was_live.as_ref());
    let _none_completed = head.live_state.set_live(active, &record);
    end_request(head, &active.request, record);
}
